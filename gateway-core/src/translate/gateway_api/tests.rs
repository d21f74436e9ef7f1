use super::*;
use crate::diagnostic::Diagnostic;
use crate::resource::{Problems, Resources};
use crate::rules::{Action, Condition, Field, Respond};
use crate::rules::{
    Branch, Forward, HostRewrite, Location, PathPattern, PathRewrite, Protocol, RetryCondition,
};
use crate::translate::services::Services;
use crate::translate::{ObjectStatus, Options};
use std::sync::Arc;
use std::time::Duration;

const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: default}
spec:
  gatewayClassName: ours
  listeners:
  - {name: http, port: 80, protocol: HTTP}
";

/// A Gateway named `gw` with these listeners, as flow mappings.
fn gateway(listeners: &[&str]) -> String {
    named_gateway("gw", "", listeners)
}

fn named_gateway(name: &str, meta: &str, listeners: &[&str]) -> String {
    let listeners: String = listeners.iter().map(|l| format!("  - {{{l}}}\n")).collect();
    format!(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: {name}, {meta}}}
spec:
  gatewayClassName: ours
  listeners:
{listeners}"
    )
}

/// An HTTPRoute; `spec` is indented by two blanks.
fn route(name: &str, meta: &str, spec: &str) -> String {
    format!(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}, {meta}}}
spec:
{spec}
"
    )
}

/// An HTTPRoute attached to `gw` with one rule, whose fields are indented by four blanks.
fn rule(fields: &str) -> String {
    route("r", "", &format!("  parentRefs: [{{name: gw}}]\n  rules:\n  -\n{fields}"))
}

struct Translated {
    claims: Vec<Claim>,
    diagnostics: Vec<String>,
    statuses: Vec<ObjectStatus>,
    refused: Vec<String>,
}

fn translated(options: &Options, documents: &[String]) -> Translated {
    let mut resources = Resources::new();
    for document in documents {
        resources.add_yaml("t.yaml", document);
    }
    let mut context = Context {
        resources: &resources,
        options,
        services: Services::new(&resources, options),
        problems: Problems::new(false),
        claims: Vec::new(),
        statuses: Vec::new(),
        refused: Vec::new(),
    };
    translate(&mut context);
    let problems = context.problems.into_list();
    let say = |d: &Diagnostic| {
        let help = d.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{} {}: {}: {}{help}", d.severity, d.code, d.field, d.message)
    };
    Translated {
        diagnostics: resources.diagnostics().iter().chain(&problems).map(say).collect(),
        claims: context.claims,
        statuses: context.statuses,
        refused: context.refused.iter().map(ToString::to_string).collect(),
    }
}

fn default_options() -> Options {
    Options { assume_services: Some(true), ..Options::default() }
}

/// Translates documents that nothing is wrong with.
fn clean(documents: &[String]) -> Translated {
    let translated = translated(&default_options(), documents);
    assert_eq!(translated.diagnostics, [""; 0], "{documents:?}");
    translated
}

impl Translated {
    /// `section host: routes`, in the order of their names.
    fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self
            .claims
            .iter()
            .map(|claim| {
                let routes: Vec<String> =
                    claim.routes.iter().map(|route| route.origin.object.name.to_string()).collect();
                let section = claim.section.trim_start_matches("gateway:default/");
                format!("{section} {}: {}", claim.hostname, routes.join(" "))
            })
            .collect();
        hosts.sort();
        hosts
    }

    /// The routes of the only claim.
    fn routes(&self) -> &[Route] {
        match &*self.claims {
            [only] => &only.routes,
            claims => panic!("not one claim: {claims:#?}"),
        }
    }

    fn action(&self) -> &Action {
        match self.routes() {
            [only] => &only.action,
            routes => panic!("not one route: {routes:#?}"),
        }
    }

    fn forward(&self) -> &Forward {
        match self.action() {
            Action::Forward(forward) => forward,
            other => panic!("not forwarded: {other:#?}"),
        }
    }

    /// The conditions of the object's status: `parent kind=status/reason`.
    fn conditions(&self, kind: &str, name: &str) -> Vec<String> {
        let of = |s: &&ObjectStatus| (&*s.object.kind, &*s.object.name) == (kind, name);
        let status = self.statuses.iter().find(of);
        status.map_or(Vec::new(), |status| {
            let say = |(parent, c): &(Option<Box<str>>, crate::translate::Condition)| {
                format!("{} {}={}/{}", parent.as_deref().unwrap_or(""), c.kind, c.status, c.reason)
            };
            status.conditions.iter().map(say).collect()
        })
    }
}

fn fault(action: &Action) -> &str {
    match action {
        Action::Respond(respond) => {
            let Respond { status, reason, .. } = &**respond;
            assert_eq!(*status, http::StatusCode::INTERNAL_SERVER_ERROR);
            reason.as_deref().unwrap_or("no reason")
        }
        other => panic!("not a fault: {other:#?}"),
    }
}

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
fn hostnames_intersect() {
    // gateway-api §9.3
    for (listener, hostnames, want) in [
        ("", "[]", vec!["gw/l *: r"]),
        ("", "[h.example]", vec!["gw/l *: ", "gw/l h.example: r"]),
        ("h.example", "[]", vec!["gw/l h.example: r"]),
        ("h.example", "[h.example]", vec!["gw/l h.example: r"]),
        ("'*.example'", "[h.example]", vec!["gw/l *.example: ", "gw/l h.example: r"]),
        ("h.example", "['*.example']", vec!["gw/l h.example: r"]),
        ("'*.example'", "['*.a.example']", vec!["gw/l *.a.example: r", "gw/l *.example: "]),
        ("'*.a.example'", "['*.example']", vec!["gw/l *.a.example: r"]),
        // What does not intersect is ignored.
        (
            "'*.example'",
            "[example, a.example, b.other]",
            vec!["gw/l *.example: ", "gw/l a.example: r"],
        ),
        // Two ways to one host count once.
        ("a.b.example", "['*.example', '*.b.example']", vec!["gw/l a.b.example: r"]),
    ] {
        let hostname =
            if listener.is_empty() { String::new() } else { format!(", hostname: {listener}") };
        let gateway = gateway(&[&format!("name: l, port: 80, protocol: HTTP{hostname}")]);
        let spec = format!(
            "  parentRefs: [{{name: gw}}]\n  hostnames: {hostnames}\n  rules: [{{backendRefs: [{{name: s, port: 80}}]}}]"
        );
        let translated = clean(&[gateway, route("r", "", &spec)]);
        assert_eq!(translated.hosts(), want, "{listener} {hostnames}");
        assert!(translated.claims.iter().all(|claim| claim.falls_through));
    }
    let gateway = gateway(&["name: l, port: 80, protocol: HTTP, hostname: '*.example.com'"]);
    let spec = "  parentRefs: [{name: gw}]\n  hostnames: [example.com]\n  rules: [{backendRefs: [{name: s, port: 80}]}]";
    let translated = translated(&default_options(), &[gateway, route("r", "", spec)]);
    assert_eq!(
        translated.diagnostics,
        ["warning NoMatchingListenerHostname: spec.parentRefs[0]: \
          the hosts `example.com` have none in common with the listeners' `*.example.com`"]
    );
    assert_eq!(
        translated.conditions("HTTPRoute", "r"),
        [
            "default/gw Accepted=false/NoMatchingListenerHostname",
            "default/gw ResolvedRefs=true/ResolvedRefs"
        ]
    );
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
fn listeners_are_isolated() {
    // gateway-api §6.3, after case gateway-http-listener-isolation
    let gateway = gateway(&[
        "name: empty, port: 80, protocol: HTTP",
        "name: wild, port: 80, protocol: HTTP, hostname: '*.example.com'",
        "name: foo-wild, port: 80, protocol: HTTP, hostname: '*.foo.example.com'",
        "name: abc, port: 80, protocol: HTTP, hostname: abc.foo.example.com",
        "name: other, port: 8080, protocol: HTTP",
    ]);
    let of = |name: &str, section: &str, hostnames: &str| {
        route(
            name,
            "",
            &format!(
                "  parentRefs: [{{name: gw, sectionName: {section}}}]\n  hostnames: [{hostnames}]\n  rules: [{{backendRefs: [{{name: s, port: 80}}]}}]"
            ),
        )
    };
    let hosts =
        "bar.com, '*.example.com', '*.foo.example.com', abc.foo.example.com, x.foo.example.com";
    let translated = clean(&[
        gateway,
        of("e", "empty", hosts),
        of("w", "wild", hosts),
        of("f", "foo-wild", hosts),
        of("a", "abc", hosts),
        of("o", "other", "abc.foo.example.com"),
    ]);
    assert_eq!(
        translated.hosts(),
        [
            "gw/abc abc.foo.example.com: a",
            "gw/empty *: ",
            "gw/empty bar.com: e",
            "gw/foo-wild *.foo.example.com: f",
            "gw/foo-wild x.foo.example.com: f",
            "gw/other *: ",
            "gw/other abc.foo.example.com: o",
            "gw/wild *.example.com: w",
        ]
    );
}

#[test]
fn routes_attach_to_the_listeners_that_they_name_and_that_take_them() {
    // gateway-api §9.2
    let gateway = gateway(&[
        "name: a, port: 80, protocol: HTTP",
        "name: b, port: 81, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}",
        "name: c, port: 82, protocol: HTTP, allowedRoutes: {namespaces: {from: All}, kinds: [{kind: HTTPRoute}]}",
    ]);
    let no_listener = |what: &str| {
        format!(
            "warning NoMatchingParent: spec.parentRefs[0]: the Gateway `gw` has no listener {what}"
        )
    };
    for (namespace, parent, want) in [
        ("default", "name: gw", Ok(vec!["a", "b", "c"])),
        ("default", "name: gw, group: gateway.networking.k8s.io, kind: Gateway", Ok(vec!["a", "b", "c"])),
        ("default", "name: gw, sectionName: a", Ok(vec!["a"])),
        ("default", "name: gw, port: 81", Ok(vec!["b"])),
        ("default", "name: gw, port: 81, sectionName: b", Ok(vec!["b"])),
        ("default", "name: gw, port: 81, sectionName: a", Err(no_listener("`a` with port 81 (its port is 80)"))),
        ("default", "name: gw, port: 83", Err(no_listener("with port 83"))),
        ("default", "name: gw, sectionName: bb", Err(no_listener("`bb`"))),
        ("shop", "name: gw, namespace: default", Ok(vec!["b", "c"])),
        (
            "shop",
            "name: gw, namespace: default, sectionName: a",
            Err("warning NotAllowedByListeners: spec.parentRefs[0]: no listener of the Gateway `gw` takes \
                 an HTTPRoute of namespace `shop` (see `allowedRoutes` of its listeners)"
                .into()),
        ),
        (
            "shop",
            "name: gw",
            Err("warning unknown-parent: spec.parentRefs[0]: there is no Gateway `shop/gw`".into()),
        ),
        (
            "default",
            "name: gww",
            Err("warning unknown-parent: spec.parentRefs[0]: there is no Gateway `default/gww` \
                 (did you mean `gw`?)"
                .into()),
        ),
        (
            "default",
            "name: s, group: '', kind: Service",
            Err("warning unsupported-parent: spec.parentRefs[0]: \
                 parents of kind `Service` of group `` are not supported"
                .into()),
        ),
    ] {
        let spec = format!("  parentRefs: [{{{parent}}}]\n  rules: [{{backendRefs: [{{name: s, port: 80}}]}}]");
        let route = route("r", &format!("namespace: {namespace}"), &spec);
        let got = translated(&default_options(), &[gateway.clone(), route]);
        let attached: Vec<String> = got
            .hosts()
            .iter()
            .filter_map(|host| Some(host.strip_suffix(" *: r")?.strip_prefix("gw/")?.to_owned()))
            .collect();
        match want {
            Ok(listeners) => {
                assert_eq!(got.diagnostics, [""; 0], "{parent}");
                assert_eq!(attached, listeners, "{parent}");
            }
            Err(warning) => {
                assert_eq!(got.diagnostics, [warning], "{parent}");
                assert_eq!(attached, [""; 0], "{parent}");
            }
        }
    }
}

#[test]
fn listeners_that_cannot_share_a_port_all_lose() {
    // gateway-api §5.3
    let documents = [gateway(&[
        "name: a, port: 80, protocol: HTTP",
        "name: b, port: 80, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}",
        "name: c, port: 81, protocol: HTTP",
        "name: d, port: 82, protocol: UDP",
    ])];
    let got = translated(&default_options(), &documents);
    assert_eq!(got.hosts(), ["gw/c *: "]);
    assert_eq!(
        got.diagnostics,
        [
            "error ProtocolConflict: spec.listeners[0]: \
             the listeners `a` (HTTP) and `b` (HTTPS) cannot share port 80",
            "error ProtocolConflict: spec.listeners[1]: \
             the listeners `b` (HTTPS) and `a` (HTTP) cannot share port 80",
            "error UnsupportedProtocol: spec.listeners[3]: the protocol `UDP` is not supported \
             (the protocols are `HTTP` and `HTTPS`)",
        ]
    );
    let conditions = got.conditions("Gateway", "gw");
    for want in [
        " Accepted=true/ListenersNotValid",
        " Programmed=true/Programmed",
        "a Accepted=false/ProtocolConflict",
        "a Conflicted=true/ProtocolConflict",
        "a Programmed=false/Invalid",
        "c Accepted=true/Accepted",
        "c Conflicted=false/NoConflicts",
        "c Programmed=true/Programmed",
        "d Accepted=false/UnsupportedProtocol",
        "d Conflicted=false/NoConflicts",
    ] {
        assert!(conditions.iter().any(|c| c == want), "{want}: {conditions:#?}");
    }
}

#[test]
fn between_gateways_the_older_listener_wins() {
    let old = "creationTimestamp: '2024-01-01T00:00:00Z'";
    let documents = [
        named_gateway(
            "a",
            "",
            &[
                "name: same, port: 80, protocol: HTTP",
                "name: host, port: 80, protocol: HTTP, hostname: a.example",
                "name: tls, port: 81, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}",
            ],
        ),
        named_gateway(
            "b",
            old,
            &["name: x, port: 80, protocol: HTTP", "name: y, port: 81, protocol: HTTP"],
        ),
    ];
    let got = translated(&default_options(), &documents);
    assert_eq!(got.hosts(), ["a/host a.example: ", "b/x *: ", "b/y *: "]);
    assert_eq!(
        got.diagnostics,
        [
            "warning HostnameConflict: spec.listeners[0]: port 80 has a listener for host `*` already, \
             in Gateway default/b (the older Gateway wins)",
            "warning ProtocolConflict: spec.listeners[2]: port 81 speaks http already, \
             in Gateway default/b (the older Gateway wins)",
        ]
    );
}

#[test]
fn gateways_of_other_classes_are_invisible() {
    let documents = [GATEWAY.to_owned(), rule("    backendRefs: [{name: s, port: 80}]")];
    for (class, served) in [(None, 1), (Some("ours"), 1), (Some("theirs"), 0)] {
        let options = Options { gateway_class: class.map(Into::into), ..default_options() };
        let got = translated(&options, &documents);
        assert_eq!(got.claims.len(), served, "{class:?}");
        assert_eq!(got.statuses.len(), 2 * served, "{class:?}");
        assert_eq!(got.diagnostics, [""; 0], "{class:?}");
    }
    let class = "---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: our}
spec: {controllerName: example.com/gateway}
";
    let got = translated(&default_options(), &[GATEWAY.into(), class.into()]);
    assert_eq!(got.claims.len(), 1);
    assert_eq!(
        got.diagnostics,
        ["warning unknown-class: spec.gatewayClassName: \
          no document describes the GatewayClass `ours` (did you mean `our`?)"]
    );
}

#[test]
fn conditions_are_lowered() {
    // gateway-api §11
    let got = clean(&[
        GATEWAY.into(),
        rule(
            "    matches:
    - path: {type: Exact, value: /caf%c3%a9}
      method: PATCH
      headers: [{name: X-A, value: One}, {name: x-b, type: RegularExpression, value: 'v\\d'}]
      queryParams: [{name: Animal, value: whale}]
    - path: {value: /v2/}
    - {}
    backendRefs: [{name: s, port: 80}]",
        ),
    ]);
    let [exact, prefix, all] = got.routes() else { panic!("{:#?}", got.routes()) };
    assert_eq!(exact.path.to_string(), "exactly `/café`");
    assert_eq!(prefix.path.to_string(), "prefix `/v2` by segments");
    assert_eq!(all.path, path::prefix("/").unwrap());
    assert!(
        matches!(&all.path, PathPattern::Prefix { template, .. } if template.parts().is_empty())
    );
    let say = |c: &Condition| format!("{} {c}", c.field);
    assert_eq!(
        exact.conditions.iter().map(say).collect::<Vec<_>>(),
        [
            "method `PATCH`",
            "header `x-a` `One`",
            "header `x-b` matching `v\\d` as a whole",
            "argument `Animal` `whale`",
        ]
    );
    let argument = Field::Argument { name: "Animal".into(), ignore_case: false, decoded: true };
    assert_eq!(exact.conditions[3].field, argument);
}

#[test]
fn of_headers_that_differ_in_case_the_first_counts() {
    // gateway-api §11.3
    let documents = [
        GATEWAY.into(),
        rule(
            "    matches: [{headers: [{name: X-A, value: '1'}, {name: x-a, value: '2'}]}]
    backendRefs: [{name: s, port: 80}]",
        ),
    ];
    let got = translated(&default_options(), &documents);
    assert_eq!(got.routes()[0].conditions, [Condition::equals(Field::Header("x-a".into()), "1")]);
    assert_eq!(
        got.diagnostics,
        [
            "warning duplicate: spec.rules[0].matches[0].headers[1]: only the first test of header `x-a` counts"
        ]
    );
}

#[test]
fn a_rule_with_a_bad_expression_is_left_out() {
    // gateway-api §11.2, §13
    let spec = "  parentRefs: [{name: gw}]
  rules:
  - matches: [{path: {type: RegularExpression, value: '/a('}}, {path: {value: /b}}]
    backendRefs: [{name: s, port: 80}]
  - backendRefs: [{name: s, port: 80}]";
    let got = translated(&default_options(), &[GATEWAY.into(), route("r", "", spec)]);
    assert_eq!(
        got.diagnostics,
        [
            "error UnsupportedValue: spec.rules[0].matches[0].path.value: `/a(` is not a valid expression: \
          unclosed group (at character 3 of the expression)"
        ]
    );
    assert_eq!(got.routes().len(), 1);
    assert_eq!(
        got.conditions("HTTPRoute", "r"),
        [
            "default/gw Accepted=true/Accepted",
            "default/gw ResolvedRefs=true/ResolvedRefs",
            "default/gw PartiallyInvalid=true/UnsupportedValue",
        ]
    );
}

#[test]
fn redirects_keep_what_they_do_not_name() {
    // gateway-api §14.2
    let keep = PathRewrite::Keep;
    let parts = |scheme, host: Option<&str>, port, path| Location::Parts {
        scheme,
        host: host.map(Into::into),
        port,
        path,
    };
    for (redirect, status, want) in [
        ("{}", 302, parts(None, None, None, keep.clone())),
        (
            "{scheme: https, statusCode: 301}",
            301,
            parts(Some(Protocol::Https), None, None, keep.clone()),
        ),
        (
            "{hostname: a.example, port: 8080}",
            302,
            parts(None, Some("a.example"), Some(8080), keep),
        ),
        (
            "{path: {type: ReplaceFullPath, replaceFullPath: /x}, statusCode: 308}",
            308,
            parts(None, None, None, PathRewrite::Full("/x".into())),
        ),
        (
            "{path: {type: ReplacePrefixMatch, replacePrefixMatch: ''}}",
            302,
            parts(None, None, None, PathRewrite::SegmentPrefix("".into())),
        ),
    ] {
        let fields =
            format!("    filters: [{{type: RequestRedirect, requestRedirect: {redirect}}}]");
        let got = clean(&[GATEWAY.into(), rule(&fields)]);
        let Action::Redirect(got) = got.action() else { panic!("{redirect}: {:?}", got.action()) };
        assert_eq!((got.status.as_u16(), &got.location), (status, &want), "{redirect}");
    }
}

#[test]
fn rewrites_change_host_and_path() {
    // gateway-api §14.3
    let got = clean(&[
        GATEWAY.into(),
        rule(
            "    filters: [{type: URLRewrite, urlRewrite: {hostname: a.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}}}]
    backendRefs: [{name: s, port: 80}]",
        ),
    ]);
    assert_eq!(got.forward().host, HostRewrite::Set(crate::rules::Template::text("a.example")));
    assert_eq!(got.forward().path, PathRewrite::SegmentPrefix("/x".into()));
    let got = clean(&[GATEWAY.into(), rule("    backendRefs: [{name: s, port: 80}]")]);
    assert_eq!(got.forward().host, HostRewrite::Keep);
    assert_eq!(got.forward().path, PathRewrite::Keep);
    assert_eq!(got.forward().unavailable, http::StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn header_changes_of_rule_and_backend_follow_each_other() {
    // gateway-api §13, §13.1: requests rule first, answers backend first
    let modifier = |what: &str, value: &str| {
        format!(
            "{{type: {what}, {}: {{set: [{{name: s, value: {value}}}], add: [{{name: a, value: {value}}}], remove: [r-{value}]}}}}",
            {
                let (first, rest) = what.split_at(1);
                format!("{}{rest}", first.to_lowercase())
            }
        )
    };
    let both = |value: &str| {
        format!(
            "[{}, {}]",
            modifier("RequestHeaderModifier", value),
            modifier("ResponseHeaderModifier", value)
        )
    };
    let got = clean(&[
        GATEWAY.into(),
        rule(&format!(
            "    filters: {}\n    backendRefs: [{{name: s, port: 80, filters: {}}}]",
            both("rule"),
            both("backend")
        )),
    ]);
    let forward = got.forward();
    let text = |edits: Vec<&crate::rules::HeaderEdit>| {
        let say =
            |edit: &&crate::rules::HeaderEdit| format!("{}={:?}", edit.name, edit.value.parts());
        edits.iter().map(say).collect::<Vec<_>>().join(" ")
    };
    let (request, response) = (&forward.request_headers, &forward.response_headers);
    assert_eq!(text(request.set.iter().collect()), "s=[Text(\"backend\")]");
    assert_eq!(text(request.add.iter().collect()), "a=[Text(\"rule\")] a=[Text(\"backend\")]");
    assert_eq!(request.remove, ["r-rule", "r-backend"]);
    assert!(!request.drop_all);
    assert_eq!(text(response.set.iter().collect()), "s=[Text(\"rule\")]");
    let added = response.add.iter().inspect(|add| assert!(add.always)).map(|add| &add.edit);
    assert_eq!(text(added.collect()), "a=[Text(\"backend\")] a=[Text(\"rule\")]");
    assert_eq!(response.remove, ["r-backend", "r-rule"]);
}

#[test]
fn what_is_removed_or_set_later_undoes_earlier_changes() {
    let filter =
        |block: &str| format!("[{{type: RequestHeaderModifier, requestHeaderModifier: {block}}}]");
    for (rule_block, backend_block, want) in [
        ("{add: [{name: x, value: '1'}]}", "{remove: [x]}", "-x"),
        ("{set: [{name: x, value: '1'}]}", "{remove: [X]}", "-x"),
        ("{remove: [x]}", "{set: [{name: x, value: '2'}]}", "=x"),
        ("{add: [{name: x, value: '1'}]}", "{set: [{name: x, value: '2'}]}", "=x"),
        ("{remove: [x]}", "{add: [{name: x, value: '2'}]}", "-x +x"),
        ("{set: [{name: x, value: '1'}]}", "{add: [{name: x, value: '2'}]}", "=x +x"),
    ] {
        let fields = format!(
            "    filters: {}\n    backendRefs: [{{name: s, port: 80, filters: {}}}]",
            filter(rule_block),
            filter(backend_block)
        );
        let got = clean(&[GATEWAY.into(), rule(&fields)]);
        let ops = &got.forward().request_headers;
        let removed = ops.remove.iter().map(|name| format!("-{name}"));
        let set = ops.set.iter().map(|edit| format!("={}", edit.name));
        let added = ops.add.iter().map(|edit| format!("+{}", edit.name));
        let got: Vec<String> = removed.chain(set).chain(added).collect();
        assert_eq!(got.join(" "), want, "{rule_block} {backend_block}");
    }
}

#[test]
fn backends_share_by_weight_and_broken_ones_answer_500() {
    // gateway-api §15.2, §15.3
    let options = Options {
        known_services: vec![
            (crate::rules::ServiceName::new("default", "tea"), 80),
            (crate::rules::ServiceName::new("default", "tea"), 443),
            (crate::rules::ServiceName::new("other", "tea"), 80),
        ],
        ..Options::default()
    };
    let documents = [
        GATEWAY.into(),
        rule(
            "    backendRefs:
    - {name: tea, port: 80}
    - {name: tea, port: 81, weight: 2}
    - {name: tae, port: 80, weight: 0}
    - {name: tea, port: 80, namespace: other}
    - {name: tea, kind: Teapot}
    - {name: tea, port: 80, filters: [{type: URLRewrite, urlRewrite: {hostname: a.example}}]}",
        ),
    ];
    let got = translated(&options, &documents);
    let Action::Split(split) = got.action() else { panic!("{:?}", got.action()) };
    let weights: Vec<u64> = split.branches.iter().map(|branch| branch.weight).collect();
    assert_eq!(weights, [1, 2, 0, 1, 1, 1]);
    assert_eq!(split.otherwise, http::StatusCode::INTERNAL_SERVER_ERROR);
    assert!(matches!(&split.branches[0].action, Action::Forward(_)));
    let faults: Vec<&str> =
        split.branches[1..].iter().map(|branch| fault(&branch.action)).collect();
    assert_eq!(
        faults,
        [
            "the Service `default/tea` has no port 81",
            "there is no Service `default/tae`",
            "`other/tea` is in another namespace",
            "backends of kind `Teapot` of group `` are not supported",
            "the filter `URLRewrite` is not supported here",
        ]
    );
    let of = |i: usize, what: &str| format!("spec.rules[0].backendRefs[{i}]{what}");
    assert_eq!(
        got.diagnostics,
        [
            format!(
                "error BackendNotFound: {}: the Service `default/tea` has no port 81 (it has 80, 443)",
                of(1, "")
            ),
            format!(
                "error BackendNotFound: {}: there is no Service `default/tae` (did you mean `tea`?)",
                of(2, ".name")
            ),
            format!(
                "error RefNotPermitted: {}: `other/tea` is in another namespace \
                 (ReferenceGrant, which could permit it, is not supported yet)",
                of(3, "")
            ),
            format!(
                "error InvalidKind: {}: backends of kind `Teapot` of group `` are not supported",
                of(4, "")
            ),
            format!(
                "error unsupported-filter: {}: the filter `URLRewrite` is not supported here \
                 (requests to the backend are answered 500)",
                of(5, ".filters[0]")
            ),
        ]
    );
    assert_eq!(
        got.conditions("HTTPRoute", "r"),
        ["default/gw Accepted=true/Accepted", "default/gw ResolvedRefs=false/BackendNotFound"]
    );
    let settings = |branch: &Branch| match &branch.action {
        Action::Forward(forward) => Arc::clone(&forward.settings),
        other => panic!("{other:?}"),
    };
    assert_eq!(&*settings(&split.branches[0]).name, "default/r");
}

#[test]
fn a_rule_without_a_way_to_answer_answers_500() {
    // gateway-api §13, §15.3
    let filter = |name: &str, block: &str| {
        format!(
            "    filters: [{{type: {name}, {block}: {{}}}}]\n    backendRefs: [{{name: s, port: 80}}]"
        )
    };
    for (fields, severity, reason) in [
        ("    name: empty".to_owned(), "warning no-backends", "the rule has no `backendRefs`"),
        (
            filter("CORS", "cors"),
            "error unsupported-filter",
            "the filter `CORS` is not supported here",
        ),
        (
            filter("ExternalAuth", "externalAuth"),
            "error unsupported-filter",
            "the filter `ExternalAuth` is not supported here",
        ),
        (
            filter("ExtensionRef", "extensionRef"),
            "error unsupported-filter",
            "the filter `ExtensionRef` is not supported here",
        ),
    ] {
        let got = translated(&default_options(), &[GATEWAY.into(), rule(&fields)]);
        assert_eq!(fault(got.action()), reason, "{fields}");
        let [diagnostic] = &*got.diagnostics else { panic!("{fields}: {:?}", got.diagnostics) };
        assert!(diagnostic.starts_with(severity), "{diagnostic}");
    }
    let got = translated(
        &default_options(),
        &[GATEWAY.into(), rule("    backendRefs: [{name: s, port: 80, weight: 0}]")],
    );
    let Action::Split(split) = got.action() else { panic!("{:?}", got.action()) };
    assert_eq!(split.otherwise, http::StatusCode::INTERNAL_SERVER_ERROR);
    // A mirror is dropped, and the request goes on.
    let got = translated(
        &default_options(),
        &[GATEWAY.into(), rule(&filter("RequestMirror", "requestMirror"))],
    );
    assert_eq!(got.forward().host, HostRewrite::Keep);
    assert_eq!(
        got.diagnostics,
        [
            "warning unsupported-filter: spec.rules[0].filters[0]: `RequestMirror` is not supported: no copies are sent"
        ]
    );
}

#[test]
fn timeouts_and_retries() {
    // gateway-api §16
    let second = |n| Some(Duration::from_secs(n));
    for (fields, want) in [
        ("{}", (second(60), None, None)),
        ("{request: 10s}", (None, second(10), None)),
        ("{request: 10s, backendRequest: 2s}", (None, second(10), second(2))),
        ("{request: 0s, backendRequest: 2s}", (None, None, second(2))),
        ("{backendRequest: 0s}", (None, None, None)),
    ] {
        let fields = format!("    timeouts: {fields}\n    backendRefs: [{{name: s, port: 80}}]");
        let got = clean(&[GATEWAY.into(), rule(&fields)]);
        let timeouts = &got.forward().settings.timeouts;
        assert_eq!((timeouts.read, timeouts.request, timeouts.backend_request), want, "{fields}");
    }
    let (error, timeout) = (RetryCondition::Error, RetryCondition::Timeout);
    let code = RetryCondition::Status(http::StatusCode::BAD_GATEWAY);
    let ms = |n| Some(Duration::from_millis(n));
    for (fields, want) in [
        ("", (vec![], 1, None)),
        ("    retry: {}\n", (vec![error, timeout], 2, ms(25))),
        (
            "    retry: {codes: [502], attempts: 3, backoff: 1s}\n",
            (vec![error, timeout, code], 4, ms(1000)),
        ),
    ] {
        let fields = format!("{fields}    backendRefs: [{{name: s, port: 80}}]");
        let got = clean(&[GATEWAY.into(), rule(&fields)]);
        let retry = &got.forward().settings.retry;
        assert_eq!((retry.on.clone(), retry.tries, retry.backoff), want, "{fields}");
    }
}

#[test]
fn channels_refuse_what_is_not_theirs() {
    // gateway-api §1, §2, §9.1
    let experimental = |field: &str, name: &str| {
        format!(
            "error experimental-field: {field}: `{name}` belongs to the experimental channel (it takes effect with `--channel experimental`)"
        )
    };
    let parents = |parents: &str| {
        route(
            "r",
            "",
            &format!(
                "  parentRefs: [{parents}]\n  rules: [{{backendRefs: [{{name: s, port: 80}}]}}]"
            ),
        )
    };
    let together = |by: &str| {
        format!(
            "error duplicate: spec.parentRefs: several entries name Gateway `gw` without telling its listeners apart (give each of them its own {by})"
        )
    };
    let (section, port) = ("`sectionName`", "`sectionName` or `port`");
    let none = String::new;
    for (document, standard, other) in [
        (
            rule("    retry: {}\n    backendRefs: [{name: s, port: 80}]"),
            experimental("spec.rules[0].retry", "retry"),
            none(),
        ),
        (
            rule(
                "    filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: a, value: 'x  y'}]}}]\n    backendRefs: [{name: s, port: 80}]",
            ),
            none(),
            "error invalid-value: spec.rules[0].filters[0].responseHeaderModifier.set[0].value: \
             a header value is made of ASCII words with single blanks between them"
                .into(),
        ),
        (parents("{name: gw}, {name: gw}"), together(section), together(port)),
        (
            parents("{name: gw, port: 80}, {name: gw, port: 81}"),
            together(section),
            "no error".into(),
        ),
        (
            parents("{name: gw, sectionName: a}, {name: gw, sectionName: http}"),
            "no error".into(),
            "no error".into(),
        ),
        (
            parents("{name: gw, sectionName: a, port: 1}, {name: gw, sectionName: b}"),
            "no error".into(),
            together(port),
        ),
        (parents("{name: gw}, {name: gw, namespace: default}"), none(), none()),
    ] {
        for (channel, want) in [(Channel::Standard, &standard), (Channel::Experimental, &other)] {
            let options = Options { channel, ..default_options() };
            let got = translated(&options, &[GATEWAY.into(), document.clone()]);
            let refused = want.starts_with("error");
            let errors: Vec<_> =
                got.diagnostics.iter().filter(|d| d.starts_with("error")).collect();
            let want: Vec<&String> = refused.then_some(want).into_iter().collect();
            assert_eq!(errors, want, "{channel:?} {document}");
            let names: &[&str] = if refused { &["HTTPRoute default/r"] } else { &[] };
            assert_eq!(got.refused, names, "{channel:?} {document}");
            assert!(!refused || got.routes().is_empty(), "{channel:?} {document}");
        }
    }
}

#[test]
fn what_has_no_effect_is_said() {
    let gateway = gateway(&[
        "name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {}}, kinds: [{kind: HTTPRoute}, {kind: GRPCRoute}]}",
    ]) + "  addresses: [{value: 1.2.3.4}]\n";
    let spec = "  parentRefs: [{name: gw}]\n  useDefaultGateways: None\n  rules: [{sessionPersistence: {}, backendRefs: [{name: s, port: 80}]}]";
    let got = translated(&default_options(), &[gateway, route("r", "", spec)]);
    assert_eq!(
        got.diagnostics,
        [
            "warning unsupported-field: spec.addresses: `addresses` is not supported",
            "warning unsupported-field: spec.listeners[0].allowedRoutes.namespaces: namespace selectors are \
             not supported: no route is attached (use `from: Same` or `from: All`)",
            "warning InvalidRouteKinds: spec.listeners[0].allowedRoutes.kinds[1]: \
             routes of kind `GRPCRoute` of group `gateway.networking.k8s.io` are not supported",
            "warning NotAllowedByListeners: spec.parentRefs[0]: no listener of the Gateway `gw` takes \
             an HTTPRoute of namespace `default` (see `allowedRoutes` of its listeners)",
            "warning unsupported-field: spec.useDefaultGateways: `useDefaultGateways` is not supported \
             and has no effect",
            "warning unsupported-field: spec.rules[0].sessionPersistence: `sessionPersistence` is not \
             supported and has no effect",
        ]
    );
    let conditions = got.conditions("Gateway", "gw");
    assert!(
        conditions.contains(&"l ResolvedRefs=false/InvalidRouteKinds".to_owned()),
        "{conditions:?}"
    );
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

#[test]
fn claims_settle_into_the_hosts_of_one_listener() {
    let documents = [
        gateway(&[
            "name: any, port: 80, protocol: HTTP",
            "name: wild, port: 80, protocol: HTTP, hostname: '*.example.com'",
        ]),
        route(
            "r",
            "",
            "  parentRefs: [{name: gw}]\n  hostnames: [a.example.com, '*.example.com', b.other]\n  rules: [{backendRefs: [{name: s, port: 80}]}]",
        ),
    ];
    let mut resources = Resources::new();
    for document in &documents {
        resources.add_yaml("t.yaml", document);
    }
    let translation = crate::translate::translate(&resources, &default_options());
    assert_eq!(translation.diagnostics, []);
    let [listener] = &*translation.rules.listeners else { panic!("{:#?}", translation.rules) };
    assert_eq!((&*listener.name, listener.port), ("default/gw", 80));
    let section = |host: &str| {
        let found = listener.hosts.iter().find(|h| h.hostname.to_string() == host);
        found.map(|h| (h.section, h.routes.len(), h.falls_through))
    };
    let (wild, any) = (section("*.example.com").map(|s| s.0), section("*").map(|s| s.0));
    assert_ne!(wild, any);
    for (host, of, routes) in
        [("a.example.com", wild, 1), ("*.example.com", wild, 1), ("b.other", any, 1), ("*", any, 0)]
    {
        assert_eq!(section(host), of.map(|of| (of, routes, true)), "{host}");
    }
}

#[test]
fn an_external_name_is_no_backend() {
    // gateway-api §15.1
    let service = "---
apiVersion: v1
kind: Service
metadata: {name: far}
spec: {type: ExternalName, externalName: example.com, ports: [{port: 80}]}
";
    let documents =
        [GATEWAY.into(), service.into(), rule("    backendRefs: [{name: far, port: 80}]")];
    let got = translated(&Options::default(), &documents);
    let message = "the Service `default/far` is an ExternalName, which is no backend";
    assert_eq!(fault(got.action()), message);
    assert_eq!(
        got.diagnostics,
        [format!("error InvalidKind: spec.rules[0].backendRefs[0]: {message}")]
    );
}
