//! Path patterns. Their literals are in the form of the match path (decisions §2).

use super::Regex;
use crate::request::path::{escape, stays_escaped, unescape};
use std::fmt;

/// The test of a route on the match path.
#[derive(Debug, Clone, PartialEq)]
pub enum PathPattern {
    /// The whole path.
    Exact(PathTemplate),
    /// The beginning of the path.
    Prefix {
        /// What the path begins with. Without parts it holds for every request, also those
        /// without a path (`OPTIONS *`, CONNECT).
        template: PathTemplate,
        /// Where the prefix may end.
        boundary: Boundary,
    },
    /// An expression, with its own anchoring.
    Regex(Regex),
}

/// Where a prefix may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Boundary {
    /// At the end of the path or before a `/` (gateway-api §11.2). The template has no `/` at its
    /// end.
    Segment,
    /// Anywhere: `/tea` covers `/teapot` (virtualserver §9.2). A parameter still takes a whole
    /// segment.
    Byte,
}

/// Literal text with `{parameters}`, each of which stands for exactly one non-empty segment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PathTemplate {
    parts: Box<[PathPart]>,
}

/// A piece of a [`PathTemplate`]. No two literals stand next to each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathPart {
    /// These octets. Before a parameter they end in `/`; after one they begin with `/`.
    Literal(Box<[u8]>),
    /// One whole, non-empty segment; the name is for captures.
    Parameter(Box<str>),
}

/// Why a text is not a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPath(pub(crate) String);

impl fmt::Display for InvalidPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidPath {}

impl PathTemplate {
    /// The empty template: as a prefix it holds for every request.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads decoded text without parameters or escapes: `%` and braces stand for themselves.
    ///
    /// # Errors
    ///
    /// When the text does not begin with `/` or has a `..` segment.
    pub fn literal(text: &str) -> Result<Self, InvalidPath> {
        Self::read(text, false, false)
    }

    /// Reads decoded text in which a whole segment `{name}` is a parameter (virtualserver §5.1 and
    /// its extension in smi §9.3).
    ///
    /// # Errors
    ///
    /// As [`PathTemplate::literal`], and when a brace is not part of a whole segment `{name}`, or
    /// a name is empty or stands twice.
    ///
    /// ```
    /// use gateway_core::rules::PathTemplate;
    /// let template = PathTemplate::with_parameters("/coffee/{store}/brand")?;
    /// assert_eq!(template.to_string(), "/coffee/{store}/brand");
    /// assert!(PathTemplate::with_parameters("/coffee/x{store}").is_err());
    /// # Ok::<(), gateway_core::rules::InvalidPath>(())
    /// ```
    pub fn with_parameters(text: &str) -> Result<Self, InvalidPath> {
        Self::read(text, true, false)
    }

    /// Reads text with percent-escapes and without parameters (gateway-api §11.2).
    ///
    /// # Errors
    ///
    /// As [`PathTemplate::literal`], and for a malformed escape.
    pub fn escaped(text: &str) -> Result<Self, InvalidPath> {
        Self::read(text, false, true)
    }

    fn read(text: &str, parameters: bool, escapes: bool) -> Result<Self, InvalidPath> {
        if !text.starts_with('/') {
            return Err(InvalidPath(format!("a path begins with `/`, found `{text}`")));
        }
        let mut parts: Vec<PathPart> = Vec::new();
        let mut literal: Vec<u8> = Vec::new();
        let segments: Vec<&str> = text.split('/').skip(1).collect();
        let last = segments.len() - 1;
        for (i, segment) in segments.into_iter().enumerate() {
            // The match path has neither empty nor `.` segments, but may end in `/`.
            if i < last && (segment.is_empty() || segment == ".") {
                continue;
            }
            if segment == ".." {
                return Err(InvalidPath("a path has no `..` segments".into()));
            }
            literal.push(b'/');
            if parameters && segment.contains(['{', '}']) {
                let name = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}'));
                let Some(name) = name.filter(|n| !n.is_empty() && !n.contains(['{', '}'])) else {
                    return Err(InvalidPath(format!(
                        "a parameter is a whole segment like `{{name}}`, found `{segment}`"
                    )));
                };
                let twice = |p: &PathPart| matches!(p, PathPart::Parameter(n) if **n == *name);
                if parts.iter().any(twice) {
                    return Err(InvalidPath(format!("the parameter `{name}` stands twice")));
                }
                parts.push(PathPart::Literal(std::mem::take(&mut literal).into()));
                parts.push(PathPart::Parameter(name.into()));
                continue;
            }
            push_segment(&mut literal, segment, escapes)?;
        }
        if !literal.is_empty() {
            parts.push(PathPart::Literal(literal.into()));
        }
        Ok(Self { parts: parts.into() })
    }

    /// The same without the `/` at its end; `/` alone becomes the empty template.
    #[must_use]
    pub fn without_final_slash(mut self) -> Self {
        if let Some(PathPart::Literal(text)) = self.parts.last_mut()
            && text.last() == Some(&b'/')
        {
            *text = text[..text.len() - 1].into();
            if text.is_empty() {
                self.parts = self.parts[..self.parts.len() - 1].into();
            }
        }
        self
    }

    /// The pieces, in order.
    pub fn parts(&self) -> &[PathPart] {
        &self.parts
    }

    /// The octets of a template without parameters.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match &*self.parts {
            [] => Some(b""),
            [PathPart::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The length by which prefixes rank: its octets, a parameter counting as one (decisions §7).
    pub fn rank_length(&self) -> usize {
        let length = |p: &PathPart| match p {
            PathPart::Literal(text) => text.len(),
            PathPart::Parameter(_) => 1,
        };
        self.parts.iter().map(length).sum()
    }
}

/// Appends a segment in the form of the match path: every octet decoded but `%`, `/`, `\` and
/// control characters, which stand escaped with upper-case digits.
fn push_segment(out: &mut Vec<u8>, segment: &str, escapes: bool) -> Result<(), InvalidPath> {
    let text = segment.as_bytes();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let byte = match byte {
            b'%' if escapes => {
                let Some(byte) = unescape(&text[at..]) else {
                    return Err(InvalidPath(format!(
                        "`%` stands before two hexadecimal digits, in `{segment}`"
                    )));
                };
                at += 2;
                byte
            }
            byte => byte,
        };
        at += 1;
        if stays_escaped(byte) {
            out.extend_from_slice(&escape(byte));
        } else {
            out.push(byte);
        }
    }
    Ok(())
}

impl PathPattern {
    /// How many octets of a match path the pattern covers, from its first on; `None` where it does
    /// not hold. `path` is `None` for a request without one (`OPTIONS *`, CONNECT).
    ///
    /// An exact path and an expression cover the whole path. This is the test for one pattern and
    /// one path: explanations and rewrites use it, decisions have tables.
    pub(crate) fn covers(&self, path: Option<&[u8]>) -> Option<usize> {
        if let Self::Prefix { template, .. } = self
            && template.parts.is_empty()
        {
            return Some(0);
        }
        let path = path?;
        match self {
            Self::Exact(template) => template.covers(path).filter(|&end| end == path.len()),
            Self::Prefix { template, boundary: Boundary::Byte } => template.covers(path),
            Self::Prefix { template, boundary: Boundary::Segment } => {
                template.covers(path).filter(|&end| path.get(end).is_none_or(|&b| b == b'/'))
            }
            Self::Regex(regex) => regex.is_match(path).then_some(path.len()),
        }
    }
}

impl PathTemplate {
    /// The end of the template at the beginning of `path`.
    fn covers(&self, path: &[u8]) -> Option<usize> {
        self.parts.iter().try_fold(0, |at, part| {
            let rest = &path[at..];
            let length = match part {
                PathPart::Literal(text) => rest.starts_with(text).then_some(text.len())?,
                PathPart::Parameter(_) => {
                    let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
                    (end > 0).then_some(end)?
                }
            };
            Some(at + length)
        })
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parts.is_empty() {
            return f.write_str("/");
        }
        for part in &self.parts {
            match part {
                PathPart::Literal(text) => f.write_str(&String::from_utf8_lossy(text))?,
                PathPart::Parameter(name) => write!(f, "{{{name}}}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for PathPattern {
    /// As explanations name it: ``exactly `/tea` ``, ``prefix `/tea` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(template) => write!(f, "exactly `{template}`"),
            Self::Prefix { template, boundary: Boundary::Segment } => {
                write!(f, "prefix `{template}` by segments")
            }
            Self::Prefix { template, boundary: Boundary::Byte } => write!(f, "prefix `{template}`"),
            Self::Regex(regex) => write!(f, "matching {regex}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_in_the_form_of_the_match_path() {
        for (escaped, want) in [
            ("/caf%C3%A9", "/café"),
            ("/café", "/café"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%5cb", "/a%5Cb"),
            ("/100%25", "/100%25"),
            ("/%7Euser", "/~user"),
            ("/a//b/./c/", "/a/b/c/"),
            ("/", "/"),
        ] {
            assert_eq!(PathTemplate::escaped(escaped).unwrap().to_string(), want, "{escaped}");
        }
        for (decoded, want) in [("/100%", "/100%25"), ("/a b", "/a b"), ("/{x}", "/{x}")] {
            let template = PathTemplate::literal(decoded).unwrap();
            assert_eq!(template.as_literal(), Some(want.as_bytes()), "{decoded}");
        }
    }

    #[test]
    fn bad_paths_are_refused() {
        for text in ["", "tea", "/a/../b", "/{", "/{}", "/a{b}", "/{a}b", "/{a}/{a}"] {
            assert!(PathTemplate::with_parameters(text).is_err(), "{text}");
        }
        for text in ["/%", "/%2", "/%zz"] {
            assert!(PathTemplate::escaped(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rank_counts_a_parameter_as_one() {
        let template = PathTemplate::with_parameters("/coffee/{store}/brand").unwrap();
        assert_eq!(template.rank_length(), "/coffee/".len() + 1 + "/brand".len());
    }

    #[test]
    fn patterns_cover() {
        let template = |text: &str| PathTemplate::with_parameters(text).unwrap();
        let exact = |text| PathPattern::Exact(template(text));
        let bytes =
            |text| PathPattern::Prefix { template: template(text), boundary: Boundary::Byte };
        let segments = |text| PathPattern::Prefix {
            template: template(text).without_final_slash(),
            boundary: Boundary::Segment,
        };
        let regex =
            |text| PathPattern::Regex(Regex::new(text, super::super::Anchor::None, false).unwrap());
        for (pattern, path, want) in [
            (exact("/tea"), "/tea", Some(4)),
            (exact("/tea"), "/tea/", None),
            (exact("/{a}/x"), "/tea/x", Some(6)),
            (exact("/{a}"), "/", None),
            (exact("/{a}"), "/b/", None),
            // virtualserver §9.2
            (bytes("/tea"), "/teapot", Some(4)),
            (bytes("/tea"), "/te", None),
            (bytes("/tea/{a}"), "/tea/green/x", Some(10)),
            (bytes("/tea/{a}/b"), "/tea/green/brew", Some(12)),
            // gateway-api §11.2
            (segments("/tea"), "/tea", Some(4)),
            (segments("/tea"), "/tea/x", Some(4)),
            (segments("/tea/"), "/tea", Some(4)),
            (segments("/tea"), "/teapot", None),
            (segments("/"), "/x", Some(0)),
            (regex("ea"), "/tea/x", Some(6)),
            (regex("ea$"), "/tea/x", None),
        ] {
            assert_eq!(pattern.covers(Some(path.as_bytes())), want, "{pattern} {path}");
        }
        for (pattern, want) in [(segments("/"), Some(0)), (bytes("/"), None), (regex(""), None)] {
            assert_eq!(pattern.covers(None), want, "{pattern} without a path");
        }
    }

    #[test]
    fn the_final_slash_goes() {
        for (text, want) in [("/", ""), ("/a/", "/a"), ("/a", "/a")] {
            let template = PathTemplate::literal(text).unwrap().without_final_slash();
            assert_eq!(template.as_literal(), Some(want.as_bytes()), "{text}");
        }
    }
}
