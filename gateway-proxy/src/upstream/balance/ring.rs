//! A ring of the endpoints of a group, on which each key has its place (ketama): where endpoints
//! come and go, only the keys move that go to these or come from them.
//!
//! The rule says that all requests with a key go to one endpoint. Whoever wants loads bounded asks for
//! that ([`Config::hash_balance`](crate::Config::hash_balance)), or has `max-conns`.

use crate::upstream::Address;

/// Places of each endpoint. With so many the share of an endpoint is seldom a fifth away from what
/// it should be.
const PLACES: u32 = 160;

/// The places of endpoints, sorted.
#[derive(Debug)]
pub(super) struct Ring {
    places: Box<[(u64, u32)]>,
}

impl Ring {
    /// The places of endpoints at these addresses, the same in every replica.
    pub(super) fn new<'a>(addresses: impl Iterator<Item = &'a Address>) -> Self {
        let mut places = Vec::new();
        for (member, address) in (0..).zip(addresses) {
            let mut text = address.to_string().into_bytes();
            let length = text.len();
            for place in 0..PLACES {
                text.truncate(length);
                text.extend_from_slice(&place.to_be_bytes());
                places.push((hash(&text), member));
            }
        }
        places.sort_unstable();
        Self { places: places.into() }
    }

    /// Endpoints by their index, from the one that a key belongs to on. Each comes several times.
    pub(super) fn from(&self, key: u64) -> impl Iterator<Item = usize> {
        let first = self.places.partition_point(|(place, _)| *place < key);
        let (before, after) = self.places.split_at(first);
        after.iter().chain(before).map(|(_, member)| *member as usize)
    }
}

/// FNV-1a, spread over all bits. The same in every replica and every version.
pub(crate) fn hash(text: &[u8]) -> u64 {
    let hash = text.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    spread(hash)
}

/// The last step of SplitMix64: every bit depends on every other.
pub(super) fn spread(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::Random;
    use std::collections::BTreeSet;

    fn address(n: usize) -> Address {
        Address::new(&format!("10.0.{}.{}", n / 256, n % 256), 8080)
    }

    fn owner(addresses: &[Address], ring: &Ring, key: u64) -> Address {
        addresses[ring.from(key).next().unwrap()].clone()
    }

    #[test]
    fn only_keys_of_endpoints_that_come_or_go_move() {
        // virtualserver §14, `hash … consistent`
        let random = Random::from_seed(11);
        for round in 0..40 {
            let n = 2 + random.below(20);
            let before: Vec<Address> = (0..n).map(address).collect();
            let ring = Ring::new(before.iter());
            // One goes, or one comes, anywhere in the order.
            let mut after = before.clone();
            let changed = match round % 2 {
                0 => after.remove(random.below(n)),
                _ => {
                    after.insert(random.below(n + 1), address(n));
                    address(n)
                }
            };
            let other = Ring::new(after.iter());
            let mut moved = 0;
            for key in 0..2000 {
                let key = hash(format!("key {key}").as_bytes());
                let (old, new) = (owner(&before, &ring, key), owner(&after, &other, key));
                if old != new {
                    moved += 1;
                    assert!([&old, &new].contains(&&changed), "{old} to {new}, not {changed}");
                }
            }
            let fair = 2000 / before.len().max(after.len());
            assert!(moved > 0 && moved < 2 * fair, "{moved} of 2000, {n} endpoints");
        }
    }

    #[test]
    fn shares_are_even_and_all_are_reached_from_everywhere() {
        let addresses: Vec<Address> = (0..10).map(address).collect();
        let ring = Ring::new(addresses.iter());
        let mut counts = [0; 10];
        for key in 0..10_000 {
            let key = hash(format!("/item/{key}").as_bytes());
            counts[ring.from(key).next().unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (700..=1400).contains(count)), "{counts:?}");
        let reached: BTreeSet<usize> = ring.from(hash(b"a")).collect();
        assert_eq!(reached.len(), 10);
        assert_eq!(Ring::new(std::iter::empty()).from(1).next(), None);
    }

    #[test]
    fn places_are_never_changed() {
        // Replicas of different versions have to agree.
        assert_eq!(hash(b"10.0.0.1:8080"), 0xe6be_330c_3d44_a2e2);
    }
}
