//! Sends requests to backends.

use crate::error::Failure;
use crate::exchange::{Answer, Pace, Received, Relay, Upload, gunzip};
use crate::guard::{Guard, enforce};
use crate::head::{Head, strip_answer};
use crate::outbound::Outbound;
use crate::record::Record;
use crate::service_limits::ServiceLimits;
use crate::session::Affinity;
use crate::snapshot::Table;
use crate::upgrade::Upgrade;
use crate::upstream::{self, Checkout, Choice, Holding, Lease, Speech, Tries};
use crate::worker::Worker;
use gateway_core::rules::BackendSettings;
use gateway_core::{Decision, Forwarding, Outcome};
use http::header::{CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body::Body;
use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// The statuses of the backends that were asked, where an error page may print them.
pub(crate) struct Asked(Option<Vec<StatusCode>>);

impl Asked {
    /// Where no error page is going to print them.
    pub(crate) fn nobody() -> Self {
        Self(None)
    }

    pub(crate) fn of(decision: &Decision<'_>) -> Self {
        let has_pages = decision.route().is_some_and(|route| route.error_pages.is_some());
        Self(has_pages.then(Vec::new))
    }

    fn note(&mut self, status: StatusCode) {
        if let Some(statuses) = &mut self.0 {
            statuses.push(status);
        }
    }
}

impl fmt::Display for Asked {
    /// `502, 504`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, status) in self.0.iter().flatten().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{}", status.as_str())?;
        }
        Ok(())
    }
}

/// Sends one request to a backend, and its answer back.
pub(crate) struct Forwarder<'a> {
    pub(crate) worker: &'a Rc<Worker>,
    pub(crate) table: &'a Table,
    pub(crate) head: Head<'a>,
    pub(crate) decision: &'a Decision<'a>,
    pub(crate) forwarding: &'a Forwarding<'a>,
    pub(crate) limits: ServiceLimits<'a>,
}

impl Forwarder<'_> {
    fn settings(&self) -> &BackendSettings {
        &self.forwarding.forward.settings
    }

    pub(crate) async fn run(
        &self,
        body: Received,
        upgrade: Option<Upgrade>,
        record: &mut Record,
        asked: &mut Asked,
    ) -> Result<Response<Answer>, Failure> {
        let settings = self.settings();
        if settings.max_body.is_some_and(|most| body.size_hint().lower() > most) {
            return Err(Failure::TooLarge);
        }
        let upload = Upload::new(body, settings.max_body);
        let deadline = settings.timeouts.request.map(|most| Instant::now() + most);
        // Pinned, so that it is not moved once more where there is a deadline.
        let tries = pin!(self.reach(&upload, deadline, record, asked));
        let reached = match deadline {
            Some(end) => timeout_at(end, tries).await.unwrap_or(Err(Failure::RequestTimeout))?,
            None => tries.await?,
        };
        self.relay(reached, upgrade)
    }

    /// Tries the endpoints of the Service, or of the one that stands in for it while all of these
    /// are out (smi N-10), or do not work (virtualserver §4, `backup`).
    async fn reach(
        &self,
        upload: &Upload,
        deadline: Option<Instant>,
        record: &mut Record,
        asked: &mut Asked,
    ) -> Result<Reached, Failure> {
        let tried = self.try_endpoints(upload, deadline, record, asked).await;
        let (failure, decision) = match tried {
            Err(Failure::CircuitOpen) => (Failure::CircuitOpen, self.fall_back()),
            Err(Failure::NoneWorks) => (Failure::NoneWorks, self.back_up()),
            tried => return tried,
        };
        let decision = decision.ok_or(failure)?;
        record.goes_to(&decision);
        let forwarding = match decision.admitted() {
            Outcome::Forward(forwarding) => forwarding,
            Outcome::Deny(denied) => {
                self.worker.metrics.failure(failure);
                return Err(self.table.snapshot.denial(&denied, decision.mutual_tls()));
            }
            _ => return Err(failure),
        };
        // Limits are all that is asked of it.
        let judge = || self.table.snapshot.judge(self.head.client, &decision);
        let Guard::Admitted(counted) = enforce(&decision, &self.head, judge) else {
            return Err(failure);
        };
        // Another answer comes of it, but no endpoint took it all the same.
        self.worker.metrics.failure(failure);
        let limits = ServiceLimits { counted, ..self.limits };
        let Self { worker, table, head, .. } = *self;
        let other =
            Forwarder { worker, table, head, decision: &decision, forwarding: &forwarding, limits };
        // Boxed, so that requests without a fallback do not pay for its size.
        Box::pin(other.try_endpoints(upload, deadline, record, asked)).await
    }

    /// What is done in place of the decision while all endpoints are out.
    fn fall_back(&self) -> Option<Decision<'_>> {
        self.table.snapshot.router.fall_back(self.decision, &self.head)
    }

    /// What is done in place of the decision while no endpoint works.
    fn back_up(&self) -> Option<Decision<'_>> {
        self.table.snapshot.router.back_up(self.decision, &self.head)
    }

    /// Which workloads of the Service may be sent the request; `None` for all (smi T-15).
    fn admitted_workloads(&self) -> Option<Vec<bool>> {
        let access = self.forwarding.service.access.as_ref()?;
        let admits = |workload| self.decision.admits(&self.head, workload);
        Some((0..access.workloads.len()).map(admits).collect())
    }

    /// Tries one endpoint after the other, as far as the rule allows.
    async fn try_endpoints(
        &self,
        upload: &Upload,
        deadline: Option<Instant>,
        record: &mut Record,
        asked: &mut Asked,
    ) -> Result<Reached, Failure> {
        self.limits.pass().await?;
        let settings = self.settings();
        let unavailable = self.forwarding.forward.unavailable;
        let mutual_tls = self.decision.mutual_tls();
        let Some(group) = self.table.snapshot.group(self.forwarding, mutual_tls) else {
            asked.note(unavailable);
            return Err(Failure::NoEndpoint);
        };
        let admitted = self.admitted_workloads();
        let reaches = |workload: usize| {
            admitted.as_ref().is_none_or(|list| list.get(workload).is_some_and(|admits| *admits))
        };
        // A request that has failed is not given up for another reason.
        let goes_on = || group.has_any(reaches) || group.has_backup() || self.fall_back().is_some();
        let counted = self.table.service(self.forwarding.id, &self.worker.metrics);
        let snapshot = &self.table.snapshot;
        let speech = snapshot.speech(self.decision, self.forwarding)?;
        let (sessions, rules) = (&snapshot.sessions, snapshot.router.rules());
        let affinity = Affinity::of(sessions, rules, self.forwarding, self.decision, &self.head);
        let kept = affinity.place(group);
        let key = upstream::key(&settings.balance, self.decision, &self.head);
        let endpoints = group.count(reaches) + usize::from(group.has_backup());
        let mut tries = Tries::new(&settings.retry, &self.head.parts.method, endpoints);
        if tries.may_be_many() {
            self.worker.budgets.request(&self.forwarding.service.name);
        }
        loop {
            tries.begin();
            let choice =
                Choice { key, kept, tried: tries.tried(), random: &self.worker.random, reaches };
            let holding = loop {
                let holding = group.take(&choice).await?;
                let member = &group.members()[holding.at()];
                self.limits.pass_at(member.address(), member.workload).await?;
                // While this request waited, others may have failed there (smi N-10).
                if member.is_in() {
                    break holding;
                }
            };
            let member = &group.members()[holding.at()];
            let address = member.address();
            self.head.attributes.trace.set(record.tries(address));
            if !tries.tried().is_empty() {
                counted.retried();
            }
            let try_end = settings.timeouts.backend_request.map(|most| Instant::now() + most);
            let begun = Instant::now();
            let connect = Cell::new(None);
            let attempt =
                pin!(self.attempt(holding, &speech, upload, tries.may_repeat(), &connect));
            let end = try_end.into_iter().chain(deadline).min();
            let result = match end {
                Some(end) => timeout_at(end, attempt).await.unwrap_or_else(|_| {
                    Err(if Some(end) == try_end {
                        Failure::Timeout
                    } else {
                        Failure::RequestTimeout
                    })
                }),
                None => attempt.await,
            };
            let outcome = match &result {
                Ok((response, _)) => Ok(response.status()),
                Err(failure) => Err(*failure),
            };
            if let Ok(status) = outcome {
                counted.answered(status, begun.elapsed());
            }
            record.tried(outcome, connect.get());
            asked.note(outcome.unwrap_or_else(|failure| failure.status(unavailable)));
            match result {
                Ok((response, lease)) => {
                    lease.holding.answered();
                    member.answered(response.status(), settings);
                    let again = upload.replayable()
                        && tries.after_status(response.status(), address)
                        && goes_on()
                        && self.affords_another(false);
                    if !again {
                        let deadline = deadline.into_iter().chain(try_end).min();
                        let told = affinity.tell(&member.endpoint);
                        return Ok(Reached { response, lease, deadline, told });
                    }
                }
                Err(failure) => {
                    if failure.blames_endpoint() {
                        let late = failure == Failure::Timeout;
                        member.failed(settings, late.then(|| begun.elapsed()));
                    } else if failure == Failure::RequestTimeout && !upload.waits_for_client() {
                        member.timed_out();
                    }
                    let again = upload.replayable()
                        && tries.after_failure(failure, address)
                        && goes_on()
                        && self.affords_another(failure.costs_nothing());
                    if !again {
                        return Err(failure);
                    }
                    self.worker.metrics.failure(failure);
                }
            }
            tries.back_off().await;
        }
    }

    /// Whether the Service's budget has room for another try; the one before, where nothing was sent
    /// in it, was no burden, so that this is free.
    fn affords_another(&self, is_free: bool) -> bool {
        let affords = is_free || self.worker.budgets.retry(&self.forwarding.service.name);
        if !affords {
            self.worker.metrics.over_budget();
        }
        affords
    }

    /// Sends the request to one endpoint. Where an idle connection turns out to be closed, a new
    /// one is opened, which does not count as another try. `connect` is told how long it took to open
    /// the last one.
    async fn attempt(
        &self,
        holding: Holding,
        speech: &Speech,
        upload: &Upload,
        may_repeat: bool,
        connect: &Cell<Option<Duration>>,
    ) -> Result<(Response<Received>, Lease), Failure> {
        let timeouts = &self.settings().timeouts;
        let channel = holding.endpoint().peer.spoken_to(speech);
        let mut again = false;
        let mut newer_than = None;
        loop {
            let pool = &self.worker.pool;
            let Checkout { mut connection, opened } =
                pool.checkout(&channel, newer_than, timeouts.connect).await?;
            let reused = opened.is_none();
            self.worker.metrics.upstream_connection(reused);
            connect.set(opened);
            if reused && !may_repeat {
                // What must not be sent twice is not sent on a connection that is closed: the
                // runtime gets a chance to notice.
                tokio::task::yield_now().await;
                if !connection.is_ready() {
                    continue;
                }
            }
            let request =
                Outbound::new(&self.head, self.decision, &channel).ok_or(Failure::Unsendable)?;
            let (body, interim) = (upload.attempt(), self.head.interim);
            let sent = self.paced(pin!(connection.send(request, body, interim)), upload).await;
            let unanswered = match sent {
                Ok(Ok(response)) => {
                    let lease = Lease { connection, channel, holding, pool: pool.clone() };
                    return Ok((response, lease));
                }
                Ok(Err(unanswered)) => unanswered,
                Err(failure) => return Err(failure),
            };
            if let Some(failure) = upload.failure() {
                return Err(failure);
            }
            let unheard = may_repeat && unanswered.failure == Failure::Disconnect;
            if again || !(reused && upload.replayable() && (unanswered.unsent || unheard)) {
                let failure = unanswered.failure;
                let is_told = matches!(failure, Failure::Tls | Failure::Refused);
                let untouched = unanswered.unsent && !is_told;
                return Err(if untouched { Failure::Connect } else { failure });
            }
            if unanswered.failure == Failure::Refused && !self.affords_another(false) {
                return Err(Failure::Refused);
            }
            again = true;
            // One that refuses a request goes on with others; else all connections that are there may
            // have ended.
            newer_than = (unanswered.failure != Failure::Refused).then(Instant::now);
        }
    }

    /// Waits for an answer as long as the side that the exchange waits for is in time.
    async fn paced<F: Future>(
        &self,
        mut answer: Pin<&mut F>,
        upload: &Upload,
    ) -> Result<F::Output, Failure> {
        /// How soon to look again whom the exchange waits for: nobody tells when that changes.
        const LOOK_AGAIN: Duration = Duration::from_secs(1);
        let timeouts = &self.settings().timeouts;
        let limits = &self.worker.shared.limits;
        let client = || Some(upload.patience(limits.body_timeout, limits.body_rate));
        let mut sent = None;
        let limit = |pace| match pace {
            Pace::Client(since) => (since, client(), Failure::ClientTimeout),
            Pace::Sending(since) => (since, timeouts.send, Failure::Timeout),
            Pace::Answer(since) => (since, timeouts.read, Failure::Timeout),
        };
        let mut alarm = self.worker.timers.alarm();
        poll_fn(|cx| {
            if let Poll::Ready(output) = answer.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            loop {
                let now = Instant::now();
                let pace = upload.pace(*sent.get_or_insert(now));
                let (since, most, failure) = limit(pace);
                let end = most.map(|most| since + most);
                if end.is_some_and(|end| end <= now) {
                    return Poll::Ready(Err(failure));
                }
                let look = now + LOOK_AGAIN;
                let next = match (pace, end) {
                    // It waits for nothing else after that.
                    (Pace::Answer(_), Some(end)) => end,
                    (_, end) => end.map_or(look, |end| end.min(look)),
                };
                ready!(alarm.poll(cx, next));
            }
        })
        .await
    }

    /// Passes a backend's answer on.
    fn relay(
        &self,
        reached: Reached,
        upgrade: Option<Upgrade>,
    ) -> Result<Response<Answer>, Failure> {
        let Reached { response, lease, deadline, told } = reached;
        let (parts, body) = response.into_parts();
        let status = parts.status;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return self.switch(parts, lease, upgrade, told);
        }
        let mut headers = parts.headers;
        strip_answer(&mut headers);
        if status == StatusCode::NO_CONTENT {
            // It has no body, and must not tell its length (RFC 9110, section 8.6).
            headers.remove(CONTENT_LENGTH);
        }
        let unpacks = self.unpacks(status, &headers);
        if unpacks {
            gunzip::edit(&mut headers);
        }
        self.edit(status, &mut headers);
        headers.extend(told);
        let pause = self.settings().timeouts.read;
        let alarm = self.worker.timers.alarm();
        let relay = Relay { body, lease: Some(lease), pause, deadline, missed: None, alarm };
        let content = match unpacks && !relay.body.is_end_stream() {
            true => Answer::unpacked(relay),
            false => Answer::relayed(relay),
        };
        let mut answer = Response::new(content);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    /// Whether an answer with this header is unpacked on its way. A part of it cannot be.
    fn unpacks(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        self.decision.host().is_some_and(|host| host.gunzip)
            && status != StatusCode::PARTIAL_CONTENT
            && gunzip::is_asked(&self.head.parts.headers, headers)
    }

    /// Makes the rule's changes; the length follows from the body, whatever a rule says.
    pub(crate) fn edit(&self, status: StatusCode, headers: &mut HeaderMap) {
        let length = headers.remove(CONTENT_LENGTH);
        self.decision.edit_response(status, &self.head, headers);
        match length {
            Some(length) => headers.insert(CONTENT_LENGTH, length),
            None => headers.remove(CONTENT_LENGTH),
        };
    }

    /// Lets client and backend go on in another protocol.
    fn switch(
        &self,
        mut parts: http::response::Parts,
        lease: Lease,
        client: Option<Upgrade>,
        told: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Response<Answer>, Failure> {
        // A backend that changes the protocol unasked speaks something else than HTTP.
        self.head.upgrade().ok_or(Failure::InvalidHead)?;
        let client = client.ok_or(Failure::InvalidHead)?;
        let backend = lease.connection.tunnel().ok_or(Failure::InvalidHead)?;
        let protocol = parts.headers.remove(UPGRADE).ok_or(Failure::InvalidHead)?;
        let from = self.head.client;
        if !client.is_last() {
            return Err(Failure::ClientBody);
        }
        let mut headers = parts.headers;
        strip_answer(&mut headers);
        self.edit(parts.status, &mut headers);
        headers.extend(told);
        let status = if client.is_stream() {
            headers.remove(SEC_WEBSOCKET_ACCEPT);
            StatusCode::OK
        } else {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, protocol);
            StatusCode::SWITCHING_PROTOCOLS
        };
        let draining = from.draining.clone();
        let grace = self.worker.shared.limits.grace;
        let tunnel = client.tunnel(backend, self.settings().timeouts.read, draining, grace);
        let places = from.places.borrow().clone();
        let (keeper, kept) = oneshot::channel::<Box<Record>>();
        tokio::task::spawn_local(async move {
            let passed = tunnel.await;
            // The answer was made long ago, unless another one has taken its place.
            if let Ok(mut record) = kept.await {
                record.tunnelled(&passed);
            }
            drop((lease, places));
        });
        let mut answer = Response::new(Answer::switched(keeper));
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}

/// The head of a backend's answer, and the connection that its body comes on.
struct Reached {
    response: Response<Received>,
    lease: Lease,
    /// When the whole answer has to be there.
    deadline: Option<Instant>,
    /// What keeps the client at the endpoint.
    told: Option<(HeaderName, HeaderValue)>,
}
