//! VirtualServerRoutes by their labels.

use super::*;

#[test]
fn selectors_look_in_every_namespace() {
    // virtualserver §6.3, step 2
    let all = [
        labelled("shop/b", "{app: x, tier: one}", "{path: /coffee/b, action: {pass: b}}"),
        labelled("away/c", "{app: x}", "{path: /coffee/c, action: {pass: c}}"),
        labelled("away/a", "{app: x, tier: one}", "{path: /coffee/a, action: {pass: a}}"),
        labelled("shop/d", "{app: y}", "{path: /tea/d, action: {pass: d}}"),
    ];
    check(
        "{path: /coffee, routeSelector: {matchLabels: {app: x, tier: one}}}, \
         {path: /, routeSelector: {matchLabels: {app: y}}}, \
         {path: /coffee/, routeSelector: {matchLabels: {app: x}}}, \
         {path: /none, routeSelector: {matchLabels: {app: z}}}",
        &all,
        &[
            "prefix `/coffee/a`: a",
            "prefix `/coffee/b`: b",
            "prefix `/coffee/c`: c",
            "prefix `/tea/d`: d",
        ],
        &[
            "warning[duplicate-value]: VirtualServer shop/cafe: spec.routes[2].routeSelector.matchLabels: \
             VirtualServerRoute away/a is reached a second time, without effect",
            "warning[duplicate-value]: VirtualServer shop/cafe: spec.routes[2].routeSelector.matchLabels: \
             VirtualServerRoute shop/b is reached a second time, without effect",
            "warning[not-found]: VirtualServer shop/cafe: spec.routes[3].routeSelector.matchLabels: \
             no VirtualServerRoute of the host `cafe.example.com` has these labels",
        ],
    );
    // One that does not fit below one route may fit below the next.
    check(
        "{path: /tea, routeSelector: {matchLabels: {app: x}}}, \
         {path: /coffee, routeSelector: {matchLabels: {app: x}}}",
        &[labelled("shop/x", "{app: x}", "{path: /coffee, action: {pass: x}}")],
        &["prefix `/coffee`: x"],
        &[
            "warning[no-effect]: VirtualServer shop/cafe: spec.routes[0].routeSelector.matchLabels: \
           VirtualServerRoute shop/x is not used: spec.subroutes[0].path: `/coffee` must begin with \
           `/tea`",
        ],
    );
    // One that does not fit harms no other.
    check(
        "{path: /coffee, routeSelector: {matchLabels: {tier: one}}}, {path: /tea, route: d}",
        &[
            labelled("shop/a", "{tier: one}", "{path: /tea/a, action: {pass: a}}"),
            labelled("shop/b", "{tier: one}", "{path: /coffee/b, action: {pass: b}}"),
            labelled("shop/d", "{}", "{path: /tea/d, action: {pass: d}}"),
        ],
        &["prefix `/coffee/b`: b", "prefix `/tea/d`: d"],
        &[
            "warning[no-effect]: VirtualServer shop/cafe: spec.routes[0].routeSelector.matchLabels: \
             VirtualServerRoute shop/a is not used: spec.subroutes[0].path: `/tea/a` must begin \
             with `/coffee`",
            "warning[no-effect]: VirtualServerRoute shop/a: spec.subroutes[0].path: VirtualServer \
             shop/cafe does not use it: `/tea/a` must begin with `/coffee`",
        ],
    );
}

#[test]
fn selectors_have_a_limit_together() {
    // decisions §5
    let selectors =
        (0..1025).map(|n| format!("{{path: /{n}, routeSelector: {{matchLabels: {{app: x}}}}}}"));
    let selectors = selectors.collect::<Vec<_>>().join(", ");
    let routes = (0..1024).map(|n| labelled(&format!("shop/r{n}"), "{app: x}", ""));
    let translation = delegating(&selectors, &routes.collect::<Vec<_>>());
    let is_error = |told: &String| told.starts_with("error");
    let errors = told_of_all(&translation.diagnostics).into_iter().filter(is_error);
    assert_eq!(
        errors.collect::<Vec<_>>(),
        ["error[too-many]: VirtualServer shop/cafe: spec.routes[1024].routeSelector.matchLabels: \
             the selectors of the routes up to this one find VirtualServerRoutes more than 1048576 \
             times",]
    );
}

#[test]
fn selectors_find_nothing_of_other_hosts() {
    // virtualserver §6: hosts must be equal. Selecting looks at no VirtualServerRoute of another
    // host, so that nothing is told of them, however many there are.
    let mut documents = Vec::new();
    for host in 0..20 {
        let of_host = |document: String| {
            let document = document.replace("name: cafe", &format!("name: cafe-{host}"));
            document.replace("cafe.example.com", &format!("h{host}.example"))
        };
        let all = "routes: [{path: /, routeSelector: {matchLabels: {app: x}}}]";
        documents.push(of_host(cafe(all)));
        for route in 0..5 {
            let name = format!("r{host}-{route}");
            let item = format!("{{path: /{route}, action: {{pass: {name}}}}}");
            documents.push(of_host(labelled(&format!("shop/{name}"), "{app: x}", &item)));
        }
    }
    let translation = translation(&joined(&documents), &Options::default());
    assert_eq!(told_of_all(&translation.diagnostics), Vec::<String>::new());
    assert_eq!(translation.rules.route_count(), 100);
}
