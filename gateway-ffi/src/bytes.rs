//! Runs of octets.

use crate::status::{GW_ERR_ARGUMENT, gw_status};
use std::ffi::c_char;

/// A run of octets, not ended by NUL. `ptr` NULL (with `len` 0): there is none, which is not the
/// same as an empty one. Who it belongs to is said where it stands. `GW_STR("text")` makes one of a
/// literal; print one with `"%.*s", (int)s.len, s.ptr`. Any thread may read it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_str {
    /// The first octet.
    pub ptr: *const c_char,
    /// How many octets.
    pub len: usize,
}

/// A name and a value: a line of a header, or an attribute.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_header {
    /// The name, in any case.
    pub name: gw_str,
    /// The value, without line end.
    pub value: gw_str,
}

/// A text of ours, as [`gw_str::of`].
pub(crate) fn text(text: &str) -> gw_str {
    gw_str::of(text.as_bytes())
}

impl gw_str {
    /// There is none.
    pub(crate) const ABSENT: Self = Self { ptr: std::ptr::null(), len: 0 };

    /// The caller keeps `bytes` where they are as long as C may read them.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr().cast(), len: bytes.len() }
    }

    pub(crate) fn of_option(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Self::ABSENT, Self::of)
    }

    /// Whether it can be a run of octets at all.
    #[inline]
    pub(crate) fn is_possible(&self) -> bool {
        if self.ptr.is_null() { self.len == 0 } else { self.len <= isize::MAX as usize }
    }

    /// Whether all of them can be. Costs less than asking each.
    #[inline]
    pub(crate) fn are_possible(all: &[Self]) -> bool {
        let bits = |bits: usize, len: usize| bits | len;
        let longest = all.iter().map(|text| text.len).fold(0, bits);
        let stray = |text: &Self| if text.ptr.is_null() { text.len } else { 0 };
        longest <= isize::MAX as usize && all.iter().map(stray).fold(0, bits) == 0
    }

    /// The octets; `None` where there are none.
    ///
    /// # Safety
    ///
    /// Where `ptr` is not NULL, `len` octets from there on can be read for `'a`, and nobody changes
    /// them.
    #[inline]
    pub(crate) unsafe fn get<'a>(self) -> Result<Option<&'a [u8]>, gw_status> {
        // SAFETY: it is possible; the caller vouches for the rest.
        if self.is_possible() { Ok(unsafe { self.known() }) } else { Err(GW_ERR_ARGUMENT) }
    }

    /// As [`gw_str::get`], where it is known to be possible.
    ///
    /// # Safety
    ///
    /// As for [`gw_str::get`], and [`gw_str::is_possible`] says yes.
    #[inline]
    pub(crate) unsafe fn known<'a>(self) -> Option<&'a [u8]> {
        // SAFETY: neither NULL nor too long; the caller vouches for the rest.
        let octets = || unsafe { std::slice::from_raw_parts(self.ptr.cast(), self.len) };
        (!self.ptr.is_null()).then(octets)
    }

    /// As [`gw_str::get`], for what must be UTF-8 where it is there.
    ///
    /// # Safety
    ///
    /// As [`gw_str::get`].
    pub(crate) unsafe fn text<'a>(self) -> Result<Option<&'a str>, gw_status> {
        // SAFETY: the caller vouches for what `get` asks.
        let octets = unsafe { self.get() }?;
        octets.map(std::str::from_utf8).transpose().map_err(|_| GW_ERR_ARGUMENT)
    }
}

/// An array of plain values; empty where there are none.
///
/// # Safety
///
/// Where `ptr` is not NULL and `len` is not 0, `len` values from there on can be read for `'a`, and
/// nobody changes them.
#[inline]
pub(crate) unsafe fn array<'a, T: Copy>(ptr: *const T, len: usize) -> Result<&'a [T], gw_status> {
    if len == 0 {
        return Ok(&[]);
    }
    let fits = len <= isize::MAX as usize / size_of::<T>().max(1);
    if ptr.is_null() || !ptr.is_aligned() || !fits {
        return Err(GW_ERR_ARGUMENT);
    }
    // SAFETY: not NULL, aligned, not too long; the caller vouches for the rest.
    Ok(unsafe { std::slice::from_raw_parts(ptr, len) })
}
