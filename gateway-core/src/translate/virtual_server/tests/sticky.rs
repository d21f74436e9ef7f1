//! What sticky splits and their branches are called (decisions §4).

use super::*;
use crate::rules::Sticky;

const SPLITS: &str = "splits: [{weight: 50, action: {pass: tea}}, {weight: 50, action: {proxy: \
                      {upstream: coffee, rewritePath: /}}}]";

/// The annotation on an object of the namespace `shop`.
fn annotated(yaml: &str) -> String {
    yaml.replace(
        "namespace: shop",
        "namespace: shop, annotations: {gateway/sticky-by: 'cookie:id'}",
    )
}

/// The sticky splits of the only host, in order: `name: branches`.
fn names(yaml: &str) -> Vec<String> {
    let id = Field::Cookie { name: "id".into(), ignore_case: false };
    let tell = |sticky: &Sticky| {
        assert_eq!(*sticky.by(), id);
        format!("{}: {}", sticky.name(), sticky.branches().collect::<Vec<_>>().join(" "))
    };
    let routes = routes(yaml);
    let splits = routes.iter().filter_map(|route| match &route.action {
        Action::Split(split) => split.sticky.as_deref().map(tell),
        _ => None,
    });
    splits.collect()
}

#[test]
fn splits_are_named_by_the_path_of_their_route() {
    let routes = format!(
        "routes:\n\
         - path: = /tea\n  {SPLITS}\n\
         - path: /tea\n  {SPLITS}\n\
         - path: ~ ^/a b\n  \
           matches: [{{conditions: [{{header: a, value: b}}], action: {{pass: tea}}}},\n    \
             {{conditions: [{{header: c, value: d}}], {SPLITS}}}]\n  {SPLITS}\n"
    );
    let want = [
        "VirtualServer/shop/cafe/routes/= /tea: tea coffee",
        "VirtualServer/shop/cafe/matches/1/~ ^/a b: tea coffee",
        "VirtualServer/shop/cafe/routes/~ ^/a b: tea coffee",
        "VirtualServer/shop/cafe/routes//tea: tea coffee",
    ];
    assert_eq!(names(&annotated(&cafe(&routes))), want);
    assert_eq!(names(&cafe(&routes)), [""; 0], "without the annotation");
    // A route before it moves nothing.
    let more = routes.replace("routes:\n", "routes:\n- {path: /new, action: {pass: tea}}\n");
    assert_eq!(names(&annotated(&cafe(&more))), want);
}

#[test]
fn branches_are_named_by_what_they_do() {
    let splits = "splits: [{weight: 20, action: {pass: tea}}, {weight: 20, action: {pass: tea}}, \
                  {weight: 20, action: {return: {body: a}}}, \
                  {weight: 20, action: {redirect: {url: 'http://a.example'}}}, \
                  {weight: 20, action: {return: {body: b}}}]";
    assert_eq!(
        names(&annotated(&one_route("/", splits))),
        ["VirtualServer/shop/cafe/routes//: tea tea#2 return redirect return#2"]
    );
}

#[test]
fn each_object_speaks_for_its_own_splits() {
    let server = cafe("routes: [{path: /tea, route: tea}]");
    let route = subroutes(
        "shop/tea",
        "{path: /tea, splits: [{weight: 50, action: {pass: tea}}, {weight: 50, action: {pass: tea}}]}",
    );
    let want = ["VirtualServerRoute/shop/tea/routes//tea: tea tea#2"];
    assert_eq!(names(&joined(&[server.clone(), annotated(&route)])), want);
    let told = told_of_all(
        &translation(&joined(&[annotated(&server), route]), &Options::default()).diagnostics,
    );
    assert_eq!(
        told,
        ["warning[no-effect]: VirtualServer shop/cafe: metadata.annotations.gateway/sticky-by: \
             the annotation `gateway/sticky-by` has no effect: nothing here is split by weight"]
    );
}

#[test]
fn what_is_wrong_refuses_the_object_with_all_that_is_wrong() {
    // decisions §5
    let yaml = one_route("/", "splits: [{weight: 50, action: {pass: tea}}]")
        .replace("namespace: shop", "namespace: shop, annotations: {gateway/sticky-by: cooke}");
    let translation = translation(&yaml, &Options::default());
    assert_eq!(
        told(&translation.diagnostics),
        [
            "error[unsupported-value]: metadata.annotations.gateway/sticky-by: unknown way `cooke` \
             to tell clients apart; did you mean `cookie`?",
            "error[invalid-value]: spec.routes[0].splits: `splits` needs at least two entries",
        ]
    );
    assert_eq!(translation.refused.len(), 1);
    assert!(translation.rules.listeners.is_empty());
    let Status::VirtualServer(State { state, .. }) = &translation.statuses[0].status else {
        panic!("{:?}", translation.statuses)
    };
    assert_eq!(&**state, "Invalid");
}
