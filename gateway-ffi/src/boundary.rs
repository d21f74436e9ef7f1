//! The border that no panic crosses.

use crate::bytes::gw_str;
use crate::status::{GW_ERR_PANIC, GW_OK, gw_status};
use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Mutex, Once, PoisonError};

/// Is told a line of text about a fault of the library, without line end. `text` lives for the
/// call only. May be called from any thread that calls the library; must not call it.
pub type gw_log_fn = Option<unsafe extern "C" fn(ctx: *mut c_void, text: *const gw_str)>;

/// Who is told.
#[derive(Clone, Copy)]
struct Log {
    tell: gw_log_fn,
    ctx: *mut c_void,
}

// SAFETY: `ctx` is handed on and never looked at; the documentation of `gw_set_log` says that the
// function is called from any thread.
unsafe impl Send for Log {}

static LOG: Mutex<Option<Log>> = Mutex::new(None);

/// Says who is told of faults of the library (`GW_ERR_PANIC`), which are the only thing that it
/// ever logs; else they go to standard error. NULL: standard error again. The only state of the
/// process: call it once, before other threads call the library. Always returns `GW_OK`.
///
/// # Safety
///
/// `log` can be called with `ctx` from any thread until another call of this function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_set_log(log: gw_log_fn, ctx: *mut c_void) -> gw_status {
    static HOOK: Once = Once::new();
    let new = log.is_some().then_some(Log { tell: log, ctx });
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = new;
    if log.is_some() {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| tell(info, &*before)));
        });
    }
    GW_OK
}

fn tell(info: &PanicHookInfo<'_>, otherwise: &dyn Fn(&PanicHookInfo<'_>)) {
    let log = *LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(Log { tell: Some(tell), ctx }) = log else { return otherwise(info) };
    let text = info.to_string().replace('\n', " ");
    let text = gw_str::of(text.as_bytes());
    // SAFETY: who has set the log vouches for function and context.
    unsafe { tell(ctx, &raw const text) };
}

/// Runs the body of an entry.
#[inline]
pub(crate) fn boundary(body: impl FnOnce() -> Result<gw_status, gw_status>) -> gw_status {
    // What a body leaves half done is the decider's, which is reset, or nobody's.
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(status) | Err(status)) => status,
        // What was thrown may panic when it is dropped.
        Err(thrown) => {
            std::mem::forget(thrown);
            GW_ERR_PANIC
        }
    }
}

/// Runs the body of an entry that returns something else than a status.
pub(crate) fn or<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|thrown| {
        std::mem::forget(thrown);
        otherwise
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told = Mutex<Vec<String>>;

    #[test]
    fn a_panic_is_a_status_and_a_line_of_the_log() {
        unsafe extern "C" fn keep(ctx: *mut c_void, text: *const gw_str) {
            // SAFETY: the log is called with what this test has set, and a text.
            let (told, text) = unsafe { (&*ctx.cast::<Told>(), (*text).get().unwrap().unwrap()) };
            told.lock().unwrap().push(String::from_utf8_lossy(text).into_owned());
        }
        // It lives as long as the process: others may be telling while the log is taken away.
        let told: &Told = Box::leak(Box::default());
        // SAFETY: see above.
        unsafe { gw_set_log(Some(keep), std::ptr::from_ref(told).cast_mut().cast()) };
        let status = boundary(|| panic!("on\npurpose"));
        // SAFETY: NULL is always allowed.
        unsafe { gw_set_log(None, std::ptr::null_mut()) };
        assert_eq!(status, GW_ERR_PANIC);
        let mut told = told.lock().unwrap().clone();
        // Other tests panic on purpose, too.
        told.retain(|line| line.contains("boundary.rs"));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("on purpose"), "{told:?}");
    }
}
