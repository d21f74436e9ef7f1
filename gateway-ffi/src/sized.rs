//! Structs that may grow: the first field of each is its size, as its user knows it.
//!
//! A user that was built with an older header says a smaller size. Then the fields behind it are
//! neither read, zero standing for them, nor written.

use crate::status::{GW_ERR_ABI, GW_ERR_ARGUMENT, gw_status};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// A struct of the interface whose first field is its size.
///
/// # Safety
///
/// The type is `#[repr(C)]`, its first field is a `usize`, its alignment is at least that of a `usize`, and
/// zeroed memory is a value of it: it consists of integers, arrays of them, raw pointers and
/// optional functions.
pub(crate) unsafe trait Sized: Copy {
    /// Where the size is.
    fn size_mut(&mut self) -> &mut usize;
}

/// Says that a struct is [`Sized`].
macro_rules! sized {
    ($name:ident) => {
        // SAFETY: as the definition right above shows.
        unsafe impl $crate::sized::Sized for $name {
            fn size_mut(&mut self) -> &mut usize {
                &mut self.struct_size
            }
        }
    };
}
pub(crate) use sized;

/// A value of which nothing is said.
pub(crate) fn zeroed<T: Sized>() -> T {
    // SAFETY: `Sized` promises that zeroed memory is a value.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// The size that stands at `ptr`.
///
/// # Safety
///
/// Where `ptr` is neither NULL nor misaligned, a `usize` can be read there.
#[inline]
unsafe fn size<T: Sized>(ptr: *const T) -> Result<usize, gw_status> {
    if ptr.is_null() || !ptr.is_aligned() {
        return Err(GW_ERR_ARGUMENT);
    }
    // SAFETY: neither NULL nor misaligned; the caller vouches for the rest.
    let size = unsafe { ptr.cast::<usize>().read() };
    // Whole words, so that a pointer is never cut in two.
    if size < size_of::<usize>() || size % size_of::<usize>() != 0 {
        return Err(GW_ERR_ABI);
    }
    Ok(size)
}

/// The struct at `ptr`, or a copy in `room` with zeroes for what its user does not know.
///
/// # Safety
///
/// Where `ptr` is neither NULL nor misaligned, as many octets as the first field says can be read
/// from there as long as `room` is borrowed, and nobody changes them.
#[inline]
pub(crate) unsafe fn read<T: Sized>(
    ptr: *const T,
    room: &mut MaybeUninit<T>,
) -> Result<&T, gw_status> {
    // SAFETY: the caller vouches for the first field, which is part of the rest.
    let size = unsafe { size(ptr) }?;
    if size >= size_of::<T>() {
        // SAFETY: neither NULL nor misaligned, and all of it can be read.
        return Ok(unsafe { &*ptr });
    }
    *room = MaybeUninit::zeroed();
    // SAFETY: `size` octets can be read, and fit. Zeroes and the beginning of a value that C has
    // written are a value.
    Ok(unsafe {
        room.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(ptr.cast(), size);
        room.assume_init_ref()
    })
}

/// Where a struct is to be written, as far as its user knows it.
pub(crate) struct Out<T> {
    ptr: *mut T,
    size: usize,
}

impl<T: Sized> Out<T> {
    /// # Safety
    ///
    /// Where `ptr` is neither NULL nor misaligned, its first field can be read, and as many octets as
    /// that says can be written there as long as this value lives, which nobody else looks at.
    #[inline]
    pub(crate) unsafe fn of(ptr: *mut T) -> Result<Self, gw_status> {
        // SAFETY: the caller vouches for the first field.
        Ok(Self { ptr, size: unsafe { size(ptr) }? })
    }

    /// Makes it a place for every field, whose user may not know all of them.
    #[inline]
    pub(crate) fn place(self, room: &mut MaybeUninit<T>) -> Place<'_, T> {
        let is_whole = self.size >= size_of::<T>();
        let at = if is_whole { self.ptr } else { std::ptr::from_mut(room.write(zeroed())) };
        Place { out: self, at, room: PhantomData }
    }

    /// Writes as much of `value` as its user knows, and leaves the size as it is.
    #[inline]
    pub(crate) fn write(self, mut value: T) {
        *value.size_mut() = self.size;
        if self.size >= size_of::<T>() {
            // SAFETY: all of it can be written, says who made this.
            return unsafe { self.ptr.write(value) };
        }
        let octets = std::ptr::from_ref(&value).cast::<u8>();
        // SAFETY: `size` octets can be written, says who made this, and are there.
        unsafe { self.ptr.cast::<u8>().copy_from_nonoverlapping(octets, self.size) };
    }
}

/// A place for every field: the user's own where it knows all of them.
pub(crate) struct Place<'r, T> {
    out: Out<T>,
    /// Else a value of ours. Found once: what writes many fields does not ask again for each.
    at: *mut T,
    room: PhantomData<&'r mut T>,
}

impl<T: Sized> Place<'_, T> {
    /// Where all of a struct can be written, until [`Place::finish`]. The size stays as it is.
    #[inline]
    pub(crate) fn at(&self) -> *mut T {
        self.at
    }

    /// Hands over as many of the fields as the user knows.
    #[inline]
    pub(crate) fn finish(self) {
        if !std::ptr::eq(self.at, self.out.ptr) {
            // SAFETY: a value of ours, of which nothing was written but values.
            self.out.write(unsafe { *self.at });
        }
    }
}

/// As [`Out::write`], in one.
///
/// # Safety
///
/// As for [`Out::of`].
#[inline]
pub(crate) unsafe fn write<T: Sized>(ptr: *mut T, value: T) -> Result<(), gw_status> {
    // SAFETY: the caller vouches for it.
    unsafe { Out::of(ptr) }.map(|out| out.write(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Three {
        struct_size: usize,
        second: u64,
        third: u64,
    }
    sized!(Three);

    #[test]
    fn what_an_older_user_does_not_know_is_zero_and_stays_as_it_is() {
        let known = Three { struct_size: 16, second: 2, third: 3 };
        let mut room = MaybeUninit::uninit();
        // SAFETY: a whole value stands there.
        let read = unsafe { super::read(&raw const known, &mut room) }.copied();
        assert_eq!(read, Ok(Three { struct_size: 16, second: 2, third: 0 }));
        let mut out = known;
        // SAFETY: as above.
        unsafe { write(&raw mut out, Three { struct_size: 0, second: 7, third: 8 }) }.unwrap();
        assert_eq!(out, Three { struct_size: 16, second: 7, third: 3 });
    }

    #[test]
    fn a_newer_user_keeps_its_size() {
        // As if there was more behind it.
        let mut out = [Three { struct_size: 48, second: 0, third: 0 }; 2];
        // SAFETY: the array is as large as the size says.
        unsafe { write(out.as_mut_ptr(), Three { struct_size: 0, second: 7, third: 8 }) }.unwrap();
        assert_eq!(out[0], Three { struct_size: 48, second: 7, third: 8 });
    }

    #[test]
    fn sizes_that_are_none_are_refused() {
        for size in [0, 1, 7, 9, 12, 20] {
            let value = Three { struct_size: size, second: 2, third: 3 };
            let mut room = MaybeUninit::uninit();
            // SAFETY: a whole value stands there.
            let read = unsafe { super::read(&raw const value, &mut room) }.copied();
            assert_eq!(read, Err(GW_ERR_ABI), "{size}");
        }
        let mut room = MaybeUninit::uninit();
        // SAFETY: NULL is looked at by nobody.
        let read = unsafe { super::read::<Three>(std::ptr::null(), &mut room) };
        assert_eq!(read.copied(), Err(GW_ERR_ARGUMENT));
    }
}
