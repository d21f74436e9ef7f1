//! What is wrong with one object, and what that does to it.

use crate::diagnostic::{Diagnostic, Severity, did_you_mean};
use crate::origin::Origin;
use crate::resource::Problems;
use crate::resource::document::{At, Document};
use std::sync::Arc;

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Fault {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid-value", message)
    }

    /// `written` is none of `known`.
    pub(super) fn unsupported<'k>(
        what: &str,
        written: &str,
        known: impl IntoIterator<Item = &'k str> + Clone,
    ) -> Self {
        let fault = Self::new("unsupported-value", format!("unknown {what} `{written}`"));
        match did_you_mean(written, known.clone()) {
            Some(help) => fault.help(help),
            None => {
                let known: Vec<_> = known.into_iter().map(|name| format!("`{name}`")).collect();
                fault.help(format!("known are {}", known.join(", ")))
            }
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Collects what is wrong.
///
/// An error refuses the whole object. What is *withheld* is an error too, but only its own scope
/// suffers: it answers 500, so that nothing passes that was meant to be guarded.
#[derive(Debug)]
pub(super) struct Report {
    document: Arc<Document>,
    problems: Problems,
    refused: bool,
}

impl Report {
    pub(super) fn new(document: Arc<Document>) -> Self {
        Self { document, problems: Problems::default(), refused: false }
    }

    pub(super) fn origin(&self, at: At) -> Origin {
        self.document.origin(at)
    }

    pub(super) fn error(&mut self, at: At, fault: Fault) {
        self.error_with(at, || fault);
    }

    /// As [`Report::error`], for what is costly to say.
    pub(super) fn error_with(&mut self, at: At, fault: impl FnOnce() -> Fault) {
        self.refused = true;
        self.push(Severity::Error, at, fault);
    }

    pub(super) fn withheld(&mut self, at: At, fault: Fault) {
        self.push(Severity::Error, at, || fault);
    }

    pub(super) fn warning(&mut self, at: At, fault: Fault) {
        self.warning_with(at, || fault);
    }

    /// As [`Report::warning`], for what is costly to say.
    pub(super) fn warning_with(&mut self, at: At, fault: impl FnOnce() -> Fault) {
        self.push(Severity::Warning, at, fault);
    }

    pub(super) fn notice(&mut self, at: At, fault: Fault) {
        self.push(Severity::Notice, at, || fault);
    }

    /// The value, or an error at `at`.
    pub(super) fn check<T>(&mut self, at: At, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.error(at, fault)).ok()
    }

    fn push(&mut self, severity: Severity, at: At, fault: impl FnOnce() -> Fault) {
        let document = &self.document;
        self.problems.push_with(document.object(), severity, || {
            let Fault { code, message, help } = fault();
            let told = Diagnostic::new(severity, code, &document.origin(at), message);
            Diagnostic { help, ..told }
        });
    }

    /// Whether the object is refused.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    /// What is told so far.
    pub(super) fn told(&self) -> &[Diagnostic] {
        self.problems.told()
    }

    pub(super) fn into_problems(self) -> Problems {
        self.problems
    }
}
