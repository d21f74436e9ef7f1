//! What sticky splits and their branches are called (decisions §4).

use super::*;

const META: &str = "annotations: {gateway/sticky-by: 'header:X-User'}";

/// The sticky splits of a route, in the order of its rules: `name: branches`.
fn names(document: String) -> Vec<String> {
    let options = Options { channel: Channel::Standard, ..default_options() };
    let translated = translated(&options, &[GATEWAY.into(), document]);
    let splits = translated.routes().iter().filter_map(|route| match &route.action {
        Action::Split(split) => split.sticky.as_deref(),
        _ => None,
    });
    let tell = |sticky: &crate::rules::Sticky| {
        assert_eq!(*sticky.by(), Field::Header("x-user".into()));
        format!("{}: {}", sticky.name(), sticky.branches().collect::<Vec<_>>().join(" "))
    };
    splits.map(tell).collect()
}

#[test]
fn splits_are_named_by_their_rule_and_branches_by_service_and_port() {
    let two = "backendRefs: [{name: a, port: 80}, {name: b, port: 81}]";
    let spec = format!(
        "  parentRefs: [{{name: gw}}]\n  rules:\n  \
         - {{name: canary, matches: [{{path: {{value: /aaaa}}}}], {two}}}\n  \
         - {{matches: [{{path: {{value: /aaa}}}}], {two}}}\n  \
         - {{matches: [{{path: {{value: /aa}}}}], backendRefs: [{{name: a, port: 80, weight: 0}}]}}\n  \
         - {{name: '1', matches: [{{path: {{value: /a}}}}], {two}}}"
    );
    assert_eq!(
        names(route("r", META, &spec)),
        [
            "HTTPRoute/default/r/canary: default/a:80 default/b:81",
            "HTTPRoute/default/r/rules[1]: default/a:80 default/b:81",
            "HTTPRoute/default/r/1: default/a:80 default/b:81",
        ]
    );
    assert_eq!(names(route("r", "", &spec)), [""; 0], "without the annotation");
    // In the standard channel rules may share a name.
    let shared = spec.replace("'1'", "canary");
    assert_eq!(
        names(route("r", META, &shared))[2],
        "HTTPRoute/default/r/rules[3]: default/a:80 default/b:81"
    );
}

#[test]
fn branches_that_fail_have_names_too() {
    let backends = "    backendRefs: [{name: a, port: 80}, {name: a, port: 80}, \
                    {name: a, namespace: other, port: 80}, {kind: Lamp, name: a}]";
    let spec = format!("  parentRefs: [{{name: gw}}]\n  rules:\n  -\n{backends}");
    assert_eq!(
        names(grpc_route("r", META, &spec)),
        ["GRPCRoute/default/r/rules[0]: default/a:80 default/a:80#2 other/a:80 default/a",]
    );
}

#[test]
fn what_is_wrong_refuses_the_route() {
    // decisions §5
    let document = rule("    backendRefs: [{name: a, port: 80}, {name: b, port: 80}]")
        .replace("name: r, ", "name: r, annotations: {gateway/sticky-by: 'header:a:b'}");
    let got = translated(&default_options(), &[GATEWAY.into(), document]);
    assert_eq!(
        got.diagnostics,
        ["error invalid-value: metadata.annotations.gateway/sticky-by: `a:b` is not the name of \
             a header field (it has letters, digits and any of ``!#$%&'*+-.^_`|~``)"]
    );
    assert!(got.routes().is_empty());
}
