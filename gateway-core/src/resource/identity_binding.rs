//! IdentityBinding of `access.smi-spec.io` (smi T-6).
//!
//! `spec.schemes` is a mapping; a list of such mappings is taken as well. SMI's pages spell the
//! selector of pods in two ways, `podLabelSelector` (one) and `podLabelSelectors` (a list).

use super::Problems;
use super::document::{Kind, Located, Mapping, Value};
use super::fields::{Text, optional_text, text, texts};
use super::{meta, smi};
use crate::diagnostic::Diagnostic;
use std::collections::BTreeMap;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IdentityBinding {
    /// Any of them will do; there is at least one.
    pub(crate) schemes: Vec<Scheme>,
}

/// One way to tell workloads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scheme {
    /// Labels that the Pod has, at least one.
    PodLabels(Located<BTreeMap<Box<str>, Box<str>>>),
    /// A SPIFFE id, without `spiffe://`.
    Spiffe(Text),
    /// A service account of the binding's namespace.
    ServiceAccount(Text),
}

impl IdentityBinding {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let (_, mut fields) = smi::open(root, problems)?;
        let spec = fields.required("spec", problems).and_then(|spec| spec.mapping(problems));
        fields.finish_with(smi::UNKNOWN_FIELD, problems);
        let mut spec = spec?;
        let written = spec.required("schemes", problems);
        spec.finish_with(smi::UNKNOWN_FIELD, problems);
        let written = written?;
        let mappings = match written.kind() {
            Kind::List => written.children().collect(),
            _ => vec![written],
        };
        let mut schemes = Vec::new();
        let errors = problems.errors();
        for mapping in mappings {
            if let Some(fields) = mapping.mapping(problems) {
                read_schemes(fields, &mut schemes, problems);
            }
        }
        let has = |of: fn(&Scheme) -> bool| schemes.iter().any(of);
        if has(|s| matches!(s, Scheme::PodLabels(_)))
            && has(|s| matches!(s, Scheme::ServiceAccount(_)))
        {
            let message = "`podLabelSelector` and `serviceAccount` exclude each other";
            let told = Diagnostic::error("conflicting-fields", &written.origin(), message);
            problems.push(told.help("write an IdentityBinding for each"));
        }
        if schemes.is_empty() && problems.errors() == errors {
            let message = "an IdentityBinding has at least one scheme";
            let told = Diagnostic::error("no-schemes", &written.origin(), message);
            problems.push(
                told.help(
                    "schemes are `podLabelSelector`, `spiffeIdentities` and `serviceAccount`",
                ),
            );
        }
        Some(Self { schemes })
    }
}

fn read_schemes(mut fields: Mapping<'_>, schemes: &mut Vec<Scheme>, problems: &mut Problems) {
    if let Some(selector) = fields.field("podLabelSelector") {
        schemes.extend(read_selector(selector, problems));
    }
    let selectors: Vec<Value<'_>> = fields
        .field("podLabelSelectors")
        .map_or_else(Vec::new, |list| list.list(problems).collect());
    schemes.extend(selectors.into_iter().filter_map(|v| read_selector(v, problems)));
    for id in texts(&mut fields, "spiffeIdentities", problems) {
        schemes.push(Scheme::Spiffe(id));
    }
    if let Some(list) = fields.field("spiffeIdentities") {
        list.children().for_each(|id| check_spiffe(id, problems));
    }
    schemes
        .extend(optional_text(&mut fields, "serviceAccount", problems).map(Scheme::ServiceAccount));
    fields.finish_with(smi::UNKNOWN_FIELD, problems);
}

fn read_selector(value: Value<'_>, problems: &mut Problems) -> Option<Scheme> {
    let mut fields = value.mapping(problems)?;
    text(&mut fields, "name", problems);
    if let Some(expressions) = fields.field("matchExpressions") {
        // Without them the selector would take more Pods than it should.
        let message = "SMI has no `matchExpressions` here";
        let told = Diagnostic::error("unsupported-field", &expressions.key_origin(), message);
        problems.push(told.help("list the labels under `matchLabels`"));
    }
    let labels = fields.required("matchLabels", problems);
    fields.finish_with(smi::UNKNOWN_FIELD, problems);
    let labels = labels?;
    if *labels.kind() == Kind::Mapping && labels.children().next().is_none() {
        let message = "`matchLabels` has at least one label";
        let told = Diagnostic::error("no-labels", &labels.origin(), message);
        problems.push(told.help("without any it would take every Pod of the namespace"));
        return None;
    }
    Some(Scheme::PodLabels(labels.located(meta::texts(labels, problems))))
}

fn check_spiffe(id: Value<'_>, problems: &mut Problems) {
    const SCHEME: &str = "spiffe://";
    let Kind::String(text) = id.kind() else { return };
    let (message, help) = if text.is_empty() {
        ("a SPIFFE id must not be empty".to_owned(), None)
    } else if let Some(rest) = text.strip_prefix(SCHEME) {
        let message = format!("SPIFFE ids stand here without `{SCHEME}`");
        let help = format!("leave it out: `{}`", super::document::shorten(rest));
        (message, Some(help))
    } else {
        return;
    };
    problems.push(Diagnostic { help, ..Diagnostic::error("invalid-value", &id.origin(), message) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::tests::{read, shown};

    fn binding(schemes: &str) -> crate::Resources {
        read(&format!(
            "apiVersion: access.smi-spec.io/v1alpha4\nkind: IdentityBinding\n\
             metadata: {{name: a}}\nspec: {{{schemes}}}"
        ))
    }

    #[test]
    fn schemes_are_alternatives() {
        // smi T-6
        let spiffe = "spiffeIdentities: [cluster.local/ns/a/sa/b, other/x]";
        let ids = ["cluster.local/ns/a/sa/b", "other/x"];
        for (schemes, want) in [
            (format!("{{{spiffe}, serviceAccount: s}}"), vec![ids[0], ids[1], "account s"]),
            (format!("[{{{spiffe}}}, {{serviceAccount: s}}]"), vec![ids[0], ids[1], "account s"]),
            (
                "{podLabelSelector: {matchLabels: {app: a, tier: b}}}".into(),
                vec!["labels app=a tier=b"],
            ),
            (
                "{podLabelSelectors: [{name: x, matchLabels: {app: a}}, {matchLabels: {b: c}}]}"
                    .into(),
                vec!["labels app=a", "labels b=c"],
            ),
        ] {
            let resources = binding(&format!("schemes: {schemes}"));
            assert_eq!(shown(&resources), [""; 0], "{schemes}");
            let found: Vec<String> = resources
                .identity_bindings()
                .flat_map(|binding| &binding.spec.schemes)
                .map(|scheme| match scheme {
                    Scheme::PodLabels(labels) => {
                        let labels: Vec<_> =
                            labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                        format!("labels {}", labels.join(" "))
                    }
                    Scheme::Spiffe(id) => id.value.to_string(),
                    Scheme::ServiceAccount(name) => format!("account {}", name.value),
                })
                .collect();
            assert_eq!(found, want, "{schemes}");
        }
    }

    #[test]
    fn wrong_bindings_are_refused_with_a_reason() {
        // smi T-6
        for (schemes, want) in [
            (
                "schemes: {podLabelSelector: {matchLabels: {a: b}}, serviceAccount: s}",
                "4:17: error[conflicting-fields]: spec.schemes: `podLabelSelector` and \
                 `serviceAccount` exclude each other; write an IdentityBinding for each",
            ),
            (
                "schemes: [{podLabelSelector: {matchLabels: {a: b}}}, {serviceAccount: s}]",
                "4:17: error[conflicting-fields]: spec.schemes: `podLabelSelector` and \
                 `serviceAccount` exclude each other; write an IdentityBinding for each",
            ),
            (
                "schemes: {spiffeIdentities: [a/b, 'spiffe://a/b']}",
                "4:42: error[invalid-value]: spec.schemes.spiffeIdentities[1]: SPIFFE ids stand \
                 here without `spiffe://`; leave it out: `a/b`",
            ),
            (
                "schemes: {spiffeIdentities: ['']}",
                "4:37: error[invalid-value]: spec.schemes.spiffeIdentities[0]: a SPIFFE id must \
                 not be empty",
            ),
            (
                "schemes: {spiffeIdentities: a/b}",
                "4:36: error[wrong-type]: spec.schemes.spiffeIdentities: expected a list, found \
                 the text `a/b`; put each item on a line of its own, behind `- `",
            ),
            ("", "4:7: error[missing-field]: spec.schemes: required field `schemes` is missing"),
            (
                "schemes: {}",
                "4:17: error[no-schemes]: spec.schemes: an IdentityBinding has at least one \
                 scheme; schemes are `podLabelSelector`, `spiffeIdentities` and `serviceAccount`",
            ),
            (
                "schemes: {podLabelSelector: {matchLabels: {}}}",
                "4:50: error[no-labels]: spec.schemes.podLabelSelector.matchLabels: `matchLabels` \
                 has at least one label; without any it would take every Pod of the namespace",
            ),
            (
                "schemes: {podLabelSelector: {matchLabels: {a: b}, matchExpressions: []}}",
                "4:58: error[unsupported-field]: spec.schemes.podLabelSelector.matchExpressions: \
                 SMI has no `matchExpressions` here; list the labels under `matchLabels`",
            ),
            (
                "schemes: {podLabelSelector: {matchLabels: {a: 1}}}",
                "4:54: error[wrong-type]: spec.schemes.podLabelSelector.matchLabels.a: expected \
                 text, found the number `1`; put it in quotes",
            ),
            (
                "schemes: {serviceAccount: s, spiffeIds: []}",
                "4:37: warning[SMI-W02]: spec.schemes.spiffeIds: unknown field `spiffeIds`; known \
                 are `podLabelSelector`, `podLabelSelectors`, `spiffeIdentities`, `serviceAccount`",
            ),
        ] {
            let resources = binding(schemes);
            let found: Vec<_> = shown(&resources)
                .iter()
                .map(|text| text.replace("f.yaml:", "").replace(" IdentityBinding default/a:", ""))
                .collect();
            assert_eq!(found, [want], "{schemes}");
            let kept = usize::from(want.contains("warning"));
            assert_eq!(resources.identity_bindings().count(), kept, "{schemes}");
        }
    }
}
