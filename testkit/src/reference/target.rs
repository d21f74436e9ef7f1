//! The request target and the host.

use gateway_core::{InvalidTarget, PathPolicy, Request, Treatment};

/// A request target taken apart.
pub(super) struct Target {
    /// The authority of an absolute-form or authority-form target.
    pub(super) authority: Option<Vec<u8>>,
    /// `None` for `OPTIONS *` and CONNECT.
    pub(super) path: Option<Vec<u8>>,
    /// The raw query.
    pub(super) query: Option<Vec<u8>>,
    /// All of it but scheme and authority, where there is a path.
    pub(super) without_authority: Vec<u8>,
}

impl Target {
    pub(super) fn of<R: Request>(request: &R) -> Result<Self, InvalidTarget> {
        let text = request.target();
        if text == b"*" && request.method() == "OPTIONS" {
            return Ok(Self::without_path(None, text));
        }
        if text.first() == Some(&b'/') {
            return Ok(Self::origin_form(None, text));
        }
        for scheme in ["http://", "https://"] {
            if text.len() >= scheme.len()
                && text[..scheme.len()].eq_ignore_ascii_case(scheme.as_bytes())
            {
                let rest = &text[scheme.len()..];
                let end = rest.iter().position(|b| b"/?#".contains(b)).unwrap_or(rest.len());
                return Ok(Self::origin_form(Some(rest[..end].to_vec()), &rest[end..]));
            }
        }
        if request.method() == "CONNECT" {
            return Ok(Self::without_path(Some(text.to_vec()), text));
        }
        Err(InvalidTarget::NotAPath)
    }

    fn without_path(authority: Option<Vec<u8>>, text: &[u8]) -> Self {
        Self { authority, path: None, query: None, without_authority: text.to_vec() }
    }

    fn origin_form(authority: Option<Vec<u8>>, text: &[u8]) -> Self {
        // An absolute URL without a path means the root.
        let text = if text.starts_with(b"/") { text.to_vec() } else { [b"/", text].concat() };
        let without_authority = text.clone();
        let end = text.iter().position(|&b| b == b'#').unwrap_or(text.len());
        let text = &text[..end];
        let (path, query) = match text.iter().position(|&b| b == b'?') {
            Some(at) => (&text[..at], Some(text[at + 1..].to_vec())),
            None => (text, None),
        };
        Self { authority, path: Some(path.to_vec()), query, without_authority }
    }

    /// What follows the path: query and fragment.
    pub(super) fn check_rest(&self, policy: &PathPolicy) -> Result<(), InvalidTarget> {
        let rest = self.path.as_ref().map_or(&[][..], |path| &self.without_authority[path.len()..]);
        if rest.contains(&0) {
            return Err(InvalidTarget::Nul);
        }
        let control = rest.iter().any(|&octet| octet < 0x20 || octet == 0x7f);
        if control && policy.control == Treatment::Reject {
            return Err(InvalidTarget::ControlCharacter);
        }
        Ok(())
    }
}

/// The authority as the client sent it: the target's, else `:authority`, else the `Host` field, of
/// which there may be one at most (RFC 9112, section 3.2.2).
pub(super) fn authority<R: Request>(
    request: &R,
    target: &Target,
) -> Result<Vec<u8>, InvalidTarget> {
    let lines: Vec<&[u8]> = request.headers("host").collect();
    if lines.len() > 1 {
        return Err(InvalidTarget::SeveralHosts);
    }
    let of_request = request.authority().map(<[u8]>::to_vec);
    let of_line = lines.first().map(|line| line.to_vec());
    match target.authority.clone().or(of_request).or(of_line) {
        Some(authority) if !authority.is_empty() => Ok(authority),
        _ => Err(InvalidTarget::NoHost),
    }
}

/// The host in normal form: lower case, without port and final dot; IPv6 in brackets.
pub(super) fn normal_host(authority: &[u8]) -> Result<String, InvalidTarget> {
    let text = std::str::from_utf8(authority).map_err(|_| InvalidTarget::MalformedHost)?;
    let text = text.to_ascii_lowercase();
    let after_host = match text.find(']') {
        Some(bracket) => bracket + 1,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(after_host);
    let host = if host.starts_with('[') { host } else { host.strip_suffix('.').unwrap_or(host) };
    let fine = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.len() <= 255 && host.split('.').all(is_label),
    };
    if fine && is_port(port) { Ok(host.to_owned()) } else { Err(InvalidTarget::MalformedHost) }
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_~".contains(c))
}

/// Nothing, or `:` and a number of 16 bits, which may be missing.
fn is_port(text: &str) -> bool {
    let Some(digits) = text.strip_prefix(':') else { return text.is_empty() };
    let number = digits.trim_start_matches('0');
    digits.chars().all(|c| c.is_ascii_digit())
        && (number.is_empty() || number.parse::<u16>().is_ok())
}
