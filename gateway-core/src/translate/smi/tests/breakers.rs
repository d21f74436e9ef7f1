//! CircuitBreaker (smi §8.2).

use super::mesh::{API, Mesh};
use crate::rules::{CircuitBreaker, ServiceName};
use crate::translate::Options;
use std::time::Duration;

const SERVICES: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: spare}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: spare, namespace: shop}
spec: {ports: [{port: 8080}]}
";

/// A breaker of this destination, with this after its fields.
fn breaker(name: &str, destination: &str, rest: &str) -> String {
    format!(
        "
---
apiVersion: specs.smi.nginx.com/v1alpha1
kind: CircuitBreaker
metadata: {{name: {name}}}
spec: {{destination: {{kind: Service, {destination}}}, errors: 3, timeoutSeconds: 30{rest}}}
"
    )
}

fn mesh(documents: &str) -> Mesh {
    Mesh::of(&format!("{API}{SERVICES}{documents}"))
}

/// The breaker of a Service.
fn of<'m>(mesh: &'m Mesh, namespace: &str, name: &str) -> Option<&'m CircuitBreaker> {
    let name = ServiceName::new(namespace, name);
    mesh.translation.rules.services.iter().find(|s| s.name == name)?.breaker.as_deref()
}

/// `namespace/name:port`
fn fallback(mesh: &Mesh, breaker: &CircuitBreaker) -> Option<String> {
    let (id, port) = breaker.fallback?;
    Some(format!("{}:{port}", mesh.translation.rules.services[id.0 as usize].name))
}

#[test]
fn a_breaker_guards_its_service() {
    // smi §8.2, N-9, D-26
    let mesh = mesh(&breaker("b", "name: api", ""));
    assert_eq!(mesh.said(), [""; 0]);
    let found = of(&mesh, "default", "api").unwrap();
    assert_eq!((found.errors, found.window), (3, Duration::from_secs(30)));
    assert_eq!((found.counts_5xx, &found.fallback), (false, &None));
    assert_eq!(found.origin.to_string(), "CircuitBreaker default/b");
    // The other namespace has one of its own.
    assert_eq!(of(&mesh, "shop", "api"), None);
    let options = Options { breaker_counts_5xx: true, ..Options::default() };
    let yaml = breaker("b", "name: api, namespace: shop", "");
    let mesh = Mesh::new(&format!("{SERVICES}{yaml}"), &options);
    assert!(of(&mesh, "shop", "api").unwrap().counts_5xx);
}

#[test]
fn fallbacks_are_of_the_namespace_of_what_is_guarded() {
    // smi N-10, N-11
    let foreign = |written: &str, guarded: &str, right: &str| {
        format!(
            "error[foreign-fallback]: CircuitBreaker default/b: spec.fallback.service: the \
             fallback `{written}` is not of the namespace of `{guarded}`; did you mean `{right}`?"
        )
    };
    let missing = |service: &str, port: u16| {
        format!(
            "warning[no-fallback]: CircuitBreaker default/b: spec.fallback.service: there is no \
             Service `{service}` with port {port}; while all endpoints pause, the answer is 503"
        )
    };
    let shop = "name: api, namespace: shop";
    for (destination, written, want, said) in [
        ("name: api", "{service: spare}", Some("default/spare:80"), None),
        ("name: api", "{service: default/spare}", Some("default/spare:80"), None),
        (shop, "{service: shop/spare, port: 8080}", Some("shop/spare:8080"), None),
        // A bare name is one of `default`.
        (shop, "{service: spare}", None, Some(foreign("default/spare", "shop/api", "shop/spare"))),
        (
            "name: api",
            "{service: shop/spare, port: 8080}",
            None,
            Some(foreign("shop/spare", "default/api", "default/spare")),
        ),
        (
            "name: api",
            "{service: spare, port: 81}",
            Some("default/spare:81"),
            Some(missing("default/spare", 81)),
        ),
        (
            "name: api",
            "{service: none}",
            Some("default/none:80"),
            Some(missing("default/none", 80)),
        ),
    ] {
        let mesh = mesh(&breaker("b", destination, &format!(", fallback: {written}")));
        let is_refused = said.as_ref().is_some_and(|said| said.starts_with("error"));
        assert_eq!(mesh.said(), Vec::from_iter(said), "{destination} {written}");
        let namespace = if destination == shop { "shop" } else { "default" };
        let found = of(&mesh, namespace, "api").and_then(|b| fallback(&mesh, b));
        assert_eq!(found.as_deref(), want, "{destination} {written}");
        let refused: &[&str] = if is_refused { &["CircuitBreaker default/b"] } else { &[] };
        assert_eq!(mesh.refused(), refused, "{destination} {written}");
    }
}

#[test]
fn of_two_breakers_the_older_is_in_force() {
    // smi N-12
    let dated = |name: &str, year: u32| {
        breaker(name, "name: api", "").replace(
            &format!("{{name: {name}}}"),
            &format!("{{name: {name}, creationTimestamp: '{year}-01-01T00:00:00Z'}}"),
        )
    };
    let plain = |name: &str| breaker(name, "name: api", "");
    for (yaml, younger, older) in [
        (plain("x") + &plain("y"), "y", "x"),
        (plain("y") + &plain("x"), "y", "x"),
        (dated("x", 2024) + &dated("y", 2023), "x", "y"),
        (plain("x") + &dated("y", 2023), "x", "y"),
    ] {
        let mesh = mesh(&yaml);
        let want = format!(
            "error[conflicting-breaker]: CircuitBreaker default/{younger}: spec.destination: \
             CircuitBreaker default/{older} guards `default/api` too, and is older"
        );
        assert_eq!(mesh.said(), [want]);
        assert_eq!(mesh.refused(), [format!("CircuitBreaker default/{younger}")]);
        assert_eq!(&*of(&mesh, "default", "api").unwrap().origin.object.name, older);
    }
    // One that is refused for itself does not stand in the way.
    let broken = breaker("x", "name: api", ", fallback: {service: shop/spare}");
    let mesh = mesh(&(broken + &plain("y")));
    assert_eq!(mesh.refused(), ["CircuitBreaker default/x"]);
    assert_eq!(&*of(&mesh, "default", "api").unwrap().origin.object.name, "y");
}

#[test]
fn a_breaker_on_a_root_does_not_see_what_its_split_sends_elsewhere() {
    // smi N-12
    let split = |backends: &str| {
        format!(
            "
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {{name: s}}
spec: {{service: api, backends: [{backends}]}}
"
        )
    };
    let warning = "warning[SMI-W14]: CircuitBreaker default/b: spec.destination: the TrafficSplits \
                   of `default/api` send requests elsewhere, where this breaker does not see them";
    for (backends, want) in [
        ("{service: spare, weight: 1}", true),
        ("{service: api, weight: 9}, {service: spare, weight: 1}", true),
        ("{service: api, weight: 1}", false),
        ("{service: api, weight: 1}, {service: spare, weight: 0}", false),
    ] {
        let mesh = mesh(&(split(backends) + &breaker("b", "name: api", "")));
        let said = mesh.said().iter().any(|said| said == warning);
        assert_eq!(said, want, "{backends}: {:?}", mesh.said());
        // It is in force all the same, for what stays.
        assert!(of(&mesh, "default", "api").is_some());
    }
    // On a backend it is in its place.
    let yaml = split("{service: spare, weight: 1}") + &breaker("b", "name: spare", "");
    assert!(!mesh(&yaml).said().iter().any(|said| said.contains("SMI-W14")));
}
