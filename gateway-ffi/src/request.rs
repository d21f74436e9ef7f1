//! Requests as hosts describe them.

use crate::bytes::{array, gw_header, gw_str};
use crate::needs::Needs;
use crate::sized::sized;
use crate::status::{GW_ERR_ARGUMENT, gw_status};
use gateway_core::rules::Protocol;
use gateway_core::{Connection, ListenerKey, Request};
use http::Version;
use std::cell::Cell;
use std::ffi::c_void;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Looks up a line of the request's header: the one at place `nth`, from 0, among those of this
/// name. Returns 1 and fills `*out`, or 0 where there is none. `name` is in lower case; `index` is
/// its place in `gw_needs.headers` of the router that decides, so that a table of your own can be
/// used, or `GW_NO_INDEX` for a name that is not among them, which asks for a comparison (this
/// happens in `gw_explain`). What `*out` points to must stay as it is until the function of the
/// library returns that asked. Must not call the library with the same decider, throw, or jump out.
pub type gw_header_fn = Option<
    unsafe extern "C" fn(
        ctx: *mut c_void,
        index: u32,
        name: *const gw_str,
        nth: u32,
        out: *mut gw_str,
    ) -> i32,
>;

/// Looks up an attribute, as `gw_header_fn` does a line of the header: `index` is its place in
/// `gw_needs.attributes`. Returns 1 and fills `*out`, or 0 where there is none.
pub type gw_attribute_fn = Option<
    unsafe extern "C" fn(
        ctx: *mut c_void,
        index: u32,
        name: *const gw_str,
        out: *mut gw_str,
    ) -> i32,
>;

/// A name that is not in the tables of `gw_router_needs`.
pub const GW_NO_INDEX: u32 = u32::MAX;

/// The request came over TLS that ended here.
pub const GW_REQUEST_TLS: u32 = 1;

/// A request, as its client sent it. Everything is borrowed for the call only. Set `struct_size`,
/// `method` and `target`, and the rest to zero where it is not known. The functions that tell more
/// about a decision want the same request again: keep the struct until then, and what it points to
/// unchanged, even where you have changed your own copy of the header meanwhile.
///
/// Nothing has to be checked or brought to a normal form first: the library does that, by the rules
/// of the listener, and answers 400, 404 or 414 where it has to. Octets need not be UTF-8, except
/// those of `method`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_request {
    /// `sizeof(gw_request)`.
    pub struct_size: usize,
    /// The method, as sent.
    pub method: gw_str,
    /// The request target exactly as received: path and query, not decoded, nothing merged or
    /// removed; or an absolute URL, `*`, or `host:port` with CONNECT.
    pub target: gw_str,
    /// The value of `Host`. Where it is present, `host` is not looked up in the header. Absent:
    /// the header has it.
    pub host: gw_str,
    /// `:authority` of HTTP/2 and HTTP/3; absent with HTTP/1.
    pub authority: gw_str,
    /// The lines of the header in their order, or at least those of the names in
    /// `gw_needs.headers`. Not looked at where there is a `header_fn`.
    pub headers: *const gw_header,
    /// How many.
    pub headers_len: usize,
    /// Asked for the lines that are needed, or NULL. Cheaper than an array unless you have one.
    pub header_fn: gw_header_fn,
    /// Handed to `header_fn`.
    pub header_ctx: *mut c_void,
    /// What you know of the request besides: who calls (`source_account`, `source_identity`,
    /// `source_namespace`, `source_labels`, `source_workloads`), or variables that rules test by
    /// name. You have verified it: nothing of a header belongs here. Not looked at where there is an
    /// `attribute_fn`.
    pub attributes: *const gw_header,
    /// How many.
    pub attributes_len: usize,
    /// Asked for the attributes that are needed, or NULL.
    pub attribute_fn: gw_attribute_fn,
    /// Handed to `attribute_fn`.
    pub attribute_ctx: *mut c_void,
    /// The server name that the client gave when TLS began: empty where it gave none, absent where
    /// that is not known.
    pub server_name: gw_str,
    /// 64 random bits, uniform over all of them, for choices by weight: use `gw_mix64` on anything
    /// less, since the upper bits choose. The same number chooses the same backend.
    pub random: u64,
    /// The address of the client, in network order.
    pub peer_addr: [u8; 16],
    /// The local address that the client is connected to, in network order, for listeners of one
    /// address.
    pub listener_addr: [u8; 16],
    /// The port of the client.
    pub peer_port: u16,
    /// The port of the listener, as documents name it, which need not be the one that you listen
    /// on; 0: 80, or 443 with `GW_REQUEST_TLS`.
    pub listener_port: u16,
    /// Of `peer_addr`: 0 (not known), 4 or 6.
    pub peer_family: u8,
    /// Of `listener_addr`: 0 (not known), 4 or 6.
    pub listener_family: u8,
    /// 9, 10, 11, 20 or 30; 0: 11, which is HTTP/1.1.
    pub http_version: u8,
    /// Zero.
    pub reserved: u8,
    /// Some of `GW_REQUEST_...`.
    pub flags: u32,
    /// Zero.
    pub reserved2: u32,
}
sized!(gw_request);

/// A request as the engine sees it. Lines and attributes are looked at when they are asked for.
pub(crate) struct Borrowed<'a> {
    given: &'a gw_request,
    needs: &'a Needs,
    method: &'a str,
    headers: &'a [gw_header],
    attributes: &'a [gw_header],
    /// Whether something that was looked at could not be.
    faulty: Cell<bool>,
}

impl<'a> Borrowed<'a> {
    /// # Safety
    ///
    /// All that `given` points to can be read for `'a`, nobody changes it, and its functions can be
    /// called with their contexts.
    #[inline(always)]
    pub(crate) unsafe fn of(given: &'a gw_request, needs: &'a Needs) -> Result<Self, gw_status> {
        let is_family = |family| matches!(family, 0 | 4 | 6);
        let texts = [given.method, given.target, given.host, given.authority, given.server_name];
        let is_possible = gw_str::are_possible(&texts)
            && !given.target.ptr.is_null()
            && is_family(given.peer_family)
            && is_family(given.listener_family)
            && matches!(given.http_version, 0 | 9 | 10 | 11 | 20 | 30);
        if !is_possible {
            return Err(GW_ERR_ARGUMENT);
        }
        // SAFETY: it is possible; the caller vouches for the rest.
        let method = match unsafe { given.method.known() }.ok_or(GW_ERR_ARGUMENT)? {
            b"GET" => "GET",
            b"POST" => "POST",
            other => std::str::from_utf8(other).map_err(|_| GW_ERR_ARGUMENT)?,
        };
        // SAFETY: the caller vouches for what can be arrays.
        let [headers, attributes] = unsafe {
            [
                array(given.headers, given.headers_len)?,
                array(given.attributes, given.attributes_len)?,
            ]
        };
        Ok(Self { given, needs, method, headers, attributes, faulty: Cell::new(false) })
    }

    /// Whether all that was looked at could be.
    #[inline]
    pub(crate) fn finish(&self) -> Result<(), gw_status> {
        if self.faulty.get() { Err(GW_ERR_ARGUMENT) } else { Ok(()) }
    }

    pub(crate) fn random(&self) -> u64 {
        self.given.random
    }

    /// The octets of a text that [`Borrowed::of`] has looked at.
    #[inline]
    fn text(&self, text: gw_str) -> Option<&'a [u8]> {
        // SAFETY: it is possible; who has handed the request in vouches for the rest.
        unsafe { text.known() }
    }

    /// The octets of a text that is looked at for the first time: in a line, or of a callback.
    #[inline]
    fn unchecked(&self, text: gw_str) -> &'a [u8] {
        if !text.is_possible() {
            self.faulty.set(true);
            return &[];
        }
        self.text(text).unwrap_or_default()
    }

    /// Whether a line is one of the field of this name, which is in lower case.
    #[inline]
    fn is_called(&self, line: &gw_header, name: &[u8]) -> bool {
        // Most names differ in length, and many are in lower case.
        line.name.len == name.len() && {
            let found = self.unchecked(line.name);
            found == name || found.eq_ignore_ascii_case(name)
        }
    }
}

#[inline]
fn ip(family: u8, octets: &[u8; 16]) -> Option<IpAddr> {
    match family {
        4 => Some(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).into()),
        6 => Some(Ipv6Addr::from(*octets).into()),
        _ => None,
    }
}

impl Request for Borrowed<'_> {
    #[inline]
    fn method(&self) -> &str {
        self.method
    }

    #[inline]
    fn target(&self) -> &[u8] {
        self.text(self.given.target).unwrap_or_default()
    }

    #[inline]
    fn authority(&self) -> Option<&[u8]> {
        self.text(self.given.authority)
    }

    #[inline]
    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let is_host = !self.given.host.ptr.is_null() && name == "host";
        Lines { request: self, name, is_host, nth: 0, rest: self.headers, index: GW_NO_INDEX }
    }

    fn version(&self) -> Version {
        match self.given.http_version {
            9 => Version::HTTP_09,
            10 => Version::HTTP_10,
            20 => Version::HTTP_2,
            30 => Version::HTTP_3,
            _ => Version::HTTP_11,
        }
    }

    #[inline]
    fn connection(&self) -> Connection {
        let given = self.given;
        let (protocol, port) = match given.flags & GW_REQUEST_TLS {
            0 => (Protocol::Http, 80),
            _ => (Protocol::Https, 443),
        };
        let address = ip(given.listener_family, &given.listener_addr);
        let port = if given.listener_port == 0 { port } else { given.listener_port };
        let peer = ip(given.peer_family, &given.peer_addr);
        let peer = peer.map(|ip| SocketAddr::new(ip, given.peer_port));
        Connection { listener: ListenerKey { address, port }, protocol, peer }
    }

    fn server_name(&self) -> Option<&[u8]> {
        self.text(self.given.server_name)
    }

    fn attribute(&self, name: &str) -> Option<&[u8]> {
        let given = self.given;
        if let Some(ask) = given.attribute_fn {
            let index = self.needs.attribute(name);
            let (name, mut value) = (gw_str::of(name.as_bytes()), gw_str::ABSENT);
            // SAFETY: who has given the function vouches for it and its context.
            let found = unsafe { ask(given.attribute_ctx, index, &raw const name, &raw mut value) };
            return (found != 0).then(|| self.unchecked(value));
        }
        let named =
            self.attributes.iter().find(|line| self.unchecked(line.name) == name.as_bytes());
        named.map(|line| self.unchecked(line.value))
    }
}

/// The lines of a name.
struct Lines<'a> {
    request: &'a Borrowed<'a>,
    name: &'a str,
    /// Whether the one line is that of [`gw_request::host`].
    is_host: bool,
    /// How many lines of the name are behind, where a callback knows them.
    nth: usize,
    /// What has not been looked at of the array.
    rest: &'a [gw_header],
    index: u32,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    // Every request is asked for its host, which most hosts hand in by itself: that is no call.
    #[inline(always)]
    fn next(&mut self) -> Option<&'a [u8]> {
        if !self.is_host {
            return self.look_up();
        }
        let nth = self.nth;
        self.nth = 1;
        if nth == 0 { self.request.text(self.request.given.host) } else { None }
    }
}

impl<'a> Lines<'a> {
    /// The next line in the array, or of the callback.
    #[inline(never)]
    fn look_up(&mut self) -> Option<&'a [u8]> {
        let Borrowed { given, .. } = *self.request;
        if let Some(ask) = given.header_fn {
            return self.ask(ask);
        }
        let wanted = self.name.as_bytes();
        let at = self.rest.iter().position(|line| self.request.is_called(line, wanted));
        let (seen, rest) = self.rest.split_at(at.map_or(self.rest.len(), |at| at + 1));
        self.rest = rest;
        at.and(seen.last()).map(|line| self.request.unchecked(line.value))
    }

    /// What a callback knows.
    fn ask(
        &mut self,
        ask: unsafe extern "C" fn(*mut c_void, u32, *const gw_str, u32, *mut gw_str) -> i32,
    ) -> Option<&'a [u8]> {
        let nth = u32::try_from(self.nth).ok()?;
        if nth == 0 {
            self.index = self.request.needs.header(self.name);
        }
        self.nth += 1;
        let (name, mut value) = (gw_str::of(self.name.as_bytes()), gw_str::ABSENT);
        let ctx = self.request.given.header_ctx;
        // SAFETY: who has given the function vouches for it and its context.
        let found = unsafe { ask(ctx, self.index, &raw const name, nth, &raw mut value) };
        if found == 0 {
            // It is not asked again.
            self.nth = usize::MAX;
            return None;
        }
        Some(self.request.unchecked(value))
    }
}
