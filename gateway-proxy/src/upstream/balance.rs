//! The endpoints of an upstream, and which of them is taken.

mod ring;

use super::endpoint::Holding;
use super::member::Member;
use super::peer::{Address, PeerTls};
use super::standing::Standing;
use super::waiting::Waiting;
use crate::error::Failure;
use crate::head::Head;
use crate::worker::Random;
use gateway_core::Decision;
use gateway_core::rules::{BackendSettings, Balance};
use ring::{Ring, hash, spread};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The ready endpoints of a Service's port, as an upstream asks them.
#[derive(Debug)]
pub(crate) struct Group {
    members: Vec<Member>,
    settings: Arc<BackendSettings>,
    /// Whether another Service takes the requests while no endpoint works.
    has_backup: bool,
    /// Whether it is known which endpoints are meant.
    is_known: bool,
    check_tls: Option<Arc<PeerTls>>,
    turn: AtomicUsize,
    /// Where keys stand, where they do.
    ring: Option<Ring>,
    /// Most requests of an endpoint with a place there, in percent of the average; `None` for any.
    bound: Option<u32>,
    /// Who waits for an endpoint. Outlives the table.
    waiting: Arc<Waiting>,
}

/// What a request asks of the endpoint that is taken.
pub(crate) struct Choice<'c, F> {
    /// What it is known by, where [`key`] says something.
    pub(crate) key: u64,
    /// The place of the endpoint that its session is kept at.
    pub(crate) kept: Option<usize>,
    /// Where it failed already.
    pub(crate) tried: &'c [Address],
    pub(crate) random: &'c Random,
    /// Which workloads admit it.
    pub(crate) reaches: F,
}

impl Group {
    /// The endpoints of the same upstream in the last table, `previous`, hand on who waits for
    /// them.
    pub(crate) fn new(
        members: Vec<Member>,
        settings: Arc<BackendSettings>,
        has_backup: bool,
        previous: Option<&Self>,
    ) -> Self {
        let consistent = matches!(settings.balance, Balance::Hash { consistent: true, .. });
        let ring = consistent.then(|| Ring::new(members.iter().map(Member::address)));
        let turn = previous.map_or(0, |previous| previous.turn.load(Ordering::Relaxed));
        let waiting = previous.map(|previous| Arc::clone(&previous.waiting)).unwrap_or_default();
        let turn = AtomicUsize::new(turn);
        let (is_known, check_tls, bound) = (true, None, None);
        Self { members, settings, has_backup, is_known, check_tls, turn, ring, bound, waiting }
    }

    /// The same, where an endpoint of a key that has `bound` percent of the average load, or more, is
    /// passed over.
    pub(crate) fn bounded(self, bound: Option<u32>) -> Self {
        Self { bound, ..self }
    }

    /// The same, of which documents do not tell which endpoints are meant.
    pub(crate) fn unknown(self) -> Self {
        Self { is_known: false, ..self }
    }

    /// The same, whose endpoints are checked within TLS.
    pub(crate) fn checked_in(self, check_tls: Option<Arc<PeerTls>>) -> Self {
        Self { check_tls, ..self }
    }

    /// How TLS is spoken by checks.
    pub(super) fn check_tls(&self) -> Option<&Arc<PeerTls>> {
        self.check_tls.as_ref()
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(crate) fn member(&self, at: usize) -> Option<&Member> {
        self.members.get(at)
    }

    pub(crate) fn settings(&self) -> &Arc<BackendSettings> {
        &self.settings
    }

    pub(super) fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// How the endpoints fare, by their addresses.
    pub(crate) fn standings(&self) -> HashMap<&Address, &Arc<Standing>> {
        self.members.iter().map(|member| (member.address(), &member.standing)).collect()
    }

    /// Whether no request comes to anything here.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && !self.has_backup && self.is_known
    }

    /// Whether another Service takes the requests while no endpoint works.
    pub(crate) fn has_backup(&self) -> bool {
        self.has_backup
    }

    /// How many endpoints there are of the workloads that a request may reach.
    pub(crate) fn count(&self, reaches: impl Fn(usize) -> bool) -> usize {
        self.members.iter().filter(|member| reaches(member.workload)).count()
    }

    /// Whether [`Group::take`] finds one in the end.
    pub(crate) fn has_any(&self, reaches: impl Fn(usize) -> bool) -> bool {
        self.members.iter().any(|m| reaches(m.workload) && m.is_in() && self.is_healthy(m))
    }

    /// Whether checks let it be tried (virtualserver §4, `healthCheck`).
    fn is_healthy(&self, member: &Member) -> bool {
        self.settings.health_check.as_ref().is_none_or(|check| member.standing.is_healthy(check))
    }

    /// Takes an endpoint of a workload that the request `reaches` and that is not out: one that was
    /// not `tried` and is not ejected, if there is one; then, unless there is a backup, one that
    /// was not tried; then any. Where all have as many requests as they may, it waits in the queue
    /// that there may be.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(crate) async fn take<F: Fn(usize) -> bool>(
        self: &Arc<Self>,
        choice: &Choice<'_, F>,
    ) -> Result<Holding, Failure> {
        let Some(queue) = self.settings.queue else { return self.try_take(choice) };
        if self.waiting.is_empty() {
            match self.try_take(choice) {
                Err(Failure::Busy) => {}
                taken => return taken,
            }
        }
        self.waiting.wait(queue, || self.try_take(choice)).await
    }

    fn try_take<F: Fn(usize) -> bool>(
        self: &Arc<Self>,
        choice: &Choice<'_, F>,
    ) -> Result<Holding, Failure> {
        loop {
            // Another thread may be quicker.
            if let Some(holding) = Holding::take(self, self.pick(choice)?) {
                return Ok(holding);
            }
        }
    }

    fn pick<F: Fn(usize) -> bool>(&self, choice: &Choice<'_, F>) -> Result<usize, Failure> {
        let most = self.settings.max_connections;
        let has_room = |m: &Member| m.standing.has_room(most);
        let fresh = |m: &Member| !choice.tried.contains(m.address());
        let usable = |m: &Member| (choice.reaches)(m.workload) && m.is_in() && self.is_healthy(m);
        let works = |m: &Member| fresh(m) && !m.is_ejected() && usable(m);
        let untried = |m: &Member| fresh(m) && usable(m);
        if let Some(at) = choice.kept
            && self.member(at).is_some_and(|m| works(m) && has_room(m))
        {
            return Ok(at);
        }
        let orders: [&dyn Fn(&Member) -> bool; 3] = [&works, &untried, &usable];
        // virtualserver §14: a lone endpoint is never skipped, unless another Service stands in.
        let orders = if self.has_backup { &orders[..1] } else { &orders };
        for suits in orders {
            if let Some(at) = self.choose(choice, |m| suits(m) && has_room(m)) {
                return Ok(at);
            }
            if most.is_some() && self.members.iter().any(suits) {
                return Err(if self.has_backup { Failure::NoneWorks } else { Failure::Busy });
            }
        }
        if !self.is_known {
            return Err(Failure::Unsupported);
        }
        let reached = || self.members.iter().filter(|m| (choice.reaches)(m.workload));
        Err(match reached().next() {
            None if !self.members.is_empty() => Failure::Denied,
            Some(_) if !reached().any(Member::is_in) => Failure::CircuitOpen,
            _ if self.has_backup => Failure::NoneWorks,
            // smi T-17: without endpoints nobody learns of rules.
            _ => Failure::NoEndpoint,
        })
    }

    /// The place of the endpoint that the rule says, of those that suit.
    fn choose<F>(&self, choice: &Choice<'_, F>, suits: impl Fn(&Member) -> bool) -> Option<usize> {
        let random = choice.random;
        match self.settings.balance {
            Balance::Random => self.next_from(random.below(self.members.len()), suits),
            Balance::RandomTwoLeastConnections => {
                let two = self.two(random, suits);
                self.least(two, |m| self.connections(m))
            }
            Balance::RandomTwoLeastTime(_) => {
                let two = self.two(random, suits);
                self.least(two, self.time(two, false))
            }
            Balance::LeastConnections => {
                let all = self.all_from(self.next_turn()).filter(|at| suits(&self.members[*at]));
                self.least(all, |m| self.connections(m))
            }
            Balance::LeastTime { inflight, .. } => {
                let all = self.all_from(self.next_turn()).filter(|at| suits(&self.members[*at]));
                self.least(all.clone(), self.time(all, inflight))
            }
            Balance::ClientAddress | Balance::Hash { consistent: false, .. } => {
                self.by_key(choice.key, suits)
            }
            Balance::Hash { consistent: true, .. } => {
                let ring = self.ring.as_ref()?;
                let most = self.most_of_any(&suits);
                let has_less = |m: &Member| most.is_none_or(|most| m.endpoint.active() < most);
                ring.from(choice.key).find(|at| {
                    let member = &self.members[*at];
                    suits(member) && has_less(member)
                })
            }
            // One after the other, also for what rules may come to ask.
            _ => self.in_turn(random, suits),
        }
    }

    /// How many requests an endpoint with a place on the ring may have, so that it takes no more than
    /// its bound with one more. One at least has fewer.
    fn most_of_any(&self, suits: impl Fn(&Member) -> bool) -> Option<u32> {
        let bound = u64::from(self.bound?);
        let suiting = self.members.iter().filter(|member| suits(member));
        let (count, active) = suiting.fold((0, 1), |(count, active), member| {
            (count + 1, active + u64::from(member.endpoint.active()))
        });
        let most = (active * bound).div_ceil(100 * u64::max(count, 1));
        Some(u32::try_from(most).unwrap_or(u32::MAX))
    }

    fn next_turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed) % self.members.len().max(1)
    }

    /// The places of all endpoints, from `first` on.
    fn all_from(&self, first: usize) -> impl Iterator<Item = usize> + Clone {
        (first..self.members.len()).chain(0..first)
    }

    fn next_from(&self, first: usize, suits: impl Fn(&Member) -> bool) -> Option<usize> {
        self.all_from(first).find(|at| suits(&self.members[*at]))
    }

    /// The next one. One that gets only a part of its share is passed over now and then.
    fn in_turn(&self, random: &Random, suits: impl Fn(&Member) -> bool) -> Option<usize> {
        let mut next = self.next_from(self.next_turn(), &suits)?;
        if self.settings.slow_start.is_some() {
            for _ in 0..self.members.len() {
                let share = self.share(&self.members[next]);
                if share >= 1.0 || (random.next() as f64) < share * u64::MAX as f64 {
                    break;
                }
                next = self.next_from(self.next_turn(), &suits)?;
            }
        }
        Some(next)
    }

    /// Any two that suit, or the only one.
    fn two(&self, random: &Random, suits: impl Fn(&Member) -> bool) -> Two {
        let most = self.members.len();
        // Most often all suit.
        if most > 1 {
            let one = random.below(most);
            let other = (one + 1 + random.below(most - 1)) % most;
            if suits(&self.members[one]) && suits(&self.members[other]) {
                return Two([Some(one), Some(other)]);
            }
        }
        let mut suiting = (0..most).filter(|at| suits(&self.members[*at]));
        let many = suiting.clone().count();
        let one = random.below(many);
        let other = (many > 1).then(|| (one + 1 + random.below(many - 1)) % many);
        // Others may have taken the last place there meanwhile.
        let other = other.and_then(|other| suiting.clone().nth(other));
        Two([suiting.nth(one), other])
    }

    /// The first of those with the least cost for a request, per share.
    fn least(
        &self,
        of: impl IntoIterator<Item = usize>,
        cost: impl Fn(&Member) -> f64,
    ) -> Option<usize> {
        let costs = of.into_iter().map(|at| {
            let member = &self.members[at];
            (at, cost(member) / self.share(member))
        });
        costs.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(at, _)| at)
    }

    fn share(&self, member: &Member) -> f64 {
        member.standing.share(self.settings.slow_start)
    }

    /// The requests under way there, with one more.
    fn connections(&self, member: &Member) -> f64 {
        f64::from(member.endpoint.active()) + 1.0
    }

    /// How long that many requests probably take. One of which nothing is known is taken to be as
    /// quick as the quickest of those that it is compared with.
    fn time(
        &self,
        among: impl IntoIterator<Item = usize>,
        inflight: bool,
    ) -> impl Fn(&Member) -> f64 {
        let known = among.into_iter().filter_map(|at| self.members[at].standing.expected(inflight));
        let quickest = known.fold(f64::INFINITY, f64::min);
        let quickest = if quickest.is_finite() { quickest } else { 0.0 };
        move |member| {
            let expected = member.standing.expected(inflight).unwrap_or(quickest);
            (expected + 1.0) * self.connections(member)
        }
    }

    /// The one that a key leads to. Where it does not suit, the key leads on, so that not all of
    /// its keys go to one neighbour.
    fn by_key(&self, key: u64, suits: impl Fn(&Member) -> bool) -> Option<usize> {
        /// How often (as NGINX).
        const TRIES: u64 = 20;
        let most = self.members.len();
        let place = |key: u64| ((u128::from(key) * most as u128) >> 64) as usize;
        let mut places = (0..TRIES).map(|n| place(if n == 0 { key } else { spread(key ^ n) }));
        let found = places.find(|at| self.member(*at).is_some_and(&suits));
        found.or_else(|| self.next_from(place(key), suits))
    }
}

/// The places of one or two endpoints.
#[derive(Clone, Copy)]
struct Two([Option<usize>; 2]);

impl IntoIterator for Two {
    type Item = usize;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<usize>, 2>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}

/// By what requests go to the same endpoint (virtualserver §14); 0 where it is by nothing.
pub(crate) fn key(balance: &Balance, decision: &Decision<'_>, head: &Head<'_>) -> u64 {
    match balance {
        Balance::ClientAddress => hash(&network(head.peer.ip())),
        Balance::Hash { .. } => {
            let mut key = Vec::new();
            decision.write_balance_key(head, &mut key);
            hash(&key)
        }
        _ => 0,
    }
}

/// The network of a client: the first three octets of an IPv4 address, or a whole IPv6 address.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets()[..3].to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests;
