//! The status that VirtualServers and Policies show (virtualserver §1).

use crate::diagnostic::{Diagnostic, Severity};
use crate::resource::Resource;
use crate::translate::{ObjectStatus, State, Status};
use std::sync::Arc;

/// The status of `resource`, with all that is wrong in its message.
pub(super) fn of<'d, T>(
    resource: &Resource<T>,
    show: fn(State) -> Status,
    refused: bool,
    diagnostics: impl Iterator<Item = &'d Diagnostic>,
) -> ObjectStatus {
    // A refused object shows what has to be mended; the rest can wait.
    let least = if refused { Severity::Error } else { Severity::Warning };
    let messages: Vec<String> =
        diagnostics.filter(|diagnostic| diagnostic.severity >= least).map(sentence).collect();
    let (state, reason) = match (refused, messages.is_empty()) {
        (true, _) => ("Invalid", "Rejected"),
        (false, false) => ("Warning", "AddedOrUpdatedWithWarning"),
        (false, true) => ("Valid", "AddedOrUpdated"),
    };
    ObjectStatus {
        api_version: "k8s.nginx.org/v1".into(),
        object: Arc::clone(resource.object()),
        generation: resource.meta.generation,
        status: show(State {
            state: state.into(),
            reason: reason.into(),
            message: messages.join("; "),
        }),
    }
}

fn sentence(diagnostic: &Diagnostic) -> String {
    match &*diagnostic.field {
        "" => diagnostic.message.clone(),
        field => format!("{field}: {}", diagnostic.message),
    }
}
