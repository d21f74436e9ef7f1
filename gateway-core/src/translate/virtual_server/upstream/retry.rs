//! When another endpoint is tried (virtualserver §4, §14).

use super::duration;
use crate::resource::virtual_server::{Text, Upstream};
use crate::rules::{NonIdempotent, Retry, RetryCondition};
use crate::translate::virtual_server::report::{Fault, Report};
use http::StatusCode;

pub(super) fn retry(written: &Upstream, report: &mut Report) -> Retry {
    let timeout = duration(written.next_upstream_timeout.as_ref(), report);
    let (on, non_idempotent) = match &written.next_upstream {
        Some(text) => retry_conditions(text, report),
        None => (Retry::default().on, NonIdempotent::Never),
    };
    Retry {
        on,
        non_idempotent,
        tries: written.next_upstream_tries.unwrap_or(0),
        timeout: timeout.filter(|timeout| !timeout.is_zero()),
        backoff: None,
    }
}

const RETRY_CONDITIONS: [(&str, Option<RetryCondition>); 11] = [
    ("error", Some(RetryCondition::Error)),
    ("timeout", Some(RetryCondition::Timeout)),
    ("invalid_header", Some(RetryCondition::InvalidHeader)),
    ("http_500", Some(RetryCondition::Status(StatusCode::INTERNAL_SERVER_ERROR))),
    ("http_502", Some(RetryCondition::Status(StatusCode::BAD_GATEWAY))),
    ("http_503", Some(RetryCondition::Status(StatusCode::SERVICE_UNAVAILABLE))),
    ("http_504", Some(RetryCondition::Status(StatusCode::GATEWAY_TIMEOUT))),
    ("http_403", Some(RetryCondition::Status(StatusCode::FORBIDDEN))),
    ("http_404", Some(RetryCondition::Status(StatusCode::NOT_FOUND))),
    ("http_429", Some(RetryCondition::Status(StatusCode::TOO_MANY_REQUESTS))),
    ("non_idempotent", None),
];

/// `next-upstream`: when to retry, and whether requests that are not idempotent are too.
fn retry_conditions(text: &Text, report: &mut Report) -> (Vec<RetryCondition>, NonIdempotent) {
    let mut seen = Vec::new();
    let mut on = Vec::new();
    if text.contains(',') {
        let fault = Fault::invalid(format!("`{}` holds a comma", text.value));
        report.error(text.at, fault.help("put blanks between the conditions"));
        return (on, NonIdempotent::Never);
    }
    for word in text.split_ascii_whitespace() {
        if seen.contains(&word) {
            let message = format!("`{word}` stands twice");
            report.error(text.at, Fault::new("duplicate-value", message));
            continue;
        }
        seen.push(word);
        match RETRY_CONDITIONS.iter().find(|(name, _)| *name == word) {
            Some((_, condition)) => on.extend(*condition),
            None if word == "off" => {}
            None => {
                let names = RETRY_CONDITIONS.iter().map(|(name, _)| *name).chain(["off"]);
                report.error(text.at, Fault::unsupported("retry condition", word, names));
            }
        }
    }
    if seen.is_empty() {
        return (Retry::default().on, NonIdempotent::Never);
    }
    if seen.contains(&"off") {
        on.clear();
    }
    let always = seen.contains(&"non_idempotent");
    (on, if always { NonIdempotent::Always } else { NonIdempotent::Never })
}
