//! Connections to endpoints, whichever version of HTTP is spoken on them.

use super::{http1, http2};
use crate::error::Failure;
use crate::exchange::{Received, UploadBody};
use crate::head::Interim;
use crate::http1::Tunnel;
use crate::outbound::Outbound;
use crate::stream::Stream;
use http::{Method, Response};

/// A connection for one exchange at a time: its own, or a share of one.
pub(crate) enum Connection {
    Http1(http1::Connection),
    Http2(http2::Stream),
}

/// Why a request got no answer.
pub(crate) struct Unanswered {
    pub(crate) failure: Failure,
    /// Whether surely no backend has looked at it.
    pub(crate) unsent: bool,
}

/// Whether a request tells that it has no body: where one is usual (RFC 9110, section 8.6).
pub(super) fn tells_empty(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

impl Connection {
    /// Whether it can take a request at once.
    pub(crate) fn is_ready(&mut self) -> bool {
        match self {
            Self::Http1(connection) => connection.is_ready(),
            Self::Http2(stream) => stream.is_ready(),
        }
    }

    /// Goes on in another protocol, where that takes over the connection.
    pub(crate) fn tunnel(&self) -> Option<Tunnel<Stream>> {
        match self {
            Self::Http1(connection) => connection.tunnel(),
            Self::Http2(_) => None,
        }
    }

    /// Sends a request and waits for the head of its answer; what announces that goes to `interim`.
    pub(crate) async fn send(
        &mut self,
        request: Outbound<'_>,
        body: UploadBody,
        interim: Option<&Interim>,
    ) -> Result<Response<Received>, Unanswered> {
        match self {
            Self::Http1(connection) => connection.send(request, body, interim).await,
            Self::Http2(stream) => stream.send(request.with(()), body, interim).await,
        }
    }
}
