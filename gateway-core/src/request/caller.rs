//! Who sends a request, as far as its attributes say so.

use super::Request;
use super::attributes::{SOURCE_ACCOUNT, SOURCE_IDENTITY};

/// The service account of `spiffe://<trust domain>/ns/<namespace>/sa/<name>` (smi T-2).
pub(crate) fn account_of(identity: &str) -> Option<(&str, &str)> {
    let (domain, path) = identity.strip_prefix("spiffe://")?.split_once('/')?;
    let (namespace, name) = path.strip_prefix("ns/")?.split_once("/sa/")?;
    let is_segment = |text: &str| !text.is_empty() && !text.contains('/');
    [domain, namespace, name].into_iter().all(is_segment).then_some((namespace, name))
}

/// The namespace that the caller's service account tells (gateway-api §22).
pub(super) fn namespace<R: Request>(request: &R) -> Option<&[u8]> {
    // What is there and no text is the name of nobody, and not as if nothing was there.
    let text = |octets| std::str::from_utf8(octets).ok();
    let (namespace, _) = match request.attribute(SOURCE_ACCOUNT) {
        Some(account) => text(account)?.split_once('/')?,
        None => account_of(text(request.attribute(SOURCE_IDENTITY)?)?)?,
    };
    Some(namespace.as_bytes())
}
