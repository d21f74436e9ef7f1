//! The request target that a backend receives.

use super::Decision;
use crate::request::Request;

impl Decision<'_> {
    /// Appends the match path: what path patterns are compared with (decisions §2). Nothing for a
    /// request without a path (`OPTIONS *`, CONNECT).
    pub fn write_match_path(&self, request: &impl Request, out: &mut Vec<u8>) {
        let _ = (request, out);
        todo!()
    }

    /// Appends the request target that the backend receives: the forward path or its rewrite, and
    /// the query as it came. A target without a path (`*`, CONNECT) is passed on as it is.
    ///
    /// `request` is the one that was decided.
    pub fn write_target(&self, request: &impl Request, out: &mut Vec<u8>) {
        let _ = (request, out);
        todo!()
    }
}
