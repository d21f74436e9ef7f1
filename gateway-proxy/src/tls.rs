//! TLS, as rustls speaks it: with clients, by certificates of documents, and between workloads,
//! which prove who they are to each other.

mod backend;
mod certificate;
mod chain;
mod clients;
mod distinguished_name;
mod material;
mod mesh;
mod section;
mod session;
mod spiffe;
mod svid;
#[cfg(test)]
mod test_authority;
mod verify;

pub(crate) use backend::{BackendSpeech, Unspeakable};
pub(crate) use certificate::OwnCertificate;
pub(crate) use clients::{ClientCheck, ClientVerdict};
pub(crate) use material::InvalidMaterial;
pub(crate) use mesh::{Identity, nobody};
pub(crate) use section::Section;
pub(crate) use session::Session;
pub(crate) use spiffe::SpiffeId;
pub(crate) use svid::InvalidIdentity;
#[cfg(test)]
pub(crate) use test_authority::{Authority, Leaf};
pub(crate) use verify::{is_refusal, peer_identity};

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use std::sync::{Arc, LazyLock};

/// TLS 1.3, and 1.2 for those who have nothing else.
const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// HTTP/1.1 and HTTP/2, as TLS names them (RFC 7301).
pub(crate) const HTTP1: &[u8] = b"http/1.1";
pub(crate) const HTTP2: &[u8] = b"h2";

/// What clients may choose from, best first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, HTTP1];

/// Who does the cryptography.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));
    Arc::clone(&PROVIDER)
}
