//! Who is asked about requests (gateway-api §13.4).

use super::in_force::*;
use super::*;
use crate::decision::{Decision, Outcome, Step, Verdict};
use crate::request::RequestHead;
use crate::rules::{AuthCheck, AuthProtocol, AuthRequest};

fn filter(fields: &str) -> String {
    format!("{{type: ExternalAuth, externalAuth: {{{fields}}}}}")
}

const HTTP: &str = "protocol: HTTP, http: {}, backendRef: {name: auth, port: 9000}";
const CORS: &str = "{type: CORS, cors: {allowOrigins: ['https://a.test']}}";

fn with_filters(filters: &str, more: &[String]) -> InForce {
    let fields = format!("    filters: [{filters}]\n    backendRefs: [{{name: s, port: 80}}]");
    let documents = [
        &[
            GATEWAY.to_owned(),
            rule(&fields),
            service("s", "", "ports: [{port: 80}]"),
            service("auth", "", "ports: [{port: 9000}]"),
        ],
        more,
    ]
    .concat();
    in_force(&Options::default(), &documents)
}

fn check<'r>(decision: &Decision<'r>) -> &'r AuthCheck {
    match decision.policies().and_then(|policies| policies.auth_request.as_ref()) {
        Some(AuthRequest::Check(check)) => check,
        other => panic!("{other:?}"),
    }
}

#[test]
fn questions_are_put_as_the_filter_says() {
    // gateway-api §13.4
    let names = |names: &[&'static str]| {
        names.iter().map(|name| http::HeaderName::from_static(name)).collect::<Vec<_>>()
    };
    let http =
        |path: &str, request: &[&'static str], response: &[&'static str]| AuthProtocol::Http {
            path: path.into(),
            request_headers: names(request),
            response_headers: names(response),
        };
    let grpc = |request: &[&'static str]| AuthProtocol::Grpc { request_headers: names(request) };
    for (fields, want, max_body) in [
        ("protocol: HTTP, http: {}", http("", &[], &[]), 0),
        ("protocol: HTTP, http: {path: /check}", http("/check", &[], &[]), 0),
        (
            "protocol: HTTP, http: {allowedHeaders: [X-A, cookie], allowedResponseHeaders: [X-User]}",
            http("", &["x-a", "cookie"], &["x-user"]),
            0,
        ),
        ("protocol: HTTP, http: {}, forwardBody: {}", http("", &[], &[]), 0),
        ("protocol: HTTP, http: {}, forwardBody: {maxSize: 0}", http("", &[], &[]), 0),
        ("protocol: HTTP, http: {}, forwardBody: {maxSize: 1024}", http("", &[], &[]), 1024),
        ("protocol: GRPC, grpc: {}", grpc(&[]), 0),
        ("protocol: GRPC, grpc: {allowedHeaders: [X-B]}", grpc(&["x-b"]), 0),
        ("protocol: GRPC, grpc: {}, forwardBody: {maxSize: 7}", grpc(&[]), 7),
    ] {
        let got = with_filters(
            &filter(&format!("{fields}, backendRef: {{name: auth, port: 9000}}")),
            &[],
        );
        assert_eq!(got.told(), [""; 0], "{fields}");
        let request = RequestHead::get("x", "/");
        let decision = got.decide(&request, 0);
        assert!(matches!(decision.verdict(), Verdict::Guarded), "{fields}");
        let check = check(&decision);
        assert_eq!(check.protocol, want, "{fields}");
        assert_eq!(check.max_body, max_body, "{fields}");
        let target = &got.translation.rules.service(check.target.service).name;
        assert_eq!((target.to_string(), check.target.port), ("default/auth".into(), 9000));
        assert_eq!(&*check.name, "default/auth:9000", "{fields}");
        assert!(!check.before_cors && check.tls.is_none() && check.certificate.is_none());
        assert_eq!(check.origin.field.to_string(), "spec.rules[0].filters[0]");
        assert_eq!(decision.steps(&request), [Step::AuthCheck(check)], "{fields}");
        // Once it has passed, the request goes on.
        assert_eq!(in_force::target(&decision), "default/s:80", "{fields}");
    }
}

#[test]
fn a_service_that_cannot_be_asked_closes_the_rule() {
    // gateway-api §13.4, §15.2: nothing passes unasked.
    let other = [
        service("auth", "namespace: other", "ports: [{port: 9000}]"),
        service("open", "namespace: other", "ports: [{port: 9000}]"),
        service("outside", "", "type: ExternalName, externalName: x.test, ports: [{port: 9000}]"),
        grant("other", ("HTTPRoute", "default"), "kind: Service, name: open"),
        grant("other", ("GRPCRoute", "default"), "kind: Service"),
    ];
    for (reference, want) in [
        ("name: auth, port: 9000", "true/ResolvedRefs"),
        ("name: open, namespace: other, port: 9000", "true/ResolvedRefs"),
        ("name: auth, port: 9001", "false/BackendNotFound"),
        ("name: missing, port: 9000", "false/BackendNotFound"),
        ("group: x.test, kind: Auth, name: auth", "false/InvalidKind"),
        ("name: outside, port: 9000", "false/InvalidKind"),
        ("name: auth, namespace: other, port: 9000", "false/RefNotPermitted"),
        ("name: missing, namespace: other, port: 9000", "false/RefNotPermitted"),
    ] {
        let fields = format!("protocol: HTTP, http: {{}}, backendRef: {{{reference}}}");
        let got = with_filters(&filter(&fields), &other);
        assert_eq!(got.condition("HTTPRoute", "r", "gw ResolvedRefs"), want, "{reference}");
        assert_eq!(got.condition("HTTPRoute", "r", "gw Accepted"), "true/Accepted", "{reference}");
        let answer = if want.starts_with("true") { "default/s:80" } else { "500" };
        let decision = got.get("x/", 0);
        assert_eq!(target(&decision), answer, "{reference}");
        assert_eq!(matches!(decision.verdict(), Verdict::Guarded), answer != "500", "{reference}");
    }
}

#[test]
fn the_service_is_asked_as_its_policy_says() {
    // gateway-api §20.3
    let policy = |validation: &str| {
        tls_policy("p", "", "{group: '', kind: Service, name: auth}", validation)
    };
    let got = with_filters(&filter(HTTP), &[policy("wellKnownCACertificates: System")]);
    let tls = check(&got.get("x/", 0)).tls.clone().unwrap();
    assert_eq!(tls.server_name.as_deref(), Some("p.example"));
    // One that cannot be met: nobody is asked in plain, and nothing passes.
    let got = with_filters(&filter(HTTP), &[policy("wellKnownCACertificates: x.test/y")]);
    assert_eq!(target(&got.get("x/", 0)), "500");
}

#[test]
fn nobody_is_asked_at_a_backend() {
    // gateway-api §13: no filter is skipped.
    let fields = format!(
        "    backendRefs:\n    - {{name: s, port: 80, filters: [{}]}}\n    - {{name: t, port: 80}}",
        filter(HTTP)
    );
    let got = in_force(&default_options(), &[GATEWAY.to_owned(), rule(&fields)]);
    assert_eq!(target(&got.get("x/", 0)), "500");
    assert_eq!(target(&got.get("x/", u64::MAX)), "default/t:80");
    assert_eq!(
        got.told(),
        ["unsupported-filter: the filter `ExternalAuth` is not supported at a backend"]
    );
}

/// The steps of a request, one word each.
fn steps(got: &InForce, request: &RequestHead<'_>) -> String {
    let decision = got.decide(request, 0);
    let say = |step: &Step<'_>| match step {
        Step::AuthCheck(_) => "ask".to_owned(),
        Step::Preflight(_) => "preflight".to_owned(),
        Step::Refuse(refusal) => refusal.status.as_u16().to_string(),
        other => panic!("{other:?}"),
    };
    let steps: Vec<String> = decision.steps(request).iter().map(say).collect();
    let guarded = matches!(decision.verdict(), Verdict::Guarded);
    assert_eq!(guarded, !steps.is_empty());
    steps.join(" ")
}

#[test]
fn preflights_are_asked_about_where_the_question_comes_first() {
    // gateway-api §13: in the order of the list; §13.3
    let ask = filter(HTTP);
    let redirect = "{type: RequestRedirect, requestRedirect: {hostname: b.test}}";
    let origin = ("origin", "https://a.test");
    let asks_for = [origin, ("access-control-request-method", "PUT")];
    let preflight = RequestHead::new("OPTIONS", "x", "/").headers(&asks_for);
    let foreign = [("origin", "https://b.test"), asks_for[1]];
    let of_others = RequestHead::new("OPTIONS", "x", "/").headers(&foreign);
    let with_origin = [origin];
    let cross = RequestHead::get("x", "/").headers(&with_origin);
    let plain = RequestHead::new("OPTIONS", "x", "/");
    for (filters, want, warnings) in [
        (format!("{CORS}, {ask}"), ["preflight", "preflight", "ask", "ask"], 0),
        (format!("{ask}, {CORS}"), ["ask preflight", "ask preflight", "ask", "ask"], 1),
        (ask.clone(), ["ask", "ask", "ask", "ask"], 0),
        (CORS.to_owned(), ["preflight", "preflight", "", ""], 0),
    ] {
        let got = with_filters(&filters, &[]);
        let found = [&preflight, &of_others, &cross, &plain].map(|request| steps(&got, request));
        assert_eq!(found, want, "{filters}");
        let told = got.told();
        let warned = told.iter().filter(|text| text.starts_with("auth-before-cors: ")).count();
        assert_eq!((warned, told.len()), (warnings, warnings), "{filters} {told:?}");
        if filters.contains("ExternalAuth") {
            let decision = got.decide(&preflight, 0);
            assert_eq!(check(&decision).before_cors, warnings == 1, "{filters}");
        }
    }
    // Filters of a backend come after all of the rule's.
    let fields = format!(
        "    filters: [{ask}]\n    backendRefs: [{{name: s, port: 80, filters: [{CORS}]}}]"
    );
    let got = in_force(&default_options(), &[GATEWAY.to_owned(), rule(&fields)]);
    let found = [&preflight, &cross, &plain].map(|request| steps(&got, request));
    assert_eq!(found, ["ask preflight", "ask", "ask"]);
    // A redirect comes last.
    let fields = format!("    filters: [{redirect}, {CORS}, {ask}]");
    let got = in_force(&default_options(), &[GATEWAY.to_owned(), rule(&fields)]);
    let found = [&preflight, &cross, &plain].map(|request| steps(&got, request));
    assert_eq!(found, ["preflight", "ask", "ask"]);
    let outcome = got.decide(&plain, 0).admitted();
    assert!(matches!(outcome, Outcome::Redirect(_)), "{outcome:?}");
}

#[test]
fn the_question_belongs_to_the_experimental_channel() {
    // gateway-api §1
    let fields =
        format!("    filters: [{}]\n    backendRefs: [{{name: s, port: 80}}]", filter(HTTP));
    let options = Options { channel: super::super::Channel::Standard, ..default_options() };
    let got = translated(&options, &[GATEWAY.to_owned(), rule(&fields)]);
    assert_eq!(got.refused, ["HTTPRoute default/r"]);
}
