//! What objects should show of themselves in Kubernetes.

use crate::origin::ObjectRef;
use std::sync::Arc;

/// The `status` that an object should show in Kubernetes.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectStatus {
    /// `apiVersion` of the object.
    pub api_version: Box<str>,
    /// The object.
    pub object: Arc<ObjectRef>,
    /// `metadata.generation` of the document that was looked at, for the `observedGeneration` of
    /// every condition; `None` where the document does not say.
    pub generation: Option<i64>,
    /// What to show.
    pub status: Status,
}

/// What an object shows, by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Of a VirtualServer (virtualserver §1).
    VirtualServer(State),
    /// Of a Policy (virtualserver §1).
    Policy(State),
    /// Of a VirtualServerRoute (virtualserver §1).
    VirtualServerRoute {
        /// How it fares.
        state: State,
        /// `namespace/name` of the VirtualServers in force that use it: one for each listener of
        /// its host at most.
        referenced_by: Vec<Box<str>>,
    },
    /// Of a GlobalConfiguration (virtualserver §8): how its listeners fare together.
    GlobalConfiguration(State),
    /// Of a GatewayClass (gateway-api §4).
    GatewayClass {
        /// `Accepted`.
        conditions: Vec<StatusCondition>,
        /// Names of features, sorted.
        supported_features: Vec<Box<str>>,
    },
    /// Of a Gateway (gateway-api §5).
    Gateway {
        /// `Accepted`, `Programmed` and `ResolvedRefs`; `InsecureFrontendValidationMode` where
        /// clients without a valid certificate are let in.
        conditions: Vec<StatusCondition>,
        /// Where it can be reached, as far as that is known ([`Options::addresses`]).
        ///
        /// [`Options::addresses`]: crate::Options::addresses
        addresses: Vec<GatewayAddress>,
        /// Its own, in document order.
        listeners: Vec<ListenerStatus>,
        /// How many accepted ListenerSets it has.
        attached_listener_sets: u32,
    },
    /// Of a ListenerSet (gateway-api §8).
    ListenerSet {
        /// `Accepted` and `Programmed`.
        conditions: Vec<StatusCondition>,
        /// In document order; none where its Gateway does not take it.
        listeners: Vec<ListenerStatus>,
    },
    /// Of a BackendTLSPolicy: one entry for each Gateway that sends requests to one of its targets
    /// (gateway-api §20.4).
    BackendTlsPolicy {
        /// By namespace and name.
        ancestors: Vec<AncestorStatus>,
    },
    /// Of an HTTPRoute or a GRPCRoute: one entry for each of its parents that is served here
    /// (gateway-api §9.2).
    Route {
        /// In document order.
        parents: Vec<ParentStatus>,
    },
}

/// `state`, `reason` and `message` of an object of `k8s.nginx.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// `Valid`, `Warning` or `Invalid`.
    pub state: Box<str>,
    /// The reason, one word.
    pub reason: Box<str>,
    /// All that is wrong; empty if nothing is.
    pub message: String,
}

impl State {
    pub(super) fn new(state: &str, reason: &str, message: impl Into<String>) -> Self {
        Self { state: state.into(), reason: reason.into(), message: message.into() }
    }
}

/// One condition of a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCondition {
    /// `type`: `Accepted`, `ResolvedRefs`, …
    pub kind: Box<str>,
    /// Whether it holds.
    pub status: bool,
    /// The reason, one word.
    pub reason: Box<str>,
    /// A sentence; empty where the reason says it all.
    pub message: String,
}

/// Where a Gateway can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayAddress {
    /// `type`: `IPAddress`.
    pub kind: Box<str>,
    /// The address.
    pub value: Box<str>,
}

/// How a policy fares with one of the Gateways that it matters to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AncestorStatus {
    /// The Gateway.
    pub ancestor: ParentReference,
    /// As [`ParentStatus::controller`].
    pub controller: Option<Box<str>>,
    /// `Accepted` and `ResolvedRefs`.
    pub conditions: Vec<StatusCondition>,
}

/// How a listener of a Gateway fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerStatus {
    /// Its name.
    pub name: Box<str>,
    /// How many accepted routes are attached to it.
    pub attached_routes: u32,
    /// The kinds of routes that it takes, of those that are asked for and known.
    pub supported_kinds: Vec<RouteKind>,
    /// `Accepted`, `Conflicted`, `ResolvedRefs` and `Programmed`; `OverlappingTLSConfig` where
    /// several listeners of a port end TLS for one name.
    pub conditions: Vec<StatusCondition>,
}

/// A kind of route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteKind {
    /// Its API group.
    pub group: Box<str>,
    /// Its kind.
    pub kind: Box<str>,
}

/// How a route fares with one of its parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentStatus {
    /// The parent, as the route names it.
    pub parent: ParentReference,
    /// Who says so: `controllerName` of the Gateway's class; `None` where no document describes
    /// the class.
    pub controller: Option<Box<str>>,
    /// `Accepted` and `ResolvedRefs`; `PartiallyInvalid` where rules are left out.
    pub conditions: Vec<StatusCondition>,
}

/// A parent as a route names it; `None` where it leaves a field out that has no default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentReference {
    /// API group.
    pub group: Box<str>,
    /// Kind.
    pub kind: Box<str>,
    /// Namespace.
    pub namespace: Option<Box<str>>,
    /// Name.
    pub name: Box<str>,
    /// Name of a listener.
    pub section_name: Option<Box<str>>,
    /// Port of a listener.
    pub port: Option<u16>,
}
