//! `matches` of a rule (gateway-api §11, §18.2).

use super::grpc_match::{self, GrpcMatch};
use super::http_match::{self, HttpMatch};
use super::values::{self, ValueMatch};
use super::{Reader, RouteKind};
use crate::resource::document::{At, Value};

/// All its parts must hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Match {
    pub(crate) target: Target,
    pub(crate) headers: Vec<ValueMatch>,
    pub(crate) at: At,
}

/// What a request is for, in the terms of the kind of route.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Target {
    Http(HttpMatch),
    Grpc(GrpcMatch),
}

impl Match {
    /// The default: every request.
    pub(super) fn all(at: At, kind: RouteKind) -> Self {
        let target = match kind {
            RouteKind::Http => Target::Http(HttpMatch::all(at)),
            RouteKind::Grpc => Target::Grpc(GrpcMatch::all(at)),
        };
        Self { target, headers: Vec::new(), at }
    }

    /// Whether the path is matched by a `PathPrefix`.
    pub(super) fn is_path_prefix(&self) -> bool {
        matches!(&self.target, Target::Http(http) if http.path.is_prefix())
    }
}

pub(super) fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Match> {
    let mut fields = value.mapping(reader.problems)?;
    let target = match reader.kind {
        RouteKind::Http => Target::Http(http_match::read(&mut fields, reader)),
        RouteKind::Grpc => Target::Grpc(grpc_match::read(&mut fields, reader)),
    };
    let headers = fields.field("headers").map(|list| values::read_headers(list, reader));
    fields.finish(reader.problems);
    Some(Match { target, headers: headers.unwrap_or_default(), at: value.at() })
}
