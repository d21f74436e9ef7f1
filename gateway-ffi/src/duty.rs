//! What duties need to be carried out, each by a function of its own.

pub(crate) mod api_key;
pub(crate) mod auth_check;
pub(crate) mod basic_auth;
pub(crate) mod cache;
pub(crate) mod client_certificate;
pub(crate) mod external_auth;
pub(crate) mod jwt;
pub(crate) mod service_tls;

use crate::bytes::gw_str;
use crate::decider::{self, gw_decider};
use crate::pinned::Made;
use crate::request::{Borrowed, gw_request};
use crate::sized::{self, Out};
use crate::status::{GW_NONE, GW_OK, gw_status};
use crate::tls::SubjectNames;
use gateway_core::Step;
use gateway_core::rules::{RuleSet, UpstreamTarget};
use http::HeaderName;
use std::fmt::Write as _;
use std::mem::MaybeUninit;

/// Keeps what is told of duties until C has seen it; each function has a part of its own.
#[derive(Default)]
pub(crate) struct Told {
    basic_auth: basic_auth::Told,
    jwt: jwt::Told,
    external_auth: external_auth::Told,
    auth_check: auth_check::Told,
    cache: cache::Told,
    names: SubjectNames,
}

/// Runs the body of a function that tells what the step at `index` needs: `show` says it, or that the
/// step is of another duty.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `request` is the
/// one that was decided, as for `gw_decide`; `out` is NULL or can be written.
unsafe fn tell<T: sized::Sized>(
    decider: *mut gw_decider,
    request: *const gw_request,
    index: usize,
    out: *mut T,
    show: impl FnOnce(&Step<'_>, &Made<'_, '_>, &Borrowed<'_>, &mut Told) -> Option<T>,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let mut room = MaybeUninit::uninit();
        let made = decider.pinned.get()?;
        // SAFETY: the caller vouches for all of it.
        let (out, request) = unsafe {
            let given = sized::read(request, &mut room)?;
            (Out::of(out)?, Borrowed::of(given, &made.router.needs)?)
        };
        let step = made.decided.steps.get(index);
        let shown = step.and_then(|step| show(step, &made, &request, &mut decider.told));
        request.finish()?;
        let Some(shown) = shown else { return Ok(GW_NONE) };
        out.write(shown);
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}

/// A Service that is asked, as C sees it.
struct Asked {
    service: gw_str,
    namespace: gw_str,
    name: gw_str,
    port: u32,
}

impl Asked {
    /// `text` keeps "namespace/name:port".
    fn of(target: UpstreamTarget, rules: &RuleSet, text: &mut String) -> Self {
        let UpstreamTarget { service, port, splits: _ } = target;
        let name = &rules.service(service).name;
        text.clear();
        // Texts take whatever is written.
        let _ = write!(text, "{name}:{port}");
        Self {
            service: gw_str::of(text.as_bytes()),
            namespace: gw_str::of(name.namespace.as_bytes()),
            name: gw_str::of(name.name.as_bytes()),
            port: port.into(),
        }
    }
}

/// Names of header fields, as C sees them: `shown` keeps the list.
fn show_names<'n>(
    names: impl IntoIterator<Item = &'n HeaderName>,
    shown: &mut Vec<gw_str>,
) -> (*const gw_str, usize) {
    shown.clear();
    shown.extend(names.into_iter().map(|name| gw_str::of(name.as_str().as_bytes())));
    (shown.as_ptr(), shown.len())
}
