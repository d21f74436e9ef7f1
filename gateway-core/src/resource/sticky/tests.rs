//! What the annotations say, and what is told of them.

use crate::resource::Resources;
use crate::rules::Field;

/// The metadata of an object with these annotations, which stand from line 6 on.
fn annotated(api_version: &str, kind: &str, annotations: &str, spec: &str) -> String {
    let annotations: String = annotations.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: x\n  annotations:\n\
         {annotations}spec: {spec}\n"
    )
}

fn traffic_split(annotations: &str) -> String {
    let spec = "{service: tea, backends: [{service: tea-1, weight: 1}]}";
    annotated("split.smi-spec.io/v1alpha4", "TrafficSplit", annotations, spec)
}

const SPLITS: &str = "splits: [{weight: 50, action: {pass: a}}, {weight: 50, action: {pass: b}}]";

fn virtual_server(annotations: &str, route: &str) -> String {
    let spec = format!("{{host: a.example, routes: [{{path: /, {route}}}]}}");
    annotated("k8s.nginx.org/v1", "VirtualServer", annotations, &spec)
}

fn http_route(annotations: &str, backends: &str) -> String {
    let spec = format!("{{rules: [{{backendRefs: [{backends}]}}]}}");
    annotated("gateway.networking.k8s.io/v1", "HTTPRoute", annotations, &spec)
}

/// What reading tells: line, severity, code, message and help.
fn told(yaml: &str) -> Vec<String> {
    let mut resources = Resources::new();
    resources.add_yaml("f", yaml);
    let tell = |d: &crate::Diagnostic| {
        let line = d.span.as_ref().map_or(0, |span| span.line);
        let help = d.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        let field = d.field.strip_prefix("metadata.annotations").unwrap_or("elsewhere");
        format!("{line} {field} {}[{}]: {}{help}", d.severity, d.code, d.message)
    };
    resources.diagnostics().iter().map(tell).collect()
}

fn by(yaml: &str) -> Option<Field> {
    let mut resources = Resources::new();
    resources.add_yaml("f", yaml);
    assert_eq!(resources.diagnostics(), [], "{yaml}");
    let of_split = resources.traffic_splits().find_map(|split| split.spec.sticky_by.clone());
    let of_server = resources.virtual_servers().find_map(|server| server.spec.sticky_by.clone());
    let of_route = resources.gateway_routes().find_map(|route| route.spec.sticky_by.clone());
    of_split.or(of_server).or(of_route)
}

#[test]
fn every_kind_knows_every_way() {
    // decisions §4
    let cookie = |name: &str| Field::Cookie { name: name.into(), ignore_case: false };
    for (text, want) in [
        ("cookie:Session", cookie("Session")),
        ("cookie:__Host-id.v1", cookie("__Host-id.v1")),
        ("header:X-User", Field::Header("x-user".into())),
        ("source", Field::PeerAddress),
        ("claim:sub", Field::Attribute("jwt_claim_sub".into())),
        ("claim:https://a.example/id", Field::Attribute("jwt_claim_https://a.example/id".into())),
    ] {
        let annotation = format!("gateway/sticky-by: {text}");
        let matched = format!(
            "matches: [{{conditions: [{{header: a, value: b}}], {SPLITS}}}], action: {{pass: a}}"
        );
        for yaml in [
            traffic_split(&annotation),
            virtual_server(&annotation, SPLITS),
            virtual_server(&annotation, &matched),
            http_route(&annotation, "{name: a, port: 80}, {name: b, port: 80}"),
        ] {
            assert_eq!(by(&yaml), Some(want.clone()), "{yaml}");
        }
    }
    // smi S-22
    let own = |text: &str| by(&traffic_split(&format!("smi.gateway/sticky-by: {text}")));
    assert_eq!(own("cookie:a"), Some(cookie("a")));
    assert_eq!(own("header:A"), Some(Field::Header("a".into())));
    let both = "smi.gateway/sticky-by: header:A\ngateway/sticky-by: header:a";
    assert_eq!(by(&traffic_split(both)), Some(Field::Header("a".into())));
    for none in ["a: b", "gateway/sticky-by:"] {
        assert_eq!(by(&traffic_split(none)), None, "{none}");
    }
}

#[test]
fn what_is_wrong_is_told_at_the_annotation_and_refuses_the_object() {
    // decisions §4
    let token = "it has letters, digits and any of ``!#$%&'*+-.^_`|~``";
    for (text, want) in [
        (
            "cookies:a",
            "[unsupported-value]: unknown way `cookies` to tell clients apart; did you mean \
             `cookie`?",
        ),
        (
            "Header:a",
            "[unsupported-value]: unknown way `Header` to tell clients apart; did you mean \
             `header`?",
        ),
        (
            "query:a",
            "[unsupported-value]: unknown way `query` to tell clients apart; known are \
             `cookie:NAME`, `header:NAME`, `source` and `claim:NAME`",
        ),
        ("cookie", "[invalid-value]: `cookie` has no name; write `cookie:NAME`"),
        ("'claim:'", "[invalid-value]: `claim:` has no name; write `claim:NAME`"),
        (
            "source:ip",
            "[invalid-value]: `source:ip` has a name; write `source`: there is only one address",
        ),
        ("cookie:a=b", &format!("[invalid-value]: `a=b` is not the name of a cookie; {token}")),
        (
            "header:zoë",
            &format!("[invalid-value]: `zoë` is not the name of a header field; {token}"),
        ),
        ("claim:$sub", "[invalid-value]: `$sub` is not a claim: it holds `$`, `\"` or `\\`"),
        ("'cookie: a'", "[invalid-value]: `cookie: a` holds blanks; write `cookie:a`"),
        ("' source'", "[invalid-value]: ` source` holds blanks; write `source`"),
        ("'a session cookie'", "[invalid-value]: `a session cookie` holds blanks"),
        (
            "''",
            "[missing-field]: `gateway/sticky-by` must not be empty; write `cookie:NAME`, \
             `header:NAME`, `source` or `claim:NAME`",
        ),
    ] {
        let annotation = format!("note: a\ngateway/sticky-by: {text}");
        for yaml in [
            traffic_split(&annotation),
            virtual_server(&annotation, SPLITS),
            http_route(&annotation, "{name: a, port: 80}, {name: b, port: 80}"),
        ] {
            assert_eq!(told(&yaml), [format!("7 .gateway/sticky-by error{want}")], "{yaml}");
        }
        // Neither is in force: the one is refused here, the other when it is translated.
        let mut resources = Resources::new();
        resources.add_yaml("f", traffic_split(&annotation));
        resources.add_yaml("g", virtual_server(&annotation, SPLITS));
        assert_eq!(resources.refused().len(), 1, "{text}");
        assert!(resources.virtual_servers().all(|server| server.spec.errors == 1), "{text}");
    }
    assert_eq!(
        told(&traffic_split("gateway/sticky-by: 1")),
        [
            "6 .gateway/sticky-by error[wrong-type]: expected text, found the number `1`; put it in quotes"
        ]
    );
}

#[test]
fn the_annotation_of_smi_knows_less() {
    // smi S-22
    const OWN: &str = "[\"smi.gateway/sticky-by\"]";
    for (annotations, want) in [
        (
            "smi.gateway/sticky-by: source",
            format!(
                "6 {OWN} error[unsupported-value]: unknown way `source` to tell clients apart; \
                 write `gateway/sticky-by: source`"
            ),
        ),
        (
            "smi.gateway/sticky-by: query:a",
            format!(
                "6 {OWN} error[unsupported-value]: unknown way `query` to tell clients apart; \
                 known are `cookie:NAME` and `header:NAME`"
            ),
        ),
        (
            "gateway/sticky-by: cookie:a\nsmi.gateway/sticky-by: cookie:A",
            format!(
                "7 {OWN} error[conflicting-fields]: `smi.gateway/sticky-by` says something else \
                 than `gateway/sticky-by`; leave one of them out"
            ),
        ),
    ] {
        assert_eq!(told(&traffic_split(annotations)), [want], "{annotations}");
    }
    assert_eq!(
        told(&virtual_server("smi.gateway/sticky-by: cookie:a", SPLITS)),
        [format!(
            "6 {OWN} warning[no-effect]: the annotation `smi.gateway/sticky-by` belongs to a \
             TrafficSplit and has no effect here; write `gateway/sticky-by`"
        )]
    );
}

#[test]
fn where_nothing_is_split_it_has_no_effect() {
    // decisions §4, §5
    let annotation = "gateway/sticky-by: source";
    let nothing = "6 .gateway/sticky-by warning[no-effect]: the annotation `gateway/sticky-by` \
                   has no effect: nothing here is split by weight";
    for yaml in [
        virtual_server(annotation, "action: {return: {body: a}}"),
        virtual_server(annotation, "route: other"),
        http_route(annotation, "{name: a, port: 80}"),
    ] {
        assert_eq!(told(&yaml), [nothing], "{yaml}");
    }
    // What is wrong with the split is told alone.
    let broken = virtual_server(annotation, "splits: {}");
    assert_eq!(
        told(&broken),
        [
            "7 elsewhere error[wrong-type]: expected a list, found a mapping; put `- ` before the first \
          key to make it a list item"
        ],
        "{broken}"
    );
    for (api_version, kind, spec) in [
        ("v1", "Service", "{ports: [{port: 80}]}"),
        ("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", "{matches: [{name: a}]}"),
    ] {
        let yaml = annotated(api_version, kind, annotation, spec);
        let want = "6 .gateway/sticky-by warning[no-effect]: the annotation `gateway/sticky-by` \
                    has no effect: objects of this kind split nothing; it belongs to the object \
                    that has the weights";
        assert_eq!(told(&yaml), [want], "{yaml}");
    }
}
