/* Calls as nobody should make them: each is refused, and the library goes on. */
#include "check.h"

#define TOO_MUCH SIZE_MAX

static const char *const DOCUMENTS =
    "apiVersion: k8s.nginx.org/v1\n"
    "kind: VirtualServer\n"
    "metadata: {name: cafe}\n"
    "spec:\n"
    "  host: cafe.example.com\n"
    "  upstreams: [{name: tea, service: tea-svc, port: 80}]\n"
    "  routes:\n"
    "  - path: /tea\n"
    "    matches:\n"
    "    - conditions: [{header: x-version, value: beta}]\n"
    "      action: {pass: tea}\n"
    "    action: {return: {code: 200, type: text/plain, body: hello}}\n";

static gw_str answer;
static int32_t says;

static int32_t header(void *ctx, uint32_t index, const gw_str *name, uint32_t nth, gw_str *out) {
    (void)ctx, (void)index, (void)name;
    *out = answer;
    return nth == 0 ? says : 0;
}

static gw_request get(const char *target) {
    gw_request request = {.struct_size = sizeof request};
    request.method = GW_STR("GET");
    request.target = (gw_str){target, strlen(target)};
    request.host = GW_STR("cafe.example.com");
    return request;
}

int main(void) {
    gw_router *router = build(DOCUMENTS), *none;
    gw_engine *engine;
    gw_decider *decider;
    gw_report *report;
    gw_str text;
    uint64_t generation;
    gw_source source = {GW_STR("a.yaml"), {DOCUMENTS, strlen(DOCUMENTS)}};
    gw_build_options options = {.struct_size = sizeof options};

    /* Building. */
    CHECK(gw_router_build(&source, 1, NULL, NULL, &report) == GW_ERR_ARGUMENT);
    CHECK(gw_router_build(NULL, 1, NULL, &none, &report) == GW_ERR_ARGUMENT && none == NULL && report == NULL);
    CHECK(gw_router_build(&source, TOO_MUCH, NULL, &none, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_router_build(&source, TOO_MUCH / sizeof source + 2, NULL, &none, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_router_build((gw_source *)((char *)&source + 1), 1, NULL, &none, NULL) == GW_ERR_ARGUMENT);
    gw_source bad = {GW_STR("a.yaml"), {NULL, 3}};
    CHECK(gw_router_build(&bad, 1, NULL, &none, NULL) == GW_ERR_ARGUMENT);
    bad = (gw_source){GW_STR("a.yaml"), {DOCUMENTS, TOO_MUCH}};
    CHECK(gw_router_build(&bad, 1, NULL, &none, NULL) == GW_ERR_ARGUMENT);
    bad = (gw_source){{"\xff", 1}, GW_STR("a: b")};
    CHECK(gw_router_build(&bad, 1, NULL, &none, NULL) == GW_ERR_ARGUMENT);
    bad = (gw_source){GW_STR("a.yaml"), {"\xff\xfe", 2}};
    CHECK(gw_router_build(&bad, 1, NULL, &none, NULL) == GW_ERR_CONFIG);
    options.struct_size = 0;
    CHECK(gw_router_build(&source, 1, &options, &none, NULL) == GW_ERR_ABI);
    options.struct_size = sizeof options - 1;
    CHECK(gw_router_build(&source, 1, &options, &none, NULL) == GW_ERR_ABI);
    options.struct_size = sizeof options;
    options.flags = UINT64_C(1) << 63;
    CHECK(gw_router_build(&source, 1, &options, &none, NULL) == GW_ERR_ARGUMENT);
    options.flags = GW_BUILD_ASSUME_SERVICES | GW_BUILD_ASSUME_NO_SERVICES;
    CHECK(gw_router_build(&source, 1, &options, &none, NULL) == GW_ERR_ARGUMENT);
    options.flags = 0;
    text = GW_STR("no-service");
    options.known_services = &text;
    options.known_services_len = 1;
    CHECK(gw_router_build(&source, 1, &options, &none, NULL) == GW_ERR_ARGUMENT);
    options.known_services_len = TOO_MUCH;
    CHECK(gw_router_build(&source, 1, &options, &none, NULL) == GW_ERR_ARGUMENT);
    options.known_services_len = 0;
    options.addresses = &text;
    options.addresses_len = 1;
    CHECK(gw_router_build(&source, 1, &options, &none, NULL) == GW_ERR_ARGUMENT);
    /* No sources at all are a router without routes. */
    CHECK(gw_router_build(NULL, 0, NULL, &none, NULL) == GW_OK);
    gw_router_free(none);

    /* Routers, reports, engines, deciders. */
    gw_needs needs = {.struct_size = sizeof needs};
    gw_listener listener = {.struct_size = sizeof listener};
    gw_diagnostic diagnostic = {.struct_size = sizeof diagnostic};
    CHECK(gw_router_needs(NULL, &needs) == GW_ERR_ARGUMENT);
    CHECK(gw_router_needs(router, NULL) == GW_ERR_ARGUMENT);
    needs.struct_size = 4;
    CHECK(gw_router_needs(router, &needs) == GW_ERR_ABI);
    CHECK(gw_router_listener(NULL, 0, &listener) == GW_ERR_ARGUMENT);
    CHECK(gw_router_listener(router, 0, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_router_listener(router, TOO_MUCH, &listener) == GW_NONE);
    CHECK(gw_router_backend_count(NULL) == 0);
    CHECK(gw_router_backend(NULL, 0, &text) == GW_ERR_ARGUMENT);
    CHECK(gw_router_backend(router, 0, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_router_backend(router, TOO_MUCH, &text) == GW_NONE);
    CHECK(gw_router_bind(NULL, &text, 1) == GW_ERR_ARGUMENT);
    CHECK(gw_router_bind(router, NULL, 1) == GW_ERR_ARGUMENT);
    text = (gw_str){NULL, 0};
    CHECK(gw_router_bind(router, &text, 1) == GW_ERR_ARGUMENT);
    text = (gw_str){"x", TOO_MUCH};
    CHECK(gw_router_bind(router, &text, 1) == GW_ERR_ARGUMENT);
    gw_session session = {.struct_size = sizeof session};
    gw_endpoints endpoints = {.struct_size = sizeof endpoints};
    gw_endpoint endpoint = {.struct_size = sizeof endpoint};
    CHECK(gw_router_session(NULL, 0, &session) == GW_ERR_ARGUMENT);
    CHECK(gw_router_session(router, 0, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_router_session(router, 0, (gw_session *)((char *)&session + 1)) == GW_ERR_ARGUMENT);
    CHECK(gw_router_session(router, 0, &session) == GW_NONE);
    CHECK(gw_router_session(router, TOO_MUCH, &session) == GW_NONE);
    CHECK(gw_router_endpoints(NULL, 0, &endpoints) == GW_ERR_ARGUMENT);
    CHECK(gw_router_endpoints(router, 0, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_router_endpoints(router, TOO_MUCH, &endpoints) == GW_NONE);
    CHECK(gw_router_endpoint(NULL, 0, 0, &endpoint) == GW_ERR_ARGUMENT);
    CHECK(gw_router_endpoint(router, 0, 0, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_router_endpoint(router, TOO_MUCH, 0, &endpoint) == GW_NONE);
    CHECK(gw_router_endpoint(router, 0, TOO_MUCH, &endpoint) == GW_NONE);
    session.struct_size = 0;
    endpoints.struct_size = 12;
    endpoint.struct_size = 1;
    CHECK(gw_router_session(router, 0, &session) == GW_ERR_ABI);
    CHECK(gw_router_endpoints(router, 0, &endpoints) == GW_ERR_ABI);
    CHECK(gw_router_endpoint(router, 0, 0, &endpoint) == GW_ERR_ABI);
    session.struct_size = sizeof session;
    CHECK(gw_report_count(NULL) == 0);
    CHECK(gw_report_get(NULL, 0, &diagnostic) == GW_ERR_ARGUMENT);
    CHECK(gw_report_json(NULL, &text) == GW_ERR_ARGUMENT);
    CHECK(gw_engine_new(NULL, &engine) == GW_ERR_ARGUMENT && engine == NULL);
    CHECK(gw_engine_new(router, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_engine_new(router, &engine) == GW_OK);
    CHECK(gw_engine_publish(NULL, router, &generation) == GW_ERR_ARGUMENT);
    CHECK(gw_engine_publish(engine, NULL, &generation) == GW_ERR_ARGUMENT);
    CHECK(gw_engine_publish(engine, router, NULL) == GW_OK);
    CHECK(gw_decider_new(0, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_decider_new(0, &decider) == GW_OK);
    gw_router_free(NULL);
    gw_engine_free(NULL);
    gw_decider_free(NULL);
    gw_decider_reset(NULL);
    gw_report_free(NULL);

    /* Deciding. */
    gw_decision decision = {.struct_size = sizeof decision};
    gw_request request = get("/tea");
    CHECK(gw_decide(NULL, engine, &request, &decision) == GW_ERR_ARGUMENT);
    CHECK(gw_decide(decider, NULL, &request, &decision) == GW_ERR_ARGUMENT);
    CHECK(gw_decide(decider, engine, NULL, &decision) == GW_ERR_ARGUMENT);
    CHECK(gw_decide(decider, engine, &request, NULL) == GW_ERR_ARGUMENT);
    decision.struct_size = 0;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ABI);
    decision.struct_size = sizeof decision;
    request.struct_size = 3;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ABI);
    /* A size that cuts a text in two is that of a text without octets. */
    request.struct_size = offsetof(gw_request, host) + 8;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    CHECK(decision.kind == GW_KIND_NO_ROUTE && decision.status == 400);
    request = get("/tea");
    request.method = (gw_str){NULL, 0};
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    request.method = (gw_str){"\xff", 1};
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    request = get("/tea");
    request.target = (gw_str){NULL, 4};
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    request.target = (gw_str){"/tea", TOO_MUCH};
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    request.target = GW_STR("\xff\0 garbage");
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK && decision.status == 400);
    request = get("/tea");
    request.headers_len = 1;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    gw_header line = {GW_STR("x-version"), {NULL, 7}};
    request.headers = &line;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    request.headers_len = TOO_MUCH;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    request = get("/tea");
    request.attributes = &line;
    request.attributes_len = TOO_MUCH;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    request.attributes = (gw_header *)((char *)&line + 1);
    request.attributes_len = 1;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    request = get("/tea");
    request.http_version = 99;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    request = get("/tea");
    request.peer_family = 5;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    request = get("/tea");
    request.listener_family = 7;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);

    /* Callbacks that say what cannot be. */
    request = get("/tea");
    request.header_fn = header;
    says = 1;
    answer = (gw_str){"x", TOO_MUCH};
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    answer = (gw_str){NULL, 1};
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_ERR_ARGUMENT);
    answer = (gw_str){NULL, 0};
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    answer = GW_STR("beta");
    says = -1;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);

    /* What a decision that was not made tells. */
    gw_forward forward = {.struct_size = sizeof forward};
    gw_response response = {.struct_size = sizeof response};
    gw_settings settings = {.struct_size = sizeof settings};
    gw_backend_tls tls = {.struct_size = sizeof tls};
    gw_mirror mirror = {.struct_size = sizeof mirror};
    gw_step step = {.struct_size = sizeof step};
    gw_basic_auth basic = {.struct_size = sizeof basic};
    gw_jwt jwt = {.struct_size = sizeof jwt};
    gw_client_certificate certificate = {.struct_size = sizeof certificate};
    gw_external_auth external = {.struct_size = sizeof external};
    gw_auth_check check = {.struct_size = sizeof check};
    gw_cache cache = {.struct_size = sizeof cache};
    int32_t admitted;
    request = get("/tea");
    gw_decider_reset(decider);
    CHECK(gw_edit_request(decider, &request, &forward) == GW_ERR_STATE);
    CHECK(gw_edit_response(decider, &request, 200, NULL, &response) == GW_ERR_STATE);
    CHECK(gw_answer(decider, &request, 0, NULL, &response) == GW_ERR_STATE);
    CHECK(gw_decider_settings(decider, &settings) == GW_ERR_STATE);
    CHECK(gw_decider_backend_tls(decider, &tls) == GW_ERR_STATE);
    CHECK(gw_mirror_get(decider, &request, 0, &mirror) == GW_ERR_STATE);
    CHECK(gw_step_get(decider, 0, &step) == GW_ERR_STATE);
    CHECK(gw_step_basic_auth(decider, &request, 0, &basic) == GW_ERR_STATE);
    CHECK(gw_step_api_client(decider, 0, &text) == GW_ERR_STATE);
    CHECK(gw_step_jwt(decider, &request, 0, &jwt) == GW_ERR_STATE);
    CHECK(gw_step_client_certificate(decider, 0, &certificate) == GW_ERR_STATE);
    CHECK(gw_step_external_auth(decider, &request, 0, &external) == GW_ERR_STATE);
    CHECK(gw_step_auth_check(decider, &request, 0, &check) == GW_ERR_STATE);
    CHECK(gw_step_cache(decider, &request, 0, &cache) == GW_ERR_STATE);
    CHECK(gw_step_tls(decider, 0, &tls) == GW_ERR_STATE);
    CHECK(gw_instead(decider, &request, GW_INSTEAD_BACKUP, &decision) == GW_ERR_STATE);
    CHECK(gw_admits(decider, &request, &GW_STR("a/b"), &admitted) == GW_ERR_STATE);
    CHECK(gw_admits_endpoint(decider, &request, &GW_STR("10.0.0.1"), 80, &admitted) == GW_ERR_STATE);
    CHECK(gw_decider_session(decider, &session) == GW_ERR_STATE);
    /* An answer of ours goes to no backend. */
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK && decision.kind == GW_KIND_RESPOND);
    CHECK(gw_admits_endpoint(decider, &request, &GW_STR("10.0.0.1"), 80, &admitted) == GW_ERR_STATE);
    CHECK(gw_decider_session(decider, &session) == GW_ERR_STATE);

    request.header_fn = header;
    says = 1;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK && decision.kind == GW_KIND_FORWARD);
    CHECK(gw_edit_request(NULL, &request, &forward) == GW_ERR_ARGUMENT);
    CHECK(gw_edit_request(decider, NULL, &forward) == GW_ERR_ARGUMENT);
    CHECK(gw_edit_request(decider, &request, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_edit_response(decider, &request, 0, NULL, &response) == GW_ERR_ARGUMENT);
    CHECK(gw_edit_response(decider, &request, 99, NULL, &response) == GW_ERR_ARGUMENT);
    CHECK(gw_edit_response(decider, &request, UINT32_MAX, NULL, &response) == GW_ERR_ARGUMENT);
    CHECK(gw_edit_response(decider, NULL, 200, NULL, &response) == GW_ERR_ARGUMENT);
    text = (gw_str){"\xff", 1};
    CHECK(gw_edit_response(decider, &request, 200, &text, &response) == GW_ERR_ARGUMENT);
    CHECK(gw_answer(decider, &request, 7, NULL, &response) == GW_ERR_ARGUMENT);
    CHECK(gw_answer(decider, &request, 0, NULL, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_decider_settings(decider, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_decider_backend_tls(decider, &tls) == GW_NONE);
    CHECK(gw_mirror_get(decider, &request, TOO_MUCH, &mirror) == GW_NONE);
    CHECK(gw_step_get(decider, TOO_MUCH, &step) == GW_NONE);

/* Functions that tell what a duty needs. */
#define REFUSES(call, out)                                                 \
    CHECK(call(decider, &request, TOO_MUCH, &out) == GW_NONE);             \
    CHECK(call(NULL, &request, 0, &out) == GW_ERR_ARGUMENT);               \
    CHECK(call(decider, NULL, 0, &out) == GW_ERR_ARGUMENT);                \
    CHECK(call(decider, &request, 0, NULL) == GW_ERR_ARGUMENT);            \
    out.struct_size = 5;                                                   \
    CHECK(call(decider, &request, 0, &out) == GW_ERR_ABI);                 \
    out.struct_size = sizeof out
#define REFUSES_WITHOUT_REQUEST(call, out)                                 \
    CHECK(call(decider, TOO_MUCH, &out) == GW_NONE);                       \
    CHECK(call(NULL, 0, &out) == GW_ERR_ARGUMENT);                         \
    CHECK(call(decider, 0, NULL) == GW_ERR_ARGUMENT);                      \
    out.struct_size = 5;                                                   \
    CHECK(call(decider, 0, &out) == GW_ERR_ABI);                           \
    out.struct_size = sizeof out
    REFUSES(gw_step_basic_auth, basic);
    REFUSES(gw_step_jwt, jwt);
    REFUSES(gw_step_external_auth, external);
    REFUSES(gw_step_auth_check, check);
    REFUSES(gw_step_cache, cache);
    REFUSES_WITHOUT_REQUEST(gw_step_client_certificate, certificate);
    REFUSES_WITHOUT_REQUEST(gw_step_tls, tls);
    CHECK(gw_step_api_client(decider, TOO_MUCH, &text) == GW_NONE);
    CHECK(gw_step_api_client(NULL, 0, &text) == GW_ERR_ARGUMENT);
    CHECK(gw_step_api_client(decider, 0, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_instead(decider, &request, 99, &decision) == GW_ERR_ARGUMENT);
    CHECK(gw_instead(decider, &request, GW_INSTEAD_BACKUP, &decision) == GW_NONE);
    CHECK(gw_admits(decider, &request, NULL, &admitted) == GW_ERR_ARGUMENT);
    CHECK(gw_admits(decider, &request, &GW_STR("a/b"), NULL) == GW_ERR_ARGUMENT);
    text = (gw_str){"10.0.0.1", TOO_MUCH};
    CHECK(gw_admits_endpoint(NULL, &request, &GW_STR("10.0.0.1"), 80, &admitted) == GW_ERR_ARGUMENT);
    CHECK(gw_admits_endpoint(decider, NULL, &GW_STR("10.0.0.1"), 80, &admitted) == GW_ERR_ARGUMENT);
    CHECK(gw_admits_endpoint(decider, &request, NULL, 80, &admitted) == GW_ERR_ARGUMENT);
    CHECK(gw_admits_endpoint(decider, &request, &text, 80, &admitted) == GW_ERR_ARGUMENT);
    CHECK(gw_admits_endpoint(decider, &request, &GW_STR("10.0.0.1"), 80, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_admits_endpoint(decider, &request, &GW_STR("\xff\0"), 0, &admitted) == GW_OK && admitted == 0);
    CHECK(gw_decider_session(NULL, &session) == GW_ERR_ARGUMENT);
    CHECK(gw_decider_session(decider, NULL) == GW_ERR_ARGUMENT);
    CHECK(gw_decider_session(decider, &session) == GW_NONE);
    session.struct_size = 9;
    CHECK(gw_decider_session(decider, &session) == GW_ERR_ABI);
    CHECK(gw_explain(decider, NULL, &request, &text) == GW_ERR_ARGUMENT);
    CHECK(gw_explain(decider, engine, NULL, &text) == GW_ERR_ARGUMENT);
    CHECK(gw_explain(decider, engine, &request, NULL) == GW_ERR_ARGUMENT);
    /* Another request than the one that was decided: no more than a wrong answer comes of it. */
    request = get("*");
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    request = get("/tea");
    CHECK(gw_answer(decider, &request, 0, NULL, &response) == GW_OK);

    gw_decider_free(decider);
    gw_engine_free(engine);
    gw_router_free(router);
    return 0;
}
