//! Where a redirect leads.

use super::Decision;
use crate::request::Request;

impl Decision<'_> {
    /// Appends the value of `Location`; nothing where the outcome is no redirect.
    ///
    /// `request` is the one that was decided.
    pub fn write_location(&self, request: &impl Request, out: &mut Vec<u8>) {
        let _ = (request, out);
        todo!()
    }
}
