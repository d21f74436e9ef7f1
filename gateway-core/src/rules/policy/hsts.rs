//! `Strict-Transport-Security` (RFC 6797).

use crate::origin::Origin;
use http::HeaderValue;

/// Tells clients to come by TLS only (virtualserver §16.10). A backend's own header gives way.
#[derive(Debug, Clone, PartialEq)]
pub struct Hsts {
    /// The header's value.
    pub value: HeaderValue,
    /// TLS ends at a proxy before us: the header is sent where `X-Forwarded-Proto` is exactly
    /// `https`, not only where TLS ends here.
    pub behind_proxy: bool,
    /// Where it was written.
    pub origin: Origin,
}
