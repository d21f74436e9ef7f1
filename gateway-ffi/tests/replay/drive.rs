//! Octets to documents and a request, which go through the C interface and are decided in Rust too.
//! The fuzz target `ffi` runs this; an ordinary test replays what it found.
#![expect(unsafe_code, reason = "the C interface is called")]

use gateway::*;
use gateway_core::{Options, Outcome, Request, Resources, Router, Verdict, translate};
use std::ptr;
use testkit::OwnedRequest;

/// What is built where the octets bring no documents.
const DOCUMENTS: &[u8] = include_bytes!("documents.yaml");

fn text(octets: &[u8]) -> gw_str {
    gw_str { ptr: octets.as_ptr().cast(), len: octets.len() }
}

/// The octets of a text that the library has handed out.
fn octets<'a>(text: gw_str) -> &'a [u8] {
    if text.ptr.is_null() {
        return &[];
    }
    // SAFETY: the library says that so many octets stand there.
    unsafe { std::slice::from_raw_parts(text.ptr.cast(), text.len) }
}

/// A struct of which only the size is set.
macro_rules! sized {
    ($name:ident) => {{
        // SAFETY: zeroed memory is a value of every struct of the interface that may grow.
        let mut value: $name = unsafe { std::mem::zeroed() };
        value.struct_size = size_of::<$name>();
        value
    }};
}

/// What frees itself.
struct Freed<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Freed<T> {
    fn drop(&mut self) {
        // SAFETY: it has been made by the library, and nobody uses it any more.
        unsafe { (self.1)(self.0) };
    }
}

/// `bytes` are divided by octets of 255: documents, method, target, host, and names and values of
/// header fields.
pub(crate) fn drive(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == 255);
    let mut next = |otherwise| parts.next().filter(|part| !part.is_empty()).unwrap_or(otherwise);
    let documents = next(DOCUMENTS);
    let (method, target, host) = (next(b"GET"), next(b"/tea"), next(b"cafe.example.com"));
    let rest: Vec<&[u8]> = parts.collect();
    let lines: Vec<gw_header> = rest
        .chunks_exact(2)
        .map(|pair| gw_header { name: text(pair[0]), value: text(pair[1]) })
        .collect();

    let mut resources = Resources::new();
    resources.add_yaml("fuzz.yaml", documents);
    let rules = translate(&resources, &Options::default()).rules;
    let native = Router::compile(&rules).ok();

    let source = gw_source { name: text(b"fuzz.yaml"), text: text(documents) };
    let mut options = sized!(gw_build_options);
    options.flags = GW_BUILD_LENIENT;
    let (mut router, mut report) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: all pointers are valid.
    let built = unsafe {
        gw_router_build(&raw const source, 1, &raw const options, &raw mut router, &raw mut report)
    };
    let report = Freed(report, gw_report_free);
    let router = Freed(router, gw_router_free);
    // SAFETY: what has no report has none of its entries.
    for at in 0..unsafe { gw_report_count(report.0) } {
        let mut one = sized!(gw_diagnostic);
        // SAFETY: all pointers are valid.
        assert_eq!(unsafe { gw_report_get(report.0, at, &raw mut one) }, GW_OK);
        assert!(std::str::from_utf8(octets(one.text)).is_ok());
    }
    assert_eq!(built == GW_OK, native.is_some());
    let Some(native) = native else { return };

    walk(router.0);
    let (mut engine, mut decider) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: all pointers are valid.
    unsafe {
        assert_eq!(gw_engine_new(router.0, &raw mut engine), GW_OK);
        assert_eq!(gw_decider_new(u64::MAX, &raw mut decider), GW_OK);
    }
    let engine = Freed(engine, gw_engine_free);
    let decider = Freed(decider, gw_decider_free);
    let mut request = sized!(gw_request);
    (request.method, request.target, request.host) = (text(method), text(target), text(host));
    (request.headers, request.headers_len) = (lines.as_ptr(), lines.len());
    let mut decision = sized!(gw_decision);
    // SAFETY: all pointers are valid.
    let decided = unsafe { gw_decide(decider.0, engine.0, &raw const request, &raw mut decision) };
    let Ok(method) = std::str::from_utf8(method) else {
        assert_eq!(decided, GW_ERR_ARGUMENT);
        return;
    };
    assert_eq!(decided, GW_OK);
    let mut same = OwnedRequest::new(method, "", 80, "");
    same.target = target.to_vec();
    same.headers = vec![("host".to_owned(), host.to_vec())];
    for pair in rest.chunks_exact(2).filter(|pair| !pair[0].eq_ignore_ascii_case(b"host")) {
        if let Ok(name) = std::str::from_utf8(pair[0]) {
            same.headers.push((name.to_owned(), pair[1].to_vec()));
        }
    }
    agree(&native, &same, &decision);
    tell((engine.0, decider.0), &request, &decision, &native, &same);
}

/// Asks for everything that a router tells of sessions and endpoints.
fn walk(router: *const gw_router) {
    let mut needs = sized!(gw_needs);
    let mut session = sized!(gw_session);
    let mut endpoints = sized!(gw_endpoints);
    let mut endpoint = sized!(gw_endpoint);
    // SAFETY: all pointers are valid.
    unsafe {
        assert_eq!(gw_router_needs(router, &raw mut needs), GW_OK);
        for at in 0..needs.attributes_len {
            if gw_router_session(router, at, &raw mut session) == GW_OK {
                assert!(needs.flags & GW_NEEDS_SESSIONS != 0);
                assert_eq!(octets(session.attribute), octets(*needs.attributes.add(at)));
                let names = std::slice::from_raw_parts(session.backends, session.backends_len);
                assert!(names.iter().all(|name| !octets(*name).is_empty()));
            }
        }
        for backend in 0..gw_router_backend_count(router) {
            assert_eq!(gw_router_endpoints(router, backend, &raw mut endpoints), GW_OK);
            for at in 0..=endpoints.len {
                let told = gw_router_endpoint(router, backend, at, &raw mut endpoint);
                assert_eq!(told, if at < endpoints.len { GW_OK } else { GW_NONE });
                assert!(endpoint.port != 0 || at == endpoints.len);
            }
        }
    }
}

/// Compares what both have decided.
fn agree(native: &Router, request: &impl Request, decision: &gw_decision) {
    let wanted = native.decide(request, 0);
    let origin = wanted.route().map(|route| &route.origin);
    let name = origin.map_or(&b""[..], |origin| origin.object.name.as_bytes());
    assert_eq!(octets(decision.route_name), name);
    // Policies may turn out to ask nothing of a request.
    let steps = match wanted.verdict() {
        Verdict::Open(_) => 0,
        Verdict::Guarded => wanted.steps(request).len(),
    };
    assert_eq!(decision.steps_len, steps);
    if steps > 0 {
        return;
    }
    let kind = match wanted.admitted() {
        Outcome::Forward(to) => {
            assert_eq!(octets(decision.service_name), to.service.name.name.as_bytes());
            let backend = format!("{}:{}", to.service.name, to.port);
            assert!(octets(decision.backend).starts_with(backend.as_bytes()));
            GW_KIND_FORWARD
        }
        Outcome::Deny(_) => GW_KIND_DENY,
        Outcome::Redirect(_) => GW_KIND_REDIRECT,
        Outcome::Respond(_) => GW_KIND_RESPOND,
        Outcome::NoRoute(_) => GW_KIND_NO_ROUTE,
    };
    assert_eq!(decision.kind, kind);
}

/// Asks for everything that is told of a decision.
fn tell(
    (engine, decider): (*mut gw_engine, *mut gw_decider),
    request: &gw_request,
    decision: &gw_decision,
    native: &Router,
    same: &impl Request,
) {
    let mut forward = sized!(gw_forward);
    let mut response = sized!(gw_response);
    let mut settings = sized!(gw_settings);
    let mut tls = sized!(gw_backend_tls);
    let mut mirror = sized!(gw_mirror);
    let mut step = sized!(gw_step);
    let mut session = sized!(gw_session);
    let mut admitted = 0;
    let mut json = text(b"");
    let is_sent = decision.kind == GW_KIND_FORWARD;
    let wanted = if is_sent { GW_OK } else { GW_ERR_STATE };
    // SAFETY: all pointers are valid.
    unsafe {
        assert_eq!(gw_edit_request(decider, request, &raw mut forward), wanted);
        assert_eq!(gw_edit_response(decider, request, 502, ptr::null(), &raw mut response), wanted);
        assert_eq!(gw_decider_settings(decider, &raw mut settings), wanted);
        assert!(gw_decider_backend_tls(decider, &raw mut tls) >= wanted);
        assert!(gw_decider_session(decider, &raw mut session) >= wanted);
        let nowhere = text(b"10.0.0.1");
        let asked = &raw const nowhere;
        let told = gw_admits_endpoint(decider, request, asked, 8080, &raw mut admitted);
        assert_eq!(told, wanted);
        assert!(gw_mirror_get(decider, request, 0, &raw mut mirror) >= wanted);
        if decision.flags & GW_DECISION_KEEPS_ANSWER != 0 {
            assert_eq!((response.status, response.flags, response.ops_len), (502, 0, 0));
        }
        if decision.flags & GW_DECISION_KEEPS_USUAL_ANSWER != 0 {
            assert_eq!((response.status, response.flags), (502, 0));
            for op in std::slice::from_raw_parts(response.ops, response.ops_len) {
                let is_usual =
                    ["date", "server", "x-pad"].map(str::as_bytes).contains(&octets(op.name))
                        || octets(op.name).starts_with(b"x-accel-");
                assert!(op.op == GW_OP_REMOVE && is_usual);
            }
        }
        if decision.flags & GW_DECISION_KEEPS_USUAL_REQUEST != 0 {
            assert_eq!(octets(forward.target), octets(request.target));
            assert!(forward.host.ptr.is_null() && forward.hash_key.ptr.is_null());
            let ops = std::slice::from_raw_parts(forward.ops, forward.ops_len);
            assert!(ops.iter().all(|op| op.op == GW_OP_DROP_UNUSUAL));
            assert!(ops.is_empty() || decision.flags & GW_DECISION_KEEPS_REQUEST == 0);
        }
        for at in 0..decision.steps_len {
            assert_eq!(gw_step_get(decider, at, &raw mut step), GW_OK);
            duty(decider, request, at, step.duty);
        }
        for status in [0, 429] {
            let answered = gw_answer(decider, request, status, ptr::null(), &raw mut response);
            assert_eq!(answered, GW_OK);
            assert!(response.flags & GW_RESPONSE_WHOLE != 0 && response.status >= 200);
        }
        if is_sent {
            let mut target = Vec::new();
            native.decide(same, 0).write_target(same, &mut target);
            assert_eq!(octets(forward.target), target);
            assert_eq!(decision.protocol, settings.protocol);
            assert_eq!(decision.max_body, settings.max_body);
        }
        assert_eq!(gw_explain(decider, engine, request, &raw mut json), GW_OK);
        assert!(octets(json).starts_with(b"{"));
    }
}

/// Asks for what each duty needs: nothing is told but of the one that the step is of.
fn duty(decider: *mut gw_decider, request: &gw_request, at: usize, duty: u64) {
    let mut basic = sized!(gw_basic_auth);
    let mut jwt = sized!(gw_jwt);
    let mut certificate = sized!(gw_client_certificate);
    let mut external = sized!(gw_external_auth);
    let mut check = sized!(gw_auth_check);
    let mut cache = sized!(gw_cache);
    let mut tls = sized!(gw_backend_tls);
    let mut client = text(b"");
    // SAFETY: all pointers are valid.
    let told = unsafe {
        [
            (GW_DUTY_BASIC_AUTH, gw_step_basic_auth(decider, request, at, &raw mut basic)),
            (GW_DUTY_JWT, gw_step_jwt(decider, request, at, &raw mut jwt)),
            (
                GW_DUTY_CLIENT_CERTIFICATE,
                gw_step_client_certificate(decider, at, &raw mut certificate),
            ),
            (GW_DUTY_EXTERNAL_AUTH, gw_step_external_auth(decider, request, at, &raw mut external)),
            (GW_DUTY_AUTH_CHECK, gw_step_auth_check(decider, request, at, &raw mut check)),
            (GW_DUTY_CACHE, gw_step_cache(decider, request, at, &raw mut cache)),
        ]
    };
    for (of, status) in told {
        assert_eq!(status, if of == duty { GW_OK } else { GW_NONE }, "{of}");
    }
    // SAFETY: as above.
    let (named, spoken) = unsafe {
        let named = gw_step_api_client(decider, at, &raw mut client);
        (named, gw_step_tls(decider, at, &raw mut tls))
    };
    assert!(named == GW_NONE || duty == GW_DUTY_API_KEY && client.len > 0);
    let keys = octets(jwt.keys_uri).get(..6);
    let fetches = keys.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https:"));
    assert_eq!(spoken == GW_OK, external.tls | check.tls != 0 || fetches);
    assert!(!octets(basic.user).contains(&b':'));
    assert!(basic.hash.ptr.is_null() || basic.user.len > 0 && basic.hash.len > 0);
    assert!(check.protocol != GW_CHECK_HTTP || octets(check.target).starts_with(b"/"));
}
