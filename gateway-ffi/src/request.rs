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

/// A request as the engine sees it.
pub(crate) struct Borrowed<'a> {
    given: &'a gw_request,
    needs: &'a Needs,
    method: &'a str,
    target: &'a [u8],
    host: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
    server_name: Option<&'a [u8]>,
    headers: &'a [gw_header],
    attributes: &'a [gw_header],
    connection: Connection,
    version: Version,
    /// Whether a callback has returned what cannot be.
    faulty: Cell<bool>,
}

impl<'a> Borrowed<'a> {
    /// # Safety
    ///
    /// All that `given` points to can be read for `'a`, nobody changes it, and its functions can be
    /// called with their contexts.
    #[inline]
    pub(crate) unsafe fn of(given: &'a gw_request, needs: &'a Needs) -> Result<Self, gw_status> {
        let lines = |lines: &[gw_header]| {
            lines.iter().all(|line| line.name.is_possible() && line.value.is_possible())
        };
        // SAFETY: the caller vouches for everything that is pointed to.
        let (headers, attributes) = unsafe {
            let headers = match given.header_fn {
                Some(_) => &[],
                None => array(given.headers, given.headers_len)?,
            };
            let attributes = match given.attribute_fn {
                Some(_) => &[],
                None => array(given.attributes, given.attributes_len)?,
            };
            (headers, attributes)
        };
        if !lines(headers) || !lines(attributes) {
            return Err(GW_ERR_ARGUMENT);
        }
        let (protocol, port) = match given.flags & GW_REQUEST_TLS {
            0 => (Protocol::Http, 80),
            _ => (Protocol::Https, 443),
        };
        let address = ip(given.listener_family, &given.listener_addr)?;
        let port = if given.listener_port == 0 { port } else { given.listener_port };
        let peer = ip(given.peer_family, &given.peer_addr)?;
        let peer = peer.map(|ip| SocketAddr::new(ip, given.peer_port));
        let version = match given.http_version {
            0 | 11 => Version::HTTP_11,
            9 => Version::HTTP_09,
            10 => Version::HTTP_10,
            20 => Version::HTTP_2,
            30 => Version::HTTP_3,
            _ => return Err(GW_ERR_ARGUMENT),
        };
        // SAFETY: the caller vouches for everything that is pointed to.
        unsafe {
            Ok(Self {
                given,
                needs,
                method: given.method.text()?.ok_or(GW_ERR_ARGUMENT)?,
                target: given.target.get()?.ok_or(GW_ERR_ARGUMENT)?,
                host: given.host.get()?,
                authority: given.authority.get()?,
                server_name: given.server_name.get()?,
                headers,
                attributes,
                connection: Connection { listener: ListenerKey { address, port }, protocol, peer },
                version,
                faulty: Cell::new(false),
            })
        }
    }

    /// Whether all that callbacks have returned could be.
    #[inline]
    pub(crate) fn finish(&self) -> Result<(), gw_status> {
        if self.faulty.get() { Err(GW_ERR_ARGUMENT) } else { Ok(()) }
    }

    pub(crate) fn random(&self) -> u64 {
        self.given.random
    }

    /// What a callback has said.
    fn answered(&self, found: i32, value: gw_str) -> Option<&'a [u8]> {
        if found == 0 {
            return None;
        }
        // SAFETY: who has given the callback vouches for what it returns, until the call ends.
        let octets = unsafe { value.get() };
        self.faulty.set(self.faulty.get() || octets.is_err());
        octets.ok().map(Option::unwrap_or_default)
    }
}

fn ip(family: u8, octets: &[u8; 16]) -> Result<Option<IpAddr>, gw_status> {
    Ok(Some(match family {
        0 => return Ok(None),
        4 => Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).into(),
        6 => Ipv6Addr::from(*octets).into(),
        _ => return Err(GW_ERR_ARGUMENT),
    }))
}

impl Request for Borrowed<'_> {
    fn method(&self) -> &str {
        self.method
    }

    fn target(&self) -> &[u8] {
        self.target
    }

    fn authority(&self) -> Option<&[u8]> {
        self.authority
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let host = if name == "host" { self.host } else { None };
        let ends = host.is_some();
        let nth = 0;
        let index = GW_NO_INDEX;
        let lines = if ends { &[] } else { self.headers };
        Lines { request: self, name, host, ends, lines: lines.iter(), nth, index }
    }

    fn version(&self) -> Version {
        self.version
    }

    fn connection(&self) -> Connection {
        self.connection
    }

    fn server_name(&self) -> Option<&[u8]> {
        self.server_name
    }

    fn attribute(&self, name: &str) -> Option<&[u8]> {
        if let Some(ask) = self.given.attribute_fn {
            let index = self.needs.attribute(name);
            let (name, mut value) = (gw_str::of(name.as_bytes()), gw_str::ABSENT);
            // SAFETY: who has given the function vouches for it and its context.
            let found =
                unsafe { ask(self.given.attribute_ctx, index, &raw const name, &raw mut value) };
            return self.answered(found, value);
        }
        let named = |line: &&gw_header| octets(line.name) == name.as_bytes();
        self.attributes.iter().find(named).map(|line| octets(line.value))
    }
}

/// What stands in a line that has been looked at before.
#[inline]
fn octets<'a>(text: gw_str) -> &'a [u8] {
    // SAFETY: `Borrowed::of` has seen that it is possible, and its caller vouches for the rest.
    unsafe { text.get() }.ok().flatten().unwrap_or_default()
}

/// The lines of a name.
struct Lines<'a> {
    request: &'a Borrowed<'a>,
    name: &'a str,
    host: Option<&'a [u8]>,
    /// Whether there is no other line than `host`.
    ends: bool,
    lines: std::slice::Iter<'a, gw_header>,
    nth: u32,
    index: u32,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.ends {
            return self.host.take();
        }
        if let Some(ask) = self.request.given.header_fn {
            return self.ask(ask);
        }
        for line in self.lines.by_ref() {
            let name = octets(line.name);
            if name.len() == self.name.len() && name.eq_ignore_ascii_case(self.name.as_bytes()) {
                return Some(octets(line.value));
            }
        }
        None
    }
}

impl<'a> Lines<'a> {
    fn ask(
        &mut self,
        ask: unsafe extern "C" fn(*mut c_void, u32, *const gw_str, u32, *mut gw_str) -> i32,
    ) -> Option<&'a [u8]> {
        if self.nth == 0 {
            self.index = self.request.needs.header(self.name);
        }
        let (name, mut value) = (gw_str::of(self.name.as_bytes()), gw_str::ABSENT);
        let ctx = self.request.given.header_ctx;
        // SAFETY: who has given the function vouches for it and its context.
        let found = unsafe { ask(ctx, self.index, &raw const name, self.nth, &raw mut value) };
        self.nth += 1;
        let answered = self.request.answered(found, value);
        self.ends = answered.is_none();
        answered
    }
}
