//! HTTP/2 with a client.

mod exchange;
mod hands;

pub(crate) use hands::Hands;

use super::Session;
use crate::downstream::Downstream;
use crate::http2::Wire;
use bytes::Bytes;
use exchange::Asked;
use h2::server::{self, Builder, Handshake};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

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
    let wire = Wire::new(stream, session.worker.batch.clone());
    let handshake = Builder::new()
        .max_concurrent_streams(STREAMS)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(Some(ERROR_RESETS))
        .enable_connect_protocol()
        .handshake(wire.clone());
    let state = State::Beginning(handshake);
    let connection = Connection { session, wire, state, is_ending: false };
    let ends = async {
        tokio::select! { () = ends => {} () = streams.idle(limits.head_timeout) => {} }
    };
    let mut connection = pin!(connection);
    let running = session.run(connection.as_mut(), |it| it.get_mut().finish(), ends);
    tokio::select! {
        () = running => {}
        () = streams.stalled(limits.send_timeout) => {}
    }
}

/// A client's connection.
struct Connection<'a> {
    session: &'a Session,
    wire: Wire<Downstream>,
    state: State,
    /// Whether it takes no more requests.
    is_ending: bool,
}

enum State {
    Beginning(Handshake<Wire<Downstream>, Bytes>),
    Open(server::Connection<Wire<Downstream>, Bytes>),
}

impl Connection<'_> {
    /// Takes no more requests, and ends when those that are under way are answered.
    fn finish(&mut self) {
        self.is_ending = true;
        if let State::Open(connection) = &mut self.state {
            connection.graceful_shutdown();
        }
    }

    /// Takes requests as they come, until the connection is over.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.state {
                State::Beginning(handshake) => {
                    let Ok(mut connection) = ready!(Pin::new(handshake).poll(cx)) else {
                        return Poll::Ready(());
                    };
                    if self.is_ending {
                        connection.graceful_shutdown();
                    }
                    self.state = State::Open(connection);
                }
                State::Open(connection) => {
                    // The client is told what went wrong with the connection, and nobody else asks.
                    let Some(Ok((request, respond))) = ready!(connection.poll_accept(cx)) else {
                        return Poll::Ready(());
                    };
                    let Session { worker, client } = self.session;
                    client.requests.set(client.requests.get() + 1);
                    let open = client.streams.open();
                    let session = self.session.clone();
                    worker.hands.answer(Asked { session, request, respond, open });
                }
            }
        }
    }
}

impl Future for Connection<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_requests(cx).is_ready() {
            return Poll::Ready(());
        }
        match self.wire.poll_send(cx) {
            Poll::Ready(Err(_)) => Poll::Ready(()),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }
}
