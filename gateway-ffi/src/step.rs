//! What decisions ask of hosts.

use crate::bytes::{gw_str, text};
use crate::decider::{self, gw_decider};
use crate::sized::{Out, sized, zeroed};
use crate::status::{GW_NONE, GW_OK, gw_status};
use gateway_core::rules::{ApiKey, AuthCheck, Rate};
use gateway_core::{Counted, Decision, Origin, Outcome, Step};

/// The client of a TLS connection shows a certificate: `gw_step_client_certificate` says which.
pub const GW_DUTY_CLIENT_CERTIFICATE: u64 = 1;
/// The rate of requests is limited: `gw_step` has all of it.
pub const GW_DUTY_RATE_LIMIT: u64 = 1 << 1;
/// The request has a name and a password: `gw_step_basic_auth` reads both and has the hash.
pub const GW_DUTY_BASIC_AUTH: u64 = 1 << 2;
/// The key that the request presents is one of a client's: `gw_step_api_client` says whose.
pub const GW_DUTY_API_KEY: u64 = 1 << 3;
/// Another service says yes (a VirtualServer's externalAuth): `gw_step_external_auth` says which,
/// and how it is asked.
pub const GW_DUTY_EXTERNAL_AUTH: u64 = 1 << 4;
/// Another service says yes (an HTTPRoute's ExternalAuth filter): `gw_step_auth_check` says which,
/// and how it is asked.
pub const GW_DUTY_AUTH_CHECK: u64 = 1 << 5;
/// The request has a valid signed token: `gw_step_jwt` reads it and has the keys.
pub const GW_DUTY_JWT: u64 = 1 << 6;
/// Answers are kept, or taken from what is kept: `gw_step_cache` has the key, and says how.
pub const GW_DUTY_CACHE: u64 = 1 << 7;
/// The rate of requests to a Service is limited: `gw_step` has all of it.
pub const GW_DUTY_SERVICE_LIMIT: u64 = 1 << 8;
/// The backend is spoken to within TLS, as `gw_decider_backend_tls` says. No step stands for it.
pub const GW_DUTY_BACKEND_TLS: u64 = 1 << 9;
/// The backend is spoken to in mutual TLS of the mesh, with an identity of your own. No step stands
/// for it.
pub const GW_DUTY_MUTUAL_TLS: u64 = 1 << 10;
/// Some endpoints of the backend do not admit the caller: `gw_admits` is asked about each before the
/// request is sent there. No step stands for it.
pub const GW_DUTY_ENDPOINT_ACCESS: u64 = 1 << 11;

/// The duties, as diagnostics call them.
pub(crate) const DUTIES: [(u64, &str); 12] = [
    (GW_DUTY_CLIENT_CERTIFICATE, "a client certificate"),
    (GW_DUTY_RATE_LIMIT, "a rate limit"),
    (GW_DUTY_BASIC_AUTH, "basic authentication"),
    (GW_DUTY_API_KEY, "an API key"),
    (GW_DUTY_EXTERNAL_AUTH, "authentication by another service"),
    (GW_DUTY_AUTH_CHECK, "authentication by another service"),
    (GW_DUTY_JWT, "a signed token"),
    (GW_DUTY_CACHE, "a cache"),
    (GW_DUTY_SERVICE_LIMIT, "the limit of a Service"),
    (GW_DUTY_BACKEND_TLS, "TLS with a backend"),
    (GW_DUTY_MUTUAL_TLS, "mutual TLS with a backend"),
    (GW_DUTY_ENDPOINT_ACCESS, "who may call an endpoint"),
];

/// Each endpoint of the Service has a bucket of its own.
pub const GW_STEP_BY_ENDPOINT: u32 = 1;
/// Nobody is turned away: what would be is only told to the log.
pub const GW_STEP_DRY_RUN: u32 = 1 << 1;

/// One thing that a decision asks before the request is treated as it says. What a duty needs besides
/// is told by the function that stands at its `GW_DUTY_...`. Set `struct_size`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_step {
    /// `sizeof(gw_step)`.
    pub struct_size: usize,
    /// One of `GW_DUTY_...`; 0 for one that is none of yours: the last step of a request that is
    /// turned away or only asks what it may do, which the kind of the decision says too.
    pub duty: u64,
    /// The status to answer with where the request does not pass: hand it to `gw_answer`. Where
    /// another service turned it away, the status that it said goes before.
    pub status: u32,
    /// Some of `GW_STEP_...`.
    pub flags: u32,
    /// The policy: kind, namespace, name, and the field in it. They live as long as the decision.
    pub policy_kind: gw_str,
    /// See `policy_kind`.
    pub policy_namespace: gw_str,
    /// See `policy_kind`.
    pub policy_name: gw_str,
    /// See `policy_kind`.
    pub policy_field: gw_str,
    /// Which bucket of a limit counts the request; the key that a request presents, which is a
    /// secret; the name of the service that is asked. Else absent. Lives as long as the decision,
    /// or the next call of this function.
    pub key: gw_str,
    /// The bucket of a rate limit: limits of one name share their counts. Else absent.
    pub bucket: gw_str,
    /// Of a limit: how many requests,
    pub limit_requests: u64,
    /// in how many milliseconds;
    pub limit_per_ms: u64,
    /// how many more may come at once,
    pub limit_burst: u32,
    /// and how many of these are not delayed; `UINT32_MAX`: all of them.
    pub limit_at_once: u32,
}
sized!(gw_step);

/// What the steps and the outcome of a decision ask.
#[inline(always)]
pub(crate) fn duties(decision: &Decision<'_>, steps: &[Step<'_>]) -> u64 {
    let mut duties = 0;
    for step in steps {
        duties |= asked(step).0;
    }
    if let Outcome::Forward(to) = decision.admitted() {
        if decision.backend_tls().is_some() {
            duties |= GW_DUTY_BACKEND_TLS;
        }
        if decision.mutual_tls() {
            duties |= GW_DUTY_MUTUAL_TLS;
        }
        if to.is_checked() {
            duties |= GW_DUTY_ENDPOINT_ACCESS;
        }
    }
    duties
}

/// The duty of a step, the status where it turns a request away, and where it was written.
pub(crate) fn asked<'s>(step: &'s Step<'_>) -> (u64, u16, &'s Origin) {
    match step {
        Step::Refuse(refusal) => (0, refusal.status.as_u16(), refusal.origin),
        Step::Preflight(cors) => (0, 204, cors.origin()),
        Step::ClientCertificate(policy) => (GW_DUTY_CLIENT_CERTIFICATE, 400, &policy.origin),
        Step::RateLimit { limit, .. } => (GW_DUTY_RATE_LIMIT, limit.reject.as_u16(), &limit.origin),
        Step::BasicAuth(policy) => (GW_DUTY_BASIC_AUTH, 401, &policy.origin),
        Step::ApiKey { policy, .. } => (GW_DUTY_API_KEY, ApiKey::UNKNOWN.as_u16(), &policy.origin),
        Step::ExternalAuth(policy) => (GW_DUTY_EXTERNAL_AUTH, 500, &policy.origin),
        Step::AuthCheck(check) => (GW_DUTY_AUTH_CHECK, AuthCheck::FAILED.as_u16(), &check.origin),
        Step::Jwt(policy) => (GW_DUTY_JWT, 401, &policy.origin),
        Step::Cache(policy) => (GW_DUTY_CACHE, 500, &policy.origin),
        Step::ServiceLimit(counted) => (GW_DUTY_SERVICE_LIMIT, 503, &counted.limit.origin),
    }
}

fn show(step: &Step<'_>, key: &mut Vec<u8>) -> gw_step {
    let (duty, status, origin) = asked(step);
    let shown = gw_step {
        duty,
        status: status.into(),
        policy_kind: text(&origin.object.kind),
        policy_namespace: text(&origin.object.namespace),
        policy_name: text(&origin.object.name),
        policy_field: text(&origin.field),
        ..zeroed()
    };
    match step {
        Step::RateLimit { limit, key } => {
            let (requests, per) = match limit.rate {
                Rate::PerSecond(requests) => (requests, 1_000),
                Rate::PerMinute(requests) => (requests, 60_000),
            };
            gw_step {
                flags: if limit.dry_run { GW_STEP_DRY_RUN } else { 0 },
                key: gw_str::of(key),
                bucket: text(&limit.bucket),
                limit_requests: requests.into(),
                limit_per_ms: per,
                limit_burst: limit.burst,
                limit_at_once: limit.delay.unwrap_or(u32::MAX),
                ..shown
            }
        }
        Step::ApiKey { key, .. } => gw_step { key: gw_str::of(key), ..shown },
        Step::AuthCheck(check) => gw_step { key: text(&check.name), ..shown },
        Step::ServiceLimit(Counted { limit, source, by_endpoint }) => {
            key.clear();
            key.extend_from_slice(match source {
                None => b"all",
                Some(_) => b"source ",
            });
            key.extend(source.iter().flat_map(|source| source.to_string().into_bytes()));
            gw_step {
                flags: if *by_endpoint { GW_STEP_BY_ENDPOINT } else { 0 },
                key: gw_str::of(key),
                limit_requests: limit.requests.into(),
                limit_per_ms: limit.per.as_millis().try_into().unwrap_or(u64::MAX),
                limit_burst: limit.burst,
                limit_at_once: limit.at_once.unwrap_or(u32::MAX),
                ..shown
            }
        }
        _ => shown,
    }
}

/// Fills `out` with the step at `index`, from 0, of the last decision: they are to be taken in this
/// order, until one turns the request away. `GW_NONE` where there are no more; `GW_ERR_STATE` where
/// nothing is decided.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `out` is NULL or
/// can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_step_get(
    decider: *mut gw_decider,
    index: usize,
    out: *mut gw_step,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        // SAFETY: the caller vouches for it.
        let out = unsafe { Out::of(out) }?;
        let made = decider.pinned.get()?;
        let Some(step) = made.decided.steps.get(index) else { return Ok(GW_NONE) };
        out.write(show(step, &mut decider.key));
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}
