use crate::diagnostic::Diagnostic;
use crate::resource::Resources;
use crate::rules::{
    Action, Balance, Condition, Field, HostPattern, HostRewrite, Location, PathPattern,
    PathRewrite, Protocol, RetryCondition, Route, Split, Template, TemplatePart, Test,
};
use crate::{Options, Translation, translate};
use http::StatusCode;
use std::fmt::Write as _;
use std::time::Duration;

fn translation(yaml: &str, options: &Options) -> Translation {
    let mut resources = Resources::default();
    resources.add_yaml("shop.yaml", yaml);
    translate(&resources, options)
}

/// A VirtualServer `shop/cafe` with this spec.
fn server(spec: &str) -> String {
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
fn cafe(spec: &str) -> String {
    server(&format!(
        "host: cafe.example.com\n\
         upstreams:\n\
         - {{name: tea, service: tea-svc, port: 80}}\n\
         - {{name: coffee, service: beans/coffee-svc, port: 8080}}\n{spec}"
    ))
}

/// The same with one route, given its other fields.
fn one_route(path: &str, route: &str) -> String {
    let mut spec = format!("routes:\n- path: {path:?}\n");
    for line in route.lines() {
        let _ = writeln!(spec, "  {line}");
    }
    cafe(&spec)
}

/// Diagnostics without code and place: `error: spec.host: message; help`.
fn told(diagnostics: &[Diagnostic]) -> Vec<String> {
    let tell = |d: &Diagnostic| {
        let help = d.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}[{}]: {}: {}{help}", d.severity, d.code, d.field, d.message)
    };
    diagnostics.iter().map(tell).collect()
}

/// The routes of a document with one host on one listener, of which nothing is told.
fn routes(yaml: &str) -> Vec<Route> {
    let translation = translation(yaml, &Options::default());
    assert_eq!(told(&translation.diagnostics), Vec::<String>::new(), "{yaml}");
    let host = &translation.rules.listeners[0].hosts[0];
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

const SEED: &str = "
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
fn the_seed_s_example() {
    // smi §9.3
    let translation = translation(SEED, &Options::default());
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
    assert_eq!(listener.hosts[0].hostname, HostPattern::Exact("cafe.example.com".into()));
    assert!(!listener.hosts[0].falls_through);
    let told: Vec<String> = listener.hosts[0]
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
    let Action::Respond(respond) = &listener.hosts[0].routes[0].action else { panic!() };
    assert_eq!(text(&respond.body), "You are rejected!");
    assert_eq!(respond.content_type.as_deref(), Some("text/plain"));
    let origin = &listener.hosts[0].routes[0].origin;
    assert_eq!(origin.to_string(), "VirtualServer default/cafe: spec.routes[1].matches[0]");
    assert_eq!(origin.span.as_ref().map(|span| span.line), Some(22));
}

#[test]
fn slips_of_the_seed_get_help() {
    // smi §9.3: how the example stands in the seed
    for (yaml, want) in [
        (
            server("host: a.example\nupstreams:\n-name: tea\n"),
            "error[wrong-type]: spec.upstreams: expected a list, found a mapping; did you mean \
             `- name:`? YAML needs a blank after the dash",
        ),
        (
            one_route("/tea", "action: pass:tea"),
            "error[wrong-type]: spec.routes[0].action: expected a mapping, found the text \
             `pass:tea`; did you mean `pass: tea`? YAML needs a blank after the colon",
        ),
        (
            one_route("/tea", "action:\n  pass:tea"),
            "error[wrong-type]: spec.routes[0].action: expected a mapping, found the text \
             `pass:tea`; did you mean `pass: tea`? YAML needs a blank after the colon",
        ),
        (
            one_route("/tea", "action: {pass: tee}"),
            "error[not-found]: spec.routes[0].action.pass: no upstream is named `tee`; did you \
             mean `tea`?",
        ),
        (
            one_route(
                "/tea",
                "splits:\n- {weight: 80, action: {pass: tea}}\n\
                 - {weight: 10, action: {pass: coffee}}",
            ),
            "error[invalid-value]: spec.routes[0].splits: the weights add up to 90, not to 100",
        ),
    ] {
        let translation = translation(&yaml, &Options::default());
        assert_eq!(told(&translation.diagnostics), [want], "{yaml}");
        assert_eq!(translation.rules.route_count(), 0, "{yaml}");
    }
}

#[test]
fn refusals() {
    // virtualserver §3 to §5; the cases are a spec without its host and upstreams
    for (spec, want) in [
        (
            "tls: {secret: A, redirect: {code: 303, basedOn: sceme}}",
            &[
                "error[invalid-value]: spec.tls.secret: `A` is not a DNS label: it holds \
                 lower-case letters, digits and `-`",
                "error[unsupported-value]: spec.tls.redirect.code: `303` is not a status to \
                 redirect with; use 301, 302, 307 or 308",
                "error[unsupported-value]: spec.tls.redirect.basedOn: unknown base of a redirect \
                 `sceme`; did you mean `scheme`?",
            ][..],
        ),
        (
            "routes:\n- {path: tea, action: {pass: tea}}\n- {path: //tea, action: {pass: tea}}\n\
             - {path: /a/../b, action: {pass: tea}}\n- {path: '/a;b', action: {pass: tea}}\n\
             - {path: '/a{b}', action: {pass: tea}}\n- {path: '~a(', action: {pass: tea}}\n\
             - {path: '~(?=a)', action: {pass: tea}}\n- {path: '~', action: {pass: tea}}\n\
             - {path: '=a', action: {pass: tea}}",
            &[
                "error[invalid-value]: spec.routes[0].path: `tea` does not begin with `/`, `=`, \
                 `^~`, `~` or `~*`; did you mean `/tea`?",
                "error[invalid-value]: spec.routes[1].path: `//tea` is not a path: it begins with \
                 `//`",
                "error[invalid-value]: spec.routes[2].path: `/a/../b` is not a path: a path has \
                 no `..` segments",
                "error[invalid-value]: spec.routes[3].path: `/a;b` is not a path: it holds blanks, \
                 control characters, `;` or `\\`",
                "error[invalid-value]: spec.routes[4].path: `/a{b}` is not a path: a parameter is \
                 a whole segment like `{name}`, found `a{b}`",
                "error[invalid-value]: spec.routes[5].path: `a(` is not an expression: unclosed \
                 group (at character 2 of the expression)",
                "error[invalid-value]: spec.routes[6].path: `(?=a)` is not an expression: \
                 look-around (at character 1 of the expression)",
                "error[invalid-value]: spec.routes[7].path: the expression is empty",
                "error[invalid-value]: spec.routes[8].path: `a` is not a path: a path begins with \
                 `/`, found `a`",
            ],
        ),
        (
            "routes:\n- {path: /a, action: {pass: tea}}\n- {path: '^~ /a', action: {pass: tea}}\n\
             - {path: '~ b', action: {pass: tea}}\n- {path: '~b', action: {pass: tea}}\n\
             - {path: '~*b', action: {pass: tea}}\n- {path: '=/a', action: {pass: tea}}\n\
             - {path: '/{x}', action: {pass: tea}}\n- {path: '/{y}', action: {pass: tea}}",
            &[
                "error[duplicate-value]: spec.routes[1].path: the path `^~ /a` is that of \
                 `spec.routes[0]` already; with and without `^~` it is one path",
                "error[duplicate-value]: spec.routes[3].path: the path `~b` is that of \
                 `spec.routes[2]` already",
                "error[duplicate-value]: spec.routes[7].path: the path `/{y}` is that of \
                 `spec.routes[6]` already",
            ],
        ),
        (
            "routes:\n- {path: /a}\n- {path: /b, action: {pass: tea}, route: other}\n\
             - {path: /c, route: other, matches: [{conditions: [{header: a}], action: {pass: tea}}]}\n\
             - {path: /d, action: {}}\n- {path: /e, action: {pass: tea, return: {body: x}}}\n\
             - {path: '', action: {pass: tea}}\n- {action: {pass: tea}}",
            &[
                "error[missing-field]: spec.routes[0]: expected exactly one of `action`, `splits`, \
                 `route` or `routeSelector`, found none of them",
                "error[conflicting-fields]: spec.routes[1]: expected exactly one of `action`, \
                 `splits`, `route` or `routeSelector`, found `action` and `route`",
                "error[missing-field]: spec.routes[2]: expected exactly one of `action` or \
                 `splits`, found none of them",
                "error[conflicting-fields]: spec.routes[2].route: `matches` cannot stand beside \
                 `route`",
                "error[missing-field]: spec.routes[3].action: expected exactly one of `pass`, \
                 `redirect`, `return` or `proxy`, found none of them",
                "error[conflicting-fields]: spec.routes[4].action: expected exactly one of `pass`, \
                 `redirect`, `return` or `proxy`, found `pass` and `return`",
                "error[missing-field]: spec.routes[5].path: `path` must not be empty",
                "error[missing-field]: spec.routes[6].path: required field `path` is missing",
            ],
        ),
        (
            "routes:\n- path: /\n  matches:\n\
             \x20 - {conditions: [], action: {pass: tea}}\n\
             \x20 - {action: {pass: tea}}\n\
             \x20 - {conditions: [{value: x}], action: {pass: tea}}\n\
             \x20 - {conditions: [{header: a, cookie: b}], action: {pass: tea}}\n\
             \x20 - {conditions: [{header: a}]}\n\
             \x20 action: {pass: tea}",
            &[
                "error[missing-field]: spec.routes[0].matches[0].conditions: `conditions` must \
                 not be empty",
                "error[missing-field]: spec.routes[0].matches[1].conditions: required field \
                 `conditions` is missing",
                "error[missing-field]: spec.routes[0].matches[2].conditions[0]: expected exactly \
                 one of `header`, `cookie`, `argument` or `variable`, found none of them",
                "error[conflicting-fields]: spec.routes[0].matches[3].conditions[0]: expected \
                 exactly one of `header`, `cookie`, `argument` or `variable`, found `header` and \
                 `cookie`",
                "error[missing-field]: spec.routes[0].matches[4]: expected exactly one of \
                 `action` or `splits`, found none of them",
            ],
        ),
        (
            "routes:\n- path: /\n  matches:\n  - conditions:\n\
             \x20   - {header: x_a, value: ''}\n\
             \x20   - {cookie: a-b, value: ''}\n\
             \x20   - {argument: a-b, value: ''}\n\
             \x20   - {variable: $request_metod, value: ''}\n\
             \x20   - {variable: '${scheme}', value: ''}\n\
             \x20   - {header: a, value: '~a('}\n\
             \x20   - {header: a, value: 'say \"hi\"'}\n\
             \x20   - {header: a, value: 'a\\'}\n\
             \x20   action: {pass: tea}\n\
             \x20 action: {pass: tea}",
            &[
                "error[invalid-value]: spec.routes[0].matches[0].conditions[0].header: `x_a` is \
                 not a header name: it holds letters, digits and `-`",
                "error[invalid-value]: spec.routes[0].matches[0].conditions[1].cookie: `a-b` is \
                 not a name: it holds letters, digits and `_`",
                "error[invalid-value]: spec.routes[0].matches[0].conditions[2].argument: `a-b` is \
                 not a name: it holds letters, digits and `_`",
                "error[unsupported-value]: spec.routes[0].matches[0].conditions[3].variable: \
                 unknown variable `$request_metod`; did you mean `$request_method`?",
                "error[unsupported-value]: spec.routes[0].matches[0].conditions[4].variable: \
                 `${scheme}` is not a variable; did you mean `$scheme`?",
                "error[invalid-value]: spec.routes[0].matches[0].conditions[5].value: `a(` is not \
                 an expression: unclosed group (at character 2 of the expression)",
                "error[invalid-value]: spec.routes[0].matches[0].conditions[6].value: `say \"hi\"` \
                 holds a `\"` that is not escaped; write `\\\"`",
                "error[invalid-value]: spec.routes[0].matches[0].conditions[7].value: `a\\` ends \
                 in a single `\\`; write `\\\\`",
            ],
        ),
        (
            "routes:\n- path: /\n  splits:\n  - {weight: 100, action: {pass: tea}}\n\
             - path: /b\n  splits:\n  - {weight: 101, action: {pass: tea}}\n  - {weight: -1}\n\
             - {path: /c, splits: []}",
            &[
                "error[out-of-range]: spec.routes[1].splits[0].weight: `101` is not between 0 and \
                 100",
                "error[out-of-range]: spec.routes[1].splits[1].weight: `-1` is not between 0 and \
                 100",
                "error[missing-field]: spec.routes[1].splits[1].action: required field `action` \
                 is missing",
                "error[invalid-value]: spec.routes[0].splits: `splits` needs at least two entries",
                "error[invalid-value]: spec.routes[2].splits: `splits` needs at least two entries",
            ],
        ),
        (
            "routes:\n\
             - {path: /a, action: {redirect: {url: '/b'}}}\n\
             - {path: /b, action: {redirect: {url: 'http://$host', code: 303}}}\n\
             - {path: /c, action: {redirect: {url: 'http://${hots}'}}}\n\
             - {path: /d, action: {redirect: {}}}\n\
             - {path: /e, action: {return: {code: 302, body: x, type: 'a;b'}}}\n\
             - {path: /f, action: {return: {body: ''}}}\n\
             - {path: /g, action: {return: {body: '${http_a-b}'}}}\n\
             - {path: /h, action: {return: {body: x, headers: [{name: x_a, value: '${host}'}]}}}\n\
             - {path: /i, action: {return: {body: x, headers: [{name: a, value: 'a\\nb: c'}]}}}",
            &[
                "error[missing-field]: spec.routes[3].action.redirect.url: required field `url` \
                 is missing",
                "error[missing-field]: spec.routes[5].action.return.body: `body` must not be empty",
                "error[invalid-value]: spec.routes[0].action.redirect.url: `/b` is not an absolute \
                 URL; begin with `https://` or `${scheme}://`",
                "error[invalid-value]: spec.routes[1].action.redirect.url: `http://$host` holds a \
                 `$` without a name in braces; write variables as in `${scheme}`",
                "error[unsupported-value]: spec.routes[1].action.redirect.code: `303` is not a \
                 status to redirect with; use 301, 302, 307 or 308",
                "error[unsupported-value]: spec.routes[2].action.redirect.url: unknown variable \
                 `hots`; did you mean `host`?",
                "error[invalid-value]: spec.routes[4].action.return.code: `302` is not a status to \
                 return; use 200 to 299 or 400 to 599",
                "error[invalid-value]: spec.routes[4].action.return.type: `a;b` is not a media \
                 type: it holds `;`",
                "error[invalid-value]: spec.routes[6].action.return.body: `a-b` is not a name: it \
                 holds letters, digits and `_`",
                "error[invalid-value]: spec.routes[7].action.return.headers[0].name: `x_a` is not \
                 a header name: it holds letters, digits and `-`",
                "error[invalid-value]: spec.routes[7].action.return.headers[0].value: `${host}` \
                 holds a `$`; variables cannot stand here",
                "error[invalid-value]: spec.routes[8].action.return.headers[0].value: `a\\nb: c` \
                 holds control characters",
            ],
        ),
        (
            "routes:\n\
             - {path: /a, action: {proxy: {upstream: tea, rewritePath: '$x'}}}\n\
             - {path: /b, action: {proxy: {upstream: tea, rewritePath: 'b'}}}\n\
             - {path: /c, action: {proxy: {upstream: tea, rewritePath: '/{c}'}}}\n\
             - {path: '~d', action: {proxy: {upstream: tea, rewritePath: 'd e'}}}\n\
             - {path: /e, action: {proxy: {upstream: Tea}}}\n\
             - path: /f\n  action:\n    proxy:\n      upstream: tea\n\
             \x20     requestHeaders: {set: [{name: host, value: ''}, {value: x}]}\n\
             \x20     responseHeaders: {hide: [a_b], ignore: [vary]}",
            &[
                "error[missing-field]: spec.routes[5].action.proxy.requestHeaders.set[1].name: \
                 required field `name` is missing",
                "error[invalid-value]: spec.routes[0].action.proxy.rewritePath: `$x` holds a `$` \
                 that is not before a digit",
                "error[invalid-value]: spec.routes[1].action.proxy.rewritePath: `b` is not a path: \
                 a path begins with `/`, found `b`",
                "error[invalid-value]: spec.routes[2].action.proxy.rewritePath: `/{c}` holds \
                 braces; parameters cannot stand here",
                "error[invalid-value]: spec.routes[3].action.proxy.rewritePath: `d e` is not a \
                 path: it begins with `/` and has no blanks",
                "error[invalid-value]: spec.routes[4].action.proxy.upstream: `Tea` is not a DNS \
                 label: it holds lower-case letters, digits and `-`",
                "error[invalid-value]: spec.routes[5].action.proxy.requestHeaders.set[0].value: \
                 `Host` must not be set to an empty value",
                "error[invalid-value]: spec.routes[5].action.proxy.responseHeaders.hide[0]: `a_b` \
                 is not a header name: it holds letters, digits and `-`",
                "error[unsupported-value]: spec.routes[5].action.proxy.responseHeaders.ignore[0]: \
                 unknown header to ignore `vary`; did you mean `Vary`?",
            ],
        ),
    ] {
        let translation = translation(&cafe(spec), &Options::default());
        assert_eq!(told(&translation.diagnostics), want, "{spec}");
        assert_eq!(translation.rules.route_count(), 0, "{spec}");
        let refused: Vec<String> = translation.refused.iter().map(ToString::to_string).collect();
        assert_eq!(refused, ["VirtualServer shop/cafe"], "{spec}");
    }
}

#[test]
fn refusals_of_hosts_and_upstreams() {
    // virtualserver §3 and §4
    for (spec, want) in [
        ("{}", &["error[missing-field]: spec.host: required field `host` is missing"][..]),
        ("host: ''", &["error[missing-field]: spec.host: `host` must not be empty"]),
        (
            "host: Cafe.example.com",
            &[
                "error[invalid-value]: spec.host: in `Cafe.example.com`, `Cafe` is not a DNS label: \
               it holds lower-case letters, digits and `-`",
            ],
        ),
        (
            "host: a.*.example",
            &[
                "error[invalid-value]: spec.host: in `a.*.example`, `*` is not a DNS label: it holds \
               lower-case letters, digits and `-`",
            ],
        ),
        (
            "host: a.example\nupstreams:\n- {}\n- {name: 1a, service: b/c/d, port: 0}\n\
             - {name: tea, service: A, port: 80}\n- {name: tea, service: a, port: x}",
            &[
                "error[missing-field]: spec.upstreams[0].name: required field `name` is missing",
                "error[missing-field]: spec.upstreams[0].service: required field `service` is \
                 missing",
                "error[missing-field]: spec.upstreams[0].port: required field `port` is missing",
                "error[out-of-range]: spec.upstreams[1].port: `0` is not between 1 and 65535",
                "error[wrong-type]: spec.upstreams[3].port: expected a whole number, found the \
                 text `x`",
                "error[invalid-value]: spec.upstreams[1].service: `b/c/d` has more than one `/`; \
                 write `service` or `namespace/service`",
                "error[invalid-value]: spec.upstreams[1].name: `1a` does not begin with a letter",
                "error[invalid-value]: spec.upstreams[2].service: `A` is not a DNS label: it holds \
                 lower-case letters, digits and `-`",
                "error[duplicate-value]: spec.upstreams[3].name: an upstream named `tea` stands \
                 above already",
            ],
        ),
        (
            "host: a.example\nupstreams:\n- name: tea\n  service: tea\n  port: 80\n\
             \x20 connect-timeout: 1.5s\n  next-upstream: error eror error\n\
             \x20 next-upstream-tries: -1\n  client-max-body-size: 1t\n  lb-method: lest_conn\n\
             \x20 type: grcp",
            &[
                "error[out-of-range]: spec.upstreams[0].next-upstream-tries: `-1` is not between \
                 0 and 2147483647",
                "error[invalid-value]: spec.upstreams[0].connect-timeout: `1.5s` is not a \
                 duration; write for example `90`, `100ms` or `1h 30m`: units from large to \
                 small, no fractions",
                "error[unsupported-value]: spec.upstreams[0].next-upstream: unknown retry \
                 condition `eror`; did you mean `error`?",
                "error[duplicate-value]: spec.upstreams[0].next-upstream: `error` stands twice",
                "error[invalid-value]: spec.upstreams[0].client-max-body-size: `1t` is not a size; \
                 write bytes, or a number with `k`, `m`, `g`",
                "error[unsupported-value]: spec.upstreams[0].lb-method: unknown method \
                 `lest_conn`; did you mean `least_conn`?",
                "error[unsupported-value]: spec.upstreams[0].type: unknown type `grcp`; did you \
                 mean `grpc`?",
            ],
        ),
    ] {
        let translation = translation(&server(spec), &Options::default());
        assert_eq!(told(&translation.diagnostics), want, "{spec}");
        assert!(translation.rules.listeners.is_empty(), "{spec}");
    }
}

#[test]
fn what_is_not_enforced_answers_500() {
    // virtualserver §15: fail closed
    let policies = "policies are not enforced yet: their scope answers 500";
    for (yaml, want, told_routes) in [
        (
            cafe("policies: [{name: allow}]\nroutes: [{path: /, action: {pass: tea}}]"),
            format!("spec.policies: {policies}"),
            &["prefix `/`: 500 policies are not enforced yet"][..],
        ),
        (
            cafe(
                "routes:\n- {path: /a, policies: [{name: allow}], action: {pass: tea}}\n\
                 - {path: /b, action: {pass: tea}}",
            ),
            format!("spec.routes[0].policies: {policies}"),
            &["prefix `/a`: 500 policies are not enforced yet", "prefix `/b`: tea"],
        ),
        (
            cafe("routes:\n- {path: /a, route: other/vsr}\n- {path: /, action: {pass: tea}}"),
            "spec.routes[0].route: delegation to VirtualServerRoutes is not supported: the path \
             answers 500"
                .to_owned(),
            &[
                "prefix `/a`: 500 delegation to VirtualServerRoutes is not supported",
                "prefix `/`: tea",
            ],
        ),
        (
            server(
                "host: a.example\n\
                 upstreams: [{name: tea, service: tea, port: 443, tls: {enable: true}}]\n\
                 routes: [{path: /, action: {pass: tea}}]",
            ),
            "spec.upstreams[0].tls: TLS to the endpoints of an upstream is not supported: its \
             routes answer 500"
                .to_owned(),
            &["prefix `/`: 500 TLS to the endpoints of an upstream is not supported"],
        ),
    ] {
        let translation = translation(&yaml, &Options::default());
        assert_eq!(told(&translation.diagnostics), [format!("error[unsupported-field]: {want}")]);
        let routes = &translation.rules.listeners[0].hosts[0].routes;
        let got: Vec<_> =
            routes.iter().map(|r| format!("{}: {}", r.path, tell(&r.action))).collect();
        assert_eq!(got, told_routes, "{yaml}");
        assert!(translation.refused.is_empty(), "{yaml}");
    }
    let twice = cafe("policies: [{name: a}, {name: a, namespace: shop}, {name: A}]");
    assert_eq!(
        told(&translation(&twice, &Options::default()).diagnostics)[..2],
        [
            "error[duplicate-value]: spec.policies[1]: the policy `shop/a` stands above already",
            "error[invalid-value]: spec.policies[2].name: `A` is not a DNS label: it holds lower-case \
         letters, digits and `-`",
        ]
    );
    let listener = cafe("listener: {http: http-8080}\nroutes: [{path: /, action: {pass: tea}}]");
    let translation = translation(&listener, &Options::default());
    assert_eq!(
        told(&translation.diagnostics),
        [
            "error[unsupported-field]: spec.listener: custom listeners are not supported: the host is \
         served on none"
        ]
    );
    assert!(translation.rules.listeners.is_empty());
}

#[test]
fn fields_without_effect_are_told_one_by_one() {
    // virtualserver §18
    let yaml = server(
        "host: a.example\ngunzip: true\nhttp-snippets: x\nserver-snippets: x\ndos: x\n\
         externalDNS: {enable: true}\n\
         upstreams:\n\
         - name: tea\n  service: tea\n  port: 80\n  max-fails: 3\n  fail-timeout: 5s\n\
         \x20 buffering: false\n  sessionCookie: {enable: true, name: a}\n  healthCheck: {}\n\
         routes:\n\
         - path: /\n  location-snippets: x\n  errorPages: []\n  action: {pass: tea}",
    );
    let translation = translation(&yaml, &Options::default());
    let fields: Vec<_> =
        translation.diagnostics.iter().map(|d| (d.severity.as_str(), d.code, &*d.field)).collect();
    let want = [
        "spec.upstreams[0].fail-timeout",
        "spec.upstreams[0].max-fails",
        "spec.upstreams[0].buffering",
        "spec.upstreams[0].sessionCookie",
        "spec.upstreams[0].healthCheck",
        "spec.routes[0].errorPages",
        "spec.routes[0].location-snippets",
        "spec.gunzip",
        "spec.http-snippets",
        "spec.server-snippets",
        "spec.dos",
        "spec.externalDNS",
    ];
    assert_eq!(fields, want.map(|field| ("warning", "unsupported-field", field)));
    assert_eq!(
        translation.diagnostics[0].message,
        "`fail-timeout` is not supported and has no effect"
    );
    assert_eq!(translation.rules.route_count(), 1);
}

#[test]
fn upstreams_say_how_services_are_spoken_to() {
    // virtualserver §4
    let forward = |upstream: &str| {
        let yaml = server(&format!(
            "host: a.example\nupstreams:\n- {{name: tea, service: tea-svc, port: 81{upstream}}}\n\
             routes: [{{path: /, action: {{pass: tea}}}}]"
        ));
        let translation = translation(&yaml, &Options::default());
        let Action::Forward(forward) = &translation.rules.listeners[0].hosts[0].routes[0].action
        else {
            panic!("{yaml}")
        };
        (translation.rules.service(forward.target.service).name.to_string(), forward.clone())
    };
    let (service, plain) = forward("");
    assert_eq!((&*service, plain.target.port, plain.target.splits), ("shop/tea-svc", 81, true));
    assert_eq!(plain.unavailable, StatusCode::BAD_GATEWAY);
    assert_eq!((&plain.host, &plain.path), (&HostRewrite::WithoutPort, &PathRewrite::Keep));
    let settings = &plain.settings;
    assert_eq!(settings.timeouts.connect, Some(Duration::from_secs(60)));
    assert_eq!(settings.retry.on, [RetryCondition::Error, RetryCondition::Timeout]);
    assert_eq!(settings.balance, Balance::RandomTwoLeastConnections);
    assert_eq!(settings.max_body, Some(1 << 20));

    let (_, full) = forward(
        ", connect-timeout: 1s, read-timeout: 2s, send-timeout: 100ms, client-max-body-size: '0', \
         next-upstream: http_503 non_idempotent, next-upstream-tries: 2, \
         next-upstream-timeout: 5s, lb-method: least_conn",
    );
    let settings = &full.settings;
    assert_eq!(settings.timeouts.connect, Some(Duration::from_secs(1)));
    assert_eq!(settings.timeouts.read, Some(Duration::from_secs(2)));
    assert_eq!(settings.timeouts.send, Some(Duration::from_millis(100)));
    assert_eq!(settings.retry.on, [RetryCondition::Status(StatusCode::SERVICE_UNAVAILABLE)]);
    assert!(settings.retry.non_idempotent);
    assert_eq!((settings.retry.tries, settings.retry.timeout), (2, Some(Duration::from_secs(5))));
    assert_eq!(settings.balance, Balance::LeastConnections);
    assert_eq!(settings.max_body, None);

    for (written, want) in [
        (", lb-method: round_robin", Balance::RoundRobin),
        (", lb-method: random two", Balance::RandomTwoLeastConnections),
        (", lb-method: hash $request_uri consistent", Balance::RoundRobin),
        (", lb-method: ip_hash", Balance::RoundRobin),
    ] {
        assert_eq!(forward(written).1.settings.balance, want, "{written}");
    }
    assert!(forward(", next-upstream: error off").1.settings.retry.on.is_empty());
    assert!(!forward(", subselector: {version: v1}").1.target.splits);
}

#[test]
fn missing_services_are_warnings() {
    // virtualserver §14
    let yaml = cafe("routes: [{path: /, action: {pass: tea}}]");
    let services = ["shop/tea-scv", "beans/coffee-svc"];
    let known = services.map(|name| {
        let (namespace, name) = name.split_once('/').unwrap();
        (crate::rules::ServiceName::new(namespace, name), 80)
    });
    let options = Options { known_services: known.to_vec(), ..Options::default() };
    let translation = translation(&yaml, &options);
    assert_eq!(
        told(&translation.diagnostics),
        [
            "warning[not-found]: spec.upstreams[0].service: there is no Service `shop/tea-svc`; \
         requests are answered 502; did you mean `shop/tea-scv`?",
            "warning[not-found]: spec.upstreams[1].port: Service `beans/coffee-svc` has no port 8080; \
         requests are answered 502",
        ]
    );
    assert_eq!(translation.rules.route_count(), 1);
}

#[test]
fn conditions_and_splits_of_matches() {
    // virtualserver §10, §11
    let yaml = one_route(
        "/",
        "matches:\n\
         - conditions:\n\
         \x20 - {header: X-Env, value: '!~*^prod'}\n\
         \x20 - {cookie: User, value: john}\n\
         \x20 splits:\n\
         \x20 - {weight: 0, action: {pass: tea}}\n\
         \x20 - {weight: 100, action: {return: {body: ok}}}\n\
         - conditions: [{argument: q}]\n\
         \x20 action: {redirect: {url: 'https://a.example'}}\n\
         action: {pass: coffee}",
    );
    let routes = routes(&yaml);
    let told: Vec<_> = routes.iter().map(|route| tell(&route.action)).collect();
    assert_eq!(told, ["0 tea | 100 200 -", "301", "coffee"]);
    let told: Vec<Vec<String>> = routes
        .iter()
        .map(|r| r.conditions.iter().map(|c| format!("{} {c}", c.field)).collect())
        .collect();
    assert_eq!(
        told,
        [
            vec![
                "header `x-env` not matching `^prod` anywhere in any case".to_owned(),
                "cookie `User` `john` in any case".to_owned(),
            ],
            vec!["argument `q` empty or absent".to_owned()],
            vec![],
        ]
    );
    let body = one_route(
        "/",
        "matches: [{conditions: [{variable: $request_body, value: x}], action: {pass: tea}}]\n\
         action: {pass: tea}",
    );
    assert_eq!(
        self::told(&translation(&body, &Options::default()).diagnostics),
        [
            "warning[always-empty]: spec.routes[0].matches[0].conditions[0].variable: `$request_body` \
         is always empty here: the body is not read yet"
        ]
    );
}

#[test]
fn redirects_and_returns() {
    // virtualserver §12.4, §12.5, §17.2, §17.5
    let Action::Redirect(redirect) = action(
        "/",
        "action: {redirect: {url: '${scheme}://${host}:8443${request_uri}', code: 307}}",
    ) else {
        panic!()
    };
    assert_eq!(redirect.status, StatusCode::TEMPORARY_REDIRECT);
    let Location::Url(url) = &redirect.location else { panic!() };
    assert_eq!(text(url), "<scheme>://<host>:8443<request target>");

    let Action::Respond(respond) = action(
        "/",
        r#"action:
  return:
    code: 418
    type: application/json
    body: '{\"arg\": \"${arg_X}\", \"h\": \"${http_X_Y}\", \"c\": \"${cookie_s}\"}\n${server_name}'
    headers: [{name: X-A, value: b}]"#,
    ) else {
        panic!()
    };
    assert_eq!(respond.status.as_u16(), 418);
    assert_eq!(respond.content_type.as_deref(), Some("application/json"));
    assert_eq!(
        text(&respond.body),
        "{\"arg\": \"<argument `X`>\", \"h\": \"<header `x-y`>\", \"c\": \"<cookie `s`>\"}\n\
         cafe.example.com"
    );
    assert_eq!(respond.headers[0].name, "x-a");
    assert_eq!(text(&respond.headers[0].value), "b");
    let Action::Respond(plain) = action("/", "action: {return: {body: ok}}") else { panic!() };
    assert_eq!((plain.status, plain.content_type.as_deref()), (StatusCode::OK, Some("text/plain")));
}

#[test]
fn proxies() {
    // virtualserver §12.1 to §12.3; decisions §6, Q9
    let proxy = "proxy: {upstream: tea, rewritePath: /x/$1}";
    let direct = format!("action: {{{proxy}}}");
    let split = format!(
        "splits: [{{weight: 100, action: {{{proxy}}}}}, {{weight: 0, action: {{pass: tea}}}}]"
    );
    let matched = format!(
        "matches: [{{conditions: [{{header: a}}], action: {{{proxy}}}}}]\naction: {{pass: tea}}"
    );
    for route in [&direct, &split, &matched] {
        for (path, want) in [
            ("/a", "prefix /x/$1"),
            ("^~/a", "prefix /x/$1"),
            ("=/a", "full /x/$1"),
            ("~*/A(.*)", "/A(.*) true /x/$1"),
        ] {
            let translation = translation(&one_route(path, route), &Options::default());
            let action = translation.rules.listeners[0].hosts[0].routes[0].action.clone();
            let action = match &action {
                Action::Split(split) => split.branches[0].action.clone(),
                _ => action,
            };
            let Action::Forward(forward) = action else { panic!("{path} {route}") };
            let got = match &forward.path {
                PathRewrite::Prefix(text) => format!("prefix {text}"),
                PathRewrite::Full(text) => format!("full {text}"),
                PathRewrite::Pattern { regex, replacement } => {
                    let insensitive = regex.captures(b"/aB").is_some();
                    format!("/A(.*) {insensitive} {replacement}")
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(got, want, "{path} {route}");
        }
    }

    let Action::Forward(forward) = action(
        "/",
        r"action:
  proxy:
    upstream: tea
    requestHeaders:
      pass: false
      set: [{name: Host, value: '${http_x}.example'}, {name: X-A, value: 'a\n${ssl_cipher}'}, {name: X-B}]
    responseHeaders:
      hide: [X-Secret]
      add: [{name: X-C, value: '${request_method}', always: true}, {name: X-D, value: d}]",
    ) else {
        panic!()
    };
    let HostRewrite::Set(host) = &forward.host else { panic!() };
    assert_eq!(text(host), "<header `x`>.example");
    assert!(forward.request_headers.drop_all);
    let set: Vec<_> = forward
        .request_headers
        .set
        .iter()
        .map(|edit| format!("{}: {}", edit.name, text(&edit.value)))
        .collect();
    assert_eq!(set, [r"x-a: a\n<attribute `ssl_cipher`>", "x-b: "]);
    assert_eq!(forward.response_headers.remove, ["x-secret"]);
    let add: Vec<_> = forward
        .response_headers
        .add
        .iter()
        .map(|a| format!("{}: {} {}", a.edit.name, text(&a.edit.value), a.always))
        .collect();
    assert_eq!(add, ["x-c: <method> true", "x-d: d false"]);

    let notices = one_route(
        "/",
        "action: {proxy: {upstream: tea, responseHeaders: {pass: [Server], ignore: [Vary]}}}",
    );
    assert_eq!(
        told(&translation(&notices, &Options::default()).diagnostics),
        [
            "notice[no-effect]: spec.routes[0].action.proxy.responseHeaders.pass[0]: `Server` is \
         passed anyway, as far as it can be",
            "notice[no-effect]: spec.routes[0].action.proxy.responseHeaders.ignore[0]: `Vary` has no \
         effect that could be ignored",
        ]
    );
}

#[test]
fn tls_redirects_go_first() {
    // virtualserver §8; decisions §6, Q19
    let http = |field| Condition::equals(field, "http");
    let locations = |based_on: &str| -> Vec<(Vec<Condition>, String)> {
        let yaml = cafe(&format!(
            "tls: {{redirect: {{enable: true, code: 308{based_on}}}}}\n\
             routes: [{{path: =/a, action: {{pass: tea}}}}]"
        ));
        let mut routes = routes(&yaml);
        let last = routes.pop().unwrap();
        assert!(matches!(last.path, PathPattern::Exact(_)));
        let told = routes.into_iter().map(|route| {
            let Action::Redirect(redirect) = route.action else { panic!() };
            assert_eq!(redirect.status, StatusCode::PERMANENT_REDIRECT);
            let Location::Url(url) = &redirect.location else { panic!() };
            (route.conditions, text(url))
        });
        told.collect()
    };
    let by_scheme = vec![(vec![http(Field::Scheme)], "https://<host><request target>".to_owned())];
    assert_eq!(locations(""), by_scheme);
    assert_eq!(locations(", basedOn: scheme"), by_scheme);
    let by_header = locations(", basedOn: x-forwarded-proto");
    let forwarded = http(Field::Header("x-forwarded-proto".into()));
    assert_eq!(by_header.len(), 2);
    assert!(by_header.iter().all(|(conditions, _)| conditions[0] == forwarded));
    assert_eq!(by_header[0].1, "https://<host><request target>");
    let Test::Matches { regex, .. } = &by_header[0].0[1].test else { panic!() };
    for (authority, default) in [
        ("cafe.example.com:80", true),
        ("cafe.example.com:443", true),
        ("cafe.example.com:8443", false),
        ("cafe.example.com:8080", false),
    ] {
        assert_eq!(regex.is_match(authority.as_bytes()), default, "{authority}");
    }
    assert_eq!(by_header[1].1, "https://<header `host`><request target>");
    assert_eq!(routes(&cafe("tls: {redirect: {code: 302}}\nroutes: []")), []);
}

#[test]
fn listeners_and_classes() {
    // virtualserver §1, §8
    let options = Options { http_port: 8080, https_port: 8443, ..Options::default() };
    let sockets = |yaml: &str| -> Vec<String> {
        let translation = translation(yaml, &options);
        let list = &translation.rules.listeners;
        let socket = |l: &crate::rules::Listener| {
            format!("{} {} {} {}", l.name, l.protocol.as_str(), l.port, l.hosts[0].hostname)
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

#[test]
fn statuses() {
    // virtualserver §1
    for (spec, want) in [
        ("routes: [{path: /, action: {pass: tea}}]", "Valid AddedOrUpdated true: "),
        (
            "gunzip: true\nroutes: [{path: /, route: x}]",
            "Warning AddedOrUpdatedWithWarning true: spec.gunzip: `gunzip` is not supported and \
             has no effect; spec.routes[0].route: delegation to VirtualServerRoutes is not \
             supported: the path answers 500",
        ),
        (
            "gunzip: true\nroutes: [{path: a, action: {pass: tee}}, {path: /, action: {pass: 1}}]",
            "Invalid Rejected false: spec.routes[1].action.pass: expected text, found the number \
             `1`; spec.routes[0].path: `a` does not begin with `/`, `=`, `^~`, `~` or `~*`; \
             spec.routes[0].action.pass: no upstream is named `tee`",
        ),
    ] {
        let translation = translation(&cafe(spec), &Options::default());
        assert_eq!(translation.statuses.len(), 1, "{spec}");
        let status = &translation.statuses[0];
        assert_eq!(&*status.api_version, "k8s.nginx.org/v1");
        let state = status.state.as_ref().unwrap();
        let got = format!("{} {} {}: {}", state.kind, state.reason, state.status, state.message);
        assert_eq!(got, want, "{spec}");
    }
}

#[test]
fn trailing_slashes_of_single_actions_only() {
    // virtualserver §9.2
    for (path, route, want) in [
        ("/x/", "action: {pass: tea}", true),
        ("/x/", "action: {return: {body: x}}", true),
        (
            "/x/",
            "matches: [{conditions: [{header: a}], action: {pass: tea}}]\naction: {pass: tea}",
            false,
        ),
        (
            "/x/",
            "splits: [{weight: 50, action: {pass: tea}}, {weight: 50, action: {pass: tea}}]",
            false,
        ),
        ("/x", "action: {pass: tea}", false),
        ("~/x/", "action: {pass: tea}", false),
    ] {
        let routes = routes(&one_route(path, route));
        let redirects = matches!(&routes[0].action, Action::Redirect(r)
            if matches!(&r.location, Location::Parts { scheme: None, host: None, port: None, .. }));
        assert_eq!(redirects, want, "{path} {route}");
    }
}

#[test]
fn splits_keep_their_order() {
    // virtualserver §5.4: 0 and 100 are legal
    let Action::Split(split) = action(
        "/",
        "splits: [{weight: 0, action: {pass: tea}}, {weight: 100, action: {pass: coffee}}]",
    ) else {
        panic!()
    };
    let Split { branches, origin, .. } = &*split;
    assert_eq!(branches.iter().map(|b| b.weight).collect::<Vec<_>>(), [0, 100]);
    assert_eq!(&*origin.field, "spec.routes[0].splits");
    assert_eq!(&*branches[1].origin.field, "spec.routes[0].splits[1]");
}
