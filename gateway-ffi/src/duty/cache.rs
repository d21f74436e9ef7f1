//! Answers that are kept.

use super::tell;
use crate::bytes::gw_str;
use crate::decider::gw_decider;
use crate::pinned::Made;
use crate::request::{Borrowed, gw_request};
use crate::settings::millis;
use crate::sized::{sized, zeroed};
use crate::status::gw_status;
use gateway_core::rules::StaleCondition;
use gateway_core::{CacheUse, Step};

/// This request may be answered with what is kept under `gw_cache.key`.
pub const GW_CACHE_SERVES: u32 = 1;
/// What the backend answers to this request may be kept under that key.
pub const GW_CACHE_STORES: u32 = 1 << 1;
/// This request (PURGE, of a client that may) drops what is kept under that key, and does not go to
/// the backend.
pub const GW_CACHE_PURGES: u32 = 1 << 2;
/// What the backend says of caching (`Cache-Control`, `Expires`, ...) is of no account.
pub const GW_CACHE_OVERRIDES_BACKEND: u32 = 1 << 3;
/// Answers with any status are kept, not only with those in `gw_cache.statuses`.
pub const GW_CACHE_ANY_STATUS: u32 = 1 << 4;
/// An answer that is too old is asked for with `If-Modified-Since` and `If-None-Match`.
pub const GW_CACHE_REVALIDATES: u32 = 1 << 5;
/// Where an old answer is given, a new one is fetched in the background.
pub const GW_CACHE_BACKGROUND_UPDATE: u32 = 1 << 6;
/// One request fetches an answer, others for the same key wait for it.
pub const GW_CACHE_LOCKS: u32 = 1 << 7;

/// An answer that is too old is given all the same where the backend could not be reached,
pub const GW_STALE_ON_ERROR: u32 = 1;
/// where it took too long,
pub const GW_STALE_ON_TIMEOUT: u32 = 1 << 1;
/// where its answer was not HTTP,
pub const GW_STALE_ON_INVALID_HEADER: u32 = 1 << 2;
/// while a new one is being fetched.
pub const GW_STALE_WHILE_UPDATING: u32 = 1 << 3;

/// What is kept of answers (`GW_DUTY_CACHE`). Answers with `Set-Cookie` are not kept, since they
/// are one client's; those with `Vary` are for requests that agree in the fields that it names (RFC
/// 9111, section 4.1). Set `struct_size`. Times are in milliseconds, rounded up, sizes in octets.
/// Texts and lists live until the next call of `gw_step_cache`, and no longer than the decision.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_cache {
    /// `sizeof(gw_cache)`.
    pub struct_size: usize,
    /// What tells answers in a store apart: of this request, filled in. It is the same for all
    /// methods: ask the backend with GET where a client asks with HEAD, or keep nothing of HEAD. Any
    /// octet may be in it.
    pub key: gw_str,
    /// The store, "namespace/name/zone" or longer: what is kept is shared by requests with the same
    /// one, which are those of one document.
    pub zone: gw_str,
    /// Some of `GW_CACHE_...`.
    pub flags: u32,
    /// Some of `GW_STALE_...`.
    pub stale: u32,
    /// How long answers with one of `statuses` are kept that do not say so themselves; 0: these are
    /// not kept.
    pub keep_ms: u64,
    /// The statuses; see `GW_CACHE_ANY_STATUS`.
    pub statuses: *const u16,
    /// How many.
    pub statuses_len: usize,
    /// The statuses of the backend in whose place an answer is given that is too old.
    pub stale_statuses: *const u16,
    /// How many.
    pub stale_statuses_len: usize,
    /// Answers that nobody asked for for so long are dropped.
    pub inactive_ms: u64,
    /// With `GW_CACHE_LOCKS`: how long a request waits before it goes to the backend by itself,
    /// and what it gets is not kept;
    pub lock_timeout_ms: u64,
    /// and how long one fetches before another one does too.
    pub lock_age_ms: u64,
    /// Room for the index of the store, in octets.
    pub zone_size: u64,
    /// The most octets of answers in it; `UINT64_MAX` for no limit.
    pub max_size: u64,
    /// The least octets that are left free on the disk.
    pub min_free: u64,
    /// So many requests for a key come before its answer is kept.
    pub min_uses: u32,
    /// Zero.
    pub reserved: u32,
}
sized!(gw_cache);

/// Keeps what is told.
#[derive(Default)]
pub(super) struct Told {
    key: Vec<u8>,
    statuses: Vec<u16>,
    stale_statuses: Vec<u16>,
}

/// Fills `out` with what the step at `index` of the last decision needs; `GW_NONE` where it is not of
/// `GW_DUTY_CACHE`, or there is none. Reads what key and conditions name of the request.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `request` is the
/// one that was decided, as for `gw_decide`; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_step_cache(
    decider: *mut gw_decider,
    request: *const gw_request,
    index: usize,
    out: *mut gw_cache,
) -> gw_status {
    // SAFETY: the caller vouches for all of it.
    unsafe { tell(decider, request, index, out, show) }
}

fn show(
    step: &Step<'_>,
    made: &Made<'_, '_>,
    request: &Borrowed<'_>,
    told: &mut super::Told,
) -> Option<gw_cache> {
    let Step::Cache(cache) = step else { return None };
    let told = &mut told.cache;
    told.key.clear();
    made.decision.write_cache_key(cache, request, &mut told.key);
    let CacheUse { serves, stores, purges } = made.decision.cache_use(cache, request);
    let kept = cache.statuses.as_ref();
    told.statuses.clear();
    let statuses = kept.iter().filter_map(|kept| kept.statuses.as_ref()).flatten();
    told.statuses.extend(statuses.map(|status| status.as_u16()));
    told.stale_statuses.clear();
    let mut stale = 0;
    for condition in &cache.stale {
        match condition {
            StaleCondition::Error => stale |= GW_STALE_ON_ERROR,
            StaleCondition::Timeout => stale |= GW_STALE_ON_TIMEOUT,
            StaleCondition::InvalidHeader => stale |= GW_STALE_ON_INVALID_HEADER,
            StaleCondition::Updating => stale |= GW_STALE_WHILE_UPDATING,
            StaleCondition::Status(status) => told.stale_statuses.push(status.as_u16()),
        }
    }
    let flags = [
        (serves, GW_CACHE_SERVES),
        (stores, GW_CACHE_STORES),
        (purges, GW_CACHE_PURGES),
        (cache.overrides_backend, GW_CACHE_OVERRIDES_BACKEND),
        (kept.is_some_and(|kept| kept.statuses.is_none()), GW_CACHE_ANY_STATUS),
        (cache.revalidate, GW_CACHE_REVALIDATES),
        (cache.background_update, GW_CACHE_BACKGROUND_UPDATE),
        (cache.lock.is_some(), GW_CACHE_LOCKS),
    ];
    Some(gw_cache {
        key: gw_str::of(&told.key),
        zone: gw_str::of(cache.zone.as_bytes()),
        flags: flags.iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, flag)| all | flag),
        stale,
        keep_ms: millis(kept.map(|kept| kept.time).filter(|time| !time.is_zero())),
        statuses: told.statuses.as_ptr(),
        statuses_len: told.statuses.len(),
        stale_statuses: told.stale_statuses.as_ptr(),
        stale_statuses_len: told.stale_statuses.len(),
        inactive_ms: millis(Some(cache.inactive)),
        lock_timeout_ms: millis(cache.lock.map(|lock| lock.timeout)),
        lock_age_ms: millis(cache.lock.map(|lock| lock.age)),
        zone_size: cache.zone_size,
        max_size: cache.max_size.unwrap_or(u64::MAX),
        min_free: cache.min_free.unwrap_or(0),
        min_uses: cache.min_uses,
        ..zeroed()
    })
}
