//! Another service that says yes to an HTTPRoute's requests.

use super::{Asked, show_names, tell};
use crate::bytes::gw_str;
use crate::decider::gw_decider;
use crate::pinned::Made;
use crate::request::{Borrowed, gw_request};
use crate::sized::{sized, zeroed};
use crate::status::gw_status;
use gateway_core::Step;
use gateway_core::rules::AuthProtocol;
use http::header;

/// The service is asked by a request with the method of the one that is asked about, and `target`:
/// after 200 that one passes; any other answer, header and body, goes to the client.
pub const GW_CHECK_HTTP: i32 = 1;
/// It is asked by a call of Envoy's `ext_authz`, version 3, which tells it `target` as the path.
pub const GW_CHECK_GRPC: i32 = 2;

/// The service is sent all fields of the request's header.
pub const GW_CHECK_ALL_REQUEST_HEADERS: u32 = 1;
/// The request goes on with all fields of the answer's header but `Host`, and but those that say
/// where the answer ends and what becomes of its connection: Connection, Content-Length,
/// Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade. With another length a
/// part of the client's body would be taken for a request.
pub const GW_CHECK_ALL_RESPONSE_HEADERS: u32 = 1 << 1;

/// Which service is asked about a request, and how (`GW_DUTY_AUTH_CHECK`). Where it cannot be
/// asked, the answer is `gw_step.status`. Set `struct_size`. Texts live until the next call of
/// `gw_step_auth_check`, and no longer than the decision.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_auth_check {
    /// `sizeof(gw_auth_check)`.
    pub struct_size: usize,
    /// The Service that is asked and its port, "namespace/name:port". It is not among those of
    /// `gw_router_backend`, unless it is a backend too.
    pub service: gw_str,
    /// Its namespace.
    pub service_namespace: gw_str,
    /// Its name.
    pub service_name: gw_str,
    /// Its port.
    pub service_port: u32,
    /// 1: within TLS (`gw_step_tls`).
    pub tls: i32,
    /// `GW_CHECK_HTTP` or `GW_CHECK_GRPC`; by another number the service cannot be asked.
    pub protocol: i32,
    /// Some of `GW_CHECK_ALL_...`.
    pub flags: u32,
    /// The path and the query that the service is asked about, in normal form.
    pub target: gw_str,
    /// How many octets of the body are sent along; 0 for none. A request with more of them is answered
    /// 413, unless it is 0.
    pub max_body: u64,
    /// The fields of the request's header that are sent, unless it is all: names in lower case. Over
    /// HTTP the length of what is sent along is yours to say.
    pub request_headers: *const gw_str,
    /// How many.
    pub request_headers_len: usize,
    /// The fields of the answer's header that the request goes on with in the place of its own, unless
    /// it is all: names in lower case. None with `GW_CHECK_GRPC`: there the answer itself says what is
    /// changed.
    pub response_headers: *const gw_str,
    /// How many.
    pub response_headers_len: usize,
}
sized!(gw_auth_check);

/// Keeps what is told.
#[derive(Default)]
pub(super) struct Told {
    service: String,
    target: Vec<u8>,
    request_headers: Vec<gw_str>,
    response_headers: Vec<gw_str>,
}

/// Fills `out` with what the step at `index` of the last decision needs; `GW_NONE` where it is not of
/// `GW_DUTY_AUTH_CHECK`, or there is none. Allocates nothing but room for texts and lists, once.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `request` is the
/// one that was decided, as for `gw_decide`; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_step_auth_check(
    decider: *mut gw_decider,
    request: *const gw_request,
    index: usize,
    out: *mut gw_auth_check,
) -> gw_status {
    // SAFETY: the caller vouches for all of it.
    unsafe { tell(decider, request, index, out, show) }
}

fn show(
    step: &Step<'_>,
    made: &Made<'_, '_>,
    request: &Borrowed<'_>,
    told: &mut super::Told,
) -> Option<gw_auth_check> {
    let Step::AuthCheck(check) = step else { return None };
    let rules = made.router.router.rules();
    let told = &mut told.auth_check;
    let asked = Asked::of(check.target, rules, &mut told.service);
    told.target.clear();
    made.decision.write_check_target(check, request, &mut told.target);
    let (protocol, flags, sent, taken) = match &check.protocol {
        AuthProtocol::Http { path: _, request_headers, response_headers } => {
            let all = response_headers.is_empty();
            let flags = if all { GW_CHECK_ALL_RESPONSE_HEADERS } else { 0 };
            (GW_CHECK_HTTP, flags, &**request_headers, &**response_headers)
        }
        AuthProtocol::Grpc { request_headers } => {
            let all = request_headers.is_empty();
            let flags = if all { GW_CHECK_ALL_REQUEST_HEADERS } else { 0 };
            (GW_CHECK_GRPC, flags, &**request_headers, &[][..])
        }
    };
    let always = [header::HOST, header::AUTHORIZATION];
    let others = always.iter().filter(|name| check.sends(name) && !sent.contains(name));
    let sent = sent.iter().filter(|name| check.sends(name));
    let others = others.filter(|_| flags & GW_CHECK_ALL_REQUEST_HEADERS == 0);
    let (request_headers, request_headers_len) =
        show_names(others.chain(sent), &mut told.request_headers);
    let taken = taken.iter().filter(|name| check.takes(name));
    let (response_headers, response_headers_len) = show_names(taken, &mut told.response_headers);
    Some(gw_auth_check {
        service: asked.service,
        service_namespace: asked.namespace,
        service_name: asked.name,
        service_port: asked.port,
        tls: i32::from(check.tls.is_some()),
        protocol,
        flags,
        target: gw_str::of(&told.target),
        max_body: check.max_body,
        request_headers,
        request_headers_len,
        response_headers,
        response_headers_len,
        ..zeroed()
    })
}
