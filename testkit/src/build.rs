//! Short ways to rules made by a program.

use gateway_core::rules::{
    BackendSettings, Forward, Hosts, Listener, Protocol, Redirect, Respond, Service, ServiceId,
    ServiceName, Template, UpstreamTarget,
};
use gateway_core::{ObjectRef, Origin, PathPolicy};
use http::StatusCode;
use std::sync::Arc;

/// An origin for the rule that `name` stands for.
pub fn origin(name: &str) -> Origin {
    Origin::new(ObjectRef::new("Rules", "", "test"), name)
}

/// A plain HTTP listener of all addresses without hosts.
pub fn listener(port: u16) -> Listener {
    Listener {
        tells_grpc: false,
        mutual_tls: false,
        name: format!("http-{port}").into(),
        address: None,
        port,
        protocol: Protocol::Http,
        paths: PathPolicy::default(),
        hosts: Hosts::new(),
        origin: origin(&format!("listener {port}")),
    }
}

/// A Service in namespace `default` that exists, with these ports and without splits.
pub fn service(name: &str, ports: &[u16]) -> Service {
    Service::new(ServiceName::new("default", name), Some(ports.to_vec()))
}

/// Sends requests to a Service as they are; its TrafficSplits apply.
pub fn forward(service: ServiceId, port: u16, origin: Origin) -> Forward {
    let settings = BackendSettings::new("test", origin.clone());
    Forward::new(UpstreamTarget { service, port, splits: true }, Arc::new(settings), origin)
}

/// A redirect to a fixed place.
pub fn redirect(origin: Origin) -> Redirect {
    Redirect {
        status: StatusCode::FOUND,
        location: gateway_core::rules::Location::Url(Template::text("https://example.com/")),
        max_body: None,
        origin,
    }
}

/// An empty answer with this status.
pub fn respond(status: StatusCode, origin: Origin) -> Respond {
    Respond {
        status,
        content_type: None,
        body: Template::default(),
        headers: Vec::new(),
        reason: None,
        origin,
    }
}
