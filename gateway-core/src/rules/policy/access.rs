//! Which clients may come, by address.

use crate::origin::Origin;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// Lets clients in by their address (virtualserver §16.1).
#[derive(Debug, Clone, PartialEq)]
pub struct AccessControl {
    /// The list.
    pub rule: AccessRule,
    /// Where it was written.
    pub origin: Origin,
}

/// What a list of networks says.
#[derive(Debug, Clone, PartialEq)]
pub enum AccessRule {
    /// Only these may come.
    Allow(Networks),
    /// All but these may come.
    Deny(Networks),
}

impl AccessControl {
    /// Whether a client of this address may come. A client of unknown address never may.
    pub fn allows(&self, client: Option<IpAddr>) -> bool {
        client.is_some_and(|address| match &self.rule {
            AccessRule::Allow(networks) => networks.contains(address),
            AccessRule::Deny(networks) => !networks.contains(address),
        })
    }
}

/// An address, or all that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`.
///
/// Bits behind the prefix are of no account. An IPv4 address and the IPv6 address that maps it
/// (`::ffff:192.0.2.7`) are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    first: u128,
    last: u128,
}

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidNetwork;

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("neither an IP address nor a CIDR like `10.0.0.0/8`")
    }
}

impl std::error::Error for InvalidNetwork {}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => bits,
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
                text.parse().ok().filter(|n: &u32| *n <= bits).ok_or(InvalidNetwork)?
            }
            Some(_) => return Err(InvalidNetwork),
        };
        let free = bits - length;
        let below = if free == 128 { u128::MAX } else { (1 << free) - 1 };
        let first = number(address) & !below;
        Ok(Self { first, last: first | below })
    }
}

/// A set of networks. Looking an address up takes the logarithm of their number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks {
    /// Sorted; they neither meet nor touch.
    ranges: Box<[(u128, u128)]>,
}

impl Networks {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The addresses that one of `sets` holds.
    pub(crate) fn union<'s>(sets: impl IntoIterator<Item = &'s Self>) -> Self {
        let ranges = sets.into_iter().flat_map(|set| &set.ranges);
        ranges.map(|(first, last)| Network { first: *first, last: *last }).collect()
    }

    /// Whether every address is in one of them.
    pub fn is_everything(&self) -> bool {
        *self.ranges == [(0, u128::MAX)]
    }

    /// Whether one of them holds `address`.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = number(address);
        let after = self.ranges.partition_point(|(first, _)| *first <= address);
        after.checked_sub(1).is_some_and(|at| address <= self.ranges[at].1)
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        let mut sorted: Vec<Network> = networks.into_iter().collect();
        sorted.sort_unstable();
        let mut ranges: Vec<(u128, u128)> = Vec::with_capacity(sorted.len());
        for Network { first, last } in sorted {
            match ranges.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last)
                }
                _ => ranges.push((first, last)),
            }
        }
        Self { ranges: ranges.into() }
    }
}

/// An address as a number of 128 bits, IPv4 mapped into IPv6.
fn number(address: IpAddr) -> u128 {
    let address: Ipv6Addr = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    address.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::ObjectRef;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    fn networks(texts: &[&str]) -> Networks {
        texts.iter().map(|text| text.parse::<Network>().expect("a network")).collect()
    }

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn what_is_a_network() {
        // virtualserver §16.1
        for text in ["192.0.2.7", "10.0.0.0/8", "10.1.2.3/8", "0.0.0.0/0", "::/0", "2001:db8::1"] {
            assert!(text.parse::<Network>().is_ok(), "{text}");
        }
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "a",
            "1.2.3.4/8/8",
        ] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text}");
        }
    }

    #[test]
    fn lists_allow_or_deny() {
        // virtualserver §16.1
        let origin = || crate::Origin::new(ObjectRef::new("Policy", "a", "b"), "");
        let listed = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"];
        let allow = AccessControl { rule: AccessRule::Allow(networks(&listed)), origin: origin() };
        let deny = AccessControl { rule: AccessRule::Deny(networks(&listed)), origin: origin() };
        for (client, is_listed) in [
            ("10.255.255.255", true),
            ("::ffff:10.0.0.1", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:ffff::", true),
            ("2001:db9::", false),
        ] {
            assert_eq!(allow.allows(address(client)), is_listed, "{client}");
            assert_eq!(deny.allows(address(client)), !is_listed, "{client}");
        }
        // Nobody gets in by having no address.
        assert!(!allow.allows(None) && !deny.allows(None));
        // An empty list is no exception: what lists of documents mean is for translation to say.
        for (rule, want) in [
            (AccessRule::Allow(Networks::default()), false),
            (AccessRule::Deny(Networks::default()), true),
        ] {
            let access = AccessControl { rule, origin: origin() };
            assert_eq!(access.allows(address("10.0.0.1")), want, "{access:?}");
        }
    }

    proptest! {
        #[test]
        fn sets_hold_what_one_of_their_networks_holds(
            list in proptest::collection::vec((any::<u32>(), 0u32..=32), 0..12),
            near in any::<u32>(),
            at in any::<proptest::sample::Index>(),
        ) {
            let texts: Vec<String> =
                list.iter().map(|(a, n)| format!("{}/{n}", Ipv4Addr::from(*a))).collect();
            let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
            let set = networks(&texts);
            let probe = if list.is_empty() { near } else { list[at.index(list.len())].0 ^ (near >> 24) };
            let inside = |(a, n): &(u32, u32)| *n == 0 || (a ^ probe).leading_zeros() >= *n;
            prop_assert_eq!(set.contains(Ipv4Addr::from(probe).into()), list.iter().any(inside));
        }
    }
}
