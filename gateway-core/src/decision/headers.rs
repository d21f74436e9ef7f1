//! What rules change in the header of a request and of its answer.

use super::Decision;
use crate::request::Request;
use http::{HeaderMap, HeaderValue, StatusCode};

impl Decision<'_> {
    /// The `Host` that the backend receives; `None` where the client's goes on as it came.
    ///
    /// `request` is the one that was decided.
    pub fn host_header(&self, request: &impl Request) -> Option<HeaderValue> {
        let _ = request;
        todo!()
    }

    /// Makes the rule's changes to the header that the backend receives; `Host` is not among them
    /// ([`Decision::host_header`]). Values are read from `request`, which is the one that was
    /// decided, as the client sent it: `headers` is a copy of its header.
    pub fn edit_request(&self, request: &impl Request, headers: &mut HeaderMap) {
        let _ = (request, headers);
        todo!()
    }

    /// Makes the rule's changes to the header of the answer, which has `status`: those of a
    /// forwarding rule to what the backend sent; `Content-Type` and the lines of a canned answer;
    /// the `Location` of a redirect; `Allow` where the method is to blame.
    ///
    /// `request` is the one that was decided.
    pub fn edit_response(
        &self,
        status: StatusCode,
        request: &impl Request,
        headers: &mut HeaderMap,
    ) {
        let _ = (status, request, headers);
        todo!()
    }
}
