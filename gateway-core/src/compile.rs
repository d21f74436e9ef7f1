//! Rules to tables.

use crate::Request;
use crate::decision::Decision;
use crate::origin::Origin;
use crate::rules::RuleSet;
use std::fmt;

/// An immutable routing table, cheap to clone and safe to share. New configuration, new table.
#[derive(Clone)]
pub struct Router {}

/// What compiling refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most routes of one host.
    pub routes_per_host: usize,
    /// Most routes in all.
    pub routes: usize,
    /// Most conditions of one route.
    pub conditions_per_route: usize,
    /// Most bytes of all compiled expressions together.
    pub regex_bytes: usize,
}

/// One thing that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// Where it was written; `None` when the rules as a whole are meant.
    pub origin: Option<Origin>,
    /// What is wrong.
    pub message: String,
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
            if let Some(origin) = &error.origin {
                write!(f, "{origin}: ")?;
            }
            f.write_str(&error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for CompileErrors {}

impl Router {
    /// Lowers `rules` into lookup tables, within the default [`Limits`].
    ///
    /// # Errors
    ///
    /// Every problem found, not only the first.
    pub fn compile(rules: &RuleSet) -> Result<Self, CompileErrors> {
        let _ = rules;
        todo!()
    }

    /// The rules that the router was compiled from.
    pub fn rules(&self) -> &RuleSet {
        todo!()
    }

    /// Decides what to do with `request`. Never fails: no match is an outcome too.
    ///
    /// `draw` is 64 uniformly random bits, for choices by weight.
    pub fn decide<R: Request>(&self, request: &R, draw: u64) -> Decision<'_> {
        let _ = (request, draw);
        todo!()
    }
}
