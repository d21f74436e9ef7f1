//! Decides where an HTTP request goes.
//!
//! ```text
//!  resource ──► translate ──► rules ──► compile ──► matcher ──► decision
//!  documents    per dialect   one form   checked     read-only   what to do with
//!  as written                 for all    and lowered tables      one request
//!                               │
//!                               └──► explain, lint   read the same rules
//! ```
//!
//! Nothing after `rules` knows which dialect a rule came from, except by its [`Origin`]; which
//! module may use which is written down in `tests/layers.rs`. Nothing here opens a socket, reads
//! a file, asks the time or rolls a die: callers pass those in. What they remember between requests
//! is in [`state`]: values that a function takes and returns.
//!
#![cfg_attr(feature = "yaml", doc = "```")]
#![cfg_attr(not(feature = "yaml"), doc = "```ignore")]
//! use gateway_core::{Options, Outcome, RequestHead, Resources, Router, Verdict, translate};
//!
//! let resources = Resources::from_yaml("
//! apiVersion: k8s.nginx.org/v1
//! kind: VirtualServer
//! metadata: {name: cafe}
//! spec:
//!   host: cafe.example.com
//!   upstreams: [{name: tea, service: tea-svc, port: 80}]
//!   routes:
//!   - path: /tea
//!     action: {pass: tea}
//! ")?;
//! let translation = translate(&resources, &Options::default());
//! assert!(translation.diagnostics.is_empty());
//! let router = Router::compile(&translation.rules)?;
//!
//! let decision = router.decide(&RequestHead::get("cafe.example.com", "/tea/green"), 0);
//! match decision.verdict() {
//!     Verdict::Open(Outcome::Forward(to)) => assert_eq!(&*to.service.name.name, "tea-svc"),
//!     Verdict::Open(other) => unreachable!("{other:?}"),
//!     // Policies come first: `decision.steps(&request)`, then `decision.admitted()`.
//!     Verdict::Guarded => unreachable!("no policy stands on the route"),
//! }
//! let decision = router.decide(&RequestHead::get("cafe.example.com", "/cake"), 0);
//! assert!(decision.route().is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod base64;
mod compile;
mod decision;
mod diagnostic;
mod explain;
mod hash;
mod limits;
mod lint;
mod matcher;
mod origin;
mod request;
#[cfg_attr(not(feature = "yaml"), expect(dead_code, reason = "text is what documents come from"))]
mod resource;
pub mod rules;
mod sort;
pub mod state;
mod translate;

pub use compile::{CompileError, CompileErrors};
pub use decision::{
    CacheUse, Captures, Counted, Decision, EditHeaders, Forwarding, Keeps, NoRoute, Outcome,
    PageAnswer, Refusal, SplitChoice, Step, TlsToBackend, Verdict,
};
pub use diagnostic::{Diagnostic, Severity};
pub use explain::{
    AccessSummary, BreakerSummary, Candidate, ClientsSummary, Considered, ConsideredHost,
    Explanation, Failure, HandshakeSummary, HeaderChange, HeaderOperation, MAX_CONSIDERED,
    MirrorSummary, OutcomeKind, PageSummary, PolicySummary, RouteSummary, SplitSummary, TlsSummary,
};
pub use limits::Limits;
pub use lint::lint;
pub use matcher::Router;
pub use origin::{ObjectRef, Origin, Span};
pub use request::attributes;
pub use request::{
    Connection, Credentials, Forwarded, InvalidTarget, ListenerKey, MAX_PATH, PathPolicy, Request,
    RequestHead, ServerName, Treatment,
};
pub use resource::{ReadErrors, Refused, Resources};
pub use translate::{
    AccessMode, AncestorStatus, Behind, Channel, Endpoint, Endpoints, FEATURES, GatewayAddress,
    Inbound, Infrastructure, ListenerStatus, ObjectStatus, Options, ParentReference, ParentStatus,
    Pod, Pods, RouteKind, State, Status, StatusCondition, Translation, translate,
};

/// The example of the README is compiled and run.
#[cfg(all(doctest, feature = "yaml"))]
#[doc = include_str!("../../README.md")]
struct Readme;
