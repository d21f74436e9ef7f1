//! What becomes known about one request. It is told to the counters, the log and the traces when
//! the record is dropped: when the answer is over, or the tunnel that follows it, or the client
//! gone.

use crate::attributes::protocol;
use crate::clock::Moment;
use crate::error::Failure;
use crate::head::{Client, Head};
use crate::metrics::{RouteCounters, RouteLabels};
use crate::snapshot::Table;
use crate::tls::SpiffeId;
use crate::trace::{Context, Span};
use crate::upgrade::Passed;
use crate::upstream::Address;
use crate::worker::{Shared, Worker};
use gateway_core::{Decision, Outcome};
use http::header::{HOST, REFERER, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The status of a request whose client left before there was an answer, as NGINX has it.
pub(crate) const CLIENT_LEFT: u16 = 499;

/// What is known about a request so far.
pub(crate) struct Record {
    worker: Rc<Worker>,
    started: Instant,
    counters: Option<Arc<RouteCounters>>,
    status: Option<StatusCode>,
    sent: u64,
    received: Octets,
    /// Octets that came from the client in another protocol.
    tunnelled: u64,
    /// Its span, where there is a collector.
    span: Option<Span>,
    /// What only the log and traces tell; `None` where there are neither, so that they cost
    /// nothing.
    facts: Option<Box<Facts>>,
}

/// Counts the octets of a request's body as they come; `None` where there is no body.
pub(crate) type Octets = Option<Rc<Cell<u64>>>;

/// What the log and traces tell about a request. Fields are handles on what was read: nothing is
/// formatted before the request is over.
pub(crate) struct Facts {
    pub(crate) at: Moment,
    pub(crate) started: Instant,
    pub(crate) client: Rc<Client>,
    /// Whose request it is; a trusted proxy tells the address alone, and then the port is 0.
    pub(crate) peer: SocketAddr,
    pub(crate) request: RequestFacts,
    /// The trace that it is a part of.
    trace: Option<Context>,
    labels: Option<Arc<RouteLabels>>,
    /// The branch of a split that was drawn.
    pub(crate) branch: String,
    /// The Service that it was sent to last.
    pub(crate) service: String,
    pub(crate) tries: Vec<Try>,
    pub(crate) problem: &'static str,
    status: Option<StatusCode>,
    /// Octets of the bodies.
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) duration: Duration,
}

/// What a client asks for; nothing where what came is no request.
#[derive(Default)]
pub(crate) struct RequestFacts {
    method: Option<Method>,
    uri: Uri,
    version: Version,
    host: Option<HeaderValue>,
    pub(crate) referer: Option<HeaderValue>,
    pub(crate) user_agent: Option<HeaderValue>,
    pub(crate) request_id: Option<HeaderValue>,
}

/// One try to get an answer of an endpoint.
pub(crate) struct Try {
    pub(crate) address: Address,
    pub(crate) started: Instant,
    /// How long it took to connect; `None` where a connection was used again, or none was made.
    pub(crate) connect: Option<Duration>,
    /// How long it took until the head of an answer was there, or the try had failed; `None` for
    /// one that was given up.
    pub(crate) took: Option<Duration>,
    pub(crate) status: Option<StatusCode>,
    /// Why there is no answer, in a word.
    pub(crate) problem: &'static str,
    /// What it is in a trace, if that is told.
    pub(crate) span: Option<Context>,
}

impl Try {
    /// How long it took until the head of the answer was there.
    pub(crate) fn head(&self) -> Option<Duration> {
        self.took.filter(|_| self.status.is_some())
    }
}

impl Record {
    /// Of a request that has just come, with a body as long as `received` will tell.
    pub(crate) fn new(
        worker: &Rc<Worker>,
        client: &Rc<Client>,
        head: &Head<'_>,
        received: Octets,
    ) -> Box<Self> {
        let Shared { log, tracer, .. } = &*worker.shared;
        let span = tracer.as_ref().map(|tracer| tracer.begin(&worker.ids, &head.parts.headers));
        let is_told = span.is_some_and(|span| span.context.sampled);
        let trace = || span.map_or_else(|| Context::read(&head.parts.headers), |s| Some(s.context));
        let facts = || Box::new(Facts::new(client, head, trace()));
        let facts = (log.is_some() || is_told).then(facts);
        let started = head.attributes.received;
        let mut record = Box::new(Self::since(started, worker));
        record.received = received;
        record.span = span;
        record.facts = facts;
        record
    }

    /// Of what came from a client and is no request.
    pub(crate) fn refused(
        worker: &Rc<Worker>,
        client: &Rc<Client>,
        status: StatusCode,
        problem: &'static str,
    ) {
        let started = Instant::now();
        let mut record = Self::since(started, worker);
        record.facts = worker.shared.log.is_some().then(|| {
            let request = RequestFacts::default();
            Box::new(Facts::of(client, client.peer, started, request, None))
        });
        record.turned_away(problem);
        record.answered(status);
    }

    /// Of what nobody is told.
    pub(crate) fn silent(worker: &Rc<Worker>) -> Self {
        Self::since(Instant::now(), worker)
    }

    fn since(started: Instant, worker: &Rc<Worker>) -> Self {
        Self {
            worker: Rc::clone(worker),
            started,
            counters: None,
            status: None,
            sent: 0,
            received: None,
            tunnelled: 0,
            span: None,
            facts: None,
        }
    }

    /// Notes what was decided.
    pub(crate) fn decided(&mut self, decision: &Decision<'_>, table: &Table) {
        let counters = table.counters(decision, &self.worker.metrics);
        if let Some(facts) = &mut self.facts {
            facts.labels = Some(Arc::clone(&counters.labels));
            facts.branch = decision.branch().map_or_else(String::new, |b| b.origin.to_string());
        }
        self.counters = Some(counters);
        // Of a request that is turned away, where it would have gone.
        self.goes_to(decision);
    }

    /// Notes the Service that a request is sent to, or whose endpoints do not admit it.
    pub(crate) fn goes_to(&mut self, decision: &Decision<'_>) {
        if let Some(facts) = &mut self.facts
            && let Outcome::Forward(to) | Outcome::Deny(to) = decision.admitted()
        {
            facts.service = to.service.name.to_string();
        }
    }

    /// Notes that an endpoint is tried. Returns what it is told to be a part of, where that is not
    /// what the client says.
    pub(crate) fn tries(&mut self, address: &Address) -> Option<Context> {
        let context = self.span.map(|span| match span.context.sampled {
            true => Context { span_id: self.worker.ids.span_id(), ..span.context },
            false => span.context,
        });
        if let Some(facts) = &mut self.facts {
            facts.tries.push(Try {
                address: address.clone(),
                started: Instant::now(),
                connect: None,
                took: None,
                status: None,
                problem: "",
                span: context.filter(|context| context.sampled),
            });
        }
        context
    }

    /// Notes what came of the last try, and how long connecting took, if that was done.
    pub(crate) fn tried(
        &mut self,
        outcome: Result<StatusCode, Failure>,
        connect: Option<Duration>,
    ) {
        if let Some(tried) = self.facts.as_mut().and_then(|facts| facts.tries.last_mut()) {
            tried.connect = connect;
            tried.took = Some(tried.started.elapsed());
            match outcome {
                Ok(status) => tried.status = Some(status),
                Err(failure) => tried.problem = failure.as_str(),
            }
        }
    }

    /// Notes in a word why the request came to nothing.
    pub(crate) fn turned_away(&mut self, problem: &'static str) {
        if let Some(facts) = &mut self.facts {
            facts.problem = problem;
        }
    }

    /// Notes what the client is answered.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Counts octets of the answer's body.
    pub(crate) fn sent(&mut self, octets: usize) {
        self.sent += octets as u64;
    }

    /// Counts octets that have passed in another protocol.
    pub(crate) fn tunnelled(&mut self, passed: &Passed) {
        self.sent += passed.sent.get();
        self.tunnelled = passed.received.get();
    }

    /// Notes that the backend's body broke off.
    pub(crate) fn broken(&mut self) {
        self.worker.metrics.failure(Failure::BrokenBody);
        self.turned_away(Failure::BrokenBody.as_str());
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        if let Some(counters) = &self.counters {
            counters.count(self.status.map_or(CLIENT_LEFT, |status| status.as_u16()), duration);
        }
        if let Some(facts) = &mut self.facts {
            facts.status = self.status;
            facts.sent = self.sent;
            let body = self.received.as_ref().map_or(0, |octets| octets.get());
            facts.received = body + self.tunnelled;
            facts.duration = duration;
            if let Some(log) = &self.worker.shared.log {
                log.log(facts);
            }
            if let (Some(tracer), Some(span)) = (&self.worker.shared.tracer, self.span)
                && span.context.sampled
            {
                tracer.tell(span, facts);
            }
        }
    }
}

impl Facts {
    fn new(client: &Rc<Client>, head: &Head<'_>, trace: Option<Context>) -> Self {
        let fields = &head.parts.headers;
        let field = |name: HeaderName| fields.get(name).cloned();
        let request = RequestFacts {
            method: Some(head.parts.method.clone()),
            uri: head.parts.uri.clone(),
            version: head.parts.version,
            host: field(HOST),
            referer: field(REFERER),
            user_agent: field(USER_AGENT),
            request_id: field(X_REQUEST_ID),
        };
        Self::of(client, head.peer, head.attributes.received, request, trace)
    }

    fn of(
        client: &Rc<Client>,
        peer: SocketAddr,
        started: Instant,
        request: RequestFacts,
        trace: Option<Context>,
    ) -> Self {
        Self {
            at: Moment::now(),
            started,
            client: Rc::clone(client),
            peer,
            request,
            trace,
            labels: None,
            branch: String::new(),
            service: String::new(),
            tries: Vec::new(),
            problem: "",
            status: None,
            received: 0,
            sent: 0,
            duration: Duration::ZERO,
        }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status.map_or(CLIENT_LEFT, |status| status.as_u16())
    }

    /// How many tries there were beyond the first.
    pub(crate) fn retries(&self) -> usize {
        self.tries.len().saturating_sub(1)
    }

    /// The workload that the client has proved to be.
    pub(crate) fn identity(&self) -> &str {
        self.client.identity.as_ref().map_or("", SpiffeId::as_str)
    }

    /// `TLSv1.3`; empty for plain HTTP.
    pub(crate) fn tls_version(&self) -> &'static str {
        self.client.session.as_ref().map_or("", |session| session.protocol())
    }

    /// The host that the client named in its handshake.
    pub(crate) fn server_name(&self) -> &str {
        self.client.session.as_ref().map_or("", |session| &session.server_name)
    }

    /// The trace that it is a part of, in hexadecimal.
    pub(crate) fn trace_id(&self) -> String {
        self.trace.map_or_else(String::new, |trace| trace.trace_id.to_string())
    }

    /// The listener that took it.
    pub(crate) fn listener(&self) -> &str {
        self.label(|labels| &labels.listener)
    }

    /// The object of the route that decided.
    pub(crate) fn route(&self) -> &str {
        self.label(|labels| &labels.route)
    }

    /// Where in its object the route was written.
    pub(crate) fn rule(&self) -> &str {
        self.label(|labels| &labels.rule)
    }

    fn label(&self, read: impl Fn(&RouteLabels) -> &str) -> &str {
        self.labels.as_deref().map_or("", read)
    }
}

impl RequestFacts {
    /// `GET`; empty where there is none.
    pub(crate) fn method(&self) -> &str {
        self.method.as_ref().map_or("", Method::as_str)
    }

    /// Path and query, as the client wrote them.
    pub(crate) fn target(&self) -> &str {
        if self.method.is_none() {
            return "";
        }
        // `*` has neither, and `CONNECT` only an authority.
        match self.uri.path_and_query() {
            Some(target) => target.as_str(),
            None => self.uri.authority().map_or("", |authority| authority.as_str()),
        }
    }

    /// `HTTP/1.1`
    pub(crate) fn protocol(&self) -> &'static str {
        self.method.as_ref().map_or("", |_| protocol(self.version))
    }

    /// The host that is asked, with its port.
    pub(crate) fn host(&self) -> &[u8] {
        // An absolute target wins over the field (RFC 9112, section 3.2.2).
        let field = || self.host.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
        self.uri.authority().map_or_else(field, |authority| authority.as_str().as_bytes())
    }
}
