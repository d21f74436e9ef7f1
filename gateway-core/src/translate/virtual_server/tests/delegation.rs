//! VirtualServerRoutes: what may be delegated to them, and what comes of it.

mod policies;
mod refusals;
mod selectors;

use super::*;
use crate::translate::virtual_server::order;
use proptest::prelude::*;

/// A VirtualServer with these routes, and VirtualServerRoutes.
fn delegating(routes: &str, others: &[String]) -> Translation {
    let server = cafe(&format!("routes: [{routes}]"));
    let mut documents = vec![server];
    documents.extend_from_slice(others);
    translation(&joined(&documents), &Options::default())
}

/// Asserts what is served and what is told.
#[track_caller]
fn check(routes: &str, others: &[String], want_served: &[&str], want_told: &[&str]) {
    let translation = delegating(routes, others);
    assert_eq!(told_of_all(&translation.diagnostics), want_told, "{routes}");
    assert_eq!(served(&translation), want_served, "{routes}");
    assert!(translation.refused.is_empty(), "{routes}");
}

#[test]
fn routes_are_delegated_by_name() {
    // virtualserver §6.2, §6.3; decisions §6, Q7
    check(
        "{path: /coffee, route: coffee}, {path: /tea, route: other/tea}, \
         {path: '^~/static', route: static}, {path: '=/one', route: one}, \
         {path: '~^/a', action: {pass: tea}}, {path: '~ ^/b', route: b}, \
         {path: /, action: {pass: coffee}}",
        &[
            // A prefix is plain text.
            subroutes(
                "shop/coffee",
                "{path: /coffee/latte, action: {pass: coffee}}, \
                 {path: /coffeeshop, action: {pass: coffee}}",
            ),
            subroutes("other/tea", "{path: /tea, action: {pass: tea}}"),
            subroutes("shop/static", "{path: '^~ /static/x', action: {pass: static}}"),
            subroutes("shop/one", "{path: '= /one', action: {pass: one}}"),
            subroutes("shop/b", "{path: '~^/b', action: {pass: b}}"),
        ],
        &[
            "exactly `/one`: one",
            "prefix `/static/x`: static",
            "matching `^/a` anywhere: tea",
            "matching `^/b` anywhere: b",
            "prefix `/coffee/latte`: coffee",
            "prefix `/coffeeshop`: coffee",
            "prefix `/tea`: tea",
            "prefix `/`: coffee",
        ],
        &[],
    );
}

#[test]
fn subroutes_bring_their_own_upstreams_and_say_where_they_were_written() {
    // virtualserver §1 and §4: Services of the VirtualServerRoute's namespace
    let translation = delegating(
        "{path: /tea, route: other/tea}",
        &[subroutes("other/tea", "{path: /tea, action: {pass: tea}}")],
    );
    let route = &translation.rules.listeners[0].hosts.sorted()[0].routes[0];
    assert_eq!(route.origin.to_string(), "VirtualServerRoute other/tea: spec.subroutes[0]");
    let Action::Forward(forward) = &route.action else { panic!("{route:?}") };
    let service = translation.rules.service(forward.target.service);
    assert_eq!(service.name.to_string(), "other/tea");

    // Neither sees the upstreams of the other.
    let translation = delegating(
        "{path: /coffee, route: latte}, {path: /, action: {pass: latte}}",
        &[subroutes("shop/latte", "{path: /coffee, action: {pass: coffee}}")],
    );
    assert_eq!(
        told_of_all(&translation.diagnostics),
        [
            "error[not-found]: VirtualServer shop/cafe: spec.routes[1].action.pass: no upstream is \
             named `latte`; known are `coffee`, `tea`",
            "warning[no-effect]: VirtualServer shop/cafe: spec.routes[0].route: VirtualServerRoute \
             shop/latte is refused; nothing is served for it",
            "error[not-found]: VirtualServerRoute shop/latte: spec.subroutes[0].action.pass: no \
             upstream is named `coffee`; known are `latte`",
        ]
    );
    let refused: Vec<String> = translation.refused.iter().map(ToString::to_string).collect();
    assert_eq!(refused, ["VirtualServer shop/cafe", "VirtualServerRoute shop/latte"]);
}

#[test]
fn what_does_not_fit_is_left_out_whole() {
    // virtualserver §6.2
    let misfit = |routes: &str, items: &str, of: &str, field: &str, why: &str| {
        let colon = if field.is_empty() { "" } else { ": " };
        check(
            &format!("{routes}, {{path: /other, action: {{pass: tea}}}}"),
            &[subroutes("shop/x", items)],
            &["prefix `/other`: tea"],
            &[
                &format!(
                    "warning[no-effect]: VirtualServer shop/cafe: spec.routes[0].route: \
                     VirtualServerRoute shop/x is not used: {field}{colon}{why}"
                ),
                &format!(
                    "warning[no-effect]: VirtualServerRoute shop/x: {of}VirtualServer shop/cafe \
                     does not use it: {why}"
                ),
            ],
        );
    };
    let at = |field: &str| format!("{field}: ");
    let second = "spec.subroutes[1].path";
    let first = "spec.subroutes[0].path";
    misfit(
        "{path: /coffee, route: x}",
        "{path: /coffee/a, action: {pass: x}}, {path: /tea, action: {pass: x}}",
        &at(second),
        second,
        "`/tea` must begin with `/coffee`",
    );
    misfit(
        "{path: '^~ /coffee', route: x}",
        "{path: /coffee, action: {pass: x}}",
        &at(first),
        first,
        "`/coffee` is a prefix, but the route delegates `^~/coffee`, a prefix with `^~`",
    );
    // Kinds must agree: a prefix never delegates to expressions.
    misfit(
        "{path: /coffee, route: x}",
        "{path: '~ ^/coffee', action: {pass: x}}",
        &at(first),
        first,
        "`~^/coffee` is an expression, but the route delegates `/coffee`, a prefix",
    );
    misfit(
        "{path: '= /coffee', route: x}",
        "{path: '=/tea', action: {pass: x}}",
        &at(first),
        first,
        "`=/tea` must be equal to `=/coffee`",
    );
    misfit(
        "{path: '= /coffee', route: x}",
        "{path: '=/coffee', action: {pass: x}}, {path: '=/tea', action: {pass: x}}",
        "",
        "",
        "the path `=/coffee` takes exactly one subroute, found 2",
    );
    misfit(
        "{path: '=/coffee', route: x}",
        "",
        "",
        "",
        "the path `=/coffee` takes exactly one subroute, found 0",
    );
    // The sets of expressions must be equal, both ways.
    misfit(
        "{path: '~ ^/a', route: x}, {path: '~*^/b', route: x}",
        "{path: '~^/a', action: {pass: x}}, {path: '~^/b', action: {pass: x}}",
        &at(second),
        second,
        "no route delegates the very expression `~^/b`",
    );
    misfit(
        "{path: '~ ^/a', route: x}, {path: '~*^/b', route: x}",
        "{path: '~^/a', action: {pass: x}}",
        "",
        "",
        "no subroute has the path `~*^/b`",
    );
}

#[test]
fn several_expressions_share_a_virtual_server_route() {
    // virtualserver §6.2 and §6.3, step 3: behind all others, in order of first mention
    check(
        "{path: '~ ^/a', route: x}, {path: '~ ^/y', route: y}, {path: '~*^/b', route: x}, \
         {path: '~ ^/z', routeSelector: {matchLabels: {app: z}}}",
        &[
            subroutes(
                "shop/x",
                "{path: '~* ^/b', action: {pass: x}}, {path: '~^/a', action: {pass: x}}",
            ),
            subroutes("shop/y", "{path: '~^/y', action: {pass: y}}"),
            labelled("a/z", "{app: z}", "{path: '~^/z', action: {pass: z}}"),
        ],
        &[
            "matching `^/z` anywhere: z",
            "matching `^/b` anywhere in any case: x",
            "matching `^/a` anywhere: x",
            "matching `^/y` anywhere: y",
        ],
        &[],
    );
}

#[test]
fn routes_of_one_virtual_server_route_have_one_kind() {
    // virtualserver §3
    let translation = delegating(
        "{path: /a, route: shop/x}, {path: '=/a/b', route: x}, {path: '~ ^/a', route: x}, \
         {path: '~* ^/y', route: y}, {path: '~^/y', route: y}",
        &[],
    );
    let is_error = |told: &String| told.starts_with("error");
    let errors: Vec<_> = told(&translation.diagnostics).into_iter().filter(is_error).collect();
    assert_eq!(
        errors,
        [
            "error[invalid-value]: spec.routes[1].path: the path `=/a/b` is an exact path, but that \
             of `spec.routes[0]`, which delegates to `shop/x` too, is a prefix",
            "error[invalid-value]: spec.routes[2].path: the path `~ ^/a` is an expression, but that \
             of `spec.routes[0]`, which delegates to `shop/x` too, is a prefix",
        ]
    );
    assert_eq!(translation.refused.len(), 1);
}

#[test]
fn a_second_route_to_one_virtual_server_route_is_skipped() {
    // virtualserver §6.2, last row; §6.3, step 4
    let coffee = || labelled("shop/x", "{app: x}", "{path: /coffee/x, action: {pass: x}}");
    check(
        "{path: /coffee, route: x}, {path: /coffee/x, route: x}",
        &[coffee()],
        &["prefix `/coffee/x`: x"],
        &["warning[duplicate-value]: VirtualServer shop/cafe: spec.routes[1].route: \
           `spec.routes[0]` delegates to `shop/x` already; nothing is served for this route; \
           only routes with expressions can share a VirtualServerRoute"],
    );
    check(
        "{path: /coffee, routeSelector: {matchLabels: {app: x}}}, {path: /coffee/x, route: x}",
        &[coffee()],
        &["prefix `/coffee/x`: x"],
        &["warning[duplicate-value]: VirtualServer shop/cafe: spec.routes[1].route: \
           VirtualServerRoute shop/x is reached a second time, without effect"],
    );
}

#[test]
fn a_path_that_is_taken_leaves_the_later_one_out_whole() {
    // virtualserver §6.3, step 5
    check(
        "{path: /a, route: one}, {path: '^~/a/', route: two}, {path: /b, route: three}, \
         {path: /b/x, action: {pass: tea}}",
        &[
            subroutes("shop/one", "{path: /a/x, action: {pass: one}}"),
            subroutes(
                "shop/two",
                "{path: '^~/a/y', action: {pass: two}}, {path: '^~/a/x', action: {pass: two}}",
            ),
            subroutes("shop/three", "{path: /b/x, action: {pass: three}}"),
        ],
        &["prefix `/a/x`: one", "prefix `/b/x`: tea"],
        &[
            "warning[no-effect]: VirtualServer shop/cafe: spec.routes[1].route: VirtualServerRoute \
             shop/two is not used: spec.subroutes[1].path: the path `^~/a/x` is that of \
             VirtualServerRoute shop/one: spec.subroutes[0] already",
            "warning[no-effect]: VirtualServer shop/cafe: spec.routes[2].route: VirtualServerRoute \
             shop/three is not used: spec.subroutes[0].path: the path `/b/x` is that of \
             VirtualServer shop/cafe: spec.routes[3] already",
            "warning[no-effect]: VirtualServerRoute shop/three: spec.subroutes[0].path: \
             VirtualServer shop/cafe does not use it: the path `/b/x` is that of VirtualServer \
             shop/cafe: spec.routes[3] already",
            "warning[no-effect]: VirtualServerRoute shop/two: spec.subroutes[1].path: VirtualServer \
             shop/cafe does not use it: the path `^~/a/x` is that of VirtualServerRoute shop/one: \
             spec.subroutes[0] already",
        ],
    );
}

#[test]
fn hosts_must_be_equal() {
    // virtualserver §6
    let other = subroutes("shop/x", "{path: /x, action: {pass: x}}")
        .replace("cafe.example.com", "tea.example.com");
    check(
        "{path: /x, route: x}, {path: /, action: {pass: tea}}",
        &[other],
        &["prefix `/`: tea"],
        &[
            "warning[no-effect]: VirtualServer shop/cafe: spec.routes[0].route: VirtualServerRoute \
             shop/x is not used: its host `tea.example.com` must be equal to `cafe.example.com`",
            "warning[no-effect]: VirtualServerRoute shop/x: spec.host: no VirtualServer in force has \
             the host `tea.example.com`",
        ],
    );
}

#[test]
fn what_is_missing_or_refused_leaves_the_virtual_server_working() {
    // virtualserver §1 and §6.3, step 6
    let translation = delegating(
        "{path: /a, route: lattte}, {path: /b, route: other/latte}, {path: /c, route: shop/latte}, \
         {path: /, action: {pass: tea}}",
        &[subroutes("shop/latte", "{path: c, action: {pass: latte}}")],
    );
    assert_eq!(
        told_of_all(&translation.diagnostics),
        [
            "warning[not-found]: VirtualServer shop/cafe: spec.routes[0].route: there is no \
             VirtualServerRoute `shop/lattte`; nothing is served for it; did you mean `latte`?",
            "warning[not-found]: VirtualServer shop/cafe: spec.routes[1].route: there is no \
             VirtualServerRoute `other/latte`; nothing is served for it",
            "warning[no-effect]: VirtualServer shop/cafe: spec.routes[2].route: VirtualServerRoute \
             shop/latte is refused; nothing is served for it",
            "error[invalid-value]: VirtualServerRoute shop/latte: spec.subroutes[0].path: `c` does \
             not begin with `/`, `=`, `^~`, `~` or `~*`; did you mean `/c`?",
        ]
    );
    assert_eq!(served(&translation), ["prefix `/`: tea"]);
    let refused: Vec<String> = translation.refused.iter().map(ToString::to_string).collect();
    assert_eq!(refused, ["VirtualServerRoute shop/latte"]);
}

#[test]
fn error_pages_of_a_subroute_replace_those_of_its_route() {
    // virtualserver §6.4: an empty list of its own is one too
    let page = |body: &str| format!("{{codes: [404], return: {{body: {body}}}}}");
    let translation = delegating(
        &format!("{{path: /a, route: x, errorPages: [{}]}}", page("route")),
        &[subroutes(
            "shop/x",
            &format!(
                "{{path: /a/own, errorPages: [{}], action: {{pass: x}}}}, \
                 {{path: /a/no, errorPages: [], action: {{pass: x}}}}, \
                 {{path: /a/inherited, action: {{pass: x}}}}",
                page("own")
            ),
        )],
    );
    assert_eq!(told_of_all(&translation.diagnostics), [""; 0]);
    let routes = &translation.rules.listeners[0].hosts.sorted()[0].routes;
    let pages = |route: &Route| {
        let pages = route.error_pages.as_deref().unwrap_or_default().iter();
        pages.map(|page| page.origin.to_string()).collect::<Vec<_>>().join(", ")
    };
    let pages: Vec<_> = routes.iter().map(|r| format!("{}: {}", r.path, pages(r))).collect();
    assert_eq!(
        pages,
        [
            "prefix `/a/inherited`: VirtualServer shop/cafe: spec.routes[0].errorPages[0]",
            "prefix `/a/own`: VirtualServerRoute shop/x: spec.subroutes[0].errorPages[0]",
            "prefix `/a/no`: ",
        ]
    );
}

#[test]
fn subroutes_that_make_too_many_rules_leave_the_virtual_server_working() {
    // decisions §5
    let numbers = 0..=order::MAX_COPIES / 100;
    let paths = numbers.map(|n| format!("{{path: /s/{n}, action: {{pass: x}}}}"));
    let paths = paths.collect::<Vec<_>>().join(", ");
    let expressions = (0..100).map(|n| format!("{{path: '~{n}', action: {{pass: tea}}}}"));
    let expressions = expressions.collect::<Vec<_>>().join(", ");
    let translation = delegating(
        &format!("{expressions}, {{path: '^~/s', action: {{pass: tea}}}}, {{path: /s, route: x}}")
            .replace("{path: /s, ", "{path: /s/, "),
        &[subroutes("shop/x", &paths)],
    );
    assert_eq!(
        told_of_all(&translation.diagnostics),
        [
            "warning[too-many]: VirtualServer shop/cafe: expressions and the paths within `^~` paths, \
             those of VirtualServerRoutes among them, make more than 16384 rules; none of the \
             VirtualServerRoutes is used",
            "warning[no-effect]: VirtualServerRoute shop/x: VirtualServer shop/cafe does not use it: \
             expressions and the paths within `^~` paths, those of VirtualServerRoutes among them, \
             make more than 16384 rules",
        ]
    );
    assert_eq!(served(&translation).len(), 101);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// decisions §5: whatever stands in a VirtualServerRoute or in a delegation, its VirtualServer
    /// is refused only by errors of its own, and every VirtualServerRoute is in one state.
    #[test]
    fn a_virtual_server_route_never_harms_its_virtual_server(
        delegation in "(/|=|~|\\^~|~\\*)[/ab]{0,3}",
        paths in prop::collection::vec("(/|=|~|\\^~|~\\*)[/ab(]{0,3}", 0..4),
        name in "(x|shop/x|y|-)",
    ) {
        let items = paths.iter().map(|path| format!("{{path: {path:?}, action: {{pass: x}}}}"));
        let items = items.collect::<Vec<_>>().join(", ");
        let routes = format!(
            "{{path: {delegation:?}, route: {name:?}}}, {{path: /always, action: {{pass: tea}}}}"
        );
        let translation = delegating(&routes, &[subroutes("shop/x", &items)]);
        let is_of_server = |d: &&Diagnostic| {
            d.severity == crate::Severity::Error
                && d.object.as_ref().is_some_and(|object| *object.kind == *"VirtualServer")
        };
        let own_error = translation.diagnostics.iter().any(|d| is_of_server(&d));
        prop_assert_eq!(translation.rules.listeners.is_empty(), own_error, "{} {}", routes, items);
        let states = states(&translation);
        prop_assert_eq!(states.len(), 2, "{} {}", routes, items);
        let is_used = states[1].contains(" <- shop/cafe: ");
        let is_served = !own_error
            && served(&translation).iter().any(|route| route.ends_with(": x"));
        // One without subroutes has nothing to serve.
        prop_assert!(is_used == is_served || paths.is_empty(), "{:?}", states);
    }
}
