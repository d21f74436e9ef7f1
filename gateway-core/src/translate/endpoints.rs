//! Service references to endpoints.

use super::Options;
use crate::resource::Resources;
use crate::rules::ServiceName;

/// Where a Service's requests can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// An address, or a host name for an ExternalName Service.
    pub host: Box<str>,
    /// The target port.
    pub port: u16,
}

/// The ready endpoints that documents name, by Service and Service port.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Endpoints {}

impl Endpoints {
    pub(super) fn of(resources: &Resources, options: &Options) -> Self {
        let _ = (resources, options);
        Self::default()
    }

    /// The ready endpoints of a port of a Service, sorted; empty when there are none or the
    /// Service is not known.
    pub fn of_service(&self, service: &ServiceName, port: u16) -> &[Endpoint] {
        let _ = (service, port);
        &[]
    }
}
