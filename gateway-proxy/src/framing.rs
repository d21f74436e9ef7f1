//! What is refused before anything is routed: requests that two servers might read as different
//! ones (RFC 9112, sections 3.2 and 6; request smuggling), and methods that are not for proxies.
//!
//! hyper already refuses what cannot be parsed, `Content-Length` lines that differ, a transfer
//! coding in HTTP/1.0, and heads over the limits. Where a request has both `Content-Length` and
//! `Transfer-Encoding` it drops the former and closes the connection after the answer, as
//! RFC 9112, section 6.1 allows.

use http::header::{EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, StatusCode, Version};

/// Checks a head.
///
/// # Errors
///
/// The status to refuse it with. The connection has to be closed then: what follows on it may not
/// be what it seems.
pub(crate) fn check(head: &Parts) -> Result<(), StatusCode> {
    if head.method == Method::CONNECT {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if head.uri.path_and_query().is_none() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err(StatusCode::BAD_REQUEST),
        (None, None) if head.version >= Version::HTTP_11 => return Err(StatusCode::BAD_REQUEST),
        _ => {}
    }
    if let Some(authority) = head.uri.authority() {
        let known = matches!(head.uri.scheme_str(), Some("http" | "https"));
        if !known || authority.as_str().contains('@') {
            return Err(StatusCode::BAD_REQUEST);
        }
    }
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next()
        && (!coding.as_bytes().eq_ignore_ascii_case(b"chunked") || codings.next().is_some())
    {
        return Err(StatusCode::NOT_IMPLEMENTED);
    }
    let continues = |v: &http::HeaderValue| v.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if head.headers.get_all(EXPECT).iter().any(|v| !continues(v)) {
        return Err(StatusCode::EXPECTATION_FAILED);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_requests_are_refused() {
        const OK: Result<(), u16> = Ok(());
        let host = ("host", "a.example");
        for (method, target, version, headers, want) in [
            ("GET", "/", Version::HTTP_11, &[host][..], OK),
            ("GET", "/", Version::HTTP_10, &[], OK),
            ("GET", "/", Version::HTTP_11, &[], Err(400)),
            ("GET", "/", Version::HTTP_11, &[host, host], Err(400)),
            ("GET", "/", Version::HTTP_10, &[host, ("host", "b.example")], Err(400)),
            ("GET", "http://b.example/", Version::HTTP_11, &[host], OK),
            ("GET", "http://user@b.example/", Version::HTTP_11, &[host], Err(400)),
            ("GET", "ftp://b.example/", Version::HTTP_11, &[host], Err(400)),
            ("GET", "b.example:80", Version::HTTP_11, &[host], Err(400)),
            ("OPTIONS", "*", Version::HTTP_11, &[host], OK),
            ("CONNECT", "b.example:80", Version::HTTP_11, &[host], Err(405)),
            ("POST", "/", Version::HTTP_11, &[host, ("transfer-encoding", "Chunked")], OK),
            (
                "POST",
                "/",
                Version::HTTP_11,
                &[host, ("transfer-encoding", "gzip, chunked")],
                Err(501),
            ),
            (
                "POST",
                "/",
                Version::HTTP_11,
                &[host, ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
                Err(501),
            ),
            ("POST", "/", Version::HTTP_11, &[host, ("expect", "100-Continue")], OK),
            ("POST", "/", Version::HTTP_11, &[host, ("expect", "tea")], Err(417)),
        ] {
            let mut request = http::Request::builder().method(method).uri(target).version(version);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (head, ()) = request.body(()).unwrap().into_parts();
            let got = check(&head).map_err(|status| status.as_u16());
            assert_eq!(got, want, "{method} {target} {version:?} {headers:?}");
        }
    }
}
