//! HTTPRouteGroup (smi §4).

use super::*;

/// The matches that a split gets from one group with these matches.
fn matches(written: &str) -> Vec<GroupMatch> {
    let yaml = split("s", "  matches: [{kind: HTTPRouteGroup, name: g}]") + &group("g", written);
    let outcome = of(&yaml);
    assert_eq!(outcome.found(Severity::Error), [], "{written}: {:?}", outcome.diagnostics);
    outcome.service("tea").splits[0].matches.as_ref().unwrap().iter().cloned().collect()
}

fn holds(written: &str, request: &Request<'_>) -> bool {
    matches(written).iter().any(|m| m.conditions.iter().all(|c| request.meets(c)))
}

#[test]
fn the_conditions_of_section_12_hold_as_they_should() {
    let insider = [("User-Agent", "Linux; Android 14"), ("COOKIE", "a=b; type=insider")];
    for (written, method, path, headers, want) in [
        // smi H-6, H-9
        ("{pathRegex: /metrics, methods: [GET]}", "GET", "/metrics", &[][..], true),
        ("{pathRegex: /metrics, methods: [GET]}", "POST", "/metrics", &[], false),
        ("{pathRegex: /metrics, methods: [GET]}", "HEAD", "/metrics", &[], false),
        ("{pathRegex: /metrics, methods: [GET]}", "GET", "/metrics/a", &[], true),
        ("{pathRegex: /metrics, methods: [GET]}", "GET", "/x/metrics", &[], false),
        ("{pathRegex: /a|/b}", "GET", "/a", &[], true),
        ("{pathRegex: /a|/b}", "GET", "/b", &[], true),
        ("{pathRegex: /a|/b}", "GET", "/bc", &[], true),
        ("{pathRegex: /a|/b}", "GET", "/c/b", &[], false),
        ("{methods: ['*']}", "PURGE", "/any", &[], true),
        // smi H-4, H-10
        (
            "{headers: {user-agent: '.*Android.*', cookie: type=insider}}",
            "GET",
            "/",
            &insider,
            true,
        ),
        (
            "{headers: [{user-agent: '.*Android.*'}, {cookie: type=insider}]}",
            "GET",
            "/",
            &insider,
            true,
        ),
        (
            "{headers: {user-agent: '.*Android.*', cookie: type=insider}}",
            "GET",
            "/",
            &insider[1..],
            false,
        ),
        // smi H-13
        ("{headers: {x-a: '^1$'}}", "GET", "/", &[("x-a", "1"), ("x-a", "1")], false),
        ("{headers: {x-a: '^1$'}}", "GET", "/", &[("x-a", "1")], true),
    ] {
        let request = Request { method, path, headers };
        let got = holds(&format!("  - {written}"), &request);
        assert_eq!(got, want, "{written} {method} {path} {headers:?}");
    }
}

#[test]
fn paths_are_anchored_at_their_start() {
    // smi H-6, H-7: the table
    for (expression, path, want) in [
        ("/metrics", "/metrics/", true),
        ("/metrics", "/metricsfoo", true),
        ("/metrics", "/v1/metrics", false),
        ("/metrics", "/Metrics", false),
        ("/api/.*", "/api/", true),
        ("/api/.*", "/api/x", true),
        ("/api/.*", "/api", false),
        ("^/ping$", "/ping", true),
        ("^/ping$", "/ping/", false),
        ("^/ping$", "/pingpong", false),
        (".*", "/any", true),
        ("", "/any", true),
        ("*", "/any", true),
        ("/v[12]/(tea|coffee)$", "/v1/tea", true),
        ("/v[12]/(tea|coffee)$", "/v2/coffee", true),
        ("/v[12]/(tea|coffee)$", "/v3/tea", false),
        ("/v[12]/(tea|coffee)$", "/v1/teapot", false),
        ("(?i)/metrics", "/METRICS", true),
    ] {
        let request = Request { path, ..PLAIN };
        let got = holds(&format!("  - {{pathRegex: '{expression}'}}"), &request);
        assert_eq!(got, want, "{expression} {path}");
    }
}

#[test]
fn header_values_are_searched() {
    // smi H-11, H-12: the table
    for (expression, value, want) in [
        ("demo", Some("demo-2"), true),
        ("^demo-1$", Some("demo-1"), true),
        ("^demo-1$", Some("demo-10"), false),
        ("^true$", Some("TRUE"), false),
        (".*Firefox.*", Some("Mozilla/5.0 Firefox/118"), true),
        (".*", None, false),
        ("", None, false),
        (".*", Some(""), true),
        ("", Some(""), true),
    ] {
        let headers: Vec<_> = value.iter().map(|value| ("x-any", *value)).collect();
        let request = Request { headers: &headers, ..PLAIN };
        let got = holds(&format!("  - {{headers: {{x-any: '{expression}'}}}}"), &request);
        assert_eq!(got, want, "{expression} {value:?}");
    }
}

#[test]
fn cookie_conditions_search_the_joined_value() {
    // smi §4.4: the table
    for (cookies, want) in [
        (&["version=beta"][..], true),
        (&["session=42; version=beta; theme=dark"], true),
        (&["session=42", "version=beta"], true),
        (&[], false),
        (&["version=stable"], false),
        (&["version=BETA"], false),
        (&["version=\"beta\""], false),
        (&["version=betamax"], true),
        (&["oldversion=beta"], true),
    ] {
        let headers: Vec<_> = cookies.iter().map(|value| ("cookie", *value)).collect();
        let request = Request { headers: &headers, ..PLAIN };
        let got = holds("  - headers: [{cookie: version=beta}]", &request);
        assert_eq!(got, want, "{cookies:?}");
    }
}

#[test]
fn several_methods_are_alternatives_in_document_order() {
    // smi H-9
    let found = matches("  - {name: a, methods: [POST, GET, POST], headers: {x-a: b}}");
    let methods: Vec<_> = found.iter().map(|m| m.conditions[0].clone()).collect();
    let method = |name| Condition::equals(Field::Method, name);
    assert_eq!(methods, [method("POST"), method("GET")]);
    assert!(found.iter().all(|m| m.conditions.len() == 2));
    assert!(found.iter().all(|m| &*m.origin.field == "spec.matches[0]"));

    for (written, method, want) in [
        ("[GET, '*']", "PURGE", true),
        ("[]", "PURGE", true),
        ("[get, Post]", "GET", true),
        ("[get, Post]", "POST", false),
        ("[get, Post]", "Post", true),
        ("[PURGE]", "PURGE", true),
    ] {
        let request = Request { method, ..PLAIN };
        assert_eq!(holds(&format!("  - methods: {written}"), &request), want, "{written} {method}");
    }
}

#[test]
fn many_methods_do_not_multiply_the_conditions() {
    let methods: Vec<String> = (0..40).map(|i| format!("M{i}+")).collect();
    let written = format!("  - methods: ['{}']", methods.join("', '"));
    let found = matches(&written);
    assert_eq!(found.len(), 1);
    for (method, want) in [("M7+", true), ("M39+", true), ("M40+", false), ("M7", false)] {
        let request = Request { method, ..PLAIN };
        let holds = found[0].conditions.iter().all(|c| request.meets(c));
        assert_eq!(holds, want, "{method}");
    }
    let endless: Vec<String> = (0..100).map(|i| format!("{}{i}", "M".repeat(50))).collect();
    let outcome = of(&group("g", &format!("  - methods: [{}]", endless.join(", "))));
    assert_eq!(outcome.found(Severity::Error), [("too-many-methods", "spec.matches[0]")]);
}

#[test]
fn the_same_header_twice_means_both() {
    // smi H-5
    for written in ["[{x-a: b}, {x-a: c}]", "[{x-a: b, X-A: c}]", "{x-a: b, X-A: c}"] {
        for (value, want) in [("bc", true), ("b", false), ("c", false)] {
            let request = Request { headers: &[("x-a", value)], ..PLAIN };
            let got = holds(&format!("  - headers: {written}"), &request);
            assert_eq!(got, want, "{written} {value}");
        }
    }
}

#[test]
fn the_authority_is_the_host_field() {
    // smi H-14
    for written in ["host", "Host", "':authority'"] {
        let found = matches(&format!("  - headers: {{{written}: '^a:80$'}}"));
        let want = Condition::equals(Field::Header("host".into()), "a:80");
        assert_eq!(found[0].conditions, [want], "{written}");
    }
}

#[test]
fn a_name_alone_holds_for_every_request() {
    // smi H-2
    assert_eq!(matches("  - name: all")[0].conditions, []);
    assert_eq!(
        matches("  - {name: all, methods: [], headers: {}, pathRegex: ''}")[0].conditions,
        []
    );
}

#[test]
fn exact_values_are_compared_and_not_searched() {
    let found = matches("  - {pathRegex: '^/ping$', headers: {x-test: '^true$'}}");
    let header = Condition::equals(Field::Header("x-test".into()), "true");
    assert_eq!(found[0].conditions, [Condition::equals(Field::Path, "/ping"), header]);
}

#[test]
fn matches_is_taken_from_either_place_in_every_version() {
    // smi P-2, H-4
    for version in 1..=4 {
        let head = format!(
            "apiVersion: specs.smi-spec.io/v1alpha{version}\nkind: HTTPRouteGroup\nmetadata: {{name: g}}\n"
        );
        let list = "matches: [{name: a, methods: [GET], headers: [{x-a: b}]}]";
        let reference = split("s", "  matches: [{kind: HTTPRouteGroup, name: g}]");
        for (place, body) in
            [("matches", list.to_owned()), ("spec.matches", format!("spec: {{{list}}}"))]
        {
            let outcome = of(&format!("{head}{body}\n{reference}"));
            let found = outcome.service("tea").splits[0].matches.as_ref().unwrap();
            let found: Vec<_> = found.iter().collect();
            assert_eq!(found[0].conditions.len(), 2, "v1alpha{version} {place}");
            assert_eq!(&*found[0].origin.field, format!("{place}[0]"));
            let mut want = Vec::new();
            if (version < 3) != (place == "matches") {
                want.push(("SMI-W01", place.to_owned()));
            }
            if version == 1 {
                want.push(("SMI-W01", format!("{place}[0].headers")));
            }
            let got = outcome.found(Severity::Warning);
            let got: Vec<_> =
                got.into_iter().map(|(code, field)| (code, field.to_owned())).collect();
            assert_eq!(got, want, "v1alpha{version} {place}");
        }
        let both = of(&format!("{head}{list}\nspec: {{{list}}}\n"));
        assert_eq!(both.found(Severity::Error), [("ambiguous-field", "matches")]);
        assert!(both.diagnostics.iter().all(|d| d.code != "SMI-W09"));
        assert_eq!(both.refused, ["HTTPRouteGroup default/g"]);
    }
}
