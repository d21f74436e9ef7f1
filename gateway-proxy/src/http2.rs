//! HTTP/2 with either side. Frames, windows and header compression are the `h2` crate's; here is what
//! it has to be given and what becomes of what it gives: messages in a form that may be sent, bodies,
//! and the socket below.
//!
//! ```text
//!  socket ──► wire ──► h2 ──► frames of a body, or octets of a tunnel
//!  socket ◄── wire ◄── h2 ◄── frames of a body, or octets of a tunnel
//! ```

mod body;
mod fields;
mod head;
mod outgoing;
mod tunnel;
mod wire;

pub(crate) use body::Body;
pub(crate) use fields::strip;
pub(crate) use head::as_http1;
pub(crate) use outgoing::{Outgoing, Unsent};
pub(crate) use tunnel::{Switched, Tunnel};
pub(crate) use wire::Wire;
