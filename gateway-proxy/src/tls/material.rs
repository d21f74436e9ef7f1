//! What a workload proves itself by, read from PEM: its certificate, its key, and the authorities
//! that it trusts. Errors never show what they are about where that may be a key.

use super::spiffe::{InvalidSpiffeId, SpiffeId};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use webpki::EndEntityCert;

/// Why an identity cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidIdentity {
    /// A text is broken PEM.
    Pem(Part),
    /// A text holds nothing of what belongs there.
    Missing(Part),
    /// There are several keys.
    SeveralKeys,
    /// The key asks for a passphrase.
    EncryptedKey,
    /// The key is broken, or of a kind that is not supported.
    UnusableKey,
    /// The key belongs to another certificate.
    KeyMismatch,
    /// A certificate is broken: which one of its text.
    Certificate(Part, usize),
    /// The certificate does not name one workload.
    Name(InvalidName),
}

/// One of the texts of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Certificate,
    Key,
    Authorities,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the certificate",
            Self::Key => "the key",
            Self::Authorities => "the text of the authorities",
        })
    }
}

impl fmt::Display for InvalidIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(part) => write!(f, "{part} is broken PEM"),
            Self::Missing(Part::Key) => f.write_str(
                "the key holds no private key; one begins with `-----BEGIN PRIVATE KEY-----`, \
                 `-----BEGIN EC PRIVATE KEY-----` or `-----BEGIN RSA PRIVATE KEY-----`",
            ),
            Self::Missing(part) => write!(
                f,
                "{part} holds no certificate; one begins with `-----BEGIN CERTIFICATE-----`"
            ),
            Self::SeveralKeys => f.write_str("the key holds several private keys"),
            Self::EncryptedKey => {
                f.write_str("the key is encrypted; it has to be stored without a passphrase")
            }
            Self::UnusableKey => f.write_str(
                "the key is broken or of an unsupported kind; ECDSA (P-256, P-384, P-521), \
                 Ed25519 and RSA with 2048 bits or more are supported",
            ),
            Self::KeyMismatch => f.write_str("the key does not belong to the certificate"),
            Self::Certificate(part, number) => {
                let which = match part {
                    Part::Authorities => "authority",
                    _ => "certificate",
                };
                write!(f, "{which} {number} cannot be read as X.509, version 3")
            }
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

/// The one workload that a certificate names. Whether anybody vouches for that is another question.
pub(super) fn name_of(leaf: &EndEntityCert<'_>) -> Result<SpiffeId, InvalidName> {
    let mut names = leaf.valid_uri_names();
    let name = names.next().ok_or(InvalidName::None)?;
    if let Some(second) = names.next() {
        return Err(InvalidName::Several(name.into(), second.into()));
    }
    SpiffeId::parse(name).map_err(|why| InvalidName::NotSpiffe(name.into(), why))
}

/// The certificate with those between it and an authority, its key, and the workload it names.
pub(super) fn certified_key(
    certificate: &[u8],
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<(CertifiedKey, SpiffeId), InvalidIdentity> {
    let chain = certificates(Part::Certificate, certificate)?;
    let mut name = None;
    for (i, der) in chain.iter().enumerate() {
        let read = EndEntityCert::try_from(der)
            .map_err(|_| InvalidIdentity::Certificate(Part::Certificate, i + 1))?;
        if i == 0 {
            name = Some(name_of(&read).map_err(InvalidIdentity::Name)?);
        }
    }
    let name = name.ok_or(InvalidIdentity::Missing(Part::Certificate))?;
    let key = provider
        .key_provider
        .load_private_key(private_key(key)?)
        .map_err(|_| InvalidIdentity::UnusableKey)?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(|_| InvalidIdentity::KeyMismatch)?;
    Ok((certified, name))
}

/// The authorities whose word is taken.
pub(super) fn authorities(text: &[u8]) -> Result<RootCertStore, InvalidIdentity> {
    let mut roots = RootCertStore::empty();
    for (i, der) in certificates(Part::Authorities, text)?.iter().enumerate() {
        let anchor = webpki::anchor_from_trusted_cert(der)
            .map_err(|_| InvalidIdentity::Certificate(Part::Authorities, i + 1))?;
        roots.roots.push(anchor.to_owned());
    }
    Ok(roots)
}

fn certificates(part: Part, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidIdentity> {
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(InvalidIdentity::Missing(part)),
        Ok(found) => Ok(found),
        Err(_) => Err(InvalidIdentity::Pem(part)),
    }
}

fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, InvalidIdentity> {
    let mut found = PrivateKeyDer::pem_slice_iter(text);
    let key = match found.next() {
        Some(key) => key.map_err(|_| InvalidIdentity::Pem(Part::Key))?,
        None if is_encrypted(text) => return Err(InvalidIdentity::EncryptedKey),
        None => return Err(InvalidIdentity::Missing(Part::Key)),
    };
    match found.next() {
        None => Ok(key),
        Some(_) => Err(InvalidIdentity::SeveralKeys),
    }
}

fn is_encrypted(text: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
    text.windows(BEGIN.len()).any(|window| window == BEGIN)
}
