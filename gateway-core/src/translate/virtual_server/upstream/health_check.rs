//! Active health checks (virtualserver §4).

use super::duration;
use super::settings::{Speech, timeouts};
use crate::resource::document::At;
use crate::resource::virtual_server as resource;
use crate::rules::{BackendProtocol, HeaderEdit, HealthCheck, Probe, StatusMatch};
use crate::translate::virtual_server::grammar::plain_path;
use crate::translate::virtual_server::headers::headers;
use crate::translate::virtual_server::report::{Fault, Report};
use crate::translate::virtual_server::variables::Place;
use std::ops::RangeInclusive;
use std::time::Duration;

/// `healthCheck`; `None` where it is not enabled, or something is wrong with it.
pub(super) fn health_check(
    written: &resource::HealthCheck,
    upstream: Speech<'_>,
    report: &mut Report,
) -> Option<HealthCheck> {
    let headers = headers(&written.headers, Place::ReturnHeader, "", report).into_iter();
    let headers = headers.map(|(edit, _)| edit).collect();
    let probe = match upstream.protocol {
        BackendProtocol::Http | BackendProtocol::Http2 => http(written, headers, report),
        BackendProtocol::Grpc => grpc(written, headers, report),
    };
    if let Some(at) = written.persistent.filter(|_| !written.mandatory) {
        let message = "`persistent` needs `mandatory`";
        report.error(at, Fault::new("conflicting-fields", message));
    }
    let mut time = |text: &Option<resource::Text>, default| {
        duration(text.as_ref(), report).unwrap_or(Duration::from_secs(default))
    };
    let (interval, jitter) = (time(&written.interval, 5), time(&written.jitter, 0));
    let keepalive = time(&written.keepalive_time, 60);
    let timeouts = timeouts(&written.timeouts, upstream.timeouts, report);
    let check = HealthCheck {
        probe: probe?,
        interval,
        jitter,
        fails: written.fails.unwrap_or(1),
        passes: written.passes.unwrap_or(1),
        port: written.port,
        tls: written.tls.unwrap_or(upstream.tls),
        timeouts,
        mandatory: written.mandatory,
        persistent: written.persistent.is_some(),
        keepalive,
    };
    written.enable.then_some(check)
}

fn http(
    written: &resource::HealthCheck,
    headers: Vec<HeaderEdit>,
    report: &mut Report,
) -> Option<Probe> {
    let status = written.grpc_status.as_ref().map(|status| ("grpcStatus", status.at));
    let service = written.grpc_service.as_ref().map(|service| ("grpcService", service.at));
    for (name, at) in status.into_iter().chain(service) {
        only_for("grpc", name, at, report);
    }
    let path = match &written.path {
        None => Some("/".into()),
        Some(text) => report.check(text.at, plain_path(text)).map(|()| text.value.clone()),
    };
    let statuses = match &written.status_match {
        None => Some(StatusMatch::default()),
        Some(text) => report.check(text.at, status_match(text)),
    };
    Some(Probe::Http { path: path?, headers, statuses: statuses? })
}

fn grpc(
    written: &resource::HealthCheck,
    headers: Vec<HeaderEdit>,
    report: &mut Report,
) -> Option<Probe> {
    if let Some(text) = &written.path {
        only_for("http", "path", text.at, report);
    }
    if let Some(text) = &written.status_match {
        report.check(text.at, status_match(text));
        let message = "`statusMatch` has no effect on upstreams of type `grpc`";
        report.warning(text.at, Fault::new("no-effect", message).help("use `grpcStatus`"));
    }
    let status = match &written.grpc_status {
        None => Some(0),
        Some(status) => {
            let code = u8::try_from(status.value).ok().filter(|code| *code <= 16);
            let message = || format!("`{}` is not between 0 and 16", status.value);
            report.check(status.at, code.ok_or_else(|| Fault::new("out-of-range", message())))
        }
    };
    let service = match &written.grpc_service {
        None => Some("".into()),
        Some(text) => report.check(text.at, grpc_service(text)).map(|()| text.value.clone()),
    };
    Some(Probe::Grpc { service: service?, headers, status: status? })
}

fn only_for(kind: &str, name: &str, at: At, report: &mut Report) {
    let message = format!("`{name}` is only for upstreams of type `{kind}`");
    report.error(at, Fault::new("conflicting-fields", message));
}

fn grpc_service(text: &str) -> Result<(), Fault> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || "{};".contains(c)) {
        let message = format!("`{text}` is not a gRPC service: it holds blanks, `{{`, `}}` or `;`");
        return Err(Fault::invalid(message));
    }
    Ok(())
}

/// `200-399 404`, or `! 500` for all others.
fn status_match(text: &str) -> Result<StatusMatch, Fault> {
    let (negated, list) = match text.strip_prefix("! ") {
        Some(list) => (true, list),
        None => (false, text),
    };
    let ranges: Option<Vec<_>> = list.split_ascii_whitespace().map(statuses).collect();
    let ranges = ranges.filter(|ranges| !ranges.is_empty()).ok_or_else(|| {
        Fault::invalid(format!("`{text}` is not a list of statuses"))
            .help("write for example `200`, `200-399 404` or `! 500`, with statuses of 100 to 999")
    })?;
    Ok(StatusMatch { negated, ranges })
}

fn statuses(word: &str) -> Option<RangeInclusive<u16>> {
    let status = |text: &str| {
        let digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|status| digits && *status >= 100)
    };
    let (low, high) = match word.split_once('-') {
        None => return status(word).map(|status| status..=status),
        Some((low, high)) => (status(low)?, status(high)?),
    };
    (low < high).then_some(low..=high)
}
