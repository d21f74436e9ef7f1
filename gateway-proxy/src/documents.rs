//! What became of each document.

use gateway_core::{ObjectRef, Resources};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentState {
    /// It is in force, though there may be warnings.
    Accepted,
    /// It is refused, and its last good version is in force.
    LastGood,
    /// It is refused, and nothing of it is in force.
    Refused,
}

impl DocumentState {
    /// One word, for `/config`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::LastGood => "last-good",
            Self::Refused => "refused",
        }
    }
}

/// Notes what becomes of documents while they are loaded.
#[derive(Default)]
pub(crate) struct Fates {
    refused: BTreeSet<Arc<ObjectRef>>,
    restored: BTreeSet<Arc<ObjectRef>>,
}

impl Fates {
    /// Notes those in which something is wrong.
    pub(crate) fn refuse<'o>(&mut self, objects: impl IntoIterator<Item = &'o Arc<ObjectRef>>) {
        self.refused.extend(objects.into_iter().cloned());
    }

    /// Notes those whose last good versions were put back.
    pub(crate) fn restore(&mut self, objects: Vec<Arc<ObjectRef>>) {
        self.restored.extend(objects);
    }

    /// What became of each, where `in_force` has those of which something is.
    pub(crate) fn states(self, in_force: &Resources) -> BTreeMap<Arc<ObjectRef>, DocumentState> {
        let refused = self.refused.into_iter().chain(self.restored.iter().cloned());
        let mut states: BTreeMap<_, _> = refused.map(|o| (o, DocumentState::Refused)).collect();
        for object in in_force.objects() {
            let state = match self.restored.contains(object) {
                true => DocumentState::LastGood,
                false => DocumentState::Accepted,
            };
            states.insert(Arc::clone(object), state);
        }
        states
    }
}
