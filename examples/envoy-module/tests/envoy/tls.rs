//! Clients that come by TLS.
