//! One check of an endpoint, over HTTP/1.1 or gRPC.

use super::super::connect;
use super::super::peer::{Address, HttpVersion, Peer, PeerTls, Speech};
use bytes::Bytes;
use gateway_core::rules::{HeaderEdit, HealthCheck, Probe, StatusMatch, TemplatePart};
use http::header::{CONTENT_TYPE, HOST, TE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Where a check has no limit of its own: none goes on for ever.
const LONGEST: Duration = Duration::from_secs(60);

/// The most octets of an answer that are looked at. More is a failure.
const MOST: usize = 64 << 10;

/// Checks one endpoint, on one connection as long as that is kept.
pub(super) struct Prober<'c> {
    check: &'c HealthCheck,
    peer: Peer,
    tls: Option<Arc<PeerTls>>,
    open: Option<Open>,
}

/// A connection to an endpoint.
struct Open {
    sender: Sender,
    since: Instant,
}

enum Sender {
    Http(http1::SendRequest<Full<Bytes>>),
    Grpc(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    async fn send(&mut self, request: Request<Full<Bytes>>) -> Option<Response<Incoming>> {
        match self {
            Self::Http(sender) => sender.send_request(request).await.ok(),
            Self::Grpc(sender) => sender.send_request(request).await.ok(),
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::Http(sender) => !sender.is_ready(),
            Self::Grpc(sender) => sender.is_closed(),
        }
    }
}

impl<'c> Prober<'c> {
    pub(super) fn new(check: &'c HealthCheck, peer: &Peer, tls: Option<Arc<PeerTls>>) -> Self {
        let mut peer = peer.clone();
        if let Some(port) = check.port {
            peer.address = match peer.address {
                Address::Socket(address) => Address::Socket(SocketAddr::new(address.ip(), port)),
                Address::Name(name, _) => Address::Name(name, port),
            };
        }
        Self { check, peer, tls: tls.filter(|_| check.tls), open: None }
    }

    /// Whether the endpoint works.
    pub(super) async fn probe(&mut self) -> bool {
        let kept = self
            .open
            .take()
            .filter(|open| !open.sender.is_closed() && open.since.elapsed() < self.check.keepalive);
        if let Some(kept) = kept
            && let Some(passed) = self.ask(kept).await
        {
            return passed;
        }
        // An endpoint may close what it does not need, which says nothing.
        match self.connect().await {
            Some(open) => self.ask(open).await.unwrap_or(false),
            None => false,
        }
    }

    async fn connect(&self) -> Option<Open> {
        if self.check.tls && self.tls.is_none() {
            // Nothing is sent otherwise than asked.
            return None;
        }
        let connected = async {
            let version = match self.check.probe {
                Probe::Http { .. } => HttpVersion::Http1,
                Probe::Grpc { .. } => HttpVersion::Http2,
            };
            let channel = self.peer.spoken_to(&Speech { version, tls: self.tls.clone() });
            let io = TokioIo::new(connect::stream(&channel).await.ok()?);
            let sender = match self.check.probe {
                Probe::Http { .. } => {
                    let (sender, driver) = http1::handshake(io).await.ok()?;
                    tokio::task::spawn_local(driver);
                    Sender::Http(sender)
                }
                Probe::Grpc { .. } => {
                    let shaken = http2::handshake(TokioExecutor::new(), io).await;
                    let (sender, driver) = shaken.ok()?;
                    tokio::task::spawn_local(driver);
                    Sender::Grpc(sender)
                }
            };
            Some(Open { sender, since: Instant::now() })
        };
        timeout(self.check.timeouts.connect.unwrap_or(LONGEST), connected).await.ok()?
    }

    /// Whether the endpoint answers as it should; `None` where it does not answer.
    async fn ask(&mut self, mut open: Open) -> Option<bool> {
        let request = self.request()?;
        let answered = async {
            let (parts, body) = open.sender.send(request).await?.into_parts();
            let body = Limited::new(body, MOST).collect().await.ok();
            Some((parts, body))
        };
        let most = self.check.timeouts.read.unwrap_or(LONGEST);
        let (parts, body) = match timeout(most, answered).await {
            Ok(answered) => answered?,
            Err(_) => return Some(false),
        };
        let Some(body) = body else { return Some(false) };
        self.open = Some(open);
        Some(match &self.check.probe {
            Probe::Http { statuses, .. } => matches(statuses, parts.status),
            Probe::Grpc { status, .. } => {
                let trailers = body.trailers().cloned().unwrap_or_default();
                let told = grpc_status(&parts.headers).or_else(|| grpc_status(&trailers));
                told == Some(*status) && (*status != 0 || is_serving(&body.to_bytes()))
            }
        })
    }

    fn request(&self) -> Option<Request<Full<Bytes>>> {
        let authority = self.peer.address.to_string();
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static("gateway-health-check"));
        let (method, uri, edits, body) = match &self.check.probe {
            Probe::Http { path, headers: edits, .. } => {
                headers.insert(HOST, HeaderValue::from_str(&authority).ok()?);
                (Method::GET, Uri::try_from(&**path).ok()?, edits, Bytes::new())
            }
            Probe::Grpc { service, headers: edits, .. } => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
                headers.insert(TE, HeaderValue::from_static("trailers"));
                let uri = Uri::builder().scheme(if self.tls.is_some() { "https" } else { "http" });
                let uri = uri.authority(authority);
                let uri = uri.path_and_query("/grpc.health.v1.Health/Check").build().ok()?;
                (Method::POST, uri, edits, question(service))
            }
        };
        for edit in edits {
            headers.insert(edit.name.clone(), value(edit)?);
        }
        let mut request = Request::new(Full::new(body));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) =
            (method, uri, headers);
        Some(request)
    }
}

/// The text of a header field: there is no request that it could print something of.
fn value(edit: &HeaderEdit) -> Option<HeaderValue> {
    let texts = edit.value.parts().iter().filter_map(|part| match part {
        TemplatePart::Text(text) => Some(&**text),
        TemplatePart::Field(_) => None,
    });
    HeaderValue::from_str(&texts.collect::<String>()).ok()
}

fn matches(statuses: &StatusMatch, status: StatusCode) -> bool {
    let listed = statuses.ranges.iter().any(|range| range.contains(&status.as_u16()));
    listed != statuses.negated
}

fn grpc_status(headers: &HeaderMap) -> Option<u8> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// A `grpc.health.v1.HealthCheckRequest` as gRPC sends it: not compressed, its length, and field 1.
fn question(service: &str) -> Bytes {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(0x0a);
        let mut length = service.len();
        while length >= 0x80 {
            message.push(length as u8 | 0x80);
            length >>= 7;
        }
        message.push(length as u8);
        message.extend_from_slice(service.as_bytes());
    }
    let mut framed = vec![0];
    framed.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    framed.extend(message);
    framed.into()
}

/// Whether a `grpc.health.v1.HealthCheckResponse` says `SERVING`: field 1 is 1.
fn is_serving(framed: &[u8]) -> bool {
    matches!(framed, [0, 0, 0, 0, 2, 0x08, 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_match_as_written() {
        // virtualserver §4, `statusMatch`
        let only = |negated, ranges| StatusMatch { negated, ranges };
        for (statuses, status, want) in [
            (StatusMatch::default(), 200, true),
            (StatusMatch::default(), 399, true),
            (StatusMatch::default(), 404, false),
            (only(false, vec![200..=200, 404..=410]), 404, true),
            (only(false, vec![200..=200, 404..=410]), 201, false),
            (only(true, vec![500..=599]), 404, true),
            (only(true, vec![500..=599]), 503, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(matches(&statuses, status), want, "{statuses:?} {status}");
        }
    }

    #[test]
    fn messages_are_as_grpc_has_them() {
        assert_eq!(&*question(""), [0, 0, 0, 0, 0]);
        assert_eq!(&*question("tea"), [0, 0, 0, 0, 5, 0x0a, 3, b't', b'e', b'a']);
        assert_eq!(&question(&"a".repeat(200))[..8], [0, 0, 0, 0, 203, 0x0a, 0xc8, 1]);
        for (message, want) in [
            (&[0, 0, 0, 0, 2, 8, 1][..], true),
            (&[0, 0, 0, 0, 2, 8, 2], false),
            (&[0, 0, 0, 0, 0], false),
            (&[], false),
        ] {
            assert_eq!(is_serving(message), want, "{message:?}");
        }
    }
}
