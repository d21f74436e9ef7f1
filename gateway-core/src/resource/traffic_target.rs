//! TrafficTarget of `access.smi-spec.io` (smi §6.1).

use super::Problems;
use super::document::{Located, Mapping, Value};
use super::fields::is_empty;
use super::smi::reference::{Allowed, Reference, RouteKind, Rule};
use super::smi::{self, Version};
use crate::diagnostic::Diagnostic;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrafficTarget {
    /// Whose permissions these are.
    pub(crate) destination: Reference<Identity>,
    /// The port of the destination that they are for; `None`: every port.
    pub(crate) port: Option<Located<u16>>,
    /// What may be asked. None admits nothing (smi T-12).
    pub(crate) rules: Vec<Rule>,
    /// Who may ask. None admits nobody (smi T-12).
    pub(crate) sources: Vec<Reference<Identity>>,
}

/// What identities are named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Identity {
    ServiceAccount,
    IdentityBinding,
}

const IDENTITIES: [Allowed<Identity>; 2] = [
    ("ServiceAccount", Version::V1alpha1, Identity::ServiceAccount),
    ("IdentityBinding", Version::V1alpha4, Identity::IdentityBinding),
];

const ROUTES: [Allowed<RouteKind>; 3] = [
    ("HTTPRouteGroup", Version::V1alpha1, RouteKind::HttpRouteGroup),
    ("TCPRoute", Version::V1alpha1, RouteKind::TcpRoute),
    ("UDPRoute", Version::V1alpha3, RouteKind::UdpRoute),
];

impl TrafficTarget {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let (version, mut fields) = smi::open(root, problems)?;
        let outside = Parts::of(&mut fields);
        let written = fields.field("spec");
        let mut spec = written.and_then(|spec| spec.mapping(problems));
        let inside = spec.as_mut().map(Parts::of).unwrap_or_default();
        let parts = inside.settle(&outside, version, problems);
        if written.is_none() || spec.is_some() {
            parts.require(version, &mut fields, spec.as_mut(), problems);
        }
        fields.finish_with(smi::UNKNOWN_FIELD, problems);
        if let Some(spec) = spec {
            spec.finish_with(smi::UNKNOWN_FIELD, problems);
        }
        let destination = parts.destination.and_then(|v| read_destination(v, version, problems));
        let rules = items(parts.rules, version, ("no-rules", "rule"), problems);
        let rules = rules.into_iter().filter_map(|v| Rule::read(v, &ROUTES, version, problems));
        let rules = rules.collect();
        let sources = items(parts.sources, version, ("no-sources", "source"), problems);
        let sources = sources.into_iter().filter_map(|v| read_source(v, version, problems));
        let sources = sources.collect();
        let (destination, port) = destination?;
        Some(Self { destination, port, rules, sources })
    }
}

/// The fields of a TrafficTarget at one place, or those that count.
#[derive(Debug, Clone, Copy, Default)]
struct Parts<'d> {
    destination: Option<Value<'d>>,
    /// Under the name of v1alpha1.
    specs: Option<Value<'d>>,
    rules: Option<Value<'d>>,
    sources: Option<Value<'d>>,
}

impl<'d> Parts<'d> {
    fn of(fields: &mut Mapping<'d>) -> Self {
        Self {
            destination: fields.field("destination"),
            specs: fields.field("specs"),
            rules: fields.field("rules"),
            sources: fields.field("sources"),
        }
    }

    /// Those that count, from whichever place they stand at (smi P-2).
    fn settle(self, outside: &Self, version: Version, problems: &mut Problems) -> Self {
        let [destination, rules, sources] = if version < Version::V1alpha2 {
            ["destination", "specs", "sources"]
        } else {
            ["spec.destination", "spec.rules", "spec.sources"]
        };
        let lists = [self.rules, self.specs, outside.rules, outside.specs];
        let mut settle = |written: &[Option<Value<'d>>], right| {
            smi::settle(written.iter().copied(), Some(right), version, problems)
        };
        Self {
            destination: settle(&[self.destination, outside.destination], destination),
            specs: None,
            rules: settle(&lists, rules),
            sources: settle(&[self.sources, outside.sources], sources),
        }
    }

    /// Reports those that have to be there and are not (smi T-12).
    fn require(
        &self,
        version: Version,
        root: &mut Mapping<'d>,
        spec: Option<&mut Mapping<'d>>,
        problems: &mut Problems,
    ) {
        let lists = version >= Version::V1alpha3;
        let missing = [
            ("destination", self.destination.is_none()),
            ("rules", lists && self.rules.is_none()),
            ("sources", lists && self.sources.is_none()),
        ];
        let mut missing = missing.into_iter().filter(|(_, missing)| *missing).peekable();
        if missing.peek().is_none() {
            return;
        }
        let place = match spec {
            _ if version < Version::V1alpha2 => root,
            Some(spec) => spec,
            None => {
                root.required("spec", problems);
                return;
            }
        };
        for (name, _) in missing {
            place.required(name, problems);
        }
    }
}

/// The items of a list, of which there is at least one from v1alpha3 on (smi T-12).
fn items<'d>(
    list: Option<Value<'d>>,
    version: Version,
    (code, what): (&'static str, &str),
    problems: &mut Problems,
) -> Vec<Value<'d>> {
    let Some(list) = list else { return Vec::new() };
    if version >= Version::V1alpha3 && is_empty(list) {
        let message = format!("a TrafficTarget has at least one {what}");
        problems.push(Diagnostic::error(code, &list.origin(), message));
    }
    list.list(problems).collect()
}

fn read_destination(
    value: Value<'_>,
    version: Version,
    problems: &mut Problems,
) -> Option<(Reference<Identity>, Option<Located<u16>>)> {
    let mut fields = value.mapping(problems)?;
    let destination = read_identity(&mut fields, "a destination", version, problems);
    let port = fields.field("port");
    if let Some(port) = port
        && version >= Version::V1alpha3
    {
        let message = format!("{} has no `port` here; it is applied", version.as_str());
        smi::warn_misplaced(port, message, problems);
    }
    let port = port.and_then(|port| Some(port.located(port.port(problems)?)));
    fields.finish_with(smi::UNKNOWN_FIELD, problems);
    Some((destination?, port))
}

fn read_source(
    value: Value<'_>,
    version: Version,
    problems: &mut Problems,
) -> Option<Reference<Identity>> {
    let mut fields = value.mapping(problems)?;
    let source = read_identity(&mut fields, "a source", version, problems);
    // The schemas of NGINX Service Mesh have it; nothing uses it.
    fields.field("port");
    fields.finish_with(smi::UNKNOWN_FIELD, problems);
    source
}

fn read_identity(
    fields: &mut Mapping<'_>,
    what: &str,
    version: Version,
    problems: &mut Problems,
) -> Option<Reference<Identity>> {
    let group = fields.field("group");
    let read = Reference::read(fields, what, &IDENTITIES, version, problems)?;
    let (kind, right) = match read.kind.value {
        Identity::ServiceAccount => ("ServiceAccount", ""),
        Identity::IdentityBinding => ("IdentityBinding", "access.smi-spec.io"),
    };
    smi::check_group(group, kind, right, problems);
    Some(read)
}

#[cfg(test)]
mod tests;
