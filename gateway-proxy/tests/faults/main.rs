//! Backends that misbehave, one way at a time and all at once, and what the proxy makes of it:
//! `docs/reliability.md` says what is promised.
#![expect(unreachable_pub, clippy::unwrap_used, reason = "tests")]
#![expect(dead_code, reason = "the other tests use the rest of the shared modules")]

#[path = "../proxy/backend.rs"]
mod backend;
#[path = "../proxy/client.rs"]
mod client;
#[path = "../proxy/gateway.rs"]
mod gateway;
#[path = "../proxy/http2/peers.rs"]
mod peers;
#[path = "../proxy/process.rs"]
mod process;

mod budget;
mod clients;
mod dice;
mod fault;
mod http1;
mod http2;
mod ledger;
mod observe;
mod raw;
mod rogue;
mod shop;
mod storm;
