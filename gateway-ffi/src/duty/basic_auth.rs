//! Basic authentication.

use super::tell;
use crate::bytes::gw_str;
use crate::decider::gw_decider;
use crate::pinned::Made;
use crate::request::{Borrowed, gw_request};
use crate::sized::{sized, zeroed};
use crate::status::gw_status;
use gateway_core::{Credentials, Step};
use http::HeaderValue;

/// Who a request says it comes from (RFC 7617, `GW_DUTY_BASIC_AUTH`). It passes where `hash` is
/// there and was made of `password`. Where there is no hash compare with one of your own all the
/// same, and refuse: else the time tells which names there are. Neither text ends in NUL. Refuse a
/// password with NUL in it before you hand it to crypt(3), whose result may be NULL. Else send what
/// `gw_answer` says for `gw_step.status`, with the field `WWW-Authenticate: challenge` besides. Set
/// `struct_size`. Texts live until the next call of `gw_step_basic_auth`, and no longer than the
/// decision.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_basic_auth {
    /// `sizeof(gw_basic_auth)`.
    pub struct_size: usize,
    /// The name that the request presents; absent where it presents none, or two.
    pub user: gw_str,
    /// The password beside it: a secret. It may be empty, and hold any octet.
    pub password: gw_str,
    /// The hash of this user's password, as htpasswd writes it ("$2y$...", "$apr1$...", "{SHA}...",
    /// what crypt(3) knows, ...): a secret. Absent where there is no such user.
    pub hash: gw_str,
    /// The value of `WWW-Authenticate` where the request does not pass.
    pub challenge: gw_str,
    /// What clients log in to; may be empty. It is in `challenge`.
    pub realm: gw_str,
    /// All users, in lines "name:hash": a secret.
    pub users: gw_str,
}
sized!(gw_basic_auth);

/// Keeps what is told.
#[derive(Default)]
pub(super) struct Told {
    presented: Option<Credentials>,
    challenge: Option<HeaderValue>,
}

/// Fills `out` with what the step at `index` of the last decision needs; `GW_NONE` where it is not of
/// `GW_DUTY_BASIC_AUTH`, or there is none. Reads `Authorization` of the request. Allocates.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `request` is the
/// one that was decided, as for `gw_decide`; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_step_basic_auth(
    decider: *mut gw_decider,
    request: *const gw_request,
    index: usize,
    out: *mut gw_basic_auth,
) -> gw_status {
    // SAFETY: the caller vouches for all of it.
    unsafe { tell(decider, request, index, out, show) }
}

fn show(
    step: &Step<'_>,
    _made: &Made<'_, '_>,
    request: &Borrowed<'_>,
    told: &mut super::Told,
) -> Option<gw_basic_auth> {
    let Step::BasicAuth(policy) = step else { return None };
    let told = &mut told.basic_auth;
    told.presented = Credentials::of(request);
    let presented = told.presented.as_ref();
    let challenge = told.challenge.insert(policy.challenge());
    Some(gw_basic_auth {
        user: gw_str::of_option(presented.map(|it| &*it.user)),
        password: gw_str::of_option(presented.map(|it| &*it.password)),
        hash: gw_str::of_option(presented.and_then(|it| policy.hash_of(&it.user))),
        challenge: gw_str::of(challenge.as_bytes()),
        realm: gw_str::of(policy.realm.as_bytes()),
        users: gw_str::of(policy.users.octets()),
        ..zeroed()
    })
}
