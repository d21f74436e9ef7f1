//! What a route does with a request.

use super::{Cors, Forward, PathRewrite, Session, Sticky, Template};
use crate::origin::Origin;
use http::{HeaderName, StatusCode, header};
use std::sync::Arc;

/// What a route does with a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send it to a Service.
    Forward(Arc<Forward>),
    /// Answer with a `Location`.
    Redirect(Arc<Redirect>),
    /// Answer with a canned response.
    Respond(Arc<Respond>),
    /// Choose one of several actions by weight.
    Split(Arc<Split>),
    /// The path is known, but none of the conditions held: 405 with `Allow` when the method alone
    /// is to blame, else 404 (decisions §7). The conditions are those of the `alternatives` routes
    /// right before this one, which have its path.
    Unmatched {
        /// How many routes before this one are the ways in which the path can be taken.
        alternatives: u32,
    },
}

/// A weighted choice.
///
/// Half-open ranges in the order of `branches`; a branch of weight 0 is never chosen. Where all
/// weights are 0 the answer is `otherwise`. What the choice leaves of the draw goes to the next
/// choice, so that nested splits are independent.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// Chooses the branch that a client had first, whatever the weights.
    pub session: Option<Arc<Session>>,
    /// In document order. The sum of the weights fits 63 bits.
    pub branches: Vec<Branch>,
    /// What decides in place of the draw, where a request has it.
    pub sticky: Option<Arc<Sticky>>,
    /// The status where all weights are 0 (gateway-api §15.3).
    pub otherwise: StatusCode,
    /// Where it was written.
    pub origin: Origin,
}

/// One way of a [`Split`].
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// Its share, relative to the sum.
    pub weight: u64,
    /// What to do when it is chosen.
    pub action: Action,
    /// What holds for cross-origin requests where it is chosen, whatever its action, and the
    /// policies of the route say nothing of them (gateway-api §13).
    pub cors: Option<Arc<Cors>>,
    /// Where it was written.
    pub origin: Origin,
}

/// Header fields that say where a message ends and what becomes of the connection. They are no
/// business of rules: translation refuses to touch them.
pub(crate) static FRAMING: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Changes to a request's header. Names are compared without regard to case.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeaderOps {
    /// Drop every header field of the client except those set here and those that frame the
    /// message (virtualserver §5.3, `requestHeaders.pass: false`).
    pub drop_all: bool,
    /// Drop every header field of the client whose name holds anything but letters, digits and
    /// `-`: many a backend takes `X_Real_IP` for `X-Real-IP` (virtualserver §12.2).
    pub drop_unusual: bool,
    /// All lines of the name are removed.
    pub remove: Vec<HeaderName>,
    /// All lines of the name are replaced by one; an empty value removes them.
    pub set: Vec<HeaderEdit>,
    /// One more line; an empty value adds nothing.
    pub add: Vec<HeaderEdit>,
}

/// A header field and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct HeaderEdit {
    /// The name.
    pub name: HeaderName,
    /// The value.
    pub value: Template,
}

/// Changes to an answer's header.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResponseHeaderOps {
    /// Whether only answers of backends are changed (gateway-api §13), and not those that take the
    /// place of one.
    pub of_backends: bool,
    /// What is removed unasked: what a backend tells of itself or to its proxy alone
    /// (virtualserver §12.3).
    pub hidden: Arc<[HeaderName]>,
    /// All lines of the name are removed.
    pub remove: Vec<HeaderName>,
    /// All lines of the name are replaced by one; an empty value removes them.
    pub set: Vec<HeaderEdit>,
    /// One more line.
    pub add: Vec<ResponseHeaderAdd>,
}

/// A header line added to an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseHeaderAdd {
    /// Name and value. An empty value adds nothing.
    pub edit: HeaderEdit,
    /// Whether it is added whatever the status; otherwise only with 200, 201, 204, 206, 301, 302,
    /// 303, 304, 307 and 308 (virtualserver §12.3).
    pub always: bool,
}

/// Answers with a `Location`.
#[derive(Debug, Clone, PartialEq)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: StatusCode,
    /// Where to.
    pub location: Location,
    /// The largest request body, in bytes, that is thrown away; more is answered 413
    /// (virtualserver §12.5). `None` for no limit.
    pub max_body: Option<u64>,
    /// Where it was written.
    pub origin: Origin,
}

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq)]
pub enum Location {
    /// This text (virtualserver §12.4).
    Url(Template),
    /// The request's own URL with parts replaced (gateway-api §14.2).
    Parts {
        /// `http` or `https`; `None`: that of the request.
        scheme: Option<super::Protocol>,
        /// `None`: the request's host.
        host: Option<Box<str>>,
        /// `None`: by the rule of gateway-api §14.2.
        port: Option<u16>,
        /// The path.
        path: PathRewrite,
    },
}

/// Answers with a canned response. Whoever carries it out refuses TRACE and CONNECT before, which
/// get 405 (virtualserver §12.4).
#[derive(Debug, Clone, PartialEq)]
pub struct Respond {
    /// The status.
    pub status: StatusCode,
    /// The `Content-Type`, exactly as written; `None` for none.
    pub content_type: Option<Box<str>>,
    /// The body; nothing is added to it.
    pub body: Template,
    /// More header lines.
    pub headers: Vec<HeaderEdit>,
    /// Why, for logs and explanations; `None` when it is what the user asked for.
    pub reason: Option<Box<str>>,
    /// Where it was written.
    pub origin: Origin,
}

impl Action {
    /// Every way in which it may send the request to a Service, in document order.
    pub fn forwards(&self) -> impl Iterator<Item = &Forward> {
        let mut rest = vec![self];
        std::iter::from_fn(move || {
            loop {
                match rest.pop()? {
                    Self::Forward(forward) => return Some(&**forward),
                    Self::Split(split) => {
                        rest.extend(split.branches.iter().rev().map(|branch| &branch.action));
                    }
                    Self::Redirect(_) | Self::Respond(_) | Self::Unmatched { .. } => {}
                }
            }
        })
    }

    /// Edits every way in which it may send the request to a Service.
    pub(crate) fn edit_forwards(&mut self, edit: &mut impl FnMut(&mut Forward)) {
        match self {
            Self::Forward(forward) => edit(Arc::make_mut(forward)),
            Self::Split(split) => {
                let branches = Arc::make_mut(split).branches.iter_mut();
                branches.for_each(|branch| branch.action.edit_forwards(edit));
            }
            Self::Redirect(_) | Self::Respond(_) | Self::Unmatched { .. } => {}
        }
    }

    /// A 500 that says why, for what cannot be served as written: its requests never pass to a
    /// broader route.
    pub(crate) fn fault(reason: &str, origin: Origin) -> Self {
        Self::broken(StatusCode::INTERNAL_SERVER_ERROR, reason, origin)
    }

    /// The same with another status.
    pub(crate) fn broken(status: StatusCode, reason: &str, origin: Origin) -> Self {
        Self::Respond(Arc::new(Respond {
            status,
            content_type: None,
            body: Template::default(),
            headers: Vec::new(),
            reason: Some(reason.into()),
            origin,
        }))
    }
}
