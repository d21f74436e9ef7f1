//! HTTP/1.1 and 1.0 with a client.

use super::Session;
use crate::downstream::Downstream;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::pin::pin;

/// Read buffer per connection: bounds what a client can make the proxy hold for it.
const BUFFER: usize = 64 * 1024;

/// Answers requests, one after the other.
pub(super) async fn serve(session: &Session, stream: Downstream, ends: impl Future<Output = ()>) {
    let limits = &session.worker.shared.limits;
    let connection = http1::Builder::new()
        .timer(session.worker.timers.clone())
        .header_read_timeout(limits.head_timeout)
        .max_headers(limits.head_fields)
        .max_header_size(limits.head_bytes)
        .max_buf_size(BUFFER.max(limits.head_bytes))
        .serve_connection(TokioIo::new(stream), service_fn(|request| session.answer(request)))
        .with_upgrades();
    session.run(pin!(connection), |it| it.graceful_shutdown(), ends).await;
}
