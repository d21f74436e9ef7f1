//! ReferenceGrant of `gateway.networking.k8s.io` (gateway-api §19).

use super::Problems;
use super::document::Value;
use super::scalar::{self, GROUP, KIND, NAMESPACE, OBJECT_NAME};

/// Which objects of other namespaces may refer to which objects of its own, as written: each of
/// `from` to each of `to`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReferenceGrant {
    pub(crate) from: Vec<From>,
    pub(crate) to: Vec<To>,
}

/// Objects that may refer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct From {
    pub(crate) group: Box<str>,
    pub(crate) kind: Box<str>,
    pub(crate) namespace: Box<str>,
}

/// Objects that may be referred to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct To {
    pub(crate) group: Box<str>,
    pub(crate) kind: Box<str>,
    /// `None`: every name.
    pub(crate) name: Option<Box<str>>,
}

impl ReferenceGrant {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = scalar::spec(root, problems)?.mapping(problems)?;
        let mut items = |name| {
            let list = fields.required(name, problems);
            list.map_or_else(Vec::new, |list| scalar::items(list, 1, 16, problems))
        };
        let (from, to) = (items("from"), items("to"));
        fields.finish(problems);
        Some(Self {
            from: from.into_iter().filter_map(|v| From::read(v, problems)).collect(),
            to: to.into_iter().filter_map(|v| To::read(v, problems)).collect(),
        })
    }
}

impl From {
    fn read(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = value.mapping(problems)?;
        let group = fields.required("group", problems).and_then(|v| GROUP.read(v, problems));
        let kind = fields.required("kind", problems).and_then(|v| KIND.read(v, problems));
        let namespace = fields.required("namespace", problems);
        let namespace = namespace.and_then(|v| NAMESPACE.read(v, problems));
        fields.finish(problems);
        Some(Self { group: group?.into(), kind: kind?.into(), namespace: namespace?.into() })
    }
}

impl To {
    fn read(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = value.mapping(problems)?;
        let group = fields.required("group", problems).and_then(|v| GROUP.read(v, problems));
        let kind = fields.required("kind", problems).and_then(|v| KIND.read(v, problems));
        let name = fields.field("name").map(|v| OBJECT_NAME.read(v, problems));
        fields.finish(problems);
        // A name that cannot be read must not permit every name.
        let name = match name {
            Some(name) => Some(name?.into()),
            None => None,
        };
        Some(Self { group: group?.into(), kind: kind?.into(), name })
    }
}
