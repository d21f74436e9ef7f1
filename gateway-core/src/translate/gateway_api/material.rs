//! Certificates that Gateways, ListenerSets and BackendTLSPolicies refer to.

use super::fault::Fault;
use super::grants::{Grants, Referent, Referrer};
use crate::diagnostic::did_you_mean;
use crate::resource::Resources;
use crate::resource::object_reference::ObjectReference;
use crate::rules::{Certificate, SecretText};
use crate::translate::pem;

/// Where referred objects are looked for, and on whose behalf.
#[derive(Clone, Copy)]
pub(super) struct Finder<'r, 'a> {
    pub(super) resources: &'a Resources,
    pub(super) grants: &'r Grants<'a>,
    pub(super) referrer: Referrer<'r>,
}

/// What is said of references to authorities that lead nowhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct AuthorityReasons {
    pub(super) reference: &'static str,
    pub(super) kind: &'static str,
}

impl Finder<'_, '_> {
    /// A certificate with its key, from a Secret (gateway-api §7.1); `reason` is what is said of
    /// references that lead to none.
    pub(super) fn certificate(
        self,
        reference: &ObjectReference,
        reason: &'static str,
    ) -> Result<Certificate, Fault> {
        let namespace = self.permitted(reference)?;
        let (kind, name) = (&reference.kind, &reference.name);
        if (&*reference.group, &**kind) != ("", "Secret") {
            let message = format!("a certificate is taken from a Secret, not from a `{kind}`");
            return Err(Fault::new(reason, message));
        }
        let Some(secret) = self.resources.secret(namespace, name) else {
            let names = self.resources.secrets().filter(|s| *s.meta.namespace == *namespace);
            let help = did_you_mean(name, names.map(|secret| &*secret.meta.name));
            let message = format!("there is no Secret `{namespace}/{name}`");
            return Err(Fault::new(reason, message).help(help).mild());
        };
        if *secret.spec.kind != *"kubernetes.io/tls" {
            let message = format!(
                "Secret `{namespace}/{name}` has type `{}`, but `kubernetes.io/tls` is needed",
                secret.spec.kind
            );
            return Err(Fault::new(reason, message));
        }
        pem::certificate(secret).ok_or_else(|| {
            let message = format!(
                "Secret `{namespace}/{name}` needs a certificate in `tls.crt` and its key in \
                 `tls.key`, both in PEM"
            );
            Fault::new(reason, message)
        })
    }

    /// Certificates of authorities, from a ConfigMap (gateway-api §7.4, §20.1).
    pub(super) fn authority(
        self,
        reference: &ObjectReference,
        reasons: AuthorityReasons,
    ) -> Result<SecretText, Fault> {
        let namespace = self.permitted(reference)?;
        let (kind, name) = (&reference.kind, &reference.name);
        if (&*reference.group, &**kind) != ("", "ConfigMap") {
            let message = format!("authorities are taken from a ConfigMap, not from a `{kind}`");
            return Err(Fault::new(reasons.kind, message));
        }
        let wrong = |what: &str| {
            let message = format!("ConfigMap `{namespace}/{name}` {what}");
            Err(Fault::new(reasons.reference, message))
        };
        let Some(map) = self.resources.config_map(namespace, name) else {
            return wrong("is not there");
        };
        match map.spec.data.get("ca.crt") {
            None => wrong("has no `ca.crt`"),
            Some(text) if pem::holds_pem(text.as_bytes(), "CERTIFICATE") => {
                Ok(SecretText::new(text.as_bytes()))
            }
            Some(_) => wrong("holds no certificate in PEM in `ca.crt`"),
        }
    }

    /// The namespace that a reference leads to, if it may.
    fn permitted<'s>(&'s self, reference: &'s ObjectReference) -> Result<&'s str, Fault> {
        let namespace = reference.namespace.as_deref().unwrap_or(self.referrer.namespace);
        let ObjectReference { group, kind, name, .. } = reference;
        self.grants.check(self.referrer, Referent { group, kind, namespace, name })?;
        Ok(namespace)
    }
}
