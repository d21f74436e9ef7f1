//! `spec.hsts` (virtualserver §16.10).

use crate::resource::Problems;
use crate::resource::document::{At, Mapping};
use crate::resource::fields::{enabled, flag};

/// `spec.hsts`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hsts {
    pub(crate) at: At,
    pub(crate) max_age: Option<i64>,
    pub(crate) include_sub_domains: bool,
    /// Where it is asked for.
    pub(crate) preload: Option<At>,
    pub(crate) behind_proxy: bool,
}

impl Hsts {
    pub(super) fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let max_age = of.required("maxAge", problems);
        let read = Self {
            at: of.value().at(),
            max_age: max_age.and_then(|v| v.integer(0..=i64::MAX, problems)),
            include_sub_domains: flag(&mut of, "includeSubDomains", false, problems),
            preload: enabled(&mut of, "preload", problems),
            behind_proxy: flag(&mut of, "behindProxy", false, problems),
        };
        of.finish(problems);
        read
    }
}
