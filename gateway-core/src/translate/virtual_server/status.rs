//! The states that objects of this dialect show (virtualserver §1).

use crate::diagnostic::{Diagnostic, Severity};
use crate::resource::Resource;
use crate::translate::{ObjectStatus, State, Status};
use std::sync::Arc;

/// The state of an object of which `diagnostics` are told.
pub(super) fn state<'d>(refused: bool, diagnostics: impl Iterator<Item = &'d Diagnostic>) -> State {
    // A refused object shows what has to be mended; the rest can wait.
    let least = if refused { Severity::Error } else { Severity::Warning };
    let messages: Vec<String> =
        diagnostics.filter(|diagnostic| diagnostic.severity >= least).map(sentence).collect();
    if refused {
        return State::new("Invalid", "Rejected", messages.join("; "));
    }
    let valid = State::new("Valid", "AddedOrUpdated", "");
    messages.into_iter().fold(valid, with_warning)
}

/// The state of an object that is in force, with one thing more that is wrong.
pub(super) fn with_warning(state: State, message: String) -> State {
    let message = match state.message.is_empty() {
        true => message,
        false => format!("{}; {message}", state.message),
    };
    State::new("Warning", "AddedOrUpdatedWithWarning", message)
}

/// The status that `resource` shows.
pub(super) fn of<T>(resource: &Resource<T>, status: Status) -> ObjectStatus {
    ObjectStatus {
        api_version: "k8s.nginx.org/v1".into(),
        object: Arc::clone(resource.object()),
        generation: resource.meta.generation,
        status,
    }
}

fn sentence(diagnostic: &Diagnostic) -> String {
    match &*diagnostic.field {
        "" => diagnostic.message.clone(),
        field => format!("{field}: {}", diagnostic.message),
    }
}
