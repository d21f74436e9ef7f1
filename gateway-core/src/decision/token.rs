//! The token that a request presents.

use super::Decision;
use crate::request::Request;
use crate::request::credentials::bearer_token;
use crate::rules::Jwt;

impl Decision<'_> {
    /// Appends the token that the request presents to `policy`, one of its
    /// [`steps`](Decision::steps); nothing where it presents none (virtualserver §16.4). It is not
    /// looked into.
    ///
    /// `request` is the one that was decided.
    pub fn write_token(&self, policy: &Jwt, request: &impl Request, out: &mut Vec<u8>) {
        match &policy.token {
            None => out.extend_from_slice(bearer_token(request).unwrap_or_default()),
            Some(field) => {
                self.with_view(request, |view| view.read(field).append_to(out));
            }
        }
    }
}
