//! What clients are told for whom there is no room: come again.

use crate::worker::Worker;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How soon a client may come again, in seconds.
pub(crate) const RETRY_AFTER: u16 = 1;

/// How long, and for how many octets of its request, a client is listened to, so that the answer is
/// not lost with a reset.
const LINGER: Duration = Duration::from_secs(1);
const MOST: u64 = 64 << 10;

/// How many may be told so at a time, per thread; others only see the connection closed.
pub(crate) const TOLD: usize = 64;

/// Closes a connection that there is no room for; the client is told where it is known to speak
/// HTTP/1 next.
pub(crate) fn turn_away(worker: &Rc<Worker>, mut stream: TcpStream, tell: bool) {
    worker.metrics.turned_away();
    let Some(place) = tell.then(|| worker.turned_away.enter()).flatten() else { return };
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: {RETRY_AFTER}\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n"
    );
    tokio::task::spawn_local(async move {
        let told = async {
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await?;
            copy(&mut (&mut stream).take(MOST), &mut sink()).await
        };
        // Whether it takes the answer is its own affair.
        let _ = timeout(LINGER, told).await;
        drop(place);
    });
}
