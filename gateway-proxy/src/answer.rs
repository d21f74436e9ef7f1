//! Answers requests: decides, asks what policies say, and carries out.

use crate::attributes::Attributes;
use crate::connection::DRAINED;
use crate::error::Failure;
use crate::exchange::{Answer, Exchange, Received};
use crate::forward::{Asked, Forwarder};
use crate::framing;
use crate::guard::{Guard, enforce};
use crate::head::{Client, Head};
use crate::mirror::mirror;
use crate::overload;
use crate::record::Record;
use crate::service_limits::ServiceLimits;
use crate::snapshot::Table;
use crate::upgrade::Upgrade;
use crate::worker::Worker;
use gateway_core::{Decision, Forwarding, Outcome, PageAnswer};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode, Version};
use http_body::Body;
use std::rc::Rc;
use std::time::Instant;

/// Most octets of a body that nobody reads, because the answer is a canned one.
const UNREAD_LIMIT: u64 = 1 << 20;

/// Answers a request.
pub(crate) async fn answer(
    worker: Rc<Worker>,
    client: Rc<Client>,
    exchange: Exchange,
) -> Response<Answer> {
    let (worker, client) = (&worker, &client);
    let Exchange { head: parts, mut body, upgrade, interim } = exchange;
    let table = worker.table();
    let peer = worker.shared.trusted.client(&parts.headers, client.peer);
    let attributes = Attributes::new(
        Instant::now(),
        table.snapshot.pod(client, peer.ip()).cloned(),
        Rc::clone(&table),
    );
    let interim = interim.as_deref();
    let head = Head { parts: &parts, client, attributes: &attributes, peer, interim };
    let mut record = Record::new(worker, client, &head, body.octets());
    // Its client may ask again on a connection that is as the listener wants it now.
    let misdirected = (!table.snapshot.covers(client)).then_some(StatusCode::MISDIRECTED_REQUEST);
    let checked = framing::check(&parts).and_then(|()| misdirected.map_or(Ok(()), Err));
    if let Err(status) = checked {
        worker.metrics.refused();
        let is_misdirected = status == StatusCode::MISDIRECTED_REQUEST;
        record.turned_away(if is_misdirected { "client_certificate" } else { "bad_request" });
        let mut response = plain(status);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return finish(response, record);
    }
    let Some(place) = worker.shared.requests.enter() else {
        worker.metrics.overload();
        record.turned_away("overload");
        let mut response = plain(StatusCode::SERVICE_UNAVAILABLE);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(overload::RETRY_AFTER));
        return finish(response, record);
    };
    let draw = worker.random.next();
    let decision = table.snapshot.router.decide(&head, draw);
    record.decided(&decision, &table);
    let mut asked = Asked::of(&decision);
    let mut by_backend = false;
    // Its client is told, else it would send its next request there, and lose it.
    let mut ends_unread = body.size_hint().lower() > DRAINED as u64;
    let wants_tunnel = upgrade.as_ref().is_some_and(Upgrade::is_stream);
    let guard = match table.snapshot.lets_in(client, &decision) {
        true => enforce(&decision, &head, || table.snapshot.judge(client, &decision)),
        false => Guard::Refused(StatusCode::MISDIRECTED_REQUEST, "client_certificate"),
    };
    // Changed in place: an answer is not small.
    let mut response = match guard {
        Guard::Admitted(counted) => {
            ends_unread |= matches!(decision.admitted(), Outcome::Forward(_));
            mirror(worker, &table, (&head, client), (&decision, draw), &mut body);
            let limits = ServiceLimits { meters: &table.snapshot.meters, counted };
            let admitted = Admitted { worker, table: &table, head, decision: &decision, limits };
            let answered = admitted.answer(body, upgrade, &mut record, &mut asked).await;
            by_backend = answered.is_ok();
            answered.unwrap_or_else(|own| own)
        }
        Guard::Refused(status, reason) => {
            record.turned_away(reason);
            let mut response = refusal(status, &decision, &head);
            if status == StatusCode::MISDIRECTED_REQUEST {
                // The next connection is asked for what this one was not.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
        Guard::Preflight => {
            let mut response = Response::new(Answer::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            decision.edit_preflight(&head, response.headers_mut());
            response
        }
    };
    if let Some(page) = decision.error_page(response.status(), &head, &asked.to_string()) {
        std::mem::replace(&mut response, page_answer(page)).into_body().discard();
    }
    if !by_backend {
        in_own_form(&mut response, &decision, &head);
    }
    // To a client of HTTP/2 that asked for another protocol, success means that it is spoken now
    // (RFC 8441, section 5).
    if wants_tunnel && response.status().is_success() && !response.body().is_switched() {
        let other = plain(StatusCode::NOT_IMPLEMENTED);
        std::mem::replace(&mut response, other).into_body().discard();
    }
    if parts.version <= Version::HTTP_11 && client.unread.get() && ends_unread {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.body_mut().hold(place);
    finish(response, record)
}

/// An answer that no backend gave, as clients of gRPC understand it, where they are meant
/// (gateway-api §18.5, virtualserver §13).
fn in_own_form(response: &mut Response<Answer>, decision: &Decision<'_>, head: &Head<'_>) {
    let status = response.status();
    if let Some(status) = decision.edit_as_grpc(status, head, response.headers_mut()) {
        *response.status_mut() = status;
        std::mem::replace(response.body_mut(), Answer::empty()).discard();
    }
}

fn finish(mut response: Response<Answer>, mut record: Box<Record>) -> Response<Answer> {
    record.answered(response.status());
    response.body_mut().record(record);
    response
}

/// A status of the proxy's own, with a line of text for people.
fn plain(status: StatusCode) -> Response<Answer> {
    let reason = status.canonical_reason().unwrap_or("error");
    let mut response = Response::new(Answer::full(format!("{} {reason}\n", status.as_u16())));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

/// A status that a request is turned away with.
fn refusal(status: StatusCode, decision: &Decision<'_>, head: &Head<'_>) -> Response<Answer> {
    let mut response = plain(status);
    decision.edit_refusal(status, head, response.headers_mut());
    response
}

/// What takes the place of another answer.
fn page_answer(page: PageAnswer<'_>) -> Response<Answer> {
    let mut response = Response::new(Answer::full(page.body));
    *response.status_mut() = page.status;
    *response.headers_mut() = page.headers;
    response
}

/// A request that policies admit.
struct Admitted<'a> {
    worker: &'a Rc<Worker>,
    table: &'a Table,
    head: Head<'a>,
    decision: &'a Decision<'a>,
    limits: ServiceLimits<'a>,
}

impl Admitted<'_> {
    /// What a backend answers, or else an answer of the proxy's own as an error.
    async fn answer(
        self,
        body: Received,
        upgrade: Option<Upgrade>,
        record: &mut Record,
        asked: &mut Asked,
    ) -> Result<Response<Answer>, Response<Answer>> {
        Err(match self.decision.admitted() {
            Outcome::Forward(to) => return self.forward(&to, body, upgrade, record, asked).await,
            // Nobody is asked, but the Service that was addressed may have limits (smi N-7).
            Outcome::Deny(to) => {
                let refused = self.limits.pass().await.err();
                let failure = refused
                    .unwrap_or_else(|| self.table.snapshot.denial(&to, self.decision.mutual_tls()));
                self.edited(failed(failure, to.forward.unavailable, self.worker, record))
            }
            Outcome::NoRoute(no_route) => match self.limits.pass().await {
                Ok(()) => self.edited(plain(no_route.status())),
                Err(failure) => {
                    self.edited(failed(failure, no_route.status(), self.worker, record))
                }
            },
            Outcome::Redirect(redirect) => self.canned(redirect.status, &body, redirect.max_body),
            Outcome::Respond(respond) => self.canned(respond.status, &body, Some(UNREAD_LIMIT)),
        })
    }

    /// An answer that takes no backend. What is thrown away has a limit all the same
    /// (virtualserver §12.5): `most` octets, where there is one.
    fn canned(&self, status: StatusCode, body: &Received, most: Option<u64>) -> Response<Answer> {
        if most.is_some_and(|most| body.size_hint().lower() > most) {
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, self.decision, &self.head);
        }
        let mut content = Vec::new();
        self.decision.write_body(&self.head, &mut content);
        let mut response = Response::new(Answer::full(content));
        *response.status_mut() = status;
        self.edited(response)
    }

    fn edited(&self, mut response: Response<Answer>) -> Response<Answer> {
        self.decision.edit_response(response.status(), &self.head, response.headers_mut());
        response
    }

    async fn forward(
        self,
        forwarding: &Forwarding<'_>,
        body: Received,
        upgrade: Option<Upgrade>,
        record: &mut Record,
        asked: &mut Asked,
    ) -> Result<Response<Answer>, Response<Answer>> {
        let Self { worker, table, head, decision, limits } = self;
        let forwarder = Forwarder { worker, table, head, decision, forwarding, limits };
        let answered = forwarder.run(body, upgrade, record, asked).await;
        answered.map_err(|failure| {
            let unavailable = forwarding.forward.unavailable;
            let mut response = failed(failure, unavailable, worker, record);
            decision.edit_refusal(response.status(), &head, response.headers_mut());
            response
        })
    }
}

/// What is answered where nothing came of a request; `unavailable` is what the rule says about
/// Services that cannot be reached.
fn failed(
    failure: Failure,
    unavailable: StatusCode,
    worker: &Worker,
    record: &mut Record,
) -> Response<Answer> {
    worker.metrics.failure(failure);
    record.turned_away(failure.as_str());
    plain(failure.status(unavailable))
}
