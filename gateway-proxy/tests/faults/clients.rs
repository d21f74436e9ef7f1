//! Clients that ask for everything, and leave when they like.

use crate::client::Client;
use crate::dice::Dice;
use crate::ledger::{body, target};
use crate::peers;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a client saw of a request.
#[derive(Debug)]
pub struct Outcome {
    pub id: u64,
    pub method: &'static str,
    /// Octets of the request's body.
    pub sent: usize,
    /// Whether the client did not wait for the end of the answer.
    pub left: bool,
    pub status: u16,
    pub complete: bool,
}

impl Outcome {
    pub fn is_whole(&self) -> bool {
        !self.left && self.status == 200 && self.complete
    }

    pub fn is_idempotent(&self) -> bool {
        self.method != "POST"
    }

    /// Whether the proxy keeps what it has sent of the body.
    pub fn is_replayable(&self) -> bool {
        self.sent <= 64 << 10
    }
}

/// What is asked.
#[derive(Clone, Copy)]
struct Request {
    id: u64,
    method: &'static str,
    path: &'static str,
    /// Octets of the answer, about.
    size: usize,
    sent: usize,
    /// Whether the client does not wait for the end of the answer.
    leaves: bool,
}

impl Request {
    fn draw(dice: &mut Dice, ids: &AtomicU64) -> Self {
        let method = *dice.pick(&["GET", "GET", "GET", "PUT", "POST", "POST", "DELETE", "HEAD"]);
        let sent = match method {
            "PUT" | "POST" => *dice.pick(&[0, 10, 3000, 60_000, 200_000]),
            _ => 0,
        };
        Self {
            id: ids.fetch_add(1, Ordering::SeqCst),
            method,
            path: *dice.pick(&["/good", "/mixed", "/mixed", "/grpc"]),
            size: *dice.pick(&[0, 100, 5000, 100_000]),
            sent,
            leaves: dice.once_in(12),
        }
    }

    fn target(&self) -> String {
        target(self.path, self.id, self.size)
    }

    /// What came of it; a short answer that passes for the whole one is the worst.
    fn outcome(&self, status: u16, complete: bool, text: &str) -> Outcome {
        let Self { id, method, sent, leaves: left, .. } = *self;
        if status == 200 && complete && !left && method != "HEAD" {
            let whole = body(id, self.size);
            assert!(text == whole, "{id}: {} octets of {}", text.len(), whole.len());
        }
        Outcome { id, method, sent, left, status, complete }
    }
}

/// Asks one thing after the other in HTTP/1.1, until it is time to stop.
pub fn http1(
    address: SocketAddr,
    mut dice: Dice,
    ids: &AtomicU64,
    stop: &AtomicBool,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut client = Client::connect(address);
    while !stop.load(Ordering::SeqCst) {
        let request = Request::draw(&mut dice, ids);
        let host = "Host: cafe.example.com\r\n";
        let head = format!("{} {} HTTP/1.1\r\n{host}", request.method, request.target());
        let chunked = request.sent > 0 && dice.once_in(3);
        let content = "x".repeat(request.sent);
        let octets = match chunked {
            true => format!(
                "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{content}\r\n0\r\n\r\n",
                content.len()
            ),
            false => format!("{head}Content-Length: {}\r\n\r\n{content}", content.len()),
        };
        if request.leaves {
            // Within the head or the body, before the answer, or within it.
            let part = dice.below(octets.len() as u64 * 2) as usize;
            let _ = client.send(&octets.as_bytes()[..part.min(octets.len())]);
            if dice.once_in(2) && part >= octets.len() {
                let _ = client.read_head();
            }
            outcomes.push(request.outcome(0, false, ""));
            client = Client::connect(address);
            continue;
        }
        // The proxy may answer and close before all is sent.
        let _ = client.send(&octets);
        let Ok(response) = client.read(request.method) else {
            // The worst that the proxy can do: no answer at all.
            outcomes.push(request.outcome(0, false, ""));
            client = Client::connect(address);
            continue;
        };
        let outcome = request.outcome(response.status, response.complete, &response.text());
        let closes = response.field("connection").is_some_and(|value| value == "close");
        if closes || !outcome.complete || dice.once_in(20) {
            client = Client::connect(address);
        }
        outcomes.push(outcome);
    }
    outcomes
}

/// Requests that a client of HTTP/2 has under way at once.
const AT_ONCE: usize = 4;

/// Asks several things at once in HTTP/2, again and again, until it is time to stop.
pub fn http2(
    address: SocketAddr,
    mut dice: Dice,
    ids: &AtomicU64,
    stop: &AtomicBool,
) -> Vec<Outcome> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(async {
        let mut outcomes = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            let client = peers::Client::connect(address).await;
            for _ in 0..10 {
                let mut under_way = Vec::new();
                for _ in 0..AT_ONCE {
                    let request = Request::draw(&mut dice, ids);
                    let waits = dice.once_in(2);
                    // At once, since they share a window.
                    under_way.push(tokio::spawn(ask(client.clone(), request, waits)));
                }
                for outcome in under_way {
                    outcomes.push(outcome.await.unwrap());
                }
            }
        }
        outcomes
    })
}

/// Sends a request and reads its answer; a client that leaves may wait for the head of it.
async fn ask(client: peers::Client, request: Request, waits: bool) -> Outcome {
    let head = peers::Client::request(request.method, &request.target());
    let (answer, mut upload) = client.send(head, request.sent > 0).await;
    if request.leaves {
        if waits && request.sent == 0 {
            let _ = answer.await;
        }
        return request.outcome(0, false, "");
    }
    if request.sent > 0 {
        // Reset where the answer comes before the end of it.
        let _ = upload.send_data("x".repeat(request.sent).into(), true);
    }
    match peers::read(answer).await {
        Ok(answer) => request.outcome(answer.status, true, &answer.body),
        Err(error) => {
            assert!(error.is_reset(), "{}: {error}", request.target());
            request.outcome(200, false, "")
        }
    }
}
