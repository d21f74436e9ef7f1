//! Which version this is.

use std::ffi::{CStr, c_char};

/// The version of this binary interface. It grows by one when something that was promised changes;
/// new functions, new fields at the end of structs and new numbers do not change it.
pub const GW_ABI_VERSION: u32 = 1;

/// As the linker of C wants it: with an end.
const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a version holds no NUL"),
    };

/// The `GW_ABI_VERSION` of the library that is loaded. Compare it once, at start (`GW_CHECK_ABI`).
#[unsafe(no_mangle)]
pub extern "C" fn gw_abi_version() -> u32 {
    GW_ABI_VERSION
}

/// The version of the library, for people: "0.1.0". Lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn gw_version() -> *const c_char {
    VERSION.as_ptr()
}

/// Spreads a number over 64 bits: makes a value for `gw_request.random` of 31 random bits, a
/// counter, or the hash of what clients are to be kept together by. A different one for each
/// number; the same for the same. Costs a few instructions.
#[unsafe(no_mangle)]
pub extern "C" fn gw_mix64(number: u64) -> u64 {
    // SplitMix64 of Steele, Lea and Flood.
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_numbers_are_spread() {
        // Vigna's reference implementation, seed 1234567.
        assert_eq!(gw_mix64(1_234_567), 6_457_827_717_110_365_317);
        // The upper half of what 31-bit numbers come to is used: half of them are above the middle.
        let above = (0..1_000).filter(|n| gw_mix64(*n) >> 63 == 1).count();
        assert!((400..600).contains(&above), "{above}");
    }

    #[test]
    fn the_version_is_that_of_the_crate() {
        assert_eq!(VERSION.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    }
}
