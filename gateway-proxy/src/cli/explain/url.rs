//! URLs of the command line.

use gateway_core::rules::Protocol;
use std::net::{IpAddr, Ipv6Addr};

/// A URL cut into pieces; the target is left as it is, so that odd paths can be tried.
#[derive(Debug, PartialEq)]
pub(super) struct Url<'u> {
    pub(super) protocol: Protocol,
    pub(super) authority: &'u str,
    pub(super) port: u16,
    pub(super) target: &'u str,
}

impl<'u> Url<'u> {
    /// The address that its host is, if it is one.
    pub(super) fn address(&self) -> Option<IpAddr> {
        let host = match self.authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((host, _)) => host,
            None => self.authority,
        };
        host.trim_matches(['[', ']']).parse().ok()
    }

    pub(super) fn parse(text: &'u str) -> Result<Self, String> {
        let (protocol, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Protocol::Http, rest),
            Some(("https", rest)) => (Protocol::Https, rest),
            Some((scheme, _)) => return Err(format!("`{scheme}` is neither `http` nor `https`")),
            None => (Protocol::Http, text),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        // What stands before it may be a password.
        if authority.contains('@') {
            return Err("a user before `@` is not part of what is sent".to_owned());
        }
        if let Some(rest) = authority.strip_prefix('[') {
            let (address, _) =
                rest.split_once(']').ok_or_else(|| format!("`{authority}` lacks a `]`"))?;
            let parsed: Result<Ipv6Addr, _> = address.parse();
            parsed.map_err(|_| format!("`[{address}]` is not an IPv6 address"))?;
        }
        let port = match authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((_, port)) => port.parse().map_err(|_| format!("`{port}` is not a port"))?,
            None if protocol == Protocol::Https => 443,
            None => 80,
        };
        Ok(Self { protocol, authority, port, target: if target.is_empty() { "/" } else { target } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_keep_odd_targets() {
        let http = Protocol::Http;
        for (text, protocol, authority, port, target) in [
            ("http://a.example/x?y=1", http, "a.example", 80, "/x?y=1"),
            ("https://a.example", Protocol::Https, "a.example", 443, "/"),
            ("a.example:8080/..//%2F", http, "a.example:8080", 8080, "/..//%2F"),
            ("http://[::1]/x", http, "[::1]", 80, "/x"),
            ("http://[::1]:81/x", http, "[::1]:81", 81, "/x"),
        ] {
            assert_eq!(Url::parse(text), Ok(Url { protocol, authority, port, target }), "{text}");
        }
        for (text, address) in [
            ("http://cafe.example/", None),
            ("10.0.0.7:80/tea", Some("10.0.0.7")),
            ("https://10.0.0.7", Some("10.0.0.7")),
            ("http://[fd00::7]:80/", Some("fd00::7")),
            ("http://[fd00::7]/", Some("fd00::7")),
        ] {
            let wanted = address.map(|address| address.parse().unwrap());
            assert_eq!(Url::parse(text).unwrap().address(), wanted, "{text}");
        }
        for (text, want) in [
            ("ftp://x", "`ftp` is neither `http` nor `https`"),
            ("http://x:y/", "`y` is not a port"),
            ("http://[::1", "`[::1` lacks a `]`"),
            ("http://[::1:80/x", "`[::1:80` lacks a `]`"),
            ("http://[x]/", "`[x]` is not an IPv6 address"),
            ("http://user:pw@a.example/", "a user before `@` is not part of what is sent"),
        ] {
            assert_eq!(Url::parse(text), Err(want.to_owned()), "{text}");
        }
        assert!(Url::parse("http://a.example/@").is_ok());
    }
}
