mod certificates;
mod delegation;
mod effects;
mod error_pages;
mod listeners;
mod lowering;
mod refusals;
mod slips;
mod statuses;
mod sticky;
mod upstreams;

use crate::diagnostic::Diagnostic;
use crate::resource::Resources;
use crate::rules::{
    Action, Balance, Condition, Field, Forward, HostPattern, HostRewrite, Location, PathPattern,
    PathRewrite, Protocol, RetryCondition, Route, Split, Template, TemplatePart, Test,
};
use crate::{Options, State, Status, Translation, translate};
use http::{HeaderName, StatusCode};
use std::fmt::Write as _;
use std::time::Duration;

pub(super) fn translation(yaml: &str, options: &Options) -> Translation {
    let mut resources = Resources::default();
    resources.add_yaml("shop.yaml", yaml);
    translate(&resources, options)
}

/// A VirtualServer `shop/cafe` with this spec.
pub(super) fn server(spec: &str) -> String {
    let mut yaml = String::from(
        "apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\n\
         metadata: {name: cafe, namespace: shop}\nspec:\n",
    );
    for line in spec.lines() {
        let _ = writeln!(yaml, "  {line}");
    }
    yaml
}

/// The same with host and the upstreams `tea` and `coffee`, given the other fields of the spec.
pub(super) fn cafe(spec: &str) -> String {
    server(&format!(
        "host: cafe.example.com\n\
         upstreams:\n\
         - {{name: tea, service: tea-svc, port: 80}}\n\
         - {{name: coffee, service: beans/coffee-svc, port: 8080}}\n{spec}"
    ))
}

/// The same with one route, given its other fields.
pub(super) fn one_route(path: &str, route: &str) -> String {
    let mut spec = format!("routes:\n- path: {path:?}\n");
    for line in route.lines() {
        let _ = writeln!(spec, "  {line}");
    }
    cafe(&spec)
}

/// The Secret `shop/cert`.
const CERTIFICATE: &str = "apiVersion: v1\nkind: Secret\n\
     metadata: {name: cert, namespace: shop}\ntype: kubernetes.io/tls\n\
     stringData: {tls.crt: '-----BEGIN CERTIFICATE-----', tls.key: '-----BEGIN PRIVATE KEY-----'}\n";

/// Diagnostics without code and place: `error: spec.host: message; help`.
pub(super) fn told(diagnostics: &[Diagnostic]) -> Vec<String> {
    let tell = |d: &Diagnostic| {
        let help = d.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}[{}]: {}: {}{help}", d.severity, d.code, d.field, d.message)
    };
    diagnostics.iter().map(tell).collect()
}

/// The same, of several objects: `error[code]: Kind namespace/name: field: message; help`.
fn told_of_all(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(|d| Diagnostic { span: None, ..d.clone() }.to_string()).collect()
}

/// A VirtualServerRoute `namespace/name` with the host of [`cafe`] and an upstream of its own
/// name, given the items of `subroutes`.
fn subroutes(object: &str, items: &str) -> String {
    labelled(object, "{}", items)
}

/// The same with labels.
fn labelled(object: &str, labels: &str, items: &str) -> String {
    let (namespace, name) = object.split_once('/').expect("`namespace/name`");
    format!(
        "apiVersion: k8s.nginx.org/v1\nkind: VirtualServerRoute\n\
         metadata: {{name: {name}, namespace: {namespace}, labels: {labels}}}\n\
         spec:\n  host: cafe.example.com\n\
         \x20 upstreams: [{{name: {name}, service: {name}, port: 80}}]\n\
         \x20 subroutes: [{items}]\n"
    )
}

/// Documents in one text.
fn joined(documents: &[String]) -> String {
    documents.join("---\n")
}

/// What is served on the first listener, in order: each path and what it does.
fn served(translation: &Translation) -> Vec<String> {
    let hosts = &translation.rules.listeners[0].hosts;
    let routes = hosts.sorted()[0].routes.iter();
    routes.map(|route| format!("{}: {}", route.path, tell(&route.action))).collect()
}

/// The states of all objects: `kind name: state/reason: message`, and who uses them.
fn states(translation: &Translation) -> Vec<String> {
    let states = translation.statuses.iter().filter_map(|status| {
        let (state, users) = match &status.status {
            Status::VirtualServer(state) | Status::GlobalConfiguration(state) => (state, &[][..]),
            Status::VirtualServerRoute { state, referenced_by } => (state, &referenced_by[..]),
            _ => return None,
        };
        let users = users.iter().map(|user| format!(" <- {user}")).collect::<String>();
        let State { state, reason, message } = state;
        Some(format!("{}{users}: {state}/{reason}: {message}", status.object))
    });
    states.collect()
}

/// The routes of a document with one host on one listener, of which nothing is told.
fn routes(yaml: &str) -> Vec<Route> {
    let translation = translation(yaml, &Options::default());
    assert_eq!(told(&translation.diagnostics), Vec::<String>::new(), "{yaml}");
    let host = &translation.rules.listeners[0].hosts.sorted()[0];
    host.routes.clone()
}

/// What the only route does.
fn action(path: &str, route: &str) -> Action {
    let routes = routes(&one_route(path, route));
    assert_eq!(routes.len(), 1, "{route}");
    routes[0].action.clone()
}

/// What an action does, in few words.
fn tell(action: &Action) -> String {
    match action {
        Action::Forward(forward) => forward.settings.name.to_string(),
        Action::Redirect(redirect) => redirect.status.as_u16().to_string(),
        Action::Respond(respond) => {
            format!("{} {}", respond.status.as_u16(), respond.reason.as_deref().unwrap_or("-"))
        }
        Action::Split(split) => {
            let branch = |b: &crate::rules::Branch| format!("{} {}", b.weight, tell(&b.action));
            split.branches.iter().map(branch).collect::<Vec<_>>().join(" | ")
        }
        Action::Unmatched { alternatives } => format!("unmatched {alternatives}"),
    }
}

fn text(template: &Template) -> String {
    let part = |part: &TemplatePart| match part {
        TemplatePart::Text(text) => text.to_string(),
        TemplatePart::Field(field) => format!("<{field}>"),
    };
    template.parts().iter().map(part).collect()
}

const FIRST_EXAMPLE: &str = "
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata:
  name: cafe
spec:
  host: cafe.example.com
  upstreams:
  - name: tea
    service: tea-svc
    port: 80
  - name: coffee
    service: coffee-svc
    port: 80
  routes:
  - path: /tea
    action:
      pass: tea
  - path: /coffee/{coffee-store}/brand
    matches:
    - conditions:
      - variable: $request_method
        value: POST
      action:
        return:
          code: 403
          type: text/plain
          body: You are rejected!
    - conditions:
      - variable: $request_method
        value: GET
      action:
        pass: coffee
";

#[test]
fn the_first_example() {
    // smi §9.3
    let translation = translation(FIRST_EXAMPLE, &Options::default());
    assert_eq!(
        told(&translation.diagnostics),
        [
            "warning[no-default-action]: spec.routes[1]: `matches` without a default: a request that \
         holds none is answered 404, or 405 if only its method is to blame; add `action` or \
         `splits`"
        ]
    );
    let listener = &translation.rules.listeners[0];
    assert_eq!((listener.port, listener.protocol), (80, Protocol::Http));
    assert_eq!(listener.hosts.sorted()[0].hostname, HostPattern::Exact("cafe.example.com".into()));
    assert!(!listener.hosts.sorted()[0].falls_through);
    let told: Vec<String> = listener
        .hosts
        .iter()
        .next()
        .unwrap()
        .routes
        .iter()
        .map(|route| {
            let conditions: Vec<_> =
                route.conditions.iter().map(|c| format!(" if {} is {c}", c.field)).collect();
            format!("{}{}: {}", route.path, conditions.concat(), tell(&route.action))
        })
        .collect();
    assert_eq!(
        told,
        [
            "prefix `/coffee/{coffee-store}/brand` if method is `POST` in any case: 403 -",
            "prefix `/coffee/{coffee-store}/brand` if method is `GET` in any case: coffee",
            "prefix `/coffee/{coffee-store}/brand`: unmatched 2",
            "prefix `/tea`: tea",
        ]
    );
    let Action::Respond(respond) = &listener.hosts.sorted()[0].routes[0].action else { panic!() };
    assert_eq!(text(&respond.body), "You are rejected!");
    assert_eq!(respond.content_type.as_deref(), Some("text/plain"));
    let origin = &listener.hosts.sorted()[0].routes[0].origin;
    assert_eq!(origin.to_string(), "VirtualServer default/cafe: spec.routes[1].matches[0]");
    assert_eq!(origin.span.as_ref().map(|span| span.line), Some(21));
}

#[test]
fn listeners_and_classes() {
    // virtualserver §1, §8
    let options = Options { http_port: 8080, https_port: 8443, ..Options::default() };
    let sockets = |yaml: &str| -> Vec<String> {
        let translation = translation(yaml, &options);
        let list = &translation.rules.listeners;
        let socket = |l: &crate::rules::Listener| {
            format!(
                "{} {} {} {}",
                l.name,
                l.protocol.as_str(),
                l.port,
                l.hosts.sorted()[0].hostname
            )
        };
        list.iter().map(socket).collect()
    };
    assert_eq!(sockets(&server("host: a.example")), ["shop/cafe http 8080 a.example"]);
    assert_eq!(
        sockets(&server("host: '*.a.example'\ntls: {secret: cert}")),
        ["shop/cafe http 8080 *.a.example", "shop/cafe https 8443 *.a.example",]
    );
    assert_eq!(sockets(&server("host: a.example\ntls: {secret: ''}")).len(), 1);

    for (class, ours, want) in [
        ("nginx", None, 1),
        ("nginx", Some("nginx"), 1),
        ("", Some("nginx"), 1),
        ("other", Some("nginx"), 0),
    ] {
        let options = Options { ingress_class: ours.map(Into::into), ..Options::default() };
        let yaml = server(&format!("host: a.example\ningressClassName: {class:?}"));
        let translation = translation(&yaml, &options);
        assert_eq!(translation.rules.listeners.len(), want, "{class} {ours:?}");
        assert_eq!(translation.statuses.len(), want, "{class} {ours:?}");
    }
}
