//! The Secret that holds who this proxy is.
//!
//! Messages name its keys, never what they hold.

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::origin::{ObjectRef, Origin};
use crate::rules::{MeshIdentity, SecretText};
use crate::translate::Context;
use std::sync::Arc;

const TYPE: &str = "kubernetes.io/tls";

/// What the Secret that options name holds. Whether it is of any use is for those to say who speak
/// TLS.
pub(super) fn read(context: &mut Context<'_>) -> Option<Arc<MeshIdentity>> {
    let (namespace, name) = context.options.identity.as_ref()?;
    let resources = context.resources;
    let Some(secret) = resources.secret(namespace, name) else {
        let origin = Origin::new(ObjectRef::new("Secret", namespace, name), "");
        let message = "there is no such Secret to be the identity of the proxy";
        let neighbours = resources.secrets().filter(|s| s.meta.namespace == *namespace);
        let help = did_you_mean(name, neighbours.map(|s| &*s.meta.name));
        let diagnostic = Diagnostic::error("not-found", &origin, message);
        context.problems.push(Diagnostic { help, ..diagnostic });
        return None;
    };
    let origin = secret.document.object_origin();
    let mut problems = Vec::new();
    if &*secret.spec.kind != TYPE {
        let message = format!(
            "the Secret has type `{}`, but an identity is of type `{TYPE}`",
            secret.spec.kind
        );
        problems.push(Diagnostic::error("invalid-value", &origin, message));
    }
    let mut part = |key: &str, what: &str| -> Option<SecretText> {
        let text = secret.spec.data.get(key).filter(|text| !text.octets().is_empty());
        if text.is_none() {
            let message = format!("the Secret has no `{key}`");
            problems.push(Diagnostic::error("missing-field", &origin, message).help(what));
        }
        text.cloned()
    };
    let certificate = part("tls.crt", "the certificate of the proxy, in PEM");
    let key = part("tls.key", "the key of its certificate, in PEM");
    let authorities = part("ca.crt", "the certificates of those who sign for the mesh, in PEM");
    let is_right = problems.is_empty();
    problems.into_iter().for_each(|problem| context.problems.push(problem));
    let (Some(certificate), Some(key), Some(authorities), true) =
        (certificate, key, authorities, is_right)
    else {
        context.refused.push(Arc::clone(secret.object()));
        return None;
    };
    Some(Arc::new(MeshIdentity { certificate, key, authorities, origin }))
}
