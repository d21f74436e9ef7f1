//! Text with fields of the request in it.

use super::Decision;
use crate::request::Request;

impl Decision<'_> {
    /// Appends the body of a canned answer; nothing for other outcomes.
    ///
    /// `request` is the one that was decided.
    pub fn write_body(&self, request: &impl Request, out: &mut Vec<u8>) {
        let _ = (request, out);
        todo!()
    }
}
