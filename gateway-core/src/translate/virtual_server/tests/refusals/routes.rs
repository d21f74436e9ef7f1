//! Paths, conditions and splits (virtualserver §5).

use super::*;

#[test]
fn paths() {
    // virtualserver §5.1
    refused(
        cafe,
        &[(
            "routes:\n- {path: tea, action: {pass: tea}}\n- {path: //tea, action: {pass: tea}}\n\
             - {path: /a/../b, action: {pass: tea}}\n- {path: '/a;b', action: {pass: tea}}\n\
             - {path: '/a{b}', action: {pass: tea}}\n- {path: '~a(', action: {pass: tea}}\n\
             - {path: '~(?=a)', action: {pass: tea}}\n- {path: '~', action: {pass: tea}}\n\
             - {path: '=a', action: {pass: tea}}",
            &[
                "error[invalid-value]: spec.routes[0].path: `tea` does not begin with `/`, `=`, \
                 `^~`, `~` or `~*`; did you mean `/tea`?",
                "error[invalid-value]: spec.routes[1].path: `//tea` is not a path: it begins with \
                 `//`",
                "error[invalid-value]: spec.routes[2].path: `/a/../b` is not a path: a path has \
                 no `..` segments",
                "error[invalid-value]: spec.routes[3].path: `/a;b` is not a path: it holds blanks, \
                 control characters, `;` or `\\`",
                "error[invalid-value]: spec.routes[4].path: `/a{b}` is not a path: a parameter is \
                 a whole segment like `{name}`, found `a{b}`",
                "error[invalid-value]: spec.routes[5].path: `a(` is not an expression: unclosed \
                 group (at character 2 of the expression)",
                "error[invalid-value]: spec.routes[6].path: `(?=a)` is not an expression: \
                 look-around is not supported (at character 1 of the expression)",
                "error[invalid-value]: spec.routes[7].path: the expression is empty",
                "error[invalid-value]: spec.routes[8].path: `a` is not a path: a path begins with \
                 `/`, found `a`",
            ],
        )],
    );
}

#[test]
fn paths_that_stand_twice() {
    // virtualserver §3, §5.1
    refused(
        cafe,
        &[(
            "routes:\n- {path: /a, action: {pass: tea}}\n- {path: '^~ /a', action: {pass: tea}}\n\
             - {path: '~ b', action: {pass: tea}}\n- {path: '~b', action: {pass: tea}}\n\
             - {path: '~*b', action: {pass: tea}}\n- {path: '=/a', action: {pass: tea}}\n\
             - {path: '/{x}', action: {pass: tea}}\n- {path: '/{y}', action: {pass: tea}}",
            &[
                "error[duplicate-value]: spec.routes[1].path: the path `^~ /a` is that of \
                 `spec.routes[0]` already; with and without `^~` it is one path",
                "error[duplicate-value]: spec.routes[3].path: the path `~b` is that of \
                 `spec.routes[2]` already",
                "error[duplicate-value]: spec.routes[7].path: the path `/{y}` is that of \
                 `spec.routes[6]` already",
            ],
        )],
    );
}

#[test]
fn targets() {
    // virtualserver §5.2, §5.3
    refused(
        cafe,
        &[(
            "routes:\n- {path: /a}\n- {path: /b, action: {pass: tea}, route: other}\n\
             - {path: /c, route: other, matches: [{conditions: [{header: a}], action: {pass: tea}}]}\n\
             - {path: /d, action: {}}\n- {path: /e, action: {pass: tea, return: {body: x}}}\n\
             - {path: '', action: {pass: tea}}\n- {action: {pass: tea}}",
            &[
                "error[missing-field]: spec.routes[0]: expected exactly one of `action`, `splits`, \
                 `route` or `routeSelector`, found none of them",
                "error[conflicting-fields]: spec.routes[1]: expected exactly one of `action`, \
                 `splits`, `route` or `routeSelector`, found `action` and `route`",
                "error[conflicting-fields]: spec.routes[2]: `matches` cannot stand beside a \
                 delegation to VirtualServerRoutes",
                "error[missing-field]: spec.routes[3].action: expected exactly one of `pass`, \
                 `redirect`, `return` or `proxy`, found none of them",
                "error[conflicting-fields]: spec.routes[4].action: expected exactly one of `pass`, \
                 `redirect`, `return` or `proxy`, found `pass` and `return`",
                "error[missing-field]: spec.routes[5].path: `path` must not be empty",
                "error[missing-field]: spec.routes[6].path: required field `path` is missing",
                "warning[not-found]: spec.routes[2].route: there is no VirtualServerRoute \
                 `shop/other`; nothing is served for it",
            ],
        )],
    );
}

#[test]
fn conditions() {
    // virtualserver §5.5
    refused(
        cafe,
        &[
            (
                "routes:\n- path: /\n  matches:\n\
             \x20 - {conditions: [], action: {pass: tea}}\n\
             \x20 - {action: {pass: tea}}\n\
             \x20 - {conditions: [{value: x}], action: {pass: tea}}\n\
             \x20 - {conditions: [{header: a, cookie: b}], action: {pass: tea}}\n\
             \x20 - {conditions: [{header: a}]}\n\
             \x20 action: {pass: tea}",
                &[
                    "error[missing-field]: spec.routes[0].matches[0].conditions: `conditions` must \
                 not be empty",
                    "error[missing-field]: spec.routes[0].matches[1].conditions: required field \
                 `conditions` is missing",
                    "error[missing-field]: spec.routes[0].matches[2].conditions[0]: expected exactly \
                 one of `header`, `cookie`, `argument` or `variable`, found none of them",
                    "error[conflicting-fields]: spec.routes[0].matches[3].conditions[0]: expected \
                 exactly one of `header`, `cookie`, `argument` or `variable`, found `header` and \
                 `cookie`",
                    "error[missing-field]: spec.routes[0].matches[4]: expected exactly one of \
                 `action` or `splits`, found none of them",
                ],
            ),
            (
                "routes:\n- path: /\n  matches:\n  - conditions:\n\
             \x20   - {header: x_a, value: ''}\n\
             \x20   - {cookie: a-b, value: ''}\n\
             \x20   - {argument: a-b, value: ''}\n\
             \x20   - {variable: $request_metod, value: ''}\n\
             \x20   - {variable: '${scheme}', value: ''}\n\
             \x20   - {header: a, value: '~a('}\n\
             \x20   - {header: a, value: 'say \"hi\"'}\n\
             \x20   - {header: a, value: 'a\\'}\n\
             \x20   action: {pass: tea}\n\
             \x20 action: {pass: tea}",
                &[
                    "error[invalid-value]: spec.routes[0].matches[0].conditions[0].header: `x_a` is \
                 not a header name: it may hold only letters, digits and `-`",
                    "error[invalid-value]: spec.routes[0].matches[0].conditions[1].cookie: `a-b` is \
                 not a name: it may hold only letters, digits and `_`",
                    "error[invalid-value]: spec.routes[0].matches[0].conditions[2].argument: `a-b` is \
                 not a name: it may hold only letters, digits and `_`",
                    "error[unsupported-value]: spec.routes[0].matches[0].conditions[3].variable: \
                 unknown variable `$request_metod`; did you mean `$request_method`?",
                    "error[unsupported-value]: spec.routes[0].matches[0].conditions[4].variable: \
                 `${scheme}` is not a variable; did you mean `$scheme`?",
                    "error[invalid-value]: spec.routes[0].matches[0].conditions[5].value: `a(` is not \
                 an expression: unclosed group (at character 2 of the expression)",
                    "error[invalid-value]: spec.routes[0].matches[0].conditions[6].value: `say \"hi\"` \
                 holds a `\"` that is not escaped; write `\\\"`, but not between double quotes, where YAML takes the `\\` away",
                    "error[invalid-value]: spec.routes[0].matches[0].conditions[7].value: `a\\` ends \
                 in a single `\\`; write `\\\\`",
                ],
            ),
        ],
    );
}

#[test]
fn splits() {
    // virtualserver §5.4
    refused(
        cafe,
        &[(
            "routes:\n- path: /\n  splits:\n  - {weight: 100, action: {pass: tea}}\n\
             - path: /b\n  splits:\n  - {weight: 101, action: {pass: tea}}\n  - {weight: -1}\n\
             - {path: /c, splits: []}",
            &[
                "error[out-of-range]: spec.routes[1].splits[0].weight: `101` is not between 0 and \
                 100",
                "error[out-of-range]: spec.routes[1].splits[1].weight: `-1` is not between 0 and \
                 100",
                "error[missing-field]: spec.routes[1].splits[1].action: required field `action` \
                 is missing",
                "error[invalid-value]: spec.routes[0].splits: `splits` needs at least two entries",
                "error[invalid-value]: spec.routes[2].splits: `splits` needs at least two entries",
            ],
        )],
    );
}

#[test]
fn too_many_conditions_refuse_their_object_alone() {
    // decisions §5: what compiling would refuse, with all other objects, is refused here
    let with = |count: usize| {
        let conditions = "{header: x, value: a}, ".repeat(count);
        let server = |name: &str, rest: &str| {
            format!(
                "---\napiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {{name: {name}}}\n\
                 spec:\n  host: {name}.example\n  routes:\n\
                 \x20 - {{path: ^~ /a, action: {{return: {{body: a}}}}}}\n\
                 \x20 - {{path: /a/b, action: {{return: {{body: a}}}}}}\n\
                 \x20 - path: ~ x\n{rest}    action: {{return: {{body: a}}}}\n"
            )
        };
        let matches = format!(
            "    matches: [{{conditions: [{conditions}], action: {{return: {{body: b}}}}}}]\n"
        );
        let mut resources = crate::Resources::new();
        resources.add_yaml("f.yaml", server("a", &matches) + &server("b", ""));
        let translation = crate::translate(&resources, &crate::Options::default());
        assert!(crate::Router::compile(&translation.rules).is_ok(), "{count}");
        translation.refused.len()
    };
    // The copy of the expression within `/a/b` asks for one thing more.
    assert_eq!((with(255), with(256)), (0, 1));
}

/// A route with this path.
fn with_path(path: &str) -> String {
    one_route(path, "action: {pass: tea}")
}

#[test]
fn paths_one_by_one() {
    // virtualserver §2, PATH and ESC, and §5.1
    const PLACE: &str = "spec.routes[0].";
    for path in ["/a b", "/a\\b", "/a;", "= /a b", "^~ /a;", "/\n"] {
        let plain = path.trim_start_matches(['=', '^', '~', ' ']);
        let want = format!(
            "invalid-value path: `{plain}` is not a path: it holds blanks, control characters, \
             `;` or `\\`"
        );
        refused_for(with_path, PLACE, &[(path, &want)]);
    }
    refused_for(
        with_path,
        PLACE,
        &[
            ("=//a", "invalid-value path: `//a` is not a path: it begins with `//`"),
            ("^~/a/..", "invalid-value path: `/a/..` is not a path: a path has no `..` segments"),
            (
                "~a\"",
                "invalid-value path: `a\"` holds a `\"` that is not escaped; write `\\\"`, but not between double quotes, where YAML takes the `\\` away",
            ),
            (
                "~*(a)\\1",
                "invalid-value path: `(a)\\1` is not an expression: backreferences are not \
                 supported (at character 4 of the expression)",
            ),
            (
                "!/a",
                "invalid-value path: `!/a` does not begin with `/`, `=`, `^~`, `~` or `~*`; did \
                 you mean `/!/a`?",
            ),
            (
                " ^~ /a ",
                "invalid-value path: ` ^~ /a ` does not begin with `/`, `=`, `^~`, `~` or `~*`; \
                 did you mean `^~ /a`?",
            ),
        ],
    );
}

#[test]
fn splits_one_by_one() {
    // virtualserver §5.4
    refused_for(
        |splits| one_route("/", &format!("splits: [{splits}]")),
        "spec.routes[0].splits",
        &[
            (
                "{weight: 50, action: {pass: tea}}, {weight: 51, action: {pass: tea}}",
                "invalid-value : the weights add up to 101, not to 100",
            ),
            (
                "{weight: 100, action: {pass: tea}}, {action: {pass: tea}}",
                "missing-field [1].weight: required field `weight` is missing",
            ),
        ],
    );
}
