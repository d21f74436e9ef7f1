//! What is wrong with a reference or an object, in the words of its status.

use crate::diagnostic::{Diagnostic, Severity};
use crate::origin::Origin;
use crate::translate::Context;

/// A reason of a condition, and why.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub(super) reason: &'static str,
    pub(super) message: String,
    help: Option<String>,
    severity: Severity,
}

impl Fault {
    pub(super) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), help: None, severity: Severity::Error }
    }

    /// The same where nothing has to be wrong: what is missing may be somewhere else than in the
    /// documents at hand.
    pub(super) fn mild(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    pub(super) fn help(self, help: impl Into<Option<String>>) -> Self {
        Self { help: help.into(), ..self }
    }

    /// Whether it comes with advice.
    #[cfg(test)]
    pub(super) fn advises(&self) -> bool {
        self.help.is_some()
    }

    /// Tells it of the field at `origin`, under the reason as code.
    pub(super) fn tell(&self, origin: &Origin, context: &mut Context<'_>) {
        let problem = Diagnostic::new(self.severity, self.reason, origin, &*self.message);
        context.problems.push(Diagnostic { help: self.help.clone(), ..problem });
    }

    /// The same as a warning, whatever is wrong.
    pub(super) fn warn(&self, origin: &Origin, context: &mut Context<'_>) {
        self.clone().mild().tell(origin, context);
    }
}
