//! See `gateway-proxy/src/http1/reference.rs`.
#![no_main]

#[expect(dead_code, reason = "the proxy and the target for answers use more of it")]
#[path = "../../gateway-proxy/src/http1"]
mod http1 {
    pub(crate) mod reference;
    mod scan;
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http1::reference::agree(bytes, bytes.len() as u64));
