/*
 * Decides the same request again and again: FILE HOW TIMES. Says how many nanoseconds the fastest
 * ten thousand took, each.
 */
#include <time.h>

#include "check.h"

static const gw_header HEADERS[] = {
    {{"user-agent", 10}, {"curl/8.5.0", 10}},
    {{"accept", 6}, {"*/*", 3}},
    {{"x-version", 9}, {"beta", 4}},
    {{"x-request-id", 12}, {"0123456789abcdef", 16}},
};

static int32_t lookup(void *ctx, uint32_t index, const gw_str *name, uint32_t nth, gw_str *out) {
    (void)ctx, (void)name;
    /* "host", "x-version" */
    if (index != 1 || nth != 0) return 0;
    *out = HEADERS[2].value;
    return 1;
}

static double now(void) {
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int argc, char **argv) {
    CHECK(argc == 4);
    char text[8192];
    FILE *file = fopen(argv[1], "rb");
    CHECK(file != NULL);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    const char *how = argv[2];
    long times = atol(argv[3]);
    gw_source source = {GW_STR("overhead.yaml"), {text, len}};
    gw_router *router;
    gw_engine *engine;
    gw_decider *decider;
    CHECK(gw_router_build(&source, 1, NULL, &router, NULL) == GW_OK);
    CHECK(gw_engine_new(router, &engine) == GW_OK);
    CHECK(gw_decider_new(0, &decider) == GW_OK);
    CHECK(gw_router_bind(router, &GW_STR("default/beta-svc:80"), 7) == GW_OK);
    int lazy = strcmp(how, "lazy") == 0, forwards = strcmp(how, "forward") == 0;
    size_t room = strcmp(how, "minimal") == 0 ? offsetof(gw_decision, service_port) : sizeof(gw_decision);
    double best = 1e18;
    for (long done = 0; done < times; done += 10000) {
        long chunk = times < 10000 ? times : 10000;
        double start = now();
        for (long i = 0; i < chunk; i++) {
            gw_request request = {.struct_size = sizeof request};
            request.method = GW_STR("GET");
            request.target = GW_STR("/tea/green?x=1");
            request.host = GW_STR("cafe.example.com");
            request.headers = HEADERS;
            request.headers_len = 4;
            request.header_fn = lazy ? lookup : NULL;
            request.random = (uint64_t)i;
            gw_decision decision;
            decision.struct_size = room;
            CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
            CHECK(decision.kind == GW_KIND_FORWARD && decision.backend_user == 7);
            CHECK(decision.service_name.len == 8);
            if (forwards) {
                gw_forward forward;
                forward.struct_size = sizeof forward;
                CHECK(gw_edit_request(decider, &request, &forward) == GW_OK);
                CHECK(forward.target.len == 14);
            }
        }
        double took = (now() - start) / (double)chunk;
        if (took < best) best = took;
    }
    printf("%s: %.1f ns\n", how, best);
    gw_decider_free(decider);
    gw_engine_free(engine);
    gw_router_free(router);
    return 0;
}
