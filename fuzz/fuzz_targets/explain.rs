//! See `testkit::fuzz::explain`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::explain(bytes));
