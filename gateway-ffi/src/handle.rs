//! What the pointers that C holds stand for: a box, or a share of something counted. All casts
//! between the two are here.

use crate::status::{GW_ERR_ARGUMENT, gw_status};
use std::sync::Arc;

/// Types of which C holds the only pointer.
pub(crate) trait Owned: Sized {}

/// Types of which C holds one of many pointers.
pub(crate) trait Shared: Sized {}

/// Hands a value out to C.
pub(crate) fn own<T: Owned>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Hands a share out to C.
pub(crate) fn share<T: Shared>(value: Arc<T>) -> *mut T {
    Arc::into_raw(value).cast_mut()
}

/// What a pointer stands for.
///
/// # Safety
///
/// The pointer is NULL or comes from [`own`] or [`share`], has not been freed, and is not used
/// otherwise than for reading during `'a`.
#[inline]
pub(crate) unsafe fn shared<'a, T>(ptr: *const T) -> Result<&'a T, gw_status> {
    if ptr.is_null() || !ptr.is_aligned() {
        return Err(GW_ERR_ARGUMENT);
    }
    // SAFETY: neither NULL nor misaligned; the caller vouches for the rest.
    Ok(unsafe { &*ptr })
}

/// What a pointer stands for, to be changed.
///
/// # Safety
///
/// The pointer is NULL or comes from [`own`], has not been freed, and nobody else uses it during
/// `'a`.
#[inline]
pub(crate) unsafe fn exclusive<'a, T: Owned>(ptr: *mut T) -> Result<&'a mut T, gw_status> {
    if ptr.is_null() || !ptr.is_aligned() {
        return Err(GW_ERR_ARGUMENT);
    }
    // SAFETY: neither NULL nor misaligned; the caller vouches for the rest.
    Ok(unsafe { &mut *ptr })
}

/// Another share of what a pointer stands for.
///
/// # Safety
///
/// The pointer is NULL or comes from [`share`] and has not been freed.
pub(crate) unsafe fn another<T: Shared>(ptr: *const T) -> Result<Arc<T>, gw_status> {
    if ptr.is_null() || !ptr.is_aligned() {
        return Err(GW_ERR_ARGUMENT);
    }
    // SAFETY: it comes from `Arc::into_raw` and has not been freed, says the caller.
    Ok(unsafe {
        Arc::increment_strong_count(ptr);
        Arc::from_raw(ptr)
    })
}

/// Takes back what [`own`] has handed out.
///
/// # Safety
///
/// The pointer is NULL or comes from [`own`], has not been freed, and nobody uses it any more.
pub(crate) unsafe fn disown<T: Owned>(ptr: *mut T) {
    if !ptr.is_null() {
        // SAFETY: it comes from `Box::into_raw`, and the caller gives it up.
        drop(unsafe { Box::from_raw(ptr) });
    }
}

/// Takes back what [`share`] has handed out.
///
/// # Safety
///
/// The pointer is NULL or comes from [`share`] and has not been freed.
pub(crate) unsafe fn unshare<T: Shared>(ptr: *mut T) {
    if !ptr.is_null() {
        // SAFETY: it comes from `Arc::into_raw`, and the caller gives it up.
        drop(unsafe { Arc::from_raw(ptr.cast_const()) });
    }
}

/// Writes a plain value where C has room for one.
///
/// # Safety
///
/// The pointer is NULL, or a value can be written there that nobody else looks at.
#[inline]
pub(crate) unsafe fn put<T: Copy>(out: *mut T, value: T) -> Result<(), gw_status> {
    if out.is_null() || !out.is_aligned() {
        return Err(GW_ERR_ARGUMENT);
    }
    // SAFETY: neither NULL nor misaligned; the caller vouches for the rest.
    unsafe { out.write(value) };
    Ok(())
}
