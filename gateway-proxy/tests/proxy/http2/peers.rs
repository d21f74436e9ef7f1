//! A client and a backend that speak HTTP/2, frame by frame where it matters.

use bytes::Bytes;
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response, StatusCode};
use rustls::ServerConfig;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// Runs what a test does on a thread of its own, for a while at most.
pub fn block_on<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().unwrap();
    let most = Duration::from_secs(60);
    runtime.block_on(async { tokio::time::timeout(most, test).await.expect("in time") })
}

/// A client with a connection.
#[derive(Clone)]
pub struct Client {
    sender: SendRequest<Bytes>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.get(name).map(|value| value.to_str().unwrap())
    }

    /// A field of the request as the backend saw it.
    pub fn seen(&self, name: &str) -> Option<String> {
        crate::backend::field(&self.body, name).map(str::to_owned)
    }
}

impl Client {
    /// Connects as one that knows that HTTP/2 is spoken.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self::on(stream).await.0
    }

    /// Connects as one that takes no more of an answer than so many octets at once.
    pub async fn with_window(address: SocketAddr, window: u32) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let built = h2::client::Builder::new().initial_window_size(window).handshake(stream);
        let (sender, connection) = built.await.unwrap();
        tokio::spawn(connection);
        Self { sender }
    }

    /// The same on a connection that is there; what is returned with it tells when it is over.
    pub async fn on<S>(stream: S) -> (Self, tokio::task::JoinHandle<Result<(), h2::Error>>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        (Self { sender }, tokio::spawn(connection))
    }

    /// A request for `cafe.example.com`.
    pub fn request(method: &str, target: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("http://cafe.example.com{target}"))
    }

    /// Sends a head; the body follows, unless there is none.
    pub async fn send(
        &self,
        request: http::request::Builder,
        has_body: bool,
    ) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
        let mut sender = self.sender.clone().ready().await.unwrap();
        sender.send_request(request.body(()).unwrap(), !has_body).unwrap()
    }

    pub async fn get(&self, target: &str) -> Result<Answer, h2::Error> {
        read(self.send(Self::request("GET", target), false).await.0).await
    }

    pub async fn post(&self, target: &str, body: &'static str) -> Result<Answer, h2::Error> {
        let (answer, mut upload) = self.send(Self::request("POST", target), true).await;
        upload.send_data(body.into(), true).unwrap();
        read(answer).await
    }

    /// Waits until extended CONNECT is known to be possible.
    pub async fn connects(&self) -> bool {
        for _ in 0..200 {
            if self.sender.is_extended_connect_protocol_enabled() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }
}

/// The statuses and `link` fields of the answers that announce one, and that one.
pub async fn announced(
    mut answer: h2::client::ResponseFuture,
) -> (Vec<(u16, Option<String>)>, Answer) {
    let mut found = Vec::new();
    while let Some(one) = std::future::poll_fn(|cx| answer.poll_informational(cx)).await {
        let one = one.unwrap();
        let link = one.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        found.push((one.status().as_u16(), link));
    }
    (found, read(answer).await.unwrap())
}

/// Reads an answer to its end.
pub async fn read(answer: h2::client::ResponseFuture) -> Result<Answer, h2::Error> {
    let (head, mut body) = answer.await?.into_parts();
    let text = read_body(&mut body).await?;
    let status = head.status.as_u16();
    Ok(Answer { status, head: head.headers, body: text })
}

async fn read_body(body: &mut RecvStream) -> Result<String, h2::Error> {
    let mut text = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        text.extend_from_slice(&data);
    }
    Ok(String::from_utf8(text).unwrap())
}

/// How a backend behaves, besides what paths ask for.
#[derive(Clone, Copy)]
pub struct Manners {
    /// Requests at once on a connection.
    pub streams: u32,
    /// Requests of a connection after which it says that it takes no more.
    pub requests: usize,
}

impl Default for Manners {
    fn default() -> Self {
        Self { streams: 100, requests: usize::MAX }
    }
}

/// What a client shows in its handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub certificate: bool,
    pub name: Option<String>,
}

/// A backend that speaks nothing but HTTP/2; within TLS HTTP/1.1, too.
pub struct Backend {
    pub address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

struct State {
    manners: Manners,
    connections: AtomicUsize,
    requests: AtomicUsize,
    refused: AtomicUsize,
    aborted: AtomicUsize,
    heads: Mutex<Vec<http::request::Parts>>,
    shown: Mutex<Vec<Shown>>,
}

impl Backend {
    pub fn start(manners: Manners) -> Self {
        Self::with(manners, None)
    }

    /// Speaks within TLS.
    pub fn in_tls(config: ServerConfig) -> Self {
        Self::with(Manners::default(), Some(Arc::new(config)))
    }

    fn with(manners: Manners, tls: Option<Arc<ServerConfig>>) -> Self {
        let state = Arc::new(State {
            manners,
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            aborted: AtomicUsize::new(0),
            heads: Mutex::default(),
            shown: Mutex::default(),
        });
        let (address, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let thread = thread::spawn(move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                address.send(listener.local_addr().unwrap()).unwrap();
                let accepting = async {
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        shared.connections.fetch_add(1, Ordering::SeqCst);
                        let (shared, tls) = (Arc::clone(&shared), tls.clone());
                        tokio::spawn(async move {
                            let Some(tls) = tls else { return shared.serve(stream).await };
                            let shaken = TlsAcceptor::from(tls).accept(stream).await;
                            let Ok(stream) = shaken else { return };
                            let session = stream.get_ref().1;
                            let shown = Shown {
                                certificate: session.peer_certificates().is_some(),
                                name: session.server_name().map(str::to_owned),
                            };
                            let is_http2 = session.alpn_protocol() == Some(b"h2");
                            shared.shown.lock().unwrap().push(shown);
                            if is_http2 {
                                shared.serve(stream).await
                            } else {
                                serve_http1(stream).await
                            }
                        });
                    }
                };
                tokio::select! { () = accepting => {} _ = stopped => {} }
            });
        });
        let address = started.recv().unwrap();
        Self { address, state, stop: Some(stop), thread: Some(thread) }
    }

    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// Requests whose client gave them up.
    pub fn aborted(&self) -> usize {
        self.state.aborted.load(Ordering::SeqCst)
    }

    /// What each client with TLS showed.
    pub fn shown(&self) -> Vec<Shown> {
        self.state.shown.lock().unwrap().clone()
    }

    /// The heads that came.
    pub fn heads(&self) -> Vec<http::request::Parts> {
        self.state.heads.lock().unwrap().clone()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().unwrap().join();
    }
}

/// Answers with the method and the target, and says that it is another version.
async fn serve_http1(stream: tokio_rustls::server::TlsStream<TcpStream>) {
    let service =
        hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async move {
            let seen = format!("{} {}\r\n", request.method(), request.uri());
            let answer = Response::builder().header("x-backend", "http1");
            answer.body(http_body_util::Full::new(Bytes::from(seen)))
        });
    let builder = hyper::server::conn::http1::Builder::new();
    let _ = builder.serve_connection(hyper_util::rt::TokioIo::new(stream), service).await;
}

impl State {
    async fn serve<S>(self: Arc<Self>, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = h2::server::Builder::new();
        builder.max_concurrent_streams(self.manners.streams).enable_connect_protocol();
        let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
        let mut requests = 0;
        while let Some(request) = connection.accept().await {
            let Ok((request, respond)) = request else { return };
            requests += 1;
            if requests == self.manners.requests {
                connection.graceful_shutdown();
            }
            if request.uri().path() == "/abort" {
                connection.abrupt_shutdown(Reason::INTERNAL_ERROR);
            }
            let state = Arc::clone(&self);
            tokio::spawn(async move {
                if Arc::clone(&state).answer(request, respond).await.is_err() {
                    state.aborted.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
    ) -> Result<(), h2::Error> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let (head, mut body) = request.into_parts();
        self.heads.lock().unwrap().push(head.clone());
        let ok = || Response::builder().header("content-type", "application/grpc");
        match head.uri.path() {
            // Refuses whatever is a client's first request here.
            "/refuse-once" if self.refused.fetch_add(1, Ordering::SeqCst) == 0 => {
                respond.send_reset(Reason::REFUSED_STREAM);
            }
            "/reset" => respond.send_reset(Reason::INTERNAL_ERROR),
            "/abort" => {}
            path @ ("/reset-midway" | "/close-midway") => {
                let mut answer = respond.send_response(ok().body(()).unwrap(), false)?;
                answer.send_data("begun".into(), false)?;
                // The frame goes out before the reset.
                tokio::time::sleep(Duration::from_millis(50)).await;
                let is_error = path == "/reset-midway";
                answer.send_reset(if is_error { Reason::INTERNAL_ERROR } else { Reason::NO_ERROR });
            }
            "/only-trailers" => {
                let answer = ok().header("grpc-status", "5").body(()).unwrap();
                respond.send_response(answer, true)?;
            }
            // One of them is for the proxy alone.
            "/early-hints" => {
                for (status, link) in [(100, "</a>"), (103, "</a.css>"), (103, "</b.css>")] {
                    let hint = Response::builder().status(status).header("link", link);
                    respond.send_informational(hint.body(()).unwrap())?;
                }
                // Frames of one stream come in order, but are taken from it at once.
                tokio::time::sleep(Duration::from_millis(50)).await;
                respond.send_response(ok().body(()).unwrap(), true)?;
            }
            "/announcements" => {
                for _ in 0..30 {
                    let hint = Response::builder().status(103).body(()).unwrap();
                    respond.send_informational(hint)?;
                }
                respond.send_response(ok().body(()).unwrap(), true)?;
            }
            "/until-the-client-leaves" => {
                std::future::poll_fn(|cx| respond.poll_reset(cx)).await?;
                self.aborted.fetch_add(1, Ordering::SeqCst);
            }
            "/dated" => {
                let answer = ok().header("date", "yesterday").body(()).unwrap();
                respond.send_response(answer, true)?;
            }
            "/slow" => {
                tokio::time::sleep(Duration::from_millis(200)).await;
                respond.send_response(ok().body(()).unwrap(), true)?;
            }
            "/flood" => {
                let mut answer = respond.send_response(ok().body(()).unwrap(), false)?;
                for _ in 0..64 {
                    answer.send_data(Bytes::from(vec![b'x'; 64 << 10]), false)?;
                }
                answer.send_data(Bytes::new(), true)?;
            }
            // As gRPC does: each message comes back before the next is sent.
            "/stream" => {
                let mut answer = respond.send_response(ok().body(()).unwrap(), false)?;
                while let Some(data) = body.data().await {
                    let data = data?;
                    body.flow_control().release_capacity(data.len())?;
                    answer.send_data(data, false)?;
                }
                let mut trailers = body.trailers().await?.unwrap_or_default();
                trailers.insert("grpc-status", "0".parse().unwrap());
                answer.send_trailers(trailers)?;
            }
            _ => {
                let text = read_body(&mut body).await?;
                let mut seen = format!("{} {}\r\n", head.method, head.uri);
                for (name, value) in &head.headers {
                    seen += &format!("{name}: {}\r\n", value.to_str().unwrap());
                }
                seen += &format!("body: {}\r\n", text.len());
                let answer = ok().status(StatusCode::OK).header("x-backend", "h2");
                let mut answer = respond.send_response(answer.body(()).unwrap(), false)?;
                answer.send_data(seen.into(), true)?;
            }
        }
        Ok(())
    }
}
