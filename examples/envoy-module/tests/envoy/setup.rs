//! Configurations of Envoy.

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use testkit::socket::EchoBackend;

const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
const FILTER: &str =
    "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter";
const SPECIFIER: &str = "type.googleapis.com/envoy.extensions.router.cluster_specifiers.\
                         dynamic_modules.v3.DynamicModuleClusterSpecifier";
const MANAGER: &str = "type.googleapis.com/envoy.extensions.filters.network.\
                       http_connection_manager.v3.HttpConnectionManager";

/// What Envoy is to start with.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) listeners: Vec<Value>,
    pub(crate) clusters: Vec<Value>,
}

impl Setup {
    pub(crate) fn json(&self) -> Value {
        json!({
            "node": {"id": "test", "cluster": "test"},
            "admin": {"address": address("127.0.0.1:0".parse().unwrap())},
            "static_resources": {"listeners": self.listeners, "clusters": self.clusters},
        })
    }
}

/// A listener on a free port with these HTTP filters before Envoy's router. Nothing but what the
/// cluster specifier says limits how long an answer may take.
pub(crate) fn listener(name: &str, filters: Vec<Value>) -> Value {
    let router = json!({"name": "router", "typed_config": {"@type": ROUTER}});
    let filters: Vec<Value> = filters.into_iter().chain([router]).collect();
    let specifier = json!({"extension": {"name": "gateway", "typed_config": {
        "@type": SPECIFIER,
        "dynamic_module_config": module(),
        "specifier_name": "gateway",
    }}});
    let route = json!({
        "match": {"prefix": ""},
        "route": {"inline_cluster_specifier_plugin": specifier, "timeout": "0s"},
    });
    let manager = json!({
        "@type": MANAGER,
        "stat_prefix": name,
        "use_remote_address": true,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "server_header_transformation": "PASS_THROUGH",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": filters,
    });
    json!({
        "name": name,
        "address": address("127.0.0.1:0".parse().unwrap()),
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }]}],
    })
}

/// The filter with this configuration.
pub(crate) fn filter(config: Value) -> Value {
    json!({"name": "gateway", "typed_config": filter_config(config)})
}

/// The same without a name.
pub(crate) fn filter_config(config: Value) -> Value {
    json!({
        "@type": FILTER,
        "dynamic_module_config": module(),
        "filter_name": "gateway",
        "filter_config": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": config},
    })
}

fn module() -> Value {
    json!({"name": "gateway_envoy", "do_not_close": true})
}

/// A cluster with one endpoint.
pub(crate) fn cluster(name: &str, endpoint: SocketAddr) -> Value {
    let endpoints = json!([{"lb_endpoints": [{"endpoint": {"address": address(endpoint)}}]}]);
    json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    })
}

fn address(of: SocketAddr) -> Value {
    json!({"socket_address": {"address": of.ip().to_string(), "port_value": of.port()}})
}

/// The filter with a configuration that Envoy takes from a file, and reads again when another file
/// is moved there.
pub(crate) fn discovered(path: &Path) -> Value {
    json!({"name": "gateway", "config_discovery": {
        "config_source": {"path_config_source": {"path": path}},
        "type_urls": [FILTER.rsplit_once('/').unwrap().1],
    }})
}

/// What such a file holds.
pub(crate) fn discovery(version: u32, config: Value) -> String {
    let resource = json!({
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": "gateway",
        "typed_config": filter_config(config),
    });
    json!({"version_info": version.to_string(), "resources": [resource]}).to_string()
}

/// One listener with a filter of this configuration.
pub(crate) fn routes(config: Value, backends: &[&EchoBackend]) -> Setup {
    let clusters = backends.iter().map(|backend| cluster(backend.name(), backend.address));
    Setup { listeners: vec![listener("web", vec![filter(config)])], clusters: clusters.collect() }
}
