//! Label selectors of Kubernetes: which objects are meant, by their labels (gateway-api §9.2).

use super::Problems;
use super::document::Value;
use super::fields;
use super::scalar::{self, LABEL_KEY, LABEL_VALUE};
use crate::diagnostic::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};

/// What labels an object must have and must not have. One that asks for nothing selects every
/// object.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// One thing that is asked of the labels of an object.
#[derive(Debug, Clone, PartialEq)]
struct Requirement {
    key: Box<str>,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    In(BTreeSet<Box<str>>),
    /// An object without the label passes, too.
    NotIn(BTreeSet<Box<str>>),
    Exists,
    DoesNotExist,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

const OPERATORS: [(&str, Operator); 4] = [
    ("In", Operator::In),
    ("NotIn", Operator::NotIn),
    ("Exists", Operator::Exists),
    ("DoesNotExist", Operator::DoesNotExist),
];

impl LabelSelector {
    pub(super) fn read(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut of = value.mapping(problems)?;
        let mut requirements = Vec::new();
        if let Some(labels) = fields::mapping(&mut of, "matchLabels", problems) {
            for label in labels.value().children() {
                let key = LABEL_KEY.read_key(label, problems);
                let value = LABEL_VALUE.read(label, problems);
                if let (Some(key), Some(value)) = (key, value) {
                    let test = Test::In(BTreeSet::from([value.into()]));
                    requirements.push(Requirement { key: key.into(), test });
                }
            }
        }
        if let Some(list) = of.field("matchExpressions") {
            let items: Vec<_> = list.list(problems).collect();
            requirements.extend(items.into_iter().filter_map(|v| Requirement::read(v, problems)));
        }
        of.finish(problems);
        Some(Self { requirements })
    }

    /// Whether an object with these labels is meant.
    pub(crate) fn selects(&self, labels: &BTreeMap<Box<str>, Box<str>>) -> bool {
        self.requirements.iter().all(|requirement| {
            let label = labels.get(&requirement.key);
            match &requirement.test {
                Test::In(values) => label.is_some_and(|value| values.contains(value)),
                Test::NotIn(values) => label.is_none_or(|value| !values.contains(value)),
                Test::Exists => label.is_some(),
                Test::DoesNotExist => label.is_none(),
            }
        })
    }
}

impl Requirement {
    fn read(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = value.mapping(problems)?;
        let key = fields.required("key", problems).and_then(|v| LABEL_KEY.read(v, problems));
        let operator = fields.required("operator", problems);
        let operator = operator.and_then(|v| scalar::one_of(v, &OPERATORS, problems));
        let list = fields.field("values");
        let items = list.map_or_else(Vec::new, |list| list.list(problems).collect());
        let values = items.iter().filter_map(|v| LABEL_VALUE.read(*v, problems));
        let values = values.map(Into::into).collect();
        fields.finish(problems);
        let operator = operator?;
        let (needs_values, test) = match operator {
            Operator::In => (true, Test::In(values)),
            Operator::NotIn => (true, Test::NotIn(values)),
            Operator::Exists => (false, Test::Exists),
            Operator::DoesNotExist => (false, Test::DoesNotExist),
        };
        if needs_values == items.is_empty() {
            let (code, rule) = match needs_values {
                true => ("missing-field", "needs"),
                false => ("conflicting-fields", "has no"),
            };
            let operator = OPERATORS.iter().find(|(_, known)| *known == operator);
            let name = operator.map_or("", |(name, _)| name);
            let message = format!("the operator `{name}` {rule} `values`");
            problems.push(Diagnostic::error(code, &value.origin(), message));
        }
        Some(Self { key: key?.into(), test })
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use super::*;
    use crate::resource::document::Document;
    use crate::resource::yaml::{self, Limits};

    /// The selector that is written so, and what is wrong with it: `field: message`.
    fn read(text: &str) -> (Option<LabelSelector>, Vec<String>) {
        let mut documents: Vec<Document> = Vec::new();
        yaml::read(&"f".into(), text.as_bytes(), &Limits::default(), |reading| {
            documents.push(reading.document);
        });
        let mut problems = Problems::new(false);
        let root = documents.first().and_then(Document::root);
        let selector = root.and_then(|root| LabelSelector::read(root, &mut problems));
        let told = problems.told().iter().map(|d| format!("{}: {}", d.field, d.message));
        (selector, told.collect())
    }

    #[test]
    fn objects_are_selected_by_all_that_is_asked_of_their_labels() {
        // gateway-api §9.2
        let expression = |text: &str| format!("{{matchExpressions: [{{key: a, {text}}}]}}");
        let is_in = expression("operator: In, values: [x, y]");
        let is_not_in = expression("operator: NotIn, values: [x, y]");
        let exists = expression("operator: Exists");
        let is_missing = expression("operator: DoesNotExist, values: []");
        let both = "{matchLabels: {b: '1'}, matchExpressions: [{key: a, operator: Exists}]}";
        for (selector, labels, want) in [
            ("{}", "", true),
            ("{matchLabels: {}, matchExpressions: []}", "a=x", true),
            ("{matchLabels: {a: x}}", "a=x b=1", true),
            ("{matchLabels: {a: x}}", "a=y", false),
            ("{matchLabels: {a: x}}", "b=x", false),
            ("{matchLabels: {a: ''}}", "a=", true),
            ("{matchLabels: {a: ''}}", "", false),
            ("{matchLabels: {a: x, b: '1'}}", "a=x", false),
            (&is_in, "a=x", true),
            (&is_in, "a=y", true),
            (&is_in, "a=z", false),
            (&is_in, "", false),
            (&is_not_in, "a=x", false),
            (&is_not_in, "a=z", true),
            (&is_not_in, "b=x", true),
            (&exists, "a=", true),
            (&exists, "b=x", false),
            (&is_missing, "a=", false),
            (&is_missing, "b=x", true),
            (both, "a=x b=1", true),
            (both, "a=x", false),
            (both, "b=1", false),
        ] {
            let pair = |text: &str| text.split_once('=').map(|(key, v)| (key.into(), v.into()));
            let labels: BTreeMap<_, _> = labels.split(' ').filter_map(pair).collect();
            let (found, told) = read(selector);
            assert_eq!(told, [""; 0], "{selector}");
            assert_eq!(found.map(|s| s.selects(&labels)), Some(want), "{selector} {labels:?}");
        }
    }

    #[test]
    fn selectors_are_checked() {
        // gateway-api §2
        let field = "matchExpressions[0]";
        for (selector, want) in [
            ("{matchLabels: {-a: x}}", "matchLabels.-a: `-a` is not the key of a label".to_owned()),
            ("{matchLabels: {a: x/y}}", "matchLabels.a: `x/y` is not the value of a label".into()),
            (
                "{matchExpressions: [{operator: Exists}]}",
                format!("{field}.key: required field `key` is missing"),
            ),
            (
                "{matchExpressions: [{key: a/, operator: Exists}]}",
                format!("{field}.key: `a/` is not the key of a label"),
            ),
            (
                "{matchExpressions: [{key: a}]}",
                format!("{field}.operator: required field `operator` is missing"),
            ),
            (
                "{matchExpressions: [{key: a, operator: Is}]}",
                format!(
                    "{field}.operator: `Is` is not one of `In`, `NotIn`, `Exists`, `DoesNotExist`"
                ),
            ),
            (
                "{matchExpressions: [{key: a, operator: In}]}",
                format!("{field}: the operator `In` needs `values`"),
            ),
            (
                "{matchExpressions: [{key: a, operator: NotIn, values: []}]}",
                format!("{field}: the operator `NotIn` needs `values`"),
            ),
            (
                "{matchExpressions: [{key: a, operator: Exists, values: [x]}]}",
                format!("{field}: the operator `Exists` has no `values`"),
            ),
            (
                "{matchExpressions: [{key: a, operator: DoesNotExist, values: [x]}]}",
                format!("{field}: the operator `DoesNotExist` has no `values`"),
            ),
            (
                "{matchExpressions: [{key: a, operator: In, values: [x y]}]}",
                format!("{field}.values[0]: `x y` is not the value of a label"),
            ),
            ("{matchLabel: {}}", "matchLabel: unknown field `matchLabel`".into()),
        ] {
            assert_eq!(read(selector).1, [want], "{selector}");
        }
    }
}
