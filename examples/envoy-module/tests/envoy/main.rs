//! The module in a real Envoy, between real sockets.
//!
//! Without an `envoy` command the tests say so and pass; with `GATEWAY_REQUIRE_ENVOY` they fail.

#![expect(clippy::unwrap_used, reason = "tests")]

mod answers;
mod configuration;
mod forwarding;
mod policies;
mod process;
mod readme;
mod reload;
mod setup;
mod suite;
mod tls;
