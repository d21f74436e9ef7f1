//! From which namespaces a listener takes routes, or a Gateway takes ListenerSets.

use crate::resource::Problems;
use crate::resource::document::Value;
use crate::resource::label_selector::LabelSelector;
use crate::resource::scalar;

/// From which namespaces objects may come.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FromNamespaces {
    All,
    /// Only from that of the object which takes them.
    Same,
    None,
    /// By labels of the namespace.
    Selector(LabelSelector),
}

#[derive(Clone, Copy)]
enum From {
    All,
    Selector,
    Same,
    None,
}

const FROM: [(&str, From); 4] =
    [("All", From::All), ("Selector", From::Selector), ("Same", From::Same), ("None", From::None)];

impl FromNamespaces {
    /// `namespaces` of a listener: those of routes.
    pub(super) fn of_routes(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let [known @ .., _none] = &FROM;
        read(value, known, Self::Same, problems)
    }

    /// `allowedListeners` of a Gateway: the namespaces of ListenerSets.
    pub(super) fn of_listeners(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = value.mapping(problems)?;
        let namespaces = match fields.field("namespaces") {
            Some(field) => read(field, &FROM, Self::None, problems),
            None => Some(Self::None),
        };
        fields.finish(problems);
        namespaces
    }
}

fn read(
    value: Value<'_>,
    known: &[(&'static str, From)],
    default: FromNamespaces,
    problems: &mut Problems,
) -> Option<FromNamespaces> {
    let mut fields = value.mapping(problems)?;
    let from = fields.field("from").map(|field| scalar::one_of(field, known, problems));
    let selector = fields.field("selector");
    fields.finish(problems);
    Some(match from {
        None => default,
        Some(from) => match from? {
            From::All => FromNamespaces::All,
            From::Same => FromNamespaces::Same,
            From::None => FromNamespaces::None,
            From::Selector => match selector {
                Some(selector) => {
                    FromNamespaces::Selector(LabelSelector::read(selector, problems)?)
                }
                // As in Kubernetes: what is left out selects nothing, what is empty everything.
                None => FromNamespaces::None,
            },
        },
    })
}
