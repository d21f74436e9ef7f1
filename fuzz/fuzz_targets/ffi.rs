//! See `gateway-ffi/tests/replay/drive.rs`.
#![no_main]

#[path = "../../gateway-ffi/tests/replay/drive.rs"]
mod drive;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    drive::drive(bytes);
});
