//! Conditions on everything of a request but the path pattern.

use super::Regex;
use std::fmt;

/// Something that can be read from a request.
///
/// Conditions test fields; templates print them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The method, as sent.
    Method,
    /// `http` or `https`, of the connection.
    Scheme,
    /// The host in normal form: lower case, without port and final dot.
    Host,
    /// The match path: what path patterns are compared with.
    Path,
    /// The request target with its query, as sent, but without scheme and authority.
    Target,
    /// The raw query, without `?`; absent when there is none.
    Query,
    /// `GET /tea?x=1 HTTP/1.1`.
    RequestLine,
    /// The client's address, without port.
    PeerAddress,
    /// The client's port.
    PeerPort,
    /// `on` on a TLS connection, else absent.
    Https,
    /// `h2` (over TLS) or `h2c` for HTTP/2, else absent.
    Http2,
    /// A header field by lower-case name. Several lines are joined with `, ` (`cookie` with
    /// `; `). `host` is the authority as the client sent it, with its port (smi H-14).
    Header(Box<str>),
    /// The value of the first cookie of a name, raw.
    Cookie {
        /// The name.
        name: Box<str>,
        /// Whether the name is compared without regard to case (virtualserver §10.1).
        ignore_case: bool,
    },
    /// The value of the first query argument of a name. An argument without `=` is absent when
    /// raw, and has the empty value when decoded.
    Argument {
        /// The name.
        name: Box<str>,
        /// Whether the name is compared without regard to case (virtualserver §10.1).
        ignore_case: bool,
        /// Whether names and values are percent-decoded, `+` read as blank (gateway-api §11.4).
        decoded: bool,
    },
    /// Whatever the embedder supplies under this name ([`crate::Request::attribute`]).
    Attribute(Box<str>),
}

impl fmt::Display for Field {
    /// As explanations name it: ``header `x-env` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("method"),
            Self::Scheme => f.write_str("scheme"),
            Self::Host => f.write_str("host"),
            Self::Path => f.write_str("path"),
            Self::Target => f.write_str("request target"),
            Self::Query => f.write_str("query"),
            Self::RequestLine => f.write_str("request line"),
            Self::PeerAddress => f.write_str("client address"),
            Self::PeerPort => f.write_str("client port"),
            Self::Https => f.write_str("https"),
            Self::Http2 => f.write_str("http2"),
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::Cookie { name, .. } => write!(f, "cookie `{name}`"),
            Self::Argument { name, .. } => write!(f, "argument `{name}`"),
            Self::Attribute(name) => write!(f, "attribute `{name}`"),
        }
    }
}

/// A test of one field.
///
/// A positive condition looks at the joined value. A negated one holds only if the test fails for
/// the joined value *and* for each line (each cookie, each argument of the name) by itself, so
/// that a deny cannot be bypassed by adding a line (decisions §3).
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// What is looked at.
    pub field: Field,
    /// What is asked of it.
    pub test: Test,
    /// Whether the condition holds where the test fails.
    pub negated: bool,
}

/// What is asked of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The field is present and equal to `value`.
    Equals {
        /// The value, as octets of UTF-8 text. Never folded: `ignore_case` says how to compare.
        value: Box<str>,
        /// Whether ASCII case is ignored (virtualserver §10.2).
        ignore_case: bool,
    },
    /// The field is absent or has the empty value (virtualserver §10.2).
    Empty,
    /// The field is present and the expression matches it.
    Matches {
        /// The expression.
        regex: Regex,
        /// Whether the empty value may match. VirtualServer says never (virtualserver §10.2),
        /// SMI looks (smi H-11).
        empty_matches: bool,
    },
}

impl Condition {
    /// A positive condition.
    pub fn new(field: Field, test: Test) -> Self {
        Self { field, test, negated: false }
    }

    /// `field` is exactly `value`, case included.
    pub fn equals(field: Field, value: &str) -> Self {
        Self::new(field, Test::Equals { value: value.into(), ignore_case: false })
    }

    /// The same condition, holding where this one fails.
    #[must_use]
    pub fn negate(mut self) -> Self {
        self.negated = !self.negated;
        self
    }
}

impl fmt::Display for Condition {
    /// What is wanted, without the field: ``not `prod` ``, ``matching `^v[12]$` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negated {
            f.write_str("not ")?;
        }
        match &self.test {
            Test::Equals { value, ignore_case: false } => write!(f, "`{value}`"),
            Test::Equals { value, ignore_case: true } => write!(f, "`{value}` in any case"),
            Test::Empty => f.write_str("empty or absent"),
            Test::Matches { regex, .. } => write!(f, "matching {regex}"),
        }
    }
}
