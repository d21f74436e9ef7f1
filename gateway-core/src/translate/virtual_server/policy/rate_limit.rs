//! `rateLimit` (virtualserver §16.2).

use super::super::grammar::{escaped, size, unescape};
use super::super::path::regex;
use super::super::report::Fault;
use super::super::variables::{Place, claim, template, variable_field, warn_of_unknown};
use super::lowering::Lowering;
use crate::resource::fields::Text;
use crate::resource::policy::{LimitCase, LimitCondition, RateLimit as Written};
use crate::rules::{Field, LimitLog, Rate, RateLimit, Test};
use http::StatusCode;

/// A limit, and when it applies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limit {
    /// Its bucket is for each VirtualServer to name.
    pub(super) rate: RateLimit,
    pub(super) when: Option<When>,
}

/// One case of a group of limits: `spec.rateLimit.condition`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct When {
    pub(super) field: Field,
    pub(super) test: Test,
    /// Whether the limit holds too where no case of its group does.
    pub(super) default: bool,
}

const LOG_LEVELS: [(&str, LimitLog); 4] = [
    ("info", LimitLog::Info),
    ("notice", LimitLog::Notice),
    ("warn", LimitLog::Warn),
    ("error", LimitLog::Error),
];

pub(super) fn lower(written: &Written, lowering: &mut Lowering<'_, '_>) -> Option<Limit> {
    let report = &mut lowering.report;
    let limit = written.rate.as_ref().and_then(|text| report.check(text.at, rate(text)));
    let key = written.key.as_ref();
    let key = key.and_then(|t| report.check(t.at, template(t, Place::LimitKey, "")));
    if let Some(text) = &written.zone_size {
        report.check(text.at, zone_size(text));
    }
    let log = match &written.log_level {
        Some(text) => {
            let known = LOG_LEVELS.iter().find(|(name, _)| *name == &*text.value);
            let fault = || Fault::unsupported("level", text, LOG_LEVELS.map(|(name, _)| name));
            report.check(text.at, known.map(|(_, level)| *level).ok_or_else(fault))
        }
        None => Some(LimitLog::default()),
    };
    if let Some(at) = written.delay_at.filter(|_| written.no_delay) {
        let message = "`noDelay` goes before `delay`";
        report.warning(at, Fault::new("no-effect", message));
    }
    let reject = written.reject_code.and_then(|code| u16::try_from(code).ok());
    let reject = reject.and_then(|code| StatusCode::from_u16(code).ok());
    let origin = report.origin(written.at);
    let when = match &written.condition {
        Some(condition) => lower_condition(condition, lowering).map(Some),
        None => Some(None),
    };
    let rate = RateLimit {
        bucket: Box::default(),
        key: key?,
        counts_empty: written.condition.is_some(),
        rate: limit?,
        burst: written.burst.unwrap_or(0),
        delay: (!written.no_delay).then(|| written.delay.unwrap_or(0)),
        dry_run: written.dry_run,
        log: log?,
        reject: reject.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
        scale: written.scale,
        origin,
    };
    Some(Limit { rate, when: when? })
}

/// `10r/s`. An upper-case unit passes the validation of NGINX's controller and then breaks its
/// configuration; here it is what it looks like (decisions §6).
fn rate(text: &str) -> Result<Rate, Fault> {
    let fault = || {
        let fault = Fault::invalid(format!("`{text}` is not a rate"));
        fault.help("write requests a second or a minute, as in `10r/s` or `30r/m`")
    };
    let (number, unit) = text.split_once("r/").ok_or_else(fault)?;
    let legal = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
    let number = number.parse().ok().filter(|_| legal).ok_or_else(fault)?;
    match unit {
        "s" | "S" => Ok(Rate::PerSecond(number)),
        "m" | "M" => Ok(Rate::PerMinute(number)),
        _ => Err(fault()),
    }
}

/// The size of a store that is not needed here: only its form is checked. Without a unit it is
/// taken to be in kilobytes.
fn zone_size(text: &str) -> Result<(), Fault> {
    const LEAST: u64 = 32;
    let size = size(text)?;
    let kilobytes = if text.ends_with(|c: char| c.is_ascii_digit()) { size } else { size >> 10 };
    if kilobytes < LEAST {
        return Err(Fault::invalid(format!("`{text}` is less than {LEAST}k")));
    }
    Ok(())
}

fn lower_condition(written: &LimitCondition, lowering: &mut Lowering<'_, '_>) -> Option<When> {
    let case = written.case.as_ref()?;
    let field = case.name.as_ref().and_then(|text| {
        let field = if case.is_claim { claim(text) } else { variable_field(text) };
        let field = lowering.report.check(text.at, field)?;
        warn_of_unknown(&field, text.at, &mut lowering.report);
        Some(field)
    });
    let test = case.matches.as_ref().and_then(|text| {
        let test = test(case, text, lowering);
        lowering.report.check(text.at, test)
    });
    Some(When { field: field?, test: test?, default: written.default })
}

/// A text is compared in any case; that of a variable may be an expression.
fn test(case: &LimitCase, text: &Text, lowering: &mut Lowering<'_, '_>) -> Result<Test, Fault> {
    let mut search = |source: &str, ignore_case| {
        let regex = regex(source, ignore_case, &mut lowering.context.expressions)?;
        Ok(Test::Matches { regex, empty_matches: false })
    };
    match text.strip_prefix('~').filter(|_| !case.is_claim) {
        Some(source) => match source.strip_prefix('*') {
            Some(source) => search(source, true),
            None => search(source, false),
        },
        None if text.contains('$') => {
            let message = format!("`{}` holds a `$`; variables cannot stand here", text.value);
            Err(Fault::invalid(message))
        }
        None => {
            escaped(text)?;
            Ok(Test::Equals { value: unescape(text).into(), ignore_case: true })
        }
    }
}
