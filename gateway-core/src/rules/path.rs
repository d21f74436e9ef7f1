//! Path patterns. Their literals are in the form of the match path (decisions §2).

mod cover;
mod reach;
mod template;

pub(crate) use reach::Reach;
pub use template::{InvalidPath, PathPart, PathTemplate};

use super::Regex;
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
    /// Anywhere: `/tea` covers `/teapot` (virtualserver §9.2). A parameter at the end still takes
    /// all of its segment.
    Byte,
}

/// What has to follow a template in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum End {
    /// Nothing.
    Whole,
    /// Nothing or a `/`.
    Segment,
    /// Anything.
    Byte,
}

/// A [`PathPattern`] as it is matched.
pub(crate) enum Form<'p> {
    /// Text and parameters, and what follows them.
    Template(&'p PathTemplate, End),
    /// An expression.
    Regex(&'p Regex),
}

impl PathPattern {
    /// The pattern in the two forms that are matched.
    pub(crate) fn form(&self) -> Form<'_> {
        match self {
            Self::Exact(template) => Form::Template(template, End::Whole),
            Self::Prefix { template, boundary } => {
                let end = match (template.parts().last(), boundary) {
                    // The empty prefix covers what does not begin with `/` too.
                    (None, _) => End::Byte,
                    // A parameter at the end takes all of its segment.
                    (Some(PathPart::Parameter(_)), _) | (_, Boundary::Segment) => End::Segment,
                    (_, Boundary::Byte) => End::Byte,
                };
                Form::Template(template, end)
            }
            Self::Regex(regex) => Form::Regex(regex),
        }
    }

    /// Whether the pattern holds for every request, also for those without a path.
    pub(crate) fn is_empty_prefix(&self) -> bool {
        matches!(self, Self::Prefix { template, .. } if template.parts().is_empty())
    }

    /// How many octets of a match path the pattern covers, from its first on; `None` where it does
    /// not hold. `path` is `None` for a request without one (`OPTIONS *`, CONNECT).
    ///
    /// An exact path and an expression cover the whole path. This is the test for one pattern and
    /// one path: explanations and rewrites use it, decisions have tables.
    pub(crate) fn covers(&self, path: Option<&[u8]>) -> Option<usize> {
        if self.is_empty_prefix() {
            return Some(0);
        }
        let path = path?;
        match self.form() {
            Form::Template(template, end) => template.covers(end, path),
            Form::Regex(regex) => regex.is_match(path).then_some(path.len()),
        }
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
    fn parameters_take_as_little_as_they_can() {
        let exact = |text| PathPattern::Exact(PathTemplate::parse(text).unwrap());
        let prefix = |text, boundary| PathPattern::Prefix {
            template: PathTemplate::parse(text).unwrap().without_final_slash(),
            boundary,
        };
        let bytes = |text| prefix(text, Boundary::Byte);
        let segments = |text| prefix(text, Boundary::Segment);
        for (pattern, path, want) in [
            (exact("/{x}.json"), "/a.json", Some("/a.json x=a")),
            (exact("/{x}.json"), "/a.json.json", Some("/a.json.json x=a.json")),
            (exact("/{x}.json"), "/.json", None),
            (exact("/{x}.json"), "/a/b.json", None),
            (exact("/img-{x}"), "/img-1", Some("/img-1 x=1")),
            (exact("/img-{x}"), "/img-", None),
            (exact("/{name}.{kind}"), "/a.tar.gz", Some("/a.tar.gz name=a kind=tar.gz")),
            (exact("/{a}-{b}/c"), "/1-2-3/c", Some("/1-2-3/c a=1 b=2-3")),
            (exact("/{a}-{b}/c"), "/1-/c", None),
            (exact("/f/{*rest}"), "/f/a/b", Some("/f/a/b rest=a/b")),
            (exact("/f/{*rest}"), "/f/", None),
            (
                exact("/{*a}/x-{b}/end"),
                "/1/x-2/no/x-3/end",
                Some("/1/x-2/no/x-3/end a=1/x-2/no b=3"),
            ),
            (bytes("/f/{*rest}"), "/f/a/b", Some("/f/a rest=a")),
            (bytes("/{x}.json"), "/a.json.json", Some("/a.json x=a")),
            (bytes("/{x}-{y}"), "/a-b-c/d", Some("/a-b-c x=a y=b-c")),
            (segments("/{x}.json"), "/a.json/b", Some("/a.json x=a")),
            (segments("/{x}.json"), "/a.jsonb/b", None),
            (segments("/{*x}/b"), "/1/b/2/b/3", Some("/1/b x=1")),
        ] {
            let path = path.as_bytes();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let got = pattern.covers(Some(path)).map(|covered| {
                let captures = pattern.captures(path);
                captures.iter().fold(text(&path[..covered]), |shown, (name, range)| {
                    format!("{shown} {name}={}", text(&path[range.clone()]))
                })
            });
            assert_eq!(got.as_deref(), want, "{pattern} {}", text(path));
        }
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
}
