//! What an explanation says: owned text, for people and for JSON.

use super::HandshakeSummary;
use crate::decision::NoRoute;
use crate::origin::Origin;
use crate::rules::{Retry, Timeouts, VirtualHost};
use http::StatusCode;
use std::fmt;
use std::ops::Range;

/// A decision with its reasons. Owned text, for people and for JSON.
///
/// Values of `cookie` and `set-cookie`, and of every header field, cookie, query argument and
/// attribute whose name holds `auth`, `key`, `password`, `secret` or `token`, are shown by their
/// length only, in targets and URLs too. Other values are cut off after 200 characters, and
/// control characters are shown escaped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation {
    /// What is done with the request.
    pub outcome: OutcomeKind,
    /// The status of the answer; `None` where a backend gives it.
    pub status: Option<StatusCode>,
    /// Why there is no route, why a canned answer is given, or why no backend will answer.
    pub reason: Option<String>,
    /// How far matching came, where no route took the request.
    pub no_route: Option<NoRoute>,
    /// What keeps such a request from coming here at all, whatever is said of it besides.
    pub notes: Vec<String>,
    /// With 405: the methods with which the path can be taken.
    pub allow: Vec<String>,
    /// The listener that took the request.
    pub listener: Option<String>,
    /// How TLS begins on its connection; `None` where there is none.
    pub handshake: Option<HandshakeSummary>,
    /// The request's host in normal form.
    pub host: Option<String>,
    /// The virtual hosts asked, from the most specific one on. The last one decided; where no
    /// route did, none of them had one that holds, or none was looked for (`no_route`).
    pub hosts: Vec<ConsideredHost>,
    /// The route that decided.
    pub route: Option<RouteSummary>,
    /// What path patterns were compared with.
    pub match_path: Option<String>,
    /// What a backend receives where no rewrite says otherwise, without query.
    pub forward_path: Option<String>,
    /// The request target that the backend receives.
    pub target: Option<String>,
    /// The `Host` that the backend receives; `None` where the client's goes on.
    pub host_header: Option<String>,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// The Service that was chosen in the end, as `namespace/name`.
    pub service: Option<String>,
    /// The port of the Service.
    pub port: Option<u16>,
    /// What documents call the backend: the name of an upstream, or that of the Service.
    pub backend: Option<String>,
    /// What is spoken with the backend: `http/1.1`, `h2`, or `grpc`.
    pub protocol: Option<&'static str>,
    /// TLS with the backend; `None` where it is plain.
    pub tls: Option<TlsSummary>,
    /// How long the exchange with the backend may take.
    pub timeouts: Option<Timeouts>,
    /// When another endpoint is tried.
    pub retry: Option<Retry>,
    /// What keeps the client at one endpoint, for example ``cookie `session` ``.
    pub session: Option<String>,
    /// The copies that the route asks for.
    pub mirrors: Vec<MirrorSummary>,
    /// With an answer in the form of gRPC, which has the status 200: its `grpc-status`.
    pub grpc_status: Option<u16>,
    /// The choices by weight, in order: those of the route, then that of a TrafficSplit.
    pub splits: Vec<SplitSummary>,
    /// The TrafficSplits that did not apply: each of their matches with the first condition that
    /// failed.
    pub passed_over: Vec<Considered>,
    /// Who calls, where the Service asks for that; `None` for nobody.
    pub caller: Option<String>,
    /// What each kind of endpoint of the Service says to the caller; none where it does not ask.
    pub access: Vec<AccessSummary>,
    /// When endpoints of the Service pause, and what is asked then.
    pub breaker: Option<BreakerSummary>,
    /// What policies ask of the request, in order, up to one that turns it away; then the limits
    /// of Services that it falls under.
    pub policies: Vec<PolicySummary>,
    /// What takes the place of answers with certain statuses, the first that has the status.
    pub error_pages: Vec<PageSummary>,
    /// What is changed in the request's header, in order.
    pub request_headers: Vec<HeaderChange>,
    /// What is changed in the answer's header, in order.
    pub response_headers: Vec<HeaderChange>,
    /// The routes looked at, in order of precedence, up to the one that decided: of more than
    /// [`MAX_CONSIDERED`](crate::MAX_CONSIDERED) those that were nearest to holding.
    pub considered: Vec<Considered>,
    /// How many more routes were looked at.
    pub left_out: usize,
    /// Where no route holds: those that were nearest, the nearest first.
    pub nearest: Vec<Considered>,
}

/// The kinds of [`Outcome`](crate::Outcome).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum OutcomeKind {
    /// The request is sent to a Service.
    Forward,
    /// The answer is a `Location`.
    Redirect,
    /// The answer is a canned response.
    Respond,
    /// No route took it.
    #[default]
    NoRoute,
    /// A policy or a TrafficTarget turns the request away, whatever is asked besides.
    Refuse,
    /// A pre-flight request is answered.
    Preflight,
}

impl OutcomeKind {
    /// `forward`, `redirect`, `respond`, `no-route`, `refuse` or `preflight`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Redirect => "redirect",
            Self::Respond => "respond",
            Self::NoRoute => "no-route",
            Self::Refuse => "refuse",
            Self::Preflight => "preflight",
        }
    }
}

/// A virtual host that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsideredHost {
    /// Its host name or wildcard.
    pub hostname: String,
    /// The document that owns it.
    pub origin: Origin,
}

impl ConsideredHost {
    pub(super) fn of(host: &VirtualHost) -> Self {
        Self { hostname: host.hostname.to_string(), origin: host.origin.clone() }
    }
}

/// A route and its tests, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSummary {
    /// Where it was written.
    pub origin: Origin,
    /// Its path pattern, for example ``prefix `/tea` ``.
    pub path: String,
    /// Its conditions, for example ``header `x-env`: `beta` ``.
    pub conditions: Vec<String>,
}

/// What a policy asks of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySummary {
    /// `refuse`, `cors`, `client-certificate`, `rate-limit`, `basic-auth`, `api-key`,
    /// `external-auth`, `jwt`, `cache` or `service-limit`.
    pub kind: &'static str,
    /// The policy, or the reference to one that is not there.
    pub origin: Origin,
    /// What is asked, or why the request is turned away. No secrets.
    pub asks: String,
}

/// What endpoints of one identity say to a caller (smi §6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessSummary {
    /// Their service account, as `namespace/name`.
    pub workload: String,
    /// Whether they admit the request.
    pub admitted: bool,
    /// The TrafficTarget that admitted it; `None` too where none governs them.
    pub by: Option<Origin>,
    /// The match that held, if the TrafficTarget asks for one.
    pub matched: Option<Origin>,
    /// The TrafficTargets before that, with the first test that failed; behind one of which no match
    /// held, each of its matches.
    pub tried: Vec<Considered>,
}

/// When endpoints of a Service pause (smi §8.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerSummary {
    /// Where it was written.
    pub origin: Origin,
    /// So many failures trip it; 0 for never.
    pub errors: u32,
    /// In how many seconds, and how many the pause has.
    pub seconds: u64,
    /// What is asked while all endpoints pause, as `namespace/name:port`; `None` where the answer is
    /// 503, or 403 where nothing there admits the caller.
    pub fallback: Option<String>,
}

/// An answer that takes the place of answers with certain statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSummary {
    /// The statuses, as numbers.
    pub statuses: Vec<u16>,
    /// What takes their place: `302 to https://example.com/`, `200, text/html`.
    pub answer: String,
    /// Where it was written.
    pub origin: Origin,
}

/// One route, or one match of a TrafficSplit, that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// Where it was written.
    pub origin: Origin,
    /// The first test that failed; `None` for the one that decided.
    pub failed: Option<Failure>,
}

/// A test that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was looked at, for example ``header `x-env` ``.
    pub field: String,
    /// What would have held.
    pub wanted: String,
    /// What the request has; `None` when it has nothing there.
    pub actual: Option<String>,
}

impl fmt::Display for Failure {
    /// ``header `x-env`: wanted `beta`, got `prod` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: wanted {}, ", self.field, self.wanted)?;
        match &self.actual {
            Some(actual) => write!(f, "got `{actual}`"),
            None => f.write_str("got nothing"),
        }
    }
}

/// TLS with a backend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSummary {
    /// What says so; `None` where nothing but that it is spoken is said.
    pub origin: Option<Origin>,
    /// The name that the backend is asked for.
    pub server_name: Option<String>,
    /// Whose certificates are believed; `None` where they are not verified.
    pub trusts: Option<String>,
    /// Names of which the certificate needs one; none: it needs the server's.
    pub names: Vec<String>,
    /// Whether a certificate is shown to a backend that asks for one.
    pub shows_certificate: bool,
}

/// A copy that a route asks for (gateway-api §13.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorSummary {
    /// Where it was written.
    pub origin: Origin,
    /// The Service, as `namespace/name`.
    pub service: String,
    /// Its port.
    pub port: u16,
    /// Of how many requests out of `denominator` a copy is sent.
    pub numerator: u32,
    /// 1 or more.
    pub denominator: u32,
    /// The request target of the copy; `None` where none is sent of this request.
    pub target: Option<String>,
}

/// A choice by weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitSummary {
    /// Where it was written.
    pub origin: Origin,
    /// The Service that a TrafficSplit is about; `None` for a split of a route.
    pub root: Option<String>,
    /// The match that made a TrafficSplit apply; `None` where it always does.
    pub matched: Option<Origin>,
    /// What there was to choose from, in order.
    pub candidates: Vec<Candidate>,
    /// The draw, brought to the range from 0 to below the sum of the weights; `None` where the
    /// sum is 0, or where something else decides.
    pub point: Option<u64>,
    /// The field of the request that decides in place of the draw, for example ``cookie `session` ``.
    pub sticky: Option<String>,
    /// The candidate that was chosen, by its index: that whose range holds the point, if there is
    /// one.
    pub chosen: Option<usize>,
}

/// One of several to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What it leads to.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// Its weight as written.
    pub weight: u64,
    /// The points for which it is chosen; empty where it takes no part.
    pub range: Range<u64>,
    /// Why it takes no part.
    pub left_out: Option<&'static str>,
}

/// One change to a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderChange {
    /// What is done.
    pub operation: HeaderOperation,
    /// The name; empty where all fields are dropped.
    pub name: String,
    /// The value for this request; empty where lines are removed.
    pub value: String,
}

/// What is done to a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeaderOperation {
    /// All fields are dropped but those that frame the message.
    DropAll,
    /// All lines of the name are removed.
    Remove,
    /// All lines of the name are replaced by one.
    Set,
    /// A line is added.
    Add,
    /// A line is added whatever the status.
    AddAlways,
}

impl HeaderOperation {
    /// `drop-all`, `remove`, `set`, `add` or `add-always`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DropAll => "drop-all",
            Self::Remove => "remove",
            Self::Set => "set",
            Self::Add => "add",
            Self::AddAlways => "add-always",
        }
    }
}
