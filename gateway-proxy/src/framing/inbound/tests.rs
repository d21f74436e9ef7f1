//! The scanner beside the parser that it guards.

use super::*;
use crate::framing::reference::read;
use crate::framing::scan::tests::connection;
use crate::worker::Random;
use http_body_util::{BodyExt, Empty};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::convert::Infallible;
use tokio::io::AsyncWrite;

/// A client that sends all it has, in pieces, and throws away what it is sent.
struct Sender<'a> {
    inbound: Inbound,
    rest: Pieces<'a>,
}

struct Pieces<'a> {
    octets: &'a [u8],
    size: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.size.min(self.octets.len()).min(buf.remaining());
        let (now, later) = self.octets.split_at(read);
        buf.put_slice(now);
        self.octets = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Sender<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.inbound.poll_read(&mut this.rest, cx, buf)
    }
}

impl AsyncWrite for Sender<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The bodies of all requests that the parser makes of it, and how many it began.
async fn parsed(octets: &[u8], size: usize) -> (Vec<Vec<u8>>, u64) {
    let bodies = RefCell::new(Vec::new());
    let wire = Wire::default();
    let inbound = Inbound::new(wire.clone());
    let sender = Sender { inbound, rest: Pieces { octets, size } };
    let begun = RefCell::new(0);
    let service = service_fn(|request: http::Request<hyper::body::Incoming>| async {
        *begun.borrow_mut() += 1;
        if let Ok(body) = request.into_body().collect().await {
            bodies.borrow_mut().push(body.to_bytes().to_vec());
        }
        Ok::<_, Infallible>(http::Response::new(Empty::<&[u8]>::new()))
    });
    let mut connection = http1::Builder::new();
    let _ = connection.half_close(true).serve_connection(TokioIo::new(sender), service).await;
    (bodies.into_inner(), begun.into_inner())
}

#[test]
fn what_passes_is_read_by_the_parser_as_the_scanner_reads_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let random = Random::from_seed(3);
    let (mut whole, mut read_bodies) = (0, 0);
    for _ in 0..8_000 {
        let octets = connection(&random);
        let sent = read(&octets);
        let size = [usize::MAX, 1, 1 + random.below(9)][random.below(3)];
        let (bodies, begun) = runtime.block_on(parsed(&octets, size));
        let text = String::from_utf8_lossy(&octets);
        // The parser may stop earlier, at the end of HTTP/1.0 or of what it takes. What it reads,
        // it reads as others do; and it begins nothing that was not sent.
        assert!(sent.bodies.starts_with(&bodies), "{text:?}\n{bodies:?}\n{sent:?}");
        assert!(begun <= sent.begun, "{text:?}");
        whole += usize::from(bodies.len() == sent.bodies.len());
        read_bodies += bodies.len();
    }
    assert!(whole > 7_500 && read_bodies > 8_000, "{whole} {read_bodies}");
}
