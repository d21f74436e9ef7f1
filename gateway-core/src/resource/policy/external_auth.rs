//! `spec.externalAuth` (virtualserver §16.11).

use crate::resource::Problems;
use crate::resource::document::{At, Located, Mapping};
use crate::resource::fields::{Text, enabled, located_count, optional_text, required_text};

/// `spec.externalAuth`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExternalAuth {
    pub(crate) at: At,
    pub(crate) auth_uri: Option<Text>,
    pub(crate) service: Option<Text>,
    /// `authServicePorts`.
    pub(crate) ports: Vec<Located<u16>>,
    pub(crate) sign_in_uri: Option<Text>,
    /// `authSigninRedirectBasePath`.
    pub(crate) base_path: Option<Text>,
    /// Where snippets are asked for.
    pub(crate) snippets: Option<At>,
    /// Where it is asked for.
    pub(crate) ssl_enabled: Option<At>,
    /// Where it is asked for.
    pub(crate) ssl_verify: Option<At>,
    pub(crate) ssl_verify_depth: Option<Located<u32>>,
    pub(crate) trusted_cert_secret: Option<Text>,
    pub(crate) sni_name: Option<Text>,
}

impl ExternalAuth {
    pub(super) fn read(mut mapping: Mapping<'_>, problems: &mut Problems) -> Self {
        let of = &mut mapping;
        let read = Self {
            at: of.value().at(),
            auth_uri: optional_text(of, "authURI", problems),
            service: required_text(of, "authServiceName", problems),
            ports: ports(of, problems),
            sign_in_uri: optional_text(of, "authSigninURI", problems),
            base_path: optional_text(of, "authSigninRedirectBasePath", problems),
            snippets: optional_text(of, "authSnippets", problems).map(|text| text.at),
            ssl_enabled: enabled(of, "sslEnabled", problems),
            ssl_verify: enabled(of, "sslVerify", problems),
            ssl_verify_depth: located_count(of, "sslVerifyDepth", problems),
            trusted_cert_secret: optional_text(of, "trustedCertSecret", problems),
            sni_name: optional_text(of, "sniName", problems),
        };
        mapping.finish(problems);
        read
    }
}

fn ports(of: &mut Mapping<'_>, problems: &mut Problems) -> Vec<Located<u16>> {
    let Some(list) = of.field("authServicePorts") else { return Vec::new() };
    let values: Vec<_> = list.list(problems).collect();
    values.into_iter().filter_map(|v| Some(v.located(v.port(problems)?))).collect()
}
