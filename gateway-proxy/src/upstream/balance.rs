//! The endpoints of a Service's port, and which of them is taken.

use super::peer::{Address, Peer};
use crate::worker::Random;
use gateway_core::rules::Balance;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// An endpoint that could not be reached is left out for this long, where there are others
/// (virtualserver §14, `fail-timeout`).
const EJECTION: Duration = Duration::from_secs(10);

/// An endpoint and how it fares. Outlives the table: a reload does not forget it.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) peer: Peer,
    /// Exchanges under way.
    active: AtomicU32,
    /// Milliseconds after `born` until which it is left out.
    ejected_until: AtomicU64,
    born: Instant,
}

impl Endpoint {
    pub(crate) fn new(peer: Peer) -> Self {
        Self {
            peer,
            active: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
            born: Instant::now(),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.peer.address
    }

    fn age(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes that it could not be reached, or did not answer as it should.
    pub(crate) fn failed(&self) {
        let until = self.age().saturating_add(EJECTION.as_millis() as u64);
        self.ejected_until.store(until, Ordering::Relaxed);
    }

    fn is_ejected(&self) -> bool {
        let until = self.ejected_until.load(Ordering::Relaxed);
        until != 0 && self.age() < until
    }

    /// Notes that it answered.
    pub(crate) fn answered(&self) {
        if self.ejected_until.load(Ordering::Relaxed) != 0 {
            self.ejected_until.store(0, Ordering::Relaxed);
        }
    }
}

/// An endpoint that an exchange is under way with; counts as long as it lives.
pub(crate) struct Holding(Arc<Endpoint>);

impl Holding {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        endpoint.active.fetch_add(1, Ordering::Relaxed);
        Self(endpoint)
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.0
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The ready endpoints of a Service's port.
#[derive(Debug)]
pub(crate) struct Group {
    endpoints: Vec<Arc<Endpoint>>,
    turn: AtomicUsize,
}

impl Group {
    pub(crate) fn new(endpoints: Vec<Arc<Endpoint>>) -> Self {
        Self { endpoints, turn: AtomicUsize::new(0) }
    }

    pub(crate) fn len(&self) -> usize {
        self.endpoints.len()
    }

    /// Takes an endpoint: one that was not `tried` and is not ejected, if there is one; then one
    /// that was not tried; then any. `None` only if there are none at all.
    pub(crate) fn pick(
        &self,
        balance: &Balance,
        tried: &[Address],
        random: &Random,
    ) -> Option<Arc<Endpoint>> {
        let fresh = |e: &Endpoint| !tried.contains(e.address());
        self.pick_where(balance, random, |e| fresh(e) && !e.is_ejected())
            .or_else(|| self.pick_where(balance, random, fresh))
            .or_else(|| self.pick_where(balance, random, |_| true))
            .map(Arc::clone)
    }

    fn pick_where(
        &self,
        balance: &Balance,
        random: &Random,
        usable: impl Fn(&Endpoint) -> bool,
    ) -> Option<&Arc<Endpoint>> {
        let active = |e: &&Arc<Endpoint>| e.active.load(Ordering::Relaxed);
        let first = match balance {
            Balance::Random | Balance::RandomTwoLeastConnections => {
                random.below(self.endpoints.len())
            }
            // Also for the ways that are not carried out yet (see `unsupported`).
            _ => self.turn.fetch_add(1, Ordering::Relaxed) % self.endpoints.len().max(1),
        };
        let mut from_first = {
            let (before, after) = self.endpoints.split_at_checked(first)?;
            after.iter().chain(before).filter(|e| usable(e))
        };
        match balance {
            Balance::LeastConnections => from_first.min_by_key(active),
            Balance::RandomTwoLeastConnections => {
                let one = from_first.next()?;
                let rest: usize = from_first.clone().count();
                let two = (rest > 0).then(|| from_first.nth(random.below(rest))).flatten();
                Some(two.filter(|two| active(two) < active(&one)).unwrap_or(one))
            }
            _ => from_first.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(n: u16) -> Group {
        let endpoint = |port| Arc::new(Endpoint::new(Peer::plain(Address::new("127.0.0.1", port))));
        Group::new((1..=n).map(endpoint).collect())
    }

    fn port(endpoint: Option<Arc<Endpoint>>) -> u16 {
        match endpoint.map(|e| e.address().clone()) {
            Some(Address::Socket(address)) => address.port(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn round_robin_takes_one_after_the_other() {
        let (group, random) = (group(3), Random::from_seed(1));
        let taken: Vec<u16> =
            (0..6).map(|_| port(group.pick(&Balance::RoundRobin, &[], &random))).collect();
        assert_eq!(taken, [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn random_takes_any() {
        let (group, random) = (group(3), Random::from_seed(5));
        let taken: Vec<u16> =
            (0..64).map(|_| port(group.pick(&Balance::Random, &[], &random))).collect();
        for endpoint in 1..=3 {
            assert!(taken.windows(2).any(|two| two == [endpoint, endpoint]), "{taken:?}");
        }
    }

    #[test]
    fn the_one_with_the_fewest_exchanges_is_taken() {
        let (group, random) = (group(3), Random::from_seed(1));
        let held: Vec<Holding> =
            [0, 0, 2].map(|i| Holding::new(Arc::clone(&group.endpoints[i]))).into();
        for _ in 0..4 {
            assert_eq!(port(group.pick(&Balance::LeastConnections, &[], &random)), 2);
        }
        drop(held);
        let seen: std::collections::BTreeSet<u16> =
            (0..3).map(|_| port(group.pick(&Balance::LeastConnections, &[], &random))).collect();
        assert_eq!(seen.len(), 3, "ties go round");
    }

    #[test]
    fn two_choices_never_take_the_busiest() {
        let (group, random) = (group(3), Random::from_seed(7));
        let _busy = [0, 0, 0].map(|i| Holding::new(Arc::clone(&group.endpoints[i])));
        for _ in 0..64 {
            assert_ne!(port(group.pick(&Balance::RandomTwoLeastConnections, &[], &random)), 1);
        }
    }

    #[test]
    fn a_failed_endpoint_is_left_out_unless_it_is_the_last() {
        for balance in [
            Balance::RoundRobin,
            Balance::Random,
            Balance::LeastConnections,
            Balance::RandomTwoLeastConnections,
        ] {
            let (group, random) = (group(2), Random::from_seed(3));
            group.endpoints[0].failed();
            for _ in 0..8 {
                assert_eq!(port(group.pick(&balance, &[], &random)), 2, "{balance:?}");
            }
            let tried = [group.endpoints[1].address().clone()];
            assert_eq!(port(group.pick(&balance, &tried, &random)), 1, "{balance:?}");
            group.endpoints[0].answered();
            let seen: std::collections::BTreeSet<u16> =
                (0..64).map(|_| port(group.pick(&balance, &[], &random))).collect();
            assert_eq!(seen.len(), 2, "{balance:?}");
        }
        assert!(
            Group::new(vec![]).pick(&Balance::RoundRobin, &[], &Random::from_seed(1)).is_none()
        );
    }
}
