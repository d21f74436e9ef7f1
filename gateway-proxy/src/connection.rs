//! One client's connection.

use crate::answer;
use crate::downstream::Downstream;
use crate::exchange::Exchange;
use crate::handshake::{HandshakeFailure, shake};
use crate::head::Client;
use crate::metrics::OpenConnection;
use crate::snapshot::Security;
use crate::stream::Stream;
use crate::tls;
use crate::worker::Worker;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Read buffer per connection: bounds what a client can make the proxy hold for it.
const BUFFER: usize = 64 * 1024;

/// When the proxy stops, a connection that never had a request gets this long to send one.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// Answers the requests of a connection until it is over.
pub(crate) async fn serve(worker: Rc<Worker>, stream: TcpStream, client: Client) {
    let open = worker.metrics.connection();
    serve_stream(worker, Stream::Plain(stream), client, open, pending()).await;
}

/// Answers the requests of a connection on which TLS begins first.
pub(crate) async fn serve_tls(
    worker: Rc<Worker>,
    stream: TcpStream,
    mut client: Client,
    security: Security,
) {
    let open = worker.metrics.connection();
    let mut draining = client.draining.clone();
    let stopped = async {
        draining.begun().await;
        sleep(FIRST_REQUEST).await;
    };
    let shaken = timeout(
        worker.shared.limits.handshake_timeout,
        // Boxed, so that the handshake's space is given back when it is over.
        Box::pin(shake(&worker, stream, client.connection.listener, &security)),
    );
    let shaken = tokio::select! {
        shaken = shaken => shaken,
        () = stopped => return,
    };
    let (stream, session) = match shaken.unwrap_or(Err(HandshakeFailure::Timeout)) {
        Ok(shaken) => shaken,
        Err(failure) => return worker.metrics.handshake_failed(failure),
    };
    if let Security::Mutual(_) = security {
        client.identity = tls::peer_identity(stream.get_ref().1);
    }
    client.session = Some(Box::new(session));
    let shared = Arc::clone(&worker.shared);
    let renewed = async {
        match security {
            // Whom the last certificates let in proves itself again to the next ones.
            Security::Mutual(identity) => shared.renewed(&identity).await,
            // Clients that know the certificate go on.
            Security::ByName => pending().await,
        }
    };
    let stream = Stream::Tls(Box::new(stream.into()));
    serve_stream(worker, stream, client, open, renewed).await;
}

/// The same until the proxy stops, or until `renewed`: then the connection ends with the request
/// that is under way.
async fn serve_stream(
    worker: Rc<Worker>,
    stream: Stream,
    client: Client,
    open: OpenConnection,
    renewed: impl Future<Output = ()>,
) {
    let limits = &worker.shared.limits;
    let mut draining = client.draining.clone();
    let client = Rc::new(client);
    let stream = Downstream::new(stream, client.unread.clone(), limits.send_timeout);
    let service = service_fn(|request| {
        let (worker, client) = (Rc::clone(&worker), Rc::clone(&client));
        async move {
            client.requests.set(client.requests.get() + 1);
            let answer = answer::answer(&worker, &client, Exchange::new(request, &client)).await;
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(limits.head_fields)
        .max_header_size(limits.head_bytes)
        .max_buf_size(BUFFER.max(limits.head_bytes))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    // How it ends makes no difference: the client is told by hyper, and the log by the exchange.
    tokio::select! {
        // What comes after the end has begun is not read.
        biased;
        () = async { tokio::select! { () = draining.begun() => {} () = renewed => {} } } => {
            // hyper would close at once where it has read nothing yet, though a request may be on
            // its way.
            let first = poll_fn(|cx| {
                if client.requests.get() > 0 {
                    return Poll::Ready(false);
                }
                let over = connection.as_mut().poll(cx).is_ready();
                if over || client.requests.get() > 0 { Poll::Ready(over) } else { Poll::Pending }
            });
            if timeout(FIRST_REQUEST, first).await == Ok(true) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            let is_used = client.requests.get() > 0;
            let most = if is_used { limits.grace } else { Duration::ZERO };
            let _ = timeout(most, connection).await;
        }
        _ = connection.as_mut() => {}
    }
    drop(open);
}
