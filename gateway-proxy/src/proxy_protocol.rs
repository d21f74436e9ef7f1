//! The PROXY protocol: a load balancer in front tells before anything else whose connection it is.

mod header;

use header::{Found, LIMIT};
use std::io;
use std::net::SocketAddr;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Reads the header that the connection has to begin with, and nothing behind it. Returns the
/// client that it names; `None` where it names none, as for checks of the balancer's own.
///
/// # Errors
///
/// Where there is no such header, or the connection ends within.
pub(crate) async fn read(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut octets = [0; LIMIT];
    let mut read = 0;
    loop {
        let seen = read + stream.peek(&mut octets[read..]).await?;
        if seen == read {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let found = header::find(&octets[..seen]).ok_or(io::ErrorKind::InvalidData)?;
        // Where the end is not in sight, all of it is a part of the header.
        let end = if let Found::Whole { len, .. } = found { len } else { seen };
        stream.read_exact(&mut octets[read..end]).await?;
        read = end;
        if let Found::Whole { client, .. } = found {
            return Ok(client);
        }
    }
}
