//! How a backend is spoken to.

use crate::bytes::gw_str;
use crate::decider::{self, gw_decider};
use crate::forward::forwarding;
use crate::pinned::Made;
use crate::sized::{self, sized, zeroed};
use crate::status::{GW_ERR_STATE, GW_NONE, GW_OK, gw_status};
use gateway_core::rules::{BackendProtocol, EndpointChoice, NonIdempotent, RetryCondition};
use gateway_core::{Forwarding, Outcome};
use std::time::Duration;

/// HTTP/1.1 is spoken with the backend.
pub const GW_PROTOCOL_HTTP1: i32 = 1;
/// HTTP/2, even without TLS.
pub const GW_PROTOCOL_HTTP2: i32 = 2;
/// gRPC: HTTP/2, even without TLS.
pub const GW_PROTOCOL_GRPC: i32 = 3;

/// Another endpoint is tried where connecting, sending, or reading the head of the answer failed,
pub const GW_RETRY_ON_ERROR: u32 = 1;
/// where it took too long,
pub const GW_RETRY_ON_TIMEOUT: u32 = 1 << 1;
/// where the answer was empty or not HTTP.
pub const GW_RETRY_ON_INVALID_HEADER: u32 = 1 << 2;

/// A request that is not idempotent and may have reached an endpoint is not sent again,
pub const GW_REPEAT_NEVER: i32 = 0;
/// only after an answer with one of the statuses,
pub const GW_REPEAT_AFTER_STATUS: i32 = 1;
/// or as any other.
pub const GW_REPEAT_ALWAYS: i32 = 2;

/// Requests go to the address of the Service itself (`gw_endpoints.cluster_addr`), and to none of its
/// endpoints. Where none is known, or who may call its endpoints is asked (`GW_DUTY_ENDPOINT_ACCESS`)
/// and so nobody knows who would answer, send nothing. Only for hosts that look at endpoints.
pub const GW_SETTINGS_CLUSTER_ADDRESS: u32 = 1;

/// How the backend of a decision is spoken to. Set `struct_size`. Times are in milliseconds, rounded
/// up; 0 is no limit.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_settings {
    /// `sizeof(gw_settings)`.
    pub struct_size: usize,
    /// One of `GW_PROTOCOL_...`.
    pub protocol: i32,
    /// 1: within TLS (`gw_decider_backend_tls`).
    pub tls: i32,
    /// To open a connection to an endpoint.
    pub connect_timeout_ms: u64,
    /// Between two reads from it.
    pub read_timeout_ms: u64,
    /// Between two writes to it.
    pub send_timeout_ms: u64,
    /// The whole exchange with the client, over all tries.
    pub request_timeout_ms: u64,
    /// One try.
    pub try_timeout_ms: u64,
    /// No new try after this long.
    pub retry_timeout_ms: u64,
    /// The least pause between two tries.
    pub retry_backoff_ms: u64,
    /// How many tries in all; 0: as many as there are endpoints.
    pub retry_tries: u32,
    /// Some of `GW_RETRY_ON_...`.
    pub retry_on: u32,
    /// The statuses of answers after which another endpoint is tried.
    pub retry_statuses: *const u16,
    /// How many.
    pub retry_statuses_len: usize,
    /// One of `GW_REPEAT_...`, for POST, LOCK and PATCH.
    pub retry_repeat: i32,
    /// The most requests under way with one endpoint; 0 for no limit.
    pub max_connections: u32,
    /// The largest body of a request; more is answered 413. `UINT64_MAX` for no limit.
    pub max_body: u64,
    /// Some of `GW_SETTINGS_...`.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}
sized!(gw_settings);

/// How TLS is spoken with the backend of a decision (`GW_DUTY_BACKEND_TLS`). Set `struct_size`. Texts
/// live as long as the decision; `names`, until the next call.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_backend_tls {
    /// `sizeof(gw_backend_tls)`.
    pub struct_size: usize,
    /// 1: the certificate of the backend is verified.
    pub verify: i32,
    /// How long a chain may be, at most.
    pub depth: u32,
    /// Who is trusted, in PEM; absent: the authorities of the system.
    pub authorities: gw_str,
    /// The name that is sent as SNI, and that the certificate has to have where `names` are none;
    /// absent: none is asked for.
    pub server_name: gw_str,
    /// 1: `server_name` is sent as SNI.
    pub sni: i32,
    /// 1: sessions are resumed.
    pub session_reuse: i32,
    /// The names of which the certificate has to have one: "dns:..." or "uri:...".
    pub names: *const gw_str,
    /// How many.
    pub names_len: usize,
    /// The versions of TLS, as nginx writes them; empty: yours to choose.
    pub protocols: gw_str,
    /// The ciphers, as OpenSSL writes them; empty: yours to choose.
    pub ciphers: gw_str,
    /// Your own certificate for backends that ask for one, in PEM; absent for none.
    pub certificate: gw_str,
    /// Its key, in PEM: a secret.
    pub key: gw_str,
}
sized!(gw_backend_tls);

/// Where the request goes, if that is a backend.
pub(crate) fn to_backend<'r>(made: &Made<'_, 'r>) -> Result<Forwarding<'r>, gw_status> {
    match forwarding(made)?.admitted() {
        Outcome::Forward(to) => Ok(to),
        _ => Err(GW_ERR_STATE),
    }
}

/// What is spoken with the backend, as C sees it.
#[inline]
pub(crate) fn protocol(to: &Forwarding<'_>) -> i32 {
    match to.protocol() {
        BackendProtocol::Http => GW_PROTOCOL_HTTP1,
        BackendProtocol::Http2 => GW_PROTOCOL_HTTP2,
        BackendProtocol::Grpc => GW_PROTOCOL_GRPC,
    }
}

/// The largest body, as C sees it.
#[inline]
pub(crate) fn max_body(most: Option<u64>) -> u64 {
    most.unwrap_or(u64::MAX)
}

/// A time in milliseconds, rounded up.
pub(crate) fn millis(limit: Option<Duration>) -> u64 {
    let ceil = |limit: Duration| limit.as_nanos().div_ceil(1_000_000);
    limit.map_or(0, |limit| u64::try_from(ceil(limit)).unwrap_or(u64::MAX).max(1))
}

/// Fills `out` with how the backend of the last decision is spoken to. `GW_ERR_STATE` where it is not
/// of `GW_KIND_FORWARD`. Allocates nothing but room for statuses, once.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `out` is NULL or
/// can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_decider_settings(
    decider: *mut gw_decider,
    out: *mut gw_settings,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let made = decider.pinned.get()?;
        let to = to_backend(&made)?;
        let (settings, statuses) = (&to.forward.settings, &mut decider.retry_statuses);
        let (timeouts, retry) = (&settings.timeouts, &settings.retry);
        statuses.clear();
        let mut on = 0;
        for condition in &retry.on {
            match condition {
                RetryCondition::Error => on |= GW_RETRY_ON_ERROR,
                RetryCondition::Timeout => on |= GW_RETRY_ON_TIMEOUT,
                RetryCondition::InvalidHeader => on |= GW_RETRY_ON_INVALID_HEADER,
                RetryCondition::Status(status) => statuses.push(status.as_u16()),
            }
        }
        let shown = gw_settings {
            protocol: protocol(&to),
            tls: i32::from(made.decision.backend_tls().is_some()),
            connect_timeout_ms: millis(timeouts.connect),
            read_timeout_ms: millis(timeouts.read),
            send_timeout_ms: millis(timeouts.send),
            request_timeout_ms: millis(timeouts.request),
            try_timeout_ms: millis(timeouts.backend_request),
            retry_timeout_ms: millis(retry.timeout),
            retry_backoff_ms: millis(retry.backoff),
            retry_tries: retry.tries,
            retry_on: on,
            retry_statuses: statuses.as_ptr(),
            retry_statuses_len: statuses.len(),
            retry_repeat: match retry.non_idempotent {
                NonIdempotent::Never => GW_REPEAT_NEVER,
                NonIdempotent::AfterStatus => GW_REPEAT_AFTER_STATUS,
                NonIdempotent::Always => GW_REPEAT_ALWAYS,
            },
            max_connections: settings.max_connections.unwrap_or(0),
            max_body: max_body(settings.max_body),
            flags: match settings.endpoints {
                EndpointChoice::ClusterIp => GW_SETTINGS_CLUSTER_ADDRESS,
                EndpointChoice::Ready | EndpointChoice::Labelled(_) => 0,
            },
            ..zeroed()
        };
        // SAFETY: the caller vouches for it.
        unsafe { sized::write(out, shown) }?;
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}

/// Fills `out` with how TLS is spoken with the backend of the last decision; `GW_NONE` where it is
/// not spoken. `GW_ERR_STATE` where the decision is not of `GW_KIND_FORWARD`. Meant for the first
/// request to a backend, not for each.
///
/// # Safety
///
/// As for `gw_decider_settings`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_decider_backend_tls(
    decider: *mut gw_decider,
    out: *mut gw_backend_tls,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let made = decider.pinned.get()?;
        let Some(tls) = forwarding(&made)?.backend_tls() else { return Ok(GW_NONE) };
        let shown = decider.names.show(tls);
        // SAFETY: the caller vouches for it.
        unsafe { sized::write(out, shown) }?;
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}
