//! The two forms of a request path: what rules are compared with, and what backends receive
//! (decisions §2).

use super::scan::all_fine;
use std::fmt;

/// The longest path in octets, without query. A longer one is answered 414.
pub const MAX_PATH: usize = 8192;

/// Which request paths are refused, and how the others are brought to normal form.
///
/// The default refuses what two readers might read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PathPolicy {
    /// `%2F`: kept (the default), read as `/`, or refused.
    pub encoded_slash: Treatment,
    /// `\` and `%5C`: refused by default, or kept.
    pub backslash: Treatment,
    /// Control characters, plain or escaped, and plain ones in the query: refused by default, or
    /// kept. NUL is always refused.
    pub control: Treatment,
    /// A segment `..;…` or `.;…`, which some servers read as `..`: refused by default, or kept.
    pub dot_parameters: Treatment,
    /// A segment that would hold a `.` or `..` part if its escaped slashes were decoded
    /// (`/a%2F..%2Fb`): refused by default, or kept.
    pub hidden_dots: Treatment,
    /// What backends receive where no rewrite says otherwise.
    pub forwarded: Forwarded,
}

/// What is done about something in a path that readers may disagree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Treatment {
    /// The request is answered 400.
    Reject,
    /// It stays as it is.
    Keep,
    /// It is decoded; the same as `Keep` where there is nothing to decode.
    Decode,
}

/// What backends receive where no rewrite says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forwarded {
    /// The client's octets with repeated slashes merged and dot segments removed.
    Normal,
    /// The client's octets.
    Raw,
}

impl Default for PathPolicy {
    fn default() -> Self {
        Self {
            encoded_slash: Treatment::Keep,
            backslash: Treatment::Reject,
            control: Treatment::Reject,
            dot_parameters: Treatment::Reject,
            hidden_dots: Treatment::Reject,
            forwarded: Forwarded::Normal,
        }
    }
}

/// Why a request's target or host is refused before any rule is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidTarget {
    /// The target does not begin with `/`, and is neither `*` with OPTIONS, nor an authority with
    /// CONNECT, nor an absolute URL.
    NotAPath,
    /// `%` without two hexadecimal digits after it.
    MalformedEscape,
    /// A NUL, plain or escaped, or a plain one in the query.
    Nul,
    /// Another control character, plain or escaped, or a plain one in the query.
    ControlCharacter,
    /// A backslash, plain or escaped.
    Backslash,
    /// An escaped slash, where the policy refuses it.
    EncodedSlash,
    /// `..` above the root.
    AboveRoot,
    /// A segment `..;…` or `.;…`.
    DotParameters,
    /// A dot segment behind an escaped slash.
    HiddenDots,
    /// More than [`MAX_PATH`] octets.
    TooLong,
    /// No `Host` field and no authority.
    NoHost,
    /// More than one `Host` field.
    SeveralHosts,
    /// The host is not a name or an address.
    MalformedHost,
}

impl InvalidTarget {
    /// 414 for a path that is too long, else 400.
    pub fn status(self) -> http::StatusCode {
        match self {
            Self::TooLong => http::StatusCode::URI_TOO_LONG,
            _ => http::StatusCode::BAD_REQUEST,
        }
    }

    /// What is wrong, as a sentence without full stop.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAPath => "the request target is not a path",
            Self::MalformedEscape => "malformed percent-escape in the path",
            Self::Nul => "NUL in the request target",
            Self::ControlCharacter => "control character in the request target",
            Self::Backslash => "backslash in the path",
            Self::EncodedSlash => "escaped slash in the path",
            Self::AboveRoot => "`..` leads above the root",
            Self::DotParameters => "a dot segment with parameters (`..;`)",
            Self::HiddenDots => "a dot segment behind an escaped slash",
            Self::TooLong => "the path is too long",
            Self::NoHost => "no Host",
            Self::SeveralHosts => "more than one Host field",
            Self::MalformedHost => "the Host is not a name or an address",
        }
    }
}

impl fmt::Display for InvalidTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Room for the two forms of one path. Lives on the stack of a decision: no memory is allocated.
///
/// Neither form is ever longer than the path itself.
pub(crate) struct PathBuffer {
    matched: Form,
    forward: Form,
}

impl PathBuffer {
    pub(crate) const fn new() -> Self {
        Self { matched: Form::new(), forward: Form::new() }
    }
}

/// A path in its two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paths<'p> {
    /// What rules are compared with.
    pub(crate) matched: &'p [u8],
    /// What backends receive.
    pub(crate) forward: &'p [u8],
}

impl<'p> Paths<'p> {
    /// The two forms of `path` (without query); `buffer` is used only if they differ from it.
    pub(crate) fn of(
        path: &'p [u8],
        policy: &PathPolicy,
        buffer: &'p mut PathBuffer,
    ) -> Result<Self, InvalidTarget> {
        if is_normal(path) {
            return Ok(Self { matched: path, forward: path });
        }
        normalise(path, policy, buffer)
    }
}

/// Whether `target` is a path in normal form and nothing else: no query, no fragment, and both
/// forms of the path are the path itself. May say no to a path with a plain `?` or `#` in it.
#[inline]
pub(crate) fn is_normal(target: &[u8]) -> bool {
    target.first() == Some(&b'/')
        && target.len() <= MAX_PATH
        && all_fine(target, |before, octet| {
            // The two octets that must not follow a slash differ in their lowest bit.
            let slash_or_dot = octet | 1 == b'/';
            (octet >= 0x20)
                & (octet != 0x7f)
                & (octet != b'%')
                & (octet != b'\\')
                & (octet != b'?')
                & (octet != b'#')
                & !((before == b'/') & slash_or_dot)
        })
}

#[cold]
fn normalise<'p>(
    path: &'p [u8],
    policy: &PathPolicy,
    buffer: &'p mut PathBuffer,
) -> Result<Paths<'p>, InvalidTarget> {
    if path.len() > MAX_PATH {
        return Err(InvalidTarget::TooLong);
    }
    if path.first() != Some(&b'/') {
        return Err(InvalidTarget::NotAPath);
    }
    let PathBuffer { matched, forward } = &mut *buffer;
    (matched.len, forward.len) = (0, 0);
    let mut rest = Some(&path[1..]);
    while let Some(from) = rest {
        let (raw, after) = take_segment(from, policy);
        let before = matched.len;
        // Written behind a `/`, and taken back if it turns out not to count.
        matched.push(b'/');
        decode_segment(raw, policy, matched)?;
        let kind = segment_kind(&matched.bytes[before + 1..matched.len], policy)?;
        if kind == SegmentKind::Name {
            forward.push(b'/');
            forward.extend(raw);
        } else {
            matched.len = before;
            if kind == SegmentKind::DotDot {
                matched.pop_segment()?;
                forward.pop_segment()?;
            }
            if after.is_none() {
                matched.push(b'/');
                forward.push(b'/');
            }
        }
        rest = after;
    }
    Ok(Paths {
        matched: buffer.matched.as_slice(),
        forward: match policy.forwarded {
            Forwarded::Raw => path,
            Forwarded::Normal => buffer.forward.as_slice(),
        },
    })
}

struct Form {
    bytes: [u8; MAX_PATH],
    len: usize,
}

impl Form {
    const fn new() -> Self {
        Self { bytes: [0; MAX_PATH], len: 0 }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn extend(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Removes the last `/segment`.
    fn pop_segment(&mut self) -> Result<(), InvalidTarget> {
        self.len = memchr::memrchr(b'/', self.as_slice()).ok_or(InvalidTarget::AboveRoot)?;
        Ok(())
    }
}

/// Refuses plain control characters in what follows the path, as they are refused in it. Escapes
/// stay as they are there, so that they are data whatever they stand for.
pub(crate) fn check_query(after_path: &[u8], policy: &PathPolicy) -> Result<(), InvalidTarget> {
    if after_path.contains(&0) {
        return Err(InvalidTarget::Nul);
    }
    if policy.control == Treatment::Reject && after_path.iter().any(u8::is_ascii_control) {
        return Err(InvalidTarget::ControlCharacter);
    }
    Ok(())
}

/// The octets up to the next separator, and what follows it.
fn take_segment<'p>(path: &'p [u8], policy: &PathPolicy) -> (&'p [u8], Option<&'p [u8]>) {
    let mut at = 0;
    while at < path.len() {
        if path[at] == b'/' {
            return (&path[..at], Some(&path[at + 1..]));
        }
        if policy.encoded_slash == Treatment::Decode && unescape(&path[at..]) == Some(b'/') {
            return (&path[..at], Some(&path[at + 3..]));
        }
        at += 1;
    }
    (path, None)
}

/// The octet that a `%XX` at the beginning of `text` stands for.
pub(crate) fn unescape(text: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    match text {
        [b'%', high, low, ..] => Some((digit(*high)? * 16 + digit(*low)?) as u8),
        _ => None,
    }
}

/// `%XX` with upper-case digits.
pub(crate) fn escape(byte: u8) -> [u8; 3] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    [b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Whether the match path keeps this octet escaped.
pub(crate) fn stays_escaped(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\' | b'%') || byte.is_ascii_control()
}

fn decode_segment(raw: &[u8], policy: &PathPolicy, out: &mut Form) -> Result<(), InvalidTarget> {
    let mut at = 0;
    while let Some(&first) = raw.get(at) {
        let escaped = first == b'%';
        let byte = if escaped {
            unescape(&raw[at..]).ok_or(InvalidTarget::MalformedEscape)?
        } else {
            first
        };
        at += if escaped { 3 } else { 1 };
        let refused = |treatment: Treatment| treatment == Treatment::Reject;
        match byte {
            0 => return Err(InvalidTarget::Nul),
            b'\\' if refused(policy.backslash) => return Err(InvalidTarget::Backslash),
            b'/' if refused(policy.encoded_slash) => return Err(InvalidTarget::EncodedSlash),
            _ if byte.is_ascii_control() && refused(policy.control) => {
                return Err(InvalidTarget::ControlCharacter);
            }
            _ => {}
        }
        if escaped && stays_escaped(byte) {
            out.extend(&escape(byte));
        } else {
            out.push(byte);
        }
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum SegmentKind {
    Empty,
    Dot,
    DotDot,
    Name,
}

fn segment_kind(segment: &[u8], policy: &PathPolicy) -> Result<SegmentKind, InvalidTarget> {
    let with_parameters = |s: &[u8]| s.starts_with(b".;") || s.starts_with(b"..;");
    if with_parameters(segment) && policy.dot_parameters == Treatment::Reject {
        return Err(InvalidTarget::DotParameters);
    }
    if policy.hidden_dots == Treatment::Reject && memchr::memchr2(b'%', b'\\', segment).is_some() {
        let mut parts = Parts(Some(segment));
        if segment.len() > parts.clone().next().map_or(0, <[u8]>::len)
            && parts.any(|p| p == b"." || p == b".." || with_parameters(p))
        {
            return Err(InvalidTarget::HiddenDots);
        }
    }
    Ok(match segment {
        b"" => SegmentKind::Empty,
        b"." => SegmentKind::Dot,
        b".." => SegmentKind::DotDot,
        _ => SegmentKind::Name,
    })
}

/// The parts of a decoded segment between slashes and backslashes that stayed in it.
#[derive(Clone)]
struct Parts<'s>(Option<&'s [u8]>);

impl<'s> Iterator for Parts<'s> {
    type Item = &'s [u8];

    fn next(&mut self) -> Option<&'s [u8]> {
        let rest = self.0?;
        for at in 0..rest.len() {
            let width = match &rest[at..] {
                [b'\\', ..] => 1,
                [b'%', b'2', b'F', ..] | [b'%', b'5', b'C', ..] => 3,
                _ => continue,
            };
            self.0 = Some(&rest[at + width..]);
            return Some(&rest[..at]);
        }
        self.0 = None;
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn forms(path: &str, policy: &PathPolicy) -> Result<(String, String), InvalidTarget> {
        let mut buffer = PathBuffer::new();
        let paths = Paths::of(path.as_bytes(), policy, &mut buffer)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((text(paths.matched), text(paths.forward)))
    }

    #[test]
    fn two_forms() {
        // decisions §2
        for (path, matched, forward) in [
            ("/", "/", "/"),
            ("/tea", "/tea", "/tea"),
            ("/caf%C3%A9", "/café", "/caf%C3%A9"),
            ("/café", "/café", "/café"),
            ("/a%2fb", "/a%2Fb", "/a%2fb"),
            ("/a%252fb", "/a%252fb", "/a%252fb"),
            ("/%7euser", "/~user", "/%7euser"),
            ("//a///b/", "/a/b/", "/a/b/"),
            ("/a/./b/../c", "/a/c", "/a/c"),
            ("/a/%2e%2E/c", "/c", "/c"),
            ("/a/b//..", "/a/", "/a/"),
            ("/a/.", "/a/", "/a/"),
            ("/.well-known/x", "/.well-known/x", "/.well-known/x"),
            ("/a%20b", "/a b", "/a%20b"),
            ("/a;v=1", "/a;v=1", "/a;v=1"),
            ("/%3Fx", "/?x", "/%3Fx"),
            ("/...", "/...", "/..."),
        ] {
            let got = forms(path, &PathPolicy::default());
            assert_eq!(got, Ok((matched.into(), forward.into())), "{path}");
        }
    }

    #[test]
    fn refusals() {
        // decisions §2
        for (path, want) in [
            ("/%", InvalidTarget::MalformedEscape),
            ("/%2", InvalidTarget::MalformedEscape),
            ("/%zz", InvalidTarget::MalformedEscape),
            ("/a%00", InvalidTarget::Nul),
            ("/a%0d%0aX", InvalidTarget::ControlCharacter),
            ("/a\u{1}", InvalidTarget::ControlCharacter),
            ("/a%7f", InvalidTarget::ControlCharacter),
            ("/a\\b", InvalidTarget::Backslash),
            ("/a%5cb", InvalidTarget::Backslash),
            ("/..", InvalidTarget::AboveRoot),
            ("/a/../../b", InvalidTarget::AboveRoot),
            ("/a/..;/b", InvalidTarget::DotParameters),
            ("/a/%2e;x/b", InvalidTarget::DotParameters),
            ("/a%2F..%2Fb", InvalidTarget::HiddenDots),
            ("/..%2fb", InvalidTarget::HiddenDots),
            ("/a%2f%2e", InvalidTarget::HiddenDots),
            ("/a%2f..;x", InvalidTarget::HiddenDots),
            ("", InvalidTarget::NotAPath),
            ("tea", InvalidTarget::NotAPath),
        ] {
            assert_eq!(forms(path, &PathPolicy::default()), Err(want), "{path}");
        }
        let long = format!("/{}", "a".repeat(MAX_PATH));
        assert_eq!(forms(&long, &PathPolicy::default()), Err(InvalidTarget::TooLong));
    }

    #[test]
    fn settings() {
        let base = PathPolicy::default();
        let slash = |encoded_slash| PathPolicy { encoded_slash, ..base };
        let cases = [
            (slash(Treatment::Decode), "/a%2F..%2Fb", Ok(("/b", "/b"))),
            (slash(Treatment::Decode), "/a%2fb", Ok(("/a/b", "/a/b"))),
            (slash(Treatment::Reject), "/a%2fb", Err(InvalidTarget::EncodedSlash)),
            (PathPolicy { backslash: Treatment::Keep, ..base }, "/a%5cb", Ok(("/a%5Cb", "/a%5cb"))),
            (PathPolicy { control: Treatment::Keep, ..base }, "/a%0a", Ok(("/a%0A", "/a%0a"))),
            (PathPolicy { control: Treatment::Keep, ..base }, "/a%00", Err(InvalidTarget::Nul)),
            (
                PathPolicy { dot_parameters: Treatment::Keep, ..base },
                "/..;/b",
                Ok(("/..;/b", "/..;/b")),
            ),
            (
                PathPolicy { hidden_dots: Treatment::Keep, ..base },
                "/a%2f..",
                Ok(("/a%2F..", "/a%2f..")),
            ),
            (PathPolicy { forwarded: Forwarded::Raw, ..base }, "/a//../b", Ok(("/b", "/a//../b"))),
        ];
        for (policy, path, want) in cases {
            let want = want.map(|(m, f): (&str, &str)| (m.to_owned(), f.to_owned()));
            assert_eq!(forms(path, &policy), want, "{path} {policy:?}");
        }
    }

    proptest! {
        /// Paths made of the pieces that matter, so that they collide.
        #[test]
        fn fixed_points(pieces in prop::collection::vec(prop::sample::select(vec![
            "/", "/", "a", ".", "..", "%2e", "%2F", "%2f", "%25", "%5C", "\\", ";", "%41", "é",
            "%C3%A9", "%", "%0a", " ", "?",
        ]), 0..12), keep in any::<bool>()) {
            let path = format!("/{}", pieces.concat());
            let mut policy = PathPolicy::default();
            if keep {
                let keep = Treatment::Keep;
                policy = PathPolicy { backslash: keep, control: keep, dot_parameters: keep, ..policy };
            }
            if let Ok((matched, forward)) = forms(&path, &policy) {
                // The match path is a fixed point; the forward path has the same match path.
                prop_assert_eq!(&forms(&matched, &policy).unwrap().0, &matched);
                let again = forms(&forward, &policy).unwrap();
                prop_assert_eq!(&again.0, &matched);
                prop_assert_eq!(&again.1, &forward);
                prop_assert!(!matched.contains("//"));
                prop_assert!(!matched.split('/').any(|s| s == "." || s == ".."));
            }
        }

        #[test]
        fn any_octets_are_safe(path in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut buffer = PathBuffer::new();
            let _ = Paths::of(&path, &PathPolicy::default(), &mut buffer);
        }
    }
}
