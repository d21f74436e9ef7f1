//! `apiKey` (virtualserver §16.5).

use super::super::grammar::{escaped, header_name, unescape};
use super::super::report::Fault;
use super::super::secret::SecretKind;
use super::lowering::Lowering;
use crate::resource::policy::ApiKey as Written;
use crate::rules::{ApiClient, ApiKey};

pub(super) fn lower(written: &Written, lowering: &mut Lowering<'_, '_>) -> Option<ApiKey> {
    let report = &mut lowering.report;
    let mut headers = Vec::new();
    let mut arguments = Vec::new();
    if let Some(supplied) = &written.supplied_in {
        for text in &supplied.headers {
            headers.extend(report.check(text.at, header_name(text)));
        }
        for text in &supplied.query {
            arguments.extend(report.check(text.at, argument(text)));
        }
        if supplied.headers.is_empty() && supplied.query.is_empty() {
            let message = "expected at least one entry in `header` or `query`";
            report.error(supplied.at, Fault::new("missing-field", message));
        }
    }
    let origin = report.origin(written.at);
    let secret = written.client_secret.as_ref();
    let secret = secret.and_then(|text| lowering.secret(text, SecretKind::ApiKeys))?;
    let clients = secret.data.iter();
    let clients = clients.map(|(name, key)| ApiClient { name: name.clone(), key: key.clone() });
    let clients = clients.collect();
    Some(ApiKey { headers, arguments, clients, origin })
}

fn argument(text: &str) -> Result<Box<str>, Fault> {
    if text.is_empty() {
        return Err(Fault::new("missing-field", "the name of an argument must not be empty"));
    }
    escaped(text)?;
    Ok(unescape(text).into())
}
