//! The filter `ExternalAuth` (gateway-api §13.4).

use super::super::external_auth::{ExternalAuth, ExternalAuthProtocol};
use super::super::filter::FilterKind;
use super::{experimental, rule, rule_problems};
use http::header::{AUTHORIZATION, COOKIE};

const BACKEND: &str = "backendRef: {name: auth, port: 9000}";

fn filter(block: &str) -> String {
    format!("    filters: [{{type: ExternalAuth, externalAuth: {{{block}}}}}]")
}

fn read(block: &str) -> ExternalAuth {
    let rule = rule(&filter(&format!("{BACKEND}, {block}")));
    let FilterKind::ExternalAuth(auth) = &rule.filters[0].kind else { panic!("{rule:?}") };
    auth.clone()
}

#[test]
fn it_is_asked_in_one_of_two_protocols() {
    // gateway-api §13.4
    let http = |path: &str, allowed_headers, allowed_response_headers| ExternalAuthProtocol::Http {
        path: path.into(),
        allowed_headers,
        allowed_response_headers,
    };
    for (block, protocol, max_body) in [
        ("protocol: HTTP, http: {}", http("", vec![], vec![]), 0),
        (
            "protocol: HTTP, http: {path: /check, allowedHeaders: [Cookie], allowedResponseHeaders: [Authorization]}, forwardBody: {}",
            http("/check", vec![COOKIE], vec![AUTHORIZATION]),
            0,
        ),
        (
            "protocol: GRPC, grpc: {allowedHeaders: [Cookie, cookie]}, forwardBody: {maxSize: 65536}",
            ExternalAuthProtocol::Grpc { allowed_headers: vec![COOKIE, COOKIE] },
            65536,
        ),
    ] {
        let got = read(block);
        assert_eq!((&got.protocol, got.max_body), (&protocol, max_body), "{block}");
        assert_eq!((&*got.target.name, got.target.port), ("auth", Some(9000)), "{block}");
    }
    let fields = filter(&format!("{BACKEND}, protocol: HTTP, http: {{}}"));
    assert_eq!(experimental("HTTPRoute", &fields), ["spec.rules[0].filters[0].externalAuth"]);
}

#[test]
fn what_is_wrong_with_it_is_said() {
    // gateway-api §13.4, §25
    let at = "spec.rules[0].filters[0].externalAuth";
    let of = |block: &str| format!("{BACKEND}, {block}");
    let long = "a".repeat(1025);
    let names = (0..65).map(|i| format!("a{i}")).collect::<Vec<_>>().join(", ");
    let help = "blanks and characters beyond ASCII are written as percent-escapes";
    for (block, want) in [
        (
            String::new(),
            vec![
                format!("{at}.protocol: required field `protocol` is missing"),
                format!("{at}.backendRef: required field `backendRef` is missing"),
            ],
        ),
        (
            of("protocol: HTTP"),
            vec![format!("{at}: `externalAuth` of protocol `HTTP` needs `http`")],
        ),
        (
            of("protocol: GRPC"),
            vec![format!("{at}: `externalAuth` of protocol `GRPC` needs `grpc`")],
        ),
        (
            of("protocol: HTTP, http: {}, grpc: {}"),
            vec![format!("{at}: `externalAuth` of protocol `HTTP` cannot have `grpc`")],
        ),
        (
            of("protocol: GRPC, http: {}"),
            vec![
                format!("{at}: `externalAuth` of protocol `GRPC` needs `grpc`"),
                format!("{at}: `externalAuth` of protocol `GRPC` cannot have `http`"),
            ],
        ),
        (
            of("protocol: http, http: {}, https: {}"),
            vec![
                format!(
                    "{at}.protocol: `http` is not one of `HTTP`, `GRPC` (did you mean `HTTP`?)"
                ),
                format!("{at}.https: unknown field `https` (did you mean `http`?)"),
            ],
        ),
        (
            "protocol: HTTP, http: {}, backendRef: {name: auth}".into(),
            vec![format!("{at}.backendRef: a reference to a Service needs a `port`")],
        ),
        (of("protocol: HTTP, http: {path: 'a%20b/./-._~!$&()*+,;=:@'}"), vec![]),
        (
            of("protocol: HTTP, http: {path: ''}"),
            vec![format!("{at}.http.path: a path must not be empty")],
        ),
        (
            of("protocol: HTTP, http: {path: '/a b'}"),
            vec![format!("{at}.http.path: `/a b` is not a path ({help})")],
        ),
        (
            of("protocol: HTTP, http: {path: '/a?b'}"),
            vec![format!("{at}.http.path: `/a?b` is not a path ({help})")],
        ),
        (
            of("protocol: HTTP, http: {path: '/a%2'}"),
            vec![format!("{at}.http.path: `/a%2` is not a path ({help})")],
        ),
        (
            of("protocol: HTTP, http: {path: '%2g'}"),
            vec![format!("{at}.http.path: `%2g` is not a path ({help})")],
        ),
        (
            of(&format!("protocol: HTTP, http: {{path: {long}}}")),
            vec![format!("{at}.http.path: a path has at most 1024 characters, found 1025")],
        ),
        (
            of(
                "protocol: HTTP, http: {allowedHeaders: [a, a], allowedResponseHeaders: ['b c', b, b]}",
            ),
            vec![
                format!("{at}.http.allowedHeaders[1]: `a` stands here a second time"),
                format!(
                    "{at}.http.allowedResponseHeaders[0]: `b c` is not a header name (it is made of letters, digits and ``!#$%&'*+-.^_`|~``)"
                ),
                format!("{at}.http.allowedResponseHeaders[2]: `b` stands here a second time"),
            ],
        ),
        (
            of(&format!(
                "protocol: HTTP, http: {{allowedHeaders: [{names}], allowedResponseHeaders: [{names}]}}"
            )),
            vec![
                format!("{at}.http.allowedHeaders: at most 64 entries are allowed, found 65"),
                format!(
                    "{at}.http.allowedResponseHeaders: at most 64 entries are allowed, found 65"
                ),
            ],
        ),
        (
            of(&format!("protocol: GRPC, grpc: {{allowedHeaders: [{names}]}}")),
            vec![format!("{at}.grpc.allowedHeaders: at most 64 entries are allowed, found 65")],
        ),
        (
            of("protocol: GRPC, grpc: {path: /}, forwardBody: {maxSize: -1}"),
            vec![
                format!("{at}.grpc.path: unknown field `path` (known are `allowedHeaders`)"),
                format!("{at}.forwardBody.maxSize: `-1` is below 0"),
            ],
        ),
    ] {
        assert_eq!(rule_problems(&filter(&block)), want, "{block}");
    }
    let auth =
        format!("{{type: ExternalAuth, externalAuth: {{{BACKEND}, protocol: HTTP, http: {{}}}}}}");
    assert_eq!(
        rule_problems(&format!("    filters: [{auth}, {auth}]")),
        ["spec.rules[0].filters[1]: a list has at most one `ExternalAuth` filter"]
    );
}
