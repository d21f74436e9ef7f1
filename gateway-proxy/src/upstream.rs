//! Connections to backends: which endpoint, which connection, and when to try again.

mod balance;
mod budget;
mod circuit;
mod connect;
mod connection;
mod http1;
mod http2;
mod line;
mod peer;
mod pool;
mod retry;

pub(crate) use balance::{Endpoint, Group, Holding, Member};
pub(crate) use budget::Budgets;
pub(crate) use circuit::{Circuit, History};
pub(crate) use peer::{Address, Channel, HttpVersion, Peer, PeerTls, Speech};
pub(crate) use pool::{Checkout, Lease, Pool};
pub(crate) use retry::Tries;
