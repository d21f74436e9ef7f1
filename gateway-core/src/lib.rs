//! Decides where an HTTP request goes.
//!
//! ```text
//!  resource ──► translate ──► rules ──► compile ──► matcher ──► decision
//!  documents    per dialect   one form   checked     read-only   what to do with
//!  as written                 for all    and lowered tables      one request
//!                               │
//!                               └──► explain   reads the same rules
//! ```
//!
//! A stage may use the stages to its left, never those to its right. Nothing here opens a socket,
//! reads a file, asks the time or rolls a die: callers pass those in.
#![forbid(unsafe_code)]

mod compile;
mod decision;
mod diagnostic;
mod explain;
mod matcher;
mod origin;
mod request;
#[cfg_attr(not(feature = "yaml"), expect(dead_code, reason = "text is what documents come from"))]
mod resource;
pub mod rules;
mod translate;

pub use compile::{CompileError, CompileErrors, Limits, Router};
pub use decision::{Decision, Forwarding, NoRoute, Outcome, SplitChoice};
pub use diagnostic::{Diagnostic, Severity, nearest};
pub use explain::{
    Candidate, Considered, ConsideredHost, Explanation, Failure, HeaderChange, HeaderOperation,
    MAX_CONSIDERED, OutcomeKind, RouteSummary, SplitSummary,
};
pub use origin::{ObjectRef, Origin, Span};
pub use request::{
    Connection, Forwarded, InvalidTarget, ListenerKey, MAX_PATH, PathPolicy, Request, RequestHead,
    Treatment,
};
pub use resource::{ReadErrors, Refused, Resources};
pub use translate::{
    Channel, Condition as StatusCondition, Endpoint, Endpoints, ListenerStatus, ObjectStatus,
    Options, ParentReference, ParentStatus, RouteKind, State, Status, Translation, translate,
};
