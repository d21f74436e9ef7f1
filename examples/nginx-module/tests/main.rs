//! The nginx module, in the nginx of Debian.
//!
//! Without the packages nginx and nginx-dev nothing is tested, and that is told; where
//! `GATEWAY_REQUIRE_TOOLS` is set, it fails instead.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod backend;
mod behaviour;
mod module;
mod nginx;
mod suite;
mod tls;
