//! What keeps clients where they were (gateway-api §17).

use super::in_force::*;
use super::*;
use crate::decision::Outcome;
use crate::request::RequestHead;
use crate::rules::{Session, SessionName};
use std::collections::BTreeSet;

const BACKENDS: &str =
    "backendRefs: [{name: a, port: 80}, {name: b, namespace: default, port: 81}]";

/// Name, path and lifetime of what carries a session.
fn carrier(session: &Session) -> String {
    match &session.name {
        SessionName::Header(name) => format!("header {name}"),
        SessionName::Cookie { name, path, permanent } => {
            format!("cookie {name} {path}{}", if *permanent { " permanent" } else { "" })
        }
    }
}

/// The session of a route's only rule.
fn session(fields: &str, kind: &str) -> Arc<Session> {
    let fields = format!("    {BACKENDS}\n    sessionPersistence: {fields}");
    let text = if kind == "GRPCRoute" { grpc_rule(&fields) } else { rule(&fields) };
    let got = clean(&[GATEWAY.to_owned(), text]);
    let Action::Split(split) = got.action() else { panic!("{:?}", got.action()) };
    let session = split.session.clone().unwrap();
    // Whoever is sent somewhere has the session of the rule.
    for branch in &split.branches {
        let Action::Forward(forward) = &branch.action else { panic!("{branch:?}") };
        assert_eq!(forward.session.as_ref(), Some(&session));
    }
    session
}

#[test]
fn sessions_are_carried_by_a_cookie_or_a_header() {
    // gateway-api §17
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (fields, want, timeout) in [
        ("{cookie: {name: c}}", "cookie c /", None),
        ("{type: Cookie, cookie: {name: c, path: /x}}", "cookie c /x", None),
        (
            "{absoluteTimeout: 1h, cookie: {name: c, lifetimeType: Session}}",
            "cookie c /",
            seconds(3600),
        ),
        (
            "{absoluteTimeout: 90s, cookie: {name: c, lifetimeType: Permanent}}",
            "cookie c / permanent",
            seconds(90),
        ),
        ("{type: Header, header: {name: X-Session}}", "header x-session", None),
        ("{type: Header, absoluteTimeout: 1m, header: {name: x-s}}", "header x-s", seconds(60)),
    ] {
        for kind in ["HTTPRoute", "GRPCRoute"] {
            let session = session(fields, kind);
            assert_eq!(carrier(&session), want, "{kind} {fields}");
            assert_eq!(session.absolute_timeout, timeout, "{kind} {fields}");
            let backends: Vec<&str> = session.backends.iter().map(|name| &**name).collect();
            assert_eq!(backends, ["default/a:80", "default/b:81"], "{kind} {fields}");
            assert_eq!(session.origin.field.to_string(), "spec.rules[0].sessionPersistence");
        }
    }
}

/// A rule of a path with a session.
fn one_rule(path: &str, fields: &str) -> String {
    format!("{{matches: [{{path: {{value: {path}}}}}], {BACKENDS}, sessionPersistence: {fields}}}")
}

fn with_rules(rules: &[String]) -> String {
    let rules = rules.join(", ");
    route("r", "", &format!("  parentRefs: [{{name: gw}}]\n  rules: [{rules}]"))
}

fn sessions(got: &Translated) -> Vec<Arc<Session>> {
    let of = |route: &Route| match &route.action {
        Action::Split(split) => split.session.clone().unwrap(),
        Action::Forward(forward) => forward.session.clone().unwrap(),
        other => panic!("{other:?}"),
    };
    got.claims.iter().flat_map(|claim| claim.routes.iter().map(of)).collect()
}

#[test]
fn generated_names_are_told_apart_and_stay() {
    // gateway-api §17: two rules never share a session.
    let rules = ["/a", "/b", "/c"].map(|path| one_rule(path, "{cookie: {}}"));
    let documents = [
        GATEWAY.to_owned(),
        with_rules(&rules),
        with_rules(&rules).replace("name: r,", "name: q,"),
        with_rules(&rules)
            .replace("HTTPRoute", "GRPCRoute")
            .replace("{path: {value: /a}}", "{method: {service: a}}")
            .replace("{path: {value: /b}}", "{method: {service: b}}")
            .replace("{path: {value: /c}}", "{method: {service: c}}")
            .replace("  parentRefs:", "  hostnames: [g.example]\n  parentRefs:"),
    ];
    let names = |documents: &[String]| {
        let got = translated(&default_options(), documents);
        let all = sessions(&got);
        let cookies: BTreeSet<String> = all.iter().map(|session| carrier(session)).collect();
        let attributes: BTreeSet<Box<str>> = all.iter().map(|s| s.attribute.clone()).collect();
        assert_eq!(attributes.len(), all.len(), "{attributes:?}");
        (all.len(), cookies)
    };
    let (count, cookies) = names(&documents[..3]);
    assert_eq!((count, cookies.len()), (6, 6), "{cookies:?}");
    for cookie in &cookies {
        let name = cookie.strip_prefix("cookie ").unwrap().strip_suffix(" /").unwrap();
        let token = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(name.chars().all(token) && !name.is_empty(), "{name}");
    }
    // Neither the order of documents nor what else there is has a say.
    let reversed: Vec<String> = documents[..3].iter().rev().cloned().collect();
    assert_eq!(names(&reversed).1, cookies);
    let (_, first) = names(&documents[..2]);
    assert!(first.is_subset(&cookies), "{first:?} {cookies:?}");
    // A GRPCRoute of that name is another route, here on a host without HTTPRoutes.
    let http = documents[1].replace("  parentRefs:", "  hostnames: [h.example]\n  parentRefs:");
    let (count, _) = names(&[documents[0].clone(), http, documents[3].clone()]);
    assert_eq!(count, 6);
}

#[test]
fn rules_of_all_kinds_have_cookies_of_their_own() {
    // gateway-api §17: an HTTPRoute and a GRPCRoute of one name do not share a generated cookie.
    let fields = format!("    {BACKENDS}\n    sessionPersistence: {{cookie: {{}}}}");
    let generated = |text: String| {
        let got = clean(&[GATEWAY.to_owned(), text]);
        carrier(&sessions(&got)[0])
    };
    assert_ne!(generated(rule(&fields)), generated(grpc_rule(&fields)));
}

#[test]
fn a_session_goes_before_weights() {
    // gateway-api §17
    let backends = "backendRefs: [{name: a, port: 80, weight: 1}, {name: b, port: 80, weight: 3}, \
                    {name: gone, port: 80, weight: 0}, {name: missing, port: 80, weight: 0}]";
    let rules = ["/one", "/two"].map(|path| {
        format!(
            "{{matches: [{{path: {{value: {path}}}}}], {backends}, sessionPersistence: {{cookie: {{}}}}}}"
        )
    });
    let only = "{matches: [{path: {value: /only}}], backendRefs: [{name: a, port: 80, weight: 0}], \
                sessionPersistence: {cookie: {}}}";
    let got = in_force(
        &Options::default(),
        &[
            GATEWAY.to_owned(),
            with_rules(&[rules[0].clone(), rules[1].clone(), only.to_owned()]),
            service("a", "", "ports: [{port: 80}]"),
            service("b", "", "ports: [{port: 80}]"),
            service("gone", "", "ports: [{port: 80}]"),
        ],
    );
    let attribute = |path: &str| {
        let decision = got.get(path, 0);
        match &decision.route().unwrap().action {
            Action::Split(split) => split.session.as_ref().unwrap().attribute.clone(),
            other => panic!("{other:?}"),
        }
    };
    let (one, two, only) = (attribute("x/one"), attribute("x/two"), attribute("x/only"));
    for (path, attributes, draw, want) in [
        ("/one", &[][..], 0, "default/a:80"),
        ("/one", &[], u64::MAX, "default/b:80"),
        ("/one", &[(&*one, "default/a:80")], u64::MAX, "default/a:80"),
        ("/one", &[(&*one, "default/b:80")], 0, "default/b:80"),
        // Of weight 0.
        ("/one", &[(&*one, "default/gone:80")], 0, "default/gone:80"),
        ("/only", &[(&*only, "default/a:80")], 0, "default/a:80"),
        ("/only", &[], 0, "500"),
        // An unknown backend is none: drawn anew.
        ("/one", &[(&*one, "default/x:80")], 0, "default/a:80"),
        ("/one", &[(&*one, "default/x:80")], u64::MAX, "default/b:80"),
        ("/one", &[(&*one, "default/a:81")], u64::MAX, "default/b:80"),
        ("/one", &[(&*one, "")], u64::MAX, "default/b:80"),
        // That of another rule says nothing here.
        ("/one", &[(&*two, "default/a:80")], u64::MAX, "default/b:80"),
        ("/two", &[(&*one, "default/b:80"), (&*two, "default/a:80")], u64::MAX, "default/a:80"),
    ] {
        let request = RequestHead::get("x", path).attributes(attributes);
        let decision = got.decide(&request, draw);
        assert_eq!(target(&decision), want, "{path} {attributes:?} {draw}");
        if let Outcome::Forward(to) = decision.admitted() {
            assert!(to.forward.session.is_some(), "{path}");
        }
    }
}

#[test]
fn rules_that_share_a_cookie_are_told_of() {
    // gateway-api §17
    for (first, second, want) in [
        ("{cookie: {name: c}}", "{cookie: {name: c}}", 1),
        ("{cookie: {name: c}}", "{cookie: {name: d}}", 0),
        ("{cookie: {name: c, path: /x}}", "{cookie: {name: c, path: /y}}", 0),
        ("{cookie: {}}", "{cookie: {}}", 0),
        ("{cookie: {name: c}}", "{type: Header, header: {name: c}}", 0),
    ] {
        let rules = [one_rule("/a", first), one_rule("/b", second)];
        let got = translated(&default_options(), &[GATEWAY.to_owned(), with_rules(&rules)]);
        assert_eq!(got.diagnostics.len(), want, "{first} {second} {:?}", got.diagnostics);
        if want == 1 {
            let start = "warning shared-session: spec.rules[1].sessionPersistence: ";
            assert!(got.diagnostics[0].starts_with(start), "{:?}", got.diagnostics);
        }
    }
}

#[test]
fn rules_without_a_session_have_none() {
    // gateway-api §17; `sessionPersistence` is of the experimental channel alone (§1).
    let got = clean(&[GATEWAY.to_owned(), rule("    backendRefs: [{name: s, port: 80}]")]);
    assert_eq!(got.forward().session, None);
    let documents = [GATEWAY.to_owned(), with_rules(&[one_rule("/", "{cookie: {name: c}}")])];
    let options = Options { channel: super::super::Channel::Standard, ..default_options() };
    let got = translated(&options, &documents);
    assert_eq!(got.refused, ["HTTPRoute default/r"]);
}
