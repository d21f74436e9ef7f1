//! Two patterns: whether one holds for every path that the other holds for.

use super::{End, Form, PathPart, PathPattern};
use std::borrow::Cow;

/// What a pattern holds for, in a form that can be compared with that of others.
pub(crate) struct Reach<'p> {
    pattern: &'p PathPattern,
    /// A template that holds wherever the pattern does.
    parts: Cow<'p, [PathPart]>,
    end: End,
    /// Whether the pattern holds wherever the template does.
    is_template: bool,
}

impl<'p> Reach<'p> {
    pub(crate) fn of(pattern: &'p PathPattern) -> Self {
        match pattern.form() {
            Form::Template(template, end) => {
                Self { pattern, parts: Cow::Borrowed(template.parts()), end, is_template: true }
            }
            Form::Regex(regex) => {
                let (start, is_template) = regex.beginning();
                let parts = Cow::Owned(vec![PathPart::Literal(start.into())]);
                Self { pattern, parts, end: End::Byte, is_template }
            }
        }
    }

    /// The octets with which every path begins that the pattern holds for. Those of a pattern that
    /// includes another are a prefix of those of the other.
    pub(crate) fn head(&self) -> &[u8] {
        match self.parts.first() {
            Some(PathPart::Literal(text)) => text,
            _ => b"",
        }
    }

    /// The source of an expression that is more than a prefix. Of patterns that hold for several
    /// paths it is known to include only itself.
    pub(crate) fn expression(&self) -> Option<&str> {
        match self.pattern {
            PathPattern::Regex(regex) if !self.is_template => Some(regex.source()),
            _ => None,
        }
    }

    /// The only path that the pattern holds for.
    pub(crate) fn only(&self) -> Option<&[u8]> {
        match self.pattern {
            PathPattern::Exact(template) => template.as_literal(),
            _ => None,
        }
    }

    /// Whether the pattern surely holds for everything that `other` holds for.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        if self.pattern.is_empty_prefix() {
            return true;
        }
        // It holds for requests without a path too.
        if other.pattern.is_empty_prefix() {
            return false;
        }
        match other.only() {
            Some(path) => self.pattern.covers(Some(path)).is_some(),
            None => {
                self.pattern == other.pattern || self.is_template && self.template_includes(other)
            }
        }
    }

    fn template_includes(&self, other: &Self) -> bool {
        let mut rest = Rest { parts: &other.parts, text: b"" };
        let takes = |part: &PathPart| match part {
            PathPart::Literal(text) => rest.take(text),
            PathPart::Parameter(_) => rest.take_segment(),
            PathPart::Wildcard(_) => false,
        };
        if !self.parts.iter().all(takes) {
            return false;
        }
        match self.end {
            End::Byte => true,
            End::Whole => rest.is_empty() && other.end == End::Whole,
            End::Segment if rest.is_empty() => {
                other.end != End::Byte || matches!(self.parts.last(), Some(PathPart::Parameter(_)))
            }
            End::Segment => rest.text().starts_with(b"/"),
        }
    }
}

/// What is left of a template.
struct Rest<'p> {
    parts: &'p [PathPart],
    /// What is left of the literal before `parts`.
    text: &'p [u8],
}

impl<'p> Rest<'p> {
    /// The literal that comes next; empty at the end and before a parameter.
    fn text(&mut self) -> &'p [u8] {
        while self.text.is_empty()
            && let [PathPart::Literal(text), rest @ ..] = self.parts
        {
            (self.text, self.parts) = (text, rest);
        }
        self.text
    }

    fn is_empty(&mut self) -> bool {
        self.text().is_empty() && self.parts.is_empty()
    }

    fn take(&mut self, wanted: &[u8]) -> bool {
        let rest = self.text().strip_prefix(wanted);
        self.text = rest.unwrap_or(self.text);
        rest.is_some()
    }

    /// Goes on to the next `/` or the end; whether there surely is something before it, all of
    /// which is one segment.
    fn take_segment(&mut self) -> bool {
        let mut some = false;
        loop {
            let text = self.text();
            if !text.is_empty() {
                let end = memchr::memchr(b'/', text);
                some |= end != Some(0);
                self.text = &text[end.unwrap_or(text.len())..];
                if end.is_some() {
                    return some;
                }
            } else if let [PathPart::Parameter(_), rest @ ..] = self.parts {
                self.parts = rest;
                some = true;
            } else {
                return some && self.parts.is_empty();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Anchor, Boundary, PathTemplate, Regex};

    /// `=/tea`, `/tea` by octets, `/tea|` by segments, `~/tea`.
    fn pattern(text: &str) -> PathPattern {
        let template = |text: &str| match text {
            "" => PathTemplate::empty(),
            text => PathTemplate::parse(text).expect("a template"),
        };
        if let Some(text) = text.strip_prefix('=') {
            PathPattern::Exact(template(text))
        } else if let Some(source) = text.strip_prefix('~') {
            PathPattern::Regex(Regex::new(source, Anchor::None, false).expect("an expression"))
        } else if let Some(text) = text.strip_suffix('|') {
            PathPattern::Prefix { template: template(text), boundary: Boundary::Segment }
        } else {
            PathPattern::Prefix { template: template(text), boundary: Boundary::Byte }
        }
    }

    #[test]
    fn patterns_include_patterns() {
        for (outer, within, beyond) in [
            // Everything, and everything that has a path.
            ("|", &["|", "/", "=/a", "~a"][..], &[][..]),
            ("/", &["/", "=/a", "/{x}|", "~^/a$"], &["|", "~a"]),
            ("~", &["/", "=/a", "~a$"], &["|"]),
            ("~^/", &["/", "=/a", "~^/a$"], &["|", "~a"]),
            ("=/tea", &["=/tea"], &["=/tea/", "/tea", "/tea|", "~^/tea$", "=/{x}"]),
            (
                "/tea",
                &["=/tea", "=/teapot", "/tea|", "/teapot", "/tea/{x}", "/tea{x}", "~^/tea$"],
                &["/te", "=/te", "/{x}", "/te{x}", "~/tea", "~^/te", "~(?i)^/tea"],
            ),
            ("/tea/", &["=/tea/", "/tea/x|", "/tea/{*x}"], &["=/tea", "/tea|", "/tea"]),
            (
                "/tea|",
                &["=/tea", "=/tea/", "/tea|", "/tea/", "/tea/x", "=/tea/{x}", "~^/tea/x"],
                &["/tea", "=/teapot", "/teapot|", "=/tea{x}", "~^/tea"],
            ),
            (
                "=/a/{x}/b",
                &["=/a/1/b", "=/a/{y}/b", "=/a/1-{y}.{z}/b"],
                &["=/a//b", "=/a/{y}", "=/a/{y}/c", "/a/{y}/b", "=/a/{y}/b/", "=/a/{*y}/b"],
            ),
            (
                "/a/{x}",
                &["/a/1", "/a/1|", "/a/{y}/b", "=/a/1", "=/a/1/", "/a/i-{y}", "~^/a/1", "=/a/{y}"],
                &["/a/", "=/a/", "/a|", "/a", "/b/1", "~^/a/", "/a/{*y}"],
            ),
            ("/a/{x}/b", &["=/a/1/bc", "/a/{y}/b|", "/a/{y}/bc"], &["/a/1/", "/a/{y}/{z}"]),
            ("/a/{x}/b|", &["=/a/1/b/c", "/a/{y}/b/"], &["/a/1/b", "/a/{y}/bc|"]),
            ("=/a-{x}", &["=/a-{y}", "=/a-b", "=/a-b{y}c"], &["/a-b", "=/a-", "=/a{y}"]),
            // Where text follows in a segment, a template is compared with itself and single paths.
            ("=/{x}.png", &["=/{x}.png", "=/a.png"], &["=/a-{x}.png", "=/{y}"]),
            ("/{*x}", &["/{*x}", "=/a/b"], &["/a", "/{*y}"]),
            ("~a$", &["~a$", "=/a"], &["~b/a$", "/a", "=/b"]),
            // Expressions that are prefixes in disguise.
            ("~^/tea", &["/tea", "/teapot|", "~^/tea[0-9]", "=/tea"], &["/te"]),
            ("~^/tea(/.*)?", &["/tea", "/teapot"], &["/te"]),
            ("~^/tea$", &["=/tea", "~^/tea$"], &["/tea", "=/teapot"]),
            ("~.*", &["/", "~x"], &["|"]),
        ] {
            let includes =
                |other: &&str| Reach::of(&pattern(outer)).includes(&Reach::of(&pattern(other)));
            for other in within {
                assert!(includes(other), "{outer} includes {other}");
            }
            for other in beyond {
                assert!(!includes(other), "{outer} does not include {other}");
            }
        }
    }
}
