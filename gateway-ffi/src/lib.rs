//! C interface of `gateway-core`.
//!
//! Only the version of the binary interface stands so far; routers, deciders and decisions follow.
#![expect(unsafe_code, reason = "a C interface exports symbols by name")]

/// The version of the binary interface. 0 means that nothing is promised yet.
#[unsafe(no_mangle)]
pub extern "C" fn gw_abi_version() -> u32 {
    0
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_is_promised_yet() {
        assert_eq!(super::gw_abi_version(), 0);
    }
}
