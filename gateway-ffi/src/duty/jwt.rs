//! Signed tokens.

use super::tell;
use crate::bytes::gw_str;
use crate::decider::gw_decider;
use crate::pinned::Made;
use crate::request::{Borrowed, gw_request};
use crate::settings::millis;
use crate::sized::{sized, zeroed};
use crate::status::gw_status;
use gateway_core::Step;
use gateway_core::rules::JwtKeys;
use http::HeaderValue;

/// The token that a request presents, and what it is signed with (RFC 7519, `GW_DUTY_JWT`). It
/// passes where `token` is there, is signed with one of the keys, and is valid by its times; else
/// send what `gw_answer` says for `gw_step.status`, with the field `WWW-Authenticate: challenge`
/// besides. Set `struct_size`. Texts live until the next call of `gw_step_jwt`, and no longer than
/// the decision.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_jwt {
    /// `sizeof(gw_jwt)`.
    pub struct_size: usize,
    /// The token, as it was sent: a secret, and not looked into. Absent where the request presents
    /// none.
    pub token: gw_str,
    /// The value of `WWW-Authenticate` where the request does not pass.
    pub challenge: gw_str,
    /// What clients log in to. It is in `challenge`.
    pub realm: gw_str,
    /// The keys, a JSON Web Key Set as it was written: a secret. Absent where they are fetched.
    pub keys: gw_str,
    /// The URL that gives the keys, "http://..." or "https://...", over TLS as `gw_step_tls` says.
    /// Absent where they are known.
    pub keys_uri: gw_str,
    /// How long keys that were fetched may be used, in milliseconds.
    pub keys_keep_ms: u64,
}
sized!(gw_jwt);

/// Keeps what is told.
#[derive(Default)]
pub(super) struct Told {
    token: Vec<u8>,
    challenge: Option<HeaderValue>,
}

/// Fills `out` with what the step at `index` of the last decision needs; `GW_NONE` where it is not of
/// `GW_DUTY_JWT`, or there is none. Reads the field of the request that holds the token:
/// `Authorization`, or what the policy names. Allocates.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `request` is the
/// one that was decided, as for `gw_decide`; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_step_jwt(
    decider: *mut gw_decider,
    request: *const gw_request,
    index: usize,
    out: *mut gw_jwt,
) -> gw_status {
    // SAFETY: the caller vouches for all of it.
    unsafe { tell(decider, request, index, out, show) }
}

fn show(
    step: &Step<'_>,
    made: &Made<'_, '_>,
    request: &Borrowed<'_>,
    told: &mut super::Told,
) -> Option<gw_jwt> {
    let Step::Jwt(policy) = step else { return None };
    let told = &mut told.jwt;
    told.token.clear();
    made.decision.write_token(policy, request, &mut told.token);
    let token = Some(&*told.token).filter(|token| !token.is_empty());
    let challenge = told.challenge.insert(policy.challenge());
    let shown = gw_jwt {
        token: gw_str::of_option(token),
        challenge: gw_str::of(challenge.as_bytes()),
        realm: gw_str::of(policy.realm.as_bytes()),
        ..zeroed()
    };
    Some(match &policy.keys {
        JwtKeys::Known(keys) => gw_jwt { keys: gw_str::of(keys.octets()), ..shown },
        JwtKeys::Remote(keys) => gw_jwt {
            keys_uri: gw_str::of(keys.uri.as_bytes()),
            keys_keep_ms: millis(Some(keys.keep)),
            ..shown
        },
    })
}
