//! Who this proxy is among others.

use super::SecretText;
use crate::origin::Origin;

/// The certificate that a proxy shows in mutual TLS, to clients and to backends alike.
#[derive(Debug, Clone, PartialEq)]
pub struct MeshIdentity {
    /// The chain, in PEM. Its first certificate names the proxy by a SPIFFE id.
    pub certificate: SecretText,
    /// Its key, in PEM.
    pub key: SecretText,
    /// Who signs the certificates of the mesh, in PEM.
    pub authorities: SecretText,
    /// Where it was written.
    pub origin: Origin,
}
