//! What rules look at, so that hosts need not supply more; and what they ask of hosts.

mod walk;

use crate::boundary::boundary;
use crate::bytes::gw_str;
use crate::handle;
use crate::request::GW_NO_INDEX;
use crate::router::gw_router;
use crate::sized::{self, sized, zeroed};
use crate::status::{GW_OK, gw_status};
use crate::step::DUTIES;
use gateway_core::rules::RuleSet;
use gateway_core::{Diagnostic, Origin};
use std::collections::{BTreeMap, BTreeSet};
use walk::Walk;

/// Rules look at the address or the port of clients.
pub const GW_NEEDS_PEER: u32 = 1;
/// Rules choose by weight, or copy a part of the requests.
pub const GW_NEEDS_RANDOM: u32 = 1 << 1;
/// Rules look at the server name of TLS.
pub const GW_NEEDS_SERVER_NAME: u32 = 1 << 2;
/// Rules keep clients where they were sent first: `gw_decider_session` says how. A host that never
/// asks sends each request on its own, which harms nothing but the wish: log it.
pub const GW_NEEDS_SESSIONS: u32 = 1 << 3;

/// What a router looks at besides method, target and authority. Set `struct_size`; the texts live as
/// long as the router.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_needs {
    /// `sizeof(gw_needs)`.
    pub struct_size: usize,
    /// Names of header fields in lower case, sorted: no others are looked at. "host" is always
    /// among them.
    pub headers: *const gw_str,
    /// How many.
    pub headers_len: usize,
    /// Names of attributes, sorted: no others are looked at.
    pub attributes: *const gw_str,
    /// How many.
    pub attributes_len: usize,
    /// What decisions may ask of you, some of `GW_DUTY_...`.
    pub duties: u64,
    /// Some of `GW_NEEDS_...`.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}
sized!(gw_needs);

/// What rules look at and ask for.
#[derive(Debug)]
pub(crate) struct Needs {
    headers: Names,
    attributes: Names,
    flags: u32,
    /// Where each duty is asked for.
    duties: BTreeMap<u64, BTreeSet<Origin>>,
}

/// Names in order, also as C sees them.
#[derive(Debug)]
struct Names {
    texts: Vec<Box<str>>,
    shown: Vec<gw_str>,
}

// SAFETY: `shown` points to `texts`, which nobody changes.
unsafe impl Send for Names {}
// SAFETY: as above.
unsafe impl Sync for Names {}

impl Names {
    fn new(names: BTreeSet<String>) -> Self {
        let texts: Vec<Box<str>> = names.into_iter().map(Into::into).collect();
        let shown = texts.iter().map(|text| gw_str::of(text.as_bytes())).collect();
        Self { texts, shown }
    }

    fn index(&self, name: &str) -> u32 {
        let found = self.texts.binary_search_by(|text| (**text).cmp(name));
        found.ok().and_then(|at| u32::try_from(at).ok()).unwrap_or(GW_NO_INDEX)
    }
}

impl Needs {
    pub(crate) fn of(rules: &RuleSet) -> Self {
        let mut walk = Walk::new(rules);
        walk.header("host");
        rules.listeners.iter().for_each(|listener| walk.listener(listener));
        rules.services.iter().for_each(|service| walk.service(service));
        Self {
            headers: Names::new(walk.headers),
            attributes: Names::new(walk.attributes),
            flags: walk.flags,
            duties: walk.duties,
        }
    }

    /// The place of a header field, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> u32 {
        self.headers.index(name)
    }

    /// The place of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> u32 {
        self.attributes.index(name)
    }

    /// The name of the attribute at a place.
    pub(crate) fn attribute_at(&self, index: usize) -> Option<&str> {
        self.attributes.texts.get(index).map(|name| &**name)
    }

    /// A warning for each place that asks for a duty which is not among `met`.
    pub(crate) fn unmet(&self, met: u64) -> impl Iterator<Item = Diagnostic> {
        let unmet = self.duties.iter().filter(move |(duty, _)| *duty & met == 0);
        unmet.flat_map(|(duty, origins)| {
            let what = DUTIES.iter().find(|(of, _)| of == duty).map_or("it", |(_, what)| what);
            let message = format!("{what} is not enforced here: what asks for it is answered 500");
            let told = move |origin| Diagnostic::warning("unenforced", origin, message.clone());
            origins.iter().map(told)
        })
    }

    fn shown(&self) -> gw_needs {
        gw_needs {
            headers: self.headers.shown.as_ptr(),
            headers_len: self.headers.shown.len(),
            attributes: self.attributes.shown.as_ptr(),
            attributes_len: self.attributes.shown.len(),
            duties: self.duties.keys().fold(0, |all, duty| all | duty),
            flags: self.flags,
            ..zeroed()
        }
    }
}

/// Fills `out` with what the router looks at. A host that supplies only that gets the same decisions
/// as one that supplies everything, and is told the same of its duties. Costs nothing: it has been
/// found out when the router was built.
///
/// # Safety
///
/// `router` is NULL or a router that has not been freed; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_router_needs(
    router: *const gw_router,
    out: *mut gw_needs,
) -> gw_status {
    boundary(|| {
        // SAFETY: the caller vouches for both pointers.
        unsafe { sized::write(out, handle::shared(router)?.needs.shown()) }?;
        Ok(GW_OK)
    })
}

#[cfg(test)]
mod tests;
