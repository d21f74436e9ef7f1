//! GlobalConfiguration of `k8s.nginx.org/v1`: listeners that VirtualServers name.

use super::Problems;
use super::document::{At, Located, Mapping, Value};
use super::fields::{Text, flag, items, required_text, text, whole};
use crate::diagnostic::Diagnostic;

/// As written (virtualserver §8). Listeners with errors are left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct GlobalConfiguration {
    pub(crate) listeners: Vec<Listener>,
    /// What reading found wrong; kept as that of a VirtualServer is.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The number of errors that reading found.
    pub(crate) errors: usize,
}

/// `spec.listeners[]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listener {
    pub(crate) at: At,
    pub(crate) name: Text,
    pub(crate) port: Located<u16>,
    pub(crate) protocol: Text,
    pub(crate) ssl: bool,
    pub(crate) ipv4: Option<Text>,
    pub(crate) ipv6: Option<Text>,
}

impl GlobalConfiguration {
    /// Reads a whole document.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let (read, diagnostics, errors) = whole(root, problems, Self::read_spec)?;
        Some(Self { diagnostics, errors, ..read })
    }

    fn read_spec(mut spec: Mapping<'_>, problems: &mut Problems) -> Self {
        let listeners = items(&mut spec, "listeners", problems, Listener::read);
        spec.finish(problems);
        Self { listeners: listeners.into_iter().flatten().collect(), ..Self::default() }
    }
}

impl Listener {
    /// `None` when something is wrong with it.
    fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Option<Self> {
        let errors = problems.errors();
        let name = required_text(&mut of, "name", problems);
        let port = of.required("port", problems);
        let port = port.and_then(|v| Some(v.located(v.port(problems)?)));
        let protocol = required_text(&mut of, "protocol", problems);
        let ssl = flag(&mut of, "ssl", false, problems);
        let ipv4 = text(&mut of, "ipv4", problems).filter(|text| !text.is_empty());
        let ipv6 = text(&mut of, "ipv6", problems).filter(|text| !text.is_empty());
        let at = of.value().at();
        of.finish(problems);
        let read = Self { at, name: name?, port: port?, protocol: protocol?, ssl, ipv4, ipv6 };
        (problems.errors() == errors).then_some(read)
    }
}
