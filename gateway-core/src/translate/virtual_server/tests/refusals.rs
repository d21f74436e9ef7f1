//! What is refused, and what is told of it.

mod actions;
mod hosts;
mod routes;
mod upstreams;

use super::*;
use proptest::prelude::*;

/// Each of these specs, which `document` makes a whole document of, is refused for these reasons.
fn refused(document: fn(&str) -> String, cases: &[(&str, &[&str])]) {
    for (spec, want) in cases {
        let translation = translation(&document(spec), &Options::default());
        assert_eq!(told(&translation.diagnostics), *want, "{spec}");
        assert!(translation.rules.listeners.is_empty(), "{spec}");
        let refused: Vec<String> = translation.refused.iter().map(ToString::to_string).collect();
        assert_eq!(refused, ["VirtualServer shop/cafe"], "{spec}");
    }
}

/// Each of these specs is refused for one reason, which is given as code, path below `place`,
/// message and help: `invalid-value host: message; help`.
fn refused_for(document: fn(&str) -> String, place: &str, cases: &[(&str, &str)]) {
    for (spec, want) in cases {
        let (code, want) = want.split_once(' ').expect("a code stands first");
        refused(document, &[(spec, &[&format!("error[{code}]: {place}{want}")])]);
    }
}

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
        30,
    )) {
        let mut texts = texts.iter().map(|text| format!("{text:?}").replace("\\u{", "u{"));
        let mut next = || texts.next().unwrap_or_default();
        let yaml = server(&format!(
            "host: {}\n\
             upstreams: [{{name: tea, service: {}, port: 80, connect-timeout: {}, \
             client-max-body-size: {}, next-upstream: {}, lb-method: {}, subselector: {{{}: {}}}, \
             sessionCookie: {{enable: true, name: {}, path: {}, expires: {}, domain: {}}}, healthCheck: {{enable: true, path: {}, \
             statusMatch: {}, headers: [{{name: {}, value: {}}}]}}}}]\n\
             routes:\n\
             - {{path: {}, matches: [{{conditions: [{{variable: $args, value: {}}}, {{cookie: {}, \
             value: {}}}], action: {{proxy: {{upstream: tea, rewritePath: {}}}}}}}]}}\n\
             - {{path: {}, action: {{proxy: {{upstream: tea, rewritePath: {}, requestHeaders: \
             {{set: [{{name: {}, value: {}}}]}}}}}}}}\n\
             - {{path: {}, action: {{return: {{body: {}, type: {}}}}}}}\n\
             - {{path: =/, action: {{pass: tea}}, errorPages: [{{codes: [404], redirect: {{url: {}}}}}, \
             {{codes: [405], return: {{body: {}}}}}]}}",
            next(), next(), next(), next(), next(), next(), next(), next(), next(), next(),
            next(), next(), next(), next(), next(), next(), next(), next(), next(), next(),
            next(), next(), next(), next(), next(), next(), next(), next(), next(), next(),
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
