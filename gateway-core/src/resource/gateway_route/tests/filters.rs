//! Filters of rules.

use super::rule_problems;

#[test]
fn header_modifiers_name_each_header_once_and_leave_framing_alone() {
    // gateway-api §13.1
    let at = "spec.rules[0].filters[0].requestHeaderModifier";
    for (block, want) in [
        ("set: [{name: A, value: '1'}], add: [{name: b, value: '1'}], remove: [c]", vec![]),
        (
            "set: [{name: A, value: '1'}, {name: a, value: '1'}]",
            vec![format!("{at}.set[1]: `a` stands here a second time")],
        ),
        (
            "set: [{name: A, value: '1'}], add: [{name: a, value: '1'}], remove: [a]",
            vec![
                format!("{at}.add[0]: `a` stands here a second time"),
                format!("{at}.remove[0]: `a` stands here a second time"),
            ],
        ),
        (
            "set: [{name: Host, value: x}]",
            vec![format!(
                "{at}.set[0].name: `Host` is changed by `urlRewrite.hostname`, not by a header modifier"
            )],
        ),
        (
            "remove: [Transfer-Encoding]",
            vec![format!(
                "{at}.remove[0]: `Transfer-Encoding` belongs to the connection and cannot be changed"
            )],
        ),
        (
            "set: [{name: 'a b', value: x}]",
            vec![format!(
                "{at}.set[0].name: `a b` is not a header name (it is made of letters, digits and ``!#$%&'*+-.^_`|~``)"
            )],
        ),
        (
            "set: [{name: a, value: \"x\\r\\ny\"}]",
            vec![format!(
                "{at}.set[0].value: `x…` is not a header value (it holds no control characters)"
            )],
        ),
    ] {
        let filter = format!(
            "    filters: [{{type: RequestHeaderModifier, requestHeaderModifier: {{{block}}}}}]"
        );
        assert_eq!(rule_problems(&filter), want, "{block}");
    }
}
