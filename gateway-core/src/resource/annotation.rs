//! Annotations of ours: a slip in one would leave undone what was asked for (smi P-8).

use super::Problems;
use super::document::Value;
use crate::diagnostic::{Diagnostic, did_you_mean};

/// Each with the only kind that it belongs to; `None` where whoever reads it tells of others.
const KNOWN: [(&str, Option<&str>); 4] = [
    ("gateway/sticky-by", None),
    ("smi.gateway/sticky-by", None),
    ("gateway/mutual-tls", Some("Service")),
    ("smi.gateway/cookie-conditions", Some("HTTPRouteGroup")),
];

const PREFIXES: [&str; 2] = ["gateway", "smi.gateway"];

/// Looks at the annotations of a whole document of a kind.
pub(super) fn check(root: Value<'_>, kind: &str, problems: &mut Problems) {
    let metadata = root.children().find(|field| field.key() == Some("metadata"));
    let annotations = metadata.into_iter().flat_map(Value::children);
    let annotations = annotations.filter(|field| field.key() == Some("annotations"));
    for annotation in annotations.flat_map(Value::children) {
        let Some((name, (prefix, rest))) =
            annotation.key().and_then(|n| Some((n, n.split_once('/')?)))
        else {
            continue;
        };
        match KNOWN.iter().find(|(known, _)| *known == name) {
            Some((_, Some(of))) if *of != kind => {
                let message = format!("the annotation `{name}` has no effect here");
                let told = Diagnostic::warning("no-effect", &annotation.key_origin(), message);
                problems.push(told.help(format!("it belongs to a {of}")));
            }
            Some(_) => {}
            None if is_meant_for_us(prefix, rest) => {
                let severity = problems.unknown_field_severity();
                let message = format!("unknown annotation `{name}`");
                let origin = annotation.key_origin();
                let told = Diagnostic::new(severity, "unknown-field", &origin, message);
                let help = did_you_mean(name, KNOWN.map(|(known, _)| known));
                problems.push(Diagnostic { help, ..told });
            }
            None => {}
        }
    }
}

/// Of one of our prefixes, or nearly so and called like one of ours.
fn is_meant_for_us(prefix: &str, rest: &str) -> bool {
    let is_ours =
        |(known, _): &(&str, Option<&str>)| known.split_once('/').is_some_and(|(_, k)| k == rest);
    PREFIXES.contains(&prefix)
        || did_you_mean(prefix, PREFIXES).is_some() && KNOWN.iter().any(is_ours)
}

#[cfg(test)]
mod tests {
    use crate::resource::Resources;

    #[test]
    fn slips_in_annotations_of_ours_are_told() {
        // smi P-8
        let service = ("v1", "Service", "spec: {ports: [{port: 80}]}");
        let group =
            ("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", "spec: {matches: [{name: a}]}");
        let unknown = |name: &str, help: &str| {
            format!("warning[unknown-field]: unknown annotation `{name}`{help}")
        };
        for ((version, kind, spec), name, want) in [
            (service, "gateway/mutual-tls", None),
            (service, "gateway/mutual-ssl", Some(unknown("gateway/mutual-ssl", "; did you mean `gateway/mutual-tls`?"))),
            (service, "gateway/mtls", Some(unknown("gateway/mtls", ""))),
            (service, "gatway/mutual-tls", Some(unknown("gatway/mutual-tls", "; did you mean `gateway/mutual-tls`?"))),
            (service, "other.example/mutual-tls", None),
            (service, "gatway/other", None),
            (service, "plain", None),
            (group, "smi.gateway/cookie-condition", Some(unknown("smi.gateway/cookie-condition", "; did you mean `smi.gateway/cookie-conditions`?"))),
            (
                group,
                "gateway/mutual-tls",
                Some("warning[no-effect]: the annotation `gateway/mutual-tls` has no effect here; it belongs to a Service".into()),
            ),
        ] {
            let mut resources = Resources::new();
            let yaml = format!(
                "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a, annotations: {{{name}: 'true'}}}}\n{spec}\n"
            );
            resources.add_yaml("f", &yaml);
            let told: Vec<String> = resources
                .diagnostics()
                .iter()
                .map(|d| {
                    let help = d.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
                    format!("{}[{}]: {}{help}", d.severity, d.code, d.message)
                })
                .collect();
            assert_eq!(told, Vec::from_iter(want), "{name}");
        }
        let mut strict = Resources::with_defaults("default", true);
        strict.add_yaml("f", "apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {gateway/mtls: x}}\nspec: {}");
        assert_eq!(strict.refused().len(), 1);
    }
}
