//! `spec.basicAuth` and `spec.apiKey` (virtualserver §16.3, §16.5).

use crate::resource::Problems;
use crate::resource::document::{At, Mapping};
use crate::resource::fields::{Text, mapping, required_text, text, texts};

/// `spec.basicAuth`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BasicAuth {
    pub(crate) at: At,
    pub(crate) realm: Option<Text>,
    pub(crate) secret: Option<Text>,
}

impl BasicAuth {
    pub(super) fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let read = Self {
            at: of.value().at(),
            realm: text(&mut of, "realm", problems),
            secret: required_text(&mut of, "secret", problems),
        };
        of.finish(problems);
        read
    }
}

/// `spec.apiKey`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiKey {
    pub(crate) at: At,
    pub(crate) supplied_in: Option<SuppliedIn>,
    pub(crate) client_secret: Option<Text>,
}

/// `spec.apiKey.suppliedIn`: where keys stand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SuppliedIn {
    pub(crate) at: At,
    pub(crate) headers: Vec<Text>,
    pub(crate) query: Vec<Text>,
}

impl ApiKey {
    pub(super) fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        of.required("suppliedIn", problems);
        let supplied_in = mapping(&mut of, "suppliedIn", problems).map(|mut supplied| {
            let read = SuppliedIn {
                at: supplied.value().at(),
                headers: texts(&mut supplied, "header", problems),
                query: texts(&mut supplied, "query", problems),
            };
            supplied.finish(problems);
            read
        });
        let client_secret = required_text(&mut of, "clientSecret", problems);
        let at = of.value().at();
        of.finish(problems);
        Self { at, supplied_in, client_secret }
    }
}
