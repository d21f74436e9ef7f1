//! HTTP/1 on a socket of either side: heads are read and written here, bodies are taken out of what
//! comes and brought into the form in which they go out (RFC 9112).
//!
//! ```text
//!  socket ──► incoming (scan, head) ──► frames of a body
//!  socket ◄── outgoing (head) ◄── frames of a body
//! ```

#[cfg(test)]
mod answers;
mod batch;
mod head;
mod incoming;
mod outgoing;
#[cfg(test)]
mod reference;
mod scan;
mod socket;
mod tunnel;
#[cfg(test)]
pub(crate) mod wire;

pub(crate) use batch::{Batch, Flush};
pub(crate) use head::{
    Start, has, has_no_body, is_bare, is_chunked, is_chunks, is_of_connection, items, lists,
    persists, request, response, tells_end, write_fields, write_framing, write_request,
    write_status,
};
pub(crate) use incoming::{Ends, NoHead};
pub(crate) use outgoing::{Framing, Outgoing, is_no_trailer};
pub(crate) use socket::{Body, Sent, Shared, Socket, Unsent, When};
pub(crate) use tunnel::Tunnel;
