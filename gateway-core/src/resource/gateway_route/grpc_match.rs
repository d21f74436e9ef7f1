//! What a match of a GRPCRoute says of the method that is called (gateway-api §18.1).

use super::Reader;
use crate::diagnostic::Diagnostic;
use crate::resource::document::{At, Located, Mapping, Value, shorten};
use crate::resource::scalar::{self, GRPC_NAME};

/// Tests of the two parts of a gRPC path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GrpcMatch {
    /// Whether the parts are expressions.
    pub(crate) regex: bool,
    /// `None`: every service.
    pub(crate) service: Option<Located<Box<str>>>,
    /// `None`: every method.
    pub(crate) method: Option<Located<Box<str>>>,
    pub(crate) at: At,
}

impl GrpcMatch {
    /// The default: every call.
    pub(super) fn all(at: At) -> Self {
        Self { regex: false, service: None, method: None, at }
    }
}

pub(super) fn read(fields: &mut Mapping<'_>, reader: &mut Reader<'_>) -> GrpcMatch {
    let all = GrpcMatch::all(fields.value().at());
    fields.field("method").and_then(|value| read_method(value, reader)).unwrap_or(all)
}

fn read_method(value: Value<'_>, reader: &mut Reader<'_>) -> Option<GrpcMatch> {
    let kinds = [("Exact", false), ("RegularExpression", true)];
    let mut fields = value.mapping(reader.problems)?;
    let regex = match fields.field("type") {
        Some(field) => scalar::one_of(field, &kinds, reader.problems),
        None => Some(false),
    };
    let (service, method) = (fields.field("service"), fields.field("method"));
    fields.finish(reader.problems);
    let regex = regex?;
    if service.is_none() && method.is_none() {
        reader.error("missing-field", value, "`method` needs a `service`, a `method`, or both");
    }
    let mut part = |field: Option<Value<'_>>, name: &str, fault: fn(&str) -> Option<Fault>| {
        let field = field?;
        let text = GRPC_NAME.read(field, reader.problems)?;
        if !regex && let Some(fault) = fault(text) {
            let message = format!("`{}` is not the name of a gRPC {name}", shorten(text));
            let problem = Diagnostic::error("invalid-value", &field.origin(), message);
            reader.problems.push(problem.help(fault));
        }
        // An expression that is left empty asks for nothing.
        (!text.is_empty()).then(|| field.located(text.into()))
    };
    let service = part(service, "service", service_fault);
    let method = part(method, "method", method_fault);
    Some(GrpcMatch { regex, service, method, at: value.at() })
}

/// What a name should be instead.
type Fault = &'static str;

const REGEX: Fault = "expressions need `type: RegularExpression`";

/// Words of letters, digits and `_` with dots between them; a dot may stand before the first.
fn service_fault(text: &str) -> Option<Fault> {
    if text.strip_prefix('.').unwrap_or(text).split('.').all(is_word) {
        return None;
    }
    if text.contains('/') {
        return Some("write what stands after the `/` in a field of its own, `method`");
    }
    Some(help(text, "a service is written with its package, like `shop.v1.Carts`"))
}

fn method_fault(text: &str) -> Option<Fault> {
    if is_word(text) {
        return None;
    }
    if text.contains(['.', '/']) {
        return Some("write the service, with its package, in a field of its own, `service`");
    }
    Some(help(text, "a method is one word, like `GetCart`"))
}

fn help(text: &str, otherwise: Fault) -> Fault {
    if text.contains(['*', '+', '?', '|', '(', '[', '\\', '^', '$']) { REGEX } else { otherwise }
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
}
