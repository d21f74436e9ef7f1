//! Changes to a header, as a list.

use crate::bytes::gw_str;
use gateway_core::EditHeaders;
use http::{HeaderName, HeaderValue};

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

/// Keeps changes until C has seen them.
#[derive(Default)]
pub(crate) struct Changes {
    kept: Vec<Change>,
    shown: Vec<gw_header_op>,
}

enum Change {
    Set(HeaderName, HeaderValue),
    Add(HeaderName, HeaderValue),
    Remove(HeaderName),
    DropAll,
    DropUnusual,
}

// SAFETY: `shown` points to what `kept` owns, which nobody changes while it is shown.
unsafe impl Send for Changes {}

impl Changes {
    pub(crate) fn clear(&mut self) {
        self.shown.clear();
        self.kept.clear();
    }

    /// The list as C sees it, until something is changed again.
    pub(crate) fn show(&mut self) -> (*const gw_header_op, usize) {
        self.shown.clear();
        self.shown.extend(self.kept.iter().map(|change| {
            let (op, name, value) = match change {
                Change::Set(name, value) => (GW_OP_SET, Some(name), Some(value)),
                Change::Add(name, value) => (GW_OP_ADD, Some(name), Some(value)),
                Change::Remove(name) => (GW_OP_REMOVE, Some(name), None),
                Change::DropAll => (GW_OP_DROP_ALL, None, None),
                Change::DropUnusual => (GW_OP_DROP_UNUSUAL, None, None),
            };
            gw_header_op {
                op,
                reserved: 0,
                name: gw_str::of_option(name.map(|name| name.as_str().as_bytes())),
                value: gw_str::of_option(value.map(HeaderValue::as_bytes)),
            }
        }));
        (self.shown.as_ptr(), self.shown.len())
    }
}

impl EditHeaders for Changes {
    fn drop_all(&mut self) {
        self.kept.push(Change::DropAll);
    }

    fn drop_unusual(&mut self) {
        self.kept.push(Change::DropUnusual);
    }

    fn remove(&mut self, name: &HeaderName) {
        self.kept.push(Change::Remove(name.clone()));
    }

    fn set(&mut self, name: &HeaderName, value: HeaderValue) {
        self.kept.push(Change::Set(name.clone(), value));
    }

    fn append(&mut self, name: &HeaderName, value: HeaderValue) {
        self.kept.push(Change::Add(name.clone(), value));
    }
}
