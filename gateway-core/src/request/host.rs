//! What a request is addressed to: its target taken apart, and the normal form of its host
//! (decisions §3, RFC 9112 section 3.2).

use super::path::is_normal;
use super::scan::all_fine;
use super::{InvalidTarget, Request, query_of, split_absolute, split_target};
use std::net::Ipv6Addr;

/// The longest host name in octets.
pub(crate) const MAX_HOST: usize = 255;

/// A request target taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target<'q> {
    /// What the absolute or authority form says about the host.
    authority: Option<&'q [u8]>,
    /// The path as sent, without query; `None` for `OPTIONS *` and the authority form of CONNECT.
    pub(crate) path: Option<&'q [u8]>,
    /// The raw query, without `?`.
    pub(crate) query: Option<&'q [u8]>,
    /// All that follows the path: query and fragment, with `?` and `#`.
    pub(crate) after_path: &'q [u8],
    /// Whether it is a path in normal form, and perhaps a query without control characters, and
    /// nothing else.
    pub(crate) is_normal: bool,
}

impl<'q> Target<'q> {
    /// A target that is nothing but a path in normal form.
    #[inline]
    pub(crate) fn plain<R: Request>(request: &'q R) -> Option<Self> {
        let target = request.target();
        let (path, after_path) = (Some(target), &b""[..]);
        let plain = Self { authority: None, path, query: None, after_path, is_normal: true };
        is_normal(target).then_some(plain)
    }

    /// A target that was found to be normal before, which is not looked at again.
    #[inline]
    pub(crate) fn known<R: Request>(request: &'q R) -> Self {
        let (path, after_path) = split_target(request.target());
        let query = after_path.get(1..);
        Self { authority: None, path: Some(path), query, after_path, is_normal: true }
    }

    /// Takes the target of `request` apart.
    pub(crate) fn of<R: Request>(request: &'q R) -> Result<Self, InvalidTarget> {
        let target = request.target();
        if target.first() == Some(&b'/') {
            return Ok(Self::with_path(target));
        }
        Self::of_other_form(request.method(), target)
    }

    #[cold]
    fn of_other_form(method: &str, target: &'q [u8]) -> Result<Self, InvalidTarget> {
        if let Some((authority, rest)) = split_absolute(target) {
            let target = Self::with_path(rest);
            return Ok(Self { authority: Some(authority), is_normal: false, ..target });
        }
        let authority = match (method, target) {
            ("OPTIONS", b"*") => None,
            ("CONNECT", _) => Some(target),
            _ => return Err(InvalidTarget::NotAPath),
        };
        Ok(Self { authority, path: None, query: None, after_path: b"", is_normal: false })
    }

    /// `rest` is path, query and fragment.
    #[inline]
    fn with_path(rest: &'q [u8]) -> Self {
        let (path, after_path) = split_target(rest);
        // An absolute URL without a path means the root.
        let path = if path.is_empty() { b"/" } else { path };
        let known = |b: &u8| !b.is_ascii_control() & (*b != b'#');
        let is_query = after_path.iter().fold(true, |all, b| all & known(b));
        let query = if is_query { after_path.get(1..) } else { query_of(after_path) };
        let is_normal = is_query && is_normal(path);
        Self { authority: None, path: Some(path), query, after_path, is_normal }
    }

    /// Path, query and fragment of an absolute-form target in two pieces; `None` for other forms,
    /// which have nothing else.
    pub(crate) fn without_authority(&self) -> Option<[&'q [u8]; 2]> {
        self.authority.and(self.path).map(|path| [path, self.after_path])
    }

    /// Whom `request` is addressed to, as sent: the target's authority, else `:authority`, else
    /// the `Host` field, of which there may be one at most.
    #[inline]
    pub(crate) fn authority<R: Request>(&self, request: &'q R) -> Result<&'q [u8], InvalidTarget> {
        let mut hosts = request.headers("host");
        let host = hosts.next();
        if host.is_some() && hosts.next().is_some() {
            return Err(InvalidTarget::SeveralHosts);
        }
        let authority = self.authority.or_else(|| request.authority()).or(host);
        authority.filter(|a| !a.is_empty()).ok_or(InvalidTarget::NoHost)
    }
}

/// Whether `authority` is a host in normal form and nothing else. May say no to rare ones.
#[inline]
pub(crate) fn is_normal_host(authority: &[u8]) -> bool {
    let (Some(&first), Some(&last)) = (authority.first(), authority.last()) else { return false };
    let fine = |before: u8, octet: u8| {
        let known =
            octet.is_ascii_lowercase() | octet.is_ascii_digit() | (octet == b'-') | (octet == b'.');
        known & !((before == b'.') & (octet == b'.'))
    };
    // The first octet follows none; a letter stands for that.
    fine(b'a', first)
        && first != b'.'
        && last != b'.'
        && authority.len() <= MAX_HOST
        && all_fine(authority, fine)
}

/// The host of an authority that is one in normal form, perhaps with a port. May find none in rare
/// ones.
#[inline]
pub(crate) fn normal_host(authority: &[u8]) -> Option<&[u8]> {
    let host = match authority.last() {
        Some(last) if last.is_ascii_digit() => without_port(authority),
        _ => authority,
    };
    is_normal_host(host).then_some(host)
}

/// What stands before a port at the end of `authority`.
fn without_port(authority: &[u8]) -> &[u8] {
    // It has five digits at most.
    let start = authority.len().saturating_sub(6);
    match authority[start..].iter().rposition(|octet| *octet == b':') {
        Some(at) if is_port(&authority[start + at + 1..]) => &authority[..start + at],
        _ => authority,
    }
}

/// The host of an authority in normal form but for its case: without port and final dot.
#[inline]
pub(crate) fn host_of(authority: &[u8]) -> Result<&[u8], InvalidTarget> {
    if authority.first() == Some(&b'[') {
        return bracketed(authority);
    }
    let (host, port) = match memchr::memchr(b':', authority) {
        Some(at) => (&authority[..at], &authority[at + 1..]),
        None => (authority, &b""[..]),
    };
    let host = host.strip_suffix(b".").unwrap_or(host);
    if is_port(port) && is_name(host) { Ok(host) } else { Err(InvalidTarget::MalformedHost) }
}

/// Labels of letters, digits, `-`, `_` and `~`. What else RFC 3986 allows in a name (escapes,
/// `!`, `$`, `,` …) occurs in no host that rules could name, and readers disagree on it.
fn is_name(host: &[u8]) -> bool {
    let (Some(&first), Some(&last)) = (host.first(), host.last()) else { return false };
    // Two passes without branches, which the compiler turns into vector code.
    let sign = |b: u8| (b == b'.') | (b == b'-') | (b == b'_') | (b == b'~');
    let known = host.iter().fold(true, |ok, &b| ok & (b.is_ascii_alphanumeric() | sign(b)));
    let pairs = host.iter().zip(&host[1..]);
    let full = pairs.fold(true, |ok, (&a, &b)| ok & !((a == b'.') & (b == b'.')));
    known & full & (first != b'.') & (last != b'.') & (host.len() <= MAX_HOST)
}

/// Whether a host has letters to fold.
pub(crate) fn has_upper_case(host: &[u8]) -> bool {
    host.iter().fold(false, |found, b| found | b.is_ascii_uppercase())
}

/// Digits of at most 16 bits, or nothing: `host:` is legal.
fn is_port(port: &[u8]) -> bool {
    let digit = |value: u32, byte: &u8| {
        let value = value * 10 + char::from(*byte).to_digit(10)?;
        (value <= 0xffff).then_some(value)
    };
    port.iter().try_fold(0, digit).is_some()
}

/// An IPv6 address in brackets, which stay.
#[cold]
fn bracketed(authority: &[u8]) -> Result<&[u8], InvalidTarget> {
    let end = memchr::memchr(b']', authority).ok_or(InvalidTarget::MalformedHost)?;
    let (host, rest) = authority.split_at(end + 1);
    let address = std::str::from_utf8(&host[1..end]).ok();
    let known = address.is_some_and(|a| a.parse::<Ipv6Addr>().is_ok());
    let port = rest.strip_prefix(b":").or(rest.is_empty().then_some(rest));
    if known && port.is_some_and(is_port) { Ok(host) } else { Err(InvalidTarget::MalformedHost) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::RequestHead;

    #[test]
    fn the_host_is_without_port_and_final_dot() {
        // decisions §3
        for (authority, want) in [
            ("example.com", Some("example.com")),
            ("example.com:8080", Some("example.com")),
            ("example.com:", Some("example.com")),
            ("example.com.", Some("example.com")),
            ("example.com.:80", Some("example.com")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("[::1]", Some("[::1]")),
            ("[::1]:8080", Some("[::1]")),
            ("a_b", Some("a_b")),
            ("example.com..", None),
            ("a..b", None),
            (".a", None),
            (".", None),
            (":80", None),
            ("a:b", None),
            ("a:80:80", None),
            ("a:65535", Some("a")),
            ("a:65536", None),
            ("a:+1", None),
            ("user@a", None),
            ("user:1@a", None),
            ("a b", None),
            ("a/b", None),
            ("a%41", None),
            ("é", None),
            ("::1", None),
            ("[::1", None),
            ("[::1]x", None),
            ("[x]", None),
            ("[]", None),
            ("*.a", None),
        ] {
            let want = want.map(str::as_bytes).ok_or(InvalidTarget::MalformedHost);
            assert_eq!(host_of(authority.as_bytes()), want, "{authority}");
        }
        let longest = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(63)].join(".");
        assert_eq!(host_of(longest.as_bytes()), Ok(longest.as_bytes()));
        let longer = format!("{longest}x");
        assert_eq!(host_of(longer.as_bytes()), Err(InvalidTarget::MalformedHost));
    }

    #[test]
    fn normal_hosts() {
        for (host, want) in [
            ("example.com", true),
            ("a-1.example.com", true),
            ("127.0.0.1", true),
            ("a", true),
            ("", false),
            ("Example.com", false),
            ("example.coM", false),
            ("example.com:80", false),
            ("example.com.", false),
            (".example.com", false),
            ("[::1]", false),
            ("a..b", false),
            ("a b", false),
            ("very.long.name..of.a.host.example.com", false),
        ] {
            assert_eq!(is_normal_host(host.as_bytes()), want, "{host}");
            if want {
                assert_eq!(host_of(host.as_bytes()), Ok(host.as_bytes()), "{host}");
            }
        }
        assert!(!is_normal_host("a".repeat(MAX_HOST + 1).as_bytes()));
    }

    #[test]
    fn normal_hosts_with_a_port() {
        for (authority, want) in [
            ("example.com", Some("example.com")),
            ("example.com:8080", Some("example.com")),
            ("example.com:65535", Some("example.com")),
            ("127.0.0.1", Some("127.0.0.1")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("a:1", Some("a")),
            ("1", Some("1")),
            ("example.com:65536", None),
            ("example.com:123456", None),
            ("example.com:8o8o", None),
            ("example.com:", None),
            ("example.com.:80", None),
            ("Example.com:80", None),
            ("a:80:80", None),
            ("user:1@a", None),
            (":80", None),
            ("::1", None),
            ("[::1]:80", None),
            ("", None),
        ] {
            let want = want.map(str::as_bytes);
            assert_eq!(normal_host(authority.as_bytes()), want, "{authority}");
            if let Some(host) = want {
                assert_eq!(host_of(authority.as_bytes()), Ok(host), "{authority}");
            }
        }
    }

    #[test]
    fn target_forms() {
        // RFC 9112, section 3.2
        let path = |path, query| Ok((None, Some(path), query));
        let absolute = |authority, path, query| Ok((Some(authority), Some(path), query));
        for (method, target, want) in [
            ("GET", "/tea", path("/tea", None)),
            ("GET", "/tea?", path("/tea", Some(""))),
            ("GET", "/tea?x=1?2", path("/tea", Some("x=1?2"))),
            ("GET", "/tea#x?y", path("/tea", None)),
            ("GET", "http://h:80/tea?x", absolute("h:80", "/tea", Some("x"))),
            ("GET", "HTTPS://h", absolute("h", "/", None)),
            ("GET", "http://h?x", absolute("h", "/", Some("x"))),
            ("OPTIONS", "*", Ok((None, None, None))),
            ("CONNECT", "h:443", Ok((Some("h:443"), None, None))),
            ("CONNECT", "/chat", path("/chat", None)),
            ("GET", "*", Err(InvalidTarget::NotAPath)),
            ("GET", "h:443", Err(InvalidTarget::NotAPath)),
            ("GET", "tea", Err(InvalidTarget::NotAPath)),
            ("GET", "", Err(InvalidTarget::NotAPath)),
            ("GET", "ftp://h/", Err(InvalidTarget::NotAPath)),
        ] {
            let request = RequestHead::new(method, "h", target);
            let bytes = |s: Option<&'static str>| s.map(str::as_bytes);
            let want =
                want.map(|(authority, path, query)| (bytes(authority), bytes(path), bytes(query)));
            let got = Target::of(&request).map(|t| (t.authority, t.path, t.query));
            assert_eq!(got, want, "{method} {target}");
        }
    }

    #[test]
    fn whom_a_request_is_addressed_to() {
        // decisions §3, RFC 9112 section 3.2
        let one = [("Host", "b")];
        let two = [("Host", "b"), ("host", "b")];
        let empty = [("host", "")];
        for (target, headers, want) in [
            ("/", &one[..], Ok("b")),
            ("http://a/", &one, Ok("a")),
            ("http://a/", &[], Ok("a")),
            ("/", &two, Err(InvalidTarget::SeveralHosts)),
            ("http://a/", &two, Err(InvalidTarget::SeveralHosts)),
            ("/", &[], Err(InvalidTarget::NoHost)),
            ("/", &empty, Err(InvalidTarget::NoHost)),
            ("http:///", &one, Err(InvalidTarget::NoHost)),
        ] {
            let request = RequestHead::get("", target).without_host().headers(headers);
            let got = Target::of(&request).and_then(|t| t.authority(&request));
            assert_eq!(got, want.map(str::as_bytes), "{target} {headers:?}");
        }
    }
}
