//! Traces over several programs (W3C Trace Context).

mod context;

pub(crate) use context::Context;
