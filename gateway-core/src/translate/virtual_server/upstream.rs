//! Upstreams: what `pass` names (virtualserver §4).

mod balance;
mod health_check;
mod retry;
mod settings;

use super::grammar::{label, name, time};
use super::report::{Fault, Report};
use crate::diagnostic::did_you_mean;
use crate::resource::document::Located;
use crate::resource::virtual_server::{Text, Upstream as Written};
use crate::rules::{BackendSettings, ServiceName, UpstreamTarget};
use crate::translate::services::Services;
use settings::settings;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What comes of a Service that is missing (virtualserver §14).
const UNAVAILABLE: &str = "requests are answered 502";

/// The upstreams of one VirtualServer by name; `None` for those that something is wrong with.
#[derive(Debug, Default)]
pub(super) struct Upstreams<'d> {
    by_name: BTreeMap<&'d str, Option<Upstream>>,
}

#[derive(Debug, Clone)]
pub(super) struct Upstream {
    pub(super) target: UpstreamTarget,
    pub(super) settings: Arc<BackendSettings>,
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
    let settings = settings(written, report);
    let backup = backup(written, namespace, services, report);
    let port = written.port.as_ref();
    let service = written.service.as_ref();
    let service =
        service.and_then(|s| self::service(s, port, UNAVAILABLE, namespace, services, report));
    let (service, port) = (service?, port?.value);
    let target = UpstreamTarget {
        service: services.id(&service),
        port,
        splits: written.subselector.is_none(),
    };
    if let Some(labels) = &written.subselector {
        services.bypass(target.service, "subselector", report.origin(labels.at));
    }
    let settings = BackendSettings { backup, ..settings? };
    Some(Upstream { target, settings: Arc::new(settings) })
}

/// What takes the requests while no endpoint works.
fn backup(
    written: &Written,
    namespace: &str,
    services: &mut Services,
    report: &mut Report,
) -> Option<UpstreamTarget> {
    let (service, port) = match (&written.backup, &written.backup_port) {
        (None, None) => return None,
        (Some(service), Some(port)) => (service, port),
        (Some(Text { at, .. }), None) => {
            report.error(*at, Fault::new("missing-field", "`backup` needs `backupPort`"));
            return None;
        }
        (None, Some(port)) => {
            report.error(port.at, Fault::new("missing-field", "`backupPort` needs `backup`"));
            return None;
        }
    };
    report.check(service.at, name(service))?;
    let method = written.lb_method.as_ref();
    if let Some(method) = method.filter(|m| m.contains("hash") || m.contains("random")) {
        let message = format!("`backup` cannot stand beside the method `{}`", method.value);
        report.error(service.at, Fault::new("conflicting-fields", message));
        return None;
    }
    let effect = "it takes no requests";
    let service = self::service(service, Some(port), effect, namespace, services, report)?;
    let service = services.id(&service);
    Some(UpstreamTarget { service, port: port.value, splits: false })
}

/// The Service that `text` names. One that is missing is a warning, which says what the `effect`
/// is.
pub(super) fn service(
    text: &Text,
    port: Option<&Located<u16>>,
    effect: &str,
    namespace: &str,
    services: &mut Services,
    report: &mut Report,
) -> Option<ServiceName> {
    let (namespace, plain) = text.split_once('/').unwrap_or((namespace, text));
    let checked = label(namespace).and_then(|()| match plain.contains('/') {
        true => Err(Fault::invalid(format!("`{}` has more than one `/`", text.value))
            .help("write `service` or `namespace/service`")),
        false => name(plain).map_err(|fault| match in_domain(plain) {
            Some(service) => fault.help(format!("did you mean `{service}`?")),
            None => fault,
        }),
    });
    report.check(text.at, checked)?;
    let service = ServiceName::new(namespace, plain);
    let known = services.service(&service);
    let has_port = port.is_none_or(|port| known.has_port(port.value));
    if !known.exists {
        report.warning_with(text.at, || {
            let message = format!("there is no Service `{service}`; {effect}");
            let mut fault = Fault::new("not-found", message);
            let names = services.names_in(namespace).map(|name| format!("{namespace}/{name}"));
            let names: Vec<_> = names.collect();
            fault.help = did_you_mean(&service.to_string(), names.iter().map(|name| &**name));
            fault
        });
    } else if let Some(port) = port.filter(|_| !has_port) {
        let message = format!("Service `{service}` has no port {}; {effect}", port.value);
        report.warning(port.at, Fault::new("not-found", message));
    }
    Some(service)
}

/// The Service behind a name of the cluster's DNS.
fn in_domain(text: &str) -> Option<String> {
    let mut labels = text.split('.');
    let (service, namespace) = (labels.next()?, labels.next()?);
    let is_right = name(service).is_ok() && label(namespace).is_ok();
    (is_right && labels.next().is_none_or(|next| next == "svc"))
        .then(|| format!("{namespace}/{service}"))
}

/// The duration that `text` says; `None`, too, when something is wrong with it.
fn duration(text: Option<&Text>, report: &mut Report) -> Option<Duration> {
    text.and_then(|text| report.check(text.at, time(text)))
}
