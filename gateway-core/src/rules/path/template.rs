//! Path templates: literal text with parameters.

use crate::request::path::{escape, stays_escaped, unescape};
use std::fmt;

/// Literal text with parameters. Each takes as few octets of the match path as it can, from left to
/// right, so that the whole holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PathTemplate {
    parts: Box<[PathPart]>,
}

/// A piece of a [`PathTemplate`]. Literals and others take turns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathPart {
    /// These octets.
    Literal(Box<[u8]>),
    /// `{name}`: one or more octets of one segment.
    Parameter(Box<str>),
    /// `{*name}`: one or more octets, slashes among them.
    Wildcard(Box<str>),
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
        read(text, |reader, segment| {
            reader.decoded(segment);
            Ok(())
        })
    }

    /// Reads text with percent-escapes and without parameters (gateway-api §11.2).
    ///
    /// # Errors
    ///
    /// As [`PathTemplate::literal`], and for a malformed escape.
    pub fn escaped(text: &str) -> Result<Self, InvalidPath> {
        read(text, Reader::escaped)
    }

    /// Reads decoded text in which a whole segment `{name}` is a parameter (virtualserver §5.1 and
    /// its extension in smi §9.3).
    ///
    /// # Errors
    ///
    /// As [`PathTemplate::parse`], and when a brace is not part of a whole segment `{name}`.
    ///
    /// ```
    /// use gateway_core::rules::PathTemplate;
    /// let template = PathTemplate::with_parameters("/coffee/{store}/brand")?;
    /// assert_eq!(template.to_string(), "/coffee/{store}/brand");
    /// assert!(PathTemplate::with_parameters("/coffee/x{store}").is_err());
    /// # Ok::<(), gateway_core::rules::InvalidPath>(())
    /// ```
    pub fn with_parameters(text: &str) -> Result<Self, InvalidPath> {
        read(text, |reader, segment| {
            let name = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}'));
            let is_name = |n: &&str| !n.is_empty() && !n.contains(['{', '}']);
            match name.filter(is_name) {
                Some(name) => reader.parameter(PathPart::Parameter(name.into())),
                None if segment.contains(['{', '}']) => Err(InvalidPath(format!(
                    "a parameter is a whole segment like `{{name}}`, found `{segment}`"
                ))),
                None => {
                    reader.decoded(segment);
                    Ok(())
                }
            }
        })
    }

    /// Reads decoded text in which `{name}` stands for one or more octets within a segment and
    /// `{*name}` for one or more octets of any segments.
    ///
    /// # Errors
    ///
    /// As [`PathTemplate::literal`], and for a brace without its other one, an empty name, a name
    /// that stands twice, and two parameters without text between them.
    ///
    /// ```
    /// use gateway_core::rules::PathTemplate;
    /// for text in ["/img-{id}.png", "/{name}.{kind}", "/files/{*path}", "/{*path}/raw"] {
    ///     assert_eq!(PathTemplate::parse(text)?.to_string(), text);
    /// }
    /// # Ok::<(), gateway_core::rules::InvalidPath>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        read(text, |reader, segment| {
            let mut rest = segment;
            while let Some(at) = rest.find(['{', '}']) {
                reader.decoded(&rest[..at]);
                let inner = rest[at..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
                let Some((name, after)) = inner else {
                    return Err(InvalidPath(format!("a brace without the other, in `{segment}`")));
                };
                reader.parameter(match name.strip_prefix('*') {
                    Some(name) => PathPart::Wildcard(name.into()),
                    None => PathPart::Parameter(name.into()),
                })?;
                rest = after;
            }
            reader.decoded(rest);
            Ok(())
        })
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

    /// The literal that it begins with, and what follows.
    pub(crate) fn split_first(&self) -> (&[u8], &[PathPart]) {
        match self.parts.split_first() {
            Some((PathPart::Literal(text), rest)) => (text, rest),
            _ => (b"", &self.parts),
        }
    }

    /// The octets of its literals.
    pub(crate) fn length(&self) -> usize {
        let length =
            |part: &PathPart| if let PathPart::Literal(text) = part { text.len() } else { 0 };
        self.parts.iter().map(length).sum()
    }

    /// The length by which prefixes rank: its octets, a parameter counting as one (decisions §7).
    pub fn rank_length(&self) -> usize {
        self.length() + self.parts.iter().filter(|part| part.name().is_some()).count()
    }
}

/// Reads `text` segment by segment. The match path has neither empty nor `.` segments, but may end
/// in `/`.
fn read(
    text: &str,
    segment: impl Fn(&mut Reader, &str) -> Result<(), InvalidPath>,
) -> Result<PathTemplate, InvalidPath> {
    let Some(rest) = text.strip_prefix('/') else {
        return Err(InvalidPath(format!("a path begins with `/`, found `{text}`")));
    };
    let mut reader = Reader::default();
    let mut segments = rest.split('/').peekable();
    while let Some(text) = segments.next() {
        if segments.peek().is_some() && (text.is_empty() || text == ".") {
            continue;
        }
        if text == ".." {
            return Err(InvalidPath("a path has no `..` segments".into()));
        }
        reader.literal.push(b'/');
        segment(&mut reader, text)?;
    }
    Ok(reader.finish())
}

/// A template in the making.
#[derive(Default)]
struct Reader {
    parts: Vec<PathPart>,
    /// What has been read since the last parameter.
    literal: Vec<u8>,
}

impl Reader {
    fn parameter(&mut self, part: PathPart) -> Result<(), InvalidPath> {
        if let PathPart::Parameter(name) | PathPart::Wildcard(name) = &part {
            if name.is_empty() || name.contains(['{', '}', '*']) {
                return Err(InvalidPath(format!("`{name}` is no name of a parameter")));
            }
            if self.parts.iter().any(|p| p.name() == Some(name)) {
                return Err(InvalidPath(format!("the parameter `{name}` stands twice")));
            }
            if self.literal.is_empty() {
                return Err(InvalidPath(format!("`{{{name}}}` directly follows a parameter")));
            }
        }
        self.parts.push(PathPart::Literal(std::mem::take(&mut self.literal).into()));
        self.parts.push(part);
        Ok(())
    }

    fn decoded(&mut self, text: &str) {
        text.bytes().for_each(|byte| self.octet(byte));
    }

    fn escaped(&mut self, segment: &str) -> Result<(), InvalidPath> {
        let mut rest = segment.as_bytes();
        while let Some((&first, after)) = rest.split_first() {
            let (octet, width) = match (first, unescape(rest)) {
                (b'%', None) => {
                    return Err(InvalidPath(format!(
                        "`%` stands before two hexadecimal digits, in `{segment}`"
                    )));
                }
                (b'%', Some(octet)) => (octet, 2),
                (octet, _) => (octet, 0),
            };
            self.octet(octet);
            rest = &after[width..];
        }
        Ok(())
    }

    /// Appends an octet in the form of the match path: `%`, `/`, `\` and control characters stand
    /// escaped, with upper-case digits.
    fn octet(&mut self, octet: u8) {
        if stays_escaped(octet) {
            self.literal.extend_from_slice(&escape(octet));
        } else {
            self.literal.push(octet);
        }
    }

    fn finish(mut self) -> PathTemplate {
        if !self.literal.is_empty() {
            self.parts.push(PathPart::Literal(self.literal.into()));
        }
        PathTemplate { parts: self.parts.into() }
    }
}

impl PathPart {
    /// The name of a parameter.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) | Self::Wildcard(name) => Some(name),
        }
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
                PathPart::Wildcard(name) => write!(f, "{{*{name}}}")?,
            }
        }
        Ok(())
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
        for (text, want) in [
            ("/{", "a brace without the other, in `{`"),
            ("/a}", "a brace without the other, in `a}`"),
            ("/{}", "`` is no name of a parameter"),
            ("/{*}", "`` is no name of a parameter"),
            ("/{a{b}", "`a{b` is no name of a parameter"),
            ("/{**a}", "`*a` is no name of a parameter"),
            ("/{a}-{a}", "the parameter `a` stands twice"),
            ("/{a}{b}", "`{b}` directly follows a parameter"),
            ("/{a}{*b}", "`{b}` directly follows a parameter"),
            ("/{a}/..", "a path has no `..` segments"),
            ("{a}", "a path begins with `/`, found `{a}`"),
        ] {
            assert_eq!(PathTemplate::parse(text).unwrap_err().to_string(), want, "{text}");
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
    fn the_final_slash_goes() {
        for (text, want) in [("/", ""), ("/a/", "/a"), ("/a", "/a")] {
            let template = PathTemplate::literal(text).unwrap().without_final_slash();
            assert_eq!(template.as_literal(), Some(want.as_bytes()), "{text}");
        }
    }
}
