mod access;
mod expressions;
mod unreachable;

use super::lint;
use crate::{Options, Resources, Severity, translate};

/// What is told of these documents, in which there are no errors.
fn told(yaml: &str) -> Vec<String> {
    let mut resources = Resources::default();
    resources.add_yaml("shop.yaml", yaml);
    let translation = translate(&resources, &Options::default());
    let errors: Vec<_> =
        translation.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{yaml}");
    lint(&translation.rules).iter().map(ToString::to_string).collect()
}

/// A VirtualServer `shop/cafe` with these routes; the first stands in line 6.
fn cafe(routes: &str) -> String {
    format!(
        "apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {{name: cafe, namespace: \
         shop}}\nspec: {{host: cafe.example.com, upstreams: [{{name: tea, service: tea-svc, \
         port: 80}}],\n routes: [\n{routes}]}}\n"
    )
}

/// The same with one match for these conditions at `/tea/`.
fn with_conditions(conditions: &str) -> String {
    cafe(&format!(
        "{{path: /tea/, matches: [\n{{conditions: [{conditions}], action: {{pass: tea}}}}],\n \
         action: {{pass: tea}}}}"
    ))
}

/// A Gateway on port 80, and an HTTPRoute `shop/NAME` with these rules for each.
fn http_routes(routes: &[(&str, &str)]) -> String {
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: web, \
                   namespace: shop}\nspec: {gatewayClassName: x, listeners: [{name: http, port: \
                   80, protocol: HTTP}]}\n";
    let mut yaml = gateway.to_owned();
    for (name, rules) in routes {
        yaml += &format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: \
             {name}, namespace: shop}}\nspec: {{parentRefs: [{{name: web}}], hostnames: \
             [a.example, b.example], rules: [\n{rules}]}}\n"
        );
    }
    yaml
}

fn assert_told(yaml: &str, want: &[&str]) {
    assert_eq!(told(yaml), want, "{yaml}");
}

#[test]
fn prefixes_take_longer_words() {
    // virtualserver §9.2
    let place = |line| {
        format!("shop.yaml:{line}:1: notice[prefix-takes-longer-words]: VirtualServer shop/cafe: ")
    };
    let told_of = |line, index, path: &str, longer: &str| {
        format!(
            "{}spec.routes[{index}]: the prefix `{path}` also takes `{longer}`; write `{path}/` to \
             take only what is below it, or `={path}` to take this path alone",
            place(line)
        )
    };
    let routes = "
        {path: /, action: {pass: tea}},
        {path: /milk/, action: {pass: tea}},
        {path: =/water, action: {pass: tea}},
        {path: ~^/juice$, action: {pass: tea}},
        {path: '/coffee/{store}', action: {pass: tea}},
        {path: /img-, action: {pass: tea}},"
        .replace("\n        ", "\n");
    assert_told(&cafe(&routes), &[]);
    let routes = "{path: /tea, action: {pass: tea}},
{path: ^~/v1, action: {pass: tea}},
{path: '/coffee/{store}/brand', action: {pass: tea}}";
    let want = [
        told_of(6, 0, "/tea", "/teas"),
        told_of(7, 1, "/v1", "/v10"),
        told_of(8, 2, "/coffee/{store}/brand", "/coffee/x/brands"),
    ];
    assert_told(&cafe(routes), &want.each_ref().map(|text| &**text));
    // Once for a path with matches, with copies of an expression within it, and on two listeners.
    let routes = "{path: /tea, matches: [{conditions: [{header: a, value: b}], action: {pass: tea}}], action: {pass: tea}},
{path: ~^/tea/x, action: {pass: tea}},
{path: ^~/, action: {pass: tea}}";
    let yaml = cafe(routes).replace("host:", "tls: {secret: s}, host:");
    assert_told(&yaml, &[&told_of(6, 0, "/tea", "/teas")]);
}

#[test]
fn of_many_alike_the_first_are_told_and_the_others_counted() {
    let routes = (0..7).map(|n| format!("{{path: /a{n}, action: {{pass: tea}}}}"));
    let told = told(&cafe(&routes.collect::<Vec<_>>().join(",\n")));
    assert_eq!(told.len(), 3);
    let note = "; `prefix-takes-longer-words` holds for 4 more of this object";
    let notes: Vec<bool> = told.iter().map(|one| one.ends_with(note)).collect();
    assert_eq!(notes, [false, false, true], "{told:?}");
}

#[test]
fn what_is_found_is_in_order_of_places() {
    let mut resources = Resources::default();
    for file in ["b.yaml", "a.yaml"] {
        let name = file.trim_end_matches(".yaml");
        let yaml = cafe(
            "{path: /tea, action: {pass: tea}},\n{path: /v, action: {pass: tea}}, \
             {path: ~/tea, action: {pass: tea}}",
        );
        let yaml = yaml.replace("cafe.example", &format!("{name}.example"));
        resources.add_yaml(file, yaml.replace("name: cafe", &format!("name: {name}")));
    }
    let found = lint(&translate(&resources, &Options::default()).rules);
    let places: Vec<String> =
        found.iter().map(|d| format!("{} {}", d.span.as_ref().unwrap(), d.code)).collect();
    let (prefix, path) = ("prefix-takes-longer-words", "unanchored-path");
    let want = ["a", "b"].map(|file| {
        [(6, 1, prefix), (7, 1, prefix), (7, 34, path)]
            .map(|(line, column, code)| format!("{file}.yaml:{line}:{column} {code}"))
    });
    assert_eq!(places, want.concat());
}
