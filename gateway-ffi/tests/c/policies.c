/* What policies ask: a host that does not know them cannot let a request through. */
#include "check.h"

static const char *const DOCUMENTS =
    "apiVersion: k8s.nginx.org/v1\n"
    "kind: VirtualServer\n"
    "metadata: {name: cafe}\n"
    "spec:\n"
    "  host: cafe.example.com\n"
    "  upstreams:\n"
    "  - {name: tea, service: tea-svc, port: 80}\n"
    "  - {name: safe, service: safe-svc, port: 443, tls: {enable: true}}\n"
    "  routes:\n"
    "  - path: /limited\n"
    "    policies: [{name: limit}]\n"
    "    action: {pass: tea}\n"
    "  - path: /private\n"
    "    policies: [{name: local}, {name: limit}]\n"
    "    action: {pass: tea}\n"
    "  - {path: /safe, action: {pass: safe}}\n"
    "---\n"
    "apiVersion: k8s.nginx.org/v1\n"
    "kind: Policy\n"
    "metadata: {name: limit}\n"
    "spec: {rateLimit: {rate: 10r/s, key: '${binary_remote_addr}', zoneSize: 1M, burst: 5, rejectCode: 429}}\n"
    "---\n"
    "apiVersion: k8s.nginx.org/v1\n"
    "kind: Policy\n"
    "metadata: {name: local}\n"
    "spec: {accessControl: {allow: [10.0.0.0/8]}}\n";

static gw_decision decide(gw_decider *decider, const gw_engine *engine, gw_request *request, const char *path) {
    gw_decision decision = {.struct_size = sizeof decision};
    request->target = (gw_str){path, strlen(path)};
    CHECK(gw_decide(decider, engine, request, &decision) == GW_OK);
    return decision;
}

int main(void) {
    gw_source source = {GW_STR("policies.yaml"), {DOCUMENTS, strlen(DOCUMENTS)}};
    gw_router *router;
    gw_report *report;
    CHECK(gw_router_build(&source, 1, NULL, &router, &report) == GW_OK);
    /* What will be answered 500 is told when the router is built. */
    int told = 0;
    for (size_t i = 0; i < gw_report_count(report); i++) {
        gw_diagnostic one = {.struct_size = sizeof one};
        CHECK(gw_report_get(report, i, &one) == GW_OK);
        CHECK(one.severity == GW_SEVERITY_WARNING);
        CHECK_TEXT(one.code, "unenforced");
        told++;
    }
    CHECK(told == 2);
    gw_report_free(report);
    gw_build_options options = {.struct_size = sizeof options};
    options.duties = GW_DUTY_RATE_LIMIT | GW_DUTY_BACKEND_TLS;
    gw_router *again;
    CHECK(gw_router_build(&source, 1, &options, &again, &report) == GW_OK && report == NULL);
    gw_router_free(again);
    gw_needs needs = {.struct_size = sizeof needs};
    CHECK(gw_router_needs(router, &needs) == GW_OK);
    CHECK(needs.duties == (GW_DUTY_RATE_LIMIT | GW_DUTY_BACKEND_TLS));
    CHECK(needs.flags & GW_NEEDS_PEER);

    gw_engine *engine;
    gw_decider *knows_none, *knows_limits;
    CHECK(gw_engine_new(router, &engine) == GW_OK);
    CHECK(gw_decider_new(0, &knows_none) == GW_OK);
    CHECK(gw_decider_new(GW_DUTY_RATE_LIMIT, &knows_limits) == GW_OK);
    gw_request request = {.struct_size = sizeof request};
    request.method = GW_STR("GET");
    request.host = GW_STR("cafe.example.com");
    request.peer_family = 4;
    request.peer_addr[0] = 127;
    request.peer_addr[3] = 1;

    gw_decision decision = decide(knows_none, engine, &request, "/limited");
    CHECK(decision.kind == GW_KIND_REFUSE && decision.status == 500);
    CHECK(decision.unmet == GW_DUTY_RATE_LIMIT && decision.duties == 0);
    CHECK(decision.backend.ptr == NULL && decision.service_name.ptr == NULL);
    CHECK_TEXT(decision.reason, "unenforced");
    gw_forward forward = {.struct_size = sizeof forward};
    CHECK(gw_edit_request(knows_none, &request, &forward) == GW_ERR_STATE);
    gw_response response = {.struct_size = sizeof response};
    CHECK(gw_answer(knows_none, &request, 0, NULL, &response) == GW_OK && response.status == 500);

    decision = decide(knows_limits, engine, &request, "/limited");
    CHECK(decision.kind == GW_KIND_FORWARD && decision.duties == GW_DUTY_RATE_LIMIT);
    CHECK(decision.unmet == 0 && decision.steps_len == 1);
    gw_step step = {.struct_size = sizeof step};
    CHECK(gw_step_get(knows_limits, 0, &step) == GW_OK);
    CHECK(step.duty == GW_DUTY_RATE_LIMIT && step.status == 429);
    CHECK(step.limit_requests == 10 && step.limit_per_ms == 1000 && step.limit_burst == 5);
    CHECK_TEXT(step.policy_name, "limit");
    CHECK(step.key.len > 0);
    CHECK(gw_answer(knows_limits, &request, step.status, NULL, &response) == GW_OK);
    CHECK(response.status == 429);
    CHECK(gw_step_get(knows_limits, 1, &step) == GW_NONE);

    /* What the library settles by itself. */
    decision = decide(knows_limits, engine, &request, "/private");
    CHECK(decision.kind == GW_KIND_REFUSE && decision.status == 403 && decision.unmet == 0);
    request.peer_addr[0] = 10;
    decision = decide(knows_limits, engine, &request, "/private");
    CHECK(decision.kind == GW_KIND_FORWARD);

    /* TLS that is asked for is a duty too. */
    decision = decide(knows_limits, engine, &request, "/safe");
    CHECK(decision.kind == GW_KIND_REFUSE && decision.unmet == GW_DUTY_BACKEND_TLS);
    gw_decider *knows_tls;
    CHECK(gw_decider_new(GW_DUTY_BACKEND_TLS, &knows_tls) == GW_OK);
    decision = decide(knows_tls, engine, &request, "/safe");
    CHECK(decision.kind == GW_KIND_FORWARD && decision.duties == GW_DUTY_BACKEND_TLS);
    gw_settings settings = {.struct_size = sizeof settings};
    CHECK(gw_decider_settings(knows_tls, &settings) == GW_OK && settings.tls == 1);
    gw_backend_tls tls = {.struct_size = sizeof tls};
    CHECK(gw_decider_backend_tls(knows_tls, &tls) == GW_OK && tls.verify == 0);

    gw_decider_free(knows_none);
    gw_decider_free(knows_limits);
    gw_decider_free(knows_tls);
    gw_engine_free(engine);
    gw_router_free(router);
    return 0;
}
