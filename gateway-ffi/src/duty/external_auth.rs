//! Another service that says yes to a VirtualServer's requests.

use super::{Asked, tell};
use crate::bytes::gw_str;
use crate::decider::gw_decider;
use crate::pinned::Made;
use crate::request::{Borrowed, gw_request};
use crate::sized::{sized, zeroed};
use crate::status::gw_status;
use gateway_core::Step;

/// Which service is asked about a request, and how (`GW_DUTY_EXTERNAL_AUTH`): send it GET `uri`
/// with `host` as `Host`, the header of the request but for what is about its body and its
/// connection (Content-Length, Transfer-Encoding, Connection, TE, Trailer, Upgrade, Keep-Alive,
/// Expect), and no body. After 2xx the request passes. 401, with the `WWW-Authenticate` of the
/// service, and 403 go to the client; anything else, or no answer, is `gw_step.status`. Set
/// `struct_size`. Texts live until the next call of `gw_step_external_auth`, and no longer than the
/// decision.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_external_auth {
    /// `sizeof(gw_external_auth)`.
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
    /// Path and query that are asked for.
    pub uri: gw_str,
    /// The `Host` of the question.
    pub host: gw_str,
    /// Where clients log in: path and query. In the place of a 401 they are sent what the service
    /// answers to that. Absent: 401 goes to the client.
    pub sign_in: gw_str,
    /// 1: clients log in by this very request. It goes to the service in the place of the backend, and
    /// nothing is asked about it: with `target`, and with method, `Host`, header and body of the client.
    /// `gw_edit_request` is about the backend, and not for it.
    pub is_for_sign_in: i32,
    /// Zero.
    pub reserved: u32,
    /// With `is_for_sign_in` the path and the query in normal form. Else absent.
    pub target: gw_str,
}
sized!(gw_external_auth);

/// Keeps what is told.
#[derive(Default)]
pub(super) struct Told {
    service: String,
    target: Vec<u8>,
}

/// Fills `out` with what the step at `index` of the last decision needs; `GW_NONE` where it is not of
/// `GW_DUTY_EXTERNAL_AUTH`, or there is none. Allocates nothing but room for the text, once.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `request` is the
/// one that was decided, as for `gw_decide`; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_step_external_auth(
    decider: *mut gw_decider,
    request: *const gw_request,
    index: usize,
    out: *mut gw_external_auth,
) -> gw_status {
    // SAFETY: the caller vouches for all of it.
    unsafe { tell(decider, request, index, out, show) }
}

fn show(
    step: &Step<'_>,
    made: &Made<'_, '_>,
    request: &Borrowed<'_>,
    told: &mut super::Told,
) -> Option<gw_external_auth> {
    let Step::ExternalAuth(policy) = step else { return None };
    let rules = made.router.router.rules();
    let told = &mut told.external_auth;
    let asked = Asked::of(policy.target, rules, &mut told.service);
    let is_for_sign_in = made.decision.is_for_sign_in(policy, request);
    told.target.clear();
    if is_for_sign_in {
        made.decision.write_sign_in_target(request, &mut told.target);
    }
    let sign_in = policy.sign_in.as_ref();
    Some(gw_external_auth {
        service: asked.service,
        service_namespace: asked.namespace,
        service_name: asked.name,
        service_port: asked.port,
        tls: i32::from(policy.tls.is_some()),
        uri: gw_str::of(policy.uri.as_bytes()),
        host: gw_str::of(policy.server_name.as_bytes()),
        sign_in: gw_str::of_option(sign_in.map(|sign_in| sign_in.uri.as_bytes())),
        is_for_sign_in: i32::from(is_for_sign_in),
        target: gw_str::of_option(is_for_sign_in.then_some(&*told.target)),
        ..zeroed()
    })
}
