//! From documents to a table, again and again. What is wrong stays small: the last good version of
//! a refused document stays in force (decisions §5), and where there is no table at all, the last
//! one does.

use crate::config::Config;
use crate::source::Sources;
use gateway_core::{CompileErrors, Diagnostic, Endpoints, Options, Resources, Router, translate};
use std::collections::BTreeSet;

/// Reads and compiles documents, and remembers the last good ones.
pub(crate) struct Loader {
    sources: Sources,
    options: Options,
    last: Option<Resources>,
}

/// What documents come to.
pub(crate) struct Loaded {
    pub(crate) router: Result<Router, CompileErrors>,
    pub(crate) endpoints: Endpoints,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Loader {
    pub(crate) fn new(config: &Config) -> Self {
        let mut options = config.options.clone();
        options
            .known_services
            .extend(config.services.iter().map(|service| (service.name.clone(), service.port)));
        if config.dns {
            options.assume_services = Some(true);
        }
        Self { sources: Sources::new(config.sources.clone()), options, last: None }
    }

    /// Whether the sources differ from what was loaded last.
    pub(crate) fn changed(&self, settle: impl Fn()) -> bool {
        self.sources.changed(settle)
    }

    /// Reads and compiles everything.
    pub(crate) fn load(&mut self) -> Loaded {
        let (texts, mut diagnostics) = self.sources.read();
        let options = &self.options;
        let mut resources = Resources::with_defaults(&options.client_namespace, options.strict);
        for text in &texts {
            resources.add_yaml(&text.name, &text.bytes);
        }
        let mut translation = translate(&resources, options);
        diagnostics.append(&mut translation.diagnostics);
        if let Some(last) = &self.last
            && !resources.restore(&translation.refused, last).is_empty()
        {
            translation = translate(&resources, options);
            // What was wrong with the refused documents is not found again in the restored ones.
            let known: BTreeSet<Diagnostic> = diagnostics.iter().cloned().collect();
            let more = std::mem::take(&mut translation.diagnostics);
            diagnostics.extend(more.into_iter().filter(|d| !known.contains(d)));
        }
        let router = Router::compile(&translation.rules);
        if router.is_ok() {
            resources.forget(&translation.refused);
            self.last = Some(resources);
        }
        Loaded { router, endpoints: translation.endpoints, diagnostics }
    }
}
