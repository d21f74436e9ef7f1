//! Certificates of clients.

use crate::bytes::gw_str;
use crate::decider::{self, gw_decider};
use crate::sized::{Out, sized, zeroed};
use crate::status::{GW_NONE, GW_OK, gw_status};
use gateway_core::Step;
use gateway_core::rules::{SecretText, VerifyClient};

/// The client has to have shown a certificate that is valid,
pub const GW_VERIFY_CLIENT_ON: i32 = 1;
/// nothing is asked of it,
pub const GW_VERIFY_CLIENT_OFF: i32 = 2;
/// it may have shown none, but none that is not valid,
pub const GW_VERIFY_CLIENT_OPTIONAL: i32 = 3;
/// or it may also have shown one that none of the authorities has signed. Treat a number that you do
/// not know as `GW_VERIFY_CLIENT_ON`.
pub const GW_VERIFY_CLIENT_OPTIONAL_NO_AUTHORITY: i32 = 4;

/// Which certificate the client of a TLS connection has to have shown
/// (`GW_DUTY_CLIENT_CERTIFICATE`). Where it has not, the answer is `gw_step.status`; where the
/// connection was opened for another host, or was not asked for a certificate, 421. Connections are
/// opened before requests are decided: ask for a certificate in every handshake, take any, and
/// judge it when a request asks. Do not take up sessions of earlier connections: they tell what was
/// found then, perhaps for another host. Judge open connections anew when `gw_decision.generation`
/// changes. Set `struct_size`. Texts live as long as the decision.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_client_certificate {
    /// `sizeof(gw_client_certificate)`.
    pub struct_size: usize,
    /// One of `GW_VERIFY_CLIENT_...`.
    pub verify: i32,
    /// How many certificates may stand between that of the client and the authority's.
    pub depth: u32,
    /// Who may have signed it: certificates in PEM.
    pub authorities: gw_str,
    /// What is withdrawn: lists in PEM. Absent for none; else every certificate of the chain needs a
    /// list of who signed it that has not ended.
    pub revoked: gw_str,
}
sized!(gw_client_certificate);

/// Fills `out` with what the step at `index` of the last decision needs; `GW_NONE` where it is not of
/// `GW_DUTY_CLIENT_CERTIFICATE`, or there is none. Allocates nothing. Reading certificates is dear:
/// keep what came of it for as long as `gw_decision.generation` is the same.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `out` is NULL or
/// can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_step_client_certificate(
    decider: *mut gw_decider,
    index: usize,
    out: *mut gw_client_certificate,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let made = decider.pinned.get()?;
        // SAFETY: the caller vouches for it.
        let out = unsafe { Out::of(out) }?;
        let Some(Step::ClientCertificate(policy)) = made.decided.steps.get(index) else {
            return Ok(GW_NONE);
        };
        out.write(gw_client_certificate {
            verify: match policy.verify {
                VerifyClient::On => GW_VERIFY_CLIENT_ON,
                VerifyClient::Off => GW_VERIFY_CLIENT_OFF,
                VerifyClient::Optional => GW_VERIFY_CLIENT_OPTIONAL,
                VerifyClient::OptionalNoAuthority => GW_VERIFY_CLIENT_OPTIONAL_NO_AUTHORITY,
            },
            depth: policy.depth,
            authorities: gw_str::of(policy.authorities.octets()),
            revoked: gw_str::of_option(policy.revoked.as_ref().map(SecretText::octets)),
            ..zeroed()
        });
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}
