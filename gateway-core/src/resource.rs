//! Documents as written, by kind and name, before any of them means anything.

pub(crate) mod document;
pub(crate) mod gateway;
pub(crate) mod http_route;
pub(crate) mod http_route_group;
pub(crate) mod meta;
pub(crate) mod service;
mod smi;
pub(crate) mod traffic_split;
pub(crate) mod virtual_server;
#[cfg(feature = "yaml")]
mod yaml;

use crate::diagnostic::{Diagnostic, Severity};
use crate::origin::ObjectRef;
use document::Document;
use meta::Meta;
use std::sync::Arc;

/// A set of documents.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    services: Vec<Resource<service::Service>>,
    endpoint_slices: Vec<Resource<service::EndpointSlice>>,
    virtual_servers: Vec<Resource<virtual_server::VirtualServer>>,
    traffic_splits: Vec<Resource<traffic_split::TrafficSplit>>,
    http_route_groups: Vec<Resource<http_route_group::HttpRouteGroup>>,
    gateways: Vec<Resource<gateway::Gateway>>,
    gateway_classes: Vec<Resource<gateway::GatewayClass>>,
    http_routes: Vec<Resource<http_route::HttpRoute>>,
    diagnostics: Vec<Diagnostic>,
}

impl Resources {
    /// Everything that is wrong with the documents as such, in document order.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    pub(crate) fn traffic_splits(&self) -> &[Resource<traffic_split::TrafficSplit>] {
        &self.traffic_splits
    }

    pub(crate) fn http_route_groups(&self) -> &[Resource<http_route_group::HttpRouteGroup>] {
        &self.http_route_groups
    }

    /// The port numbers of every Service that has a document.
    pub(crate) fn service_ports(
        &self,
    ) -> std::collections::BTreeMap<crate::rules::ServiceName, Vec<u16>> {
        todo!()
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

/// Collects what is wrong while documents are read and translated.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Diagnostic>,
    strict: bool,
}

impl Problems {
    pub(crate) fn new(strict: bool) -> Self {
        Self { list: Vec::new(), strict }
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    pub(crate) fn errors(&self) -> usize {
        self.list.iter().filter(|d| d.severity == Severity::Error).count()
    }

    pub(crate) fn unknown_field_severity(&self) -> Severity {
        if self.strict { Severity::Error } else { Severity::Warning }
    }

    pub(crate) fn into_list(self) -> Vec<Diagnostic> {
        self.list
    }
}
