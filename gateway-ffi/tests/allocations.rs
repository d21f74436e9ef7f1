//! Deciding through the C interface allocates nothing once a decider has seen the router.
#![expect(unsafe_code, reason = "the C interface is called, and allocations are counted")]

use gateway::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is the system's doing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller vouches for it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller vouches for it.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller vouches for it.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const DOCUMENTS: &str = r"
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  upstreams:
  - {name: tea, service: tea-svc, port: 80}
  - {name: coffee, service: coffee-svc, port: 80, sessionCookie: {enable: true, name: srv}}
  routes:
  - path: /tea
    matches:
    - conditions: [{header: x-version, value: beta}, {cookie: user, value: '~^a'}]
      action: {pass: coffee}
    splits:
    - weight: 10
      action:
        proxy:
          upstream: tea
          rewritePath: /hot
          requestHeaders: {set: [{name: X-Shop, value: main}]}
          responseHeaders: {add: [{name: X-Kind, value: hot}]}
    - {weight: 90, action: {pass: coffee}}
  - path: /old
    action: {redirect: {url: 'https://new.example.com/', code: 301}}
  - path: /hello
    action: {return: {code: 200, type: text/plain, body: hello}}
";

const GUARDED: &str = r"
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  upstreams: [{name: tea, service: tea-svc, port: 80}]
  routes:
  - {path: /key, policies: [{name: key}, {name: kept}], action: {pass: tea}}
  - {path: /ask, policies: [{name: ask}], action: {pass: tea}}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: key}
spec: {apiKey: {suppliedIn: {header: [X-Key]}, clientSecret: keys}}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: kept}
spec: {cache: {cacheZoneName: pages, cacheZoneSize: 1m, allowedCodes: [200, 404], time: 1s}}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: ask}
spec: {externalAuth: {authServiceName: auth-svc, authSigninURI: /login}}
---
{apiVersion: v1, kind: Secret, metadata: {name: keys}, type: nginx.org/apikey, stringData: {ann: one}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec: {gatewayClassName: c, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: gw}]
  hostnames: [shop.example.com]
  rules:
  - filters: [{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: auth, port: 80}, http: {path: /allow}}}]
    backendRefs: [{name: cart, port: 80}]
";

fn text(text: &str) -> gw_str {
    gw_str { ptr: text.as_ptr().cast(), len: text.len() }
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

unsafe extern "C" fn no_header(
    _: *mut c_void,
    _: u32,
    _: *const gw_str,
    _: u32,
    _: *mut gw_str,
) -> i32 {
    0
}

#[test]
fn a_decision_allocates_nothing_after_the_first() {
    let source = gw_source { name: text("cafe.yaml"), text: text(DOCUMENTS) };
    let (mut router, mut engine, mut decider) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: all pointers are valid.
    unsafe {
        let built =
            gw_router_build(&raw const source, 1, ptr::null(), &raw mut router, ptr::null_mut());
        assert_eq!(built, GW_OK);
        assert_eq!(gw_engine_new(router, &raw mut engine), GW_OK);
        assert_eq!(gw_decider_new(0, &raw mut decider), GW_OK);
    }
    let lines = [
        gw_header { name: text("Host"), value: text("cafe.example.com:80") },
        gw_header { name: text("X-Version"), value: text("beta") },
        gw_header { name: text("Cookie"), value: text("user=alice") },
    ];
    let mut decisions = 0;
    // Twice: whatever the first round made room for, the second needs no more.
    for round in 0..2 {
        for target in ["/tea/green?x=1", "/tea/%67reen/../x", "/old", "/hello", "/none", "bad"] {
            for (headers, is_lazy) in [(3, false), (1, false), (0, true), (0, false)] {
                for random in [0, u64::MAX] {
                    let mut request = sized!(gw_request);
                    (request.method, request.target) = (text("GET"), text(target));
                    (request.headers, request.headers_len) = (lines.as_ptr(), headers);
                    request.random = random;
                    if headers == 0 {
                        request.host = text("cafe.example.com");
                    }
                    request.header_fn = if is_lazy { Some(no_header) } else { None };
                    let mut decision = sized!(gw_decision);
                    let mut forward = sized!(gw_forward);
                    let mut response = sized!(gw_response);
                    let mut settings = sized!(gw_settings);
                    let mut session = sized!(gw_session);
                    let before = ALLOCATIONS.get();
                    // SAFETY: all pointers are valid.
                    unsafe {
                        let decided =
                            gw_decide(decider, engine, &raw const request, &raw mut decision);
                        assert_eq!(decided, GW_OK);
                        if decision.kind == GW_KIND_FORWARD {
                            let edited =
                                gw_edit_request(decider, &raw const request, &raw mut forward);
                            assert_eq!(edited, GW_OK);
                            let edited = gw_edit_response(
                                decider,
                                &raw const request,
                                200,
                                ptr::null(),
                                &raw mut response,
                            );
                            assert_eq!(edited, GW_OK);
                            assert_eq!(gw_decider_settings(decider, &raw mut settings), GW_OK);
                            assert!(gw_decider_session(decider, &raw mut session) >= GW_OK);
                        }
                    }
                    let allocated = ALLOCATIONS.get() - before;
                    // Values of header fields are made anew that are not the same for all
                    // requests: the Host that VirtualServers set.
                    let host = usize::from(!forward.host.ptr.is_null());
                    let most = if round == 0 { 16 } else { 2 * host };
                    assert!(allocated <= most, "{target} {headers}: {allocated}");
                    decisions += 1;
                }
            }
        }
    }
    assert_eq!(decisions, 96);
    // SAFETY: nobody uses them any more.
    unsafe {
        gw_decider_free(decider);
        gw_engine_free(engine);
        gw_router_free(router);
    }
}

#[test]
fn what_duties_need_allocates_room_once() {
    let source = gw_source { name: text("guarded.yaml"), text: text(GUARDED) };
    let duties = GW_DUTY_API_KEY | GW_DUTY_CACHE | GW_DUTY_EXTERNAL_AUTH | GW_DUTY_AUTH_CHECK;
    let mut options = sized!(gw_build_options);
    options.flags = GW_BUILD_ASSUME_SERVICES;
    let (mut router, mut engine, mut decider) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: all pointers are valid.
    unsafe {
        let report = ptr::null_mut();
        let built =
            gw_router_build(&raw const source, 1, &raw const options, &raw mut router, report);
        assert_eq!(built, GW_OK);
        assert_eq!(gw_engine_new(router, &raw mut engine), GW_OK);
        assert_eq!(gw_decider_new(duties, &raw mut decider), GW_OK);
    }
    let lines = [gw_header { name: text("X-Key"), value: text("one") }];
    let (mut told, mut most) = (0, 0);
    for round in 0..2 {
        for (host, target) in
            [("cafe.example.com", "/key"), ("cafe.example.com", "/ask"), ("shop.example.com", "/")]
        {
            let mut request = sized!(gw_request);
            (request.method, request.target, request.host) =
                (text("GET"), text(target), text(host));
            (request.headers, request.headers_len) = (lines.as_ptr(), lines.len());
            let mut decision = sized!(gw_decision);
            let mut external = sized!(gw_external_auth);
            let mut check = sized!(gw_auth_check);
            let mut cache = sized!(gw_cache);
            let mut client = text("");
            // SAFETY: all pointers are valid.
            unsafe {
                let request = &raw const request;
                assert_eq!(gw_decide(decider, engine, request, &raw mut decision), GW_OK);
                let before = ALLOCATIONS.get();
                for at in 0..decision.steps_len {
                    for status in [
                        gw_step_api_client(decider, at, &raw mut client),
                        gw_step_external_auth(decider, request, at, &raw mut external),
                        gw_step_auth_check(decider, request, at, &raw mut check),
                        gw_step_cache(decider, request, at, &raw mut cache),
                    ] {
                        told += usize::from(status == GW_OK);
                    }
                }
                let allocated = ALLOCATIONS.get() - before;
                most = allocated.max(most);
                assert!(round == 0 || allocated == 0, "{target}: {allocated}");
            }
        }
    }
    assert_eq!(told, 8);
    assert!(most > 0);
    // SAFETY: nobody uses them any more.
    unsafe {
        gw_decider_free(decider);
        gw_engine_free(engine);
        gw_router_free(router);
    }
}
