//! A thin HTTP proxy around [`gateway_core`]: it reads documents, listens, and carries out what
//! the router decides.
//!
//! ```text
//!  source ──► reload ──► snapshot ─────────┐ (swapped; a request keeps the one it began with)
//!                                          ▼
//!  listener ──► connection ──► framing ──► decide ──► forward ──► upstream
//!                                                        └─► canned answers
//! ```
//!
//! Each worker thread has its own sockets, runtime and pool of upstream connections; threads share
//! nothing but the snapshot, and what is counted beside it. The protocol code is our own for HTTP/1
//! (`http1`) and around the `h2` crate for HTTP/2 (`http2`), which shows in `connection`, `exchange`,
//! `upgrade` and `upstream` only: everything between deals in heads and body frames. What goes on
//! beside clients and backends (`admin`, `trace::export`, health checks) is hyper's.
//! TLS is rustls's, which shows in `tls`, `handshake`, `stream`, and where connections begin.
//!
//! ```no_run
//! use gateway_proxy::{Config, Server, Source};
//! let config = Config { sources: vec![Source::Path("routes.yaml".into())], ..Config::default() };
//! let server = Server::start(config, |event| eprintln!("{event}"))?;
//! server.shutdown();
//! # Ok::<(), gateway_proxy::StartError>(())
//! ```

mod access_log;
mod admin;
mod answer;
mod attributes;
mod callers;
mod certificates;
mod clock;
mod config;
mod connection;
mod documents;
mod downstream;
mod error;
mod exchange;
mod features;
mod forward;
mod framing;
mod gate;
mod guard;
mod handshake;
mod head;
mod http1;
mod http2;
mod identity;
mod inherit;
mod listener;
mod metrics;
mod mirror;
mod outbound;
mod overload;
mod proxy_protocol;
mod real_ip;
mod record;
mod reload;
mod run;
mod seldom;
mod server;
mod service_limits;
mod session;
mod shutdown;
mod snapshot;
mod source;
mod stream;
mod streams;
mod systemd;
mod takeover;
mod timers;
mod tls;
mod trace;
mod unsupported;
mod upgrade;
mod upstream;
mod worker;

pub use access_log::{AccessLog, LogFormat, LogTarget};
pub use callers::unknown_callers;
pub use certificates::unusable_certificates;
pub use config::{Config, KnownService, Limits, RealIpHeader, Source};
pub use error::StartError;
pub use features::supported_features;
pub use identity::unusable_identity;
pub use listener::Listening;
pub use run::run;
pub use server::{Event, ReloadError, Server};
pub use snapshot::unspeakable;
pub use source::{Sources, Text};
pub use trace::Tracing;
pub use unsupported::{unknown_endpoints, unsupported};
