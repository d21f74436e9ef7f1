//! `cache` (virtualserver §16.9).

use super::super::grammar::{offset, time};
use super::super::report::{Fault, Report};
use super::super::variables::{Place, template, warn_of_unknown};
use super::lowering::Lowering;
use crate::resource::fields::Text;
use crate::resource::policy::{Cache as Written, CacheCode};
use crate::rules::{
    Cache, CacheLock, CacheStatuses, Network, StaleCondition, Template, TemplatePart,
};
use http::{Method, StatusCode};
use std::collections::BTreeSet;
use std::time::Duration;

const STALE: [(&str, StaleCondition); 11] = [
    ("error", StaleCondition::Error),
    ("timeout", StaleCondition::Timeout),
    ("invalid_header", StaleCondition::InvalidHeader),
    ("updating", StaleCondition::Updating),
    ("http_500", StaleCondition::Status(StatusCode::INTERNAL_SERVER_ERROR)),
    ("http_502", StaleCondition::Status(StatusCode::BAD_GATEWAY)),
    ("http_503", StaleCondition::Status(StatusCode::SERVICE_UNAVAILABLE)),
    ("http_504", StaleCondition::Status(StatusCode::GATEWAY_TIMEOUT)),
    ("http_403", StaleCondition::Status(StatusCode::FORBIDDEN)),
    ("http_404", StaleCondition::Status(StatusCode::NOT_FOUND)),
    ("http_429", StaleCondition::Status(StatusCode::TOO_MANY_REQUESTS)),
];

const LONGEST_KEY: usize = 1024;

pub(super) fn lower(written: &Written, lowering: &mut Lowering<'_, '_>) -> Option<Cache> {
    let report = &mut lowering.report;
    let mut sized = |text: &Option<Text>| match text {
        Some(text) => report.check(text.at, store_size(text)),
        None => None,
    };
    let (zone_size, max_size, min_free) =
        (sized(&written.zone_size), sized(&written.max_size), sized(&written.min_free));
    if let Some(text) = &written.zone_name {
        report.check(text.at, zone_name(text));
    }
    if let Some(text) = &written.levels {
        report.check(text.at, levels(text));
    }
    for text in &written.manager_times {
        report.check(text.at, time(text));
    }
    for (name, at) in &written.inert {
        let message = format!("`{name}` has no effect: it is about files that are not kept here");
        report.notice(*at, Fault::new("no-effect", message));
    }
    let statuses = statuses(written, report);
    let methods = methods(written, report);
    let stale = stale(written, report);
    let lock = lock(written, report);
    let inactive = written.inactive.as_ref();
    let inactive = inactive.and_then(|text| report.check(text.at, time(text)));
    let purge = written.purge_allow.iter().filter_map(|text| {
        let network = text.parse::<Network>();
        report
            .check(text.at, network.map_err(|e| Fault::invalid(format!("`{}` is {e}", text.value))))
    });
    let purge = purge.collect();
    let key = written.key.as_ref();
    let key = key.and_then(|text| told(text, cache_key(text), report));
    let mut conditions = |texts: &[Text]| -> Vec<Template> {
        let read = |t: &Text| told(t, template(t, Place::Any, ""), report);
        texts.iter().filter_map(read).collect()
    };
    let (no_cache, bypass) = (conditions(&written.no_cache), conditions(&written.bypass));
    Some(Cache {
        zone: written.zone_name.as_ref()?.value.clone(),
        zone_size: zone_size?,
        max_size,
        min_free,
        inactive: inactive.unwrap_or(Duration::from_secs(600)),
        key,
        methods,
        statuses,
        overrides_backend: written.override_upstream,
        stale,
        revalidate: written.revalidate,
        background_update: written.background_update,
        min_uses: written.min_uses.unwrap_or(1),
        lock,
        no_cache,
        bypass,
        purge,
        origin: report.origin(written.at),
    })
}

/// A text with variables, and what is told of it.
fn told(text: &Text, read: Result<Template, Fault>, report: &mut Report) -> Option<Template> {
    let template = report.check(text.at, read)?;
    for part in template.parts() {
        if let TemplatePart::Field(field) = part {
            warn_of_unknown(field, text.at, report);
        }
    }
    Some(template)
}

fn zone_name(text: &str) -> Result<(), Fault> {
    let legal = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if legal {
        return Ok(());
    }
    let fault = Fault::invalid(format!("`{text}` is not the name of a zone"));
    Err(fault.help("it begins with a lower-case letter and holds letters, digits and inner `_`"))
}

/// A size with its unit.
fn store_size(text: &str) -> Result<u64, Fault> {
    let has_unit = text.ends_with(|c: char| c.is_ascii_alphabetic());
    offset(text).ok().filter(|_| has_unit).ok_or_else(|| {
        let fault = Fault::invalid(format!("`{text}` is not a size"));
        fault.help("write a number with `k`, `m` or `g`")
    })
}

fn levels(text: &str) -> Result<(), Fault> {
    let levels = text.split(':');
    if text.split(':').count() <= 3 && levels.into_iter().all(|level| matches!(level, "1" | "2")) {
        return Ok(());
    }
    let fault = Fault::invalid(format!("`{text}` does not say levels of directories"));
    Err(fault.help("write up to three numbers, each 1 or 2, as in `1:2`"))
}

/// One number and one unit.
fn keeping_time(text: &str) -> Result<Duration, Fault> {
    let digits = text.strip_suffix(['s', 'm', 'h', 'd']);
    let plain = digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    time(text).ok().filter(|_| plain).ok_or_else(|| {
        let fault = Fault::invalid(format!("`{text}` is not a time that answers are kept for"));
        fault.help("write a number with `s`, `m`, `h` or `d`")
    })
}

/// Which answers are kept, and for how long.
fn statuses(written: &Written, report: &mut Report) -> Option<CacheStatuses> {
    let time = written.time.as_ref();
    let time = time.and_then(|text| report.check(text.at, keeping_time(text)));
    let Some(codes) = &written.allowed_codes else {
        let statuses = Some(vec![StatusCode::OK, StatusCode::MOVED_PERMANENTLY, StatusCode::FOUND]);
        return Some(CacheStatuses { statuses, time: time? });
    };
    if written.time.is_none() {
        let message = "`allowedCodes` needs `time`";
        report.error(codes.at, Fault::new("missing-field", message));
    }
    let mut statuses = Vec::with_capacity(codes.len());
    let mut any = false;
    for code in &codes.value {
        match code.value {
            CacheCode::Any if codes.len() > 1 => {
                let message = "`any` stands beside other codes";
                report.error(code.at, Fault::new("conflicting-fields", message));
            }
            CacheCode::Any => any = true,
            CacheCode::Status(code) => statuses.extend(StatusCode::from_u16(code)),
        }
    }
    Some(CacheStatuses { statuses: (!any).then_some(statuses), time: time? })
}

/// Of GET, HEAD and POST. The first two are always kept.
fn methods(written: &Written, report: &mut Report) -> Vec<Method> {
    let mut methods = vec![Method::GET, Method::HEAD];
    for text in &written.allowed_methods {
        match &*text.value {
            "GET" | "HEAD" => {}
            "POST" => methods.push(Method::POST),
            other => {
                let known = ["GET", "HEAD", "POST"];
                report.error(text.at, Fault::unsupported("method", other, known));
            }
        }
    }
    methods.dedup();
    methods
}

fn stale(written: &Written, report: &mut Report) -> Vec<StaleCondition> {
    let mut stale = Vec::new();
    let mut seen = BTreeSet::new();
    for text in &written.use_stale {
        if !seen.insert(&text.value) {
            let message = format!("`{}` stands above already", text.value);
            report.error(text.at, Fault::new("duplicate-value", message));
        }
        match STALE.iter().find(|(name, _)| *name == &*text.value) {
            Some((_, condition)) => stale.push(*condition),
            None if &*text.value == "off" => {}
            None => {
                let known = STALE.iter().map(|(name, _)| *name).chain(["off"]);
                report.error(text.at, Fault::unsupported("condition", text, known));
            }
        }
    }
    if written.use_stale.iter().any(|text| &*text.value == "off") {
        stale.clear();
    }
    stale
}

fn lock(written: &Written, report: &mut Report) -> Option<CacheLock> {
    let lock = written.lock.as_ref()?;
    let mut duration = |name: &str, text: &Option<Text>| {
        let default = Duration::from_secs(5);
        let Some(text) = text else { return default };
        if !lock.enable {
            let message = format!("`{name}` needs `enable`");
            report.error(text.at, Fault::new("conflicting-fields", message));
        }
        report.check(text.at, time(text)).unwrap_or(default)
    };
    let read =
        CacheLock { timeout: duration("timeout", &lock.timeout), age: duration("age", &lock.age) };
    lock.enable.then_some(read)
}

fn cache_key(text: &str) -> Result<Template, Fault> {
    if text.len() > LONGEST_KEY {
        return Err(Fault::invalid(format!("the key is longer than {LONGEST_KEY} octets")));
    }
    let refused = ["$(", "`", ";", "&&", "||"].into_iter().find(|part| text.contains(part));
    if let Some(part) = refused {
        return Err(Fault::invalid(format!(
            "`{text}` holds `{part}`, which cannot stand in a key"
        )));
    }
    template(text, Place::Any, "")
}
