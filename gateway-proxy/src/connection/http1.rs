//! HTTP/1.1 and 1.0 with a client.

use super::Session;
use crate::downstream::Downstream;
use crate::exchange::{Answer, Exchange};
use crate::http1::{self, Framing, NoHead, Sent, Shared, Socket, Unsent, When, lists};
use crate::record::Record;
use crate::upgrade::Upgrade;
use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, EXPECT, HeaderMap, HeaderValue, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use http_body::Body;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// Most octets of a body that nobody wants, in spite of which the connection goes on.
pub(crate) const DRAINED: usize = 64 << 10;

/// Answers requests, one after the other.
pub(super) async fn serve(
    session: &Session,
    mut stream: Downstream,
    ends: impl Future<Output = ()>,
) {
    let begun = stream.take_begun();
    let socket = Socket::new(stream, begun, session.worker.batch.clone());
    let is_ending = Cell::new(false);
    let connection = Connection { session, socket, is_ending: &is_ending };
    session.run(pin!(connection.run()), |_| is_ending.set(true), ends).await;
}

/// A client's connection.
struct Connection<'a> {
    session: &'a Session,
    socket: Shared<Downstream>,
    /// Whether the present request is the last.
    is_ending: &'a Cell<bool>,
}

/// What comes behind a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another one.
    Request,
    /// The end of the connection.
    End,
    /// Another protocol.
    Tunnel,
}

/// The client is gone, or does not get the answer to its end.
struct Broken;

impl Connection<'_> {
    async fn run(self) {
        loop {
            let next = match self.head().await {
                Ok(head) => self.exchange(head).await,
                Err(Some(status)) => self.refuse(status).await,
                Err(None) => Ok(Next::End),
            };
            match next {
                Ok(Next::Request) => self.socket.borrow_mut().next_message(),
                Ok(Next::End) => break,
                Ok(Next::Tunnel) => return,
                Err(Broken) => return self.break_off(),
            }
        }
        if !self.socket.borrow().incoming.is_empty() {
            // Closed with octets unread, the connection would be reset, and the answer lost.
            self.session.client.unread.set(true);
        }
        // What still comes is thrown away: nobody may take what follows for the rest of a body.
        self.socket.borrow_mut().next_message();
        let end = |cx: &mut Context<'_>| {
            let socket = &mut *self.socket.borrow_mut();
            // The last answer may have been put off.
            ready!(socket.poll_flush(cx))?;
            Pin::new(&mut socket.stream).poll_shutdown(cx)
        };
        // Who does not take the end is gone.
        let _ = poll_fn(end).await;
    }

    /// Leaves a client that has no whole answer, and can tell so.
    fn break_off(&self) {
        let socket = self.socket.borrow();
        if socket.outgoing.is_until_end() {
            socket.stream.reset();
        }
    }

    /// Waits for the head of a request. If there is none, tells what to answer to that.
    async fn head(&self) -> Result<Parts, Option<StatusCode>> {
        let limits = &self.session.worker.shared.limits;
        let end = Instant::now() + limits.head_timeout;
        let mut alarm = self.session.worker.timers.alarm();
        let head = poll_fn(|cx| {
            let socket = &mut *self.socket.borrow_mut();
            if ready!(socket.poll_rest(cx)).is_err() {
                return Poll::Ready(Err(None));
            }
            // Once the end has begun, nothing is read that has not begun: whom the last certificates
            // let in, for example, proves itself again before it asks.
            if self.is_ending.get() && socket.incoming.is_empty() {
                return Poll::Ready(Err(None));
            }
            let most = limits.head_bytes;
            if let Poll::Ready(head) = socket.incoming.poll_head(&mut socket.stream, cx, most) {
                return Poll::Ready(head.map_err(|why| match why {
                    NoHead::Illegal => Some(StatusCode::BAD_REQUEST),
                    NoHead::TooLong => Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
                    NoHead::Over => None,
                }));
            }
            ready!(alarm.poll(cx, end));
            let has_begun = !socket.incoming.is_empty();
            Poll::Ready(Err(has_begun.then_some(StatusCode::REQUEST_TIMEOUT)))
        });
        http1::request(&head.await?, limits.head_fields).map_err(Some)
    }

    /// Answers what is no request.
    async fn refuse(&self, status: StatusCode) -> Result<Next, Broken> {
        let Session { worker, client } = self.session;
        let problem = match status {
            StatusCode::REQUEST_TIMEOUT => "client_timeout",
            _ => "bad_request",
        };
        worker.metrics.refused();
        Record::refused(worker, client, status, problem);
        client.unread.set(true);
        self.begin(status, &mut HeaderMap::new(), Framing::Length(0), Some("close"));
        poll_fn(|cx| self.socket.borrow_mut().poll_flush(cx)).await.map_err(|_| Broken)?;
        Ok(Next::End)
    }

    /// Answers a request.
    async fn exchange(&self, head: Parts) -> Result<Next, Broken> {
        let request = Asked::of(&head);
        {
            let socket = &mut *self.socket.borrow_mut();
            // Without a body there is nothing to go on with.
            socket.awaits_continue = request.awaits_continue && !socket.incoming.is_over();
        }
        let (switched, upgrade) = match request.may_upgrade {
            true => {
                let (switched, waits) = oneshot::channel();
                let socket = Rc::clone(&self.socket);
                (Some(switched), Some(Upgrade::Connection { socket, switched: waits }))
            }
            false => (None, None),
        };
        let exchange = Exchange::http1(head, &self.socket, &self.session.client, upgrade);
        let answer = self.answer(exchange).await?;
        let is_switched = answer.body().is_switched();
        let goes_on = self.write(&request, answer).await?;
        if is_switched {
            let told = switched.is_some_and(|switched| switched.send(()).is_ok());
            return if told { Ok(Next::Tunnel) } else { Err(Broken) };
        }
        Ok(if goes_on && self.drain().await { Next::Request } else { Next::End })
    }

    /// Waits for the answer, as long as the client is there.
    async fn answer(&self, exchange: Exchange) -> Result<Response<Answer>, Broken> {
        let mut answering = pin!(self.session.answer(exchange));
        poll_fn(|cx| {
            let answer = answering.as_mut().poll(cx);
            let mut socket = self.socket.borrow_mut();
            for (status, headers) in self.session.client.interim.take() {
                let out = socket.outgoing.interim();
                http1::write_status(out, status);
                http1::write_fields(out, &headers);
                out.extend_from_slice(b"\r\n");
            }
            if let Poll::Ready(answer) = answer {
                return Poll::Ready(Ok(answer));
            }
            if !socket.outgoing.is_empty()
                && let Poll::Ready(Err(_)) = socket.poll_flush(cx)
            {
                return Poll::Ready(Err(Broken));
            }
            drop(socket);
            self.poll_gone(cx).map(|()| Err(Broken))
        })
        .await
    }

    /// Waits until the client is gone, as far as that shows.
    fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let socket = &mut *self.socket.borrow_mut();
        // Of one that is still sending, those hear who read its body.
        ready!(socket.poll_over(cx));
        if socket.incoming.is_empty() {
            match ready!(socket.poll_fill(cx)) {
                // The next request.
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }

    /// Sends an answer. Tells whether the connection goes on behind it.
    async fn write(&self, request: &Asked, answer: Response<Answer>) -> Result<bool, Broken> {
        let (head, body) = answer.into_parts();
        let mut headers = head.headers;
        let framing = request.framing(head.status, &body);
        let is_switched = body.is_switched();
        let awaits_continue = self.socket.borrow().awaits_continue;
        let goes_on = request.persists
            && framing != Framing::UntilEnd
            && !self.is_ending.get()
            // Nobody knows whether its body comes after all.
            && !awaits_continue
            && http1::persists(Version::HTTP_11, &headers);
        let option = match (goes_on, request.version) {
            _ if is_switched => None,
            (true, Version::HTTP_10) => Some("keep-alive"),
            (true, _) => None,
            (false, _) => {
                headers.remove(CONNECTION);
                Some("close")
            }
        };
        if request.is_head
            && let Some(length @ 1..) = body.size_hint().exact()
        {
            // That of the answer to GET.
            headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
        }
        self.begin(head.status, &mut headers, framing, option);
        let mut body = Some(body);
        // A client may wait for all of it before it sends the rest of its body.
        let may_wait = goes_on && !is_switched && self.socket.borrow().incoming.is_over();
        let when = if may_wait { When::Soon } else { When::Now };
        poll_fn(|cx| self.poll_body(&mut body, when, cx)).await?;
        Ok(goes_on)
    }

    /// Writes the head of an answer, where `option` is what is said about the connection.
    fn begin(
        &self,
        status: StatusCode,
        headers: &mut HeaderMap,
        framing: Framing,
        option: Option<&str>,
    ) {
        let socket = &mut *self.socket.borrow_mut();
        let out = socket.begin(framing);
        http1::write_status(out, status);
        if http1::has(headers, &TRANSFER_ENCODING) {
            headers.remove(TRANSFER_ENCODING);
        }
        // Only answers to HEAD and 304 tell the length of a body that they do not have.
        if framing != Framing::None || http1::is_bare(status) {
            headers.remove(CONTENT_LENGTH);
        }
        http1::write_framing(out, framing);
        http1::write_fields(out, &*headers);
        if !http1::has(headers, &DATE) {
            out.extend_from_slice(b"date: ");
            self.session.worker.dates.read(|date| out.extend_from_slice(date.as_bytes()));
            out.extend_from_slice(b"\r\n");
        }
        if let Some(option) = option {
            out.extend_from_slice(b"connection: ");
            out.extend_from_slice(option.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Sends what has been begun, and the body behind it, which is dropped when it is over.
    fn poll_body(
        &self,
        body: &mut Option<Answer>,
        when: When,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        let mut socket = self.socket.borrow_mut();
        match ready!(socket.poll_send(body, when, cx)) {
            Ok(Sent::Whole | Sent::PutOff) => Poll::Ready(Ok(())),
            Ok(Sent::SoFar) => {
                drop(socket);
                self.poll_gone(cx).map(|()| Err(Broken))
            }
            Err(Unsent::Body) => {
                // What came before it broke off is sent.
                let _ = ready!(socket.poll_flush(cx));
                Poll::Ready(Err(Broken))
            }
            Err(Unsent::Socket) => Poll::Ready(Err(Broken)),
        }
    }

    /// Reads what is left of a body that nobody wanted; whether that was little and came soon.
    async fn drain(&self) -> bool {
        if self.socket.borrow().incoming.is_over() {
            return true;
        }
        let mut left = DRAINED;
        let rest = poll_fn(|cx| {
            loop {
                match ready!(self.socket.borrow_mut().poll_frame(cx)) {
                    None => return Poll::Ready(true),
                    Some(Err(_)) => return Poll::Ready(false),
                    Some(Ok(frame)) => {
                        let read = frame.data_ref().map_or(0, bytes::Bytes::len);
                        match left.checked_sub(read) {
                            Some(fewer) => left = fewer,
                            None => return Poll::Ready(false),
                        }
                    }
                }
            }
        });
        let soon = self.session.worker.shared.limits.body_timeout;
        let is_read = timeout(soon, rest).await == Ok(true);
        self.session.client.unread.set(!is_read);
        is_read
    }
}

/// What a request says about the answer and what comes behind it.
struct Asked {
    version: Version,
    is_head: bool,
    persists: bool,
    awaits_continue: bool,
    /// Whether the client understands trailers.
    trailers: bool,
    may_upgrade: bool,
}

impl Asked {
    fn of(head: &Parts) -> Self {
        let has = |name| http1::has(&head.headers, name);
        let is_1_0 = head.version == Version::HTTP_10;
        Self {
            version: head.version,
            is_head: head.method == Method::HEAD,
            persists: http1::persists(head.version, &head.headers),
            awaits_continue: has(&EXPECT) && !is_1_0,
            trailers: lists(&head.headers, &TE, "trailers"),
            may_upgrade: has(&UPGRADE) && !is_1_0,
        }
    }

    /// How the body of an answer is framed (RFC 9112, section 6.3).
    fn framing(&self, status: StatusCode, body: &Answer) -> Framing {
        if http1::has_no_body(self.is_head, status) {
            return Framing::None;
        }
        match body.size_hint().exact() {
            Some(length) => Framing::Length(length),
            None if self.version == Version::HTTP_10 => Framing::UntilEnd,
            None => Framing::Chunks { trailers: self.trailers },
        }
    }
}
