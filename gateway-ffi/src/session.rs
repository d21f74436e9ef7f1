//! Clients that stay where they were sent first.

use crate::boundary::boundary;
use crate::bytes::{gw_str, text};
use crate::decider::{self, gw_decider};
use crate::handle;
use crate::pinned::Made;
use crate::router::gw_router;
use crate::settings::{millis, to_backend};
use crate::sized::{Out, sized, zeroed};
use crate::status::{GW_NONE, GW_OK, gw_status};
use gateway_core::rules::{
    CookieAge, Protocol, RuleSet, SameSite, Service, Session, SessionCookie, SessionName,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A cookie carries the session: `Cookie` of requests, `Set-Cookie` of answers.
pub const GW_SESSION_COOKIE: i32 = 1;
/// A header field of its own does: an answer brings it, and the client repeats it.
pub const GW_SESSION_HEADER: i32 = 2;

/// The session is at a backend, over all weights, and at an endpoint of it. What carries it has to be
/// proved (see `gw_session`). Without this it is at an endpoint only.
pub const GW_SESSION_AT_BACKEND: u32 = 1;
/// The cookie has the attribute `HttpOnly`.
pub const GW_SESSION_HTTP_ONLY: u32 = 1 << 1;
/// The cookie has the attribute `Secure`.
pub const GW_SESSION_SECURE: u32 = 1 << 2;

/// The cookie has the attribute `SameSite=Strict`,
pub const GW_SAME_SITE_STRICT: i32 = 1;
/// `SameSite=Lax`,
pub const GW_SAME_SITE_LAX: i32 = 2;
/// or `SameSite=None`.
pub const GW_SAME_SITE_NONE: i32 = 3;

/// How a client is kept where its first request was sent to. Set `struct_size`. What
/// `gw_decider_session` tells lives as long as the decision, what `gw_router_session` tells as long
/// as the router.
///
/// What the client holds is a token of yours: the library neither makes nor reads one. Make it of
/// letters, digits and "-", so that cookies and header fields may hold it.
///
/// Without `GW_SESSION_AT_BACKEND` the token says the endpoint. It may be a hash of the address, and
/// need not be proved, as long as you look it up among the endpoints of the backend that was chosen:
/// never connect to an address that a client has sent.
///
/// With `GW_SESSION_AT_BACKEND` it says the backend, the endpoint, and when the session began. It
/// leads past weights, also to a backend of weight 0, so prove it (by HMAC, say), with `attribute`
/// among what is proved, so that the token of one session is none of another. Take it for none where
/// the proof is wrong, or `absolute_timeout_ms` have passed since the session began. The backend has
/// to be known before `gw_decide`: see `gw_router_session`.
///
/// A request without a token goes where the decision and your balancing say. So does one whose
/// endpoint is gone, fails, or is none of the backend. Whenever another endpoint has answered than the
/// one of the token, or there was no token, the answer brings a new one, in which the time stays at
/// which the session began.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_session {
    /// `sizeof(gw_session)`.
    pub struct_size: usize,
    /// One of `GW_SESSION_COOKIE` and `GW_SESSION_HEADER`.
    pub carrier: i32,
    /// One of `GW_SAME_SITE_...`; 0: the cookie has no such attribute.
    pub same_site: i32,
    /// Some of `GW_SESSION_AT_BACKEND`, `GW_SESSION_HTTP_ONLY` and `GW_SESSION_SECURE`.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
    /// The name of the cookie, which is compared octet by octet, or of the header field, in lower
    /// case. A client may send several: take the first one that you take for a token.
    pub name: gw_str,
    /// `Path` of the cookie; absent for none.
    pub path: gw_str,
    /// `Domain` of the cookie; absent for none.
    pub domain: gw_str,
    /// `Max-Age` of the cookie, in seconds; 0 for none: it ends with the browser. `UINT64_MAX`: as long
    /// as browsers allow ("Expires=Thu, 31 Dec 2037 23:55:55 GMT"). With `GW_SESSION_AT_BACKEND` it is
    /// that of a session which begins: take off what has passed of it.
    pub max_age: u64,
    /// How long a session lasts at most, from its first request on, in milliseconds; 0 for no limit.
    pub absolute_timeout_ms: u64,
    /// With `GW_SESSION_AT_BACKEND` the attribute of a request that names the backend of its session:
    /// no two sessions have the same. Else absent.
    pub attribute: gw_str,
    /// Of a decision, with `GW_SESSION_AT_BACKEND`: the backend that was chosen, one of `backends`, to
    /// be told in the token. A TrafficSplit may send its requests on, so `gw_decision.backend` may be
    /// another. Else absent.
    pub backend: gw_str,
    /// With `GW_SESSION_AT_BACKEND` the values that the attribute may have, "namespace/name:port"; any
    /// other is as good as none.
    pub backends: *const gw_str,
    /// How many.
    pub backends_len: usize,
}
sized!(gw_session);

/// The sessions of rules, by their attributes.
#[derive(Debug)]
pub(crate) struct Sessions(BTreeMap<Box<str>, Known>);

/// A session, and its backends as C sees them.
#[derive(Debug)]
struct Known {
    session: Arc<Session>,
    backends: Vec<gw_str>,
}

// SAFETY: `backends` points into `session`, which nobody changes.
unsafe impl Send for Known {}
// SAFETY: as above.
unsafe impl Sync for Known {}

impl Sessions {
    pub(crate) fn of(rules: &RuleSet) -> Self {
        let hosts = rules.listeners.iter().flat_map(|listener| listener.hosts.iter());
        let routes = hosts.flat_map(|host| &host.routes);
        let forwards = routes.flat_map(|route| route.action.forwards());
        let mut found = BTreeMap::new();
        for session in forwards.filter_map(|forward| forward.session.as_ref()) {
            found.entry(session.attribute.clone()).or_insert_with(|| Known::new(session));
        }
        Self(found)
    }

    fn find(&self, attribute: &str) -> Option<gw_session> {
        self.0.get(attribute).map(Known::show)
    }
}

impl Known {
    fn new(session: &Arc<Session>) -> Self {
        let session = Arc::clone(session);
        let backends = session.backends.iter().map(|name| text(name)).collect();
        Self { session, backends }
    }

    fn show(&self) -> gw_session {
        let Session { name, absolute_timeout, attribute, backends: _, origin: _ } = &*self.session;
        let shown = gw_session {
            flags: GW_SESSION_AT_BACKEND,
            absolute_timeout_ms: millis(*absolute_timeout),
            attribute: text(attribute),
            backends: self.backends.as_ptr(),
            backends_len: self.backends.len(),
            ..zeroed()
        };
        match name {
            SessionName::Cookie { name, path, permanent } => gw_session {
                carrier: GW_SESSION_COOKIE,
                same_site: GW_SAME_SITE_STRICT,
                flags: shown.flags | GW_SESSION_HTTP_ONLY,
                name: text(name),
                path: text(path),
                max_age: absolute_timeout.filter(|_| *permanent).map_or(0, CookieAge::max_age),
                ..shown
            },
            SessionName::Header(name) => {
                gw_session { carrier: GW_SESSION_HEADER, name: text(name.as_str()), ..shown }
            }
        }
    }
}

fn of_cookie(cookie: &SessionCookie) -> gw_session {
    let SessionCookie { name, path, expires, domain, http_only, secure, same_site } = cookie;
    let option = |text: &Option<Box<str>>| gw_str::of_option(text.as_deref().map(str::as_bytes));
    let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
    gw_session {
        carrier: GW_SESSION_COOKIE,
        same_site: match same_site {
            None => 0,
            Some(SameSite::Strict) => GW_SAME_SITE_STRICT,
            Some(SameSite::Lax) => GW_SAME_SITE_LAX,
            Some(SameSite::None) => GW_SAME_SITE_NONE,
        },
        flags: flag(*http_only, GW_SESSION_HTTP_ONLY) | flag(*secure, GW_SESSION_SECURE),
        name: text(name),
        path: option(path),
        domain: option(domain),
        max_age: match expires {
            None => 0,
            Some(CookieAge::For(time)) => CookieAge::max_age(*time),
            Some(CookieAge::Max) => u64::MAX,
        },
        ..zeroed()
    }
}

/// The session of a decision that forwards, if its rule has one.
fn of_decision(made: &Made<'_, '_>) -> Result<Option<gw_session>, gw_status> {
    let to = to_backend(made)?;
    let router = made.router;
    let Some(session) = &to.forward.session else {
        return Ok(to.forward.settings.session_cookie.as_ref().map(of_cookie));
    };
    let Some(mut shown) = router.sessions.find(&session.attribute) else { return Ok(None) };
    let target = to.forward.target;
    let addressed = router.router.rules().service(target.service);
    let chosen = session.backends.iter().find(|name| is_called(name, addressed, target.port));
    shown.backend = gw_str::of_option(chosen.map(|name| name.as_bytes()));
    let https = made.decision.listener().is_some_and(|l| l.protocol == Protocol::Https);
    if https && shown.carrier == GW_SESSION_COOKIE {
        shown.flags |= GW_SESSION_SECURE;
    }
    Ok(Some(shown))
}

/// Whether that is the name of a Service's port: `namespace/name:port`.
fn is_called(name: &str, service: &Service, port: u16) -> bool {
    let after_namespace = |name: &str| -> Option<bool> {
        let rest = name.strip_prefix(&*service.name.namespace)?.strip_prefix('/')?;
        let number = rest.strip_prefix(&*service.name.name)?.strip_prefix(':')?;
        Some(number.parse() == Ok(port))
    };
    after_namespace(name) == Some(true)
}

/// Fills `out` with how the client of the last decision is kept where it was sent first; `GW_NONE`
/// where it is not kept anywhere. `GW_ERR_STATE` where the decision is not of `GW_KIND_FORWARD`.
/// Costs nothing to speak of; need not be asked where `gw_needs.flags` has no `GW_NEEDS_SESSIONS`.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `out` is NULL or
/// can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_decider_session(
    decider: *mut gw_decider,
    out: *mut gw_session,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        // SAFETY: the caller vouches for it.
        let out = unsafe { Out::of(out) }?;
        let made = decider.pinned.get()?;
        let Some(shown) = of_decision(&made)? else { return Ok(GW_NONE) };
        out.write(shown);
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}

/// Fills `out` with the session whose backend the attribute at `index` of `gw_needs.attributes`
/// names; `GW_NONE` where that is no such attribute, or where there is none. Ask once for each, when
/// the router is built, and keep what you are told by the name of the attribute: when `gw_decide`
/// asks for it (`gw_attribute_fn`), look for a token in the cookie or header field that carries the
/// session, check it, and answer with the backend that it says. Where there is no token answer
/// that there is no such attribute: the weights decide.
///
/// # Safety
///
/// `router` is NULL or a router that has not been freed; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_router_session(
    router: *const gw_router,
    index: usize,
    out: *mut gw_session,
) -> gw_status {
    boundary(|| {
        // SAFETY: the caller vouches for both pointers.
        let (out, router) = unsafe { (Out::of(out)?, handle::shared(router)?) };
        let attribute = router.needs.attribute_at(index);
        let Some(shown) = attribute.and_then(|name| router.sessions.find(name)) else {
            return Ok(GW_NONE);
        };
        out.write(shown);
        Ok(GW_OK)
    })
}
