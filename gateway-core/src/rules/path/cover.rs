//! One template and one path.

use super::{End, Form, PathPart, PathPattern, PathTemplate};
use std::borrow::Cow;
use std::ops::Range;

/// A name and what it stands for in a path.
pub(crate) type Capture<'p> = (Cow<'p, str>, Range<usize>);

impl PathPattern {
    /// What the parameters of a template, or the groups of an expression, stand for in `path`, in
    /// order; none where the pattern does not hold.
    pub(crate) fn captures(&self, path: &[u8]) -> Vec<Capture<'_>> {
        match self.form() {
            Form::Template(template, end) => template.captures(end, path).unwrap_or_default(),
            Form::Regex(regex) => regex.captures(path),
        }
    }
}

impl PathTemplate {
    /// How many octets of `path` the template covers.
    pub(crate) fn covers(&self, end: End, path: &[u8]) -> Option<usize> {
        if self.takes_whole_segments() {
            self.end(path).filter(|&at| end.allows(path, at))
        } else {
            Some(self.ends(end, path)?.last().copied().unwrap_or(0))
        }
    }

    fn captures(&self, end: End, path: &[u8]) -> Option<Vec<Capture<'_>>> {
        let ends = self.ends(end, path)?;
        let starts = [0].into_iter().chain(ends.iter().copied());
        let parts = self.parts().iter().zip(starts.zip(&ends));
        Some(
            parts.filter_map(|(part, (from, &to))| Some((part.name()?.into(), from..to))).collect(),
        )
    }

    /// Whether each parameter is a whole segment: then there is at most one way to cover a path.
    pub(crate) fn takes_whole_segments(&self) -> bool {
        let slash = |part: Option<&PathPart>, last: bool| match part {
            Some(PathPart::Literal(text)) => {
                (if last { text.last() } else { text.first() }) == Some(&b'/')
            }
            _ => !last,
        };
        self.parts().iter().enumerate().all(|(at, part)| match part {
            PathPart::Literal(_) => true,
            PathPart::Parameter(_) => {
                let before = at.checked_sub(1).and_then(|before| self.parts().get(before));
                slash(before, true) && slash(self.parts().get(at + 1), false)
            }
            PathPart::Wildcard(_) => false,
        })
    }

    /// Where a template whose parameters are whole segments ends in `path`.
    fn end(&self, path: &[u8]) -> Option<usize> {
        self.parts().iter().try_fold(0, |at, part| {
            let rest = &path[at..];
            let length = match part {
                PathPart::Literal(text) => rest.starts_with(text).then_some(text.len())?,
                PathPart::Parameter(_) | PathPart::Wildcard(_) => {
                    let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
                    (end > 0).then_some(end)?
                }
            };
            Some(at + length)
        })
    }

    /// Where each part ends in `path`, if each parameter takes as little as it can.
    ///
    /// Takes time and room for parts × octets, whatever the path: from which octets on the last
    /// part holds, the last two, and so on.
    fn ends(&self, end: End, path: &[u8]) -> Option<Vec<usize>> {
        let positions = 0..=path.len();
        let mut holds = vec![positions.clone().map(|at| end.allows(path, at)).collect::<Vec<_>>()];
        for part in self.parts().iter().rev() {
            let after = &holds[holds.len() - 1];
            let mut from = vec![false; path.len() + 1];
            match part {
                PathPart::Literal(text) => {
                    for at in positions.clone() {
                        from[at] = path[at..].starts_with(text) && after[at + text.len()];
                    }
                }
                PathPart::Parameter(_) | PathPart::Wildcard(_) => {
                    let within_segment = matches!(part, PathPart::Parameter(_));
                    for at in (0..path.len()).rev() {
                        let takes = !within_segment || path[at] != b'/';
                        from[at] = takes && (after[at + 1] || from[at + 1]);
                    }
                }
            }
            holds.push(from);
        }
        holds.pop().filter(|whole| whole[0])?;
        let mut at = 0;
        let ends = self.parts().iter().zip(holds.iter().rev()).map(|(part, after)| {
            at = match part {
                PathPart::Literal(text) => at + text.len(),
                _ => (at + 1..after.len()).find(|&to| after[to]).unwrap_or(at),
            };
            at
        });
        Some(ends.collect())
    }
}

impl End {
    /// Whether a template may end before `at`.
    fn allows(self, path: &[u8], at: usize) -> bool {
        match self {
            Self::Whole => at == path.len(),
            Self::Segment => path.get(at).is_none_or(|&octet| octet == b'/'),
            Self::Byte => true,
        }
    }
}
