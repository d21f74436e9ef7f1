//! What rules ask for and this proxy does not do yet. It is told once, at load: nothing is ignored
//! silently, and nothing that has to be safe is sent otherwise than asked.

mod variables;

use gateway_core::Diagnostic;
use gateway_core::rules::{
    BackendProtocol, BackendSettings, Balance, EndpointChoice, FailureLimit, RuleSet,
};
use std::collections::BTreeSet;
use variables::unknown_variables;

/// A warning for each setting that is not carried out, and what happens instead.
pub fn unsupported(rules: &RuleSet) -> Vec<Diagnostic> {
    let mut found = BTreeSet::new();
    let routes = rules.listeners.iter().flat_map(|l| l.hosts.iter()).flat_map(|h| &h.routes);
    for route in routes {
        found.extend(route.action.forwards().flat_map(|forward| of_settings(&forward.settings)));
        found.extend(unknown_variables(route).map(|(origin, name)| {
            let message = format!("`${name}` is always empty: this proxy does not know it");
            Diagnostic::warning("unsupported", origin, message)
        }));
    }
    found.into_iter().collect()
}

fn of_settings(settings: &BackendSettings) -> Vec<Diagnostic> {
    let told = match refusal(settings) {
        Some(reason) => vec![format!("{reason} is not supported yet: the answer is 500")],
        None => without_effect(settings).collect(),
    };
    let warning = |message| Diagnostic::warning("unsupported", &settings.origin, message);
    told.into_iter().map(warning).collect()
}

/// Why nothing can be sent to a backend with these settings.
pub(crate) fn refusal(settings: &BackendSettings) -> Option<&'static str> {
    match settings.protocol {
        BackendProtocol::Grpc => Some("gRPC to backends"),
        BackendProtocol::Http if settings.tls => Some("TLS to backends"),
        BackendProtocol::Http => None,
    }
}

/// The settings that are as if they were not there.
fn without_effect(settings: &BackendSettings) -> impl Iterator<Item = String> {
    let endpoints = match settings.endpoints {
        EndpointChoice::Ready => None,
        EndpointChoice::Labelled(_) => Some("choosing endpoints by label"),
        EndpointChoice::ClusterIp => Some("sending to the cluster IP"),
    };
    let balance = match settings.balance {
        Balance::RoundRobin
        | Balance::Random
        | Balance::RandomTwoLeastConnections
        | Balance::LeastConnections => None,
        Balance::ClientAddress | Balance::Hash { .. } => Some("balancing by a hash"),
        _ => Some("balancing by the time that answers take"),
    };
    let when = |asked: bool, what| asked.then_some(what);
    let limit = settings.failure_limit != FailureLimit::default();
    [
        endpoints,
        balance,
        when(settings.backup.is_some(), "a backup Service"),
        when(settings.session_cookie.is_some(), "a session cookie"),
        when(limit, "a limit of failures other than one in 10 s"),
        when(settings.health_check.is_some(), "checking health"),
        when(settings.slow_start.is_some(), "a slow start"),
        when(settings.max_connections.is_some(), "a limit of connections"),
        when(settings.queue.is_some(), "a queue"),
        when(settings.keepalive.is_some(), "a limit of idle connections"),
    ]
    .into_iter()
    .flatten()
    .map(|what| format!("{what} is not supported yet and has no effect"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::{Options, Resources, translate};

    /// What is told of upstreams with these settings, each of which two listeners serve twice.
    fn told(upstreams: &[&str]) -> Vec<String> {
        let mut yaml = String::from(
            "apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {name: cafe}\nspec:\n  \
             host: cafe.example\n  tls: {secret: cert}\n  upstreams:\n",
        );
        let mut routes = String::from("  routes:\n");
        for (i, upstream) in upstreams.iter().enumerate() {
            yaml += &format!("  - {{name: u{i}, service: s, port: 80{upstream}}}\n");
            routes += &format!("  - {{path: /a{i}, action: {{pass: u{i}}}}}\n");
            routes += &format!("  - {{path: /b{i}, action: {{pass: u{i}}}}}\n");
        }
        let mut resources = Resources::default();
        resources.add_yaml("cafe.yaml", yaml + &routes);
        let rules = translate(&resources, &Options::default()).rules;
        assert_eq!(rules.route_count(), 4 * upstreams.len());
        unsupported(&rules).iter().map(|d| format!("{}: {}", d.field, d.message)).collect()
    }

    #[test]
    fn what_is_done_is_not_told() {
        let done = [
            "",
            ", lb-method: round_robin",
            ", lb-method: random",
            ", lb-method: least_conn, max-fails: 1, fail-timeout: 10s, max-conns: 0",
            ", tls: {enable: false}, type: http, connect-timeout: 1s, next-upstream: off",
            ", sessionCookie: {name: a}, healthCheck: {enable: false}, use-cluster-ip: false",
        ];
        assert_eq!(told(&done), [""; 0]);
    }

    #[test]
    fn variables_without_values_are_told_once() {
        // virtualserver §17.4, §17.5, §17.7
        let mut resources = Resources::default();
        resources.add_yaml(
            "cafe.yaml",
            "apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example
  upstreams: [{name: tea, service: s, port: 80}]
  routes:
  - {path: /a, action: {return: {body: '${request_length} ${pid} ${request_length} ${arg_x}'}}}
  - path: /b
    splits:
    - {weight: 1, action: {pass: tea}}
    - weight: 99
      action:
        proxy:
          upstream: tea
          requestHeaders: {set: [{name: X-A, value: '${ssl_cipher}'}, {name: Host, value: '${jwt_claim_sub}'}]}
          responseHeaders: {add: [{name: X-B, value: '${server_addr} ${nginx_version}'}]}
    errorPages: [{codes: [404], return: {body: '${upstream_status}'}}]
",
        );
        let rules = translate(&resources, &Options::default()).rules;
        let told: Vec<_> = unsupported(&rules)
            .iter()
            .map(|d| format!("{}: {}", d.field, d.message.split(':').next().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                "spec.routes[0].action: `$request_length` is always empty",
                "spec.routes[1].splits[1].action: `$jwt_claim_sub` is always empty",
                "spec.routes[1].splits[1].action: `$nginx_version` is always empty",
                "spec.routes[1].splits[1].action: `$ssl_cipher` is always empty",
            ]
        );
    }

    #[test]
    fn what_is_not_done_is_told_once() {
        for (settings, want) in [
            (", tls: {enable: true}, max-conns: 3", "TLS to backends"),
            (", type: grpc, tls: {enable: true}, keepalive: 3", "gRPC to backends"),
        ] {
            let want = format!("{want} is not supported yet: the answer is 500");
            assert_eq!(told(&["", settings]), [format!("spec.upstreams[1]: {want}")], "{settings}");
        }
        for (settings, want) in [
            (", subselector: {a: b}", "choosing endpoints by label"),
            (", use-cluster-ip: true", "sending to the cluster IP"),
            (", lb-method: ip_hash", "balancing by a hash"),
            (", lb-method: hash $host", "balancing by a hash"),
            (", lb-method: least_time header", "balancing by the time that answers take"),
            (", lb-method: round_robin, backup: b, backupPort: 80", "a backup Service"),
            (", sessionCookie: {enable: true, name: a}", "a session cookie"),
            (", max-fails: 0", "a limit of failures other than one in 10 s"),
            (", fail-timeout: 5s", "a limit of failures other than one in 10 s"),
            (", healthCheck: {enable: true}", "checking health"),
            (", lb-method: least_conn, slow-start: 5s", "a slow start"),
            (", max-conns: 1", "a limit of connections"),
            (", queue: {size: 1}", "a queue"),
            (", keepalive: 0", "a limit of idle connections"),
        ] {
            let want = format!("{want} is not supported yet and has no effect");
            assert_eq!(told(&["", settings]), [format!("spec.upstreams[1]: {want}")], "{settings}");
        }
    }
}
