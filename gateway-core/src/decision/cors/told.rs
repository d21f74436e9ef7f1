//! What every answer tells (virtualserver §16.8).

use crate::request::Request;
use crate::request::field::View;
use crate::rules::{CorsHeaders, CorsOrigin, CorsOrigins, Field};
use http::HeaderValue;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};

/// The header lines of every answer, be it to a pre-flight request or not.
pub(super) fn lines<R: Request>(cors: &CorsHeaders, view: &View<'_, R>) -> super::Lines {
    let vary = match cors.origins {
        CorsOrigins::Any => None,
        CorsOrigins::One(_) | CorsOrigins::Listed(_) => Some(HeaderValue::from_static("Origin")),
    };
    let credentials = cors.credentials.map(|yes| if yes { "true" } else { "false" });
    let lines = [
        (&ACCESS_CONTROL_ALLOW_ORIGIN, allowed(&cors.origins, view)),
        (&ACCESS_CONTROL_ALLOW_METHODS, cors.methods.clone()),
        (&ACCESS_CONTROL_ALLOW_HEADERS, cors.headers.clone()),
        (&ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials.map(HeaderValue::from_static)),
        (&ACCESS_CONTROL_EXPOSE_HEADERS, cors.expose.clone()),
        (&ACCESS_CONTROL_MAX_AGE, cors.max_age.map(HeaderValue::from)),
        (&VARY, vary),
    ];
    lines.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The origin that the answer names.
fn allowed<R: Request>(origins: &CorsOrigins, view: &View<'_, R>) -> Option<HeaderValue> {
    let listed = match origins {
        CorsOrigins::Any => return Some(HeaderValue::from_static("*")),
        // Whatever the client says: a browser sees the difference.
        CorsOrigins::One(origin) => return Some(origin.clone()),
        CorsOrigins::Listed(listed) => listed,
    };
    let mut origin = Vec::new();
    view.read(&Field::Header("origin".into())).append_to(&mut origin);
    listed.iter().find_map(|pattern| match pattern {
        CorsOrigin::Exact(text) => {
            text.as_bytes().eq_ignore_ascii_case(&origin).then(|| text.clone())
        }
        CorsOrigin::Subdomain { scheme, suffix } => {
            is_subdomain(&origin, scheme.as_bytes(), suffix.as_bytes())
                .then(|| HeaderValue::from_bytes(&origin).ok())?
        }
    })
}

/// Whether `origin` is `scheme`, one label, and `suffix`, in any case.
fn is_subdomain(origin: &[u8], scheme: &[u8], suffix: &[u8]) -> bool {
    let Some(end) = origin.len().checked_sub(suffix.len()) else { return false };
    let Some(label) = origin.get(scheme.len()..end) else { return false };
    let is_label = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
    origin[..scheme.len()].eq_ignore_ascii_case(scheme)
        && origin[end..].eq_ignore_ascii_case(suffix)
        && !label.is_empty()
        && label.iter().all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestHead;
    use crate::origin::{ObjectRef, Origin};
    use crate::request::PathPolicy;

    fn told(origins: CorsOrigins, client: &[&str]) -> Vec<String> {
        let cors = CorsHeaders {
            origins,
            methods: Some(HeaderValue::from_static("GET, POST")),
            headers: None,
            expose: Some(HeaderValue::from_static("X-Id")),
            credentials: Some(false),
            max_age: Some(600),
            origin: Origin::new(ObjectRef::new("Policy", "default", "cors"), "spec.cors"),
        };
        let headers: Vec<_> = client.iter().map(|origin| ("Origin", *origin)).collect();
        let request = RequestHead::get("a.example", "/").headers(&headers);
        View::with(&request, &PathPolicy::default(), |view| {
            let lines = lines(&cors, view.unwrap());
            let line =
                |(name, value): &(_, HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
            lines.iter().map(line).collect()
        })
    }

    #[test]
    fn which_origin_is_told() {
        // virtualserver §16.8
        let one = || CorsOrigins::One(HeaderValue::from_static("https://Shop.example"));
        let listed = || {
            CorsOrigins::Listed(vec![
                CorsOrigin::Exact(HeaderValue::from_static("https://Shop.example")),
                CorsOrigin::Exact(HeaderValue::from_static("*")),
                CorsOrigin::Subdomain {
                    scheme: "https://".into(),
                    suffix: ".example.com:8443".into(),
                },
            ])
        };
        for (origins, client, want) in [
            (CorsOrigins::Any, &[][..], Some("*")),
            (CorsOrigins::Any, &["https://evil.example"], Some("*")),
            (one(), &[], Some("https://Shop.example")),
            (one(), &["https://evil.example"], Some("https://Shop.example")),
            (listed(), &["HTTPS://shop.EXAMPLE"], Some("https://Shop.example")),
            (listed(), &["https://a.Example.com:8443"], Some("https://a.Example.com:8443")),
            (listed(), &["https://a.b.example.com:8443"], None),
            (listed(), &["https://example.com:8443"], None),
            (listed(), &["https://.example.com:8443"], None),
            (listed(), &["https://evil/.example.com:8443"], None),
            (listed(), &["https://a.example.com"], None),
            (listed(), &["http://a.example.com:8443"], None),
            (listed(), &["https://evil.example"], None),
            (listed(), &["null"], None),
            (listed(), &["*"], Some("*")),
            (listed(), &["https://shop.example."], None),
            (listed(), &["https://shop.example:443"], None),
            (listed(), &["https://shop.example/"], None),
            // Several lines are one value, which is no origin.
            (listed(), &["https://shop.example", "https://shop.example"], None),
            (listed(), &["https://shop.example", "https://evil.example"], None),
            (listed(), &[], None),
        ] {
            let vary = !matches!(origins, CorsOrigins::Any);
            let mut all = Vec::new();
            all.extend(want.map(|origin| format!("access-control-allow-origin: {origin}")));
            all.extend(
                [
                    "access-control-allow-methods: GET, POST",
                    "access-control-allow-credentials: false",
                    "access-control-expose-headers: X-Id",
                    "access-control-max-age: 600",
                ]
                .map(str::to_owned),
            );
            all.extend(vary.then(|| "vary: Origin".to_owned()));
            assert_eq!(told(origins, client), all, "{client:?}");
        }
    }
}
