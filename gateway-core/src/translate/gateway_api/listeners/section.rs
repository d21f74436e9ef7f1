//! One listener of a Gateway or a ListenerSet.

use super::super::fault::Fault;
use crate::origin::{ObjectRef, Origin};
use crate::resource::GATEWAY_GROUP;
use crate::resource::document::{At, Document};
use crate::resource::gateway::{FromNamespaces, Gateway, Listener, ListenerProtocol};
use crate::resource::gateway_route::RouteKind;
use crate::resource::listener_set::ListenerSet;
use crate::resource::meta::Meta;
use crate::resource::{Resource, Resources};
use crate::rules::{Protocol, ServerTls};
use crate::translate::hosts::Socket;
use std::sync::Arc;

/// A listener, and what has become of it.
pub(in super::super) struct Section<'a> {
    pub(in super::super) owner: Owner<'a>,
    /// The Gateway that it belongs to in the end.
    pub(in super::super) gateway: &'a Resource<Gateway>,
    pub(in super::super) listener: &'a Listener,
    /// Why it takes no requests.
    pub(in super::super) refusal: Option<Refusal>,
    /// The first of its references that leads nowhere.
    pub(in super::super) unresolved: Option<Fault>,
    /// How TLS ends, where it does.
    pub(in super::super) tls: Option<Arc<ServerTls>>,
    /// Whether another listener of its port ends TLS for some of its names.
    pub(in super::super) overlaps: bool,
    /// How many accepted routes are attached to it.
    pub(in super::super) attached_routes: u32,
}

/// Why a listener takes no requests.
#[derive(Debug, Clone)]
pub(in super::super) struct Refusal {
    pub(in super::super) cause: Cause,
    pub(in super::super) reason: &'static str,
    pub(in super::super) message: String,
}

/// What kind of thing keeps a listener from taking requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Cause {
    /// Another listener has its place.
    Conflict,
    /// Nobody here speaks its protocol.
    Protocol,
    /// No client could be let in. It keeps its place, so that its hosts are not taken over by a
    /// listener that asks less of clients.
    Clients,
}

/// The object that a listener is written in.
#[derive(Clone, Copy)]
pub(in super::super) enum Owner<'a> {
    Gateway(&'a Resource<Gateway>),
    Set(&'a Resource<ListenerSet>),
}

impl<'a> Owner<'a> {
    pub(in super::super) fn meta(self) -> &'a Meta {
        match self {
            Self::Gateway(gateway) => &gateway.meta,
            Self::Set(set) => &set.meta,
        }
    }

    fn document(self) -> &'a Arc<Document> {
        match self {
            Self::Gateway(gateway) => &gateway.document,
            Self::Set(set) => &set.document,
        }
    }

    pub(in super::super) fn object(self) -> &'a Arc<ObjectRef> {
        self.document().object()
    }

    pub(in super::super) fn origin(self, at: At) -> Origin {
        self.document().origin(at)
    }
}

impl<'a> Section<'a> {
    pub(super) fn new(
        owner: Owner<'a>,
        gateway: &'a Resource<Gateway>,
        listener: &'a Listener,
    ) -> Self {
        Self {
            owner,
            gateway,
            listener,
            refusal: None,
            unresolved: None,
            tls: None,
            overlaps: false,
            attached_routes: 0,
        }
    }

    /// Unique among all sections.
    pub(in super::super) fn name(&self) -> Box<str> {
        let kind = if self.is_of_set() { "listener-set" } else { "gateway" };
        let meta = self.owner.meta();
        format!("{kind}:{}/{}/{}", meta.namespace, meta.name, self.listener.name).into()
    }

    pub(in super::super) fn origin(&self) -> Origin {
        self.owner.origin(self.listener.at)
    }

    pub(in super::super) fn socket(&self) -> Socket {
        let meta = &self.gateway.meta;
        Socket {
            address: None,
            port: self.listener.port,
            protocol: self.served().unwrap_or(Protocol::Http),
            mutual_tls: false,
            name: format!("{}/{}", meta.namespace, meta.name).into(),
            origin: self.origin(),
        }
    }

    pub(super) fn served(&self) -> Option<Protocol> {
        served(&self.listener.protocol)
    }

    pub(super) fn is_https(&self) -> bool {
        self.listener.protocol == ListenerProtocol::Https
    }

    /// The kinds of routes that may be attached (gateway-api §5.2).
    pub(in super::super) fn kinds(&self) -> impl Iterator<Item = RouteKind> + '_ {
        let asked = &self.listener.routes.kinds;
        let speaks = self.served().is_some();
        RouteKind::ALL.into_iter().filter(move |kind| {
            speaks && (asked.is_empty() || asked.iter().any(|asked| known(asked) == Some(*kind)))
        })
    }

    /// Whether routes of `namespace` may be attached.
    pub(in super::super) fn takes_namespace(&self, namespace: &str, resources: &Resources) -> bool {
        let own = &self.owner.meta().namespace;
        takes(&self.listener.routes.namespaces, own, namespace, resources)
    }

    /// Whether it asks for kinds of routes that are not supported.
    pub(in super::super) fn asks_for_unknown_kinds(&self) -> bool {
        self.listener.routes.kinds.iter().any(|kind| known(kind).is_none())
    }

    pub(in super::super) fn is_of_set(&self) -> bool {
        matches!(self.owner, Owner::Set(_))
    }

    /// Whether nobody else can have its hosts.
    pub(in super::super) fn keeps_place(&self) -> bool {
        self.refusal.as_ref().is_none_or(|refusal| refusal.cause == Cause::Clients)
    }

    /// Whether it takes requests and can do so.
    pub(in super::super) fn is_programmed(&self) -> bool {
        let shows_certificate = self.tls.as_ref().is_none_or(|tls| !tls.certificates.is_empty());
        self.refusal.is_none() && shows_certificate
    }
}

/// Whether what is in `namespace` may come to what is in `own` (gateway-api §9.2).
pub(super) fn takes(
    from: &FromNamespaces,
    own: &str,
    namespace: &str,
    resources: &Resources,
) -> bool {
    match from {
        FromNamespaces::All => true,
        FromNamespaces::Same => own == namespace,
        FromNamespaces::None => false,
        FromNamespaces::Selector(selector) => {
            let labels = resources.namespace_labels(namespace);
            labels.is_some_and(|labels| selector.selects(&labels))
        }
    }
}

/// The kind of a group that is meant; `None` where it is not supported.
pub(super) fn known((group, kind): &(Box<str>, Box<str>)) -> Option<RouteKind> {
    let found = RouteKind::ALL.into_iter().find(|known| known.name() == &**kind);
    found.filter(|_| **group == *GATEWAY_GROUP)
}

/// What is spoken on sockets of a listener's protocol; `None` where it is not supported.
fn served(protocol: &ListenerProtocol) -> Option<Protocol> {
    match protocol {
        ListenerProtocol::Http => Some(Protocol::Http),
        ListenerProtocol::Https => Some(Protocol::Https),
        _ => None,
    }
}
