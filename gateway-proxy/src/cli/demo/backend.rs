//! The café's backends: each says who it is and what it was asked for.

use bytes::Bytes;
use gateway_core::Endpoint;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

/// Starts a backend for each name, on a free port of the loopback address. They end with the
/// process.
pub(super) fn start(names: &[&'static str]) -> io::Result<Vec<(&'static str, Endpoint)>> {
    let mut started = Vec::new();
    let mut listeners = Vec::new();
    for &name in names {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let host = address.ip().to_string();
        started.push((name, Endpoint::new(&host, address.port())));
        listeners.push((name, listener));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("backends".into()).spawn(move || {
        LocalSet::new().block_on(&runtime, async {
            let serving = listeners.into_iter().map(|(name, l)| spawn_local(serve(name, l)));
            for task in serving.collect::<Vec<_>>() {
                let _ = task.await;
            }
        });
    })?;
    Ok(started)
}

async fn serve(name: &'static str, listener: std::net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let service =
            service_fn(move |request| async move { Ok::<_, Infallible>(answer(name, &request)) });
        spawn_local(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn answer(name: &str, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let text = format!("{name} got {} {}\n", request.method(), request.uri());
    let mut response = Response::new(Full::from(text));
    let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
