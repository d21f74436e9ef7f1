//! Connections to backends: which endpoint, which connection, and when to try again.

mod balance;
mod budget;
mod circuit;
mod connect;
mod connection;
mod endpoint;
mod health;
mod http1;
mod http2;
mod line;
mod member;
mod peer;
mod pool;
mod retry;
mod standing;
mod tag;
mod waiting;

pub(crate) use balance::{Choice, Group, key};
pub(crate) use budget::Budgets;
pub(crate) use circuit::{Circuit, History};
pub(crate) use endpoint::{Endpoint, Holding};
pub(crate) use health::{Checked, Checker};
pub(crate) use member::Member;
pub(crate) use peer::{Address, Channel, HttpVersion, Peer, PeerTls, Speech};
pub(crate) use pool::{Checkout, Lease, Pool};
pub(crate) use retry::Tries;
pub(crate) use standing::Standing;
pub(crate) use tag::{Tag, from_hex, hex};
