//! Resources to rules: runs the dialects, settles who owns which host, gathers diagnostics and
//! statuses.

mod endpoints;
mod expressions;
mod features;
mod gateway_api;
mod hosts;
mod infrastructure;
mod mesh;
mod pem;
mod pods;
mod service_route;
mod services;
mod smi;
mod status;
mod virtual_server;
mod workloads;

pub use endpoints::{Behind, Endpoint, Endpoints};
pub use features::FEATURES;
pub use infrastructure::Infrastructure;
pub use mesh::Inbound;
pub use pods::{Pod, Pods};
pub use status::{
    AncestorStatus, GatewayAddress, ListenerStatus, ObjectStatus, ParentReference, ParentStatus,
    RouteKind, State, Status, StatusCondition,
};

use crate::diagnostic::Diagnostic;
use crate::origin::ObjectRef;
use crate::resource::{Problems, Resources};
use crate::rules::{RuleSet, ServiceAccount, ServiceName};
use std::net::IpAddr;
use std::sync::Arc;

/// What translating depends on besides the documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Port of HTTP listeners that a document leaves implicit.
    pub http_port: u16,
    /// Port of HTTPS listeners that a document leaves implicit.
    pub https_port: u16,
    /// The cluster's DNS domain.
    pub cluster_domain: Box<str>,
    /// The namespace whose clients may use bare Service names (smi R-2).
    pub client_namespace: Box<str>,
    /// Only VirtualServers and VirtualServerRoutes of this class (or of none) are ours; `None`:
    /// all.
    pub ingress_class: Option<Box<str>>,
    /// Only Gateways of this class are ours; `None`: all.
    pub gateway_class: Option<Box<str>>,
    /// The addresses at which the Gateways can be reached, for their status; others that a Gateway
    /// asks for are not usable. None: not known, so that Gateways get what they ask for
    /// (gateway-api §5).
    pub addresses: Vec<IpAddr>,
    /// The features of the Gateway API that whoever carries decisions out supports, for the status
    /// of GatewayClasses; by default all that decisions know of (gateway-api §27).
    pub supported_features: Vec<Box<str>>,
    /// Which Gateway API channel's rules hold.
    pub channel: Channel,
    /// Unknown fields are errors.
    pub strict: bool,
    /// Whether hosts named after Services are answered (smi R-2).
    pub service_hosts: bool,
    /// Who may call workloads that no TrafficTarget speaks for (smi T-8).
    pub access_mode: AccessMode,
    /// The name by which callers go that have none of their own (smi T-2).
    pub gateway_identity: Option<ServiceAccount>,
    /// Whether TrafficSplits leave out Services without a ready endpoint (smi S-8).
    pub skip_empty_backends: bool,
    /// Whether answers with a status from 500 on trip circuit breakers (smi N-9).
    pub breaker_counts_5xx: bool,
    /// Whether what SMI itself forbids is an error: a TrafficSplit to its own root (smi S-21).
    pub smi_strict: bool,
    /// Services that exist without a document: `namespace/name` and port.
    pub known_services: Vec<(ServiceName, u16)>,
    /// Whether Services without a document are taken to exist. `None`: only where there is no
    /// Service document and no known Service at all, as in offline checks of routes alone.
    pub assume_services: Option<bool>,
    /// Whether Services are answered at the addresses that stand for them in their cluster, so that
    /// clients need not know of the proxy.
    pub mesh: bool,
    /// The Secret with what this proxy shows in mutual TLS: namespace and name.
    pub identity: Option<(Box<str>, Box<str>)>,
    /// Where other proxies call the workloads that this one stands before.
    pub inbound: Vec<Inbound>,
}

/// A channel of the Gateway API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Channel {
    /// Experimental fields are refused.
    Standard,
    /// Everything.
    #[default]
    Experimental,
}

/// Who may call workloads that no TrafficTarget speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccessMode {
    /// Everybody.
    #[default]
    Allow,
    /// Nobody.
    Deny,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            http_port: 80,
            https_port: 443,
            cluster_domain: "cluster.local".into(),
            client_namespace: "default".into(),
            ingress_class: None,
            gateway_class: None,
            addresses: Vec::new(),
            supported_features: FEATURES.iter().map(|&name| name.into()).collect(),
            channel: Channel::default(),
            strict: false,
            service_hosts: true,
            access_mode: AccessMode::default(),
            gateway_identity: None,
            skip_empty_backends: false,
            breaker_counts_5xx: false,
            smi_strict: false,
            known_services: Vec::new(),
            assume_services: None,
            mesh: false,
            identity: None,
            inbound: Vec::new(),
        }
    }
}

/// What documents mean.
#[derive(Debug, Clone)]
pub struct Translation {
    /// The rules that are in force.
    pub rules: RuleSet,
    /// What is wrong, in document order: those of reading first, then those of translating.
    pub diagnostics: Vec<Diagnostic>,
    /// What each object should show in Kubernetes.
    pub statuses: Vec<ObjectStatus>,
    /// What Gateways ask of whatever is created for them, those that ask for something.
    pub infrastructure: Vec<Infrastructure>,
    /// The endpoints that documents name, by Service and port.
    pub endpoints: Endpoints,
    /// Objects that are not in force because something in them is wrong.
    pub refused: Vec<Arc<ObjectRef>>,
}

/// Translates documents to rules. Never fails: what is wrong is in the diagnostics, and harms
/// only itself.
pub fn translate(resources: &Resources, options: &Options) -> Translation {
    let mut context = Context::new(resources, options);
    let virtual_servers = virtual_server::translate(&mut context);
    let gateways = gateway_api::translate(&mut context);
    // SMI speaks about Services that rules name.
    mesh::claim(&mut context);
    smi::translate(&mut context);
    gateways.speak(&mut context);
    let identity = mesh::identity(&mut context);
    let (listeners, losses) = hosts::settle(&mut context);
    virtual_servers.finish(&losses, &mut context);
    gateways.finish(&losses, &mut context);
    let Context { services, problems, statuses, infrastructure, refused, endpoints, .. } = context;
    let mut diagnostics = resources.diagnostics().to_vec();
    diagnostics.extend(problems.into_list());
    Translation {
        rules: RuleSet { listeners, services: services.into_list().into(), identity },
        diagnostics,
        statuses,
        infrastructure,
        endpoints,
        refused,
    }
}

/// What dialects share while they translate.
pub(crate) struct Context<'a> {
    pub(crate) resources: &'a Resources,
    pub(crate) options: &'a Options,
    /// Who answers at the endpoints of Services.
    pub(crate) population: workloads::Population<'a>,
    pub(crate) endpoints: Endpoints,
    /// Names Services; `services.id(name)` is what rules hold.
    pub(crate) services: services::Services,
    pub(crate) problems: Problems,
    pub(crate) expressions: expressions::Expressions,
    /// Hosts that a dialect wants to own.
    pub(crate) claims: Vec<hosts::Claim>,
    pub(crate) statuses: Vec<ObjectStatus>,
    pub(crate) infrastructure: Vec<Infrastructure>,
    pub(crate) refused: Vec<Arc<ObjectRef>>,
}

impl<'a> Context<'a> {
    fn new(resources: &'a Resources, options: &'a Options) -> Self {
        let (population, endpoints) = workloads::Population::of(resources, &options.known_services);
        Self {
            resources,
            options,
            population,
            endpoints,
            services: services::Services::new(resources, options),
            problems: Problems::new(options.strict),
            claims: Vec::new(),
            expressions: expressions::Expressions::default(),
            statuses: Vec::new(),
            infrastructure: Vec::new(),
            refused: Vec::new(),
        }
    }
}
