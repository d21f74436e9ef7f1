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
    #[allow(dead_code, reason = "for those who put it into effect")]
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
