//! HTTP/1.1 with a backend.

use super::connect::{Io, open};
use super::connection::Unanswered;
use super::line::Hearing;
use super::peer::Channel;
use crate::error::Failure;
use crate::exchange::{Received, UploadBody};
use crate::tls;
use http::{Request, Response};
use hyper::client::conn::http1::{SendRequest, handshake};
use std::error::Error;
use std::io;
use std::sync::Arc;

/// A connection that takes one request after the other.
pub(crate) struct Connection {
    sender: SendRequest<UploadBody>,
    hearing: Arc<Hearing>,
}

impl Connection {
    /// Opens one.
    pub(super) async fn open(channel: &Channel) -> Result<Self, Failure> {
        let hearing = Hearing::new();
        let io: Io = open(channel, &hearing).await?;
        let (sender, driver) = handshake(io).await.map_err(|_| Failure::Connect)?;
        tokio::task::spawn_local(driver.with_upgrades());
        Ok(Self { sender, hearing })
    }

    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Whether it can never take a request again.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Waits until it can take a request; `false` if it never will.
    pub(super) async fn ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    pub(super) async fn send(
        &mut self,
        request: Request<UploadBody>,
    ) -> Result<Response<Received>, Unanswered> {
        let before = self.hearing.times();
        self.hearing.expect_head();
        match self.sender.try_send_request(request).await {
            Ok(response) => {
                self.hearing.has_head();
                Ok(response.map(Received::new))
            }
            Err(mut error) => Err(Unanswered {
                unsent: error.take_message().is_some(),
                failure: self.failure(error.error(), before),
            }),
        }
    }

    /// What went wrong; `before` is how often something had come when the request was sent.
    fn failure(&self, error: &hyper::Error, before: u64) -> Failure {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        if error.is_parse() || self.hearing.is_too_much() {
            Failure::InvalidHead
        } else if self.hearing.times() != before {
            Failure::BrokenHead
        } else if before == 0 && cause.is_some_and(tls::is_refusal) {
            Failure::Tls
        } else {
            Failure::Disconnect
        }
    }
}
