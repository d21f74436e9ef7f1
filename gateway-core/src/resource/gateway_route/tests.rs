mod calls;
mod filters;
mod rules;

use crate::resource::Resources;

/// What is wrong with an HTTPRoute of this spec (indented by two blanks): `field: message (help)`.
fn problems(spec: &str) -> Vec<String> {
    problems_of("HTTPRoute", spec)
}

fn problems_of(kind: &str, spec: &str) -> Vec<String> {
    let text = format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: r}}\nspec:\n{spec}\n"
    );
    let mut resources = Resources::new();
    resources.add_yaml("t.yaml", &text);
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

/// Those of a rule, whose fields are indented by four blanks.
fn rule_problems(fields: &str) -> Vec<String> {
    problems(&format!("  rules:\n  -\n{fields}"))
}
