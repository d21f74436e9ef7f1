//! See `gateway-proxy/src/http1/answers.rs`.
#![no_main]

#[expect(dead_code, reason = "the proxy uses more of it")]
#[path = "../../gateway-proxy/src/http1"]
mod http1 {
    pub(crate) mod answers;
    mod batch;
    mod head;
    mod incoming;
    mod outgoing;
    mod reference;
    mod scan;
    mod socket;
    mod wire;

    pub(crate) use head::response;
    pub(crate) use socket::{Body, Socket};
}

mod error {
    /// As the proxy has it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct BrokenBody;
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http1::answers::fuzzed(bytes));
