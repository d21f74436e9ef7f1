//! TLSRoute, TCPRoute and UDPRoute of `gateway.networking.k8s.io` (gateway-api §21).
//!
//! They route connections and datagrams, which is not done here. They are read only to tell what
//! is wrong with them; of TCPRoutes and UDPRoutes of SMI, which are others, see
//! [`super::layer4_route`].

use super::Problems;
use super::document::Value;
use super::gateway_route::{ChannelFaults, parent};
use super::object_reference::ObjectReference;
use super::scalar::{self, SECTION_NAME};
use crate::diagnostic::Diagnostic;

/// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
pub(crate) fn check(root: Value<'_>, problems: &mut Problems) -> Option<()> {
    let kind = root.mapping(problems)?.required("kind", problems)?.string(problems)?;
    let mut fields = scalar::spec(root, problems)?.mapping(problems)?;
    if let Some(list) = fields.field("parentRefs") {
        let mut channels = ChannelFaults::default();
        parent::read_list(list, &mut channels, problems);
        // What only one of the channels refuses is left alone, since nothing comes of the route.
        if !channels.standard.is_empty() {
            channels.experimental.into_iter().for_each(|fault| problems.push(fault));
        }
    }
    if let Some(field) = fields.field("useDefaultGateways") {
        scalar::one_of(field, &[("All", ()), ("None", ())], problems);
    }
    if kind == "TLSRoute"
        && let Some(list) = fields.required("hostnames", problems)
    {
        for item in scalar::items(list, 1, 1024, problems) {
            scalar::hostname(item, problems);
        }
    }
    if let Some(list) = fields.required("rules", problems) {
        scalar::items(list, 1, 1, problems).into_iter().for_each(|v| check_rule(v, problems));
    }
    fields.finish(problems);
    Some(())
}

fn check_rule(value: Value<'_>, problems: &mut Problems) {
    let Some(mut fields) = value.mapping(problems) else { return };
    fields.field("name").and_then(|v| SECTION_NAME.read(v, problems));
    if let Some(list) = fields.required("backendRefs", problems) {
        scalar::items(list, 1, 16, problems).into_iter().for_each(|v| check_backend(v, problems));
    }
    fields.finish(problems);
}

fn check_backend(value: Value<'_>, problems: &mut Problems) {
    let Some(mut fields) = value.mapping(problems) else { return };
    let service = ("", "Service");
    let backend = ObjectReference::read_fields(&mut fields, Some(service), problems);
    let port = fields.field("port");
    port.and_then(|v| v.port(problems));
    fields.field("weight").and_then(|v| v.integer(0..=1_000_000, problems));
    fields.finish(problems);
    if port.is_none() && backend.is_some_and(|b| (&*b.group, &*b.kind) == service) {
        let message = "a reference to a Service needs a `port`";
        problems.push(Diagnostic::error("missing-field", &value.origin(), message));
    }
}
