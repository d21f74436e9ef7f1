//! The order of routes (gateway-api §12).

use super::*;

#[test]
fn matches_are_ordered_by_precedence() {
    // gateway-api §12, from the first to the last
    let matches = [
        "{path: {type: Exact, value: /a}, method: GET}",
        "{path: {type: Exact, value: /a}, headers: [{name: x, value: '1'}, {name: y, value: '1'}]}",
        "{path: {type: Exact, value: /a}, headers: [{name: x, value: '1'}], queryParams: [{name: q, value: '1'}]}",
        "{path: {type: Exact, value: /a}, headers: [{name: x, value: '1'}]}",
        "{path: {type: Exact, value: /a}, queryParams: [{name: q, value: '1'}, {name: r, value: '1'}]}",
        "{path: {type: Exact, value: /a}, queryParams: [{name: q, value: '1'}]}",
        "{path: {type: Exact, value: /a}}",
        "{path: {type: RegularExpression, value: '/a.*b'}}",
        "{path: {type: RegularExpression, value: '/a.*'}}",
        "{path: {type: PathPrefix, value: /path5}}",
        "{path: {type: PathPrefix, value: /abd}, method: GET}",
        // The `/` at the end does not count.
        "{path: {type: PathPrefix, value: /abc/}}",
        "{path: {type: PathPrefix, value: /ab}, headers: [{name: x, value: '1'}]}",
        "{method: GET, headers: [{name: x, value: '1'}]}",
        "{method: GET}",
        "{headers: [{name: x, value: '1'}], queryParams: [{name: animal, value: hydra}]}",
        "{headers: [{name: x, value: '1'}]}",
        "{queryParams: [{name: animal, value: hydra}]}",
        "{path: {type: PathPrefix, value: /}}",
    ];
    // Whatever the order in the document, and one rule for each.
    for step in [1, 2, 5, 7, 11, 13] {
        let order: Vec<usize> = (0..matches.len()).map(|i| i * step % matches.len()).collect();
        let rules: String = order[..]
            .chunks(2)
            .map(|pair| {
                let of = |i: &usize| format!("    - {}\n", matches[*i]);
                format!(
                    "  - matches:\n{}    backendRefs: [{{name: s, port: 80}}]\n",
                    pair.iter().map(of).collect::<String>()
                )
            })
            .collect();
        let spec = format!("  parentRefs: [{{name: gw}}]\n  rules:\n{rules}");
        let translated = clean(&[GATEWAY.into(), route("r", "", &spec)]);
        let got: Vec<String> =
            translated.routes().iter().map(|route| route.origin.field.to_string()).collect();
        let want: Vec<String> = (0..matches.len())
            .map(|i| {
                let at = order.iter().position(|j| *j == i).unwrap();
                format!("spec.rules[{}].matches[{}]", at / 2, at % 2)
            })
            .collect();
        assert_eq!(got, want, "step {step}");
    }
}

#[test]
fn ties_go_to_the_older_route_then_to_the_name_then_to_the_place() {
    // gateway-api §12, criteria 8 to 10
    let spec = "  parentRefs: [{name: gw, namespace: default}]
  rules:
  - {name: first, backendRefs: [{name: s, port: 80}]}
  - {name: second, backendRefs: [{name: s, port: 80}]}";
    let all = GATEWAY
        .replace("protocol: HTTP", "protocol: HTTP, allowedRoutes: {namespaces: {from: All}}");
    let mut documents = [
        route("b", "namespace: default", spec),
        route("c", "creationTimestamp: '2024-01-02T00:00:00Z'", spec),
        route("d", "creationTimestamp: '2024-01-01T00:00:00Z'", spec),
        route("a", "namespace: default", spec),
        // `a-b/…` comes before `a/…`.
        route("z", "namespace: a-b", spec),
        route("y", "namespace: a", spec),
    ];
    for _ in 0..2 {
        documents.reverse();
        let translated = clean(&[std::slice::from_ref(&all), &documents[..]].concat());
        let got: Vec<String> = translated
            .routes()
            .iter()
            .map(|route| format!("{} {}", route.origin.object.name, &route.origin.field[10..]))
            .collect();
        let want = ["d", "c", "z", "y", "a", "b"]
            .map(|name| [format!("{name} [0]"), format!("{name} [1]")]);
        assert_eq!(got, want.concat());
        let created = translated.claims[0].created.as_deref();
        assert_eq!(created, Some("2024-01-01T00:00:00Z"), "the oldest stands for all");
    }
}

#[test]
fn the_hostname_of_the_route_ranks_before_its_path() {
    // gateway-api §12, criteria 1 and 2
    let gateway = gateway(&["name: l, port: 80, protocol: HTTP, hostname: a.b.example"]);
    let of = |name: &str, hostnames: &str, path: &str| {
        route(
            name,
            "",
            &format!(
                "  parentRefs: [{{name: gw}}]\n  hostnames: [{hostnames}]\n  rules:\n  - matches: [{{path: {{value: {path}}}}}]\n    backendRefs: [{{name: s, port: 80}}]"
            ),
        )
    };
    let translated = clean(&[
        gateway,
        of("wide", "'*.example'", "/long/path"),
        of("narrow", "'*.b.example'", "/long"),
        of("exact", "a.b.example", "/"),
        of("none", "", "/none"),
    ]);
    assert_eq!(translated.hosts(), ["gw/l a.b.example: none exact narrow wide"]);
}

#[test]
fn nothing_depends_on_the_order_of_documents() {
    let mut documents = vec![
        named_gateway(
            "gw",
            "",
            &[
                "name: a, port: 80, protocol: HTTP",
                "name: b, port: 80, protocol: HTTP, hostname: '*.example'",
            ],
        ),
        named_gateway(
            "gx",
            "",
            &["name: a, port: 80, protocol: HTTP", "name: b, port: 81, protocol: HTTP"],
        ),
        route(
            "r",
            "",
            "  parentRefs: [{name: gw}, {name: gx}]\n  hostnames: [a.example, b.other]\n  rules: [{backendRefs: [{name: s, port: 80}]}]",
        ),
        route(
            "q",
            "",
            "  parentRefs: [{name: gw}, {name: gx}]\n  hostnames: ['*.example', b.other]\n  rules: [{backendRefs: [{name: s, port: 80}]}]",
        ),
    ];
    let shown = |documents: &[String]| {
        let got = translated(&default_options(), documents);
        let mut diagnostics = got.diagnostics.clone();
        diagnostics.sort();
        (got.hosts(), diagnostics)
    };
    let want = shown(&documents);
    for _ in 0..documents.len() {
        documents.rotate_left(1);
        assert_eq!(shown(&documents), want);
    }
}
