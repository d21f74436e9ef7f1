//! What rules ask for and this proxy does not do yet. It is told once, at load: nothing is ignored
//! silently, and nothing that has to be safe is sent otherwise than asked.

mod variables;

use crate::attributes::are_supplied;
use crate::guard::{Unenforced, take};
use crate::listener::why_not_served;
use gateway_core::rules::{
    Action, AuthRequest, BackendProtocol, BackendSettings, Balance, EndpointChoice, FailureLimit,
    Field, Forward, Listener, Policies, Protocol, RateLimitChoice, Route, RuleSet, Sticky,
};
use gateway_core::{Diagnostic, Origin, Step};
use std::collections::BTreeSet;
use std::sync::Arc;
use variables::unknown_variables;

/// A warning for each setting and each policy that is not carried out, and what happens instead.
pub fn unsupported(rules: &RuleSet) -> Vec<Diagnostic> {
    let mut found = of_policies(rules);
    for route in rules.listeners.iter().flat_map(routes_of) {
        found.extend(route.action.forwards().flat_map(|forward| of_forward(forward, rules)));
        if let Action::Split(split) = &route.action {
            found.extend(of_sticky(split.sticky.as_deref(), &split.origin));
        }
        found.extend(unknown_variables(route).map(|(origin, name)| {
            let message = format!("`${name}` is always empty: this proxy does not know it");
            Diagnostic::warning("unsupported", origin, message)
        }));
    }
    for split in rules.services.iter().flat_map(|service| &service.splits) {
        found.extend(of_sticky(split.sticky.as_deref(), &split.origin));
    }
    found.into_iter().collect()
}

/// A warning for each listener that is not opened whatever the identity. Apart from [`unsupported`],
/// since a proxy that runs tells so itself ([`Event::NotServed`](crate::Event)).
pub fn unopened(rules: &RuleSet) -> Vec<Diagnostic> {
    let closed = rules.listeners.iter().filter_map(|listener| {
        let why = why_not_served(listener, true)?;
        let (protocol, port) = (listener.protocol.as_str(), listener.port);
        let message = format!("port {port} is not opened for {protocol}: {why}");
        Some(Diagnostic::warning("unsupported", &listener.origin, message))
    });
    closed.collect()
}

/// A warning where a split goes by what no request has here.
fn of_sticky(sticky: Option<&Sticky>, split: &Origin) -> Option<Diagnostic> {
    let Field::Attribute(name) = sticky?.by() else { return None };
    let message = format!("this proxy does not know `{name}`: each request is drawn anew");
    (!are_supplied(name)).then(|| Diagnostic::warning("unsupported", split, message))
}

fn of_forward(forward: &Forward, rules: &RuleSet) -> Vec<Diagnostic> {
    let settings = &forward.settings;
    let told = match refusal(speech(forward, rules), &settings.endpoints) {
        Some(reason) => vec![format!("{reason} is not supported yet: the answer is 500")],
        None => without_effect(settings).collect(),
    };
    let warning = |message| Diagnostic::warning("unsupported", &settings.origin, message);
    let mut found: Vec<_> = told.into_iter().map(warning).collect();
    if let Some(session) = &forward.session {
        let message = "keeping clients at one endpoint is not supported yet and has no effect";
        found.push(Diagnostic::warning("unsupported", &session.origin, message));
    }
    found.extend(forward.mirrors.iter().map(|mirror| {
        let message = "mirroring is not supported yet: no copies are sent";
        Diagnostic::warning("unsupported", &mirror.forward.origin, message)
    }));
    found
}

/// What is spoken with the Service that a rule names, and whether within TLS.
fn speech(forward: &Forward, rules: &RuleSet) -> (BackendProtocol, bool) {
    let service = rules.service(forward.target.service);
    let said = service.speech(forward.target.port).filter(|_| forward.as_service_says);
    let protocol = said.and_then(|said| said.protocol);
    let tls = said.is_some_and(|said| said.tls.is_some());
    (protocol.unwrap_or(forward.settings.protocol), forward.settings.tls || tls)
}

fn routes_of(listener: &Listener) -> impl Iterator<Item = &Route> {
    listener.hosts.iter().flat_map(|host| &host.routes)
}

/// A warning for each policy that is not enforced.
fn of_policies(rules: &RuleSet) -> BTreeSet<Diagnostic> {
    let mut found = BTreeSet::new();
    // Many routes share them, or the limits among them.
    let (mut seen, mut seen_limits) = (BTreeSet::new(), BTreeSet::new());
    for listener in &rules.listeners {
        for policies in routes_of(listener).filter_map(|route| route.policies.as_ref()) {
            // A fault turns everybody away.
            if policies.fault.is_some()
                || !seen.insert((listener.protocol.as_str(), Arc::as_ptr(policies)))
            {
                continue;
            }
            let limits = match seen_limits.insert(Arc::as_ptr(&policies.rate_limits)) {
                true => &policies.rate_limits[..],
                false => &[],
            };
            for Unenforced { what, origin } in unenforced(policies, limits, listener.protocol) {
                let message = format!("{what} is not enforced yet: its routes answer 500");
                found.insert(Diagnostic::warning("unsupported", origin, message));
            }
        }
    }
    found
}

/// What `policies`, of their limits only `limits`, may ask of requests that come by `protocol` and
/// is not done here.
fn unenforced<'r>(
    policies: &'r Policies,
    limits: &'r [RateLimitChoice],
    protocol: Protocol,
) -> Vec<Unenforced<'r>> {
    let Policies {
        fault: _,
        client_certificates,
        rate_limits: _,
        basic_auth,
        auth_request,
        jwt,
        cache,
        // They are refusals and what answers tell.
        access: _,
        cors: _,
        hsts: _,
        // Nothing is sent to backends with TLS at all.
        backend_tls: _,
    } = policies;
    let certificates = client_certificates.as_deref().filter(|_| protocol == Protocol::Https);
    let cases = limits.iter().flat_map(|choice| &choice.cases).map(|case| &case.limit);
    let others = limits.iter().filter_map(|choice| choice.otherwise.as_ref());
    let key = Vec::new();
    let asked = match auth_request {
        Some(AuthRequest::ApiKey(policy)) => Some(Step::ApiKey { policy, key }),
        Some(AuthRequest::External(policy)) => Some(Step::ExternalAuth(policy)),
        Some(AuthRequest::Check(check)) => Some(Step::AuthCheck(check)),
        None => None,
    };
    let mut steps: Vec<Step<'_>> = certificates.map(Step::ClientCertificate).into_iter().collect();
    steps.extend(cases.chain(others).map(|limit| Step::RateLimit { limit, key: Vec::new() }));
    steps.extend(basic_auth.as_deref().map(Step::BasicAuth));
    steps.extend(asked);
    steps.extend(jwt.as_deref().map(Step::Jwt));
    steps.extend(cache.as_deref().map(Step::Cache));
    steps.iter().filter_map(|step| take(step).err()).collect()
}

/// Why nothing can be sent to a backend that is spoken to like this, within TLS or not.
pub(crate) fn refusal(
    (protocol, tls): (BackendProtocol, bool),
    endpoints: &EndpointChoice,
) -> Option<&'static str> {
    match (protocol, endpoints) {
        (BackendProtocol::Grpc, _) => Some("gRPC to backends"),
        (BackendProtocol::Http2, _) => Some("HTTP/2 to backends"),
        (BackendProtocol::Http, _) if tls => Some("TLS to backends"),
        // To send to others would be a wrong route.
        (_, EndpointChoice::Labelled(_)) => Some("choosing endpoints by label"),
        (BackendProtocol::Http, EndpointChoice::Ready | EndpointChoice::ClusterIp) => None,
    }
}

/// The settings that are as if they were not there.
fn without_effect(settings: &BackendSettings) -> impl Iterator<Item = String> {
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
        when(settings.endpoints == EndpointChoice::ClusterIp, "sending to the cluster IP"),
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
    use crate::guard::{Guard, enforce};
    use gateway_core::{Connection, Options, RequestHead, Resources, Router, translate};
    use http::StatusCode;

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
    fn splits_by_claims_are_told_of() {
        // decisions §4
        let of = |by: &str| {
            let yaml = format!(
                "
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {{name: cafe, annotations: {{gateway/sticky-by: '{by}'}}}}
spec:
  host: cafe.example
  routes:
  - path: /
    splits: [{{weight: 50, action: {{return: {{body: a}}}}}}, {{weight: 50, action: {{return: {{body: b}}}}}}]
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {{name: tea, annotations: {{gateway/sticky-by: '{by}'}}}}
spec: {{service: tea, backends: [{{service: tea-1, weight: 1}}]}}
"
            );
            let mut resources = Resources::default();
            resources.add_yaml("cafe.yaml", yaml);
            let rules = translate(&resources, &Options::default()).rules;
            unsupported(&rules).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        for by in ["cookie:id", "header:x-user", "source"] {
            assert_eq!(of(by), [""; 0], "{by}");
        }
        assert_eq!(
            of("claim:sub"),
            [
                "cafe.yaml:11:1: warning[unsupported]: TrafficSplit default/tea: this proxy does \
                 not know `jwt_claim_sub`: each request is drawn anew",
                "cafe.yaml:9:13: warning[unsupported]: VirtualServer default/cafe: \
                 spec.routes[0].splits: this proxy does not know `jwt_claim_sub`: each request is \
                 drawn anew",
            ]
        );
    }

    const SECRETS: &str = "
{apiVersion: v1, kind: Secret, metadata: {name: users}, type: nginx.org/htpasswd,
 stringData: {htpasswd: ''}}
---
{apiVersion: v1, kind: Secret, metadata: {name: clients}, type: nginx.org/apikey,
 stringData: {ann: a}}
---
{apiVersion: v1, kind: Secret, metadata: {name: keys}, type: nginx.org/jwk, stringData: {jwk: '{}'}}
---
{apiVersion: v1, kind: Secret, metadata: {name: ca}, type: nginx.org/ca,
 stringData: {ca.crt: '-----BEGIN CERTIFICATE-----'}}
---
";

    #[test]
    fn policies_that_are_not_enforced_are_told_once_and_let_nobody_pass() {
        for (spec, protocol, want) in [
            ("accessControl: {allow: [127.0.0.1]}", Protocol::Http, None),
            ("cors: {allowOrigin: ['*']}", Protocol::Http, None),
            ("hsts: {maxAge: 1}", Protocol::Http, None),
            ("egressMTLS: {}", Protocol::Http, None),
            (
                "ingressMTLS: {clientCertSecret: ca}",
                Protocol::Https,
                Some("a certificate of the client"),
            ),
            ("rateLimit: {rate: 1r/s, key: a, zoneSize: 1m}", Protocol::Http, Some("a rate limit")),
            (
                "rateLimit: {rate: 1r/s, key: a, zoneSize: 1m, condition: {variables: [{name: \
                 $request_method, match: GET}]}}",
                Protocol::Http,
                Some("a rate limit"),
            ),
            ("basicAuth: {secret: users}", Protocol::Http, Some("basic authentication")),
            (
                "apiKey: {suppliedIn: {header: [X-Key]}, clientSecret: clients}",
                Protocol::Http,
                Some("an API key"),
            ),
            (
                "externalAuth: {authServiceName: auth}",
                Protocol::Http,
                Some("authentication by another service"),
            ),
            ("jwt: {realm: a, secret: keys}", Protocol::Http, Some("a signed token")),
            ("cache: {cacheZoneName: a, cacheZoneSize: 1m}", Protocol::Http, Some("a cache")),
        ] {
            let yaml = format!(
                "{SECRETS}apiVersion: k8s.nginx.org/v1\nkind: Policy\nmetadata: {{name: p}}\n\
                 spec:\n  {spec}\n---\n\
                 apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {{name: cafe}}\nspec:\n  \
                 host: cafe.example\n  tls: {{secret: cert}}\n  policies: [{{name: p}}]\n  \
                 upstreams: [{{name: u, service: s, port: 80}}]\n  routes:\n  \
                 - {{path: /a, action: {{pass: u}}}}\n  - {{path: /b, action: {{pass: u}}}}\n  \
                 - {{path: /lost, policies: [{{name: gone}}], action: {{pass: u}}}}\n"
            );
            let mut resources = Resources::default();
            resources.add_yaml("cafe.yaml", yaml);
            let rules = translate(&resources, &Options::default()).rules;
            let told = unsupported(&rules);
            let told: Vec<_> = told.iter().map(|d| format!("{}: {}", d.field, d.message)).collect();
            let (name, _) = spec.split_once(':').unwrap();
            let want = want.map(|what| {
                format!("spec.{name}: {what} is not enforced yet: its routes answer 500")
            });
            // What is told is what happens.
            let router = Router::compile(&rules).unwrap();
            let peer = Some("127.0.0.1:1".parse().unwrap());
            let https = Connection { protocol, ..Connection::http(443) };
            let on = if protocol == Protocol::Https { https } else { Connection::http(80) };
            let request = RequestHead::get("cafe.example", "/a")
                .headers(&[("x-key", "a")])
                .on(Connection { peer, ..on });
            let got = enforce(&router.decide(&request, 0), &request);
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            let guard = match want {
                Some(_) => Guard::Refused(status, "unenforced_policy"),
                None => Guard::Admitted(Vec::new()),
            };
            assert_eq!(told, Vec::from_iter(want), "{spec}");
            assert_eq!(got, guard, "{spec}");
        }
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
            (", subselector: {a: b}, max-conns: 3", "choosing endpoints by label"),
        ] {
            let want = format!("{want} is not supported yet: the answer is 500");
            assert_eq!(told(&["", settings]), [format!("spec.upstreams[1]: {want}")], "{settings}");
        }
        for (settings, want) in [
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
