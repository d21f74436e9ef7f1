//! From documents to a table, again and again. What is wrong stays small: the last good version of
//! a refused document stays in force (decisions §5), and where there is no table at all, the last
//! one does.

use crate::callers::unknown_callers;
use crate::certificates::Certificates;
use crate::config::Config;
use crate::documents::{DocumentState, Fates};
use crate::identity::Identities;
use crate::snapshot::{Surroundings, unspeakable};
use crate::source::Sources;
use crate::unsupported::{unknown_endpoints, unsupported};
use gateway_core::{
    CompileErrors, Diagnostic, ObjectRef, Options, Pods, Resources, Router, Translation, translate,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Reads and compiles documents, and remembers the last good ones.
pub(crate) struct Loader {
    sources: Sources,
    namespace: String,
    options: Options,
    trust_pod_ips: bool,
    last: Option<Last>,
    identities: Identities,
    certificates: Certificates,
}

/// The last documents that were good, and their table.
struct Last {
    resources: Resources,
    router: Router,
}

/// What documents come to.
pub(crate) struct Loaded {
    pub(crate) router: Result<Router, CompileErrors>,
    pub(crate) surroundings: Surroundings,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What became of each document; empty where there is no table.
    pub(crate) documents: BTreeMap<Arc<ObjectRef>, DocumentState>,
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
        Self {
            sources: Sources::new(config.sources.clone()),
            namespace: config.namespace.clone(),
            options,
            trust_pod_ips: config.trust_pod_ips,
            last: None,
            identities: Identities::default(),
            certificates: Certificates::default(),
        }
    }

    /// Whether the sources differ from what was loaded last.
    pub(crate) fn changed(&self, settle: impl Fn()) -> bool {
        self.sources.changed(settle)
    }

    /// Reads and compiles everything.
    pub(crate) fn load(&mut self) -> Loaded {
        let (texts, mut diagnostics) = self.sources.read();
        let options = &self.options;
        let mut resources = Resources::with_defaults(&self.namespace, options.strict);
        for text in &texts {
            resources.add_yaml(&text.name, &text.bytes);
        }
        let mut translation = translate(&resources, options);
        diagnostics.append(&mut translation.diagnostics);
        let mut fates = Fates::default();
        fates.refuse(resources.refused().iter().filter_map(|refused| refused.object.as_ref()));
        fates.refuse(&translation.refused);
        let refused = translation.refused.clone();
        if self.restore(&mut resources, &refused, &mut fates) {
            translation = self.translate_again(&resources, &mut diagnostics);
        }
        let mut router = self.compile(&translation);
        // A document beyond a limit harms only itself, too.
        if let Err(CompileErrors(errors)) = &router {
            let objects =
                errors.iter().filter_map(|error| Some(error.origin.as_ref()?.object.clone()));
            let refused: Vec<Arc<ObjectRef>> = objects.collect();
            diagnostics.extend(errors.iter().cloned().map(Diagnostic::from));
            // Where no document is to blame, leaving some out would not help.
            if !refused.is_empty() {
                resources.forget(&refused);
                fates.refuse(&refused);
                self.restore(&mut resources, &refused, &mut fates);
                translation = self.translate_again(&resources, &mut diagnostics);
                router = self.compile(&translation);
            }
        }
        // Nobody else is taken for one.
        let pods = if self.trust_pod_ips { Pods::of(&resources) } else { Pods::default() };
        let mut documents = BTreeMap::new();
        if let Ok(router) = &router {
            diagnostics.extend(unsupported(router.rules()));
            diagnostics.extend(unspeakable(router.rules()));
            diagnostics.extend(unknown_endpoints(router.rules(), &translation.endpoints));
            diagnostics.extend(unknown_callers(router.rules(), self.trust_pod_ips));
            resources.forget(&translation.refused);
            fates.refuse(&translation.refused);
            documents = fates.states(&resources);
            self.last = Some(Last { resources, router: router.clone() });
        }
        let Translation { rules, endpoints, .. } = translation;
        let identity = self.identities.next(rules.identity.as_ref(), &mut diagnostics);
        let sections = self.certificates.next(&rules, &mut diagnostics);
        let surroundings = Surroundings { endpoints, pods, identity, sections };
        Loaded { router, surroundings, diagnostics, documents }
    }

    /// Puts the last good versions of refused documents in their place. Tells whether there are
    /// any.
    fn restore(
        &self,
        resources: &mut Resources,
        refused: &[Arc<ObjectRef>],
        fates: &mut Fates,
    ) -> bool {
        let Some(last) = &self.last else { return false };
        let restored = resources.restore(refused, &last.resources);
        let any = !restored.is_empty();
        fates.restore(restored);
        any
    }

    /// Hosts that are as before are not compiled again.
    fn compile(&self, translation: &Translation) -> Result<Router, CompileErrors> {
        match &self.last {
            Some(last) => Router::compile_from(&last.router, &translation.rules),
            None => Router::compile(&translation.rules),
        }
    }

    /// What was wrong with the refused documents is not found again without them: what is found
    /// now is added to `diagnostics`.
    fn translate_again(
        &self,
        resources: &Resources,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Translation {
        let mut translation = translate(resources, &self.options);
        let known: BTreeSet<Diagnostic> = diagnostics.iter().cloned().collect();
        let more = std::mem::take(&mut translation.diagnostics);
        diagnostics.extend(more.into_iter().filter(|d| !known.contains(d)));
        translation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    /// A VirtualServer in which a literal and a parameter cross on so many levels.
    fn server(name: &str, levels: usize) -> String {
        let mut text = format!(
            "apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {{name: {name}}}\nspec:\n  \
             host: {name}.example\n  upstreams: [{{name: u, service: s, port: 80}}]\n  routes:\n"
        );
        let mut path = "/{q}".to_owned();
        for level in 0..levels {
            text.push_str(&format!("  - {{path: '{path}/{{p{level}}}', action: {{pass: u}}}}\n"));
            path.push_str("/a");
            text.push_str(&format!("  - {{path: '{path}', action: {{pass: u}}}}\n"));
        }
        text
    }

    #[test]
    fn documents_without_a_namespace_have_another_one_than_clients() {
        // smi P-4, R-2
        let text = server("cafe", 1);
        let namespace_of = |namespace: &str| {
            let mut config = Config {
                sources: vec![Source::Text { name: "x.yaml".into(), text: text.clone() }],
                namespace: namespace.to_owned(),
                ..Config::default()
            };
            config.options.client_namespace = "elsewhere".into();
            let router = Loader::new(&config).load().router.unwrap();
            let hosts = router.rules().listeners[0].hosts.clone();
            hosts.iter().map(|h| h.origin.object.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(namespace_of("shop"), ["VirtualServer shop/cafe"]);
        assert_eq!(namespace_of(&Config::default().namespace), ["VirtualServer default/cafe"]);
    }

    #[test]
    fn a_document_beyond_a_limit_harms_only_itself() {
        // decisions §5
        let text = format!("{}---\n{}", server("deep", 80), server("fine", 2));
        let sources = vec![Source::Text { name: "x.yaml".into(), text }];
        let mut loader = Loader::new(&Config { sources, ..Config::default() });
        let loaded = loader.load();
        let hosts = loaded.router.unwrap().rules().listeners[0].hosts.clone();
        assert_eq!(
            hosts.iter().map(|h| h.hostname.to_string()).collect::<Vec<_>>(),
            ["fine.example"]
        );
        let errors: Vec<_> = loaded.diagnostics.iter().filter(|d| d.code == "limit").collect();
        assert_eq!(errors.len(), 1, "{:?}", loaded.diagnostics);
        assert_eq!(errors[0].object.as_ref().unwrap().to_string(), "VirtualServer default/deep");
    }
}
