//! HTTP/1.1 with a backend.

use super::connect::{Io, open};
use super::connection::Unanswered;
use super::peer::Channel;
use crate::error::Failure;
use crate::exchange::{Received, UploadBody};
use crate::tls;
use http::{Request, Response};
use hyper::client::conn::http1::{SendRequest, handshake};
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A connection that takes one request after the other.
pub(crate) struct Connection {
    sender: SendRequest<UploadBody>,
    /// Whether anything came since the last request, which hyper's errors do not tell.
    heard: Arc<AtomicBool>,
}

impl Connection {
    /// Opens one.
    pub(super) async fn open(channel: &Channel) -> Result<Self, Failure> {
        let heard = Arc::new(AtomicBool::new(false));
        let io: Io = open(channel, &heard).await?;
        let (sender, driver) = handshake(io).await.map_err(|_| Failure::Connect)?;
        tokio::task::spawn_local(driver.with_upgrades());
        Ok(Self { sender, heard })
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
        self.heard.store(false, Ordering::Relaxed);
        match self.sender.try_send_request(request).await {
            Ok(response) => Ok(response.map(Received::new)),
            Err(mut error) => Err(Unanswered {
                unsent: error.take_message().is_some(),
                failure: self.failure(error.error()),
            }),
        }
    }

    fn failure(&self, error: &hyper::Error) -> Failure {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        if error.is_parse() {
            Failure::InvalidHead
        } else if self.heard.load(Ordering::Relaxed) {
            Failure::BrokenHead
        } else if cause.is_some_and(tls::is_refusal) {
            Failure::Tls
        } else {
            Failure::Disconnect
        }
    }
}
