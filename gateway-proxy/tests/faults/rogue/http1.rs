//! HTTP/1.1, with every way to get it wrong.

use super::State;
use crate::backend::field;
use crate::fault::Fault;
use crate::ledger::{asked, body};
use socket2::SockRef;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::sleep;

type Connection = BufReader<TcpStream>;

/// Serves a connection.
pub(super) async fn serve(state: Arc<State>, stream: TcpStream) {
    // How it ends is what the proxy has to cope with.
    let _ = converse(&state, stream).await;
}

async fn converse(state: &State, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = BufReader::new(stream);
    let mut fault = state.draw();
    match fault {
        Fault::CloseOnAccept => return Ok(()),
        Fault::ResetOnAccept => return reset(&connection),
        _ => {}
    }
    while let Some(request) = Request::read(&mut connection).await? {
        state.ledger.saw(request.id, fault);
        if !answer(&mut connection, &request, fault).await? {
            return Ok(());
        }
        fault = state.draw();
    }
    Ok(())
}

/// Does with a request what the fault says; whether the connection goes on.
async fn answer(out: &mut Connection, request: &Request, fault: Fault) -> io::Result<bool> {
    let whole = body(request.id, request.size);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", whole.len());
    let sent = if request.method == "HEAD" { "" } else { &*whole };
    let half = &sent[..sent.len() / 2];
    match fault {
        // A connection that is there is not closed on accept any more.
        Fault::None | Fault::CloseOnAccept | Fault::ResetOnAccept => {
            say(out, &format!("{head}\r\n{sent}")).await?;
            return Ok(true);
        }
        Fault::Goodbye => say(out, &format!("{head}connection: close\r\n\r\n{sent}")).await?,
        Fault::CloseAfter => say(out, &format!("{head}\r\n{sent}")).await?,
        Fault::CloseUnderNext => {
            say(out, &format!("{head}\r\n{sent}")).await?;
            // What is not read resets the connection.
            out.fill_buf().await?;
        }
        Fault::Trickle => {
            for octet in format!("{head}\r\n{sent}").as_bytes().chunks(1).take(200) {
                out.write_all(octet).await?;
                tokio::task::yield_now().await;
            }
            let all = format!("{head}\r\n{sent}");
            out.write_all(all.as_bytes().get(200..).unwrap_or_default()).await?;
            return Ok(true);
        }
        Fault::Long => {
            let more = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfor other";
            say(out, &format!("{head}\r\n{sent}{more}")).await?;
            return Ok(true);
        }
        Fault::CloseBeforeHead => {}
        Fault::ResetBeforeHead => reset(out)?,
        Fault::CloseInHead => say(out, "HTTP/1.1 200 OK\r\ncontent-le").await?,
        Fault::ResetInHead => {
            say(out, "HTTP/1.1 200 OK\r\ncontent-le").await?;
            sleep(Duration::from_millis(10)).await;
            reset(out)?;
        }
        Fault::Short => say(out, &format!("{head}\r\n{half}")).await?,
        Fault::ResetInBody => {
            say(out, &format!("{head}\r\n{half}")).await?;
            sleep(Duration::from_millis(10)).await;
            reset(out)?;
        }
        Fault::ShortChunks | Fault::BrokenChunk => {
            let end = if fault == Fault::BrokenChunk { "zz\r\n" } else { "" };
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n";
            say(out, &format!("{head}\r\n{:x}\r\n{half}\r\n{end}", half.len())).await?;
        }
        Fault::Hang => until_left(out).await,
        Fault::HangInBody => {
            say(out, &format!("{head}\r\n{half}")).await?;
            until_left(out).await;
        }
        Fault::Garbage => say(out, "good day to you\r\n\r\n").await?,
        Fault::Ambiguous => {
            say(out, &format!("{head}transfer-encoding: chunked\r\n\r\n0\r\n\r\n")).await?;
        }
        Fault::EndlessHead => {
            say(out, "HTTP/1.1 200 OK\r\n").await?;
            loop {
                say(out, &format!("x-more: {}\r\n", "x".repeat(1000))).await?;
            }
        }
        Fault::Informational => loop {
            say(out, "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n").await?;
        },
        Fault::Refuse | Fault::GoAway => unreachable!("only in HTTP/2"),
    }
    Ok(false)
}

async fn say(out: &mut Connection, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes()).await
}

/// Has the connection reset when it is dropped.
fn reset(connection: &Connection) -> io::Result<()> {
    SockRef::from(connection.get_ref()).set_linger(Some(Duration::ZERO))
}

/// Does nothing until the proxy has had enough.
async fn until_left(connection: &mut Connection) {
    let _ = tokio::io::copy(connection, &mut tokio::io::sink()).await;
}

/// A request that was read to its end.
struct Request {
    method: String,
    id: u64,
    size: usize,
}

impl Request {
    /// `None` where the connection ends before one.
    async fn read(connection: &mut Connection) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && head != "\r\n" {
            if connection.read_line(&mut head).await? == 0 {
                return Ok(None);
            }
        }
        let mut words = line.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let (id, size) = asked(words.next().unwrap_or_default());
        if let Some(length) = field(&head, "content-length") {
            skip(connection, length.parse().unwrap()).await?;
        } else if field(&head, "transfer-encoding").is_some() {
            skip_chunks(connection).await?;
        }
        Ok(Some(Self { method, id, size }))
    }
}

async fn skip(reader: &mut (impl AsyncBufRead + Unpin), octets: u64) -> io::Result<()> {
    let mut body = pin!(reader.take(octets));
    match tokio::io::copy_buf(&mut body, &mut tokio::io::sink()).await? {
        copied if copied == octets => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

async fn skip_chunks(connection: &mut Connection) -> io::Result<()> {
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await?;
        let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        skip(connection, size + 2).await?;
        if size == 0 {
            return Ok(());
        }
    }
}
