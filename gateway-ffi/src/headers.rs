//! Changes to a header, as a list.

use crate::bytes::gw_str;
use gateway_core::EditHeaders;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;

/// All lines of the name are replaced by one with this value.
pub const GW_OP_SET: i32 = 1;
/// One more line, behind those of the name.
pub const GW_OP_ADD: i32 = 2;
/// All lines of the name are dropped.
pub const GW_OP_REMOVE: i32 = 3;
/// All lines are dropped but those of Host, Connection, Content-Length, Keep-Alive,
/// Proxy-Connection, TE, Trailer, Transfer-Encoding and Upgrade. Has no name.
pub const GW_OP_DROP_ALL: i32 = 4;
/// The lines are dropped whose name holds anything but letters, digits and '-'. Has no name.
pub const GW_OP_DROP_UNUSUAL: i32 = 5;

/// One change to a header. A list of them is carried out in its order. Names are compared without
/// regard to case, and written in lower case. Neither names nor values hold control characters.
/// Kinds that a newer library knows besides are none that you may overlook: answer 500.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_header_op {
    /// One of `GW_OP_...`.
    pub op: i32,
    /// Zero.
    pub reserved: u32,
    /// The name.
    pub name: gw_str,
    /// The value, for `GW_OP_SET` and `GW_OP_ADD`; not empty.
    pub value: gw_str,
}

/// Keeps changes until C has seen them. Names and what is borrowed of values are the router's that
/// decided: of decisions alone it takes changes.
#[derive(Default)]
pub(crate) struct Changes {
    shown: Vec<gw_header_op>,
    /// Values of one request, and which of `shown` has each.
    kept: Vec<(usize, HeaderValue)>,
    /// The lines of a whole header.
    header: HeaderMap,
}

// SAFETY: `shown` points to what `kept` and `header` own, which nobody changes while it is shown,
// and to the router that decided, which any thread may read.
unsafe impl Send for Changes {}

impl Changes {
    pub(crate) fn clear(&mut self) {
        self.shown.clear();
        self.kept.clear();
    }

    /// The list as C sees it, until something is changed again or the decision is given up.
    pub(crate) fn show(&mut self) -> (*const gw_header_op, usize) {
        for (at, value) in &self.kept {
            self.shown[*at].value = gw_str::of(value.as_bytes());
        }
        (self.shown.as_ptr(), self.shown.len())
    }

    /// A whole header as C sees it, until something is changed.
    pub(crate) fn show_whole(&mut self, header: HeaderMap) -> (*const gw_header_op, usize) {
        self.clear();
        self.header = header;
        self.shown.extend(self.header.iter().map(|(name, value)| gw_header_op {
            value: gw_str::of(value.as_bytes()),
            ..op(GW_OP_ADD, of_name(name))
        }));
        (self.shown.as_ptr(), self.shown.len())
    }

    fn push(&mut self, kind: i32, name: &HeaderName, value: Cow<'_, HeaderValue>) {
        let mut shown = op(kind, of_name(name));
        match value {
            Cow::Borrowed(value) => shown.value = gw_str::of(value.as_bytes()),
            Cow::Owned(value) => self.kept.push((self.shown.len(), value)),
        }
        self.shown.push(shown);
    }
}

fn op(op: i32, name: gw_str) -> gw_header_op {
    gw_header_op { op, reserved: 0, name, value: gw_str::ABSENT }
}

fn of_name(name: &HeaderName) -> gw_str {
    gw_str::of(name.as_str().as_bytes())
}

impl<'r> EditHeaders<'r> for Changes {
    fn drop_all(&mut self) {
        self.shown.push(op(GW_OP_DROP_ALL, gw_str::ABSENT));
    }

    fn drop_unusual(&mut self) {
        self.shown.push(op(GW_OP_DROP_UNUSUAL, gw_str::ABSENT));
    }

    fn remove(&mut self, name: &'r HeaderName) {
        self.shown.push(op(GW_OP_REMOVE, of_name(name)));
    }

    fn set(&mut self, name: &'r HeaderName, value: Cow<'r, HeaderValue>) {
        self.push(GW_OP_SET, name, value);
    }

    fn append(&mut self, name: &'r HeaderName, value: Cow<'r, HeaderValue>) {
        self.push(GW_OP_ADD, name, value);
    }
}
