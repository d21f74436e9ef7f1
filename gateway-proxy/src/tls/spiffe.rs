//! Names of workloads, as SPIFFE writes them: `spiffe://cluster.local/ns/shop/sa/cart`.

use std::fmt;
use std::sync::Arc;

const SCHEME: &str = "spiffe://";

/// Most octets of an id (SPIFFE-ID, section 2.3).
const LONGEST: usize = 2048;

/// Most octets of a trust domain (SPIFFE-ID, section 2.3).
const LONGEST_DOMAIN: usize = 255;

/// The name of a workload. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SpiffeId {
    text: Arc<str>,
    /// Where the path begins.
    path: usize,
}

impl SpiffeId {
    /// Reads an id. Nothing is made equal that is written differently: ids are compared octet by
    /// octet (SPIFFE-ID, section 2).
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidSpiffeId> {
        use InvalidSpiffeId as Invalid;
        if text.len() > LONGEST {
            return Err(Invalid::TooLong);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(Invalid::Scheme)?;
        let end = rest.find('/').unwrap_or(rest.len());
        let (domain, path) = rest.split_at(end);
        if domain.is_empty() {
            return Err(Invalid::NoTrustDomain);
        }
        if domain.len() > LONGEST_DOMAIN {
            return Err(Invalid::TooLong);
        }
        // This leaves out ports, user names and escapes, too.
        let stranger = |c: &char| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '_');
        if let Some(c) = domain.chars().find(stranger) {
            return Err(Invalid::TrustDomain(c));
        }
        for segment in path.split('/').skip(1) {
            match segment {
                "" => return Err(Invalid::EmptySegment),
                "." | ".." => return Err(Invalid::Dots),
                _ => {}
            }
            // This leaves out queries, fragments and escapes, too.
            let stranger =
                |c: &char| !matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_');
            if let Some(c) = segment.chars().find(stranger) {
                return Err(Invalid::Path(c));
            }
        }
        Ok(Self { text: text.into(), path: SCHEME.len() + end })
    }

    /// The id as it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Who vouches for it: `cluster.local`.
    pub(crate) fn trust_domain(&self) -> &str {
        &self.text[SCHEME.len()..self.path]
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no SPIFFE id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidSpiffeId {
    Scheme,
    NoTrustDomain,
    TrustDomain(char),
    EmptySegment,
    Dots,
    Path(char),
    TooLong,
}

impl fmt::Display for InvalidSpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("it does not begin with `spiffe://`"),
            Self::NoTrustDomain => f.write_str("it names no trust domain"),
            Self::TrustDomain(c) => write!(
                f,
                "its trust domain has a {c:?}; lower-case letters, digits, `.`, `-` and `_` may stand there"
            ),
            Self::EmptySegment => f.write_str("its path has an empty segment"),
            Self::Dots => f.write_str("its path has a segment of dots"),
            Self::Path(c) => {
                write!(f, "its path has a {c:?}; letters, digits, `.`, `-` and `_` may stand there")
            }
            Self::TooLong => write!(
                f,
                "it is too long; an id has at most {LONGEST} octets, its trust domain {LONGEST_DOMAIN}"
            ),
        }
    }
}

impl std::error::Error for InvalidSpiffeId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_their_trust_domain() {
        // smi T-2
        for (text, domain) in [
            ("spiffe://cluster.local/ns/shop/sa/cart", "cluster.local"),
            ("spiffe://a_b-1/x", "a_b-1"),
            ("spiffe://a", "a"),
            ("spiffe://a/ns/shop/sa", "a"),
            ("spiffe://a/ns/shop/sa/cart/x", "a"),
            ("spiffe://a/ns/shop/x/sa/cart", "a"),
            ("spiffe://a/ns/sa/sa/sa", "a"),
            ("spiffe://a/x/ns/shop/sa/cart", "a"),
            ("spiffe://a/NS/shop/sa/cart", "a"),
            ("spiffe://a/ns/shop/sa/system.cart", "a"),
        ] {
            let id = SpiffeId::parse(text).unwrap();
            assert_eq!(id.trust_domain(), domain, "{text}");
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn texts_that_are_no_ids_are_refused() {
        // SPIFFE-ID, section 2
        use InvalidSpiffeId as Invalid;
        let long = format!("spiffe://a/{}", "x".repeat(LONGEST));
        let long_domain = format!("spiffe://{}/x", "x".repeat(LONGEST_DOMAIN + 1));
        for (text, want) in [
            ("", Invalid::Scheme),
            ("cluster.local/ns/shop/sa/cart", Invalid::Scheme),
            ("https://cluster.local/x", Invalid::Scheme),
            ("SPIFFE://cluster.local/x", Invalid::Scheme),
            ("spiffe:/cluster.local/x", Invalid::Scheme),
            ("spiffe://", Invalid::NoTrustDomain),
            ("spiffe:///x", Invalid::NoTrustDomain),
            ("spiffe://Cluster.local/x", Invalid::TrustDomain('C')),
            ("spiffe://cluster.local:443/x", Invalid::TrustDomain(':')),
            ("spiffe://me@cluster.local/x", Invalid::TrustDomain('@')),
            ("spiffe://cluster.local?x", Invalid::TrustDomain('?')),
            ("spiffe://cluster%2elocal/x", Invalid::TrustDomain('%')),
            ("spiffe://[::1]/x", Invalid::TrustDomain('[')),
            ("spiffe://a/", Invalid::EmptySegment),
            ("spiffe://a/x/", Invalid::EmptySegment),
            ("spiffe://a//x", Invalid::EmptySegment),
            ("spiffe://a/./x", Invalid::Dots),
            ("spiffe://a/x/..", Invalid::Dots),
            ("spiffe://a/x?y", Invalid::Path('?')),
            ("spiffe://a/x#y", Invalid::Path('#')),
            ("spiffe://a/%2e%2e/x", Invalid::Path('%')),
            ("spiffe://a/é", Invalid::Path('é')),
            ("spiffe://a/x\0", Invalid::Path('\0')),
            (&long, Invalid::TooLong),
            (&long_domain, Invalid::TooLong),
        ] {
            assert_eq!(SpiffeId::parse(text), Err(want), "{text:?}");
        }
        let longest = format!("spiffe://a/{}", "x".repeat(LONGEST - "spiffe://a/".len()));
        assert!(SpiffeId::parse(&longest).is_ok());
    }
}
