//! What one side of a connection proves itself by, and whom it trusts, read from PEM: a certificate,
//! its key, and authorities. Errors never show what they are about where that may be a key.

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use std::fmt;
use webpki::{CertRevocationList, EndEntityCert, OwnedCertRevocationList};

/// Why a text cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidMaterial {
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
    /// A certificate, or a list of revoked ones, is broken: which one of its text.
    Certificate(Part, usize),
}

/// One of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Certificate,
    Key,
    Authorities,
    Revoked,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the certificate",
            Self::Key => "the key",
            Self::Authorities => "the text of the authorities",
            Self::Revoked => "the list of revoked certificates",
        })
    }
}

impl fmt::Display for InvalidMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(part) => write!(f, "{part} is broken PEM"),
            Self::Missing(Part::Key) => f.write_str(
                "the key holds no private key; one begins with `-----BEGIN PRIVATE KEY-----`, \
                 `-----BEGIN EC PRIVATE KEY-----` or `-----BEGIN RSA PRIVATE KEY-----`",
            ),
            Self::Missing(Part::Revoked) => f.write_str(
                "the list of revoked certificates holds none; one begins with \
                 `-----BEGIN X509 CRL-----`",
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
            Self::Certificate(Part::Revoked, number) => {
                write!(f, "list {number} of revoked certificates cannot be read as an X.509 CRL")
            }
            Self::Certificate(part, number) => {
                let which = match part {
                    Part::Authorities => "authority",
                    _ => "certificate",
                };
                write!(f, "{which} {number} cannot be read as X.509, version 3")
            }
        }
    }
}

impl std::error::Error for InvalidMaterial {}

/// The certificate with those between it and an authority, and its key (PKCS#8, SEC1 or PKCS#1).
///
/// # Errors
///
/// When one of them cannot be used, or the key belongs to another certificate.
pub(super) fn certified_key(
    certificate: &[u8],
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, InvalidMaterial> {
    let chain = certificates(Part::Certificate, certificate)?;
    for (i, der) in chain.iter().enumerate() {
        EndEntityCert::try_from(der)
            .map_err(|_| InvalidMaterial::Certificate(Part::Certificate, i + 1))?;
    }
    let key = provider
        .key_provider
        .load_private_key(private_key(key)?)
        .map_err(|_| InvalidMaterial::UnusableKey)?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(|_| InvalidMaterial::KeyMismatch)?;
    Ok(certified)
}

/// The authorities whose word is taken.
///
/// # Errors
///
/// When there is none, or one cannot be read.
pub(super) fn authorities(text: &[u8]) -> Result<RootCertStore, InvalidMaterial> {
    let mut roots = RootCertStore::empty();
    for (i, der) in certificates(Part::Authorities, text)?.iter().enumerate() {
        let anchor = webpki::anchor_from_trusted_cert(der)
            .map_err(|_| InvalidMaterial::Certificate(Part::Authorities, i + 1))?;
        roots.roots.push(anchor.to_owned());
    }
    Ok(roots)
}

/// Lists of certificates that their authorities have withdrawn.
///
/// # Errors
///
/// When there is none, or one cannot be read.
pub(super) fn revocation_lists(
    text: &[u8],
) -> Result<Vec<CertRevocationList<'static>>, InvalidMaterial> {
    let part = Part::Revoked;
    let found: Result<Vec<_>, pem::Error> =
        CertificateRevocationListDer::pem_slice_iter(text).collect();
    let found = found.map_err(|_| InvalidMaterial::Pem(part))?;
    if found.is_empty() {
        return Err(InvalidMaterial::Missing(part));
    }
    let lists = found.iter().enumerate().map(|(i, der)| {
        let list = OwnedCertRevocationList::from_der(der);
        list.map(Into::into).map_err(|_| InvalidMaterial::Certificate(part, i + 1))
    });
    lists.collect()
}

fn certificates(part: Part, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidMaterial> {
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(InvalidMaterial::Missing(part)),
        Ok(found) => Ok(found),
        Err(_) => Err(InvalidMaterial::Pem(part)),
    }
}

fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, InvalidMaterial> {
    let mut found = PrivateKeyDer::pem_slice_iter(text);
    let key = match found.next() {
        Some(key) => key.map_err(|_| InvalidMaterial::Pem(Part::Key))?,
        None if is_encrypted(text) => return Err(InvalidMaterial::EncryptedKey),
        None => return Err(InvalidMaterial::Missing(Part::Key)),
    };
    match found.next() {
        None => Ok(key),
        Some(_) => Err(InvalidMaterial::SeveralKeys),
    }
}

fn is_encrypted(text: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
    text.windows(BEGIN.len()).any(|window| window == BEGIN)
}
