//! The proxy over real sockets, with clients and backends that behave badly.
#![expect(unreachable_pub, clippy::unwrap_used, reason = "tests")]

mod access_log;
mod addresses;
mod backend;
mod backend_tls;
mod balance;
mod bodies;
mod breakers;
mod client;
mod error_pages;
mod failures;
mod framing;
mod gateway;
mod headers;
mod health;
mod http1;
mod http2;
mod injection;
mod leaks;
mod mesh;
mod mirrors;
mod overload;
mod policies;
mod process;
mod reload;
mod routing;
mod service_limits;
mod sessions;
mod shutdown;
mod signals;
mod suite;
mod takeover;
mod tls;
mod traces;
