//! Reading fields of a request, and testing them (decisions §3).
//!
//! Nothing here allocates: values that are not one run of octets in the request are visited in
//! pieces.

use super::attributes::SOURCE_NAMESPACE;
use super::host::{MAX_HOST, Target, has_upper_case, host_of, is_normal_host, normal_host};
use super::path::{PathBuffer, PathPolicy, Paths, check_query, unescape};
use super::{InvalidTarget, Protocol, Request, caller};
use crate::hash;
use crate::rules::{Condition, Field, GroupMatch, GroupMatches, Regex, Test};
use http::Version;
use std::fmt::Write as _;
use std::net::IpAddr;

/// A request with what is derived from it once: its host and path in normal form.
pub(crate) struct View<'q, R> {
    request: &'q R,
    target: Target<'q>,
    authority: &'q [u8],
    host: &'q [u8],
    paths: Option<Paths<'q>>,
}

impl<'q, R: Request> View<'q, R> {
    /// Hands the view of `request` to `then`, or why the target or the host is refused: first the
    /// form of the target, then the host, then the path, then what follows it.
    #[inline]
    pub(crate) fn with<T>(
        request: &'q R,
        policy: &PathPolicy,
        then: impl FnOnce(Result<&View<'_, R>, InvalidTarget>) -> T,
    ) -> T {
        match Self::plain(request) {
            Some(view) => then(Ok(&view)),
            None => Self::with_others(request, policy, then),
        }
    }

    /// As [`View::with`], for a request that was decided; `is_plain` is what [`View::is_plain`] said
    /// of it then, which is not found out again.
    pub(crate) fn again<T>(
        request: &'q R,
        is_plain: bool,
        policy: &PathPolicy,
        then: impl FnOnce(Result<&View<'_, R>, InvalidTarget>) -> T,
    ) -> T {
        let known = || Self::in_normal_form(request, Target::known(request));
        match is_plain.then(known).flatten() {
            Some(view) => then(Ok(&view)),
            None => Self::with_others(request, policy, then),
        }
    }

    /// The view of a request that is nothing but a path and a host in normal form. Apart, so that
    /// this usual case does not pay for the others.
    #[inline]
    fn plain(request: &'q R) -> Option<Self> {
        let view = Self::in_normal_form(request, Target::plain(request)?)?;
        is_normal_host(view.host).then_some(view)
    }

    /// The view of a request whose target is in normal form, and its host as well, if it has one.
    #[inline]
    fn in_normal_form(request: &'q R, target: Target<'q>) -> Option<Self> {
        let authority = target.authority(request).ok()?;
        let paths = target.path.map(|path| Paths { matched: path, forward: path });
        Some(Self { request, target, authority, host: authority, paths })
    }

    #[inline(never)]
    fn with_others<T>(
        request: &'q R,
        policy: &PathPolicy,
        then: impl FnOnce(Result<&View<'_, R>, InvalidTarget>) -> T,
    ) -> T {
        match Self::of(request) {
            // Lent where it is: it is large.
            Ok((ref view, true)) => then(Ok(view)),
            Ok((view, false)) => view.with_buffers(policy, then),
            Err(reason) => then(Err(reason)),
        }
    }

    /// The view, and whether host, path and query are in normal form.
    fn of(request: &'q R) -> Result<(Self, bool), InvalidTarget> {
        let target = Target::of(request)?;
        let authority = target.authority(request)?;
        let (host, is_lower) = match normal_host(authority) {
            Some(host) => (host, true),
            None => {
                let host = host_of(authority)?;
                (host, !has_upper_case(host))
            }
        };
        let paths = target.path.map(|path| Paths { matched: path, forward: path });
        let is_normal = is_lower && target.is_normal;
        Ok((Self { request, target, authority, host, paths }, is_normal))
    }

    /// The rare case: host, path or query are not in normal form. Apart, so that the usual case
    /// does not pay for the room on the stack.
    #[cold]
    #[inline(never)]
    fn with_buffers<T>(
        self,
        policy: &PathPolicy,
        then: impl FnOnce(Result<&View<'_, R>, InvalidTarget>) -> T,
    ) -> T {
        let (mut path, mut host) = (PathBuffer::new(), [0; MAX_HOST]);
        match self.normalised(policy, &mut path, &mut host) {
            Ok(view) => then(Ok(&view)),
            Err(reason) => then(Err(reason)),
        }
    }

    /// The same with host and path in normal form.
    #[inline(never)]
    fn normalised<'b>(
        self,
        policy: &PathPolicy,
        path: &'b mut PathBuffer,
        host: &'b mut [u8; MAX_HOST],
    ) -> Result<View<'b, R>, InvalidTarget>
    where
        'q: 'b,
    {
        let host = &mut host[..self.host.len()];
        host.copy_from_slice(self.host);
        host.make_ascii_lowercase();
        let paths = self.target.path.map(|p| Paths::of(p, policy, path)).transpose()?;
        check_query(self.target.after_path, policy)?;
        Ok(View { host, paths, ..self })
    }

    /// The request itself.
    pub(crate) fn request(&self) -> &'q R {
        self.request
    }

    /// The raw query, without `?`.
    pub(crate) fn query(&self) -> Option<&'q [u8]> {
        self.target.query
    }

    /// The host in normal form: lower case, without port and final dot.
    pub(crate) fn host(&self) -> &'q [u8] {
        self.host
    }

    /// Whether target and host are in normal form as the client has sent them, so that both can go
    /// on as they are.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.target.is_normal && std::ptr::eq(self.host, self.authority)
    }

    /// Whether the target is in normal form as the client has sent it, and nothing but path and query.
    #[inline]
    pub(crate) fn target_is_normal(&self) -> bool {
        self.target.is_normal
    }

    /// Whether the client has sent the host just like that.
    pub(crate) fn host_is_authority(&self) -> bool {
        self.host == self.authority
    }

    /// The path in its two forms; `None` for `OPTIONS *` and the authority form of CONNECT.
    pub(crate) fn paths(&self) -> Option<Paths<'q>> {
        self.paths
    }

    /// The value of `field`, as positive conditions see it.
    pub(crate) fn read<'v>(&'v self, field: &'v Field) -> Value<'v, R> {
        let connection = || self.request.connection();
        match field {
            Field::Method => Value::Slice(self.request.method().as_bytes()),
            Field::Scheme => Value::Slice(connection().protocol.as_str().as_bytes()),
            Field::Host => Value::Slice(self.host),
            Field::Path => Value::of(self.paths.map(|p| p.matched)),
            Field::Target => match self.target.without_authority() {
                Some(pieces) => Value::Pieces(pieces),
                None => Value::Slice(self.request.target()),
            },
            Field::Query => Value::of(self.target.query),
            Field::RequestLine => Value::RequestLine(self.request),
            Field::PeerAddress => {
                connection().peer.map_or(Value::Absent, |peer| Value::Address(peer.ip()))
            }
            Field::PeerPort => connection().peer.map_or(Value::Absent, |p| Value::Port(p.port())),
            Field::Https => Value::of((connection().protocol == Protocol::Https).then_some("on")),
            Field::Http2 => Value::of(match (self.request.version(), connection().protocol) {
                (Version::HTTP_2, Protocol::Https) => Some("h2"),
                (Version::HTTP_2, Protocol::Http) => Some("h2c"),
                _ => None,
            }),
            Field::Header(name) if **name == *"host" => Value::Slice(self.authority),
            Field::Header(name) => {
                let mut lines = self.request.headers(name);
                match (lines.next(), lines.next()) {
                    (first, None) => Value::of(first),
                    (_, Some(_)) => Value::Lines { request: self.request, name },
                }
            }
            Field::Cookie { .. } | Field::Argument { .. } => {
                let mut first = Value::Absent;
                self.any_occurrence(field, |value| {
                    first = value;
                    true
                });
                first
            }
            Field::Attribute(name) => match self.request.attribute(name) {
                None if **name == *SOURCE_NAMESPACE => Value::of(caller::namespace(self.request)),
                found => Value::of(found),
            },
        }
    }

    /// The first of `matches` of which all conditions hold.
    pub(crate) fn first_held<'m>(&self, matches: &'m GroupMatches) -> Option<&'m GroupMatch> {
        matches.iter().find(|m| m.conditions.iter().all(|condition| self.holds(condition)))
    }

    /// Whether `condition` holds.
    pub(crate) fn holds(&self, condition: &Condition) -> bool {
        self.holds_for(condition, &self.read(&condition.field))
    }

    /// The same where the value of the condition's field has been read already.
    pub(crate) fn holds_for(&self, condition: &Condition, value: &Value<'_, R>) -> bool {
        let Condition { field, test, negated } = condition;
        if !negated {
            return value.passes(test);
        }
        !value.passes(test) && !self.any_occurrence(field, |single| single.passes(test))
    }

    /// Whether `found` says yes to a line of the header field, a cookie or an argument of the
    /// name, in order, each by itself. Fields of other kinds cannot occur repeatedly.
    fn any_occurrence<'v>(
        &'v self,
        field: &'v Field,
        mut found: impl FnMut(Value<'v, R>) -> bool,
    ) -> bool {
        match field {
            // The authority is one value; a `Host` line that lost to it does not count.
            Field::Header(name) if **name == *"host" => false,
            Field::Header(name) => self.request.headers(name).any(|line| found(Value::Slice(line))),
            Field::Cookie { name, ignore_case } => {
                let cookies = self.request.headers("cookie").flat_map(cookies);
                let named = |(n, _): &(&[u8], _)| same(n, name.as_bytes(), *ignore_case);
                cookies.filter(named).any(|(_, value)| found(Value::Slice(value)))
            }
            Field::Argument { name, ignore_case, decoded: false } => {
                let named = |(n, _): &(&[u8], _)| same(n, name.as_bytes(), *ignore_case);
                arguments(self.target.query)
                    .filter(named)
                    .filter_map(|(_, value)| value)
                    .any(|value| found(Value::Slice(value)))
            }
            Field::Argument { name, ignore_case, decoded: true } => arguments(self.target.query)
                .filter(|(n, _)| Value::<R>::Decoded(n).equals(name.as_bytes(), *ignore_case))
                .any(|(_, value)| found(Value::Decoded(value.unwrap_or_default()))),
            _ => false,
        }
    }
}

/// The cookies of a header line, in order: name and raw value (virtualserver §10.1).
fn cookies(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    line.split(|&b| b == b';').filter_map(|cookie| {
        let equals = memchr::memchr(b'=', cookie)?;
        let name = cookie[..equals].trim_ascii();
        let value = &cookie[equals + 1..];
        let blanks = value.iter().take_while(|&&b| b == b' ').count();
        Some((name, &value[blanks..]))
    })
}

/// The arguments of a query, in order: raw name, and raw value where there is a `=`.
fn arguments(query: Option<&[u8]>) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let arguments = query.into_iter().flat_map(|query| query.split(|&b| b == b'&'));
    arguments.map(|argument| match memchr::memchr(b'=', argument) {
        Some(at) => (&argument[..at], Some(&argument[at + 1..])),
        None => (argument, None),
    })
}

#[inline]
fn same(a: &[u8], b: &[u8], ignore_case: bool) -> bool {
    // Most clients write it as documents do.
    hash::same(a, b) || ignore_case && same_but_for_case(a, b)
}

#[inline(never)]
fn same_but_for_case(a: &[u8], b: &[u8]) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// The value of a field.
pub(crate) enum Value<'q, R> {
    /// The request has nothing there.
    Absent,
    /// One run of octets.
    Slice(&'q [u8]),
    /// Two runs of octets, joined.
    Pieces([&'q [u8]; 2]),
    /// Several lines of a header field, joined.
    Lines { request: &'q R, name: &'q str },
    /// Percent-decoded, `+` read as blank.
    Decoded(&'q [u8]),
    /// An address as text.
    Address(IpAddr),
    /// A number as text.
    Port(u16),
    /// `GET /tea?x=1 HTTP/1.1`.
    RequestLine(&'q R),
}

impl<R> Clone for Value<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Value<'_, R> {}

impl<'q, R: Request> Value<'q, R> {
    fn of<T: AsRef<[u8]> + ?Sized>(slice: Option<&'q T>) -> Self {
        slice.map_or(Self::Absent, |slice| Self::Slice(slice.as_ref()))
    }

    /// Whether the request has something there, be it empty.
    pub(crate) fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// Whether it is absent or empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces(|piece| piece.is_empty())
    }

    /// Whether it is present and equal to `literal`.
    #[inline]
    pub(crate) fn equals(&self, literal: &[u8], ignore_case: bool) -> bool {
        match self {
            Self::Slice(slice) => same(slice, literal, ignore_case),
            _ => self.pieces_equal(literal, ignore_case),
        }
    }

    #[inline(never)]
    fn pieces_equal(&self, literal: &[u8], ignore_case: bool) -> bool {
        let mut rest = literal;
        let fits = self.pieces(|piece| match rest.split_at_checked(piece.len()) {
            Some((head, tail)) if same(head, piece, ignore_case) => {
                rest = tail;
                true
            }
            _ => false,
        });
        self.is_present() && fits && rest.is_empty()
    }

    /// Whether it is present and `regex` matches it.
    pub(crate) fn matches(&self, regex: &Regex) -> bool {
        let mut run = regex.run();
        self.pieces(|piece| {
            run.feed(piece);
            true
        });
        self.is_present() && run.finish()
    }

    /// Whether `test` says yes to it.
    pub(crate) fn passes(&self, test: &Test) -> bool {
        match test {
            Test::Equals { value, ignore_case } => self.equals(value.as_bytes(), *ignore_case),
            Test::Empty => self.is_empty(),
            Test::Matches { regex, empty_matches } => {
                (*empty_matches || !self.is_empty()) && self.matches(regex)
            }
        }
    }

    /// Writes it to the end of `out`.
    pub(crate) fn append_to(&self, out: &mut Vec<u8>) {
        self.pieces(|piece| {
            out.extend_from_slice(piece);
            true
        });
    }

    /// Visits its pieces in order, until `visit` says no. Tells whether it never did.
    pub(crate) fn pieces(&self, mut visit: impl FnMut(&[u8]) -> bool) -> bool {
        match *self {
            Self::Absent => true,
            Self::Slice(slice) => visit(slice),
            Self::Pieces(pieces) => pieces.into_iter().all(visit),
            Self::Lines { request, name } => {
                let separator: &[u8] = if name == "cookie" { b"; " } else { b", " };
                let mut lines = request.headers(name);
                lines.next().is_none_or(&mut visit)
                    && lines.all(|line| visit(separator) && visit(line))
            }
            Self::Decoded(raw) => decoded_pieces(raw, visit),
            Self::Address(address) => ShortText::of(&address).is_none_or(|t| visit(t.as_slice())),
            Self::Port(port) => ShortText::of(&port).is_none_or(|t| visit(t.as_slice())),
            Self::RequestLine(request) => {
                let version: &[u8] = match request.version() {
                    Version::HTTP_09 => b" HTTP/0.9",
                    Version::HTTP_10 => b" HTTP/1.0",
                    Version::HTTP_2 => b" HTTP/2.0",
                    Version::HTTP_3 => b" HTTP/3.0",
                    _ => b" HTTP/1.1",
                };
                let pieces = [request.method().as_bytes(), b" ", request.target(), version];
                pieces.into_iter().all(visit)
            }
        }
    }
}

/// A malformed escape stands for itself.
fn decoded_pieces(mut raw: &[u8], mut visit: impl FnMut(&[u8]) -> bool) -> bool {
    while let Some(at) = memchr::memchr2(b'%', b'+', raw) {
        let (plain, special) = raw.split_at(at);
        let (byte, width) = match unescape(special) {
            Some(byte) => (byte, 3),
            None if special[0] == b'+' => (b' ', 1),
            None => (b'%', 1),
        };
        if !visit(plain) || !visit(&[byte]) {
            return false;
        }
        raw = &special[width..];
    }
    visit(raw)
}

/// Room for an address or a number as text.
struct ShortText {
    bytes: [u8; 48],
    len: usize,
}

impl ShortText {
    /// `None` when it does not fit, which no address or port does.
    fn of(value: &impl std::fmt::Display) -> Option<Self> {
        let mut text = Self { bytes: [0; 48], len: 0 };
        write!(text, "{value}").ok()?;
        Some(text)
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl std::fmt::Write for ShortText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
