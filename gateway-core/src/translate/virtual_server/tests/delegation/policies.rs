//! Policies of routes that are delegated (virtualserver §6.4).

use super::*;

#[test]
fn policies_that_a_subroute_drops_are_told() {
    // virtualserver §6.4, Q16
    let policy = |name: &str, spec: &str| {
        format!(
            "apiVersion: k8s.nginx.org/v1\nkind: Policy\n\
             metadata: {{name: {name}, namespace: shop}}\nspec: {{{spec}}}\n"
        )
    };
    let translation = delegating(
        "{path: /a, route: x, policies: [{name: allow}]}",
        &[
            policy("allow", "accessControl: {allow: [10.0.0.0/8]}"),
            policy("deny", "accessControl: {deny: [10.0.0.1]}"),
            policy("hourly", "rateLimit: {rate: 1r/m, key: a, zoneSize: 1m}"),
            subroutes(
                "shop/x",
                "{path: /a/none, action: {pass: x}}, \
                 {path: /a/other, policies: [{name: hourly}], action: {pass: x}}, \
                 {path: /a/same, policies: [{name: deny}], action: {pass: x}}",
            ),
        ],
    );
    assert_eq!(
        told_of_all(&translation.diagnostics),
        ["notice[no-effect]: VirtualServer shop/cafe: spec.routes[0].policies: these policies \
             do not hold for `/a/other` of VirtualServerRoute shop/x; \
             `spec.subroutes[1].policies` takes the place of the whole list: name there what is \
             to hold, too"]
    );
}

#[test]
fn policies_of_a_subroute_replace_those_of_its_route() {
    // virtualserver §6.4: own ones stand for the VirtualServerRoute, inherited ones for the
    // VirtualServer
    let translation = delegating(
        "{path: /a, route: other/x, policies: [{name: p}]}, {path: '~^/b', route: y}, \
         {path: '~^/c', route: y, policies: [{name: p}]}",
        &[
            subroutes(
                "other/x",
                "{path: /a/own, policies: [{name: q}], action: {pass: x}}, \
                 {path: /a/none, policies: [], action: {pass: x}}",
            ),
            // Of several routes, each subroute inherits from that of its path.
            subroutes(
                "shop/y",
                "{path: '~^/c', action: {pass: y}}, {path: '~^/b', action: {pass: y}}",
            ),
        ],
    );
    let routes = &translation.rules.listeners[0].hosts.sorted()[0].routes;
    let stand = |route: &Route| {
        let fault = route.policies.as_ref().and_then(|policies| policies.fault.clone());
        fault.map_or("nowhere".to_owned(), |fault| fault.origin.to_string())
    };
    let stands: Vec<_> = routes.iter().map(|r| format!("{}: {}", r.path, stand(r))).collect();
    assert_eq!(
        stands,
        [
            "matching `^/c` anywhere: VirtualServer shop/cafe: spec.routes[2].policies[0]",
            "matching `^/b` anywhere: nowhere",
            "prefix `/a/none`: VirtualServer shop/cafe: spec.routes[0].policies[0]",
            "prefix `/a/own`: VirtualServerRoute other/x: spec.subroutes[0].policies[0]",
        ]
    );
    // Each is told of once.
    let told = told_of_all(&translation.diagnostics);
    let of_own = told.iter().filter(|told| told.contains("VirtualServerRoute other/x"));
    assert_eq!(of_own.count(), 1, "{told:?}");
}
