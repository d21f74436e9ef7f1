//! TrafficSplit of `split.smi-spec.io` (smi §3.1).

mod weight;

use super::Problems;
use super::document::{At, Kind, Located, Mapping, Value};
use super::smi::{self, Version};
use super::sticky;
use crate::diagnostic::Diagnostic;
use crate::rules::Field;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrafficSplit {
    /// The root service.
    pub(crate) service: Located<Box<str>>,
    /// At least one; the weights add up to less than 2^63.
    pub(crate) backends: Vec<Backend>,
    /// Names of HTTPRouteGroups.
    pub(crate) matches: Vec<Located<Box<str>>>,
    pub(crate) sticky_by: Option<Field>,
}

/// A service and its share.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Backend {
    pub(crate) at: At,
    pub(crate) service: Located<Box<str>>,
    pub(crate) weight: u64,
}

impl TrafficSplit {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let (version, mut fields) = smi::open(root, problems)?;
        let sticky_by = sticky::read_traffic_split(root, problems);
        let spec = fields.required("spec", problems).and_then(|spec| spec.mapping(problems));
        fields.finish_with(smi::UNKNOWN_FIELD, problems);
        let mut spec = spec?;
        let service =
            spec.required("service", problems).and_then(|service| smi::text(service, problems));
        let backends = spec
            .required("backends", problems)
            .and_then(|backends| read_backends(backends, version, problems));
        let matches = read_matches(&mut spec, version, problems);
        spec.finish_with(smi::UNKNOWN_FIELD, problems);
        Some(Self { service: service?, backends: backends?, matches, sticky_by })
    }
}

fn read_backends(
    list: Value<'_>,
    version: Version,
    problems: &mut Problems,
) -> Option<Vec<Backend>> {
    let items: Vec<Value<'_>> = list.list(problems).collect();
    if items.is_empty() && matches!(list.kind(), Kind::List) {
        // smi W-9
        let message = "a TrafficSplit has at least one backend";
        problems.push(Diagnostic::error("no-backends", &list.origin(), message));
    }
    let mut backends = Vec::with_capacity(items.len());
    let mut weights = Vec::with_capacity(items.len());
    for item in &items {
        let Some(mut fields) = item.mapping(problems) else { continue };
        let service =
            fields.required("service", problems).and_then(|service| smi::text(service, problems));
        let weight = fields
            .required("weight", problems)
            .and_then(|weight| weight::read(weight, version, problems));
        fields.finish_with(smi::UNKNOWN_FIELD, problems);
        if let (Some(service), Some(weight)) = (service, weight) {
            backends.push(Backend { at: item.at(), service, weight: 0 });
            weights.push(weight);
        }
    }
    let Some(weights) = weight::relative(&weights, version) else {
        let message = "the sum of the weights does not fit 63 bits";
        problems.push(Diagnostic::error("weights-too-large", &list.origin(), message));
        return None;
    };
    for (backend, weight) in backends.iter_mut().zip(weights) {
        backend.weight = weight;
    }
    (!backends.is_empty()).then_some(backends)
}

fn read_matches(
    spec: &mut Mapping<'_>,
    version: Version,
    problems: &mut Problems,
) -> Vec<Located<Box<str>>> {
    let Some(list) = spec.field("matches") else { return Vec::new() };
    if version < Version::V1alpha3 {
        let message = format!("{} has no `matches`; it is applied", version.as_str());
        smi::warn_misplaced(list, message, problems);
    }
    let items: Vec<Value<'_>> = list.list(problems).collect();
    items.into_iter().filter_map(|item| read_match(item, problems)).collect()
}

/// A reference to an HTTPRouteGroup.
fn read_match(item: Value<'_>, problems: &mut Problems) -> Option<Located<Box<str>>> {
    let mut fields = item.mapping(problems)?;
    smi::check_group(fields.field("apiGroup"), "HTTPRouteGroup", smi::SPECS_GROUP, problems);
    if let Some(kind) = fields.required("kind", problems)
        && let Some(written) = kind.string(problems)
        && written != "HTTPRouteGroup"
    {
        // smi S-12
        let message = format!("`matches` refers to kind `HTTPRouteGroup` only, not `{written}`");
        problems.push(Diagnostic::error("wrong-kind", &kind.origin(), message));
    }
    let name = fields.required("name", problems).and_then(|name| smi::text(name, problems));
    fields.finish_with(smi::UNKNOWN_FIELD, problems);
    name
}
