//! What a header of HTTP/2 must not have.

use crate::http1::is_of_connection;
use http::HeaderMap;
use http::header::TE;

/// Drops the fields that are about a connection of HTTP/1 (RFC 9113, section 8.2.2), which h2 does not
/// send. Those of the other side are gone already; rules may set some.
pub(crate) fn strip(headers: &mut HeaderMap) {
    while let Some(name) = headers.iter().find_map(|(name, value)| {
        let may_stay = *name == TE && value == "trailers";
        (is_of_connection(name) && !may_stay).then(|| name.clone())
    }) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn nothing_about_connections_of_http1_is_left() {
        // RFC 9113, section 8.2.2
        let map = |fields: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in fields {
                map.append(*name, HeaderValue::from_static(value));
            }
            map
        };
        let mut headers = map(&[
            ("connection", "close"),
            ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "close"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("te", "gzip"),
            ("etag", "1"),
            ("trailer", "x-sum"),
        ]);
        strip(&mut headers);
        assert_eq!(headers, map(&[("etag", "1"), ("trailer", "x-sum")]));
        let trailers = map(&[("te", "trailers")]);
        let mut headers = trailers.clone();
        strip(&mut headers);
        assert_eq!(headers, trailers);
    }
}
