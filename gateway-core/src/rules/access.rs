//! Who may call the workloads of a Service (smi §6).

use super::GroupMatches;
use crate::origin::Origin;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A Kubernetes service account: the identity of a workload (smi T-1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceAccount {
    /// The namespace.
    pub namespace: Box<str>,
    /// The name.
    pub name: Box<str>,
}

impl ServiceAccount {
    /// Names a service account.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What is asked of the callers of a Service.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    /// Whose name callers go by that have none of their own: that of the gateway, if it has one
    /// (smi T-2).
    pub anonymous: Option<ServiceAccount>,
    /// The kinds of endpoints that the Service has. Not empty.
    pub workloads: Vec<Workload>,
}

/// Endpoints of a Service's port that are called alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Their identity.
    pub account: ServiceAccount,
    /// The port of the Service; `None` where its ports are not known, and it may be any.
    pub port: Option<u16>,
    /// Their own port; `None` where it is that of the Service.
    pub target_port: Option<u16>,
    /// Lists of grants, of each of which one must admit the caller; an empty list admits nobody.
    /// Without any list whoever calls may (smi T-9). There are several where the endpoints may be
    /// one of several workloads, each with a list of its own.
    pub asks: Vec<Arc<[Grant]>>,
}

/// A TrafficTarget: callers and what they may ask (smi §6.4).
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Of which one is the caller (smi T-3, T-12).
    pub callers: Vec<Caller>,
    /// The one port that is meant: of the Service, or of its endpoints.
    pub port: Option<u16>,
    /// The ports of layer-4 routes: one of them is meant, alike. `None`: any.
    pub layer4: Option<Vec<u16>>,
    /// Of which one must hold; `None`: whatever is asked (layer 4 does not look inside).
    pub matches: Option<GroupMatches>,
    /// Where it was written.
    pub origin: Origin,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A workload of this service account.
    Account(ServiceAccount),
    /// One with exactly this SPIFFE id, `spiffe://` included.
    Spiffe(Box<str>),
    /// A workload of a namespace that has all these labels.
    Labelled {
        /// The namespace.
        namespace: Box<str>,
        /// The labels.
        labels: BTreeMap<Box<str>, Box<str>>,
    },
}

impl Access {
    /// The kinds of endpoints that a request to `port` may reach, with their positions.
    pub fn reachable(&self, port: u16) -> impl Iterator<Item = (usize, &Workload)> {
        let reached = move |w: &Workload| w.port.is_none_or(|of| of == port);
        self.workloads.iter().enumerate().filter(move |(_, workload)| reached(workload))
    }
}

impl Workload {
    /// Whether `wanted` names the port by which it is called: of the Service, or its own.
    pub(crate) fn is_called_by(&self, port: u16, wanted: u16) -> bool {
        wanted == port || self.target_port == Some(wanted)
    }
}
