//! `spec.rateLimit` (virtualserver §16.2).

use crate::diagnostic::Diagnostic;
use crate::resource::Problems;
use crate::resource::document::{At, Kind, Mapping, Value};
use crate::resource::fields::{
    Text, exactly_one, flag, items, mapping, optional_text, required_text, within,
};

/// `spec.rateLimit`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RateLimit {
    pub(crate) at: At,
    pub(crate) rate: Option<Text>,
    pub(crate) key: Option<Text>,
    pub(crate) zone_size: Option<Text>,
    pub(crate) burst: Option<u32>,
    pub(crate) delay: Option<u32>,
    pub(crate) delay_at: Option<At>,
    pub(crate) no_delay: bool,
    pub(crate) dry_run: bool,
    pub(crate) log_level: Option<Text>,
    pub(crate) reject_code: Option<u32>,
    pub(crate) scale: bool,
    pub(crate) condition: Option<LimitCondition>,
}

/// `spec.rateLimit.condition`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LimitCondition {
    pub(crate) case: Option<LimitCase>,
    pub(crate) default: bool,
}

/// What is looked at, and what it must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LimitCase {
    /// Whether it is a claim of a token; else it is a variable.
    pub(crate) is_claim: bool,
    pub(crate) name: Option<Text>,
    pub(crate) matches: Option<Text>,
}

impl RateLimit {
    pub(super) fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let positive = 1..=i64::from(i32::MAX);
        let condition = mapping(&mut of, "condition", problems);
        let read = Self {
            at: of.value().at(),
            rate: required_text(&mut of, "rate", problems),
            key: required_text(&mut of, "key", problems),
            zone_size: required_text(&mut of, "zoneSize", problems),
            burst: within(&mut of, "burst", positive.clone(), problems),
            delay: within(&mut of, "delay", positive, problems),
            delay_at: of.field("delay").map(Value::at),
            no_delay: flag(&mut of, "noDelay", false, problems),
            dry_run: flag(&mut of, "dryRun", false, problems),
            log_level: optional_text(&mut of, "logLevel", problems),
            reject_code: within(&mut of, "rejectCode", 400..=599, problems),
            scale: flag(&mut of, "scale", false, problems),
            condition: condition.map(|of| LimitCondition::read(of, problems)),
        };
        of.finish(problems);
        read
    }
}

impl LimitCondition {
    fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let case = match exactly_one(&mut of, &["jwt", "variables"], problems) {
            Some("jwt") => {
                mapping(&mut of, "jwt", problems).map(|of| LimitCase::read(of, true, problems))
            }
            Some(list) => {
                let cases = items(&mut of, list, problems, |of, problems| {
                    LimitCase::read(of, false, problems)
                });
                one(cases, of.field(list), problems)
            }
            None => None,
        };
        let default = flag(&mut of, "default", false, problems);
        of.finish(problems);
        Self { case, default }
    }
}

/// The only one of a list.
fn one(
    mut cases: Vec<LimitCase>,
    list: Option<Value<'_>>,
    problems: &mut Problems,
) -> Option<LimitCase> {
    let list = list?;
    let count = list.children().count();
    if *list.kind() == Kind::List && count != 1 {
        let message = format!("`variables` has exactly one entry, found {count}");
        problems.push(Diagnostic::error("invalid-value", &list.origin(), message));
    }
    cases.pop()
}

impl LimitCase {
    fn read(mut of: Mapping<'_>, is_claim: bool, problems: &mut Problems) -> Self {
        let name = if is_claim { "claim" } else { "name" };
        let read = Self {
            is_claim,
            name: required_text(&mut of, name, problems),
            matches: required_text(&mut of, "match", problems),
        };
        of.finish(problems);
        read
    }
}
