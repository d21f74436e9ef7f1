//! What tests, benches and fuzz targets share: a naive twin of the router, rule sets and requests
//! that collide, and the suite of documents and requests that every front of the engine runs.

mod agree;
pub mod build;
pub mod fuzz;
pub mod generate;
pub mod reference;
mod request;
mod smallest;
pub mod socket;
pub mod suite;

pub use agree::{agree, assert_agree};
pub use request::OwnedRequest;
pub use smallest::smallest;
