//! Upstreams: what `pass` names (virtualserver §4).

use super::grammar::{label, name, offset, size, time};
use super::report::{Fault, Report};
use crate::diagnostic::did_you_mean;
use crate::resource::document::Located;
use crate::resource::virtual_server::{Text, Upstream as Written};
use crate::rules::{
    BackendSettings, Balance, NonIdempotent, Retry, RetryCondition, ServiceName, Timeouts,
    UpstreamTarget,
};
use crate::translate::services::Services;
use http::StatusCode;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The upstreams of one VirtualServer by name; `None` for those that something is wrong with.
#[derive(Debug, Default)]
pub(super) struct Upstreams<'d> {
    by_name: BTreeMap<&'d str, Option<Upstream>>,
}

#[derive(Debug, Clone)]
pub(super) struct Upstream {
    pub(super) target: UpstreamTarget,
    pub(super) settings: Arc<BackendSettings>,
    /// Why nothing may be sent there.
    pub(super) withheld: Option<&'static str>,
}

impl<'d> Upstreams<'d> {
    pub(super) fn read(
        list: &'d [Written],
        namespace: &str,
        services: &mut Services,
        report: &mut Report,
    ) -> Self {
        let mut by_name = BTreeMap::new();
        for written in list {
            let upstream = read(written, namespace, services, report);
            let Some(text) = &written.name else { continue };
            report.check(text.at, name(text));
            if by_name.insert(&*text.value, upstream).is_some() {
                let message = format!("an upstream named `{}` stands above already", text.value);
                report.error(text.at, Fault::new("duplicate-value", message));
            }
        }
        Self { by_name }
    }

    /// The upstream that `text` names; an unknown one is an error.
    pub(super) fn find(&self, text: &Text, report: &mut Report) -> Option<&Upstream> {
        if let Some(found) = self.by_name.get(&*text.value) {
            return found.as_ref();
        }
        report.error_with(text.at, || name(text).err().unwrap_or_else(|| self.unknown(text)));
        None
    }

    fn unknown(&self, text: &Text) -> Fault {
        const MOST_NAMES: usize = 10;
        let fault = Fault::new("not-found", format!("no upstream is named `{}`", text.value));
        if let Some(help) = did_you_mean(text, self.by_name.keys().copied()) {
            return fault.help(help);
        }
        let known = self.by_name.keys().take(MOST_NAMES).map(|n| format!("`{n}`"));
        let known = known.collect::<Vec<_>>().join(", ");
        match self.by_name.len() {
            0 => fault.help("`spec.upstreams` has none"),
            1..=MOST_NAMES => fault.help(format!("known are {known}")),
            more => fault.help(format!("known are {known} and {} more", more - MOST_NAMES)),
        }
    }
}

fn read(
    written: &Written,
    namespace: &str,
    services: &mut Services,
    report: &mut Report,
) -> Option<Upstream> {
    let mut duration = |text: &Option<Text>| -> Option<Duration> {
        text.as_ref().and_then(|text| report.check(text.at, time(text)))
    };
    let default = Timeouts::default();
    let timeouts = Timeouts {
        connect: duration(&written.connect_timeout).or(default.connect),
        read: duration(&written.read_timeout).or(default.read),
        send: duration(&written.send_timeout).or(default.send),
        ..default
    };
    let retry_timeout = duration(&written.next_upstream_timeout).filter(|t| !t.is_zero());
    for text in &written.other_times {
        report.check(text.at, time(text));
    }
    for text in &written.other_sizes {
        report.check(text.at, size(text));
    }
    let (on, non_idempotent) = match &written.next_upstream {
        Some(text) => retry_conditions(text, report),
        None => (Retry::default().on, NonIdempotent::Never),
    };
    let retry = Retry {
        on,
        non_idempotent,
        tries: written.next_upstream_tries.unwrap_or(0),
        timeout: retry_timeout,
        backoff: None,
    };
    let max_body = match &written.client_max_body_size {
        Some(text) => report.check(text.at, offset(text)).filter(|limit| *limit > 0),
        None => Some(1 << 20),
    };
    let balance = match &written.lb_method {
        Some(text) => balance(text, report),
        None => Balance::RandomTwoLeastConnections,
    };
    let withheld = written.tls.map(|at| {
        let reason = "TLS to the endpoints of an upstream is not supported";
        let fault = Fault::new("unsupported-field", format!("{reason}: its routes answer 500"));
        report.withheld(at, fault);
        reason
    });
    if let Some(kind) = &written.kind {
        match &*kind.value {
            "http" => {}
            "grpc" => {
                let message = "`grpc` has no effect: requests are sent as to any HTTP upstream";
                report.warning(kind.at, Fault::new("unsupported-field", message));
            }
            other => report.error(kind.at, Fault::unsupported("type", other, ["http", "grpc"])),
        }
    }
    let port = written.port.as_ref();
    let service = written.service.as_ref();
    let service = service.and_then(|s| self::service(s, port, "502", namespace, services, report));
    let (service, port) = (service?, port?.value);
    let settings = BackendSettings {
        name: written.name.as_ref()?.value.clone(),
        timeouts,
        retry,
        balance,
        max_body,
    };
    let target = UpstreamTarget {
        service: services.id(&service),
        port,
        splits: written.subselector.is_none(),
    };
    if let Some(at) = written.subselector {
        let message = "`subselector` is not supported: all endpoints of the Service are used";
        report.warning(at, Fault::new("unsupported-field", message));
        services.bypass(target.service, "subselector", report.origin(at));
    }
    Some(Upstream { target, settings: Arc::new(settings), withheld })
}

/// The Service that `text` names. One that is missing is a warning: its requests are answered
/// `answer` (virtualserver §14).
pub(super) fn service(
    text: &Text,
    port: Option<&Located<u16>>,
    answer: &str,
    namespace: &str,
    services: &mut Services,
    report: &mut Report,
) -> Option<ServiceName> {
    let (namespace, plain) = text.split_once('/').unwrap_or((namespace, text));
    let checked = label(namespace).and_then(|()| match plain.contains('/') {
        true => Err(Fault::invalid(format!("`{}` has more than one `/`", text.value))
            .help("write `service` or `namespace/service`")),
        false => name(plain),
    });
    report.check(text.at, checked)?;
    let service = ServiceName::new(namespace, plain);
    let known = services.service(&service);
    let has_port = port.is_none_or(|port| known.has_port(port.value));
    if !known.exists {
        report.warning_with(text.at, || {
            let message =
                format!("there is no Service `{service}`; requests are answered {answer}");
            let mut fault = Fault::new("not-found", message);
            let names = services.names_in(namespace).map(|name| format!("{namespace}/{name}"));
            let names: Vec<_> = names.collect();
            fault.help = did_you_mean(&service.to_string(), names.iter().map(|name| &**name));
            fault
        });
    } else if let Some(port) = port.filter(|_| !has_port) {
        let message = format!(
            "Service `{service}` has no port {}; requests are answered {answer}",
            port.value
        );
        report.warning(port.at, Fault::new("not-found", message));
    }
    Some(service)
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

/// `lb-method` (virtualserver §14).
fn balance(text: &Text, report: &mut Report) -> Balance {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    match &words[..] {
        [] | ["random", "two"] | ["random", "two", "least_conn"] => {
            return Balance::RandomTwoLeastConnections;
        }
        ["round_robin"] => return Balance::RoundRobin,
        ["least_conn"] => return Balance::LeastConnections,
        ["random" | "ip_hash"]
        | ["hash", _]
        | ["hash", _, "consistent"]
        | ["random", "two", "least_time=header" | "least_time=last_byte"]
        | ["least_time", "header" | "last_byte"]
        | ["least_time", "header" | "last_byte", "inflight"] => {
            let message = format!("`{}` is not supported; `round_robin` is used", text.value);
            report.notice(text.at, Fault::new("unsupported-field", message));
        }
        _ => {
            let known = [
                "round_robin",
                "least_conn",
                "ip_hash",
                "random",
                "random two",
                "random two least_conn",
                "hash <key>",
                "hash <key> consistent",
            ];
            report.error(text.at, Fault::unsupported("method", text, known));
        }
    }
    Balance::RoundRobin
}
