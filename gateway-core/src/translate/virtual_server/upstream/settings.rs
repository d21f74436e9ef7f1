//! How upstreams are spoken to (virtualserver §4).

use super::balance::{balance, session_cookie};
use super::duration;
use super::health_check::health_check;
use super::retry::retry;
use crate::resource::virtual_server as resource;
use crate::rules::{
    BackendProtocol, BackendSettings, Balance, EndpointChoice, FailureLimit, Queue, Timeouts,
};
use crate::translate::virtual_server::grammar::{offset, size};
use crate::translate::virtual_server::labels;
use crate::translate::virtual_server::report::{Fault, Report};
use std::time::Duration;

/// The settings; `None` where something is wrong that no default can stand for. All else that is
/// wrong is told, too.
pub(super) fn settings(
    written: &resource::Upstream,
    report: &mut Report,
) -> Option<BackendSettings> {
    let protocol = protocol(written, report);
    let timeouts = timeouts(&written.timeouts, &Timeouts::default(), report);
    let retry = retry(written, report);
    let failures = FailureLimit::default();
    let failure_limit = FailureLimit {
        failures: written.max_fails.unwrap_or(failures.failures),
        period: duration(written.fail_timeout.as_ref(), report).unwrap_or(failures.period),
        counts_statuses: true,
    };
    let max_body = match &written.client_max_body_size {
        Some(text) => report.check(text.at, offset(text)).filter(|limit| *limit > 0),
        None => Some(1 << 20),
    };
    let balance = match &written.lb_method {
        Some(text) => report.check(text.at, balance(text)),
        None => Some(Balance::RandomTwoLeastConnections),
    };
    let endpoints = endpoints(written, report);
    let cookie = written.session_cookie.as_ref();
    let session_cookie = cookie.and_then(|cookie| session_cookie(cookie, report));
    let queue = written.queue.as_ref().and_then(|queue| {
        let timeout = duration(queue.timeout.as_ref(), report);
        Some(Queue { size: queue.size?, timeout: timeout.unwrap_or(Duration::from_secs(60)) })
    });
    let slow_start = slow_start(written, balance.as_ref(), report);
    let upstream = Speech { protocol, tls: written.tls, timeouts: &timeouts };
    let check = written.health_check.as_ref();
    let health_check = check.and_then(|check| health_check(check, upstream, report));
    without_effect(written, report);
    Some(BackendSettings {
        protocol,
        tls: written.tls,
        endpoints,
        balance: balance?,
        session_cookie,
        retry,
        failure_limit,
        health_check,
        slow_start,
        max_connections: written.max_conns.filter(|most| *most > 0),
        queue,
        keepalive: written.keepalive,
        max_body,
        timeouts,
        ..BackendSettings::new(written.name.as_ref()?, report.origin(written.at))
    })
}

/// How the upstream itself is spoken to, which is how its health is checked unless written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speech<'t> {
    pub(super) protocol: BackendProtocol,
    pub(super) tls: bool,
    pub(super) timeouts: &'t Timeouts,
}

fn protocol(written: &resource::Upstream, report: &mut Report) -> BackendProtocol {
    match written.kind.as_ref().map(|kind| (kind.at, &*kind.value)) {
        None | Some((_, "http")) => {}
        Some((_, "grpc")) => return BackendProtocol::Grpc,
        Some((at, other)) => report.error(at, Fault::unsupported("type", other, ["http", "grpc"])),
    }
    BackendProtocol::Http
}

pub(super) fn timeouts(
    written: &resource::Timeouts,
    default: &Timeouts,
    report: &mut Report,
) -> Timeouts {
    Timeouts {
        connect: duration(written.connect.as_ref(), report).or(default.connect),
        read: duration(written.read.as_ref(), report).or(default.read),
        send: duration(written.send.as_ref(), report).or(default.send),
        ..default.clone()
    }
}

fn endpoints(written: &resource::Upstream, report: &mut Report) -> EndpointChoice {
    let cluster_ip = written.use_cluster_ip.as_ref().is_some_and(|flag| flag.value);
    let Some(labels) = &written.subselector else {
        return if cluster_ip { EndpointChoice::ClusterIp } else { EndpointChoice::Ready };
    };
    if cluster_ip {
        let message = "`subselector` cannot stand beside `use-cluster-ip`";
        report.error(labels.at, Fault::new("conflicting-fields", message));
    }
    labels::check(labels, report);
    let labels = labels.iter().map(|label| (label.key.clone(), label.value.value.clone()));
    EndpointChoice::Labelled(labels.collect())
}

/// `slow-start`: what takes endpoints at random or by a hash cannot do it.
fn slow_start(
    written: &resource::Upstream,
    balance: Option<&Balance>,
    report: &mut Report,
) -> Option<Duration> {
    let text = written.slow_start.as_ref()?;
    let slow_start = duration(Some(text), report)?;
    match balance? {
        Balance::RoundRobin | Balance::LeastConnections | Balance::LeastTime { .. } => {
            Some(slow_start).filter(|time| !time.is_zero())
        }
        _ => {
            let message = "`slow-start` has no effect on endpoints that are taken at random or by \
                           a hash";
            let fault = Fault::new("no-effect", message)
                .help("set `lb-method` to `round_robin` or `least_conn`");
            report.warning(text.at, fault);
            None
        }
    }
}

/// What concerns how NGINX is built, not where requests go (virtualserver §18).
fn without_effect(written: &resource::Upstream, report: &mut Report) {
    for text in &written.buffers.sizes {
        report.check(text.at, size(text));
    }
    let ntlm = written.ntlm.as_ref().filter(|ntlm| ntlm.value).map(|ntlm| ("ntlm", ntlm.at));
    for (name, at) in written.buffers.written.iter().copied().chain(ntlm) {
        let fault = Fault::new("no-effect", format!("`{name}` has no effect here"));
        report.notice(at, fault);
    }
}
