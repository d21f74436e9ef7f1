//! What a route is attached to (gateway-api §9.1).

use super::ChannelFaults;
use crate::diagnostic::Diagnostic;
use crate::resource::GATEWAY_GROUP;
use crate::resource::Problems;
use crate::resource::document::{At, Value};
use crate::resource::scalar::{self, NAMESPACE, OBJECT_NAME, SECTION_NAME};

/// What a route wants to be attached to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParentRef {
    pub(crate) group: Box<str>,
    pub(crate) kind: Box<str>,
    /// `None`: the route's own.
    pub(crate) namespace: Option<Box<str>>,
    pub(crate) name: Box<str>,
    /// `None`: all listeners.
    pub(crate) section: Option<Box<str>>,
    /// `None`: all ports.
    pub(crate) port: Option<u16>,
    pub(crate) at: At,
}

/// `parentRefs` of a route of any kind.
pub(crate) fn read_list(
    list: Value<'_>,
    channels: &mut ChannelFaults,
    problems: &mut Problems,
) -> Vec<ParentRef> {
    let items = scalar::items(list, 0, 32, problems);
    let parents: Vec<_> = items.into_iter().filter_map(|item| read(item, problems)).collect();
    check_distinct(&parents, list, channels);
    parents
}

fn read(value: Value<'_>, problems: &mut Problems) -> Option<ParentRef> {
    let mut fields = value.mapping(problems)?;
    let (group, kind) = scalar::group_and_kind(&mut fields, (GATEWAY_GROUP, "Gateway"), problems);
    let namespace = fields.field("namespace").and_then(|v| NAMESPACE.read(v, problems));
    let name = fields.required("name", problems);
    let name = name.and_then(|v| OBJECT_NAME.read(v, problems));
    let section = fields.field("sectionName").and_then(|v| SECTION_NAME.read(v, problems));
    let port = fields.field("port").and_then(|v| v.port(problems));
    fields.finish(problems);
    Some(ParentRef {
        group,
        kind,
        namespace: namespace.map(Into::into),
        name: name?.into(),
        section: section.map(Into::into),
        port,
        at: value.at(),
    })
}

/// References to one parent must tell its listeners apart: in the standard channel by section, in
/// the experimental one by section and port (gateway-api §9.1).
fn check_distinct(parents: &[ParentRef], list: Value<'_>, channels: &mut ChannelFaults) {
    let same = |a: &ParentRef, b: &ParentRef| {
        (&a.group, &a.kind, &a.namespace, &a.name) == (&b.group, &b.kind, &b.namespace, &b.name)
    };
    let pairs = || {
        let later = |(i, a)| parents[i + 1..].iter().map(move |b| (a, b));
        parents.iter().enumerate().flat_map(later).filter(|(a, b)| same(a, b))
    };
    let problem = |parent: &ParentRef, by: &str| {
        let message = format!(
            "several entries name {} `{}` without telling its listeners apart",
            parent.kind, parent.name
        );
        Diagnostic::error("duplicate", &list.origin(), message)
            .help(format!("give each of them its own {by}"))
    };
    if let Some((a, _)) =
        pairs().find(|(a, b)| a.section.is_none() || b.section.is_none() || a.section == b.section)
    {
        channels.standard.push(problem(a, "`sectionName`"));
    }
    if let Some((a, _)) = pairs().find(|(a, b)| {
        a.section.is_some() != b.section.is_some()
            || a.port.is_some() != b.port.is_some()
            || (&a.section, a.port) == (&b.section, b.port)
    }) {
        channels.experimental.push(problem(a, "`sectionName` or `port`"));
    }
}
