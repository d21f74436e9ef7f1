//! Who a client is.

use super::{AuthCheck, SecretText, ServerTrust};
use crate::origin::Origin;
use crate::rules::{Field, UpstreamTarget};
use http::{HeaderName, HeaderValue, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// Asks for a name and a password (RFC 7617, virtualserver §16.3).
#[derive(Debug, Clone, PartialEq)]
pub struct BasicAuth {
    /// What clients are told to log in to; empty where nothing is written.
    pub realm: Box<str>,
    /// The users: lines `name:hash`.
    pub users: SecretText,
    /// Where it was written.
    pub origin: Origin,
}

impl BasicAuth {
    /// The `WWW-Authenticate` of a 401.
    pub fn challenge(&self) -> HeaderValue {
        challenge("Basic", &self.realm)
    }

    /// The hash of the password of `user`: what stands behind the first line's name that is the same,
    /// up to the next `:`. `None` where there is none, so that nobody passes. Lines that begin with
    /// `#` are comments.
    pub fn hash_of(&self, user: &[u8]) -> Option<&[u8]> {
        if user.is_empty() || user.contains(&b':') {
            return None;
        }
        let lines = self.users.octets().split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end);
        let mut lines = lines.filter(|line| !line.starts_with(b"#"));
        let hash = lines.find_map(|line| line.strip_prefix(user)?.strip_prefix(b":"))?;
        let hash = hash.split(|b| *b == b':').next().unwrap_or_default();
        (!hash.is_empty()).then_some(hash)
    }
}

/// What is asked before a request is let through.
#[derive(Debug, Clone, PartialEq)]
pub enum AuthRequest {
    /// A key that one of our clients has.
    ApiKey(Arc<ApiKey>),
    /// The word of another service.
    External(Arc<ExternalAuth>),
    /// The word of another service, in the way of the Gateway API.
    Check(Arc<AuthCheck>),
}

/// Asks for a key (virtualserver §16.5).
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKey {
    /// Header fields that hold the key.
    pub headers: Vec<HeaderName>,
    /// Query arguments that hold it, raw, their names in any case.
    pub arguments: Vec<Box<str>>,
    /// Who has which key.
    pub clients: Vec<ApiClient>,
    /// Where it was written.
    pub origin: Origin,
}

/// A client with a key.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiClient {
    /// Its name.
    pub name: Box<str>,
    /// Its key.
    pub key: SecretText,
}

impl ApiKey {
    /// The answer to requests without any key.
    pub const MISSING: StatusCode = StatusCode::UNAUTHORIZED;
    /// The answer to requests with a key that no client has.
    pub const UNKNOWN: StatusCode = StatusCode::FORBIDDEN;

    /// The client that has `key`; the first one where several have it. `None`: the answer is
    /// [`ApiKey::UNKNOWN`]. All clients are looked at, whoever has it.
    pub fn client_of(&self, key: &[u8]) -> Option<&ApiClient> {
        let found = self.clients.iter().fold(None, |found: Option<&ApiClient>, client| {
            let has_it = client.key.is(key);
            found.or(has_it.then_some(client))
        });
        found.filter(|_| !key.is_empty())
    }
}

/// Asks another service (virtualserver §16.11).
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalAuth {
    /// The path that is asked for, query included.
    pub uri: Box<str>,
    /// The service.
    pub target: UpstreamTarget,
    /// `Host` of the question, and the name that TLS asks for.
    pub server_name: Box<str>,
    /// TLS with the service; `None`: plain HTTP.
    pub tls: Option<ServerTrust>,
    /// Where clients log in.
    pub sign_in: Option<SignIn>,
    /// Where it was written.
    pub origin: Origin,
}

/// Where clients of an [`ExternalAuth`] log in.
#[derive(Debug, Clone, PartialEq)]
pub struct SignIn {
    /// The path of the page that takes the place of a 401.
    pub uri: Box<str>,
    /// Requests below this path go to the service without being asked for anything.
    pub base_path: Box<str>,
}

/// Asks for a signed token (RFC 7519, virtualserver §16.4).
#[derive(Debug, Clone, PartialEq)]
pub struct Jwt {
    /// What clients are told to log in to.
    pub realm: Box<str>,
    /// Where the token stands; `None`: as bearer token in `Authorization`.
    pub token: Option<Field>,
    /// What it is signed with.
    pub keys: JwtKeys,
    /// Where it was written.
    pub origin: Origin,
}

impl Jwt {
    /// The `WWW-Authenticate` of a 401 (RFC 6750).
    pub fn challenge(&self) -> HeaderValue {
        challenge("Bearer", &self.realm)
    }
}

/// Asks for credentials, with the realm as a quoted string (RFC 9110, section 11.5).
fn challenge(scheme: &str, realm: &str) -> HeaderValue {
    let mut text = format!("{scheme} realm=\"");
    for c in realm.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    HeaderValue::try_from(text).expect("header values may hold all but control characters")
}

/// Where the keys of tokens come from.
#[derive(Debug, Clone, PartialEq)]
pub enum JwtKeys {
    /// A JSON Web Key Set.
    Known(SecretText),
    /// A URL that gives one.
    Remote(RemoteKeys),
}

/// A JSON Web Key Set that is fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteKeys {
    /// The URL, `http` or `https`.
    pub uri: Box<str>,
    /// How long it is kept.
    pub keep: Duration,
    /// The name that TLS asks for: that of the URL where `None`; nothing where `sni` is false.
    pub server_name: Option<Box<str>>,
    /// Whether TLS names the server at all.
    pub sni: bool,
    /// How the server is verified; `None`: not at all.
    pub trust: Option<ServerTrust>,
}

impl RemoteKeys {
    /// Whether they are fetched over TLS.
    pub fn is_tls(&self) -> bool {
        self.parts().0.eq_ignore_ascii_case("https")
    }

    /// The name that the certificate of the server has to have: the one that is written, or the host
    /// of the URL, an IPv6 address without its brackets.
    pub fn server(&self) -> &str {
        if let Some(name) = &self.server_name {
            return name;
        }
        let authority = self.parts().1.split(['/', '?', '#']).next().unwrap_or_default();
        match authority.strip_prefix('[') {
            Some(address) => address.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        }
    }

    /// The scheme, and what stands behind it.
    fn parts(&self) -> (&str, &str) {
        self.uri.split_once("://").unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::ObjectRef;

    #[test]
    fn realms_are_quoted() {
        // virtualserver §16.3
        let origin = Origin::new(ObjectRef::new("Policy", "default", "users"), "spec.basicAuth");
        for (realm, want) in [
            ("", r#"Basic realm="""#),
            ("the shop", r#"Basic realm="the shop""#),
            (r#"a "b" \c"#, r#"Basic realm="a \"b\" \\c""#),
            ("a\r\nset-cookie: b", r#"Basic realm="aset-cookie: b""#),
            ("caf\u{e9}", "Basic realm=\"caf\u{e9}\""),
        ] {
            let (users, origin) = (SecretText::default(), origin.clone());
            let policy = BasicAuth { realm: realm.into(), users, origin };
            assert_eq!(policy.challenge().as_bytes(), want.as_bytes(), "{realm}");
        }
    }

    fn origin() -> Origin {
        Origin::new(ObjectRef::new("Policy", "default", "p"), "spec")
    }

    #[test]
    fn the_hash_of_a_user() {
        // virtualserver §16.3
        let lines =
            "#ann:off\nann:$apr1$x:a comment\r\n\nannabel:{SHA}y\nann:second\nempty:\n:none";
        let users = SecretText::new(lines.as_bytes());
        let policy = BasicAuth { realm: Box::default(), users, origin: origin() };
        for (user, want) in [
            ("ann", Some("$apr1$x")),
            ("annabel", Some("{SHA}y")),
            ("an", None),
            ("Ann", None),
            ("bob", None),
            ("empty", None),
            ("", None),
            ("#ann", None),
            ("ann:$apr1$x", None),
        ] {
            assert_eq!(policy.hash_of(user.as_bytes()), want.map(str::as_bytes), "{user}");
        }
    }

    #[test]
    fn the_client_of_a_key() {
        // virtualserver §16.5
        let client = |(name, key): (&str, &'static str)| ApiClient {
            name: name.into(),
            key: SecretText::new(key.as_bytes()),
        };
        let clients = [("ann", "k1"), ("bob", "k2"), ("eve", "k2"), ("none", "")];
        let clients = clients.into_iter().map(client).collect();
        let policy = ApiKey { headers: vec![], arguments: vec![], clients, origin: origin() };
        for (key, want) in
            [("k1", Some("ann")), ("k2", Some("bob")), ("k", None), ("K1", None), ("", None)]
        {
            let got = policy.client_of(key.as_bytes()).map(|client| &*client.name);
            assert_eq!(got, want, "{key}");
        }
    }

    #[test]
    fn the_server_of_remote_keys() {
        // virtualserver §16.4
        for (uri, name, want) in [
            ("https://idp.example.com/keys?a=b", None, (true, "idp.example.com")),
            ("HTTPS://idp.example.com:8443", None, (true, "idp.example.com")),
            ("http://[2001:db8::1]:80/keys", None, (false, "2001:db8::1")),
            ("https://10.0.0.1?x", None, (true, "10.0.0.1")),
            ("https://10.0.0.1/", Some("idp.example.com"), (true, "idp.example.com")),
        ] {
            let (server_name, keep) = (name.map(Into::into), Duration::from_secs(1));
            let keys = RemoteKeys { uri: uri.into(), keep, server_name, sni: true, trust: None };
            assert_eq!((keys.is_tls(), keys.server()), want, "{uri}");
        }
    }
}
