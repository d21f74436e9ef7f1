/* The calls that every host makes, once each. */
#include "check.h"

static const char *const DOCUMENTS =
    "apiVersion: k8s.nginx.org/v1\n"
    "kind: VirtualServer\n"
    "metadata: {name: cafe}\n"
    "spec:\n"
    "  host: cafe.example.com\n"
    "  upstreams:\n"
    "  - {name: tea, service: tea-svc, port: 80}\n"
    "  - {name: beta, service: beta-svc, port: 8080}\n"
    "  routes:\n"
    "  - path: /tea\n"
    "    matches:\n"
    "    - conditions: [{header: x-version, value: beta}]\n"
    "      action: {pass: beta}\n"
    "    action:\n"
    "      proxy:\n"
    "        upstream: tea\n"
    "        rewritePath: /hot\n"
    "        requestHeaders: {set: [{name: X-Path, value: '${request_uri}'}]}\n"
    "        responseHeaders: {add: [{name: X-Shop, value: cafe, always: true}]}\n"
    "  - path: /old\n"
    "    action: {redirect: {url: 'https://new.example.com/', code: 301}}\n"
    "  - path: /hello\n"
    "    action: {return: {code: 200, type: text/plain, body: 'hello ${host}'}}\n";

static int has_op(const gw_header_op *ops, size_t len, int32_t op, const char *name, const char *value) {
    for (size_t i = 0; i < len; i++) {
        if (ops[i].op == op && ops[i].name.len == strlen(name) &&
            memcmp(ops[i].name.ptr, name, ops[i].name.len) == 0) {
            CHECK_TEXT(ops[i].value, value);
            return 1;
        }
    }
    return 0;
}

static int32_t lookup(void *ctx, uint32_t index, const gw_str *name, uint32_t nth, gw_str *out) {
    (*(int *)ctx)++;
    CHECK(index != GW_NO_INDEX);
    if (nth == 0 && name->len == 9 && memcmp(name->ptr, "x-version", 9) == 0) {
        *out = GW_STR("beta");
        return 1;
    }
    return 0;
}

int main(void) {
    CHECK(GW_CHECK_ABI());
    gw_router *router = build(DOCUMENTS);
    gw_str name;
    CHECK(gw_router_backend_count(router) == 2);
    CHECK(gw_router_backend(router, 1, &name) == GW_OK);
    CHECK_TEXT(name, "default/tea-svc:80");
    CHECK(gw_router_backend(router, 2, &name) == GW_NONE);
    CHECK(gw_router_bind(router, &GW_STR("default/tea-svc:80"), 7) == GW_OK);
    CHECK(gw_router_bind(router, &GW_STR("default/none:80"), 7) == GW_NONE);

    gw_listener listener = {.struct_size = sizeof listener};
    CHECK(gw_router_listener(router, 0, &listener) == GW_OK);
    CHECK(listener.port == 80 && !listener.tls && listener.family == 0);
    gw_needs needs = {.struct_size = sizeof needs};
    CHECK(gw_router_needs(router, &needs) == GW_OK);
    CHECK(needs.headers_len == 2 && needs.duties == 0);
    CHECK_TEXT(needs.headers[0], "host");
    CHECK_TEXT(needs.headers[1], "x-version");

    gw_engine *engine;
    gw_decider *decider;
    CHECK(gw_engine_new(router, &engine) == GW_OK);
    CHECK(gw_decider_new(0, &decider) == GW_OK);

    gw_request request = {.struct_size = sizeof request};
    request.method = GW_STR("GET");
    request.target = GW_STR("/tea/green?x=1");
    request.host = GW_STR("Cafe.example.com:80");
    gw_decision decision = {.struct_size = sizeof decision};
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    CHECK(decision.kind == GW_KIND_FORWARD && decision.status == 502);
    CHECK(decision.generation == 1 && decision.backend_user == 7 && decision.steps_len == 0);
    CHECK_TEXT(decision.backend, "default/tea-svc:80");
    CHECK_TEXT(decision.upstream, "tea");
    CHECK_TEXT(decision.route_kind, "VirtualServer");
    CHECK_TEXT(decision.route_name, "cafe");
    gw_forward forward = {.struct_size = sizeof forward};
    CHECK(gw_edit_request(decider, &request, &forward) == GW_OK);
    CHECK_TEXT(forward.target, "/hot/green?x=1");
    CHECK(has_op(forward.ops, forward.ops_len, GW_OP_SET, "x-path", "/tea/green?x=1"));
    gw_response response = {.struct_size = sizeof response};
    CHECK(gw_edit_response(decider, &request, 404, NULL, &response) == GW_OK);
    CHECK(response.status == 404 && response.flags == 0);
    CHECK((decision.flags & GW_DECISION_KEEPS_ANSWER) == 0);
    CHECK(has_op(response.ops, response.ops_len, GW_OP_ADD, "x-shop", "cafe"));
    gw_settings settings = {.struct_size = sizeof settings};
    CHECK(gw_decider_settings(decider, &settings) == GW_OK);
    CHECK(settings.connect_timeout_ms == 60000 && settings.protocol == GW_PROTOCOL_HTTP1);
    CHECK(decision.protocol == GW_PROTOCOL_HTTP1 && decision.max_body == settings.max_body);
    gw_backend_tls tls = {.struct_size = sizeof tls};
    CHECK(gw_decider_backend_tls(decider, &tls) == GW_NONE);
    gw_mirror mirror = {.struct_size = sizeof mirror};
    CHECK(gw_mirror_get(decider, &request, 0, &mirror) == GW_NONE);
    CHECK(gw_instead(decider, &request, GW_INSTEAD_BREAKER, &decision) == GW_NONE);

    int asked = 0;
    request.header_fn = lookup;
    request.header_ctx = &asked;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    CHECK_TEXT(decision.backend, "default/beta-svc:8080");
    CHECK(asked > 0);
    request.header_fn = NULL;

    gw_header headers[] = {{GW_STR("X-Version"), GW_STR("beta")}};
    request.headers = headers;
    request.headers_len = 1;
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    CHECK_TEXT(decision.backend, "default/beta-svc:8080");

    request.target = GW_STR("/old");
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    CHECK(decision.kind == GW_KIND_REDIRECT && decision.status == 301);
    CHECK(gw_answer(decider, &request, 0, NULL, &response) == GW_OK);
    CHECK(response.status == 301 && response.flags == GW_RESPONSE_WHOLE);
    CHECK(has_op(response.ops, response.ops_len, GW_OP_ADD, "location", "https://new.example.com/"));
    CHECK(gw_edit_request(decider, &request, &forward) == GW_ERR_STATE);

    request.target = GW_STR("/hello");
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    CHECK(decision.kind == GW_KIND_RESPOND);
    CHECK(gw_answer(decider, &request, 0, NULL, &response) == GW_OK);
    CHECK_TEXT(response.body, "hello cafe.example.com");

    request.target = GW_STR("/nothing");
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    CHECK(decision.kind == GW_KIND_NO_ROUTE && decision.status == 404);
    CHECK_TEXT(decision.reason, "no-match");
    gw_str json;
    CHECK(gw_explain(decider, engine, &request, &json) == GW_OK);
    CHECK(json.len > 2 && json.ptr[0] == '{');

    uint64_t generation;
    gw_router *next = build("{\"apiVersion\": \"k8s.nginx.org/v1\", \"kind\": \"VirtualServer\","
                            " \"metadata\": {\"name\": \"cafe\"}, \"spec\": {\"host\": \"cafe.example.com\","
                            " \"routes\": [{\"path\": \"/\", \"action\": {\"return\": {\"body\": \"new\"}}}]}}");
    CHECK(gw_engine_publish(engine, next, &generation) == GW_OK && generation == 2);
    gw_router_free(next);
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    CHECK(decision.kind == GW_KIND_RESPOND && decision.generation == 2);

    gw_router *none = router;
    gw_report *report = NULL;
    gw_source wrong = {GW_STR("wrong.yaml"),
                       GW_STR("kind: VirtualServer\napiVersion: k8s.nginx.org/v1\n"
                              "metadata: {name: a}\nspec: {hots: a.example}\n")};
    CHECK(gw_router_build(&wrong, 1, NULL, &none, &report) == GW_ERR_CONFIG && none == NULL);
    CHECK(gw_report_count(report) > 0);
    gw_diagnostic one = {.struct_size = sizeof one};
    int found = 0;
    for (size_t i = 0; i < gw_report_count(report); i++) {
        CHECK(gw_report_get(report, i, &one) == GW_OK);
        CHECK_TEXT(one.file, "wrong.yaml");
        found |= one.severity == GW_SEVERITY_ERROR;
    }
    CHECK(found && gw_report_json(report, &json) == GW_OK && json.ptr[0] == '[');
    gw_report_free(report);

    gw_decider_free(decider);
    gw_engine_free(engine);
    gw_router_free(router);
    puts("ok");
    return 0;
}
