//! The Secrets that VirtualServers and Policies name (virtualserver §1).
//!
//! Messages name Secrets and their keys, never what they hold.

use super::report::Fault;
use crate::diagnostic::did_you_mean;
use crate::resource::Resources;
use crate::resource::secret::Secret;
use crate::translate::pem::holds_pem;
use std::collections::BTreeMap;

/// What a Secret must be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretKind {
    /// A certificate and its key.
    Tls,
    /// Certificates of authorities.
    Authorities,
    /// A JSON Web Key Set.
    KeySet,
    /// Users and the hashes of their passwords.
    Passwords,
    /// Clients and their keys.
    ApiKeys,
}

impl SecretKind {
    /// `type` of such a Secret.
    fn name(self) -> &'static str {
        match self {
            Self::Tls => "kubernetes.io/tls",
            Self::Authorities => "nginx.org/ca",
            Self::KeySet => "nginx.org/jwk",
            Self::Passwords => "nginx.org/htpasswd",
            Self::ApiKeys => "nginx.org/apikey",
        }
    }

    /// What must be in it.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Tls => &["tls.crt", "tls.key"],
            Self::Authorities => &["ca.crt"],
            Self::KeySet => &["jwk"],
            Self::Passwords => &["htpasswd"],
            Self::ApiKeys => &[],
        }
    }

    /// What is in it in PEM, if at all, and with which label.
    fn pem(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Tls => &[("tls.crt", "CERTIFICATE"), ("tls.key", "PRIVATE KEY")],
            // A list that cannot be read would withdraw nothing.
            Self::Authorities => &[("ca.crt", "CERTIFICATE"), ("ca.crl", "X509 CRL")],
            Self::KeySet | Self::Passwords | Self::ApiKeys => &[],
        }
    }
}

/// The Secret `namespace/name`, if it is of this kind and holds what it must.
pub(super) fn find<'c>(
    resources: &'c Resources,
    namespace: &str,
    name: &str,
    kind: SecretKind,
) -> Result<&'c Secret, Fault> {
    let Some(found) = resources.secret(namespace, name) else {
        let fault = Fault::new("not-found", format!("there is no Secret `{namespace}/{name}`"));
        let neighbours = resources.secrets().filter(|s| *s.meta.namespace == *namespace);
        let help = did_you_mean(name, neighbours.map(|s| &*s.meta.name));
        return Err(Fault { help, ..fault });
    };
    let secret = &found.spec;
    if *secret.kind != *kind.name() {
        let (written, wanted) = (&secret.kind, kind.name());
        let message =
            format!("Secret `{namespace}/{name}` has type `{written}`, but `{wanted}` is needed");
        return Err(Fault::invalid(message));
    }
    if let Some(key) = kind.keys().iter().find(|key| !secret.data.contains_key(**key)) {
        let message = format!("Secret `{namespace}/{name}` has no `{key}`");
        return Err(Fault::new("missing-field", message));
    }
    for (key, label) in kind.pem() {
        let text = secret.data.get(*key);
        if text.is_some_and(|text| !holds_pem(text.octets(), label)) {
            let message = format!("`{key}` of Secret `{namespace}/{name}` holds no {label} in PEM");
            return Err(Fault::invalid(message));
        }
    }
    if kind == SecretKind::ApiKeys {
        keys_differ(secret).map_err(|(first, second)| {
            let message = format!(
                "clients `{first}` and `{second}` of Secret `{namespace}/{name}` have one key"
            );
            Fault::new("duplicate-value", message)
        })?;
    }
    Ok(secret)
}

/// The first two clients that have the same key are an error.
fn keys_differ(secret: &Secret) -> Result<(), (&str, &str)> {
    let mut by_key = BTreeMap::new();
    for (client, key) in &secret.data {
        if let Some(first) = by_key.insert(key.octets(), &**client) {
            return Err((first, client));
        }
    }
    Ok(())
}
