//! Documents as written, by kind and name, before any of them means anything.

#[cfg(feature = "yaml")]
mod annotation;
pub(crate) mod backend_tls_policy;
pub(crate) mod circuit_breaker;
mod config_map;
pub(crate) mod document;
pub(crate) mod fields;
pub(crate) mod gateway;
mod gateway_objects;
pub(crate) mod gateway_route;
pub(crate) mod global_configuration;
pub(crate) mod http_route_group;
pub(crate) mod identity_binding;
#[cfg(feature = "yaml")]
mod kinds;
pub(crate) mod label_selector;
pub(crate) mod layer4_route;
pub(crate) mod listener_set;
#[cfg(feature = "yaml")]
mod load;
mod mesh;
pub(crate) mod meta;
pub(crate) mod object_reference;
pub(crate) mod policy;
pub(crate) mod rate_limit;
pub(crate) mod reference_grant;
pub(crate) mod scalar;
pub(crate) mod secret;
pub(crate) mod service;
pub(crate) mod smi;
mod sticky;
mod stream_route;
pub(crate) mod traffic_split;
pub(crate) mod traffic_target;
pub(crate) mod virtual_server;
pub(crate) mod virtual_server_route;
pub(crate) mod workload;
#[cfg(feature = "yaml")]
mod yaml;

use crate::diagnostic::{Diagnostic, Severity};
use crate::origin::{ObjectRef, Span};
use crate::rules::ServiceName;
use backend_tls_policy::BackendTlsPolicy;
use circuit_breaker::CircuitBreaker;
use config_map::ConfigMap;
use document::Document;
use gateway::{Gateway, GatewayClass};
use gateway_route::GatewayRoute;
use global_configuration::GlobalConfiguration;
use http_route_group::HttpRouteGroup;
use identity_binding::IdentityBinding;
use layer4_route::Layer4Route;
use listener_set::ListenerSet;
use meta::Meta;
use policy::Policy;
use rate_limit::RateLimit;
use reference_grant::ReferenceGrant;
use secret::Secret;
use service::{EndpointSlice, Service};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use traffic_split::TrafficSplit;
use traffic_target::TrafficTarget;
use virtual_server::VirtualServer;
use virtual_server_route::VirtualServerRoute;
use workload::Workload;

/// A set of documents.
///
/// A document with an error is refused: it is not in the set, and harms no other (decisions §5).
/// A VirtualServer, VirtualServerRoute or Policy stays in it until translating, which refuses it
/// with all that is wrong at once; of a GlobalConfiguration only the listeners with errors are left
/// out.
/// Nothing depends on the order in which documents are added, except which of two documents of
/// one name is refused: the second.
///
/// ```
/// use gateway_core::Resources;
/// let mut resources = Resources::new();
/// resources.add_yaml("tea.yaml", "
/// apiVersion: v1
/// kind: Service
/// metadata: {name: tea}
/// spec:
///   ports: [{port: 80}]
/// ");
/// assert_eq!(resources.diagnostics(), []);
/// ```
#[derive(Debug, Clone)]
pub struct Resources {
    default_namespace: Box<str>,
    strict: bool,
    objects: BTreeMap<Arc<ObjectRef>, Object>,
    refused: Vec<Refused>,
    diagnostics: Vec<Diagnostic>,
}

/// A document that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The object that it describes; `None` when that could not be made out, or when it may be
    /// several.
    pub object: Option<Arc<ObjectRef>>,
    /// Where it is wrong.
    pub span: Option<Span>,
    /// Whether all of it could be read, so that `object` is certain.
    whole: bool,
}

/// Everything that is wrong with documents that had to be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadErrors(pub Vec<Diagnostic>);

impl fmt::Display for ReadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ReadErrors {}

impl Default for Resources {
    fn default() -> Self {
        Self::new()
    }
}

impl Resources {
    /// No documents yet. Those that name no namespace belong to `default`; unknown fields are
    /// warnings.
    pub fn new() -> Self {
        Self::with_defaults("default", false)
    }

    /// No documents yet. Those that name no namespace belong to `namespace` (smi P-4); unknown
    /// fields are errors if `strict`.
    pub fn with_defaults(namespace: &str, strict: bool) -> Self {
        Self {
            default_namespace: namespace.into(),
            strict,
            objects: BTreeMap::new(),
            refused: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Everything that is wrong with the documents as such, in document order.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The documents that could not be read, in document order.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Whether a document of this object could not be read, so that its own problems say what is
    /// wrong.
    pub(crate) fn is_refused(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let wanted = ObjectRef::new(kind, namespace, name);
        self.refused.iter().any(|refused| refused.object.as_deref() == Some(&wanted))
    }

    /// The objects that could be read, or were put back, by kind, namespace and name.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<ObjectRef>> {
        self.objects.keys()
    }

    /// Puts the last good versions of refused documents back (decisions §5): those of the objects
    /// in `refused`, which translating found fault with, and those of the documents that could
    /// not be read. Where it is not known which object a document describes, everything that its
    /// file had in `last` and that is missing now comes back.
    ///
    /// `last` is what was in force before: see [`Resources::forget`]. Returns what was put back;
    /// for each there is a warning too.
    pub fn restore(&mut self, refused: &[Arc<ObjectRef>], last: &Resources) -> Vec<Arc<ObjectRef>> {
        let replaced: BTreeSet<&Arc<ObjectRef>> = refused.iter().collect();
        let unread: BTreeMap<_, _> =
            self.refused.iter().filter_map(|r| Some((r.object.clone()?, r.span.clone()))).collect();
        let unread_files: BTreeMap<_, _> = self
            .refused
            .iter()
            .filter(|r| !r.object.as_ref().is_some_and(|o| r.whole || last.objects.contains_key(o)))
            .filter_map(|r| Some((Arc::clone(&r.span.as_ref()?.file), r.span.clone())))
            .collect();
        let mut restored = Vec::new();
        for (key, object) in &last.objects {
            let span = match self.objects.get(key) {
                Some(present) if replaced.contains(key) => present.document().object_origin().span,
                Some(_) => continue,
                None => {
                    match unread.get(key).or_else(|| unread_files.get(object.document().file())) {
                        Some(span) => span.clone(),
                        None => continue,
                    }
                }
            };
            self.diagnostics.push(Diagnostic {
                severity: Severity::Warning,
                code: "last-good",
                object: Some(Arc::clone(key)),
                field: "".into(),
                span,
                message: "the last good version stays in force".to_owned(),
                help: None,
            });
            self.objects.insert(Arc::clone(key), object.clone());
            restored.push(Arc::clone(key));
        }
        restored
    }

    /// Drops objects that translating refused, so that [`Resources::restore`] never takes them
    /// for a last good version.
    pub fn forget(&mut self, refused: &[Arc<ObjectRef>]) {
        for object in refused {
            self.objects.remove(object);
        }
    }

    /// By namespace and name.
    pub(crate) fn services(&self) -> impl Iterator<Item = &Resource<Service>> {
        self.of_kind("Service", |o| if let Object::Service(r) = o { Some(r) } else { None })
    }

    /// The Service of a name.
    pub(crate) fn service(&self, name: &ServiceName) -> Option<&Resource<Service>> {
        match self.objects.get(&ObjectRef::new("Service", &name.namespace, &name.name))? {
            Object::Service(service) => Some(service),
            _ => None,
        }
    }

    /// EndpointSlices, then Endpoints; each by namespace and name.
    pub(crate) fn endpoint_slices(&self) -> impl Iterator<Item = &Resource<EndpointSlice>> {
        fn pick(object: &Object) -> Option<&Resource<EndpointSlice>> {
            if let Object::EndpointSlice(r) = object { Some(r) } else { None }
        }
        self.of_kind("EndpointSlice", pick).chain(self.of_kind("Endpoints", pick))
    }

    /// By namespace and name.
    pub(crate) fn virtual_servers(&self) -> impl Iterator<Item = &Resource<VirtualServer>> {
        self.of_kind("VirtualServer", |o| {
            if let Object::VirtualServer(r) = o { Some(&**r) } else { None }
        })
    }

    /// By namespace and name.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &Resource<Policy>> {
        self.of_kind("Policy", |o| if let Object::Policy(r) = o { Some(r) } else { None })
    }

    /// By namespace and name.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Resource<Secret>> {
        self.of_kind("Secret", |o| if let Object::Secret(r) = o { Some(r) } else { None })
    }

    /// The Secret of a name.
    pub(crate) fn secret(&self, namespace: &str, name: &str) -> Option<&Resource<Secret>> {
        match self.objects.get(&ObjectRef::new("Secret", namespace, name))? {
            Object::Secret(secret) => Some(secret),
            _ => None,
        }
    }

    /// By namespace and name.
    pub(crate) fn virtual_server_routes(
        &self,
    ) -> impl Iterator<Item = &Resource<VirtualServerRoute>> {
        self.of_kind("VirtualServerRoute", |o| {
            if let Object::VirtualServerRoute(r) = o { Some(r) } else { None }
        })
    }

    /// By namespace and name.
    pub(crate) fn global_configurations(
        &self,
    ) -> impl Iterator<Item = &Resource<GlobalConfiguration>> {
        self.of_kind("GlobalConfiguration", |o| {
            if let Object::GlobalConfiguration(r) = o { Some(r) } else { None }
        })
    }

    /// By namespace and name.
    pub(crate) fn traffic_splits(&self) -> impl Iterator<Item = &Resource<TrafficSplit>> {
        self.of_kind(
            "TrafficSplit",
            |o| if let Object::TrafficSplit(r) = o { Some(r) } else { None },
        )
    }

    /// By namespace and name.
    pub(crate) fn http_route_groups(&self) -> impl Iterator<Item = &Resource<HttpRouteGroup>> {
        self.of_kind("HTTPRouteGroup", |o| {
            if let Object::HttpRouteGroup(r) = o { Some(r) } else { None }
        })
    }

    /// The objects of one kind: neighbours, because keys order by kind first.
    fn of_kind<'a, T: 'a>(
        &'a self,
        kind: &'static str,
        pick: fn(&'a Object) -> Option<&'a Resource<T>>,
    ) -> impl Iterator<Item = &'a Resource<T>> {
        let first = ObjectRef::new(kind, "", "");
        self.objects
            .range::<ObjectRef, _>(first..)
            .take_while(move |(key, _)| &*key.kind == kind)
            .filter_map(move |(_, object)| pick(object))
    }

    /// The TCP port numbers of every Service that has a document.
    pub(crate) fn service_ports(&self) -> BTreeMap<ServiceName, Vec<u16>> {
        self.services()
            .map(|service| {
                let name = ServiceName::new(&service.meta.namespace, &service.meta.name);
                (name, service.spec.tcp_ports().map(|port| port.port).collect())
            })
            .collect()
    }
}

/// One object: what its document says, and the document, so that problems found later can still
/// name field and place.
#[derive(Debug, Clone)]
pub(crate) struct Resource<T> {
    pub(crate) meta: Meta,
    pub(crate) spec: T,
    pub(crate) document: Arc<Document>,
}

impl<T> Resource<T> {
    /// `Kind namespace/name`.
    pub(crate) fn object(&self) -> &Arc<ObjectRef> {
        self.document.object()
    }

    /// Where the value that `at` remembers was written.
    pub(crate) fn origin(&self, at: document::At) -> crate::Origin {
        self.document.origin(at)
    }
}

/// An object of any kind that is read.
#[derive(Debug, Clone)]
enum Object {
    Service(Resource<Service>),
    EndpointSlice(Resource<EndpointSlice>),
    VirtualServer(Box<Resource<VirtualServer>>),
    Policy(Resource<Policy>),
    Secret(Resource<Secret>),
    VirtualServerRoute(Resource<VirtualServerRoute>),
    GlobalConfiguration(Resource<GlobalConfiguration>),
    TrafficSplit(Resource<TrafficSplit>),
    HttpRouteGroup(Resource<HttpRouteGroup>),
    Gateway(Resource<Gateway>),
    GatewayClass(Resource<GatewayClass>),
    ListenerSet(Resource<ListenerSet>),
    ReferenceGrant(Resource<ReferenceGrant>),
    BackendTlsPolicy(Resource<BackendTlsPolicy>),
    ConfigMap(Resource<ConfigMap>),
    /// Of which only labels matter.
    Namespace(Resource<()>),
    HttpRoute(Resource<GatewayRoute>),
    GrpcRoute(Resource<GatewayRoute>),
    Layer4Route(Resource<Layer4Route>),
    TrafficTarget(Resource<TrafficTarget>),
    IdentityBinding(Resource<IdentityBinding>),
    RateLimit(Resource<RateLimit>),
    CircuitBreaker(Resource<CircuitBreaker>),
    Workload(Resource<Workload>),
}

impl Object {
    fn document(&self) -> &Arc<Document> {
        match self {
            Self::Service(r) => &r.document,
            Self::EndpointSlice(r) => &r.document,
            Self::VirtualServer(r) => &r.document,
            Self::Policy(r) => &r.document,
            Self::Secret(r) => &r.document,
            Self::VirtualServerRoute(r) => &r.document,
            Self::GlobalConfiguration(r) => &r.document,
            Self::TrafficSplit(r) => &r.document,
            Self::HttpRouteGroup(r) => &r.document,
            Self::Gateway(r) => &r.document,
            Self::GatewayClass(r) => &r.document,
            Self::ListenerSet(r) => &r.document,
            Self::ReferenceGrant(r) => &r.document,
            Self::BackendTlsPolicy(r) => &r.document,
            Self::ConfigMap(r) => &r.document,
            Self::Namespace(r) => &r.document,
            Self::HttpRoute(r) | Self::GrpcRoute(r) => &r.document,
            Self::Layer4Route(r) => &r.document,
            Self::TrafficTarget(r) => &r.document,
            Self::IdentityBinding(r) => &r.document,
            Self::RateLimit(r) => &r.document,
            Self::CircuitBreaker(r) => &r.document,
            Self::Workload(r) => &r.document,
        }
    }

    /// The errors that the object keeps for translating, which tells them together with its own
    /// and then refuses the object, or the part that they are in.
    fn errors(&self) -> usize {
        match self {
            Self::VirtualServer(r) => r.spec.errors,
            Self::Policy(r) => r.spec.errors,
            Self::VirtualServerRoute(r) => r.spec.errors,
            Self::GlobalConfiguration(r) => r.spec.errors,
            Self::BackendTlsPolicy(r) => r.spec.errors,
            _ => 0,
        }
    }
}

/// The group of the Gateway API.
pub(crate) const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";

/// The most problems of one severity that are told of one object.
pub(crate) const MAX_PROBLEMS: usize = 100;

/// Collects what is wrong while documents are read and translated.
///
/// Of each object and severity, the first [`MAX_PROBLEMS`] are kept and the others counted, so
/// that a document cannot exhaust memory with what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Diagnostic>,
    counts: BTreeMap<(Option<Arc<ObjectRef>>, Severity), usize>,
    errors: usize,
    strict: bool,
}

impl Problems {
    pub(crate) fn new(strict: bool) -> Self {
        Self { strict, ..Self::default() }
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let (object, severity) = (diagnostic.object.clone(), diagnostic.severity);
        if self.count(object, severity) {
            self.list.push(diagnostic);
        }
    }

    /// As [`Problems::push`], for what is costly to say: `make` is not called where it would not
    /// be told.
    pub(crate) fn push_with(
        &mut self,
        object: &Arc<ObjectRef>,
        severity: Severity,
        make: impl FnOnce() -> Diagnostic,
    ) {
        if self.count(Some(Arc::clone(object)), severity) {
            self.list.push(make());
        }
    }

    /// Counts one more; whether it is to be told.
    fn count(&mut self, object: Option<Arc<ObjectRef>>, severity: Severity) -> bool {
        self.errors += usize::from(severity == Severity::Error);
        let count = self.counts.entry((object, severity)).or_default();
        *count += 1;
        *count <= MAX_PROBLEMS
    }

    /// Adds those of objects of which there are none here yet.
    pub(crate) fn append(&mut self, other: Self) {
        self.list.extend(other.list);
        self.counts.extend(other.counts);
        self.errors += other.errors;
    }

    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    pub(crate) fn unknown_field_severity(&self) -> Severity {
        if self.strict { Severity::Error } else { Severity::Warning }
    }

    /// Those that are told.
    pub(crate) fn told(&self) -> &[Diagnostic] {
        &self.list
    }

    /// Those that are told, and how many more there are.
    pub(crate) fn into_list(self) -> Vec<Diagnostic> {
        let mut list = self.list;
        for ((object, severity), count) in self.counts {
            let Some(more) = count.checked_sub(MAX_PROBLEMS).filter(|more| *more > 0) else {
                continue;
            };
            let of_object = |d: &&Diagnostic| d.object == object;
            let span = list.iter().rev().find(of_object).and_then(|last| last.span.clone());
            let plural = if more == 1 { "" } else { "s" };
            let message = format!("and {more} more {severity}{plural}");
            let (code, field) = ("more-problems", "".into());
            list.push(Diagnostic { severity, code, object, field, span, message, help: None });
        }
        list
    }
}

#[cfg(test)]
mod tests;
