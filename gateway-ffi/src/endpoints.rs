//! The endpoints of backends, for hosts that balance by themselves.

use crate::backends::Backend;
use crate::boundary::boundary;
use crate::bytes::gw_str;
use crate::decider::{self, gw_decider};
use crate::handle;
use crate::request::{Borrowed, gw_request};
use crate::router::gw_router;
use crate::settings::to_backend;
use crate::sized::{self, Out, sized, zeroed};
use crate::status::{GW_ERR_ARGUMENT, GW_NONE, GW_OK, gw_status};
use gateway_core::rules::{RuleSet, Service, ServiceId, ServiceName};
use gateway_core::{Behind, Endpoint, Endpoints};
use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::sync::Arc;

/// The endpoints are those of `gw_router_endpoint`. Where there are none, none is ready.
pub const GW_ENDPOINTS_LISTED: i32 = 1;
/// No document tells of the Service, or it is one of `gw_build_options.known_services`: you know its
/// endpoints, or find them by its name.
pub const GW_ENDPOINTS_UNLISTED: i32 = 2;
/// The rule narrows the Service by labels, and documents do not tell which endpoints have them: send
/// nothing, since any of them may be a wrong one. Answer with `gw_decision.status`.
pub const GW_ENDPOINTS_UNCERTAIN: i32 = 3;

/// Documents do not tell the account: it is the one that an endpoint of which nothing is known is
/// taken for. Do not ask for it in a certificate.
pub const GW_ENDPOINT_ACCOUNT_ASSUMED: u32 = 1;

/// What documents say of the endpoints of a backend. Set `struct_size`; texts live as long as the
/// router.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_endpoints {
    /// `sizeof(gw_endpoints)`.
    pub struct_size: usize,
    /// One of `GW_ENDPOINTS_...`. Treat one that you do not know as `GW_ENDPOINTS_UNCERTAIN`.
    pub known: i32,
    /// Some of `GW_ENDPOINT_...`, about `account`.
    pub flags: u32,
    /// How many endpoints `gw_router_endpoint` has.
    pub len: usize,
    /// The namespace of the Service.
    pub service_namespace: gw_str,
    /// Its name.
    pub service_name: gw_str,
    /// The service account of endpoints that no document lists, as `gw_endpoint.account`; absent
    /// where nothing says it, or documents list all of them.
    pub account: gw_str,
    /// The address of the Service itself in its cluster, in network order, which takes requests on
    /// `service_port`. Meant where `gw_settings.flags` has `GW_SETTINGS_CLUSTER_ADDRESS`.
    pub cluster_addr: [u8; 16],
    /// Of `cluster_addr`: 4, 6, or 0 where none is known.
    pub cluster_family: u8,
    /// Zero.
    pub reserved: u8,
    /// The port of the Service, which need not be that of its endpoints.
    pub service_port: u16,
    /// Zero.
    pub reserved2: u32,
}
sized!(gw_endpoints);

/// Where requests to a backend can be sent. Set `struct_size`; texts live as long as the router.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_endpoint {
    /// `sizeof(gw_endpoint)`.
    pub struct_size: usize,
    /// The address as text: "10.0.0.1", "fd00::1", or the name of a host, which is yours to look up.
    pub address: gw_str,
    /// The same in network order, where it is no name.
    pub addr: [u8; 16],
    /// Of `addr`: 4, 6, or 0 for the name of a host.
    pub family: u8,
    /// Zero.
    pub reserved: u8,
    /// The port.
    pub port: u16,
    /// Some of `GW_ENDPOINT_...`.
    pub flags: u32,
    /// The service account of whoever answers there, as "namespace/name"; absent where nothing says
    /// it.
    pub account: gw_str,
}
sized!(gw_endpoint);

/// What documents, and the options of the build, tell of endpoints.
pub(crate) struct Documents<'a> {
    pub(crate) endpoints: &'a Endpoints,
    /// Services and ports whose endpoints the host knows.
    pub(crate) by_hand: &'a [(ServiceName, u16)],
}

/// What is known of the endpoints of a backend.
#[derive(Debug)]
pub(crate) struct Listing {
    service: ServiceId,
    port: u16,
    known: i32,
    /// By address and port.
    endpoints: Box<[Listed]>,
    /// Who answers at endpoints that no document lists.
    unlisted: Who,
    cluster_ip: Option<IpAddr>,
}

#[derive(Debug)]
struct Listed {
    host: Box<str>,
    port: u16,
    /// The position in `Access::workloads` of the Service.
    workload: usize,
    who: Who,
}

/// A service account, if one is told or assumed.
#[derive(Debug, Clone)]
struct Who {
    account: Option<Arc<str>>,
    flags: u32,
}

/// The accounts of endpoints, each text once.
#[derive(Default)]
pub(crate) struct Accounts(BTreeSet<Arc<str>>);

impl Accounts {
    fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }

    fn of(&mut self, behind: &Behind, service: &Service, port: u16) -> Who {
        if let Some(told) = &behind.account {
            return Who { account: Some(self.intern(&told.to_string())), flags: 0 };
        }
        let mut kinds = service.access.iter().flat_map(|access| access.reachable(port));
        let kind = kinds.find(|(at, _)| *at == behind.workload);
        match kind.map(|(_, workload)| self.intern(&workload.account.to_string())) {
            None => Who { account: None, flags: 0 },
            account => Who { account, flags: GW_ENDPOINT_ACCOUNT_ASSUMED },
        }
    }
}

impl Who {
    fn shown(&self) -> gw_str {
        gw_str::of_option(self.account.as_deref().map(str::as_bytes))
    }
}

impl Listing {
    /// That of a port of a Service, narrowed by labels if there are some.
    pub(crate) fn new(
        rules: &RuleSet,
        documents: &Documents<'_>,
        (service, port): (ServiceId, u16),
        labels: &[(Box<str>, Box<str>)],
        accounts: &mut Accounts,
    ) -> Self {
        let of = rules.service(service);
        let unknown = documents.endpoints.unknown(&of.name, port);
        let listed = documents.endpoints.of_service(&of.name, port);
        let by_hand = documents.by_hand.iter().any(|(name, at)| (name, *at) == (&of.name, port));
        // Where documents list all there are, others are nobody's.
        let unlisted = match listed.is_empty() || by_hand {
            true => accounts.of(&unknown, of, port),
            false => Who { account: None, flags: 0 },
        };
        let (known, endpoints) = if listed.is_empty() && (of.ports.is_none() || by_hand) {
            let known = match narrow(vec![&unknown], |behind| behind, labels).as_deref() {
                None => GW_ENDPOINTS_UNCERTAIN,
                Some([]) => GW_ENDPOINTS_LISTED,
                Some(_) => GW_ENDPOINTS_UNLISTED,
            };
            (known, Vec::new())
        } else {
            match narrow(listed.iter().collect(), |endpoint| &endpoint.behind, labels) {
                None => (GW_ENDPOINTS_UNCERTAIN, Vec::new()),
                Some(endpoints) => (GW_ENDPOINTS_LISTED, endpoints),
            }
        };
        let listed = |endpoint: &Endpoint| Listed {
            host: endpoint.host.clone(),
            port: endpoint.port,
            workload: endpoint.behind.workload,
            who: accounts.of(&endpoint.behind, of, port),
        };
        let endpoints = endpoints.into_iter().map(listed).collect();
        let cluster_ip = documents.endpoints.cluster_ip(&of.name);
        Self { service, port, known, endpoints, unlisted, cluster_ip }
    }

    /// The workload behind one of the endpoints.
    fn workload(&self, host: &[u8], port: u16) -> Option<usize> {
        let by_place = |listed: &Listed| (listed.host.as_bytes(), listed.port).cmp(&(host, port));
        let at = self.endpoints.binary_search_by(by_place).ok()?;
        Some(self.endpoints[at].workload)
    }

    fn show(&self, rules: &RuleSet) -> gw_endpoints {
        let name = &rules.service(self.service).name;
        let (cluster_addr, cluster_family) = octets(self.cluster_ip);
        gw_endpoints {
            known: self.known,
            flags: self.unlisted.flags,
            len: self.endpoints.len(),
            service_namespace: gw_str::of(name.namespace.as_bytes()),
            service_name: gw_str::of(name.name.as_bytes()),
            account: self.unlisted.shown(),
            cluster_addr,
            cluster_family,
            service_port: self.port,
            ..zeroed()
        }
    }
}

/// Those whose Pods have the labels: all of them where none are asked for.
fn narrow<T>(
    all: Vec<T>,
    behind: impl Fn(&T) -> &Behind,
    labels: &[(Box<str>, Box<str>)],
) -> Option<Vec<T>> {
    if labels.is_empty() { Some(all) } else { Behind::narrow(all, behind, labels) }
}

impl Listed {
    fn show(&self) -> gw_endpoint {
        let (addr, family) = octets(self.host.parse().ok());
        gw_endpoint {
            address: gw_str::of(self.host.as_bytes()),
            addr,
            family,
            port: self.port,
            flags: self.who.flags,
            account: self.who.shown(),
            ..zeroed()
        }
    }
}

/// An address in network order, and its family.
fn octets(address: Option<IpAddr>) -> ([u8; 16], u8) {
    let mut octets = [0; 16];
    match address {
        None => (octets, 0),
        Some(IpAddr::V4(address)) => {
            octets[..4].copy_from_slice(&address.octets());
            (octets, 4)
        }
        Some(IpAddr::V6(address)) => (address.octets(), 6),
    }
}

/// The router, and the backend at `index`.
///
/// # Safety
///
/// `router` is NULL or a router that has not been freed during `'a`.
unsafe fn backend<'a>(
    router: *const gw_router,
    index: usize,
) -> Result<Option<(&'a gw_router, &'a Backend)>, gw_status> {
    // SAFETY: the caller vouches for it.
    let router = unsafe { handle::shared(router) }?;
    Ok(router.backends.all().get(index).map(|backend| (router, backend)))
}

/// Fills `out` with what documents say of the endpoints of the backend at `backend_index`, which is its
/// place in `gw_router_backend`; `GW_NONE` where there is none. Costs nothing: it has been found out
/// when the router was built.
///
/// For hosts that balance by themselves. Those that have upstreams of their own bind them by name
/// (`gw_router_bind`), and need none of this.
///
/// # Safety
///
/// `router` is NULL or a router that has not been freed; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_router_endpoints(
    router: *const gw_router,
    backend_index: usize,
    out: *mut gw_endpoints,
) -> gw_status {
    boundary(|| {
        // SAFETY: the caller vouches for both pointers.
        let (out, found) = unsafe { (Out::of(out)?, backend(router, backend_index)?) };
        let Some((router, backend)) = found else { return Ok(GW_NONE) };
        out.write(backend.listing.show(router.router.rules()));
        Ok(GW_OK)
    })
}

/// Fills `out` with the endpoint at `index`, from 0, of the backend at `backend_index`; `GW_NONE` where
/// there is none. All of them are ready: those that are not are left out, as those without the
/// labels that a rule narrows the Service by. They come in order of address and port, each once, and
/// rules give none of them more requests than another. A call costs the same wherever the endpoint
/// stands.
///
/// # Safety
///
/// As for `gw_router_endpoints`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_router_endpoint(
    router: *const gw_router,
    backend_index: usize,
    index: usize,
    out: *mut gw_endpoint,
) -> gw_status {
    boundary(|| {
        // SAFETY: the caller vouches for both pointers.
        let (out, found) = unsafe { (Out::of(out)?, backend(router, backend_index)?) };
        let listed = found.and_then(|(_, backend)| backend.listing.endpoints.get(index));
        let Some(listed) = listed else { return Ok(GW_NONE) };
        out.write(listed.show());
        Ok(GW_OK)
    })
}

/// Whether an endpoint that documents list may be sent the request (`GW_DUTY_ENDPOINT_ACCESS`):
/// `*admitted` is 1 or 0. `address` and `port` are those of `gw_endpoint`; what is not listed for the
/// backend of the last decision is never admitted: of that, `gw_admits` is asked. Exact where
/// `gw_admits` is careful: of several workloads with one account, labels may tell which admit the
/// caller. Costs a search among the endpoints of the backend, and what the grants look at.
///
/// # Safety
///
/// As for `gw_edit_request`; `address` is NULL or can be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_admits_endpoint(
    decider: *mut gw_decider,
    request: *const gw_request,
    address: *const gw_str,
    port: u16,
    admitted: *mut i32,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let mut room = MaybeUninit::uninit();
        let made = decider.pinned.get()?;
        let router = made.router;
        // SAFETY: the caller vouches for all of it.
        let (request, host) = unsafe {
            let request = Borrowed::of(sized::read(request, &mut room)?, &router.needs)?;
            (request, handle::shared(address)?.get()?.ok_or(GW_ERR_ARGUMENT)?)
        };
        let to = to_backend(&made)?;
        let backend = router.backends.find(to.id, to.port, to.forward);
        let workload = backend.and_then(|backend| backend.listing.workload(host, port));
        let admits = workload.is_some_and(|at| made.decision.admits(&request, at));
        request.finish()?;
        // SAFETY: the caller vouches for it.
        unsafe { handle::put(admitted, i32::from(admits)) }?;
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}
