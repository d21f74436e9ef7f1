//! What functions return.

/// What a function returns: `GW_OK` (0); positive: another outcome that is no fault; negative: an
/// error. Numbers are never reused, and more of them may come: treat an unknown negative one as an
/// error.
pub type gw_status = i32;

/// It is done.
pub const GW_OK: gw_status = 0;
/// There is no such thing, and that is no fault: no more mirrors, no backup, no TLS. Nothing is
/// written.
pub const GW_NONE: gw_status = 1;
/// A pointer is NULL or not aligned that must not be, a length is one that no memory has, a method
/// is no text, or an option is out of range. Nothing else has happened.
pub const GW_ERR_ARGUMENT: gw_status = -1;
/// The documents have errors: the report says which.
pub const GW_ERR_CONFIG: gw_status = -2;
/// A `struct_size` is none: smaller than itself, or not a multiple of 8. Most often it was not set.
pub const GW_ERR_ABI: gw_status = -3;
/// The rules exceed a limit (routes of a host, sizes of expressions, ...): the report says which.
pub const GW_ERR_LIMIT: gw_status = -4;
/// The call does not fit what was decided last: nothing was, or it is not sent to a backend.
pub const GW_ERR_STATE: gw_status = -5;
/// A fault of the library, which was caught at its border: `gw_set_log` tells more. The decider, if
/// the call has one, is reset; everything else goes on. Answer 500.
pub const GW_ERR_PANIC: gw_status = -99;
