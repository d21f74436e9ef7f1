//! What a handshake came to, for the log.

use rustls::{ProtocolVersion, ServerConnection};

/// What a client and this proxy agreed on.
pub(crate) struct Session {
    /// The version of TLS, as NGINX calls it.
    pub(crate) version: &'static str,
    /// The host that the client named; empty where it named none.
    pub(crate) server_name: Box<str>,
}

impl Session {
    /// Of a connection whose handshake is over.
    pub(crate) fn of(connection: &ServerConnection) -> Self {
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "",
        };
        Self { version, server_name: connection.server_name().unwrap_or_default().into() }
    }
}
