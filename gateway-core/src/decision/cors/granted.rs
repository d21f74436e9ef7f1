//! What answers tell pages of the origin that asks (gateway-api §13.3).

use super::Lines;
use crate::request::Request;
use crate::request::field::View;
use crate::rules::{CorsGrant, CorsNames, Field, OriginHost, OriginPattern};
use http::HeaderValue;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};

/// The `Origin` of a request that has one.
pub(super) fn origin<R: Request>(view: &View<'_, R>) -> Option<HeaderValue> {
    value(view, "origin")
}

/// The value of a header field; `None` where it is absent or empty.
fn value<R: Request>(view: &View<'_, R>, name: &str) -> Option<HeaderValue> {
    let mut text = Vec::new();
    view.read(&Field::Header(name.into())).append_to(&mut text);
    HeaderValue::try_from(text).ok().filter(|value| !value.is_empty())
}

/// The header lines of an answer to a page of `origin`.
pub(super) fn lines<R: Request>(
    grant: &CorsGrant,
    origin: &HeaderValue,
    preflight: bool,
    view: &View<'_, R>,
) -> Lines {
    let mut lines = Vec::new();
    // Everybody is told the same where nobody's cookies count.
    let same_for_all = grant.origins.is_none() && !grant.credentials;
    if !same_for_all {
        lines.push((&VARY, HeaderValue::from_static("Origin")));
    }
    if !grant.origins.as_ref().is_none_or(|list| list.iter().any(|one| fits(one, origin))) {
        return lines;
    }
    let allowed = if same_for_all { HeaderValue::from_static("*") } else { origin.clone() };
    lines.push((&ACCESS_CONTROL_ALLOW_ORIGIN, allowed));
    if grant.credentials {
        lines.push((&ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
    }
    // Where credentials count, browsers take `*` for a name (Fetch §3.3.3).
    let told = |names: &CorsNames, asked: &str| match names {
        CorsNames::Unsaid => None,
        CorsNames::Listed(list) => Some(list.clone()),
        CorsNames::Any if grant.credentials => value(view, asked),
        CorsNames::Any => Some(HeaderValue::from_static("*")),
    };
    if preflight {
        let methods = told(&grant.methods, "access-control-request-method");
        let headers = told(&grant.headers, "access-control-request-headers");
        lines.extend(methods.map(|value| (&ACCESS_CONTROL_ALLOW_METHODS, value)));
        lines.extend(headers.map(|value| (&ACCESS_CONTROL_ALLOW_HEADERS, value)));
        lines.push((&ACCESS_CONTROL_MAX_AGE, HeaderValue::from(grant.max_age)));
    }
    let exposed = match &grant.expose {
        CorsNames::Any if grant.credentials => None,
        CorsNames::Any => Some(HeaderValue::from_static("*")),
        CorsNames::Listed(list) => Some(list.clone()),
        CorsNames::Unsaid => None,
    };
    lines.extend(exposed.map(|value| (&ACCESS_CONTROL_EXPOSE_HEADERS, value)));
    lines
}

/// Whether `origin` is one of those of a pattern: a scheme, a host and maybe a port.
fn fits(pattern: &OriginPattern, origin: &HeaderValue) -> bool {
    let Ok(text) = origin.to_str() else { return false };
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let https = scheme.eq_ignore_ascii_case("https");
    if https != pattern.https || !https && !scheme.eq_ignore_ascii_case("http") {
        return false;
    }
    // The colons of an IPv6 address stand in brackets.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (authority, Some(if https { 443 } else { 80 })),
    };
    let is_host = |b: u8| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b);
    port == Some(pattern.port) && !host.is_empty() && host.bytes().all(is_host) && {
        match &pattern.host {
            OriginHost::Any => true,
            OriginHost::Exact(name) => host.eq_ignore_ascii_case(name),
            OriginHost::Under(suffix) => {
                let dot = host.len().checked_sub(suffix.len() + 1).filter(|dot| *dot > 0);
                dot.is_some_and(|dot| {
                    host.as_bytes()[dot] == b'.'
                        && host.as_bytes()[dot + 1..].eq_ignore_ascii_case(suffix.as_bytes())
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::edit;
    use super::*;
    use crate::RequestHead;
    use crate::decision::{NoRoute, Outcome};
    use crate::origin::{ObjectRef, Origin};
    use crate::request::PathPolicy;
    use crate::rules::Cors;
    use http::HeaderMap;

    fn grant() -> CorsGrant {
        CorsGrant {
            origins: None,
            credentials: false,
            methods: CorsNames::Unsaid,
            headers: CorsNames::Unsaid,
            expose: CorsNames::Unsaid,
            max_age: 5,
            origin: Origin::new(ObjectRef::new("HTTPRoute", "default", "r"), "spec"),
        }
    }

    fn listed(text: &'static str) -> CorsNames {
        CorsNames::Listed(HeaderValue::from_static(text))
    }

    /// What a request with this method and header is told, in the place of what a backend says.
    fn told(grant: CorsGrant, method: &str, headers: &[(&str, &str)]) -> Vec<String> {
        let request = RequestHead::new(method, "a.example", "/").headers(headers);
        let mut answer = HeaderMap::new();
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("https://theirs"));
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("99"));
        View::with(&request, &PathPolicy::default(), |view| {
            // The outcome makes no difference.
            let outcome = Outcome::NoRoute(NoRoute::NoMatch);
            edit(&Cors::Granted(grant), &outcome, view.unwrap(), &mut answer);
        });
        let mut lines: Vec<String> = answer
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .map(|line| line.replace("access-control-", ""))
            .collect();
        lines.sort();
        lines
    }

    const ORIGIN: (&str, &str) = ("origin", "https://Shop.example");
    const METHOD: (&str, &str) = ("access-control-request-method", "PUT");
    const HEADERS: (&str, &str) = ("access-control-request-headers", "x-a, x-b");

    #[test]
    fn preflight_requests() {
        // gateway-api §13.3, the table
        let all = || CorsGrant {
            methods: CorsNames::Any,
            headers: CorsNames::Any,
            expose: CorsNames::Any,
            ..grant()
        };
        let lists = || CorsGrant {
            origins: Some(vec![pattern("https", OriginHost::Exact("shop.example".into()), 443)]),
            methods: listed("GET, POST"),
            headers: listed("x-a"),
            expose: listed("x-id"),
            max_age: 600,
            ..grant()
        };
        let credentials = |grant| CorsGrant { credentials: true, ..grant };
        for (grant, asked, want) in [
            (grant(), &[ORIGIN, METHOD][..], &["allow-origin: *", "max-age: 5"][..]),
            (
                all(),
                &[ORIGIN, METHOD, HEADERS],
                &[
                    "allow-headers: *",
                    "allow-methods: *",
                    "allow-origin: *",
                    "expose-headers: *",
                    "max-age: 5",
                ],
            ),
            (
                credentials(all()),
                &[ORIGIN, METHOD, HEADERS],
                &[
                    "allow-credentials: true",
                    "allow-headers: x-a, x-b",
                    "allow-methods: PUT",
                    "allow-origin: https://Shop.example",
                    "max-age: 5",
                    "vary: Origin",
                ],
            ),
            (
                credentials(all()),
                &[ORIGIN, METHOD],
                &[
                    "allow-credentials: true",
                    "allow-methods: PUT",
                    "allow-origin: https://Shop.example",
                    "max-age: 5",
                    "vary: Origin",
                ],
            ),
            (
                credentials(lists()),
                &[ORIGIN, METHOD, HEADERS],
                &[
                    "allow-credentials: true",
                    "allow-headers: x-a",
                    "allow-methods: GET, POST",
                    "allow-origin: https://Shop.example",
                    "expose-headers: x-id",
                    "max-age: 600",
                    "vary: Origin",
                ],
            ),
            (lists(), &[("origin", "https://evil.example"), METHOD], &["vary: Origin"]),
        ] {
            assert_eq!(told(grant.clone(), "OPTIONS", asked), want, "{grant:?} {asked:?}");
        }
    }

    #[test]
    fn other_requests() {
        // gateway-api §13.3
        let grant = CorsGrant {
            origins: Some(vec![pattern("https", OriginHost::Exact("shop.example".into()), 443)]),
            credentials: true,
            methods: listed("GET, POST"),
            headers: listed("x-a"),
            expose: listed("x-id"),
            ..grant()
        };
        let allowed = [
            "allow-credentials: true",
            "allow-origin: https://Shop.example",
            "expose-headers: x-id",
            "vary: Origin",
        ];
        let theirs = ["allow-origin: https://theirs", "max-age: 99"];
        let stranger = ("origin", "https://evil.example");
        for (method, asked, want) in [
            ("GET", &[ORIGIN][..], &allowed[..]),
            // It does not ask for anything: an ordinary request.
            ("OPTIONS", &[ORIGIN], &allowed),
            ("GET", &[ORIGIN, METHOD], &allowed),
            ("GET", &[stranger], &["vary: Origin"]),
            ("GET", &[ORIGIN, stranger], &["vary: Origin"]),
            // Without `Origin` nothing is done.
            ("GET", &[], &theirs),
            ("OPTIONS", &[METHOD], &theirs),
        ] {
            assert_eq!(told(grant.clone(), method, asked), want, "{method} {asked:?}");
        }
    }

    fn pattern(scheme: &str, host: OriginHost, port: u16) -> OriginPattern {
        OriginPattern { https: scheme == "https", host, port }
    }

    #[test]
    fn origins_are_compared_by_scheme_host_and_port() {
        // gateway-api §13.3
        let exact = || OriginHost::Exact("shop.example".into());
        let under = || OriginHost::Under("shop.example".into());
        for (pattern, good, bad) in [
            (
                pattern("https", exact(), 443),
                &["https://shop.example", "https://SHOP.example:443", "HTTPS://shop.example"][..],
                &[
                    "http://shop.example",
                    "https://shop.example:8443",
                    "https://shop.example/",
                    "https://shop.example:",
                    "https://a.shop.example",
                    "ftp://shop.example",
                    "shop.example",
                    "null",
                    "*",
                ][..],
            ),
            (
                pattern("http", exact(), 8080),
                &["http://shop.example:8080"],
                &["http://shop.example", "ftp://shop.example:8080"],
            ),
            (
                pattern("https", under(), 443),
                &["https://a.shop.example", "https://a.b.Shop.example"],
                &["https://shop.example", "https://.shop.example", "https://evil/.shop.example"],
            ),
            (
                pattern("https", OriginHost::Any, 443),
                &["https://any.example", "https://[::1]"],
                &["http://any.example", "https://", "https://any.example:444", "https://a b"],
            ),
        ] {
            for origin in good {
                let value = HeaderValue::from_str(origin).unwrap();
                assert!(fits(&pattern, &value), "{origin} {pattern:?}");
            }
            for origin in bad {
                let value = HeaderValue::from_str(origin).unwrap();
                assert!(!fits(&pattern, &value), "{origin} {pattern:?}");
            }
        }
    }
}
