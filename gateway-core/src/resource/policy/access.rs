//! `spec.accessControl` (virtualserver §16.1).

use crate::resource::Problems;
use crate::resource::document::{At, Mapping};
use crate::resource::fields::{Text, exactly_one, is_empty, texts};

/// Which addresses may come, or may not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AccessControl {
    pub(crate) at: At,
    /// Whether the list is `allow`; `None` when something is wrong with it.
    pub(crate) allows: Option<bool>,
    pub(crate) networks: Vec<Text>,
    /// Whether the list was written without entries.
    pub(crate) is_empty: bool,
}

impl AccessControl {
    pub(super) fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let list = exactly_one(&mut of, &["allow", "deny"], problems);
        let networks = list.map(|list| texts(&mut of, list, problems)).unwrap_or_default();
        let is_empty = list.and_then(|list| of.field(list)).is_some_and(is_empty);
        let at = of.value().at();
        of.finish(problems);
        Self { at, allows: list.map(|list| list == "allow"), networks, is_empty }
    }
}
