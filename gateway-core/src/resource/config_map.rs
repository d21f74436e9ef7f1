//! ConfigMap (`v1`): certificates of authorities (gateway-api §7.4, §20).
//!
//! People keep all kinds of things there, so nothing is said of other fields.

use super::document::Value;
use super::{Problems, meta};
use std::collections::BTreeMap;

/// A ConfigMap as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConfigMap {
    pub(crate) data: BTreeMap<Box<str>, Box<str>>,
}

impl ConfigMap {
    /// Reads a whole document.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let data = root.mapping(problems)?.field("data");
        Some(Self { data: data.map(|v| meta::texts(v, problems)).unwrap_or_default() })
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use crate::resource::tests::{read, shown};

    #[test]
    fn config_maps_may_hold_anything_else() {
        // gateway-api §7.4
        for (rest, want) in [
            ("data: {ca.crt: text, other: ''}", vec!["ca.crt=text", "other="]),
            ("binaryData: {a: AAAA}\nimmutable: true\nmore: [1]", vec![]),
            ("data: null", vec![]),
        ] {
            let resources =
                read(&format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n{rest}"));
            assert_eq!(resources.diagnostics(), [], "{rest}");
            let data = &resources.config_map("default", "a").unwrap().spec.data;
            let data: Vec<_> = data.iter().map(|(key, value)| format!("{key}={value}")).collect();
            assert_eq!(data, want, "{rest}");
            assert!(resources.config_map("other", "a").is_none());
        }
    }

    #[test]
    fn data_is_text() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: ";
        for (data, want) in [
            (
                "{a: 1}",
                "f.yaml:4:11: error[wrong-type]: ConfigMap default/a: data.a: expected text, found \
                 the number `1`; put it in quotes",
            ),
            (
                "[]",
                "f.yaml:4:7: error[wrong-type]: ConfigMap default/a: data: expected a mapping, \
                 found a list; fields belong here, no list: leave out `- ` or `[ ]`",
            ),
        ] {
            let resources = read(&format!("{text}{data}"));
            assert_eq!(shown(&resources), [want], "{data}");
            assert!(resources.config_map("default", "a").is_none(), "{data}");
        }
    }
}
