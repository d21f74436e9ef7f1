//! Requests of HTTP/2, brought into the form that those of HTTP/1.1 have, so that nothing after
//! this has to tell them apart (RFC 9113, section 8.3.1; RFC 8441).

use crate::worker::Random;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use h2::ext::Protocol;
use http::header::{CONNECTION, COOKIE, Entry, HOST, HeaderValue, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{Method, Uri};

/// Makes the target a path, with the authority in `Host`; where `Host` says something else, both
/// stay for [`crate::framing::check`] to refuse. Tells whether the client wants another protocol.
pub(crate) fn as_http1(head: &mut Parts, random: &Random) -> bool {
    join_cookies(head);
    if let Some(authority) = head.uri.authority()
        && let Ok(authority) = HeaderValue::from_str(authority.as_str())
    {
        let is_same = match head.headers.entry(HOST) {
            Entry::Occupied(host) => {
                host.get().as_bytes().eq_ignore_ascii_case(authority.as_bytes())
            }
            Entry::Vacant(none) => {
                none.insert(authority);
                true
            }
        };
        if is_same && head.uri.path_and_query().is_some() {
            let path = std::mem::take(&mut head.uri).into_parts().path_and_query;
            head.uri = path.map(Uri::from).unwrap_or_default();
        }
    }
    wants_protocol(head, random)
}

/// A client may send a field for each cookie, to pack them better; HTTP/1.1 knows one
/// (RFC 9113, section 8.2.3).
fn join_cookies(head: &mut Parts) {
    let mut fields = head.headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (fields.next(), fields.next()) else { return };
    let mut all = first.as_bytes().to_vec();
    for field in std::iter::once(second).chain(fields) {
        all.extend_from_slice(b"; ");
        all.extend_from_slice(field.as_bytes());
    }
    if let Ok(all) = HeaderValue::from_maybe_shared(bytes::Bytes::from(all)) {
        head.headers.insert(COOKIE, all);
    }
}

/// Makes an extended CONNECT (RFC 8441) what it is in HTTP/1.1: GET with `Upgrade`.
fn wants_protocol(head: &mut Parts, random: &Random) -> bool {
    let Some(protocol) = head.extensions.remove::<Protocol>() else { return false };
    let Ok(name) = HeaderValue::from_str(protocol.as_str()) else { return false };
    head.method = Method::GET;
    head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    head.headers.insert(UPGRADE, name);
    if protocol.as_str().eq_ignore_ascii_case("websocket") {
        // HTTP/2 has no such key; the backend wants one (RFC 6455, section 4.1).
        let mut key = [0; 16];
        key[..8].copy_from_slice(&random.next().to_ne_bytes());
        key[8..].copy_from_slice(&random.next().to_ne_bytes());
        if let Ok(key) = HeaderValue::from_str(&STANDARD.encode(key)) {
            head.headers.insert(SEC_WEBSOCKET_KEY, key);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn head(request: http::request::Builder) -> (Parts, bool) {
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        let wants = as_http1(&mut head, &Random::from_seed(1));
        (head, wants)
    }

    #[test]
    fn the_authority_becomes_the_host() {
        // RFC 9113, section 8.3.1
        let request = |host: Option<&str>| {
            let request = Request::builder().uri("https://cafe.example:8443/tea?x=1");
            head(host.into_iter().fold(request, |request, host| request.header(HOST, host))).0
        };
        for host in [None, Some("Cafe.example:8443")] {
            let head = request(host);
            assert_eq!(head.uri, "/tea?x=1", "{host:?}");
            assert_eq!(head.headers[HOST], host.unwrap_or("cafe.example:8443"));
        }
        let head = request(Some("other.example"));
        assert_eq!(head.uri.authority().unwrap(), "cafe.example:8443", "left to be refused");
    }

    #[test]
    fn cookies_are_joined() {
        // RFC 9113, section 8.2.3
        let request = Request::builder().uri("/").header(COOKIE, "a=1").header(COOKIE, "b=2; c=3");
        let (head, _) = head(request);
        let cookies: Vec<_> = head.headers.get_all(COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3"]);
    }

    #[test]
    fn an_extended_connect_becomes_an_upgrade() {
        // RFC 8441, section 5
        for (protocol, keys) in [("websocket", 1), ("connect-udp", 0)] {
            let request = Request::builder()
                .method(Method::CONNECT)
                .uri("https://cafe.example/chat")
                .extension(Protocol::from_static(protocol));
            let (head, wants) = head(request);
            assert!(wants);
            assert_eq!((head.method.as_str(), head.uri.path()), ("GET", "/chat"));
            assert_eq!(head.headers[UPGRADE], protocol);
            assert_eq!(head.headers[CONNECTION], "upgrade");
            let found = head.headers.get_all(SEC_WEBSOCKET_KEY).iter();
            let lengths: Vec<usize> = found.map(|key| key.len()).collect();
            assert_eq!(lengths, vec![24; keys]);
        }
        let (head, wants) = head(Request::connect("cafe.example:443"));
        assert!(!wants && head.method == Method::CONNECT);
    }
}
