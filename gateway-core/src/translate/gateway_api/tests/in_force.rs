//! Documents of all dialects in force, for what rules carry and routers decide.

use super::*;
use crate::decision::{Decision, Outcome};
use crate::matcher::Router;
use crate::request::{Connection, ListenerKey, RequestHead};
use crate::rules::{SecretText, Service, ServiceName, VirtualHost};
use crate::translate::Translation;

pub(super) struct InForce {
    pub(super) translation: Translation,
    pub(super) router: Router,
}

pub(super) fn in_force(options: &Options, documents: &[String]) -> InForce {
    let mut resources = Resources::new();
    for document in documents {
        resources.add_yaml("t.yaml", document);
    }
    let translation = crate::translate::translate(&resources, options);
    let router = Router::compile(&translation.rules).unwrap();
    InForce { translation, router }
}

impl InForce {
    /// `code: message` of all that is told.
    pub(super) fn told(&self) -> Vec<String> {
        let say = |d: &Diagnostic| format!("{}: {}", d.code, d.message);
        self.translation.diagnostics.iter().map(say).collect()
    }

    /// As [`conditions_of`].
    pub(super) fn conditions(&self, kind: &str, name: &str) -> Vec<String> {
        conditions_of(status_of(&self.translation.statuses, kind, name))
    }

    /// `status/reason` of a condition of an object, or of a part of it.
    pub(super) fn condition(&self, kind: &str, name: &str, condition: &str) -> String {
        let begin = format!("{condition}=");
        let all = self.conditions(kind, name);
        let found: Vec<&str> = all.iter().filter_map(|c| c.strip_prefix(&begin)).collect();
        match found[..] {
            [only] => only.to_owned(),
            [] => "-".to_owned(),
            _ => panic!("{condition}: {all:#?}"),
        }
    }

    pub(super) fn service(&self, namespace: &str, name: &str) -> &Service {
        let name = ServiceName::new(namespace, name);
        let services = &self.translation.rules.services;
        services.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no {name}"))
    }

    pub(super) fn decide(&self, request: &RequestHead<'_>, draw: u64) -> Decision<'_> {
        self.router.decide(request, draw)
    }

    /// What the router makes of `GET host:port/path`.
    pub(super) fn get(&self, url: &str, draw: u64) -> Decision<'_> {
        self.router.decide(&get(url), draw)
    }

    /// The host of exactly this name on a port; `*` for that of all names.
    pub(super) fn host(&self, port: u16, name: &str) -> Option<&VirtualHost> {
        let listener = self.translation.rules.listeners.iter().find(|l| l.port == port)?;
        let name = if name == "*" { HostPattern::Any } else { name.parse().unwrap() };
        listener.hosts.get(&name).map(|host| &**host)
    }
}

/// A GET request, to `host:port/path` on a plain connection to that port.
pub(super) fn get(url: &str) -> RequestHead<'_> {
    let (authority, path) = url.split_at(url.find('/').unwrap());
    let port = authority.split_once(':').map_or(80, |(_, port)| port.parse().unwrap());
    RequestHead::get(authority, path).on(Connection::http(port))
}

/// A connection over TLS to a port.
pub(super) fn https(port: u16) -> Connection {
    Connection { protocol: crate::request::Protocol::Https, ..Connection::http(port) }
}

pub(super) fn key(port: u16) -> ListenerKey {
    ListenerKey { address: None, port }
}

/// `namespace/name:port` of the Service that the request goes to, or a status.
pub(super) fn target(decision: &Decision<'_>) -> String {
    match decision.admitted() {
        Outcome::Forward(to) => format!("{}:{}", to.service.name, to.port),
        Outcome::Respond(respond) => respond.status.as_u16().to_string(),
        Outcome::Redirect(redirect) => redirect.status.as_u16().to_string(),
        Outcome::NoRoute(reason) => reason.status().as_u16().to_string(),
        Outcome::Deny(_) => "denied".to_owned(),
    }
}

/// What PEM holds here: the lines that are no borders.
pub(super) fn inside(text: &SecretText) -> String {
    let text = String::from_utf8(text.octets().to_vec()).unwrap();
    let inner = text.lines().filter(|line| !line.is_empty() && !line.starts_with('-'));
    inner.collect::<Vec<_>>().join(" ")
}

/// A Secret with a certificate; both parts say its name.
pub(super) fn secret(name: &str, meta: &str) -> String {
    secret_of(name, meta, "kubernetes.io/tls", &pem("CERTIFICATE", name), &pem("PRIVATE KEY", name))
}

pub(super) fn secret_of(name: &str, meta: &str, kind: &str, chain: &str, key: &str) -> String {
    format!(
        "---
apiVersion: v1
kind: Secret
metadata: {{name: {name}, {meta}}}
type: {kind}
stringData: {{tls.crt: {chain:?}, tls.key: {key:?}}}
"
    )
}

/// A ConfigMap with the certificate of an authority, which says its name.
pub(super) fn authority(name: &str, meta: &str) -> String {
    config_map(name, meta, &format!("ca.crt: {:?}", pem("CERTIFICATE", name)))
}

pub(super) fn config_map(name: &str, meta: &str, data: &str) -> String {
    format!(
        "---
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}, {meta}}}
data: {{{data}}}
"
    )
}

pub(super) fn pem(label: &str, inside: &str) -> String {
    format!("-----BEGIN {label}-----\n{inside}\n-----END {label}-----\n")
}

/// A Service with these fields of its spec.
pub(super) fn service(name: &str, meta: &str, spec: &str) -> String {
    format!(
        "---
apiVersion: v1
kind: Service
metadata: {{name: {name}, {meta}}}
spec: {{{spec}}}
"
    )
}

/// Opens a namespace to objects of a kind in another one.
pub(super) fn grant(namespace: &str, from: (&str, &str), to: &str) -> String {
    let (kind, other) = from;
    format!(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {{name: from-{}, namespace: {namespace}}}
spec:
  from: [{{group: gateway.networking.k8s.io, kind: {kind}, namespace: {other}}}]
  to: [{{group: '', {to}}}]
",
        kind.to_lowercase()
    )
}

/// A BackendTLSPolicy with these targets; `validation` holds the fields besides the hostname, which
/// is `name.example`.
pub(super) fn tls_policy(name: &str, meta: &str, targets: &str, validation: &str) -> String {
    format!(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: {name}, {meta}}}
spec:
  targetRefs: [{targets}]
  validation: {{hostname: {name}.example, {validation}}}
"
    )
}
