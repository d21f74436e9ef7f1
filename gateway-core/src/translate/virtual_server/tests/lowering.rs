//! What fields become.

use super::*;

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
            let action = translation.rules.listeners[0].hosts.sorted()[0].routes[0].action.clone();
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
        "action: {proxy: {upstream: tea, responseHeaders: {pass: [ETag], ignore: [Vary]}}}",
    );
    assert_eq!(
        told(&translation(&notices, &Options::default()).diagnostics),
        [
            "notice[no-effect]: spec.routes[0].action.proxy.responseHeaders.pass[0]: `ETag` is \
         passed anyway, as far as it can be",
            "notice[no-effect]: spec.routes[0].action.proxy.responseHeaders.ignore[0]: `Vary` has no \
         effect that could be ignored",
        ]
    );
}

#[test]
fn what_backends_tell_of_themselves_is_hidden() {
    // virtualserver §12.3: `pass` wins over what is hidden unasked, and over `hide`
    let forward = |headers: &str| {
        let route = format!("action: {{proxy: {{upstream: tea, responseHeaders: {headers}}}}}");
        let Action::Forward(forward) = action("/", &route) else { panic!() };
        let names = |list: &[HeaderName]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let ops = &forward.response_headers;
        [names(&ops.hidden).join(" "), names(&ops.remove).join(" ")]
    };
    let accel = "x-accel-redirect x-accel-expires x-accel-limit-rate x-accel-buffering \
                 x-accel-charset";
    let all = format!("date server x-pad {accel}");
    assert_eq!(forward("{}"), [&*all, ""]);
    assert_eq!(forward("{hide: [X-A, Server]}"), [&*all, "x-a server"]);
    assert_eq!(forward("{pass: [SERVER, X-Pad]}"), [&*format!("date {accel}"), ""]);
    let Action::Forward(plain) = action("/", "action: {pass: tea}") else { panic!() };
    assert_eq!(plain.response_headers.hidden.len(), 8);
    assert!(plain.request_headers.drop_unusual);

    let both = one_route(
        "/",
        "action: {proxy: {upstream: tea, responseHeaders: {hide: [X-A, X-B], pass: [x-a]}}}",
    );
    let translation = translation(&both, &Options::default());
    assert_eq!(
        told(&translation.diagnostics),
        ["warning[no-effect]: spec.routes[0].action.proxy.responseHeaders.hide[0]: `X-A` is not \
             hidden, since `pass` names it"]
    );
    let Action::Forward(forward) =
        &translation.rules.listeners[0].hosts.sorted()[0].routes[0].action
    else {
        panic!()
    };
    assert_eq!(forward.response_headers.remove, ["x-b"]);
}

#[test]
fn tls_redirects_go_first() {
    // virtualserver §8; decisions §6, Q19
    let http = |field| Condition::equals(field, "http");
    let locations = |based_on: &str| -> Vec<(Vec<Condition>, String)> {
        let yaml = cafe(&format!(
            "tls: {{secret: cafe, redirect: {{enable: true, code: 308{based_on}}}}}\n\
             routes: [{{path: =/a, action: {{pass: tea}}}}]"
        ));
        let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: cafe, namespace: shop}\n\
                      type: kubernetes.io/tls\nstringData: {tls.crt: '-----BEGIN CERTIFICATE-----', \
                      tls.key: '-----BEGIN PRIVATE KEY-----'}\n";
        let mut routes = routes(&format!("{yaml}\n---\n{secret}"));
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
    assert_eq!(routes(&cafe("tls: {redirect: {enable: false, code: 302}}\nroutes: []")), []);
}

#[test]
fn a_host_without_certificate_is_served_all_the_same() {
    // virtualserver §8: secret missing, of the wrong type, invalid
    let server = cafe("tls: {secret: cert}\nroutes: [{path: /, action: {pass: tea}}]");
    for (secret, want) in [
        (CERTIFICATE.to_owned(), None),
        (
            CERTIFICATE.replace("name: cert", "name: cret"),
            Some("[not-found]: spec.tls.secret: there is no Secret `shop/cert`"),
        ),
        (
            CERTIFICATE.replace("kubernetes.io/tls", "nginx.org/ca"),
            Some(
                "[invalid-value]: spec.tls.secret: Secret `shop/cert` has type `nginx.org/ca`, but \
                 `kubernetes.io/tls` is needed",
            ),
        ),
        (
            CERTIFICATE.replace("PRIVATE KEY", "KEY"),
            Some(
                "[invalid-value]: spec.tls.secret: `tls.key` of Secret `shop/cert` holds no PRIVATE \
                 KEY in PEM",
            ),
        ),
    ] {
        let translation = translation(&joined(&[server.clone(), secret]), &Options::default());
        let told = told(&translation.diagnostics);
        let help = if told.iter().any(|t| t.contains("not-found")) {
            "; did you mean `cret`?"
        } else {
            ""
        };
        let want =
            want.map(|want| format!("warning{want}; TLS handshakes for the host fail{help}"));
        assert_eq!(told, Vec::from_iter(want));
        assert_eq!(served(&translation), ["prefix `/`: tea"]);
    }
}

#[test]
fn backends_see_the_protocol_that_redirects_go_by() {
    // virtualserver §8
    let set = |forward: &Forward| -> Vec<String> {
        let set = forward.request_headers.set.iter();
        set.map(|edit| format!("{}: {}", edit.name, text(&edit.value))).collect()
    };
    let protos = |redirect: &str| -> Vec<Vec<String>> {
        let server = cafe(&format!(
            "tls: {{redirect: {{{redirect}}}}}\n\
             routes:\n\
             - {{path: /more, route: more}}\n\
             - {{path: /own, action: {{proxy: {{upstream: tea, requestHeaders: \
             {{set: [{{name: X-FORWARDED-PROTO, value: mine}}]}}}}}}}}\n\
             - path: /\n  matches:\n  - conditions: [{{header: X-A}}]\n    \
             splits: [{{weight: 1, action: {{pass: tea}}}}, {{weight: 99, action: {{pass: tea}}}}]\n  \
             action: {{pass: tea}}"
        ));
        let more = subroutes("shop/more", "{path: /more, action: {pass: more}}");
        let translation = translation(&joined(&[server, more]), &Options::default());
        let routes = translation.rules.listeners[0].hosts.sorted()[0].routes.iter();
        routes.flat_map(|route| route.action.forwards()).map(set).collect()
    };
    let (own, none) = (vec!["x-forwarded-proto: mine".to_owned()], Vec::new());
    let client = vec!["x-forwarded-proto: <header `x-forwarded-proto`>".to_owned()];
    assert_eq!(
        protos("enable: true, basedOn: x-forwarded-proto"),
        [&client, &own, &client, &client, &client].map(Vec::clone)
    );
    for other in ["enable: false, basedOn: x-forwarded-proto", "enable: true", ""] {
        assert_eq!(protos(other), [&none, &own, &none, &none, &none].map(Vec::clone), "{other}");
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
