//! `accessControl`.

use super::*;
use crate::rules::{AccessRule, Networks};

#[test]
fn lists_of_networks() {
    // virtualserver §16.1
    let networks =
        |texts: &[&str]| -> Networks { texts.iter().map(|t| t.parse().unwrap()).collect() };
    for (spec, want) in [
        (
            "accessControl: {allow: [10.0.0.0/8, '2001:db8::1']}",
            AccessRule::Allow(networks(&["10.0.0.0/8", "2001:db8::1"])),
        ),
        ("accessControl: {deny: [192.0.2.7]}", AccessRule::Deny(networks(&["192.0.2.7"]))),
    ] {
        let access = lowered(spec).access.unwrap();
        assert_eq!(access.rule, want, "{spec}");
        assert_eq!(access.origin.to_string(), "Policy shop/p: spec.accessControl");
    }
    // An empty list restricts nothing, and says so.
    let told = ["warning[no-effect]: spec.accessControl: the list is empty and restricts nothing"];
    let empty = policy("p", "accessControl: {allow: []}");
    assert_eq!(policies_and_told(&empty, "[{name: p}]", &told).access, None);
}

#[test]
fn refusals() {
    // virtualserver §16.1
    assert_refused(&[
        (
            "accessControl: {}",
            &["error[missing-field]: spec.accessControl: expected exactly one of `allow` or \
                 `deny`, found none of them"],
        ),
        (
            "accessControl: {allow: [10.0.0.1], deny: [10.0.0.2]}",
            &["error[conflicting-fields]: spec.accessControl: expected exactly one of `allow` \
                 or `deny`, found `allow` and `deny`"],
        ),
        (
            "accessControl: {allow: [10.0.0.1, 10.0.0.0/33, x, '::1/64']}",
            &[
                "error[invalid-value]: spec.accessControl.allow[1]: `10.0.0.0/33` is neither an \
                 IP address nor a CIDR like `10.0.0.0/8`",
                "error[invalid-value]: spec.accessControl.allow[2]: `x` is neither an IP address \
                 nor a CIDR like `10.0.0.0/8`",
            ],
        ),
        (
            "accessControl: {deny: [localhost, 7], permit: []}",
            &[
                "error[wrong-type]: spec.accessControl.deny[1]: expected text, found the number \
                 `7`; put it in quotes",
                "warning[unknown-field]: spec.accessControl.permit: unknown field `permit`; known are `allow`, `deny`",
                "error[invalid-value]: spec.accessControl.deny[0]: `localhost` is neither an IP \
                 address nor a CIDR like `10.0.0.0/8`",
            ],
        ),
        (
            "accessControl: {allow: 10.0.0.1}",
            &["error[wrong-type]: spec.accessControl.allow: expected a list, found the text \
                 `10.0.0.1`; put each item on a line of its own, behind `- `"],
        ),
    ]);
}
