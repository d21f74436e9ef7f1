//! What a backend is sent.

use crate::bytes::gw_str;
use crate::decider::{self, gw_decider};
use crate::handle;
use crate::headers::{Changes, gw_header_op};
use crate::pinned::{Made, Treatment};
use crate::request::{Borrowed, gw_request};
use crate::sized::{self, Out, sized, zeroed};
use crate::status::{GW_ERR_ARGUMENT, GW_ERR_STATE, GW_OK, gw_status};
use gateway_core::rules::Balance;
use gateway_core::{Decision, Outcome, Request};
use http::HeaderValue;
use std::mem::MaybeUninit;

/// What a backend is sent. Set `struct_size`. Texts live until the next call of the same function,
/// and no longer than the decision.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_forward {
    /// `sizeof(gw_forward)`.
    pub struct_size: usize,
    /// The request target: always send this one, which is rewritten or brought to the form that the
    /// listener asks for, and never that of the client.
    pub target: gw_str,
    /// The `Host` or `:authority`; absent: as the client sent it.
    pub host: gw_str,
    /// Changes to the header, to be carried out in this order on what the client sent. They are
    /// about neither `Host` nor what frames the message.
    pub ops: *const gw_header_op,
    /// How many.
    pub ops_len: usize,
    /// Where the rule balances by a key: that key, which may be empty. Requests with the same one
    /// go to the same endpoint. Else absent.
    pub hash_key: gw_str,
}
sized!(gw_forward);

/// Keeps what a backend is sent until C has seen it.
#[derive(Default)]
pub(crate) struct Sent {
    target: Vec<u8>,
    key: Vec<u8>,
    host: Option<HeaderValue>,
    changes: Changes,
}

impl Sent {
    /// Renders what `decision`, which forwards `request`, sends.
    pub(crate) fn show(&mut self, decision: &Decision<'_>, request: &impl Request) -> gw_forward {
        self.target.clear();
        decision.write_target(request, &mut self.target);
        self.host = decision.host_header(request);
        self.changes.clear();
        decision.edit_request(request, &mut self.changes);
        self.key.clear();
        decision.write_balance_key(request, &mut self.key);
        let (ops, ops_len) = self.changes.show();
        gw_forward {
            target: gw_str::of(&self.target),
            host: gw_str::of_option(self.host.as_ref().map(HeaderValue::as_bytes)),
            ops,
            ops_len,
            hash_key: match balances_by_key(decision) {
                true => gw_str::of(&self.key),
                false => gw_str::ABSENT,
            },
            ..zeroed()
        }
    }
}

fn balances_by_key(decision: &Decision<'_>) -> bool {
    let Outcome::Forward(to) = decision.admitted() else { return false };
    matches!(to.forward.settings.balance, Balance::Hash { .. })
}

/// The decision, where the request goes to a backend.
pub(crate) fn forwarding<'d, 'r>(made: &Made<'d, 'r>) -> Result<&'d Decision<'r>, gw_status> {
    match (made.decided.treatment, made.decision.admitted()) {
        (Treatment::Outcome, Outcome::Forward(_)) => Ok(made.decision),
        _ => Err(GW_ERR_STATE),
    }
}

/// Fills `out` with what the backend of the last decision is sent. `GW_ERR_STATE` where it is not of
/// `GW_KIND_FORWARD`. Allocates for values of header fields only, beyond what the decider keeps.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `request` is the
/// one that was decided, as for `gw_decide`; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_edit_request(
    decider: *mut gw_decider,
    request: *const gw_request,
    out: *mut gw_forward,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let mut room = MaybeUninit::uninit();
        let made = decider.pinned.get()?;
        // SAFETY: the caller vouches for all of it.
        let (out, request) = unsafe {
            let given = sized::read(request, &mut room)?;
            (Out::of(out)?, Borrowed::of(given, &made.router.needs)?)
        };
        let shown = decider.sent.show(forwarding(&made)?, &request);
        request.finish()?;
        out.write(shown);
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}

/// Whether an endpoint of the backend may be sent the request (`GW_DUTY_ENDPOINT_ACCESS`):
/// `*admitted` is 1 or 0. `account` is the service account of the endpoint's workload, as
/// "namespace/name" (`gw_endpoint.account`); one that is not known is never admitted. Of several
/// workloads that have it all have to admit the caller: see `gw_admits_endpoint`.
///
/// # Safety
///
/// As for `gw_edit_request`; `account` is NULL or can be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_admits(
    decider: *mut gw_decider,
    request: *const gw_request,
    account: *const gw_str,
    admitted: *mut i32,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let mut room = MaybeUninit::uninit();
        let made = decider.pinned.get()?;
        // SAFETY: the caller vouches for all of it.
        let (request, account) = unsafe {
            let request = Borrowed::of(sized::read(request, &mut room)?, &made.router.needs)?;
            (request, handle::shared(account)?.get()?.ok_or(GW_ERR_ARGUMENT)?)
        };
        let decision = forwarding(&made)?;
        let Outcome::Forward(to) = decision.admitted() else { return Err(GW_ERR_STATE) };
        let admits = match &to.service.access {
            None => true,
            Some(access) => {
                let mut of_account = access.reachable(to.port).filter(|(_, workload)| {
                    let known = &workload.account;
                    account
                        .split(|b| *b == b'/')
                        .eq([known.namespace.as_bytes(), known.name.as_bytes()])
                });
                // Where several kinds of endpoints have the account, all of them have to.
                let first = of_account.next();
                first.is_some_and(|(at, _)| decision.admits(&request, at))
                    && of_account.all(|(at, _)| decision.admits(&request, at))
            }
        };
        request.finish()?;
        // SAFETY: the caller vouches for it.
        unsafe { handle::put(admitted, i32::from(admits)) }?;
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}
