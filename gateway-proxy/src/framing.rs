//! What is refused for its framing: requests that two programs might read as different ones
//! (RFC 9112, sections 3.2 and 6; request smuggling), and methods that are not for proxies.
//!
//! What octets tell is checked where they are read (`http1`); what a head says once it is read is
//! checked here, over HTTP/2 as well.

use crate::http1::{has, is_chunked, is_chunks, items};
use http::header::{EXPECT, HOST, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, StatusCode, Version};

/// Checks the head of a request.
///
/// # Errors
///
/// The status to refuse it with. The connection has to be closed then: what follows on it may not
/// be what it seems.
pub(crate) fn check(head: &Parts) -> Result<(), StatusCode> {
    // TRACE would show what other proxies added, credentials included; NGINX refuses it as well.
    if head.method == Method::CONNECT || head.method == Method::TRACE {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if head.uri.path_and_query().is_none() {
        return Err(StatusCode::BAD_REQUEST);
    }
    check_host(head)?;
    if has(&head.headers, &TRANSFER_ENCODING) && !is_chunked(&head.headers) {
        // Without chunks at the end nobody knows where that is (RFC 9112, section 6.3).
        let ends = items(&head.headers, &TRANSFER_ENCODING).last().is_some_and(is_chunks);
        let unknown = StatusCode::NOT_IMPLEMENTED;
        return Err(if ends { unknown } else { StatusCode::BAD_REQUEST });
    }
    let continues = |v: &HeaderValue| v.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if has(&head.headers, &EXPECT) && !head.headers.get_all(EXPECT).iter().all(continues) {
        return Err(StatusCode::EXPECTATION_FAILED);
    }
    Ok(())
}

/// The host is told once, or twice in the same words: nobody knows which of two others believe.
fn check_host(head: &Parts) -> Result<(), StatusCode> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let Some(authority) = head.uri.authority() else {
        let is_needed = head.version >= Version::HTTP_11;
        return if host.is_none() && is_needed { Err(StatusCode::BAD_REQUEST) } else { Ok(()) };
    };
    let scheme = head.uri.scheme_str();
    // Every request of HTTP/1.1 has the field, whatever its target (RFC 9112, section 3.2).
    let is_whole = host.is_some() || head.version != Version::HTTP_11;
    let same = host.is_none_or(|host| {
        let default = if scheme == Some("https") { ":443" } else { ":80" };
        let bare = |text: &str| text.strip_suffix(default).unwrap_or(text).to_ascii_lowercase();
        host.to_str().is_ok_and(|host| bare(host) == bare(authority.as_str()))
    });
    let known = matches!(scheme, Some("http" | "https"));
    if !(is_whole && same && known) || authority.as_str().contains('@') {
        return Err(StatusCode::BAD_REQUEST);
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
            ("GET", "http://a.example/", Version::HTTP_11, &[host], OK),
            ("GET", "http://A.example:80/", Version::HTTP_11, &[host], OK),
            ("GET", "https://a.example:443/", Version::HTTP_11, &[host], OK),
            ("GET", "https://a.example:80/", Version::HTTP_11, &[host], Err(400)),
            ("GET", "http://b.example/", Version::HTTP_11, &[host], Err(400)),
            ("GET", "http://a.example/", Version::HTTP_11, &[], Err(400)),
            ("GET", "http://a.example/", Version::HTTP_10, &[], OK),
            ("GET", "http://user@a.example/", Version::HTTP_11, &[host], Err(400)),
            ("GET", "ftp://a.example/", Version::HTTP_11, &[host], Err(400)),
            ("GET", "b.example:80", Version::HTTP_11, &[host], Err(400)),
            ("OPTIONS", "*", Version::HTTP_11, &[host], OK),
            ("CONNECT", "b.example:80", Version::HTTP_11, &[host], Err(405)),
            ("TRACE", "/", Version::HTTP_11, &[host], Err(405)),
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

    #[test]
    fn requests_of_http2_name_one_host() {
        let host = ("host", "a.example");
        for (target, headers, want) in [
            ("http://a.example/", &[][..], true),
            ("https://a.example/", &[host], true),
            ("/", &[host], true),
            ("/", &[], false),
            ("http://b.example/", &[host], false),
            ("http://a.example/", &[host, host], false),
            ("http://u@a.example/", &[], false),
        ] {
            let mut request = http::Request::builder().uri(target).version(Version::HTTP_2);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (head, ()) = request.body(()).unwrap().into_parts();
            let wanted = if want { Ok(()) } else { Err(StatusCode::BAD_REQUEST) };
            assert_eq!(check(&head), wanted, "{target} {headers:?}");
        }
    }
}
