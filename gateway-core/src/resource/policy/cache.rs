//! `spec.cache` (virtualserver §16.9).

use crate::resource::Problems;
use crate::resource::document::{At, Kind, Located, Mapping, Value};
use crate::resource::fields::{
    Text, count, enabled, flag, mapping, optional_text, required_text, text, texts, within,
};

/// `spec.cache`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cache {
    pub(crate) at: At,
    pub(crate) zone_name: Option<Text>,
    pub(crate) zone_size: Option<Text>,
    pub(crate) allowed_codes: Option<Located<Vec<Located<CacheCode>>>>,
    pub(crate) allowed_methods: Vec<Text>,
    pub(crate) time: Option<Text>,
    pub(crate) key: Option<Text>,
    pub(crate) override_upstream: bool,
    pub(crate) use_stale: Vec<Text>,
    pub(crate) revalidate: bool,
    pub(crate) background_update: bool,
    pub(crate) min_uses: Option<u32>,
    pub(crate) lock: Option<CacheLock>,
    pub(crate) no_cache: Vec<Text>,
    pub(crate) bypass: Vec<Text>,
    pub(crate) purge_allow: Vec<Text>,
    pub(crate) inactive: Option<Text>,
    pub(crate) max_size: Option<Text>,
    pub(crate) min_free: Option<Text>,
    pub(crate) levels: Option<Text>,
    /// Fields of the store that change nothing here.
    pub(crate) inert: Vec<(&'static str, At)>,
    /// Times of `manager`, whose form is checked all the same.
    pub(crate) manager_times: Vec<Text>,
}

/// An entry of `allowedCodes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheCode {
    Any,
    Status(u16),
}

/// `spec.cache.lock`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CacheLock {
    pub(crate) enable: bool,
    pub(crate) timeout: Option<Text>,
    pub(crate) age: Option<Text>,
}

impl Cache {
    pub(super) fn read(mut mapping: Mapping<'_>, problems: &mut Problems) -> Self {
        let of = &mut mapping;
        let [no_cache, bypass] = conditions(of, problems);
        let manager_times = manager(of, problems);
        let read = Self {
            at: of.value().at(),
            zone_name: required_text(of, "cacheZoneName", problems),
            zone_size: required_text(of, "cacheZoneSize", problems),
            allowed_codes: codes(of, problems),
            allowed_methods: texts(of, "allowedMethods", problems),
            time: optional_text(of, "time", problems),
            key: optional_text(of, "cacheKey", problems),
            override_upstream: flag(of, "overrideUpstreamCache", false, problems),
            use_stale: texts(of, "cacheUseStale", problems),
            revalidate: flag(of, "cacheRevalidate", false, problems),
            background_update: flag(of, "cacheBackgroundUpdate", false, problems),
            min_uses: within(of, "cacheMinUses", 1..=i64::from(i32::MAX), problems),
            lock: lock(of, problems),
            no_cache,
            bypass,
            purge_allow: texts(of, "cachePurgeAllow", problems),
            inactive: optional_text(of, "inactive", problems),
            max_size: optional_text(of, "maxSize", problems),
            min_free: optional_text(of, "minFree", problems),
            levels: optional_text(of, "levels", problems),
            inert: inert(of, problems),
            manager_times,
        };
        mapping.finish(problems);
        read
    }
}

fn codes(
    of: &mut Mapping<'_>,
    problems: &mut Problems,
) -> Option<Located<Vec<Located<CacheCode>>>> {
    let list = of.field("allowedCodes")?;
    let values: Vec<_> = list.list(problems).collect();
    let code = |value: Value<'_>| match value.kind() {
        Kind::String(text) if &**text == "any" => Some(value.located(CacheCode::Any)),
        _ => {
            let code = value.integer(100..=599, problems)?;
            Some(value.located(CacheCode::Status(u16::try_from(code).ok()?)))
        }
    };
    let codes: Vec<_> = values.into_iter().filter_map(code).collect();
    (!codes.is_empty()).then(|| list.located(codes))
}

fn lock(of: &mut Mapping<'_>, problems: &mut Problems) -> Option<CacheLock> {
    let mut lock = mapping(of, "lock", problems)?;
    let read = CacheLock {
        enable: flag(&mut lock, "enable", false, problems),
        timeout: optional_text(&mut lock, "timeout", problems),
        age: optional_text(&mut lock, "age", problems),
    };
    lock.finish(problems);
    Some(read)
}

/// `conditions.noCache` and `conditions.bypass`.
fn conditions(of: &mut Mapping<'_>, problems: &mut Problems) -> [Vec<Text>; 2] {
    let Some(mut conditions) = mapping(of, "conditions", problems) else {
        return [const { Vec::new() }; 2];
    };
    let read = ["noCache", "bypass"].map(|name| texts(&mut conditions, name, problems));
    conditions.finish(problems);
    read
}

fn manager(of: &mut Mapping<'_>, problems: &mut Problems) -> Vec<Text> {
    let Some(mut manager) = mapping(of, "manager", problems) else { return Vec::new() };
    count(&mut manager, "files", problems);
    let times = ["sleep", "threshold"].into_iter();
    let times = times.filter_map(|name| text(&mut manager, name, problems)).collect();
    manager.finish(problems);
    times
}

fn inert(of: &mut Mapping<'_>, problems: &mut Problems) -> Vec<(&'static str, At)> {
    let temporary = enabled(of, "useTempPath", problems).map(|at| ("useTempPath", at));
    let others = ["levels", "manager"];
    let others = others.into_iter().filter_map(|name| Some((name, of.field(name)?.at())));
    temporary.into_iter().chain(others).collect()
}
