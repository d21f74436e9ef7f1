//! What is refused, withheld or without effect, and what is told of it.

use super::*;
use proptest::prelude::*;

#[test]
fn slips_of_the_first_example_get_help() {
    // smi §9.3: the indentation of the first example as it is often seen
    for (yaml, want) in [
        (
            server("host: a.example\nupstreams:\n  -name: tea\n"),
            "error[wrong-type]: spec.upstreams: expected a list, found a mapping; did you mean \
             `- name:`? YAML needs a blank after the dash",
        ),
        (
            server("host: a.example\nupstreams:\n-name: tea\n"),
            "warning[unknown-field]: spec.-name: unknown field `-name`; did you mean `- name:`? \
             YAML needs a blank after the dash",
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
                 look-around is not supported (at character 1 of the expression)",
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
                "error[conflicting-fields]: spec.routes[2]: `matches` cannot stand beside a \
                 delegation to VirtualServerRoutes",
                "error[missing-field]: spec.routes[3].action: expected exactly one of `pass`, \
                 `redirect`, `return` or `proxy`, found none of them",
                "error[conflicting-fields]: spec.routes[4].action: expected exactly one of `pass`, \
                 `redirect`, `return` or `proxy`, found `pass` and `return`",
                "error[missing-field]: spec.routes[5].path: `path` must not be empty",
                "error[missing-field]: spec.routes[6].path: required field `path` is missing",
                "warning[not-found]: spec.routes[2].route: there is no VirtualServerRoute \
                 `shop/other`; nothing is served for it",
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
        let routes = &translation.rules.listeners[0].hosts.sorted()[0].routes;
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
fn the_last_good_version_comes_back() {
    // decisions §5
    let read = |route: &str| {
        let mut resources = Resources::default();
        resources.add_yaml("shop.yaml", cafe(&format!("routes: [{{path: /, {route}}}]")));
        resources
    };
    let good = read("action: {pass: tea}");
    for bad in ["action: {pass: tee}", "action: pass"] {
        let mut resources = read(bad);
        let refused = translate(&resources, &Options::default()).refused;
        assert_eq!(resources.restore(&refused, &good).len(), 1, "{bad}");
        let translation = translate(&resources, &Options::default());
        assert_eq!(translation.rules.route_count(), 1, "{bad}");
        assert!(translation.refused.is_empty(), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// decisions §5: nothing in a document can make the engine panic; what is refused is told.
    #[test]
    fn any_texts_are_safe(texts in prop::collection::vec(
        prop_oneof![
            any::<String>(),
            "[=~^*!/{}$\\\\a.:1ms\"( -]{0,12}",
            "[/~=^]{1,3}(a|\\{b\\}|/|\\$\\{host\\}|\\$1){0,4}",
        ],
        18,
    )) {
        let mut texts = texts.iter().map(|text| format!("{text:?}").replace("\\u{", "u{"));
        let mut next = || texts.next().unwrap_or_default();
        let yaml = server(&format!(
            "host: {}\n\
             upstreams: [{{name: tea, service: {}, port: 80, connect-timeout: {}, \
             client-max-body-size: {}, next-upstream: {}, lb-method: {}}}]\n\
             routes:\n\
             - {{path: {}, matches: [{{conditions: [{{variable: $args, value: {}}}, {{cookie: {}, \
             value: {}}}], action: {{proxy: {{upstream: tea, rewritePath: {}}}}}}}]}}\n\
             - {{path: {}, action: {{proxy: {{upstream: tea, rewritePath: {}, requestHeaders: \
             {{set: [{{name: {}, value: {}}}]}}}}}}}}\n\
             - {{path: {}, action: {{return: {{body: {}, type: {}}}}}}}",
            next(), next(), next(), next(), next(), next(), next(), next(), next(), next(),
            next(), next(), next(), next(), next(), next(), next(), next(),
        ));
        let translation = translation(&yaml, &Options::default());
        let error = |d: &Diagnostic| d.severity == crate::Severity::Error;
        prop_assert_eq!(
            translation.rules.route_count() == 0,
            translation.diagnostics.iter().any(error),
            "{}", yaml
        );
    }
}

#[test]
fn too_many_conditions_refuse_their_object_alone() {
    // decisions §5: what compiling would refuse, with all other objects, is refused here
    let with = |count: usize| {
        let conditions = "{header: x, value: a}, ".repeat(count);
        let server = |name: &str, rest: &str| {
            format!(
                "---\napiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {{name: {name}}}\n\
                 spec:\n  host: {name}.example\n  routes:\n  - path: /\n{rest}    \
                 action: {{return: {{body: a}}}}\n"
            )
        };
        let matches = format!(
            "    matches: [{{conditions: [{conditions}], action: {{return: {{body: b}}}}}}]\n"
        );
        let mut resources = crate::Resources::new();
        resources.add_yaml("f.yaml", server("a", &matches) + &server("b", ""));
        let translation = crate::translate(&resources, &crate::Options::default());
        assert!(crate::Router::compile(&translation.rules).is_ok(), "{count}");
        translation.refused.len()
    };
    assert_eq!((with(256), with(257)), (0, 1));
}
