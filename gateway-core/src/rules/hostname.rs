//! Host names and wildcards of listeners and virtual hosts.

use std::cmp::Ordering;
use std::fmt;

/// Which hosts a virtual host owns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// Exactly this name, in lower case, without port and final dot.
    Exact(Box<str>),
    /// `*.` and this suffix: every name with at least one more label to the left
    /// (virtualserver §8, gateway-api §6.1).
    Wildcard(Box<str>),
    /// Every host.
    Any,
}

/// Why a text is not a host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidHostname(pub(crate) &'static str);

impl fmt::Display for InvalidHostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidHostname {}

impl HostPattern {
    /// Reads a DNS name, or `*.` and a DNS name. Upper case is folded.
    ///
    /// # Errors
    ///
    /// When the text is not made of labels of letters, digits and `-` that neither begin nor end
    /// with `-`, each of at most 63 and all of at most 253 characters.
    ///
    /// ```
    /// use gateway_core::rules::HostPattern;
    /// let host: HostPattern = "*.example.com".parse()?;
    /// assert!(host.covers("a.b.example.com"));
    /// assert!(!host.covers("example.com"));
    /// # Ok::<(), gateway_core::rules::InvalidHostname>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidHostname> {
        let name = text.strip_prefix("*.").unwrap_or(text);
        if name.is_empty() {
            return Err(InvalidHostname("a host name must not be empty"));
        }
        if text.len() > 253 {
            return Err(InvalidHostname("a host name has at most 253 characters"));
        }
        for label in name.split('.') {
            if label.is_empty() {
                return Err(InvalidHostname("a host name has no empty labels"));
            }
            if label.len() > 63 {
                return Err(InvalidHostname("a label of a host name has at most 63 characters"));
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(InvalidHostname("a label neither begins nor ends with `-`"));
            }
            if label.contains('*') {
                return Err(InvalidHostname("`*` stands only as the whole first label"));
            }
            if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                return Err(InvalidHostname("a label holds only letters, digits and `-`"));
            }
        }
        let name = name.to_ascii_lowercase().into_boxed_str();
        Ok(if text.starts_with("*.") { Self::Wildcard(name) } else { Self::Exact(name) })
    }

    /// Whether the pattern covers `host`, which is in lower case without port and final dot.
    pub fn covers(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => **name == *host,
            Self::Wildcard(suffix) => host
                .strip_suffix(&**suffix)
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            Self::Any => true,
        }
    }

    /// Whether every host that `other` covers is covered by this pattern too.
    pub fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Exact(a), Self::Exact(b)) => a == b,
            (Self::Wildcard(_), Self::Exact(name)) => self.covers(name),
            (Self::Wildcard(a), Self::Wildcard(b)) => a == b || self.covers(b),
            (_, _) => false,
        }
    }

    /// The hosts that both cover, if any (gateway-api §9.3).
    pub fn intersection<'a>(&'a self, other: &'a Self) -> Option<&'a Self> {
        if self.includes(other) {
            Some(other)
        } else if other.includes(self) {
            Some(self)
        } else {
            None
        }
    }

    /// Orders from the most to the least specific: exact names, then wildcards from long to short,
    /// then any host. Names of one length are in byte order.
    pub fn cmp_specificity(&self, other: &Self) -> Ordering {
        fn key(p: &HostPattern) -> (u8, std::cmp::Reverse<usize>, &str) {
            match p {
                HostPattern::Exact(name) => (0, std::cmp::Reverse(name.len()), name),
                HostPattern::Wildcard(name) => (1, std::cmp::Reverse(name.len()), name),
                HostPattern::Any => (2, std::cmp::Reverse(0), ""),
            }
        }
        key(self).cmp(&key(other))
    }
}

impl std::str::FromStr for HostPattern {
    type Err = InvalidHostname;
    fn from_str(text: &str) -> Result<Self, InvalidHostname> {
        Self::parse(text)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(suffix) => write!(f, "*.{suffix}"),
            Self::Any => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_cover_any_number_of_labels_but_not_the_base() {
        let wild = HostPattern::parse("*.example.com").unwrap();
        for (host, want) in [
            ("a.example.com", true),
            ("a.b.example.com", true),
            ("example.com", false),
            (".example.com", false),
            ("xexample.com", false),
            ("example.org", false),
        ] {
            assert_eq!(wild.covers(host), want, "{host}");
        }
    }

    #[test]
    fn intersection_is_the_narrower_one() {
        // gateway-api §9.3
        let p =
            |s: &str| if s.is_empty() { HostPattern::Any } else { HostPattern::parse(s).unwrap() };
        for (a, b, want) in [
            ("", "", Some("")),
            ("", "h.example", Some("h.example")),
            ("h.example", "", Some("h.example")),
            ("h.example", "h.example", Some("h.example")),
            ("*.example", "h.example", Some("h.example")),
            ("h.example", "*.example", Some("h.example")),
            ("*.example", "*.a.example", Some("*.a.example")),
            ("*.example", "example", None),
            ("a.example", "b.example", None),
            ("*.a.example", "*.b.example", None),
        ] {
            assert_eq!(p(a).intersection(&p(b)), want.map(p).as_ref(), "{a} {b}");
        }
    }

    #[test]
    fn bad_names_are_refused() {
        for text in ["", "*.", "*", "a..b", "-a", "a-", "a b", "a:80", "*.*.a", "a.*", "a.", "ä.de"]
        {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
    }
}
