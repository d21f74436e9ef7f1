//! TLS of a Gateway as a whole: whom it trusts as clients, and who it is to backends
//! (gateway-api §7.4, §20.5).

use crate::diagnostic::Diagnostic;
use crate::resource::Problems;
use crate::resource::document::{At, Value};
use crate::resource::object_reference::ObjectReference;
use crate::resource::scalar;
use std::collections::BTreeSet;

/// `frontend`: which clients are let in where TLS ends. `None` stands for every client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frontend {
    /// On the ports that have no entry of their own.
    pub(crate) default: Option<ClientValidation>,
    /// By port, each only once.
    pub(crate) per_port: Vec<(u16, Option<ClientValidation>, At)>,
}

/// `validation`: what is asked of a client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClientValidation {
    /// One of them has signed its certificate. At least one.
    pub(crate) authorities: Vec<ObjectReference>,
    /// Whether those without such a certificate are let in all the same.
    pub(crate) insecure_fallback: bool,
    pub(crate) at: At,
}

/// `tls`: the part for clients, and the certificate that is shown to backends.
pub(super) fn read(
    value: Value<'_>,
    problems: &mut Problems,
) -> (Option<Frontend>, Option<ObjectReference>) {
    let Some(mut fields) = value.mapping(problems) else { return (None, None) };
    let frontend = fields.field("frontend").and_then(|v| read_frontend(v, problems));
    let certificate = fields.field("backend").and_then(|v| read_backend(v, problems));
    fields.finish(problems);
    (frontend, certificate)
}

fn read_frontend(value: Value<'_>, problems: &mut Problems) -> Option<Frontend> {
    let mut fields = value.mapping(problems)?;
    let default = fields.required("default", problems).and_then(|v| read_config(v, problems));
    let list = fields.field("perPort");
    fields.finish(problems);
    let mut per_port = Vec::new();
    for item in list.map_or_else(Vec::new, |list| scalar::items(list, 0, 64, problems)) {
        let Some(mut fields) = item.mapping(problems) else { continue };
        let port = fields.required("port", problems).and_then(|v| v.port(problems));
        let config = fields.required("tls", problems).and_then(|v| read_config(v, problems));
        fields.finish(problems);
        per_port.extend(port.map(|port| (port, config, item.at())));
    }
    if let Some(list) = list {
        let mut seen = BTreeSet::new();
        for (port, ..) in per_port.iter().filter(|(port, ..)| !seen.insert(*port)) {
            let message = format!("the port {port} stands here more than once");
            problems.push(Diagnostic::error("duplicate", &list.origin(), message));
        }
    }
    Some(Frontend { default, per_port })
}

fn read_config(value: Value<'_>, problems: &mut Problems) -> Option<ClientValidation> {
    let mut fields = value.mapping(problems)?;
    let validation = fields.field("validation").and_then(|v| read_validation(v, problems));
    fields.finish(problems);
    validation
}

fn read_validation(value: Value<'_>, problems: &mut Problems) -> Option<ClientValidation> {
    let modes = [("AllowValidOnly", false), ("AllowInsecureFallback", true)];
    let mut fields = value.mapping(problems)?;
    let list = fields.required("caCertificateRefs", problems);
    let items = list.map_or_else(Vec::new, |list| scalar::items(list, 1, 16, problems));
    let read = |v| ObjectReference::read(v, None, problems);
    let authorities = items.into_iter().filter_map(read).collect();
    let mode = match fields.field("mode") {
        Some(field) => scalar::one_of(field, &modes, problems),
        None => Some(false),
    };
    fields.finish(problems);
    Some(ClientValidation { authorities, insecure_fallback: mode?, at: value.at() })
}

fn read_backend(value: Value<'_>, problems: &mut Problems) -> Option<ObjectReference> {
    let mut fields = value.mapping(problems)?;
    let certificate = fields.field("clientCertificateRef");
    let certificate =
        certificate.and_then(|v| ObjectReference::read(v, Some(("", "Secret")), problems));
    fields.finish(problems);
    certificate
}
