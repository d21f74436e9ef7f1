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
        let name = fields.field("name").and_then(|v| OBJECT_NAME.read(v, problems));
        fields.finish(problems);
        Some(Self { group: group?.into(), kind: kind?.into(), name: name.map(Into::into) })
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use super::*;
    use crate::resource::tests::{read, told_of_gateway_api};

    #[test]
    fn grants_are_read() {
        // gateway-api §1, §19
        for version in ["v1", "v1beta1"] {
            let resources = read(&format!(
                "apiVersion: gateway.networking.k8s.io/{version}\nkind: ReferenceGrant\n\
                 metadata: {{name: a}}\nspec:\n  from: [{{group: '', kind: A, namespace: n}}]\n  \
                 to: [{{group: g.example, kind: B}}, {{group: '', kind: C, name: c}}]"
            ));
            assert_eq!(resources.diagnostics(), [], "{version}");
            let from = From { group: "".into(), kind: "A".into(), namespace: "n".into() };
            let any = To { group: "g.example".into(), kind: "B".into(), name: None };
            let one = To { group: "".into(), kind: "C".into(), name: Some("c".into()) };
            let want = ReferenceGrant { from: vec![from], to: vec![any, one] };
            let found: Vec<_> = resources.reference_grants().map(|grant| &grant.spec).collect();
            assert_eq!(found, [&want], "{version}");
        }
    }

    #[test]
    fn grants_are_checked() {
        // gateway-api §19
        let (from, to) = ("{group: '', kind: A, namespace: n}", "{group: '', kind: B}");
        for (spec, want) in [
            (format!("to: [{to}]"), "spec.from: required field `from` is missing"),
            (format!("from: [{from}]"), "spec.to: required field `to` is missing"),
            (format!("from: [], to: [{to}]"), "spec.from: at least one entry is needed"),
            (format!("from: [{from}], to: []"), "spec.to: at least one entry is needed"),
            (
                format!("from: [{}], to: [{to}]", [from; 17].join(", ")),
                "spec.from: at most 16 entries are allowed, found 17",
            ),
            (
                format!("from: [{from}], to: [{}]", [to; 17].join(", ")),
                "spec.to: at most 16 entries are allowed, found 17",
            ),
            (
                format!("from: [{{kind: A, namespace: n}}], to: [{to}]"),
                "spec.from[0].group: required field `group` is missing",
            ),
            (
                format!("from: [{{group: '', namespace: n}}], to: [{to}]"),
                "spec.from[0].kind: required field `kind` is missing",
            ),
            (
                format!("from: [{{group: '', kind: A}}], to: [{to}]"),
                "spec.from[0].namespace: required field `namespace` is missing",
            ),
            (
                format!("from: [{from}], to: [{{kind: B}}]"),
                "spec.to[0].group: required field `group` is missing",
            ),
            (
                format!("from: [{from}], to: [{{group: '', name: b}}]"),
                "spec.to[0].kind: required field `kind` is missing",
            ),
            (
                format!("from: [{from}], to: [{{group: '', kind: B, name: ''}}]"),
                "spec.to[0].name: an object name must not be empty",
            ),
            // There are no wildcards.
            (
                format!("from: [{{group: '', kind: A, namespace: '*'}}], to: [{to}]"),
                "spec.from[0].namespace: `*` is not a namespace (it is made of lower-case \
                 letters, digits and `-`)",
            ),
        ] {
            let found = told_of_gateway_api("ReferenceGrant", &format!("{{{spec}}}"));
            assert_eq!(found, [want], "{spec}");
        }
    }
}
