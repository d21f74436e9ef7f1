//! What Envoy calls. No panic leaves a hook: each has something to say instead, and none lets a
//! request pass.

use super::callbacks::EnvoyBuffer;
use super::{Level, Selection, Stream, VERSION, log};
use crate::filter::{Filter, Verdict};
use crate::specifier;
use crate::table::Table;
use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

/// Goes on with the stream, or stops it there. The two are the same numbers for every hook.
const CONTINUE: u32 = 0;
const STOP: u32 = 1;
/// Of a hook about a body: stops, and keeps nothing.
const STOP_AND_DROP: u32 = 3;

/// What `body` says, or `otherwise` where it panics.
fn guarded<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        log(Level::Error, "gateway: this is a bug of the module, which panicked");
        otherwise
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    VERSION.as_ptr()
}

/// Reads the configuration of an HTTP filter. Null, and a line for each thing that is wrong, refuse
/// it.
///
/// # Safety
///
/// `config` holds during the call.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    _envoy: *mut c_void,
    _name: EnvoyBuffer,
    config: EnvoyBuffer,
) -> *const c_void {
    guarded(ptr::null(), || {
        // SAFETY: the caller vouches for it.
        let text = unsafe { config.octets() };
        match Table::load(text) {
            Ok(table) => Arc::into_raw(Arc::new(table)).cast(),
            Err(faults) => {
                faults.iter().for_each(|fault| log(Level::Error, &format!("gateway: {fault}")));
                ptr::null()
            }
        }
    })
}

/// # Safety
///
/// `table` comes from [`envoy_dynamic_module_on_http_filter_config_new`] and is not used any more.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(table: *const c_void) {
    if !table.is_null() {
        // SAFETY: the caller vouches for it.
        guarded((), || drop(unsafe { Arc::from_raw(table.cast::<Table>()) }));
    }
}

/// # Safety
///
/// `table` comes from [`envoy_dynamic_module_on_http_filter_config_new`].
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_new(
    table: *const c_void,
    _envoy: *mut c_void,
) -> *const c_void {
    let table = table.cast::<Table>();
    guarded(ptr::null(), || {
        // SAFETY: the caller vouches for it, and its `Arc` goes on to count for the configuration.
        let table = unsafe {
            Arc::increment_strong_count(table);
            Arc::from_raw(table)
        };
        Box::into_raw(Box::new(Filter::new(table))).cast_const().cast()
    })
}

/// # Safety
///
/// `filter` comes from [`envoy_dynamic_module_on_http_filter_new`] and is not used any more.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_destroy(filter: *const c_void) {
    if !filter.is_null() {
        // SAFETY: the caller vouches for it.
        guarded((), || drop(unsafe { Box::from_raw(filter.cast_mut().cast::<Filter>()) }));
    }
}

/// Calls `hook` for a stream; where it panics, the answer is 500.
///
/// # Safety
///
/// `envoy` and `filter` are what Envoy has given to the hook that runs. Envoy calls one hook of a
/// filter at a time, but may call another one while `hook` answers: [`Filter`] is made for that.
unsafe fn with(
    envoy: *mut c_void,
    filter: *const c_void,
    hook: impl FnOnce(&Filter, &mut Stream<'_>) -> Verdict,
) -> Verdict {
    // SAFETY: the caller vouches for both.
    let (filter, mut stream) = unsafe { (&*filter.cast::<Filter>(), Stream::new(envoy)) };
    let verdict = guarded(None, || Some(hook(filter, &mut stream)));
    verdict.unwrap_or_else(|| {
        guarded(Verdict::Stop, || {
            filter.fail(&mut stream);
            Verdict::Stop
        })
    })
}

/// # Safety
///
/// As of [`with`].
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(
    envoy: *mut c_void,
    filter: *const c_void,
    _end: bool,
) -> u32 {
    // SAFETY: the caller vouches for it.
    match unsafe { with(envoy, filter, |filter, stream| filter.request(stream)) } {
        Verdict::Continue => CONTINUE,
        Verdict::Stop => STOP,
    }
}

/// # Safety
///
/// As of [`with`].
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_body(
    envoy: *mut c_void,
    filter: *const c_void,
    _end: bool,
) -> u32 {
    // SAFETY: the caller vouches for it.
    match unsafe { with(envoy, filter, |filter, stream| filter.request_body(stream)) } {
        Verdict::Continue => CONTINUE,
        Verdict::Stop => STOP_AND_DROP,
    }
}

/// # Safety
///
/// As of [`with`].
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_response_headers(
    envoy: *mut c_void,
    filter: *const c_void,
    _end: bool,
) -> u32 {
    // SAFETY: the caller vouches for it.
    match unsafe { with(envoy, filter, |filter, stream| filter.response(stream)) } {
        Verdict::Continue => CONTINUE,
        Verdict::Stop => STOP,
    }
}

/// Told of each answer that Envoy itself gives.
///
/// # Safety
///
/// As of [`with`].
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_local_reply(
    _envoy: *mut c_void,
    filter: *const c_void,
    _status: u32,
    _details: EnvoyBuffer,
    _reset: bool,
) -> u32 {
    // SAFETY: the caller vouches for it.
    let filter = unsafe { &*filter.cast::<Filter>() };
    guarded((), || filter.answered_by_envoy());
    CONTINUE
}

/// A cluster specifier has nothing to configure: it does what the filter has decided.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_cluster_specifier_config_new(
    _envoy: *mut c_void,
    _name: EnvoyBuffer,
    _config: EnvoyBuffer,
) -> *const c_void {
    ptr::from_ref(&()).cast()
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_cluster_specifier_config_destroy(_config: *const c_void) {}

/// # Safety
///
/// `selection` is what Envoy gives to this hook.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_cluster_specifier_select(
    _config: *const c_void,
    selection: *mut c_void,
) -> bool {
    // SAFETY: the caller vouches for it.
    let mut selection = unsafe { Selection::new(selection) };
    guarded(false, || {
        specifier::select(&mut selection);
        true
    })
}

/// Hooks that Envoy wants every module to have, with their arguments, for what this one never
/// asks for.
macro_rules! unused {
    ($($name:ident($($argument:ty),*) $(-> $value:ident)?;)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name($(_: $argument),*) $(-> unused!(type $value))? {
            $(unused!(value $value))?
        }
    )*};
    (type null) => { *const c_void };
    (value null) => { ptr::null() };
    (type next) => { u32 };
    (value next) => { CONTINUE };
}

type Envoy = *mut c_void;
type Own = *const c_void;

unused! {
    // There is no configuration of a route's own: null refuses it.
    envoy_dynamic_module_on_http_filter_per_route_config_new(EnvoyBuffer, EnvoyBuffer) -> null;
    envoy_dynamic_module_on_http_filter_per_route_config_destroy(Own);
    envoy_dynamic_module_on_http_filter_request_trailers(Envoy, Own) -> next;
    envoy_dynamic_module_on_http_filter_response_body(Envoy, Own, bool) -> next;
    envoy_dynamic_module_on_http_filter_response_trailers(Envoy, Own) -> next;
    envoy_dynamic_module_on_http_filter_stream_complete(Envoy, Own);
    envoy_dynamic_module_on_http_filter_scheduled(Envoy, Own, u64);
    envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(Envoy, Own);
    envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(Envoy, Own);
    envoy_dynamic_module_on_http_filter_http_callout_done(Envoy, Own, u64, u32, Own, usize, Own, usize);
    envoy_dynamic_module_on_http_filter_http_stream_headers(Envoy, Own, u64, Own, usize, bool);
    envoy_dynamic_module_on_http_filter_http_stream_data(Envoy, Own, u64, Own, usize, bool);
    envoy_dynamic_module_on_http_filter_http_stream_trailers(Envoy, Own, u64, Own, usize);
    envoy_dynamic_module_on_http_filter_http_stream_complete(Envoy, Own, u64);
    envoy_dynamic_module_on_http_filter_http_stream_reset(Envoy, Own, u64, u32);
}
