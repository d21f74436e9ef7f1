//! References from one object to others: by kind, name and namespace (smi P-1, P-5).

use super::super::Problems;
use super::super::document::{At, Located, Mapping, Value};
use super::super::fields::{Text, optional_text, quoted, required_text, texts};
use super::Version;
use crate::diagnostic::{Diagnostic, did_you_mean};

/// A reference to an object that may be of several kinds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reference<K> {
    pub(crate) at: At,
    pub(crate) kind: Located<K>,
    pub(crate) name: Text,
    /// `None`: that of the object which refers (smi T-4, D-26).
    pub(crate) namespace: Option<Text>,
}

/// A kind that can be referred to, and the first version in which it can.
pub(in crate::resource) type Allowed<K> = (&'static str, Version, K);

/// A reference to traffic specs: a group of conditions, or layer 4 traffic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub(crate) at: At,
    pub(crate) kind: Located<RouteKind>,
    pub(crate) name: Text,
    /// Names of matches of the group. None: all of them (smi §6.4).
    pub(crate) matches: Vec<Text>,
}

/// The kinds of traffic specs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RouteKind {
    HttpRouteGroup,
    TcpRoute,
    UdpRoute,
}

impl<K: Copy> Reference<K> {
    /// Reads the fields that every reference has. `what` is its name with its article.
    pub(in crate::resource) fn read(
        fields: &mut Mapping<'_>,
        what: &str,
        kinds: &[Allowed<K>],
        version: Version,
        problems: &mut Problems,
    ) -> Option<Self> {
        let kind = read_kind(fields, what, kinds, version, problems);
        let name = required_text(fields, "name", problems);
        let namespace = optional_text(fields, "namespace", problems);
        Some(Self { at: fields.value().at(), kind: kind?, name: name?, namespace })
    }
}

impl Rule {
    pub(in crate::resource) fn read(
        item: Value<'_>,
        kinds: &[Allowed<RouteKind>],
        version: Version,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut fields = item.mapping(problems)?;
        let kind = read_kind(&mut fields, "a rule", kinds, version, problems);
        let name = required_text(&mut fields, "name", problems);
        let matches = texts(&mut fields, "matches", problems);
        fields.finish_with(super::UNKNOWN_FIELD, problems);
        Some(Self { at: item.at(), kind: kind?, name: name?, matches })
    }
}

fn read_kind<K: Copy>(
    fields: &mut Mapping<'_>,
    what: &str,
    kinds: &[Allowed<K>],
    version: Version,
    problems: &mut Problems,
) -> Option<Located<K>> {
    let value = fields.required("kind", problems)?;
    let written = value.string(problems)?;
    let Some((name, since, kind)) = kinds.iter().find(|(name, ..)| *name == written) else {
        let names: Vec<&str> = kinds.iter().map(|(name, ..)| *name).collect();
        let written = super::super::document::shorten(written);
        let message = format!("{what} is of kind {}, not `{written}`", quoted(&names, "or"));
        let mut diagnostic = Diagnostic::error("wrong-kind", &value.origin(), message);
        diagnostic.help = did_you_mean(&written, names);
        problems.push(diagnostic);
        return None;
    };
    if version < *since {
        let message = format!("{} has no {name} here; it is applied", version.as_str());
        super::warn_misplaced(value, message, problems);
    }
    Some(value.located(*kind))
}
