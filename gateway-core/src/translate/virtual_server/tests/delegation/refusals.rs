//! What is wrong with a VirtualServerRoute or a delegation itself.

use super::*;

#[test]
fn refusals_of_virtual_server_routes() {
    // virtualserver §5.2, §6.1
    for (document, want) in [
        (
            subroutes(
                "shop/x",
                "{path: /a, action: {pass: x}}, {path: /a, action: {pass: x}}, \
                 {path: '=/b', action: {pass: x}}, {path: '^~/c', action: {pass: x}}, \
                 {path: '~d', action: {pass: x}}",
            ),
            &[
                "error[duplicate-value]: spec.subroutes[1].path: the path `/a` is that of \
                 `spec.subroutes[0]` already",
                "error[invalid-value]: spec.subroutes[2].path: the path `=/b` is an exact path, but \
                 that of the first subroute, `/a`, is a prefix; paths of subroutes are all of one \
                 kind",
                "error[invalid-value]: spec.subroutes[3].path: the path `^~/c` is a prefix with \
                 `^~`, but that of the first subroute, `/a`, is a prefix; paths of subroutes are \
                 all of one kind",
                "error[invalid-value]: spec.subroutes[4].path: the path `~d` is an expression, but \
                 that of the first subroute, `/a`, is a prefix; paths of subroutes are all of one \
                 kind",
            ][..],
        ),
        (
            subroutes(
                "shop/x",
                "{path: /a, route: y}, {path: /b, action: {pass: x}, routeSelector: {}}, \
                 {path: /c, splits: []}",
            ),
            &[
                "error[unsupported-field]: spec.subroutes[0].route: `route` cannot stand in a \
                 subroute; only a VirtualServer delegates to VirtualServerRoutes",
                "error[unsupported-field]: spec.subroutes[1].routeSelector: `routeSelector` cannot \
                 stand in a subroute; only a VirtualServer delegates to VirtualServerRoutes",
                "error[invalid-value]: spec.subroutes[2].splits: `splits` needs at least two entries",
            ],
        ),
        (
            "apiVersion: k8s.nginx.org/v1\nkind: VirtualServerRoute\nmetadata: {name: x}\n\
             spec: {host: A.example, tls: {}, upstreams: [{name: X, service: x, port: 80}]}\n"
                .to_owned(),
            &[
                "warning[unknown-field]: spec.tls: unknown field `tls`; known are `host`, `ingressClassName`, `upstreams`, `subroutes`",
                "error[invalid-value]: spec.host: in `A.example`, `A` is not a DNS label: it may hold only \
                 lower-case letters, digits and `-`; did you mean `a.example`?",
                "error[invalid-value]: spec.upstreams[0].name: `X` is not a DNS label: it may hold only \
                 lower-case letters, digits and `-`; did you mean `x`?",
            ],
        ),
    ] {
        let translation = translation(&document, &Options::default());
        assert_eq!(told(&translation.diagnostics), want, "{document}");
        assert_eq!(translation.refused.len(), 1, "{document}");
    }
}

#[test]
fn refusals_of_delegations() {
    // virtualserver §5.2
    let translation = delegating(
        "{path: /a, route: 'a/b/c'}, {path: /b, route: -x}, {path: /c, route: ''}, \
         {path: /d, routeSelector: {}}, {path: /e, routeSelector: {matchLabels: {}}}, \
         {path: /f, routeSelector: {matchLabels: {a/b/c: '', app: 'x y'}, matchExpressions: []}}",
        &[],
    );
    assert_eq!(
        told(&translation.diagnostics),
        [
            "error[missing-field]: spec.routes[2].route: `route` must not be empty",
            "error[missing-field]: spec.routes[3].routeSelector.matchLabels: required field \
             `matchLabels` is missing",
            "error[missing-field]: spec.routes[4].routeSelector.matchLabels: `matchLabels` must not \
             be empty",
            "warning[unsupported-field]: spec.routes[5].routeSelector.matchExpressions: \
             `matchExpressions` is not supported and has no effect",
            "error[invalid-value]: spec.routes[0].route: `b/c` is not a name: it may hold only letters, \
             digits, `-`, `_` and `.`",
            "error[invalid-value]: spec.routes[1].route: `-x` is not a name: it begins and ends \
             with a letter or digit",
            "error[invalid-value]: spec.routes[5].routeSelector.matchLabels.a/b/c: `b/c` is not a \
             name: it may hold only letters, digits, `-`, `_` and `.`",
            "error[invalid-value]: spec.routes[5].routeSelector.matchLabels.app: `x y` is not a \
             name: it may hold only letters, digits, `-`, `_` and `.`",
            "error[invalid-value]: spec.routes[5].routeSelector.matchLabels.a/b/c: it must not be \
             empty",
            "warning[not-found]: spec.routes[4].routeSelector.matchLabels: no VirtualServerRoute of \
             the host `cafe.example.com` has these labels",
        ]
    );
    assert_eq!(translation.refused.len(), 1);
}
