//! Who owns which host of which listener (decisions §1).

use super::Context;
use crate::origin::Origin;
use crate::rules::{HostPattern, Listener, Protocol, Route};
use std::net::IpAddr;

/// A host that a dialect wants to own on a listener.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// The socket.
    pub(crate) socket: Socket,
    /// Claims of one `section` fall through to each other (a Gateway listener's hosts); empty
    /// for claims that stand alone.
    pub(crate) section: Box<str>,
    pub(crate) hostname: HostPattern,
    pub(crate) falls_through: bool,
    pub(crate) routes: Vec<Route>,
    pub(crate) rank: Rank,
    /// `metadata.creationTimestamp` of the oldest object behind the claim; `None` is newest.
    pub(crate) created: Option<Box<str>>,
    pub(crate) uid: Option<Box<str>>,
    /// The (oldest) object behind the claim.
    pub(crate) origin: Origin,
}

/// Which claims go before others whatever their age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// A host that a document names: VirtualServer, HTTPRoute.
    Explicit,
    /// A host named after a Service (smi R-2).
    ServiceHost,
    /// A Gateway listener's host without routes, so that it answers 404 by itself.
    Empty,
}

/// A socket that a document asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Socket {
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    /// What to print for it.
    pub(crate) name: Box<str>,
    pub(crate) origin: Origin,
}

/// One owner for each host of each socket. Losers get a warning that names the winner.
pub(super) fn settle(context: &mut Context<'_>) -> Vec<Listener> {
    let _ = context;
    todo!()
}
