//! Where a rule sends requests, and how long that may take (gateway-api §15, §16).

use super::Reader;
use super::filter::{self, Filter};
use crate::resource::document::{At, Mapping, Value};
use crate::resource::scalar::{self, NAMESPACE, OBJECT_NAME};
use http::StatusCode;
use std::time::Duration;

/// A backend of a rule and its share.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BackendRef {
    pub(crate) target: BackendTarget,
    pub(crate) weight: u32,
    pub(crate) filters: Vec<Filter>,
    pub(crate) at: At,
}

/// What a reference to a backend names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BackendTarget {
    pub(crate) group: Box<str>,
    pub(crate) kind: Box<str>,
    /// `None`: the route's own.
    pub(crate) namespace: Option<Box<str>>,
    pub(crate) name: Box<str>,
    /// Always there for a Service.
    pub(crate) port: Option<u16>,
    pub(crate) at: At,
    pub(crate) fields: BackendFields,
}

/// Where the fields of a reference stand; the whole reference for those that are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BackendFields {
    /// `kind`, or `group` where only that is written.
    pub(crate) kind: At,
    pub(crate) namespace: At,
    pub(crate) name: At,
    pub(crate) port: At,
}

impl BackendTarget {
    /// Whether a Service is meant.
    pub(crate) fn is_service(&self) -> bool {
        self.group.is_empty() && &*self.kind == "Service"
    }
}

/// `timeouts` of a rule. Zero means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Timeouts {
    pub(crate) request: Option<Duration>,
    pub(crate) backend_request: Option<Duration>,
}

/// `retry` of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Retry {
    pub(crate) codes: Vec<StatusCode>,
    pub(crate) attempts: Option<u32>,
    pub(crate) backoff: Option<Duration>,
}

pub(super) fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<BackendRef> {
    let mut fields = value.mapping(reader.problems)?;
    let target = read_target_fields(&mut fields, reader);
    let weight = match fields.field("weight") {
        Some(field) => field.integer(0..=1_000_000, reader.problems),
        None => Some(1),
    };
    let filters = fields.field("filters").map(|list| filter::read_list(list, reader));
    fields.finish(reader.problems);
    Some(BackendRef {
        target,
        weight: weight.and_then(|n| u32::try_from(n).ok()).unwrap_or_default(),
        filters: filters.unwrap_or_default(),
        at: value.at(),
    })
}

/// A reference that has no share and no filters.
pub(super) fn read_target(value: Value<'_>, reader: &mut Reader<'_>) -> Option<BackendTarget> {
    let mut fields = value.mapping(reader.problems)?;
    let target = read_target_fields(&mut fields, reader);
    fields.finish(reader.problems);
    Some(target)
}

fn read_target_fields(fields: &mut Mapping<'_>, reader: &mut Reader<'_>) -> BackendTarget {
    let value = fields.value();
    let (group, kind) = scalar::group_and_kind(fields, ("", "Service"), reader.problems);
    let namespace_field = fields.field("namespace");
    let namespace = namespace_field.and_then(|v| NAMESPACE.read(v, reader.problems));
    let name_field = fields.required("name", reader.problems);
    let name = name_field.and_then(|v| OBJECT_NAME.read(v, reader.problems));
    let port_field = fields.field("port");
    let port = port_field.and_then(|v| v.port(reader.problems));
    let kind_field = fields.field("kind").or_else(|| fields.field("group"));
    let at = |field: Option<Value<'_>>| field.unwrap_or(value).at();
    let target = BackendTarget {
        group,
        kind,
        namespace: namespace.map(Into::into),
        name: name.unwrap_or_default().into(),
        port,
        at: value.at(),
        fields: BackendFields {
            kind: at(kind_field),
            namespace: at(namespace_field),
            name: at(name_field),
            port: at(port_field),
        },
    };
    if target.is_service() && port_field.is_none() {
        reader.error("missing-field", value, "a reference to a Service needs a `port`");
    }
    target
}

pub(super) fn read_timeouts(value: Value<'_>, reader: &mut Reader<'_>) -> Timeouts {
    let Some(mut fields) = value.mapping(reader.problems) else { return Timeouts::default() };
    let request = fields.field("request").and_then(|v| scalar::duration(v, reader.problems));
    let backend_request =
        fields.field("backendRequest").and_then(|v| scalar::duration(v, reader.problems));
    fields.finish(reader.problems);
    if let (Some(all), Some(one)) = (request, backend_request)
        && one > all
        && !all.is_zero()
    {
        let message = "`backendRequest` is longer than `request`, which covers all tries";
        reader.error("conflicting-fields", value, message);
    }
    Timeouts { request, backend_request }
}

pub(super) fn read_retry(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Retry> {
    let mut fields = value.mapping(reader.problems)?;
    let mut retry = Retry::default();
    if let Some(list) = fields.field("codes") {
        let mut codes = Vec::new();
        for item in scalar::items(list, 0, 200, reader.problems) {
            let code = item.integer(400..=599, reader.problems);
            let code = code.and_then(|n| u16::try_from(n).ok());
            codes.extend(code.and_then(|n| StatusCode::from_u16(n).ok()).map(|code| (item, code)));
        }
        retry.codes = codes.iter().map(|(_, code)| *code).collect();
        scalar::unique(codes.iter().map(|(item, code)| (*item, code.as_u16())), reader.problems);
    }
    let attempts = fields.field("attempts");
    let attempts = attempts.and_then(|v| v.integer(1..=i64::from(i32::MAX), reader.problems));
    retry.attempts = attempts.and_then(|n| u32::try_from(n).ok());
    retry.backoff = fields.field("backoff").and_then(|v| scalar::duration(v, reader.problems));
    fields.finish(reader.problems);
    Some(retry)
}
