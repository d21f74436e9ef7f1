//! Whose request it is that a trusted proxy in front passes on.

use crate::config::RealIpHeader;
use gateway_core::rules::Networks;
use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Which proxies are believed, and in which field.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies {
    pub(crate) networks: Networks,
    pub(crate) header: RealIpHeader,
}

impl TrustedProxies {
    /// The client of a request that `peer` sent: the last address of the field that is not a
    /// trusted proxy's, if `peer` is one. What a client wrote there itself is further left, and
    /// never gets a say.
    pub(crate) fn client(&self, headers: &HeaderMap, peer: SocketAddr) -> SocketAddr {
        if !self.is_trusted(peer) {
            return peer;
        }
        let (name, address): (_, fn(&str) -> Option<SocketAddr>) = match self.header {
            RealIpHeader::XForwardedFor => (HeaderName::from_static("x-forwarded-for"), address),
            RealIpHeader::Forwarded => (FORWARDED, forwarded_for),
            RealIpHeader::XRealIp => {
                let last = headers.get_all("x-real-ip").iter().next_back();
                return last.and_then(|v| address(v.to_str().ok()?.trim())).unwrap_or(peer);
            }
        };
        let lists = headers.get_all(name).into_iter().rev().map(HeaderValue::to_str);
        let items = lists.flat_map(|list| list.unwrap_or_default().rsplit(',')).map(str::trim);
        let mut client = peer;
        for item in items {
            // Nothing is known of whoever stands before one that is not an address.
            let Some(named) = address(item) else { break };
            client = named;
            if !self.is_trusted(named) {
                break;
            }
        }
        client
    }

    fn is_trusted(&self, address: SocketAddr) -> bool {
        !self.networks.is_empty() && self.networks.contains(address.ip())
    }
}

/// An address with or without a port; 0 stands for none.
fn address(text: &str) -> Option<SocketAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    let ip = text.parse::<IpAddr>().ok().or_else(|| bracketed().map(IpAddr::V6));
    let socket = ip.map(|ip| SocketAddr::new(ip, 0)).or_else(|| text.parse().ok())?;
    Some(SocketAddr::new(socket.ip().to_canonical(), socket.port()))
}

/// The address of an element like `for="[2001:db8::1]:4711";proto=https` (RFC 7239).
fn forwarded_for(element: &str) -> Option<SocketAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    let quoted = || node.strip_prefix('"')?.strip_suffix('"');
    address(quoted().unwrap_or(node))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(header: RealIpHeader) -> TrustedProxies {
        let networks = ["10.0.0.0/8", "2001:db8::/32"];
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        TrustedProxies { networks, header }
    }

    fn client(header: RealIpHeader, peer: &str, fields: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        proxies(header).client(&headers, peer.parse().unwrap()).to_string()
    }

    #[test]
    fn the_last_address_that_is_not_a_proxys_is_the_client() {
        const NAME: &str = "x-forwarded-for";
        for (peer, values, want) in [
            // Whoever is not trusted is the client itself.
            ("192.0.2.1:9", &["198.51.100.1"][..], "192.0.2.1:9"),
            ("10.0.0.1:9", &[], "10.0.0.1:9"),
            ("10.0.0.1:9", &["198.51.100.1"], "198.51.100.1:0"),
            ("10.0.0.1:9", &["6.6.6.6, 198.51.100.1"], "198.51.100.1:0"),
            ("10.0.0.1:9", &["6.6.6.6", "198.51.100.1 ,10.0.0.2"], "198.51.100.1:0"),
            ("10.0.0.1:9", &["198.51.100.1", "10.0.0.3", "10.0.0.2"], "198.51.100.1:0"),
            ("10.0.0.1:9", &["10.0.0.3, 10.0.0.2"], "10.0.0.3:0"),
            ("10.0.0.1:9", &["198.51.100.1:4711"], "198.51.100.1:4711"),
            ("10.0.0.1:9", &["2001:db9::1"], "[2001:db9::1]:0"),
            ("10.0.0.1:9", &["[2001:db9::1]"], "[2001:db9::1]:0"),
            ("10.0.0.1:9", &["[2001:db9::1]:80"], "[2001:db9::1]:80"),
            ("10.0.0.1:9", &["::ffff:198.51.100.1"], "198.51.100.1:0"),
            ("10.0.0.1:9", &["6.6.6.6, ::ffff:10.0.0.7"], "6.6.6.6:0"),
            ("[2001:db8::1]:9", &["198.51.100.1"], "198.51.100.1:0"),
            // What is no address ends what is known.
            ("10.0.0.1:9", &["6.6.6.6, unknown"], "10.0.0.1:9"),
            ("10.0.0.1:9", &["6.6.6.6, unknown, 10.0.0.2"], "10.0.0.2:0"),
            ("10.0.0.1:9", &["6.6.6.6,"], "10.0.0.1:9"),
            ("10.0.0.1:9", &["6.6.6.6", "\u{e9}"], "10.0.0.1:9"),
            ("10.0.0.1:9", &["6.6.6.6", ""], "10.0.0.1:9"),
        ] {
            let fields: Vec<_> = values.iter().map(|value| (NAME, *value)).collect();
            assert_eq!(client(RealIpHeader::XForwardedFor, peer, &fields), want, "{values:?}");
        }
        let nobody = TrustedProxies::default();
        let mut headers = HeaderMap::new();
        headers.insert(NAME, HeaderValue::from_static("198.51.100.1"));
        let peer = "10.0.0.1:9".parse().unwrap();
        assert_eq!(nobody.client(&headers, peer), peer, "nobody is trusted unasked");
    }

    #[test]
    fn other_fields_are_read_where_they_are_named() {
        for (value, want) in [
            ("for=198.51.100.1", "198.51.100.1:0"),
            ("for=6.6.6.6, For=198.51.100.1;proto=https;by=10.0.0.1", "198.51.100.1:0"),
            ("proto=http; for=\"[2001:db9::1]:4711\"", "[2001:db9::1]:4711"),
            ("for=198.51.100.1, for=10.0.0.2", "198.51.100.1:0"),
            ("for=198.51.100.1, for=_hidden", "10.0.0.1:9"),
            ("for=198.51.100.1, by=\"a,b\"", "10.0.0.1:9"),
            ("198.51.100.1", "10.0.0.1:9"),
        ] {
            let fields = [("forwarded", value), ("x-forwarded-for", "6.6.6.6")];
            assert_eq!(client(RealIpHeader::Forwarded, "10.0.0.1:9", &fields), want, "{value}");
        }
        for (fields, want) in [
            (&[("x-real-ip", "198.51.100.1")][..], "198.51.100.1:0"),
            (&[("x-real-ip", "6.6.6.6"), ("x-real-ip", "198.51.100.1")], "198.51.100.1:0"),
            (&[("x-real-ip", "a"), ("x-forwarded-for", "6.6.6.6")], "10.0.0.1:9"),
        ] {
            assert_eq!(client(RealIpHeader::XRealIp, "10.0.0.1:9", fields), want, "{fields:?}");
        }
    }
}
