//! The endpoints of a Service's port, and which of them is taken.

use super::circuit::Circuit;
use super::peer::{Address, Peer};
use crate::error::Failure;
use crate::worker::Random;
use gateway_core::rules::Balance;
use http::StatusCode;
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

/// An endpoint as one of a Service's port.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) endpoint: Arc<Endpoint>,
    /// Which of the Service's workloads it belongs to.
    pub(crate) workload: usize,
    /// Says when it pauses, where the Service has a circuit breaker.
    pub(crate) circuit: Option<Circuit>,
}

impl Member {
    /// Notes that it answered.
    pub(crate) fn answered(&self, status: StatusCode) {
        self.endpoint.answered();
        if let Some(circuit) = &self.circuit {
            circuit.answered(status);
        }
    }

    /// Notes that it could not be reached, or did not answer as it should.
    pub(crate) fn failed(&self) {
        self.endpoint.failed();
        self.timed_out();
    }

    /// Notes that it was still to answer when the time for the whole exchange was over, which may
    /// have been short already when it was asked.
    pub(crate) fn timed_out(&self) {
        if let Some(circuit) = &self.circuit {
            circuit.failed();
        }
    }

    /// Whether its circuit breaker lets it be tried.
    pub(crate) fn is_in(&self) -> bool {
        self.circuit.as_ref().is_none_or(Circuit::admits)
    }

    /// A circuit breaker alone says when its endpoints pause (smi N-10).
    fn is_ejected(&self) -> bool {
        self.circuit.is_none() && self.endpoint.is_ejected()
    }
}

/// The ready endpoints of a Service's port.
#[derive(Debug)]
pub(crate) struct Group {
    members: Vec<Member>,
    turn: AtomicUsize,
}

impl Group {
    pub(crate) fn new(members: Vec<Member>) -> Self {
        Self { members, turn: AtomicUsize::new(0) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How many endpoints there are of the workloads that a request may reach.
    pub(crate) fn count(&self, reaches: impl Fn(usize) -> bool) -> usize {
        self.members.iter().filter(|member| reaches(member.workload)).count()
    }

    /// Whether [`Group::pick`] finds one.
    pub(crate) fn has_any(&self, reaches: impl Fn(usize) -> bool) -> bool {
        self.members.iter().any(|member| reaches(member.workload) && member.is_in())
    }

    /// Takes an endpoint of a workload that the request `reaches` and that is not out: one that was
    /// not `tried` and is not ejected, if there is one; then one that was not tried; then any.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(crate) fn pick(
        &self,
        balance: &Balance,
        tried: &[Address],
        random: &Random,
        reaches: impl Fn(usize) -> bool,
    ) -> Result<&Member, Failure> {
        let fresh = |m: &Member| !tried.contains(m.endpoint.address());
        let usable = |m: &Member| reaches(m.workload) && m.is_in();
        self.pick_where(balance, random, |m| fresh(m) && !m.is_ejected() && usable(m))
            .or_else(|| self.pick_where(balance, random, |m| fresh(m) && usable(m)))
            .or_else(|| self.pick_where(balance, random, usable))
            .ok_or_else(|| match self.count(&reaches) {
                // smi T-17: without endpoints nobody learns of rules.
                _ if self.is_empty() => Failure::NoEndpoint,
                0 => Failure::Denied,
                _ => Failure::CircuitOpen,
            })
    }

    fn pick_where(
        &self,
        balance: &Balance,
        random: &Random,
        usable: impl Fn(&Member) -> bool,
    ) -> Option<&Member> {
        let active = |m: &&Member| m.endpoint.active.load(Ordering::Relaxed);
        let first = match balance {
            Balance::Random | Balance::RandomTwoLeastConnections => {
                random.below(self.members.len())
            }
            // Also for the ways that are not carried out yet (see `unsupported`).
            _ => self.turn.fetch_add(1, Ordering::Relaxed) % self.members.len().max(1),
        };
        let mut from_first = {
            let (before, after) = self.members.split_at_checked(first)?;
            after.iter().chain(before).filter(|m| usable(m))
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
    use super::super::circuit::History;
    use super::*;
    use gateway_core::rules::CircuitBreaker;
    use gateway_core::{ObjectRef, Origin};

    /// Endpoints at the ports from 1 on, each a workload of its own.
    fn group(n: u16) -> Group {
        let member = |port| Member {
            endpoint: Arc::new(Endpoint::new(Peer::plain(Address::new("127.0.0.1", port)))),
            workload: usize::from(port) - 1,
            circuit: None,
        };
        Group::new((1..=n).map(member).collect())
    }

    /// The same, where a failure is enough for an endpoint to pause.
    fn breaking(n: u16) -> Group {
        let breaker = CircuitBreaker {
            errors: 1,
            window: Duration::MAX,
            counts_5xx: false,
            fallback: None,
            origin: Origin::new(ObjectRef::new("CircuitBreaker", "shop", "a"), "spec"),
        };
        let mut group = group(n);
        for member in &mut group.members {
            member.circuit = Some(Circuit::new(&breaker, Arc::new(History::new())));
        }
        group
    }

    /// The port of the endpoint that is picked, whichever workload it belongs to.
    fn picked(group: &Group, balance: &Balance, tried: &[Address], random: &Random) -> u16 {
        port(group.pick(balance, tried, random, |_| true).unwrap())
    }

    fn port(member: &Member) -> u16 {
        match member.endpoint.address() {
            Address::Socket(address) => address.port(),
            other @ Address::Name(..) => panic!("{other:?}"),
        }
    }

    const ALL: [Balance; 4] = [
        Balance::RoundRobin,
        Balance::Random,
        Balance::LeastConnections,
        Balance::RandomTwoLeastConnections,
    ];

    #[test]
    fn round_robin_takes_one_after_the_other() {
        let (group, random) = (group(3), Random::from_seed(1));
        let taken: Vec<u16> =
            (0..6).map(|_| picked(&group, &Balance::RoundRobin, &[], &random)).collect();
        assert_eq!(taken, [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn random_takes_any() {
        let (group, random) = (group(3), Random::from_seed(5));
        let taken: Vec<u16> =
            (0..64).map(|_| picked(&group, &Balance::Random, &[], &random)).collect();
        for endpoint in 1..=3 {
            assert!(taken.windows(2).any(|two| two == [endpoint, endpoint]), "{taken:?}");
        }
    }

    #[test]
    fn the_one_with_the_fewest_exchanges_is_taken() {
        let (group, random) = (group(3), Random::from_seed(1));
        let held: Vec<Holding> =
            [0, 0, 2].map(|i| Holding::new(Arc::clone(&group.members[i].endpoint))).into();
        for _ in 0..4 {
            assert_eq!(picked(&group, &Balance::LeastConnections, &[], &random), 2);
        }
        drop(held);
        let seen: std::collections::BTreeSet<u16> =
            (0..3).map(|_| picked(&group, &Balance::LeastConnections, &[], &random)).collect();
        assert_eq!(seen.len(), 3, "ties go round");
    }

    #[test]
    fn two_choices_never_take_the_busiest() {
        let (group, random) = (group(3), Random::from_seed(7));
        let _busy = [0, 0, 0].map(|i| Holding::new(Arc::clone(&group.members[i].endpoint)));
        for _ in 0..64 {
            assert_ne!(picked(&group, &Balance::RandomTwoLeastConnections, &[], &random), 1);
        }
    }

    #[test]
    fn a_failed_endpoint_is_left_out_unless_it_is_the_last() {
        for balance in ALL {
            let (group, random) = (group(2), Random::from_seed(3));
            group.members[0].failed();
            for _ in 0..8 {
                assert_eq!(picked(&group, &balance, &[], &random), 2, "{balance:?}");
            }
            let tried = [group.members[1].endpoint.address().clone()];
            assert_eq!(picked(&group, &balance, &tried, &random), 1, "{balance:?}");
            group.members[0].answered(StatusCode::OK);
            let seen: std::collections::BTreeSet<u16> =
                (0..64).map(|_| picked(&group, &balance, &[], &random)).collect();
            assert_eq!(seen.len(), 2, "{balance:?}");
        }
    }

    #[test]
    fn an_endpoint_that_is_out_is_not_picked_even_if_it_is_the_last() {
        // smi N-10
        for balance in ALL {
            let (group, random) = (breaking(3), Random::from_seed(3));
            group.members[0].failed();
            let tried: Vec<Address> =
                group.members[1..].iter().map(|m| m.endpoint.address().clone()).collect();
            for tried in [&[][..], &tried] {
                for _ in 0..16 {
                    assert_ne!(picked(&group, &balance, tried, &random), 1, "{balance:?}");
                }
            }
            // Nothing but the circuit breaker leaves one out.
            group.members[1].endpoint.failed();
            let seen: std::collections::BTreeSet<u16> =
                (0..64).map(|_| picked(&group, &balance, &[], &random)).collect();
            assert_eq!(Vec::from_iter(seen), [2, 3], "{balance:?}");
            group.members[1].timed_out();
            assert!(group.has_any(|_| true));
            group.members[2].failed();
            assert!(!group.has_any(|_| true));
            let none = group.pick(&balance, &[], &random, |_| true);
            assert_eq!(none.err(), Some(Failure::CircuitOpen), "{balance:?}");
        }
    }

    #[test]
    fn only_endpoints_that_admit_the_request_are_picked() {
        // smi T-15, T-17
        for balance in ALL {
            let (group, random) = (group(3), Random::from_seed(3));
            let reaches = |workload: usize| workload == 1;
            assert_eq!(group.count(reaches), 1);
            group.members[1].failed();
            let tried = [group.members[1].endpoint.address().clone()];
            for tried in [&[][..], &tried] {
                for _ in 0..8 {
                    let taken = group.pick(&balance, tried, &random, reaches).unwrap();
                    assert_eq!(port(taken), 2, "{balance:?}");
                }
            }
            let denied = group.pick(&balance, &[], &random, |_| false);
            assert_eq!(denied.err(), Some(Failure::Denied), "{balance:?}");
            let empty = Group::new(vec![]);
            let none = empty.pick(&balance, &[], &random, |_| false);
            assert_eq!(none.err(), Some(Failure::NoEndpoint), "{balance:?}");
        }
    }
}
