//! C interface of `gateway-core`: the library `libgateway`.
//!
//! `include/gateway.h` is made of the items that are exported here, their documentation included:
//! it is written for readers of C. `docs/embedding.md` shows how hosts use them.
//!
//! * No struct is passed by value. Those that may grow begin with their size ([`sized`]).
//! * No panic leaves an entry ([`boundary`]). NULL and lengths that no memory has are refused.
//! * Casts between pointers and what they stand for are in [`handle`], [`bytes`] and [`sized`];
//!   what outlives the borrow that the compiler knows of, in [`pinned`].
#![expect(unsafe_code, reason = "a C interface exports symbols and is handed pointers")]
#![expect(non_camel_case_types, reason = "names are those of the C interface")]

mod backends;
mod boundary;
mod bytes;
mod decider;
mod decision;
mod duty;
mod endpoints;
mod engine;
mod explain;
mod forward;
mod handle;
mod headers;
mod mirror;
mod needs;
mod options;
mod pinned;
mod report;
mod request;
mod response;
mod router;
mod session;
mod settings;
mod sized;
mod slot;
mod status;
mod step;
mod sync;
mod tls;
mod version;

pub use boundary::{gw_log_fn, gw_set_log};
pub use bytes::{gw_header, gw_str};
pub use decider::{gw_decider, gw_decider_free, gw_decider_new, gw_decider_reset};
pub use decision::{
    GW_DECISION_KEEPS_ANSWER, GW_DECISION_KEEPS_REQUEST, GW_DECISION_KEEPS_USUAL_ANSWER,
    GW_DECISION_KEEPS_USUAL_REQUEST, GW_INSTEAD_BACKUP, GW_INSTEAD_BREAKER,
};
pub use decision::{
    GW_KIND_DENY, GW_KIND_FORWARD, GW_KIND_NO_ROUTE, GW_KIND_PREFLIGHT, GW_KIND_REDIRECT,
    GW_KIND_REFUSE, GW_KIND_RESPOND, gw_decide, gw_decision, gw_instead,
};
pub use duty::api_key::gw_step_api_client;
pub use duty::auth_check::{
    GW_CHECK_ALL_REQUEST_HEADERS, GW_CHECK_ALL_RESPONSE_HEADERS, GW_CHECK_GRPC, GW_CHECK_HTTP,
    gw_auth_check, gw_step_auth_check,
};
pub use duty::basic_auth::{gw_basic_auth, gw_step_basic_auth};
pub use duty::cache::{
    GW_CACHE_ANY_STATUS, GW_CACHE_BACKGROUND_UPDATE, GW_CACHE_LOCKS, GW_CACHE_OVERRIDES_BACKEND,
    GW_CACHE_PURGES, GW_CACHE_REVALIDATES, GW_CACHE_SERVES, GW_CACHE_STORES, GW_STALE_ON_ERROR,
    GW_STALE_ON_INVALID_HEADER, GW_STALE_ON_TIMEOUT, GW_STALE_WHILE_UPDATING, gw_cache,
    gw_step_cache,
};
pub use duty::client_certificate::{
    GW_VERIFY_CLIENT_OFF, GW_VERIFY_CLIENT_ON, GW_VERIFY_CLIENT_OPTIONAL,
    GW_VERIFY_CLIENT_OPTIONAL_NO_AUTHORITY, gw_client_certificate, gw_step_client_certificate,
};
pub use duty::external_auth::{gw_external_auth, gw_step_external_auth};
pub use duty::jwt::{gw_jwt, gw_step_jwt};
pub use duty::service_tls::gw_step_tls;
pub use endpoints::{
    GW_ENDPOINT_ACCOUNT_ASSUMED, GW_ENDPOINTS_LISTED, GW_ENDPOINTS_UNCERTAIN,
    GW_ENDPOINTS_UNLISTED, gw_admits_endpoint, gw_endpoint, gw_endpoints, gw_router_endpoint,
    gw_router_endpoints,
};
pub use engine::{gw_engine, gw_engine_free, gw_engine_new, gw_engine_publish};
pub use explain::gw_explain;
pub use forward::{gw_admits, gw_edit_request, gw_forward};
pub use headers::{
    GW_OP_ADD, GW_OP_DROP_ALL, GW_OP_DROP_UNUSUAL, GW_OP_REMOVE, GW_OP_SET, gw_header_op,
};
pub use mirror::{gw_mirror, gw_mirror_get};
pub use needs::{
    GW_NEEDS_PEER, GW_NEEDS_RANDOM, GW_NEEDS_SERVER_NAME, GW_NEEDS_SESSIONS, gw_needs,
    gw_router_needs,
};
pub use options::{
    GW_BUILD_ASSUME_NO_SERVICES, GW_BUILD_ASSUME_SERVICES, GW_BUILD_BREAKER_COUNTS_5XX,
    GW_BUILD_DENY_BY_DEFAULT, GW_BUILD_LENIENT, GW_BUILD_LINT, GW_BUILD_MESH,
    GW_BUILD_NO_SERVICE_HOSTS, GW_BUILD_SKIP_EMPTY_BACKENDS, GW_BUILD_SMI_STRICT,
    GW_BUILD_STANDARD_CHANNEL, GW_BUILD_STRICT, gw_build_options, gw_source,
};
pub use report::{
    GW_SEVERITY_ERROR, GW_SEVERITY_NOTICE, GW_SEVERITY_WARNING, gw_diagnostic, gw_report,
    gw_report_count, gw_report_free, gw_report_get, gw_report_json,
};
pub use request::{GW_NO_INDEX, GW_REQUEST_TLS, gw_attribute_fn, gw_header_fn, gw_request};
pub use response::{
    GW_RESPONSE_ERROR_PAGE, GW_RESPONSE_WHOLE, gw_answer, gw_edit_response, gw_response,
};
pub use router::{
    gw_listener, gw_router, gw_router_backend, gw_router_backend_count, gw_router_bind,
    gw_router_build, gw_router_free, gw_router_listener,
};
pub use session::{
    GW_SAME_SITE_LAX, GW_SAME_SITE_NONE, GW_SAME_SITE_STRICT, GW_SESSION_AT_BACKEND,
    GW_SESSION_COOKIE, GW_SESSION_HEADER, GW_SESSION_HTTP_ONLY, GW_SESSION_SECURE,
    gw_decider_session, gw_router_session, gw_session,
};
pub use settings::{
    GW_PROTOCOL_GRPC, GW_PROTOCOL_HTTP1, GW_PROTOCOL_HTTP2, GW_REPEAT_AFTER_STATUS,
    GW_REPEAT_ALWAYS, GW_REPEAT_NEVER, GW_RETRY_ON_ERROR, GW_RETRY_ON_INVALID_HEADER,
    GW_RETRY_ON_TIMEOUT, GW_SETTINGS_CLUSTER_ADDRESS, gw_backend_tls, gw_decider_backend_tls,
    gw_decider_settings, gw_settings,
};
pub use status::{
    GW_ERR_ABI, GW_ERR_ARGUMENT, GW_ERR_CONFIG, GW_ERR_LIMIT, GW_ERR_PANIC, GW_ERR_STATE, GW_NONE,
    GW_OK, gw_status,
};
pub use step::{
    GW_DUTY_API_KEY, GW_DUTY_AUTH_CHECK, GW_DUTY_BACKEND_TLS, GW_DUTY_BASIC_AUTH, GW_DUTY_CACHE,
    GW_DUTY_CLIENT_CERTIFICATE, GW_DUTY_ENDPOINT_ACCESS, GW_DUTY_EXTERNAL_AUTH, GW_DUTY_JWT,
    GW_DUTY_MUTUAL_TLS, GW_DUTY_RATE_LIMIT, GW_DUTY_SERVICE_LIMIT, GW_STEP_BY_ENDPOINT,
    GW_STEP_DRY_RUN, gw_step, gw_step_get,
};
pub use version::{GW_ABI_VERSION, gw_abi_version, gw_mix64, gw_version};
