//! Whether authorities vouch for a certificate, over how many others.

use super::provider;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, RevocationOptions, VerifiedPath};

/// Whether one of the `roots` vouches for a certificate over at most `depth` of those `between`.
///
/// # Errors
///
/// Why none does.
pub(super) fn verify(
    leaf: &EndEntityCert<'_>,
    between: &[CertificateDer<'_>],
    roots: &[TrustAnchor<'_>],
    depth: Option<u32>,
    usage: KeyUsage,
    revocation: Option<RevocationOptions<'_>>,
    now: UnixTime,
) -> Result<(), webpki::Error> {
    let most = depth.and_then(|depth| usize::try_from(depth).ok());
    let not_too_long = |path: &VerifiedPath<'_>| {
        let length = path.intermediate_certificates().count();
        match most.is_some_and(|most| length > most) {
            true => Err(webpki::Error::MaximumPathDepthExceeded),
            false => Ok(()),
        }
    };
    let algorithms = provider().signature_verification_algorithms.all;
    leaf.verify_for_usage(algorithms, roots, between, now, usage, revocation, Some(&not_too_long))
        .map(drop)
}
