//! Why a request is decided as it is: every route looked at, and the first test that failed.
//!
//! An explanation is made of a decision by walking the same rules one by one. It costs what such a
//! walk costs, and nothing where it is not asked for.

mod routes;
mod show;
mod splits;
mod text;

pub use routes::MAX_CONSIDERED;

use crate::compile::Router;
use crate::decision::{Decision, NoRoute, Outcome};
use crate::origin::Origin;
use crate::request::Request;
use crate::request::field::View;
use crate::rules::{Listener, RuleSet};
use http::StatusCode;
use std::ops::Range;

/// A decision with its reasons. Owned text, for people and for JSON.
///
/// Values of `authorization`, `cookie` and `proxy-authorization`, and of every field whose name
/// holds `token`, `secret` or `key`, are shown by their length only. Other values are cut off
/// after 200 characters, and control characters are shown escaped.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What is done with the request.
    pub outcome: OutcomeKind,
    /// The status of the engine's own answer; `None` where a backend answers.
    pub status: Option<StatusCode>,
    /// Why there is no route, or why a canned answer is given.
    pub reason: Option<String>,
    /// With 405: the methods with which the path can be taken.
    pub allow: Vec<String>,
    /// The listener that took the request.
    pub listener: Option<String>,
    /// The request's host in normal form.
    pub host: Option<String>,
    /// The virtual hosts asked, from the most specific one on. The last one decided; where no
    /// route did, none of them had one that holds.
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
    /// The choices by weight, in order: those of the route, then that of a TrafficSplit.
    pub splits: Vec<SplitSummary>,
    /// The TrafficSplits that did not apply: each of their matches with the first condition that
    /// failed.
    pub passed_over: Vec<Considered>,
    /// What is changed in the request's header, in order.
    pub request_headers: Vec<HeaderChange>,
    /// What is changed in the answer's header, in order.
    pub response_headers: Vec<HeaderChange>,
    /// The routes looked at, in order of precedence, up to the one that decided: of more than
    /// [`MAX_CONSIDERED`] those that were nearest to holding.
    pub considered: Vec<Considered>,
    /// How many more routes were looked at.
    pub left_out: usize,
    /// Where no route holds: those that were nearest, the nearest first.
    pub nearest: Vec<Considered>,
}

/// The kinds of [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutcomeKind {
    /// The request is sent to a Service.
    Forward,
    /// The answer is a `Location`.
    Redirect,
    /// The answer is a canned response.
    Respond,
    /// No route took it.
    NoRoute,
}

impl OutcomeKind {
    /// `forward`, `redirect`, `respond` or `no-route`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Redirect => "redirect",
            Self::Respond => "respond",
            Self::NoRoute => "no-route",
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
    /// sum is 0.
    pub point: Option<u64>,
    /// The candidate whose range holds the point, by its index.
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

impl Router {
    /// Decides `request` as [`Router::decide`] does, and says why.
    pub fn explain<R: Request>(&self, request: &R, draw: u64) -> Explanation {
        explain(self.rules(), &self.decide(request, draw), request, draw)
    }
}

/// Says why `request` was decided so.
fn explain<R: Request>(
    rules: &RuleSet,
    decision: &Decision<'_>,
    request: &R,
    draw: u64,
) -> Explanation {
    let written = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        Some(show::whole(&out))
    };
    let mut explanation = Explanation::of_outcome(decision.outcome());
    explanation.listener = decision.listener().map(|listener| listener.name.to_string());
    explanation.allow = decision.allow(request).into_iter().map(show::text).collect();
    match decision.outcome() {
        Outcome::Forward(forwarding) => {
            explanation.target = written(&|out| decision.write_target(request, out));
            explanation.host_header =
                decision.host_header(request).map(|host| show::whole(host.as_bytes()));
            explanation.service = Some(forwarding.service.name.to_string());
            explanation.port = Some(forwarding.port);
            explanation.backend = Some(forwarding.forward.settings.name.to_string());
        }
        Outcome::Redirect(_) => {
            explanation.location = written(&|out| decision.write_location(request, out));
        }
        Outcome::Respond(_) => {}
        Outcome::NoRoute(reason) => {
            explanation.reason = Some(no_route(*reason, decision, request));
        }
    }
    if let Some(route) = decision.route() {
        explanation.route = Some(RouteSummary {
            origin: route.origin.clone(),
            path: route.path.to_string(),
            conditions: route.conditions.iter().map(show::condition).collect(),
        });
    }
    decision.with_view(request, |view| explanation.complete(rules, decision, view, draw));
    explanation
}

impl Explanation {
    fn of_outcome(outcome: &Outcome<'_>) -> Self {
        let (kind, status, reason) = match outcome {
            Outcome::Forward(_) => (OutcomeKind::Forward, None, None),
            Outcome::Redirect(redirect) => (OutcomeKind::Redirect, Some(redirect.status), None),
            Outcome::Respond(respond) => {
                let reason = respond.reason.as_deref().map(str::to_owned);
                (OutcomeKind::Respond, Some(respond.status), reason)
            }
            Outcome::NoRoute(reason) => (OutcomeKind::NoRoute, Some(reason.status()), None),
        };
        Self {
            outcome: kind,
            status,
            reason,
            allow: Vec::new(),
            listener: None,
            host: None,
            hosts: Vec::new(),
            route: None,
            match_path: None,
            forward_path: None,
            target: None,
            host_header: None,
            location: None,
            service: None,
            port: None,
            backend: None,
            splits: Vec::new(),
            passed_over: Vec::new(),
            request_headers: Vec::new(),
            response_headers: Vec::new(),
            considered: Vec::new(),
            left_out: 0,
            nearest: Vec::new(),
        }
    }

    /// Adds what is read from the request, which was not refused.
    fn complete<R: Request>(
        &mut self,
        rules: &RuleSet,
        decision: &Decision<'_>,
        view: &View<'_, R>,
        draw: u64,
    ) {
        self.host = Some(show::whole(view.host()));
        self.match_path = view.paths().map(|paths| show::whole(paths.matched));
        self.forward_path = view.paths().map(|paths| show::whole(paths.forward));
        if let Some(listener) = decision.listener() {
            routes::explain(self, listener, view);
        }
        if let Some(route) = decision.route() {
            splits::explain(self, rules, route, view, draw);
        }
        if let Outcome::Forward(forwarding) = decision.outcome() {
            self.request_headers = show::request_changes(&forwarding.forward.request_headers, view);
            self.response_headers =
                show::response_changes(&forwarding.forward.response_headers, view);
        }
    }
}

/// Why no route took the request.
fn no_route<R: Request>(reason: NoRoute, decision: &Decision<'_>, request: &R) -> String {
    let port = request.connection().listener.port;
    match reason {
        NoRoute::Invalid(reason) => reason.to_string(),
        NoRoute::NoListener => format!("there is no listener on port {port}"),
        NoRoute::NoHost => {
            let host = decision.with_view(request, |view| show::whole(view.host()));
            unknown_host(&host.unwrap_or_default(), decision.listener())
        }
        NoRoute::NoMatch => "no route holds".to_owned(),
        NoRoute::MethodNotAllowed => {
            let method = show::text(request.method());
            format!("the path is known, but cannot be taken with the method `{method}`")
        }
        NoRoute::NoBranch(_) => "all weights of the split are 0".to_owned(),
        NoRoute::NoBackend => "no backend takes part, or the Service does not exist".to_owned(),
    }
}

fn unknown_host(host: &str, listener: Option<&Listener>) -> String {
    let hosts = listener.map_or(&[][..], |listener| &listener.hosts);
    let names: Vec<String> = hosts.iter().map(|h| h.hostname.to_string()).collect();
    let meant = crate::nearest(host, names.iter().map(String::as_str));
    let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    format!("no virtual host covers `{host}`{meant}")
}

#[cfg(test)]
mod tests;
