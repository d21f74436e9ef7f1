//! TLS with services that are asked.

use crate::bytes::gw_str;
use crate::decider::{self, gw_decider};
use crate::settings::gw_backend_tls;
use crate::sized::{Out, zeroed};
use crate::status::{GW_NONE, GW_OK, gw_status};
use gateway_core::rules::JwtKeys;
use gateway_core::{Step, TlsToBackend};

/// Fills `out` with how TLS is spoken with the service that the step at `index` of the last decision
/// asks (`GW_DUTY_EXTERNAL_AUTH`, `GW_DUTY_AUTH_CHECK`), or that gives its keys (`gw_jwt.keys_uri`).
/// `GW_NONE` where it asks none, or without TLS. Texts live as long as the decision; `names`, until
/// the next call of `gw_step_tls`. Meant for the first request to a service, not for each.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `out` is NULL or
/// can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_step_tls(
    decider: *mut gw_decider,
    index: usize,
    out: *mut gw_backend_tls,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let made = decider.pinned.get()?;
        // SAFETY: the caller vouches for it.
        let out = unsafe { Out::of(out) }?;
        let names = &mut decider.told.names;
        // Nothing is said of versions and ciphers.
        let to = |server: &str, sni: bool| gw_backend_tls {
            server_name: gw_str::of(server.as_bytes()),
            sni: i32::from(sni),
            session_reuse: 1,
            ..zeroed()
        };
        let shown = match made.decided.steps.get(index) {
            Some(Step::ExternalAuth(policy)) => policy
                .tls
                .as_ref()
                .map(|trust| names.show_trust(Some(trust), to(&policy.server_name, true))),
            Some(Step::AuthCheck(check)) => check.tls.as_deref().map(|tls| {
                let of_tls = tls.certificate.as_ref().map(|(chain, key)| (chain, key));
                let own = check.certificate.as_deref().map(|own| (&own.chain, &own.key));
                let certificate = of_tls.or(own);
                names.show(TlsToBackend { settings: Some(tls), certificate })
            }),
            Some(Step::Jwt(policy)) => match &policy.keys {
                JwtKeys::Remote(keys) if keys.is_tls() => {
                    Some(names.show_trust(keys.trust.as_ref(), to(keys.server(), keys.sni)))
                }
                JwtKeys::Remote(_) | JwtKeys::Known(_) => None,
            },
            _ => None,
        };
        let Some(shown) = shown else { return Ok(GW_NONE) };
        out.write(shown);
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}
