//! What the handshake of a connection came to.

use rustls::{ProtocolVersion, ServerConnection};

/// A TLS connection after its handshake.
pub(crate) struct Session {
    /// The server name that the client gave, without a final dot; empty for none.
    pub(crate) server_name: Box<str>,
    version: Option<ProtocolVersion>,
}

impl Session {
    /// Of a finished handshake.
    pub(crate) fn new(connection: &ServerConnection) -> Self {
        let server_name = connection.server_name().unwrap_or_default();
        Self {
            server_name: server_name.strip_suffix('.').unwrap_or(server_name).into(),
            version: connection.protocol_version(),
        }
    }

    /// `TLSv1.3`, as NGINX calls it.
    pub(crate) fn protocol(&self) -> &'static str {
        match self.version {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "",
        }
    }
}
