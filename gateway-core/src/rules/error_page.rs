//! What takes the place of answers with certain statuses.

use super::{HeaderEdit, Template};
use crate::origin::Origin;
use http::StatusCode;

/// What takes the place of an answer with one of these statuses (virtualserver §13). A page's own
/// status is not looked up again. Where gRPC is spoken, statuses that [`grpc_status`] knows are
/// told as it says instead.
///
/// [`grpc_status`]: super::grpc_status
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorPage {
    /// 300 to 599.
    pub statuses: Vec<StatusCode>,
    /// The page.
    pub page: Page,
    /// Where it was written.
    pub origin: Origin,
}

/// The page itself. `upstream_status` is among the attributes that it may print: the status of the
/// last backend that was asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Page {
    /// A `Location`.
    Redirect {
        /// 301, 302, 307 or 308.
        status: StatusCode,
        /// Where to.
        url: Template,
    },
    /// A canned answer.
    Respond {
        /// `None`: that of the answer whose place it takes.
        status: Option<StatusCode>,
        /// The `Content-Type`, exactly as written.
        content_type: Box<str>,
        /// The body.
        body: Template,
        /// More header lines. An empty value adds nothing.
        headers: Vec<HeaderEdit>,
    },
}
