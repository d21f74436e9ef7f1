//! API keys.

use crate::bytes::gw_str;
use crate::decider::{self, gw_decider};
use crate::handle;
use crate::status::{GW_NONE, GW_OK, gw_status};
use gateway_core::Step;

/// Sets `*client` to the name of the client whose key the request presents (`GW_DUTY_API_KEY`): it
/// passes. `GW_NONE` where no client has that key, and also where the step at `index` of the last
/// decision is not of this duty, or there is none: then it does not. The name lives as long as the
/// decision. Compares with the keys of all clients, in a time that does not tell how much of a key was
/// right; allocates nothing.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `client` is NULL
/// or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_step_api_client(
    decider: *mut gw_decider,
    index: usize,
    client: *mut gw_str,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let made = decider.pinned.get()?;
        let found = match made.decided.steps.get(index) {
            Some(Step::ApiKey { policy, key }) => policy.client_of(key),
            _ => None,
        };
        let name = gw_str::of_option(found.map(|found| found.name.as_bytes()));
        // SAFETY: the caller vouches for it.
        unsafe { handle::put(client, name) }?;
        Ok(if found.is_some() { GW_OK } else { GW_NONE })
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}
