//! One client's connection.

mod http1;
mod http2;

pub(crate) use http1::DRAINED;
pub(crate) use http2::Hands;

use crate::answer;
use crate::downstream::Downstream;
use crate::exchange::{Answer, Exchange};
use crate::handshake::{HandshakeFailure, shake};
use crate::head::Client;
use crate::metrics::OpenConnection;
use crate::seldom::Seldom;
use crate::snapshot::Security;
use crate::stream::Stream;
use crate::tls;
use crate::worker::Worker;
use http::Response;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// When the proxy stops, a connection that never had a request gets this long to send one.
pub(crate) const FIRST_REQUEST: Duration = Duration::from_secs(1);

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
    let mut draining = client.draining.clone();
    let session = Session { worker, client: Rc::new(client) };
    let limits = &session.worker.shared.limits;
    let unread = session.client.unread.clone();
    let mut stream = Downstream::new(stream, unread, limits.send_timeout);
    let ends = async {
        tokio::select! { () = draining.begun() => {} () = renewed => {} }
    };
    let ends = pin!(ends);
    let mut ends = Seldom::new(ends);
    let mut has_ended = false;
    let mut ends = poll_fn(|cx| {
        if !has_ended {
            ready!(Pin::new(&mut ends).poll(cx));
            has_ended = true;
        }
        Poll::Ready(())
    });
    let beginning = timeout(limits.head_timeout, stream.speaks_http2());
    let speaks_http2 = tokio::select! {
        biased;
        beginning = beginning => beginning,
        // What comes first may be on its way.
        () = async { (&mut ends).await; sleep(FIRST_REQUEST).await } => return,
    };
    match speaks_http2 {
        Ok(Ok(true)) => http2::serve(&session, stream, ends).await,
        Ok(Ok(false)) => http1::serve(&session, stream, ends).await,
        // It is gone, or has nothing to say.
        Ok(Err(_)) | Err(_) => {}
    }
    // Copies of its requests may go on without it.
    session.client.places.take();
    drop(open);
}

/// A client on a connection.
#[derive(Clone)]
struct Session {
    worker: Rc<Worker>,
    client: Rc<Client>,
}

impl Session {
    /// Answers a request.
    fn answer(&self, exchange: Exchange) -> impl Future<Output = Response<Answer>> + 'static {
        let Self { worker, client } = self.clone();
        client.requests.set(client.requests.get() + 1);
        answer::answer(worker, client, exchange)
    }

    /// Lets a connection go on until it is over, or until it `ends`: then it is told to `finish`
    /// what is under way.
    async fn run<C: Future>(
        &self,
        mut connection: Pin<&mut C>,
        finish: impl FnOnce(Pin<&mut C>),
        ends: impl Future<Output = ()>,
    ) {
        let requests = &self.client.requests;
        // How it ends makes no difference: the client is told, and the log by the exchange.
        tokio::select! {
            // What comes after the end has begun is not read.
            biased;
            () = ends => {
                // Where nothing was read yet, a request may be on its way.
                let first = poll_fn(|cx| {
                    if requests.get() > 0 {
                        return Poll::Ready(false);
                    }
                    let over = connection.as_mut().poll(cx).is_ready();
                    if over || requests.get() > 0 { Poll::Ready(over) } else { Poll::Pending }
                });
                if timeout(FIRST_REQUEST, first).await == Ok(true) {
                    return;
                }
                finish(connection.as_mut());
                let grace = self.worker.shared.limits.grace;
                let most = if requests.get() > 0 { grace } else { Duration::ZERO };
                let _ = timeout(most, connection).await;
            }
            _ = connection.as_mut() => {}
        }
    }
}
