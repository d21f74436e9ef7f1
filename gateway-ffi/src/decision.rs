//! What to do with a request.

use crate::bytes::{gw_str, text};
use crate::decider::{self, gw_decider};
use crate::engine::gw_engine;
use crate::pinned::{Decided, Made, Treatment};
use crate::request::{Borrowed, gw_request};
use crate::router::gw_router;
use crate::settings::{max_body, protocol};
use crate::sized::{self, Out, sized};
use crate::status::{GW_ERR_ARGUMENT, GW_ERR_STATE, GW_NONE, GW_OK, gw_status};
use crate::step::duties;
use gateway_core::{Decision, Forwarding, Keeps, NoRoute, Outcome, Request, Step, Verdict};
use http::StatusCode;
use std::mem::MaybeUninit;

/// The request goes to a backend: `gw_edit_request` says as what.
pub const GW_KIND_FORWARD: i32 = 1;
/// A redirect. As all that follow: `gw_answer` has the whole answer.
pub const GW_KIND_REDIRECT: i32 = 2;
/// A canned answer.
pub const GW_KIND_RESPOND: i32 = 3;
/// No endpoint of the backend admits the caller.
pub const GW_KIND_DENY: i32 = 4;
/// No route took the request; `reason` says why.
pub const GW_KIND_NO_ROUTE: i32 = 5;
/// A policy turns the request away, or asks for a duty that the decider was not created with
/// (`unmet`).
pub const GW_KIND_REFUSE: i32 = 6;
/// The request only asks what it may do (CORS).
pub const GW_KIND_PREFLIGHT: i32 = 7;

/// What to do with a request. Set `struct_size`. Texts live as long as the decision: until the next
/// `gw_decide`, `gw_instead` or `gw_decider_reset` of the decider.
///
/// First come the duties: `steps_len` of them are to be looked at one by one (`gw_step_get`). Without
/// duties of your own there never are any, and the kind alone says what to do:
///
/// ```text
/// GW_KIND_FORWARD   send it to `backend` with what gw_edit_request says, unless
///                   GW_DECISION_KEEPS_REQUEST; apply gw_edit_response to what comes
///                   back, unless GW_DECISION_KEEPS_ANSWER
/// anything else     send what gw_answer says
/// ```
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_decision {
    /// `sizeof(gw_decision)`.
    pub struct_size: usize,
    /// One of `GW_KIND_...`. Treat one that you do not know as `GW_KIND_REFUSE`.
    pub kind: i32,
    /// The status of the answer; with `GW_KIND_FORWARD` the one to hand to `gw_answer` where no
    /// endpoint of the backend can be reached.
    pub status: u32,
    /// The how manieth router of its engine decided.
    pub generation: u64,
    /// What is asked of you, some of `GW_DUTY_...`: nothing that the decider was not created with.
    pub duties: u64,
    /// What is asked and the decider was not created with. Not 0: the kind is `GW_KIND_REFUSE`.
    pub unmet: u64,
    /// How many steps there are (`gw_step_get`).
    pub steps_len: usize,
    /// The Service and the port that the request is sent to, "namespace/name:port", with
    /// "?label=value,..." behind it where the rule narrows the Service by labels: one of the names
    /// of `gw_router_backend`. Absent where no backend is chosen.
    pub backend: gw_str,
    /// What `gw_router_bind` bound to it; 0 for nothing.
    pub backend_user: u64,
    /// The namespace of the Service.
    pub service_namespace: gw_str,
    /// Its name.
    pub service_name: gw_str,
    /// Its port.
    pub service_port: u32,
    /// Zero.
    pub reserved: u32,
    /// What documents call the backend: the name of an upstream, or of the Service.
    pub upstream: gw_str,
    /// The TrafficSplit that chose the Service; absent where none did.
    pub split: gw_str,
    /// The rule that decided: the kind of its object, as "HTTPRoute". Absent, as the following
    /// three, where none did.
    pub route_kind: gw_str,
    /// The namespace of the object.
    pub route_namespace: gw_str,
    /// The name of the object.
    pub route_name: gw_str,
    /// The field of the rule within the object, as "spec.rules[0]".
    pub route_field: gw_str,
    /// The listener; absent where there is none on that port.
    pub listener: gw_str,
    /// Why no route took it: "no-listener", "no-host", "no-match", "method-not-allowed",
    /// "misdirected", "no-branch", "no-trust", "no-backend", or a sentence that says what is wrong
    /// with target or host; why a policy turns it away; why a canned answer is not what a user asked
    /// for; "denied"; "unenforced" with `unmet`. Absent where there is nothing to say. For logs, not
    /// for clients.
    pub reason: gw_str,
    /// With `GW_KIND_FORWARD` one of `GW_PROTOCOL_...`, as `gw_settings.protocol`; else 0.
    pub protocol: i32,
    /// Some of `GW_DECISION_...`.
    pub flags: u32,
    /// The largest body of a request; more is answered 413. `UINT64_MAX` for no limit. Said with
    /// `GW_KIND_FORWARD`, as `gw_settings.max_body`, and with `GW_KIND_REDIRECT`.
    pub max_body: u64,
}
sized!(gw_decision);

/// Whatever the backend answers goes to the client as it is: `gw_edit_response` would say nothing,
/// whatever the status, and need not be called.
pub const GW_DECISION_KEEPS_ANSWER: u32 = 1;
/// The request goes to the backend as it came: `gw_edit_request` would say the target that you have
/// handed in, and nothing else, and need not be called.
pub const GW_DECISION_KEEPS_REQUEST: u32 = 1 << 1;
/// `GW_DECISION_KEEPS_ANSWER`, or the same but for `GW_OP_REMOVE` of some of these fields: Date,
/// Server, X-Pad, X-Accel-Redirect, X-Accel-Expires, X-Accel-Limit-Rate, X-Accel-Buffering,
/// X-Accel-Charset. If you never pass on what backends say in them, as nginx does not, then
/// `gw_edit_response` need not be called.
pub const GW_DECISION_KEEPS_USUAL_ANSWER: u32 = 1 << 2;
/// `GW_DECISION_KEEPS_REQUEST`, or the same but for `GW_OP_DROP_UNUSUAL`. If you drop fields of such
/// names anyway, as nginx does unless it is told otherwise, then `gw_edit_request` need not be called.
pub const GW_DECISION_KEEPS_USUAL_REQUEST: u32 = 1 << 3;

/// In the place of a backend whose circuit breaker keeps all endpoints out.
pub const GW_INSTEAD_BREAKER: i32 = 1;
/// In the place of a backend none of whose endpoints works.
pub const GW_INSTEAD_BACKUP: i32 = 2;

/// Finds out what a decision asks. Where that is something that the host does not do, the request is
/// turned away.
#[inline(always)]
fn settle<'r>(
    decided: &mut Decided<'r>,
    decision: &Decision<'r>,
    request: &impl Request,
    met: u64,
) {
    if let Verdict::Guarded = decision.verdict() {
        decided.steps = decision.steps(request);
    }
    decided.asked = duties(decision, &decided.steps);
    decided.treatment = match decided.steps.last() {
        _ if decided.asked & !met != 0 => Treatment::Refuse(StatusCode::INTERNAL_SERVER_ERROR),
        Some(Step::Refuse(refusal)) => Treatment::Refuse(refusal.status),
        Some(Step::Preflight(_)) => Treatment::Preflight,
        _ => Treatment::Outcome,
    };
}

/// Where decisions are told, and to whom.
struct Told {
    out: Out<gw_decision>,
    /// The duties of the host.
    met: u64,
}

impl Told {
    /// Tells a decision, and keeps it.
    #[inline(always)]
    fn tell<'r>(
        self,
        generation: u64,
        router: &'r gw_router,
        decided: &mut Decided<'r>,
        decision: Decision<'r>,
        request: &Borrowed<'_>,
    ) -> Result<gw_status, gw_status> {
        settle(decided, &decision, request, self.met);
        request.finish()?;
        let mut room = MaybeUninit::uninit();
        let place = self.out.place(&mut room);
        let made = Made { generation, router, decision: &decision, decided };
        show(place.at(), &made, self.met);
        place.finish();
        // At last: nothing that is shown has to wait for the copy.
        decided.decision = Some(decision);
        Ok(GW_OK)
    }
}

/// Writes a field of a struct that is not a value yet.
macro_rules! put {
    ($out:expr, $($field:ident: $value:expr),* $(,)?) => {{
        // The values first: they may fail, and the writing may not.
        $(let $field = $value;)*
        // SAFETY: all of the struct can be written.
        unsafe { $((&raw mut (*$out).$field).write($field);)* }
    }};
}

/// Fills `out`, all of which can be written.
#[inline(always)]
fn show(out: *mut gw_decision, made: &Made<'_, '_>, met: u64) {
    let Made { decision, decided, .. } = *made;
    let Decided { steps, asked, treatment, .. } = decided;
    put!(
        out,
        generation: made.generation,
        duties: asked & met,
        unmet: asked & !met,
        steps_len: steps.len(),
        reserved: 0,
        listener: gw_str::of_option(decision.listener().map(|listener| listener.name.as_bytes())),
    );
    match decision.route().map(|route| &route.origin) {
        Some(origin) => put!(
            out,
            route_kind: text(&origin.object.kind),
            route_namespace: text(&origin.object.namespace),
            route_name: text(&origin.object.name),
            route_field: text(&origin.field),
        ),
        None => put!(
            out,
            route_kind: gw_str::ABSENT,
            route_namespace: gw_str::ABSENT,
            route_name: gw_str::ABSENT,
            route_field: gw_str::ABSENT,
        ),
    }
    if let (Treatment::Outcome, Outcome::Forward(to)) = (treatment, decision.admitted()) {
        let unavailable = to.forward.unavailable.as_u16();
        put!(out, kind: GW_KIND_FORWARD, status: unavailable.into(), reason: gw_str::ABSENT);
        show_backend(out, made, &to);
    } else {
        show_answer(out, made, met);
    }
}

#[inline(always)]
fn show_backend(out: *mut gw_decision, made: &Made<'_, '_>, to: &Forwarding<'_>) {
    let Made { router, decision, .. } = made;
    let backend = router.backends.find(to.id, to.port, to.forward);
    let (name, user) = match backend {
        Some(backend) => (text(&backend.name), backend.user()),
        None => (gw_str::ABSENT, 0),
    };
    // One after the other: what waits for a call to return is moved to the stack and back.
    put!(out, backend: name, backend_user: user);
    let split = to.split.as_ref().map(|choice| choice.split.origin.object.name.as_bytes());
    put!(
        out,
        service_namespace: text(&to.service.name.namespace),
        service_name: text(&to.service.name.name),
        service_port: to.port.into(),
        upstream: text(&to.forward.settings.name),
        split: gw_str::of_option(split),
        max_body: max_body(to.forward.settings.max_body),
    );
    put!(out, protocol: protocol(to));
    put!(out, flags: flags(decision));
}

#[inline(always)]
fn flags(decision: &Decision<'_>) -> u32 {
    let request = match decision.keeps_request() {
        Keeps::All => GW_DECISION_KEEPS_REQUEST | GW_DECISION_KEEPS_USUAL_REQUEST,
        Keeps::Usual => GW_DECISION_KEEPS_USUAL_REQUEST,
        Keeps::Less => 0,
    };
    let answer = match decision.keeps_answers() {
        Keeps::All => GW_DECISION_KEEPS_ANSWER | GW_DECISION_KEEPS_USUAL_ANSWER,
        Keeps::Usual => GW_DECISION_KEEPS_USUAL_ANSWER,
        Keeps::Less => 0,
    };
    request | answer
}

/// Where no backend is asked.
#[inline(never)]
fn show_answer(out: *mut gw_decision, made: &Made<'_, '_>, met: u64) {
    put!(
        out,
        backend: gw_str::ABSENT,
        backend_user: 0,
        service_namespace: gw_str::ABSENT,
        service_name: gw_str::ABSENT,
        service_port: 0,
        upstream: gw_str::ABSENT,
        split: gw_str::ABSENT,
        protocol: 0,
        flags: 0,
        max_body: match (made.decided.treatment, made.decision.admitted()) {
            (Treatment::Outcome, Outcome::Redirect(redirect)) => max_body(redirect.max_body),
            _ => u64::MAX,
        },
    );
    let (is, answer, why) = match (made.decided.treatment, made.decision.admitted()) {
        (Treatment::Refuse(status), _) => {
            let reason = match made.decided.steps.last() {
                _ if made.decided.asked & !met != 0 => text("unenforced"),
                Some(Step::Refuse(refusal)) => text(refusal.reason),
                _ => gw_str::ABSENT,
            };
            (GW_KIND_REFUSE, status, reason)
        }
        (Treatment::Preflight, _) => (GW_KIND_PREFLIGHT, StatusCode::NO_CONTENT, gw_str::ABSENT),
        (Treatment::Outcome, Outcome::Forward(to)) => {
            (GW_KIND_FORWARD, to.forward.unavailable, gw_str::ABSENT)
        }
        (Treatment::Outcome, Outcome::Deny(_)) => {
            (GW_KIND_DENY, StatusCode::FORBIDDEN, text("denied"))
        }
        (Treatment::Outcome, Outcome::Redirect(redirect)) => {
            (GW_KIND_REDIRECT, redirect.status, gw_str::ABSENT)
        }
        (Treatment::Outcome, Outcome::Respond(respond)) => {
            let reason = gw_str::of_option(respond.reason.as_deref().map(str::as_bytes));
            (GW_KIND_RESPOND, respond.status, reason)
        }
        (Treatment::Outcome, Outcome::NoRoute(why)) => {
            let reason = match why {
                NoRoute::Invalid(what) => what.as_str(),
                other => other.as_str(),
            };
            (GW_KIND_NO_ROUTE, why.status(), text(reason))
        }
    };
    put!(out, kind: is, status: answer.as_u16().into(), reason: why);
}

/// Decides what to do with `request`, by the router in force of `engine`, and fills `out`. Returns
/// `GW_OK` for every request, also for one that no route takes; `GW_ERR_ARGUMENT` for one that is
/// none. What it finds is read from the request only as far as rules ask for it.
///
/// Costs what deciding costs in Rust and some 20 ns more. Allocates nothing, once per decider and
/// published router excepted, unless policies ask something of the request. Waits for nobody, except
/// that after a publish threads take turns to count one more user of the new router.
///
/// # Safety
///
/// `engine` and `decider` are NULL or have not been freed, and nobody else uses `decider`; what
/// `request` points to can be read, and its functions be called; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_decide(
    decider: *mut gw_decider,
    engine: *const gw_engine,
    request: *const gw_request,
    out: *mut gw_decision,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let mut room = MaybeUninit::uninit();
        // SAFETY: the caller vouches for both.
        let (out, given) = unsafe { (Out::of(out)?, sized::read(request, &mut room)?) };
        let told = Told { out, met: decider.duties };
        // SAFETY: the caller vouches for it.
        unsafe {
            decider.pinned.decide(engine, |generation, router, decided| {
                let request = Borrowed::of(given, &router.needs)?;
                decided.draw = request.random();
                let decision = router.router.decide(&request, decided.draw);
                told.tell(generation, router, decided, decision, &request)
            })
        }
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}

/// Decides anew what to do with a request whose backend cannot take it: `which` is one of
/// `GW_INSTEAD_...`. The new decision takes the place of the last one. `GW_NONE` where nothing stands
/// in: then the last decision stays, and the answer is 503 while a breaker keeps the endpoints out,
/// else the status that it has. After `GW_ERR_ARGUMENT` there may be no decision any more.
///
/// # Safety
///
/// As for `gw_decide`; `request` is the one that was decided.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_instead(
    decider: *mut gw_decider,
    request: *const gw_request,
    which: i32,
    out: *mut gw_decision,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let mut room = MaybeUninit::uninit();
        // SAFETY: the caller vouches for both.
        let (out, given) = unsafe { (Out::of(out)?, sized::read(request, &mut room)?) };
        let told = Told { out, met: decider.duties };
        decider.pinned.replace(|generation, router, decided| {
            let decision = decided.decision.ok_or(GW_ERR_STATE)?;
            if decided.treatment != Treatment::Outcome {
                return Ok(GW_NONE);
            }
            // SAFETY: who has handed the request in vouches for what it points to.
            let request = unsafe { Borrowed::of(given, &router.needs) }?;
            let rules = &router.router;
            let decision = match which {
                GW_INSTEAD_BREAKER => rules.fall_back(&decision, &request),
                GW_INSTEAD_BACKUP => rules.back_up(&decision, &request),
                _ => return Err(GW_ERR_ARGUMENT),
            };
            request.finish()?;
            let Some(decision) = decision else { return Ok(GW_NONE) };
            // Where telling fails, neither of the two is left.
            decided.decision = None;
            decided.steps.clear();
            told.tell(generation, router, decided, decision, &request)
        })
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}
