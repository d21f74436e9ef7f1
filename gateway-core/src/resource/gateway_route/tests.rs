mod calls;
mod cors;
mod external_auth;
mod filters;
mod rules;
mod session;

use super::Rule;
use crate::resource::Resources;

/// What is wrong with an HTTPRoute of this spec (indented by two blanks): `field: message (help)`.
fn problems(spec: &str) -> Vec<String> {
    problems_of("HTTPRoute", spec)
}

fn problems_of(kind: &str, spec: &str) -> Vec<String> {
    let resources = load(kind, spec);
    assert_eq!(
        resources.gateway_routes().count(),
        usize::from(resources.refused().is_empty()),
        "{spec}"
    );
    let say = |d: &crate::Diagnostic| {
        let help = d.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}: {}{help}", d.field, d.message)
    };
    resources.diagnostics().iter().map(say).collect()
}

fn load(kind: &str, spec: &str) -> Resources {
    let text = format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: r}}\nspec:\n{spec}\n"
    );
    let mut resources = Resources::new();
    resources.add_yaml("t.yaml", &text);
    resources
}

/// Those of a rule, whose fields are indented by four blanks.
fn rule_problems(fields: &str) -> Vec<String> {
    problems(&format!("  rules:\n  -\n{fields}"))
}

/// What is read of such a rule.
fn rule(fields: &str) -> Rule {
    let resources = load("HTTPRoute", &format!("  rules:\n  -\n{fields}"));
    let route = resources.gateway_routes().next().unwrap_or_else(|| panic!("{fields}"));
    route.spec.rules[0].clone()
}

/// What the standard channel does not have.
fn experimental(kind: &str, fields: &str) -> Vec<String> {
    let resources = load(kind, &format!("  rules:\n  -\n{fields}"));
    let route = resources.gateway_routes().next().unwrap_or_else(|| panic!("{fields}"));
    route.spec.channels.standard.iter().map(|d| d.field.to_string()).collect()
}
