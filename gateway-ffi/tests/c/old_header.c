/*
 * A program that was built with an older header, which knew the beginnings of the structs only; and
 * one with a newer header, which knows more than the library.
 */
#include "check.h"

static const char *const DOCUMENTS =
    "apiVersion: k8s.nginx.org/v1\n"
    "kind: VirtualServer\n"
    "metadata: {name: cafe}\n"
    "spec:\n"
    "  host: cafe.example.com\n"
    "  upstreams: [{name: tea, service: tea-svc, port: 80}]\n"
    "  routes:\n"
    "  - path: /tea\n"
    "    action: {pass: tea}\n"
    "  - path: /hello\n"
    "    action: {return: {code: 200, type: text/plain, body: hello}}\n";

typedef struct {
    size_t struct_size;
    gw_str method, target, host;
} old_request;

typedef struct {
    size_t struct_size;
    int32_t kind;
    uint32_t status;
} old_decision;

typedef struct {
    size_t struct_size;
    gw_str target;
} old_forward;

typedef struct {
    size_t struct_size;
    uint32_t status;
    uint32_t flags;
} old_response;

typedef struct {
    size_t struct_size;
    uint64_t flags;
} old_options;

typedef struct {
    size_t struct_size;
    int32_t severity;
    uint32_t line;
} old_diagnostic;

/* What stands behind a struct must be neither read nor written: it is not even a value. */
#define WITH_TAIL(type)      \
    struct {                 \
        type known;          \
        uint8_t tail[256];   \
    }

#define SPOIL(value)                            \
    memset(&(value), 0xA5, sizeof(value));      \
    memset(&(value).known, 0, sizeof(value).known); \
    (value).known.struct_size = sizeof(value).known

#define CHECK_TAIL(value)                                          \
    for (size_t i_ = 0; i_ < sizeof(value).tail; i_++) {           \
        CHECK((value).tail[i_] == 0xA5);                           \
    }

int main(void) {
    WITH_TAIL(old_options) options;
    SPOIL(options);
    gw_source source = {GW_STR("old.yaml"), {DOCUMENTS, strlen(DOCUMENTS)}};
    gw_router *router;
    gw_report *report;
    CHECK(gw_router_build(&source, 1, (const gw_build_options *)&options, &router, &report) == GW_OK);
    CHECK(report == NULL);
    CHECK_TAIL(options);
    gw_engine *engine;
    gw_decider *decider;
    CHECK(gw_engine_new(router, &engine) == GW_OK);
    CHECK(gw_decider_new(0, &decider) == GW_OK);

    WITH_TAIL(old_request) request;
    SPOIL(request);
    request.known.method = GW_STR("GET");
    request.known.target = GW_STR("/tea/x");
    request.known.host = GW_STR("cafe.example.com");
    WITH_TAIL(old_decision) decision;
    SPOIL(decision);
    const gw_request *asked = (const gw_request *)&request;
    CHECK(gw_decide(decider, engine, asked, (gw_decision *)&decision) == GW_OK);
    CHECK(decision.known.struct_size == sizeof decision.known);
    CHECK(decision.known.kind == GW_KIND_FORWARD && decision.known.status == 502);
    CHECK_TAIL(decision);
    WITH_TAIL(old_forward) forward;
    SPOIL(forward);
    CHECK(gw_edit_request(decider, asked, (gw_forward *)&forward) == GW_OK);
    CHECK_TEXT(forward.known.target, "/tea/x");
    CHECK_TAIL(forward);
    WITH_TAIL(old_response) response;
    SPOIL(response);
    CHECK(gw_edit_response(decider, asked, 200, NULL, (gw_response *)&response) == GW_OK);
    CHECK(response.known.status == 200 && response.known.flags == 0);
    CHECK_TAIL(response);

    gw_source wrong = {GW_STR("wrong.yaml"), GW_STR("kind: VirtualServer\napiVersion: k8s.nginx.org/v1\nspec: 7\n")};
    gw_router *none;
    CHECK(gw_router_build(&wrong, 1, NULL, &none, &report) == GW_ERR_CONFIG);
    WITH_TAIL(old_diagnostic) diagnostic;
    SPOIL(diagnostic);
    CHECK(gw_report_get(report, 0, (gw_diagnostic *)&diagnostic) == GW_OK);
    CHECK(diagnostic.known.severity == GW_SEVERITY_ERROR && diagnostic.known.line > 0);
    CHECK_TAIL(diagnostic);
    gw_report_free(report);

    /* A newer header: the library leaves alone what it does not know. */
    WITH_TAIL(gw_decision) newer;
    SPOIL(newer);
    newer.known.struct_size = sizeof newer;
    WITH_TAIL(gw_request) newer_request;
    SPOIL(newer_request);
    newer_request.known.struct_size = sizeof newer_request;
    newer_request.known.method = GW_STR("GET");
    newer_request.known.target = GW_STR("/hello");
    newer_request.known.host = GW_STR("cafe.example.com");
    CHECK(gw_decide(decider, engine, &newer_request.known, &newer.known) == GW_OK);
    CHECK(newer.known.kind == GW_KIND_RESPOND && newer.known.struct_size == sizeof newer);
    CHECK_TAIL(newer);

    gw_decider_free(decider);
    gw_engine_free(engine);
    gw_router_free(router);
    return 0;
}
