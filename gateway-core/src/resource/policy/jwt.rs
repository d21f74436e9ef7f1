//! `spec.jwt` (virtualserver §16.4).

use crate::resource::Problems;
use crate::resource::document::{At, Located, Mapping};
use crate::resource::fields::{Text, enabled, located_count, optional_text, required_text};

/// `spec.jwt`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Jwt {
    pub(crate) at: At,
    pub(crate) realm: Option<Text>,
    pub(crate) secret: Option<Text>,
    pub(crate) token: Option<Text>,
    pub(crate) jwks_uri: Option<Text>,
    pub(crate) key_cache: Option<Text>,
    /// Where it is asked for.
    pub(crate) sni_enabled: Option<At>,
    pub(crate) sni_name: Option<Text>,
    /// Where it is asked for.
    pub(crate) ssl_verify: Option<At>,
    pub(crate) trusted_cert_secret: Option<Text>,
    pub(crate) ssl_verify_depth: Option<Located<u32>>,
}

type Read = fn(&mut Mapping<'_>, &'static str, &mut Problems) -> Option<Text>;

impl Jwt {
    pub(super) fn read(mut mapping: Mapping<'_>, problems: &mut Problems) -> Self {
        let of = &mut mapping;
        // One of `secret` and `jwksURI`, which needs `keyCache`.
        let jwks_uri = optional_text(of, "jwksURI", problems);
        let (secret, key_cache): (Read, Read) = match jwks_uri {
            Some(_) => (optional_text, required_text),
            None => (required_text, optional_text),
        };
        let read = Self {
            at: of.value().at(),
            realm: required_text(of, "realm", problems),
            secret: secret(of, "secret", problems),
            token: optional_text(of, "token", problems),
            jwks_uri,
            key_cache: key_cache(of, "keyCache", problems),
            sni_enabled: enabled(of, "sniEnabled", problems),
            sni_name: optional_text(of, "sniName", problems),
            ssl_verify: enabled(of, "sslVerify", problems),
            trusted_cert_secret: optional_text(of, "trustedCertSecret", problems),
            ssl_verify_depth: located_count(of, "sslVerifyDepth", problems),
        };
        mapping.finish(problems);
        read
    }
}
