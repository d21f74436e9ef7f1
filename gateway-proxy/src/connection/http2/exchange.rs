//! A request of HTTP/2 and its answer.

use crate::answer;
use crate::connection::Session;
use crate::exchange::{Answer, Exchange};
use crate::head::Interim;
use crate::http1::{has, has_no_body, is_bare};
use crate::http2::{Outgoing, Switched, Unsent, strip};
use crate::streams::OpenStream;
use crate::worker::Worker;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::header::{CONTENT_LENGTH, DATE, HeaderValue};
use http::response::Parts;
use http::{Method, Request, Response};
use http_body::Body;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use tokio::sync::oneshot;

/// A request, and how to answer it.
pub(super) struct Asked {
    pub(super) session: Session,
    pub(super) request: Request<RecvStream>,
    pub(super) respond: SendResponse<Bytes>,
    /// Counts as long as the answer is under way.
    pub(super) open: OpenStream,
}

impl Asked {
    /// Answers the one that is there, as long as the client wants that. What announces the answer goes
    /// by `interim`.
    pub(super) async fn answer(next: &RefCell<Option<Self>>, interim: &mut Rc<Interim>) {
        // Taken where it is needed: a request is not small.
        let Some(Self { session, request, mut respond, open }) = next.take() else { return };
        let Session { worker, client } = session;
        let is_head = request.method() == Method::HEAD;
        if Rc::strong_count(interim) > 1 {
            // What is left of another request may still announce its answer.
            *interim = Rc::default();
        }
        interim.take();
        let taken = Rc::clone(interim);
        let (exchange, switched) = Exchange::http2(request, &client, &worker.random, taken);
        let answering = pin!(answer::answer(Rc::clone(&worker), client, exchange));
        let Some(answer) = wait(&mut respond, answering, interim).await else { return };
        let (mut head, body) = answer.into_parts();
        complete(&mut head, &body, is_head, &worker);
        if body.is_switched() {
            return switch(&mut respond, head, switched);
        }
        let is_whole = has_no_body(is_head, head.status) || body.is_end_stream();
        // Whoever takes nothing any more is gone.
        let Ok(stream) = respond.send_response(Response::from_parts(head, ()), is_whole) else {
            return respond.send_reset(Reason::INTERNAL_ERROR);
        };
        if is_whole {
            return;
        }
        let mut outgoing = Outgoing::new(stream, body);
        let mut waits_with = None;
        let sent = poll_fn(|cx| {
            let sent = outgoing.poll(cx);
            let now_with = outgoing.waits_with();
            if now_with != waits_with {
                waits_with = now_with;
                if now_with.is_some() { open.given() } else { open.waits() }
            }
            sent
        });
        if sent.await == Err(Unsent::Body) {
            // What is there is never taken for the whole.
            outgoing.give_up(Reason::INTERNAL_ERROR);
        }
    }
}

/// Waits for the answer; `None` where the client has given it up.
async fn wait(
    respond: &mut SendResponse<Bytes>,
    mut answering: Pin<&mut impl Future<Output = Response<Answer>>>,
    interim: &Interim,
) -> Option<Response<Answer>> {
    poll_fn(|cx| {
        let answer = answering.as_mut().poll(cx);
        for (status, headers) in interim.take() {
            let mut announced = Response::new(());
            *announced.status_mut() = status;
            *announced.headers_mut() = headers;
            // One that the client does not get changes nothing.
            let _ = respond.send_informational(announced);
        }
        match answer {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => respond.poll_reset(cx).map(|_| None),
        }
    })
    .await
}

/// Brings the head of an answer into the form that it has in HTTP/2.
fn complete(head: &mut Parts, body: &Answer, is_head: bool, worker: &Worker) {
    let Parts { status, headers, .. } = head;
    strip(headers);
    if is_bare(*status) || body.is_switched() {
        headers.remove(CONTENT_LENGTH);
    } else if let Some(length @ 1..) = body.size_hint().exact() {
        // That of the answer to GET, where the request was HEAD.
        let is_told = is_head || !has_no_body(is_head, *status);
        if is_told && !has(headers, &CONTENT_LENGTH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
    }
    if !has(headers, &DATE) {
        headers.insert(DATE, worker.dates.read(HeaderValue::clone));
    }
}

/// Lets the stream go on in another protocol.
fn switch(
    respond: &mut SendResponse<Bytes>,
    head: Parts,
    switched: Option<oneshot::Sender<Switched>>,
) {
    if let Ok(stream) = respond.send_response(Response::from_parts(head, ()), false)
        && let Some(switched) = switched
    {
        // A tunnel that is gone already leaves a stream that is given up.
        let _ = switched.send(Switched::new(stream));
    }
}
