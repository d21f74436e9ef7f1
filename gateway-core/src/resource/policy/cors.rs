//! `spec.cors` (virtualserver §16.8).

use crate::resource::Problems;
use crate::resource::document::{At, Located, Mapping};
use crate::resource::fields::{Text, required_texts, texts};

/// `spec.cors`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cors {
    pub(crate) at: At,
    pub(crate) allow_origin: Vec<Text>,
    pub(crate) allow_methods: Vec<Text>,
    pub(crate) allow_headers: Vec<Text>,
    pub(crate) allow_credentials: Option<Located<bool>>,
    pub(crate) expose_headers: Vec<Text>,
    pub(crate) max_age: Option<i64>,
}

impl Cors {
    pub(super) fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let credentials = of.field("allowCredentials");
        let max_age = of.field("maxAge");
        let read = Self {
            at: of.value().at(),
            allow_origin: required_texts(&mut of, "allowOrigin", problems),
            allow_methods: texts(&mut of, "allowMethods", problems),
            allow_headers: texts(&mut of, "allowHeaders", problems),
            allow_credentials: credentials.and_then(|v| Some(v.located(v.bool(problems)?))),
            expose_headers: texts(&mut of, "exposeHeaders", problems),
            max_age: max_age.and_then(|v| v.integer(0..=i64::MAX, problems)),
        };
        of.finish(problems);
        read
    }
}
