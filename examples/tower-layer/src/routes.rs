//! The routes in force.

use arc_swap::ArcSwap;
use embedding::unsupported;
use gateway_core::rules::RuleSet;
use gateway_core::{Diagnostic, Options, Resources, Router, Severity, translate};
use std::fmt;
use std::sync::Arc;

/// The routes in force. Clones share them: publish by one, and all have them.
#[derive(Clone)]
pub struct Routes {
    current: Arc<ArcSwap<Router>>,
    options: Arc<Options>,
}

/// Documents that are not taken.
#[derive(Debug)]
pub struct Refused(
    /// What is wrong with them: all of it, in document order.
    pub Vec<Diagnostic>,
);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "\n" };
            write!(f, "{separator}{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

impl Routes {
    /// Those of documents in YAML or JSON.
    ///
    /// # Errors
    ///
    /// [`Refused`], where anything is wrong with them.
    pub fn new(documents: &str, options: Options) -> Result<Self, Refused> {
        let compiled = Router::compile(&read(documents, &options)?);
        let current = Arc::new(ArcSwap::from_pointee(compiled.map_err(of_limits)?));
        Ok(Self { current, options: Arc::new(options) })
    }

    /// Puts others in their place. Requests under way keep those that they began with.
    ///
    /// # Errors
    ///
    /// [`Refused`], where anything is wrong with the documents: then nothing changes.
    pub fn publish(&self, documents: &str) -> Result<(), Refused> {
        let rules = read(documents, &self.options)?;
        // Only what has changed is compiled.
        let next = Router::compile_from(&self.current.load(), &rules).map_err(of_limits)?;
        self.current.store(Arc::new(next));
        Ok(())
    }

    /// What decides at this moment.
    pub(crate) fn current(&self) -> Arc<Router> {
        self.current.load_full()
    }
}

/// What documents mean. Warnings go to the log.
fn read(documents: &str, options: &Options) -> Result<RuleSet, Refused> {
    let mut resources = Resources::with_defaults("default", options.strict);
    resources.add_yaml("documents", documents);
    let translation = translate(&resources, options);
    let is_error = |it: &Diagnostic| it.severity == Severity::Error;
    let (errors, others): (Vec<_>, Vec<_>) =
        translation.diagnostics.into_iter().partition(is_error);
    if !errors.is_empty() {
        return Err(Refused(errors));
    }
    let lacks = unsupported(&translation.rules, false);
    let lacks = lacks.iter().map(|lack| lack.diagnostic(Severity::Warning));
    others.into_iter().chain(lacks).for_each(|told| tracing::warn!("{told}"));
    Ok(translation.rules)
}

fn of_limits(errors: gateway_core::CompileErrors) -> Refused {
    Refused(errors.0.into_iter().map(Diagnostic::from).collect())
}
