//! What a cache does for a request.

use super::{Decision, Outcome, template};
use crate::request::Request;
use crate::request::field::View;
use crate::rules::{Cache, Field, Template};

/// What a cache may do for a request (virtualserver §16.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheUse {
    /// The request may be answered from it.
    pub serves: bool,
    /// The answer of the backend may be kept in it, where its status is one of those that are.
    pub stores: bool,
    /// The request drops what is kept under its key, and goes no further.
    pub purges: bool,
}

impl Decision<'_> {
    /// Appends the key of the answer in `cache`, one of the [`steps`](Decision::steps): where none is
    /// written, scheme, upstream and request target. The same for all methods.
    ///
    /// `request` is the one that was decided.
    pub fn write_cache_key(&self, cache: &Cache, request: &impl Request, out: &mut Vec<u8>) {
        self.with_view(request, |view| {
            if let Some(key) = &cache.key {
                return template::write(key, view, out);
            }
            view.read(&Field::Scheme).append_to(out);
            // So that no name of an upstream makes one scheme of the other.
            out.extend_from_slice(b"://");
            if let Outcome::Forward(to) = self.outcome {
                out.extend_from_slice(to.forward.settings.name.as_bytes());
            }
            view.read(&Field::Target).append_to(out);
        });
    }

    /// What `cache`, one of the [`steps`](Decision::steps), may do for the request.
    ///
    /// `request` is the one that was decided.
    pub fn cache_use(&self, cache: &Cache, request: &impl Request) -> CacheUse {
        let method = request.method();
        let is_kept = cache.methods.iter().any(|kept| kept.as_str() == method);
        let peer = request.connection().peer;
        let may_purge = || peer.is_some_and(|peer| cache.purge.contains(peer.ip()));
        let none = CacheUse { serves: false, stores: false, purges: false };
        let of_view = |view: &View<'_, _>| CacheUse {
            serves: is_kept && !any_is_set(&cache.bypass, view),
            stores: is_kept && !any_is_set(&cache.no_cache, view),
            purges: method == "PURGE" && may_purge(),
        };
        self.with_view(request, of_view).unwrap_or(none)
    }
}

/// Whether one of them is neither empty nor `0`.
fn any_is_set<R: Request>(templates: &[Template], view: &View<'_, R>) -> bool {
    templates.iter().any(|one| {
        let mut value = Vec::new();
        template::write(one, view, &mut value);
        !value.is_empty() && value != b"0"
    })
}
