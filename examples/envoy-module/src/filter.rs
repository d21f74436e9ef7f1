//! The HTTP filter: decides, and carries out.

use crate::abi::{Side, Stream};
use crate::give::{give, give_instead};
use crate::head::Head;
use crate::header;
use crate::specifier;
use crate::table::Table;
use embedding::{Answer, draw, judge};
use gateway_core::rules::{HeaderOps, ResponseHeaderOps, Timeouts};
use gateway_core::{Decision, Forwarding, Outcome, Request};
use http::{HeaderName, StatusCode};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What Envoy itself tells backends. It stays where a rule drops the fields of clients.
const TOLD_BY_ENVOY: [HeaderName; 4] = [
    HeaderName::from_static("x-envoy-external-address"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-request-id"),
];

/// What becomes of the message that a hook is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Continue,
    /// It goes no further.
    Stop,
}

/// The filter of one stream.
///
/// Nothing of it is borrowed while Envoy is called, which may call other hooks then.
pub(crate) struct Filter {
    table: Arc<Table>,
    state: RefCell<State>,
    /// Whether the answer is one that Envoy itself gives.
    by_envoy: Cell<bool>,
}

#[derive(Clone)]
enum State {
    /// No request has come.
    New,
    /// This module has answered.
    Answered,
    /// The request is on its way to a backend.
    Sent(Rc<Sent>),
}

/// A request that was sent on.
struct Sent {
    head: Head,
    draw: u64,
    /// Whether something may be changed in its answer.
    edits_answer: bool,
    /// How many octets of its body may still come; `None` for no limit.
    body_left: Cell<Option<u64>>,
}

impl Filter {
    pub(crate) fn new(table: Arc<Table>) -> Self {
        Self { table, state: RefCell::new(State::New), by_envoy: Cell::new(false) }
    }

    /// A request has come.
    pub(crate) fn request(&self, stream: &mut Stream<'_>) -> Verdict {
        let Some(head) = Head::read(stream, self.table.port) else {
            return self.answer(Answer::plain(StatusCode::BAD_REQUEST), None, stream);
        };
        let draw = draw();
        let decision = self.table.router.decide(&head, draw);
        let speaks_tls = self.table.clusters_speak_tls;
        match judge(&decision, &head, head.content_length(), speaks_tls) {
            Ok(to) => {
                send(&decision, &to, &head, stream);
                let edits_answer = edits_answer(&decision, &to);
                let body_left = Cell::new(to.forward.settings.max_body);
                let sent = Sent { head, draw, edits_answer, body_left };
                self.state.replace(State::Sent(Rc::new(sent)));
                Verdict::Continue
            }
            Err(turned) => {
                if let Some(lack) = &turned.lack {
                    self.table.tell_refused(lack);
                }
                self.answer(turned.answer.finished(&decision, &head), Some(&head), stream)
            }
        }
    }

    fn answer(&self, answer: Answer, head: Option<&Head>, stream: &mut Stream<'_>) -> Verdict {
        self.state.replace(State::Answered);
        give(answer, head, stream);
        Verdict::Stop
    }

    /// A part of the request's body has come.
    pub(crate) fn request_body(&self, stream: &mut Stream<'_>) -> Verdict {
        let sent = match self.state() {
            State::Sent(sent) => sent,
            State::Answered => return Verdict::Stop,
            State::New => return Verdict::Continue,
        };
        let Some(left) = sent.body_left.get() else { return Verdict::Continue };
        let left = left.checked_sub(stream.received() as u64);
        sent.body_left.set(left);
        if left.is_some() {
            return Verdict::Continue;
        }
        let decision = self.table.router.decide(&sent.head, sent.draw);
        let answer = Answer::refusal(StatusCode::PAYLOAD_TOO_LARGE, &decision, &sent.head);
        self.state.replace(State::Answered);
        give_instead(&answer.finished(&decision, &sent.head), stream);
        Verdict::Stop
    }

    /// The answer that comes next is one of Envoy's own.
    pub(crate) fn answered_by_envoy(&self) {
        self.by_envoy.set(true);
    }

    /// An answer has come.
    pub(crate) fn response(&self, stream: &mut Stream<'_>) -> Verdict {
        let State::Sent(sent) = self.state() else { return Verdict::Continue };
        if !sent.edits_answer {
            return Verdict::Continue;
        }
        let head = &sent.head;
        // A decision is borrowed from the table and cannot be kept; the same question has the same
        // answer.
        let decision = self.table.router.decide(head, sent.draw);
        let (Outcome::Forward(to), Some((came, before))) =
            (decision.admitted(), header::of_answer(stream))
        else {
            return self.fail(stream);
        };
        let by_envoy = self.by_envoy.get();
        let status = match by_envoy && came == StatusCode::SERVICE_UNAVAILABLE {
            true => to.forward.unavailable,
            false => came,
        };
        if let Some(page) = Answer::page(status, status.as_str(), &decision, head) {
            self.state.replace(State::Answered);
            give_instead(&page, stream);
            return Verdict::Stop;
        }
        let mut after = before.clone();
        if by_envoy {
            decision.edit_refusal(status, head, &mut after);
        } else {
            decision.edit_response(status, head, &mut after);
        }
        header::change(stream, Side::Response, &before, &after);
        if status != came {
            stream.set_header(Side::Response, b":status", Some(status.as_str().as_bytes()));
        }
        Verdict::Continue
    }

    /// Answers 500 in place of whatever is under way.
    pub(crate) fn fail(&self, stream: &mut Stream<'_>) -> Verdict {
        self.state.replace(State::Answered);
        give_instead(&Answer::plain(StatusCode::INTERNAL_SERVER_ERROR), stream);
        Verdict::Stop
    }

    fn state(&self) -> State {
        self.state.borrow().clone()
    }
}

/// Makes of a request what the backend is to get, and names the cluster.
fn send(decision: &Decision<'_>, to: &Forwarding<'_>, head: &Head, stream: &mut Stream<'_>) {
    let mut target = Vec::with_capacity(head.target().len());
    decision.write_target(head, &mut target);
    if target != head.target() {
        stream.set_header(Side::Request, b":path", Some(&target));
    }
    if let Some(host) = decision.host_header(head) {
        stream.set_header(Side::Request, b":authority", Some(host.as_bytes()));
    }
    let ops = &to.forward.request_headers;
    if *ops != HeaderOps::default() {
        let mut after = head.fields.clone();
        decision.edit_request(head, &mut after);
        if ops.drop_all {
            for name in
                TOLD_BY_ENVOY.iter().filter(|name| ops.set.iter().all(|it| it.name != *name))
            {
                after.extend(head.fields.get_all(name).iter().map(|it| (name.clone(), it.clone())));
            }
        }
        header::change(stream, Side::Request, &head.fields, &after);
    }
    let cluster = format!("{}:{}", to.service.name, to.port);
    stream.note(&specifier::note(&cluster, limit(&to.forward.settings.timeouts)));
    stream.choose_cluster_again();
}

/// How long an answer may take: there is one try, so that the limit of a try is one of them all. Zero
/// for no limit.
fn limit(timeouts: &Timeouts) -> Duration {
    let limits = timeouts.request.into_iter().chain(timeouts.backend_request);
    // Less than a millisecond would be no limit.
    limits.min().map_or(Duration::ZERO, |most| most.max(Duration::from_millis(1)))
}

/// Whether something may be changed in the answer to a request.
fn edits_answer(decision: &Decision<'_>, to: &Forwarding<'_>) -> bool {
    to.forward.response_headers != ResponseHeaderOps::default()
        || to.forward.unavailable != StatusCode::SERVICE_UNAVAILABLE
        || decision.route().is_some_and(|route| route.error_pages.is_some())
        || decision.policies().is_some()
        || decision.branch().is_some_and(|branch| branch.cors.is_some())
}
