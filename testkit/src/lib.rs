//! What tests, benches and fuzz targets share: a naive twin of the router, rule sets and requests
//! that collide, and the suite of documents and requests that every front of the engine runs.

pub mod build;
pub mod fuzz;
pub mod generate;
pub mod reference;
mod request;
pub mod suite;

pub use request::OwnedRequest;
