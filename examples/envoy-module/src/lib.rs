//! An Envoy dynamic module that routes by the documents of the gateway.
//!
//! ```text
//!  documents ──► table ──► filter ──► own answers, redirects, refusals
//!  read when     one        decides   │
//!  Envoy loads   router a             └─► header, path and host of the request; a note which
//!  the filter    filter                   cluster ──► specifier ──► Envoy's router ──► backend
//!                                                                                        │
//!                           filter ◄──────────────────────────────── header of the answer
//! ```
//!
//! The HTTP filter decides, once for each request, and carries everything out but the choice of the
//! cluster, which Envoy leaves to cluster specifiers: the one here does as the filter says, and
//! where no filter has said anything the answer is 500. What a decision asks for and nobody here does
//! ([`embedding::unsupported`]) is told when the configuration is loaded, and answered 500.

mod abi;
mod config;
mod filter;
mod give;
mod head;
mod header;
mod specifier;
mod table;
