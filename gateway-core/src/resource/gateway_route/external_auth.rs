//! Asking a service whether a request may pass (gateway-api §13.4).

use super::Reader;
use super::backend::{self, BackendTarget};
use crate::resource::document::{Mapping, Value};
use crate::resource::scalar::{self, AUTH_PATH, HEADER_NAME};
use http::HeaderName;

/// `externalAuth`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExternalAuth {
    pub(crate) target: BackendTarget,
    pub(crate) protocol: ExternalAuthProtocol,
    /// How many octets of the body are sent along at most; 0: the body is not sent.
    pub(crate) max_body: u64,
}

/// How the service is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExternalAuthProtocol {
    Http {
        /// Stands before the path of the request; may be empty.
        path: Box<str>,
        /// Those sent besides the ones that always are.
        allowed_headers: Vec<HeaderName>,
        /// Those copied from the answer into the request; none: all of them.
        allowed_response_headers: Vec<HeaderName>,
    },
    /// `ext_authz` of Envoy.
    Grpc {
        /// None: all of them.
        allowed_headers: Vec<HeaderName>,
    },
}

pub(super) fn read(block: Value<'_>, reader: &mut Reader<'_>) -> Option<ExternalAuth> {
    let protocols = [("HTTP", true), ("GRPC", false)];
    let mut fields = block.mapping(reader.problems)?;
    let protocol = fields.required("protocol", reader.problems);
    let protocol = protocol.and_then(|v| scalar::one_of(v, &protocols, reader.problems));
    let target = fields.required("backendRef", reader.problems);
    let target = target.and_then(|v| backend::read_target(v, reader));
    let http_block = fields.field("http");
    let grpc_block = fields.field("grpc");
    let http = http_block.and_then(|v| read_http(v, reader));
    let grpc = grpc_block.and_then(|v| read_grpc(v, reader));
    let max_body = match fields.field("forwardBody") {
        Some(field) => read_max_body(field, reader),
        None => Some(0),
    };
    fields.finish(reader.problems);
    let is_http = protocol?;
    let (name, wanted, other) = match is_http {
        true => ("HTTP", (http_block, "http"), (grpc_block, "grpc")),
        false => ("GRPC", (grpc_block, "grpc"), (http_block, "http")),
    };
    if wanted.0.is_none() {
        let message = format!("`externalAuth` of protocol `{name}` needs `{}`", wanted.1);
        reader.error("conflicting-fields", block, message);
    }
    if other.0.is_some() {
        let message = format!("`externalAuth` of protocol `{name}` cannot have `{}`", other.1);
        reader.error("conflicting-fields", block, message);
    }
    let protocol = if is_http { http } else { grpc };
    Some(ExternalAuth { target: target?, protocol: protocol?, max_body: max_body? })
}

fn read_http(value: Value<'_>, reader: &mut Reader<'_>) -> Option<ExternalAuthProtocol> {
    let mut fields = value.mapping(reader.problems)?;
    let path = fields.field("path").and_then(|v| AUTH_PATH.read(v, reader.problems));
    let allowed_headers = read_names("allowedHeaders", &mut fields, reader);
    let allowed_response_headers = read_names("allowedResponseHeaders", &mut fields, reader);
    fields.finish(reader.problems);
    let path = path.unwrap_or_default().into();
    Some(ExternalAuthProtocol::Http { path, allowed_headers, allowed_response_headers })
}

fn read_grpc(value: Value<'_>, reader: &mut Reader<'_>) -> Option<ExternalAuthProtocol> {
    let mut fields = value.mapping(reader.problems)?;
    let allowed_headers = read_names("allowedHeaders", &mut fields, reader);
    fields.finish(reader.problems);
    Some(ExternalAuthProtocol::Grpc { allowed_headers })
}

fn read_names(
    field: &'static str,
    fields: &mut Mapping<'_>,
    reader: &mut Reader<'_>,
) -> Vec<HeaderName> {
    let Some(list) = fields.field(field) else { return Vec::new() };
    let names = scalar::set(list, 64, |v, p| HEADER_NAME.read(v, p), reader.problems);
    names.iter().filter_map(|(_, name)| HeaderName::from_bytes(name.as_bytes()).ok()).collect()
}

fn read_max_body(value: Value<'_>, reader: &mut Reader<'_>) -> Option<u64> {
    let mut fields = value.mapping(reader.problems)?;
    let size = match fields.field("maxSize") {
        Some(field) => field.integer(0..=i64::MAX, reader.problems),
        None => Some(0),
    };
    fields.finish(reader.problems);
    size.and_then(|size| u64::try_from(size).ok())
}
