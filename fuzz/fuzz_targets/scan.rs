//! See `gateway-proxy/src/framing/reference.rs`.
#![no_main]

#[path = "../../gateway-proxy/src/framing/reference.rs"]
mod reference;
#[path = "../../gateway-proxy/src/framing/scan.rs"]
mod scan;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reference::agree(bytes, bytes.len() as u64));
