//! The Services that rules name: as backends, for copies, to be asked (gateway-api §15.2).

use super::fault::Fault;
use super::grants::{Grants, Referent, Referrer};
use super::policy::BackendTlsPolicies;
use super::route::LoweredRoute;
use crate::resource::Resource;
use crate::resource::document::At;
use crate::resource::gateway_route::backend::BackendTarget;
use crate::resource::gateway_route::{GatewayRoute, RouteKind};
use crate::rules::{BackendProtocol, ServiceName, UpstreamTarget};
use crate::translate::Context;

/// What references are resolved by.
#[derive(Clone, Copy)]
pub(super) struct References<'r, 'a> {
    pub(super) grants: &'r Grants<'a>,
    pub(super) policies: &'r BackendTlsPolicies<'a>,
    /// Whether the route is of Services, so that no grant is needed (gateway-api §22).
    pub(super) mesh: bool,
}

impl References<'_, '_> {
    /// The Service and port that `target` of a route names. What is wrong is told, and noted in
    /// `lowered`: then the message is left.
    pub(super) fn resolve(
        self,
        target: &BackendTarget,
        splits: bool,
        route: &Resource<GatewayRoute>,
        context: &mut Context<'_>,
        lowered: &mut LoweredRoute,
    ) -> Result<UpstreamTarget, String> {
        let namespace = target.namespace.as_ref().unwrap_or(&route.meta.namespace);
        let name = ServiceName::new(namespace, &target.name);
        let permitted = self.permit(target, &name, route);
        // A reference that is not permitted leaves no trace at the Service, nor at its policies.
        if permitted.is_ok() && target.is_service() {
            lowered.services.insert(name.clone());
        }
        match permitted.and_then(|()| self.check(target, &name, route, context)) {
            Ok(port) => Ok(UpstreamTarget { service: context.services.id(&name), port, splits }),
            Err((at, fault)) => {
                fault.tell(&route.origin(at), context);
                let message = fault.message.clone();
                lowered.unresolved.get_or_insert(fault);
                Err(message)
            }
        }
    }

    /// Whether the route may name it at all (gateway-api §19).
    fn permit(
        self,
        target: &BackendTarget,
        name: &ServiceName,
        route: &Resource<GatewayRoute>,
    ) -> Result<(), (At, Fault)> {
        if self.mesh {
            return Ok(());
        }
        let BackendTarget { group, kind, fields, .. } = target;
        let referrer = Referrer { kind: route.spec.kind.name(), namespace: &route.meta.namespace };
        let referent = Referent { group, kind, namespace: &name.namespace, name: &name.name };
        self.grants.check(referrer, referent).map_err(|fault| (fields.namespace, fault))
    }

    /// The port of one that is permitted, or the first fault in the order of gateway-api §15.2.
    fn check(
        self,
        target: &BackendTarget,
        name: &ServiceName,
        route: &Resource<GatewayRoute>,
        context: &mut Context<'_>,
    ) -> Result<u16, (At, Fault)> {
        let fields = target.fields;
        let BackendTarget { group, kind, .. } = target;
        if !target.is_service() {
            let group = match &**group {
                "" => "the core group".to_owned(),
                group => format!("group `{group}`"),
            };
            let message = format!("backends of kind `{kind}` of {group} are not supported");
            let help = "a backend is a `Service` of the core group".to_owned();
            return Err((fields.kind, Fault::new("InvalidKind", message).help(help)));
        }
        // Such a Service could be made to point anywhere (gateway-api §15.1).
        if context.resources.service(name).is_some_and(|s| s.spec.external_name.is_some()) {
            let message = format!("the Service `{name}` is an ExternalName, which is no backend");
            return Err((fields.name, Fault::new("InvalidKind", message)));
        }
        let port = target.port.unwrap_or_default();
        let service = context.services.service(name);
        if !service.has_port(port) {
            let fault = |message: String| Fault::new("BackendNotFound", message);
            if service.exists {
                let ports: Vec<_> = service.ports.iter().flatten().map(u16::to_string).collect();
                let help = (!ports.is_empty()).then(|| format!("it has {}", ports.join(", ")));
                let message = format!("the Service `{name}` has no port {port}");
                return Err((fields.port, fault(message).help(help)));
            }
            let fault = fault(format!("there is no Service `{name}`"));
            return Err((fields.name, fault.help(context.services.meant(name))));
        }
        let has_tls = self.policies.find(name, port, context.resources).is_some();
        if let Some(said) = app_protocol(name, port, context)
            && let Err(message) = usable(&said, route.spec.kind, has_tls)
        {
            let fault = Fault::new("UnsupportedProtocol", message);
            return Err((fields.port, fault));
        }
        Ok(port)
    }
}

/// `appProtocol` of a port.
fn app_protocol(name: &ServiceName, port: u16, context: &Context<'_>) -> Option<Box<str>> {
    let service = context.resources.service(name)?;
    let port = service.spec.tcp_ports().find(|written| written.port == port)?;
    port.app_protocol.clone()
}

/// Whether routes of a kind can be served by what a port speaks (gateway-api §15.4).
fn usable(said: &str, kind: RouteKind, has_tls: bool) -> Result<(), String> {
    match (said, kind) {
        ("kubernetes.io/ws" | "kubernetes.io/wss", RouteKind::Grpc) => {
            Err(format!("gRPC cannot be spoken with a port that speaks `{said}`"))
        }
        _ if !has_tls => without_tls(said).map_err(str::to_owned),
        _ => Ok(()),
    }
}

/// Whether a port can be spoken to in plain text.
pub(super) fn without_tls(said: &str) -> Result<(), &'static str> {
    match said {
        "kubernetes.io/wss" => Err(
            "the port speaks WebSocket over TLS (`kubernetes.io/wss`), but no BackendTLSPolicy \
             says how its certificate is trusted",
        ),
        _ => Ok(()),
    }
}

/// What is spoken with a port whose `appProtocol` is `said`; `None` where that is for the rule to
/// say (gateway-api §15.4).
pub(super) fn spoken(said: &str) -> Result<Option<BackendProtocol>, String> {
    match said {
        "kubernetes.io/h2c" => Ok(Some(BackendProtocol::Http2)),
        "kubernetes.io/ws" | "kubernetes.io/wss" | "http" | "https" | "" => Ok(None),
        other => Err(format!("`{other}` is not known and has no effect")),
    }
}
