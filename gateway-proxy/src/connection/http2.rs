//! HTTP/2 with a client.

use super::Session;
use crate::downstream::Downstream;
use crate::exchange::Exchange;
use crate::executor::Local;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;

/// Most requests under way on a connection.
const STREAMS: u32 = 128;

/// What a client may send of one body before the backend takes it, in octets: bounds what it can
/// make the proxy hold, together with the next.
const STREAM_WINDOW: u32 = 256 << 10;

/// The same for all bodies of a connection.
const CONNECTION_WINDOW: u32 = 1 << 20;

/// What is kept of an answer that the client has not taken yet, in octets.
const SEND_BUFFER: usize = 64 << 10;

/// Requests that a client may have taken back before they were looked at. More are an attack
/// (CVE-2023-44487), and end the connection.
const PENDING_RESETS: usize = 20;

/// Requests that may have failed for what the client did wrong with frames. More end the connection.
const ERROR_RESETS: usize = 128;

/// Answers requests, many at once.
pub(super) async fn serve(session: &Session, stream: Downstream, ends: impl Future<Output = ()>) {
    let limits = &session.worker.shared.limits;
    let streams = &session.client.streams;
    // One that is closed while octets of the client are still under way would be reset, and the
    // client might not see why.
    session.client.unread.set(true);
    let service = service_fn(|request| {
        let exchange = Exchange::http2(request, &session.client, &session.worker.random);
        let (answering, stream) = (session.answer(exchange), streams.open());
        async move { Ok::<_, Infallible>(answering.await.map(|body| body.on(stream))) }
    });
    let connection = http2::Builder::new(Local)
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(ERROR_RESETS)
        .enable_connect_protocol()
        .serve_connection(TokioIo::new(stream), service);
    let ends = async {
        tokio::select! { () = ends => {} () = streams.idle(limits.head_timeout) => {} }
    };
    let mut connection = pin!(connection);
    let running = session.run(connection.as_mut(), |it| it.graceful_shutdown(), ends);
    tokio::select! {
        () = running => {}
        () = streams.stalled(limits.send_timeout) => {}
    }
}
