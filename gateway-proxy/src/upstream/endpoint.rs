//! An endpoint, and a request that is under way with it.

use super::balance::Group;
use super::member::Member;
use super::peer::{Address, Channel, Peer};
use super::pool::Pool;
use super::standing::Standing;
use super::tag::Tag;
use gateway_core::rules::{AnswerTime, Balance};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// An endpoint, whichever upstream it is asked for. Outlives the table.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) peer: Peer,
    /// Requests under way.
    active: AtomicU32,
    /// Whether the table that is in force does not have it.
    gone: AtomicBool,
    /// Made when it is first asked for.
    tag: OnceLock<Tag>,
}

impl Endpoint {
    pub(crate) fn new(peer: Peer) -> Self {
        Self { peer, active: AtomicU32::new(0), gone: AtomicBool::new(false), tag: OnceLock::new() }
    }

    /// Notes that the next table does not have it: connections that are in use are closed when
    /// their exchange is over.
    pub(crate) fn goes(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    pub(crate) fn address(&self) -> &Address {
        &self.peer.address
    }

    /// What stands for it where clients can see it.
    pub(crate) fn tag(&self) -> Tag {
        *self.tag.get_or_init(|| Tag::of(self.address()))
    }

    /// Requests under way.
    pub(super) fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
    }
}

/// An endpoint of a group that a request is under way with; counts as long as it lives.
pub(crate) struct Holding {
    group: Arc<Group>,
    at: usize,
    since: Instant,
    /// Whether the head of the answer is there.
    answered: Cell<bool>,
}

impl Holding {
    /// Takes the member of `group` at that place, if it has room.
    pub(super) fn take(group: &Arc<Group>, at: usize) -> Option<Self> {
        let member = group.member(at)?;
        let since = member.standing.take(group.settings().max_connections)?;
        member.endpoint.active.fetch_add(1, Ordering::Relaxed);
        Some(Self { group: Arc::clone(group), at, since, answered: Cell::new(false) })
    }

    /// Its place in the group.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    fn member(&self) -> &Member {
        // It was there when it was taken, and groups never change.
        &self.group.members()[self.at]
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.member().endpoint
    }

    /// Notes that the head of the answer is there.
    pub(crate) fn answered(&self) {
        self.answered.set(true);
        if self.times(AnswerTime::Head) {
            self.standing().timed(self.since.elapsed());
        }
    }

    /// Whether answers are timed up to there.
    fn times(&self, until: AnswerTime) -> bool {
        match self.group.settings().balance {
            Balance::LeastTime { until: timed, .. } | Balance::RandomTwoLeastTime(timed) => {
                timed == until
            }
            _ => false,
        }
    }

    fn standing(&self) -> &Standing {
        &self.member().standing
    }

    /// Whether its connection may be kept idle, of which an upstream may have a limit for each
    /// worker (virtualserver §4, `keepalive`).
    pub(super) fn may_idle(&self, pool: &Pool, channel: &Channel) -> bool {
        let has_room = || {
            self.group.settings().keepalive.is_none_or(|most| {
                let peers = self.group.members().iter().map(|member| &member.endpoint.peer);
                let idle = |peer: &Peer| pool.idle(&peer.spoken_to(&channel.speech));
                peers.map(idle).sum::<usize>() < most as usize
            })
        };
        !self.endpoint().gone.load(Ordering::Relaxed) && has_room()
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        if self.answered.get() && self.times(AnswerTime::Whole) {
            self.standing().timed(self.since.elapsed());
        }
        self.endpoint().active.fetch_sub(1, Ordering::Relaxed);
        self.standing().give_back(self.since);
        self.group.waiting().room();
    }
}
