//! `hsts` (virtualserver §16.10).

use super::super::report::Fault;
use super::lowering::Lowering;
use crate::resource::policy::Hsts as Written;
use crate::rules::Hsts;
use http::HeaderValue;

/// The least `maxAge` with which browsers take a host into the list that they come with.
const LEAST_AGE_TO_PRELOAD: i64 = 31_536_000;

pub(super) fn lower(written: &Written, lowering: &mut Lowering<'_, '_>) -> Option<Hsts> {
    let report = &mut lowering.report;
    let max_age = written.max_age?;
    if let Some(at) = written.preload {
        if !written.include_sub_domains {
            let message = "`preload` needs `includeSubDomains`";
            report.error(at, Fault::new("conflicting-fields", message));
        }
        if max_age < LEAST_AGE_TO_PRELOAD {
            let message = format!("`preload` needs a `maxAge` of at least {LEAST_AGE_TO_PRELOAD}");
            report.error(at, Fault::new("conflicting-fields", message));
        }
    }
    let mut value = format!("max-age={max_age}");
    if written.include_sub_domains {
        value.push_str("; includeSubDomains");
    }
    if written.preload.is_some() {
        value.push_str("; preload");
    }
    let value = HeaderValue::try_from(value).ok()?;
    let origin = report.origin(written.at);
    Some(Hsts { value, behind_proxy: written.behind_proxy, origin })
}
