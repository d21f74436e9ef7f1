//! Certificates and keys that Secrets hold. Whether they are sound is for whoever uses them to say:
//! here they only have to be PEM with the right labels.

use crate::resource::Resource;
use crate::resource::secret::Secret;
use crate::rules::Certificate;

/// The certificate and the key of a Secret, if it has both.
pub(crate) fn certificate(secret: &Resource<Secret>) -> Option<Certificate> {
    let part = |key: &str, label: &str| {
        let text = secret.spec.data.get(key)?;
        holds_pem(text.octets(), label).then(|| text.clone())
    };
    Some(Certificate {
        chain: part("tls.crt", "CERTIFICATE")?,
        key: part("tls.key", "PRIVATE KEY")?,
        origin: secret.document.object_origin(),
    })
}

/// Whether there is a line `-----BEGIN LABEL-----`; labels may say more before the word that
/// counts (`RSA PRIVATE KEY`).
pub(crate) fn holds_pem(octets: &[u8], label: &str) -> bool {
    octets.split(|b| *b == b'\n').any(|line| {
        let line = line.trim_ascii();
        let inner = line.strip_prefix(b"-----BEGIN ").and_then(|l| l.strip_suffix(b"-----"));
        inner.is_some_and(|inner| inner.ends_with(label.as_bytes()))
    })
}
