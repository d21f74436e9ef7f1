//! The proxy over real sockets, with clients and backends that behave badly.
#![expect(unreachable_pub, clippy::unwrap_used, reason = "tests")]

mod backend;
mod backend_tls;
mod bodies;
mod breakers;
mod client;
mod error_pages;
mod failures;
mod framing;
mod gateway;
mod headers;
mod http2;
mod leaks;
mod mesh;
mod mirrors;
mod policies;
mod process;
mod reload;
mod routing;
mod service_limits;
mod shutdown;
mod signals;
mod suite;
