//! See `gateway-proxy/src/http1/reference.rs`.
#![no_main]

#[path = "../../gateway-proxy/src/http1/reference.rs"]
mod reference;
#[path = "../../gateway-proxy/src/http1/scan.rs"]
mod scan;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reference::agree(bytes, bytes.len() as u64));
