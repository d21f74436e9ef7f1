//! HTTP/2, with the ways to get it wrong that a program on top of a library has.

use super::State;
use crate::fault::Fault;
use crate::ledger::{asked, body};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Method, Request, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// Serves a connection.
pub(super) async fn serve(state: Arc<State>, stream: TcpStream) {
    let builder = h2::server::Builder::new();
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let fault = state.draw();
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        let (id, size) = asked(target);
        state.ledger.saw(id, fault);
        match fault {
            Fault::CloseBeforeHead => return,
            Fault::Refuse => respond.send_reset(Reason::REFUSED_STREAM),
            Fault::ResetBeforeHead => respond.send_reset(Reason::INTERNAL_ERROR),
            _ => {
                if fault == Fault::GoAway {
                    connection.graceful_shutdown();
                }
                // How it ends is what the proxy has to cope with.
                tokio::spawn(async move {
                    let _ = answer(request, respond, fault, body(id, size)).await;
                });
            }
        }
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    fault: Fault,
    whole: String,
) -> Result<(), h2::Error> {
    let (asked, mut upload) = request.into_parts();
    while let Some(data) = upload.data().await {
        upload.flow_control().release_capacity(data?.len())?;
    }
    let head = || Response::builder().header("content-type", "application/grpc").body(()).unwrap();
    match fault {
        Fault::Hang => forever(&mut respond).await?,
        Fault::ResetInBody | Fault::HangInBody => {
            let mut answer = respond.send_response(head(), false)?;
            answer.send_data(Bytes::from(whole[..whole.len() / 2].to_owned()), false)?;
            if fault == Fault::HangInBody {
                std::future::poll_fn(|cx| answer.poll_reset(cx)).await?;
            }
            // The frame goes out before the reset.
            sleep(Duration::from_millis(10)).await;
            answer.send_reset(Reason::INTERNAL_ERROR);
        }
        _ if asked.method == Method::HEAD => {
            respond.send_response(head(), true)?;
        }
        _ => {
            let mut answer = respond.send_response(head(), false)?;
            answer.send_data(whole.into(), true)?;
        }
    }
    Ok(())
}

/// Does nothing until the proxy has had enough.
async fn forever(respond: &mut SendResponse<Bytes>) -> Result<(), h2::Error> {
    std::future::poll_fn(|cx| respond.poll_reset(cx)).await.map(drop)
}
