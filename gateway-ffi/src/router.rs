//! Routers: documents compiled to tables.

use crate::backends::Backends;
use crate::boundary::{boundary, or};
use crate::bytes::{array, gw_str};
use crate::endpoints::Documents;
use crate::handle::{self, Shared};
use crate::needs::Needs;
use crate::options::{Build, gw_build_options, gw_source};
use crate::report::gw_report;
use crate::session::Sessions;
use crate::sized::{self, Out, sized, zeroed};
use crate::status::{GW_ERR_ARGUMENT, GW_ERR_CONFIG, GW_ERR_LIMIT, GW_NONE, GW_OK, gw_status};
use gateway_core::rules::Protocol;
use gateway_core::{Diagnostic, Resources, Router, Severity, lint, translate};
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::sync::Arc;

/// Documents compiled to tables: immutable. Any number of threads may use it at once. Yours from
/// `gw_router_build` to `gw_router_free`, which may come right after `gw_engine_new` or
/// `gw_engine_publish`: engines and deciders keep what they need.
#[derive(Debug)]
pub struct gw_router {
    pub(crate) router: Router,
    pub(crate) backends: Backends,
    pub(crate) needs: Needs,
    pub(crate) sessions: Sessions,
}

impl Shared for gw_router {}

/// A socket that documents ask for. Set `struct_size`; `name` lives as long as the router.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_listener {
    /// `sizeof(gw_listener)`.
    pub struct_size: usize,
    /// What to print for it.
    pub name: gw_str,
    /// The one local address that it is bound to, in network order.
    pub addr: [u8; 16],
    /// 0: all addresses; 4; 6.
    pub family: u8,
    /// 1 where TLS ends there.
    pub tls: u8,
    /// The port, as documents name it.
    pub port: u16,
    /// Zero.
    pub reserved: u32,
}
sized!(gw_listener);

/// Reads documents and compiles them to a router, which `*out` points to then. `options` may be
/// NULL, which is as if all of it was zero. Unless `report` is NULL, `*report` tells everything that
/// is wrong with all of the sources, whatever the outcome (NULL where there is nothing to tell);
/// free it. On an error `*out` is NULL: `GW_ERR_CONFIG` where a document is in error (see
/// `GW_BUILD_LENIENT`), `GW_ERR_LIMIT`, `GW_ERR_ARGUMENT`.
///
/// Costs some microseconds a route, and memory for it; does not touch what is published. Any
/// thread.
///
/// # Safety
///
/// All pointers are NULL or valid; the texts can be read; nobody changes them during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_router_build(
    sources: *const gw_source,
    sources_len: usize,
    options: *const gw_build_options,
    out: *mut *mut gw_router,
    report: *mut *mut gw_report,
) -> gw_status {
    boundary(|| {
        if !report.is_null() {
            // SAFETY: the caller vouches for it.
            unsafe { handle::put(report, std::ptr::null_mut()) }?;
        }
        // SAFETY: the caller vouches for it.
        unsafe { handle::put(out, std::ptr::null_mut()) }?;
        let mut room = MaybeUninit::uninit();
        let given = match options.is_null() {
            true => room.write(zeroed()),
            // SAFETY: the caller vouches for it.
            false => unsafe { sized::read(options, &mut room) }?,
        };
        // SAFETY: the caller vouches for what the options point to.
        let build = unsafe { Build::read(given) }?;
        let mut resources =
            Resources::with_defaults(&build.default_namespace, build.options.strict);
        // SAFETY: the caller vouches for the array and its texts.
        unsafe {
            for source in array(sources, sources_len)? {
                let name = source.name.text()?.unwrap_or("-");
                resources.add_yaml(name, source.text.get()?.unwrap_or_default());
            }
        }
        // SAFETY: the caller vouches for it.
        let previous = unsafe { build.previous.as_ref() };
        let mut told = Vec::new();
        let built = compile(&resources, &build, previous, &mut told);
        if !report.is_null() && !told.is_empty() {
            // SAFETY: the caller vouches for it.
            unsafe { handle::put(report, handle::own(gw_report::new(told))) }?;
        }
        // SAFETY: the caller vouches for it.
        unsafe { handle::put(out, handle::share(Arc::new(built?))) }?;
        Ok(GW_OK)
    })
}

fn compile(
    resources: &Resources,
    build: &Build,
    previous: Option<&gw_router>,
    told: &mut Vec<Diagnostic>,
) -> Result<gw_router, gw_status> {
    let translation = translate(resources, &build.options);
    let rules = &translation.rules;
    told.extend(translation.diagnostics);
    let needs = Needs::of(rules);
    told.extend(needs.unmet(build.duties));
    if build.lints {
        told.extend(lint(rules));
    }
    let refused = told.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    if refused && !build.lenient {
        return Err(GW_ERR_CONFIG);
    }
    let compiled = match previous {
        Some(previous) => Router::compile_from(&previous.router, rules),
        None => Router::compile(rules),
    };
    match compiled {
        Ok(router) => {
            let by_hand = &build.options.known_services;
            let documents = Documents { endpoints: &translation.endpoints, by_hand };
            let (backends, sessions) = (Backends::of(rules, &documents), Sessions::of(rules));
            Ok(gw_router { router, backends, needs, sessions })
        }
        Err(errors) => {
            told.extend(errors.0.into_iter().map(Diagnostic::from));
            Err(GW_ERR_LIMIT)
        }
    }
}

/// How many backends rules may choose; 0 for NULL.
///
/// # Safety
///
/// `router` is NULL or a router that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_router_backend_count(router: *const gw_router) -> usize {
    // SAFETY: the caller vouches for it.
    or(0, || unsafe { handle::shared(router) }.map_or(0, |router| router.backends.all().len()))
}

/// The name of the backend at `index`, from 0, in order of names; `GW_NONE` where there is none. It
/// is "namespace/name:port" of a Service, with "?name=value,..." behind it where a rule narrows the
/// Service by labels, and lives as long as the router.
///
/// # Safety
///
/// `router` is NULL or a router that has not been freed; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_router_backend(
    router: *const gw_router,
    index: usize,
    out: *mut gw_str,
) -> gw_status {
    boundary(|| {
        // SAFETY: the caller vouches for both pointers.
        unsafe {
            let Some(backend) = handle::shared(router)?.backends.all().get(index) else {
                return Ok(GW_NONE);
            };
            handle::put(out, gw_str::of(backend.name.as_bytes()))?;
        }
        Ok(GW_OK)
    })
}

/// Binds a number of your own to a backend, an index or a pointer, which decisions then carry
/// (`gw_decision.backend_user`), so that nothing has to be looked up by name. `GW_NONE` where no rule
/// chooses a backend of that name. Do it before the router is published.
///
/// # Safety
///
/// `router` is NULL or a router that has not been freed; `name` is NULL or can be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_router_bind(
    router: *const gw_router,
    name: *const gw_str,
    user: u64,
) -> gw_status {
    boundary(|| {
        // SAFETY: the caller vouches for both pointers and the text.
        let bound = unsafe {
            let name = handle::shared(name)?.get()?.ok_or(GW_ERR_ARGUMENT)?;
            handle::shared(router)?.backends.bind(name, user)
        };
        Ok(if bound { GW_OK } else { GW_NONE })
    })
}

/// Fills `out` with the listener at `index`, from 0; `GW_NONE` where there is none.
///
/// # Safety
///
/// `router` is NULL or a router that has not been freed; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_router_listener(
    router: *const gw_router,
    index: usize,
    out: *mut gw_listener,
) -> gw_status {
    boundary(|| {
        // SAFETY: the caller vouches for both pointers.
        let (out, router) = unsafe { (Out::of(out)?, handle::shared(router)?) };
        let Some(listener) = router.router.rules().listeners.get(index) else {
            return Ok(GW_NONE);
        };
        let mut shown = gw_listener {
            name: gw_str::of(listener.name.as_bytes()),
            tls: u8::from(listener.protocol == Protocol::Https),
            port: listener.port,
            ..zeroed()
        };
        match listener.address {
            None => {}
            Some(IpAddr::V4(address)) => {
                shown.family = 4;
                shown.addr[..4].copy_from_slice(&address.octets());
            }
            Some(IpAddr::V6(address)) => {
                shown.family = 6;
                shown.addr = address.octets();
            }
        }
        out.write(shown);
        Ok(GW_OK)
    })
}

/// Frees a router; nothing for NULL. What is published goes on.
///
/// # Safety
///
/// `router` is NULL or a router that has not been freed, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_router_free(router: *mut gw_router) {
    // SAFETY: the caller gives it up.
    or((), || unsafe { handle::unshare(router) });
}
