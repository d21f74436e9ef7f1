//! References from an object of the Gateway API to another object.

use super::Problems;
use super::document::{At, Mapping, Value};
use super::scalar::{self, GROUP, KIND, NAMESPACE, OBJECT_NAME};

/// What names another object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ObjectReference {
    /// Empty: the core group.
    pub(crate) group: Box<str>,
    pub(crate) kind: Box<str>,
    /// `None`: that of the object that refers.
    pub(crate) namespace: Option<Box<str>>,
    pub(crate) name: Box<str>,
    pub(crate) at: At,
}

impl ObjectReference {
    /// A reference that may lead to another namespace. Without `default`, group and kind must be
    /// written.
    pub(super) fn read(
        value: Value<'_>,
        default: Option<(&'static str, &'static str)>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut fields = value.mapping(problems)?;
        let reference = Self::read_fields(&mut fields, default, problems);
        fields.finish(problems);
        reference
    }

    /// A reference to an object of the same namespace, of which group and kind are written.
    pub(super) fn read_local(value: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = value.mapping(problems)?;
        let reference = Self::read_local_fields(&mut fields, None, problems);
        fields.finish(problems);
        reference
    }

    /// As [`ObjectReference::read`], where there are more fields than those of the reference.
    pub(super) fn read_fields(
        fields: &mut Mapping<'_>,
        default: Option<(&'static str, &'static str)>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let reference = Self::read_local_fields(fields, default, problems);
        let namespace = fields.field("namespace").and_then(|v| NAMESPACE.read(v, problems));
        Some(Self { namespace: namespace.map(Into::into), ..reference? })
    }

    /// As [`ObjectReference::read_local`], where there are more fields than those of the
    /// reference.
    pub(super) fn read_local_fields(
        fields: &mut Mapping<'_>,
        default: Option<(&'static str, &'static str)>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let (group, kind) = match default {
            Some(default) => {
                let (group, kind) = scalar::group_and_kind(fields, default, problems);
                (Some(group), Some(kind))
            }
            None => {
                let group = fields.required("group", problems);
                let kind = fields.required("kind", problems);
                (
                    group.and_then(|v| GROUP.read(v, problems)).map(Box::from),
                    kind.and_then(|v| KIND.read(v, problems)).map(Box::from),
                )
            }
        };
        let name = fields.required("name", problems).and_then(|v| OBJECT_NAME.read(v, problems));
        let (name, at) = (name?.into(), fields.value().at());
        Some(Self { group: group?, kind: kind?, namespace: None, name, at })
    }
}
