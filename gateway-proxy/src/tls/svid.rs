//! The certificates of workloads (X509-SVID): which workload one names.

use super::material::{InvalidMaterial, Part};
use super::spiffe::{InvalidSpiffeId, SpiffeId};
use rustls_pki_types::CertificateDer;
use std::fmt;
use webpki::EndEntityCert;

/// Why an identity cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidIdentity {
    /// One of its texts cannot be.
    Material(InvalidMaterial),
    /// The certificate does not name one workload.
    Name(InvalidName),
}

impl From<InvalidMaterial> for InvalidIdentity {
    fn from(why: InvalidMaterial) -> Self {
        Self::Material(why)
    }
}

impl From<InvalidName> for InvalidIdentity {
    fn from(why: InvalidName) -> Self {
        Self::Name(why)
    }
}

impl fmt::Display for InvalidIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Material(why) => why.fmt(f),
            Self::Name(name) => write!(f, "the certificate {name}"),
        }
    }
}

impl std::error::Error for InvalidIdentity {}

/// Why a certificate names no workload (X509-SVID, section 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidName {
    /// It has no URI name.
    None,
    /// It has several URI names.
    Several(String, String),
    /// Its URI name is no SPIFFE id.
    NotSpiffe(String, InvalidSpiffeId),
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str(
                "has no URI name; that of a workload is like \
                 `spiffe://cluster.local/ns/shop/sa/cart`",
            ),
            Self::Several(one, two) => {
                write!(f, "has several URI names, `{one}` and `{two}` among them; it needs one")
            }
            Self::NotSpiffe(name, why) => {
                write!(f, "has the URI name `{name}`, which is no SPIFFE id: {why}")
            }
        }
    }
}

/// The one workload that the first certificate of a chain names.
pub(super) fn workload_of(chain: &[CertificateDer<'_>]) -> Result<SpiffeId, InvalidIdentity> {
    let leaf = chain.first().ok_or(InvalidMaterial::Missing(Part::Certificate))?;
    let leaf = EndEntityCert::try_from(leaf)
        .map_err(|_| InvalidMaterial::Certificate(Part::Certificate, 1))?;
    Ok(name_of(&leaf)?)
}

/// The one workload that a certificate names. Whether anybody vouches for that is another question.
pub(super) fn name_of(leaf: &EndEntityCert<'_>) -> Result<SpiffeId, InvalidName> {
    let mut names = leaf.valid_uri_names();
    let name = names.next().ok_or(InvalidName::None)?;
    if let Some(second) = names.next() {
        return Err(InvalidName::Several(name.into(), second.into()));
    }
    SpiffeId::parse(name).map_err(|why| InvalidName::NotSpiffe(name.into(), why))
}
