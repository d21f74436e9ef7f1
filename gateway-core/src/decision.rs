//! What to do with one request, and why.

pub(crate) mod access;
mod backend;
mod cached;
mod captures;
pub(crate) mod cors;
mod error_page;
mod grpc;
pub(crate) mod headers;
mod keeps;
pub(crate) mod limits;
mod question;
pub(crate) mod redirect;
pub(crate) mod rewrite;
pub(crate) mod split;
pub(crate) mod steps;
pub(crate) mod template;
mod token;

pub use backend::TlsToBackend;
pub use cached::CacheUse;
pub use captures::Captures;
pub use error_page::PageAnswer;
pub use headers::EditHeaders;
pub use keeps::Keeps;
pub use limits::Counted;
pub use steps::{Refusal, Step};

use crate::request::field::{Value, View};
use crate::request::{InvalidTarget, PathPolicy, Request};
use crate::rules::{
    Action, Branch, Field, Forward, GroupMatch, Listener, Policies, Redirect, Respond, Route,
    Service, ServiceId, ServiceSplit, SplitBackend, Test, VirtualHost,
};
use http::StatusCode;

/// What to do with one request, and the route that said so. Borrowed from the router; making one
/// allocates nothing.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'r> {
    pub(crate) listener: Option<&'r Listener>,
    pub(crate) host: Option<&'r VirtualHost>,
    pub(crate) route: Option<&'r Route>,
    pub(crate) branch: Option<&'r Branch>,
    /// What is done with a request that policies admit.
    pub(crate) outcome: Outcome<'r>,
    /// Whether target and host of the request are in normal form as they were sent.
    pub(crate) is_plain: bool,
    /// Whether its target is, whatever its host.
    pub(crate) target_is_normal: bool,
    /// The Service that the route names, whatever became of the request there.
    pub(crate) addressed: Option<&'r Service>,
    /// Whether policies or limits ask something of the request.
    pub(crate) guarded: bool,
    /// Whether it takes the place of another one, whose steps the request has passed.
    pub(crate) fell_back: bool,
}

/// What to do with a request.
///
/// Exhaustive on purpose: whoever carries decisions out has to deal with every outcome.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'r> {
    /// Send it to a Service.
    Forward(Forwarding<'r>),
    /// Answer 403: no endpoint of the Service admits the caller (smi T-16). Where the Service has no
    /// ready endpoint at all, the answer is [`Forward::unavailable`], as it is for everybody (smi
    /// T-17).
    Deny(Forwarding<'r>),
    /// Answer with a `Location`.
    Redirect(&'r Redirect),
    /// Answer with a canned response.
    Respond(&'r Respond),
    /// No route took it; the reason says how far it came.
    NoRoute(NoRoute),
}

/// Whether a request can be treated at once.
#[derive(Debug, Clone, Copy)]
pub enum Verdict<'r> {
    /// It can.
    Open(Outcome<'r>),
    /// Policies, or limits of a Service, ask something of it first: [`Decision::steps`]. A request
    /// that passes them all is treated as [`Decision::admitted`] says.
    Guarded,
}

/// Where a request is sent.
#[derive(Debug, Clone, Copy)]
pub struct Forwarding<'r> {
    /// What the rule says: rewrites, header operations, timeouts, retries.
    pub forward: &'r Forward,
    /// The Service that was chosen in the end.
    pub service: &'r Service,
    /// Its index in the rules.
    pub id: ServiceId,
    /// Its port: the one that was addressed (smi S-2).
    pub port: u16,
    /// The TrafficSplit that sent the request there, if one applied.
    pub split: Option<SplitChoice<'r>>,
}

impl Forwarding<'_> {
    /// Whether some endpoints of the Service may refuse the request: then each is asked about by
    /// [`Decision::admits`].
    pub fn is_checked(&self) -> bool {
        self.service.access.is_some()
    }
}

/// A TrafficSplit that applied.
#[derive(Debug, Clone, Copy)]
pub struct SplitChoice<'r> {
    /// The addressed Service, which is the root of the split.
    pub root: &'r Service,
    /// The split.
    pub split: &'r ServiceSplit,
    /// The match that held; `None` if the split applies to every request.
    pub matched: Option<&'r GroupMatch>,
    /// The backend that was drawn.
    pub backend: &'r SplitBackend,
}

/// Why no route took a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoute {
    /// The target or the host is refused before any rule is looked at.
    Invalid(InvalidTarget),
    /// There is no listener on that port.
    NoListener,
    /// No virtual host of the listener covers the host.
    NoHost,
    /// The TLS connection was opened for a name that another part of the listener answers to: the
    /// client should ask again on one of its own (gateway-api §7.3).
    Misdirected,
    /// No route of the host holds.
    NoMatch,
    /// The path is known and the method alone is to blame ([`Decision::allow`]).
    MethodNotAllowed,
    /// All weights of the route's own split are 0, which is answered with this status.
    NoBranch(StatusCode),
    /// The Service is to be spoken to over TLS, and nothing says how its certificate could be
    /// trusted (gateway-api §20.3).
    NoTrust,
    /// A TrafficSplit applied, but none of its backends takes part (smi S-14), or the root Service
    /// does not exist (smi S-15).
    NoBackend,
}

impl NoRoute {
    /// `invalid`, `no-listener`, `no-host`, `misdirected`, `no-match`, `method-not-allowed`,
    /// `no-branch`, `no-trust` or `no-backend`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::NoListener => "no-listener",
            Self::NoHost => "no-host",
            Self::Misdirected => "misdirected",
            Self::NoMatch => "no-match",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::NoBranch(_) => "no-branch",
            Self::NoTrust => "no-trust",
            Self::NoBackend => "no-backend",
        }
    }

    /// The status to answer with.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Invalid(reason) => reason.status(),
            Self::NoListener | Self::NoHost | Self::NoMatch => StatusCode::NOT_FOUND,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoBranch(status) => status,
            Self::NoTrust | Self::NoBackend => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl<'r> Decision<'r> {
    /// A decision that no route has made.
    pub(crate) fn none(listener: Option<&'r Listener>, reason: NoRoute) -> Self {
        let outcome = Outcome::NoRoute(reason);
        Self {
            listener,
            host: None,
            route: None,
            branch: None,
            outcome,
            is_plain: false,
            target_is_normal: false,
            addressed: None,
            guarded: false,
            fell_back: false,
        }
    }

    /// What to do, or that policies come first.
    pub fn verdict(&self) -> Verdict<'r> {
        if self.guarded { Verdict::Guarded } else { Verdict::Open(self.outcome) }
    }

    /// What to do once all [`Decision::steps`], if there are any, let the request pass.
    pub fn admitted(&self) -> Outcome<'r> {
        self.outcome
    }

    /// The policies of the route that decided.
    pub fn policies(&self) -> Option<&'r Policies> {
        self.route.and_then(|route| route.policies.as_deref())
    }

    /// The route that decided; `None` when none did.
    pub fn route(&self) -> Option<&'r Route> {
        self.route
    }

    /// The virtual host that owns the request's host.
    pub fn host(&self) -> Option<&'r VirtualHost> {
        self.host
    }

    /// The listener that took the request.
    pub fn listener(&self) -> Option<&'r Listener> {
        self.listener
    }

    /// The branch of the route's own split that was drawn (the innermost one, if they nest).
    pub fn branch(&self) -> Option<&'r Branch> {
        self.branch
    }

    /// The Service that the request is sent to at once. `None` where policies come first, so that
    /// nobody passes because they were overlooked: see [`Decision::verdict`].
    pub fn service(&self) -> Option<&'r Service> {
        match self.verdict() {
            Verdict::Open(Outcome::Forward(forwarding)) => Some(forwarding.service),
            _ => None,
        }
    }

    /// Whether the Service of the outcome is to be spoken to in mutual TLS
    /// ([`Listener::calls_in_mutual_tls`]).
    pub fn mutual_tls(&self) -> bool {
        match self.outcome {
            Outcome::Forward(to) | Outcome::Deny(to) => self.listener.is_some_and(|listener| {
                let addressed = to.forward.target.service;
                listener.calls_in_mutual_tls(addressed, to.id, to.service)
            }),
            Outcome::Redirect(_) | Outcome::Respond(_) | Outcome::NoRoute(_) => false,
        }
    }

    /// The methods with which the path can be taken, for `Allow`: sorted, each once. Empty unless
    /// the outcome is [`NoRoute::MethodNotAllowed`].
    ///
    /// `request` is the one that was decided.
    pub fn allow(&self, request: &impl Request) -> Vec<&'r str> {
        let Outcome::NoRoute(NoRoute::MethodNotAllowed) = self.outcome else { return Vec::new() };
        let ways = self.alternatives();
        let of_all = |view: &View<'_, _>| ways.iter().flat_map(|w| methods_of(w, view)).collect();
        let mut methods: Vec<&str> = self.with_view(request, of_all).unwrap_or_default();
        methods.sort_unstable();
        methods.dedup();
        methods
    }

    /// The routes right before the one that decided that are the ways in which its path can be
    /// taken, where it is the one for requests that took none of them ([`Action::Unmatched`]).
    fn alternatives(&self) -> &'r [Route] {
        let (Some(host), Some(route)) = (self.host, self.route) else { return &[] };
        let Action::Unmatched { alternatives } = route.action else { return &[] };
        let at = host.routes.iter().position(|r| std::ptr::eq(r, route)).unwrap_or_default();
        &host.routes[at.saturating_sub(alternatives as usize)..at]
    }

    /// Hands the view of the decided request to `then`; `None` if the request is refused.
    pub(crate) fn with_view<R: Request, T>(
        &self,
        request: &R,
        then: impl FnOnce(&View<'_, R>) -> T,
    ) -> Option<T> {
        View::again(request, self.is_plain, &self.path_policy(), |view| view.ok().map(then))
    }

    fn path_policy(&self) -> PathPolicy {
        self.listener.map_or_else(PathPolicy::default, |listener| listener.paths)
    }
}

/// Methods that every service may know; those that rules name come besides.
const COMMON_METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// The methods with which `way` would hold, all else being as it is: of the common ones and of
/// those that it names. None where its conditions on the method contradict each other.
pub(crate) fn methods_of<'r, R: Request>(
    way: &'r Route,
    view: &View<'_, R>,
) -> impl Iterator<Item = &'r str> {
    let on_method = way.conditions.iter().filter(|c| c.field == Field::Method);
    let mut others = way.conditions.iter().filter(|c| c.field != Field::Method);
    let others_hold = others.all(|condition| view.holds(condition));
    let named = on_method.clone().filter_map(|condition| match &condition.test {
        Test::Equals { value, .. } => Some(&**value),
        Test::Empty | Test::Matches { .. } => None,
    });
    let uncommon = |name: &&str| !COMMON_METHODS.iter().any(|m| m.eq_ignore_ascii_case(name));
    let known = COMMON_METHODS.into_iter().chain(named.filter(uncommon));
    known.filter(move |method| {
        let value = Value::Slice(method.as_bytes());
        others_hold && on_method.clone().all(|condition| view.holds_for(condition, &value))
    })
}

#[cfg(test)]
mod tests;
