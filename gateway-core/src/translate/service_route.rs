//! Routes and claims of what is called by its Service alone.

use super::Context;
use super::hosts::{Claim, Rank, Socket};
use crate::origin::Origin;
use crate::rules::{
    Action, BackendSettings, Boundary, Forward, HostPattern, PathPattern, PathTemplate, Protocol,
    Route, ServiceName, UpstreamTarget,
};
use std::net::IpAddr;
use std::sync::Arc;

/// Every path to a port of a Service, past its TrafficSplits or through them.
pub(crate) fn service_route(
    service: &ServiceName,
    port: u16,
    splits: bool,
    origin: &Origin,
    context: &mut Context<'_>,
) -> Route {
    let target = UpstreamTarget { service: context.services.id(service), port, splits };
    let settings = BackendSettings::new(&service.to_string(), origin.clone());
    let forward = Forward::new(target, Arc::new(settings), origin.clone());
    let forward = Forward { as_service_says: true, ..forward };
    let everything =
        PathPattern::Prefix { template: PathTemplate::empty(), boundary: Boundary::Segment };
    Route::new(everything, Vec::new(), Action::Forward(Arc::new(forward)), origin.clone())
}

impl Socket {
    /// A plain one, which a Service asks for.
    pub(crate) fn of_service(
        service: &ServiceName,
        address: Option<IpAddr>,
        port: u16,
        origin: &Origin,
    ) -> Self {
        Self {
            address,
            port,
            protocol: Protocol::Http,
            mutual_tls: false,
            name: service.to_string().into(),
            origin: origin.clone(),
        }
    }
}

impl Claim {
    /// All that comes to `socket`, whichever host it is for, unless a document has a say in it.
    pub(crate) fn of_service(socket: Socket, route: Route) -> Self {
        Self {
            section: "".into(),
            hostname: HostPattern::Any,
            falls_through: false,
            tls: None,
            tells_grpc: false,
            gunzip: false,
            routes: vec![route],
            rank: Rank::ServiceHost,
            created: None,
            uid: None,
            origin: socket.origin.clone(),
            socket,
        }
    }
}
