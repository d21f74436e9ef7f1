//! `basicAuth` (virtualserver §16.3).

use super::super::grammar::{escaped, no_controls, unescape};
use super::super::report::Fault;
use super::super::secret::SecretKind;
use super::lowering::Lowering;
use crate::resource::policy::BasicAuth as Written;
use crate::rules::BasicAuth;

pub(super) fn lower(written: &Written, lowering: &mut Lowering<'_, '_>) -> Option<BasicAuth> {
    let realm = match &written.realm {
        Some(text) => lowering.report.check(text.at, basic_realm(text)),
        None => Some(Box::default()),
    };
    let secret = written.secret.as_ref();
    let users =
        secret.and_then(|text| lowering.secret_text(text, SecretKind::Passwords, "htpasswd"));
    let origin = lowering.report.origin(written.at);
    Some(BasicAuth { realm: realm?, users: users?, origin })
}

/// A realm of HTTP authentication: text without variables.
pub(super) fn realm(text: &str) -> Result<Box<str>, Fault> {
    if text.contains('$') {
        let message = format!("`{text}` holds a `$`; variables cannot stand here");
        return Err(Fault::invalid(message));
    }
    escaped(text)?;
    let plain = unescape(text);
    no_controls(&plain)?;
    Ok(plain.into())
}

/// NGINX takes `off` for no authentication at all.
fn basic_realm(text: &str) -> Result<Box<str>, Fault> {
    if text == "off" {
        let fault = Fault::invalid("the realm `off` would ask for nothing");
        return Err(fault.help("write another text"));
    }
    realm(text)
}
