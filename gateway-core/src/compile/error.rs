//! Why rules cannot be compiled.

use crate::diagnostic::{Diagnostic, Severity};
use crate::origin::Origin;
use std::fmt;

/// One thing that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// Where it was written; `None` when the rules as a whole are meant.
    pub origin: Option<Origin>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl From<CompileError> for Diagnostic {
    fn from(error: CompileError) -> Self {
        let (object, field, span) = match error.origin {
            Some(origin) => (Some(origin.object), origin.field, origin.span),
            None => (None, "".into(), None),
        };
        let severity = Severity::Error;
        Self { severity, code: "limit", object, field, span, message: error.message, help: None }
    }
}

/// Every problem found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileErrors(pub Vec<CompileError>);

impl fmt::Display for CompileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for CompileErrors {}
