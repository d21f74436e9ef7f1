/*
 * Two threads decide while a third publishes: no decision fails, none is torn, and none goes back.
 * Arguments: how many times to publish, and how many of these with a router that is built anew.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "check.h"

#define DOCUMENTS(service)                                                     \
    "apiVersion: k8s.nginx.org/v1\n"                                           \
    "kind: VirtualServer\n"                                                    \
    "metadata: {name: cafe}\n"                                                 \
    "spec:\n"                                                                  \
    "  host: cafe.example.com\n"                                               \
    "  upstreams: [{name: tea, service: " service ", port: 80}]\n"             \
    "  routes:\n"                                                              \
    "  - path: /tea\n"                                                         \
    "    action: {proxy: {upstream: tea, rewritePath: /" service "}}\n"

static gw_engine *engine;
static atomic_int started, done;
static atomic_ulong decisions;

static void *decide(void *unused) {
    (void)unused;
    gw_decider *decider;
    CHECK(gw_decider_new(0, &decider) == GW_OK);
    gw_request request = {.struct_size = sizeof request};
    request.method = GW_STR("GET");
    request.target = GW_STR("/tea");
    request.host = GW_STR("cafe.example.com");
    uint64_t last = 0;
    unsigned long made = 0;
    while (!atomic_load(&done)) {
        gw_decision decision = {.struct_size = sizeof decision};
        gw_forward forward = {.struct_size = sizeof forward};
        CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
        CHECK(decision.kind == GW_KIND_FORWARD && decision.generation >= last);
        last = decision.generation;
        /* The first router is that of odd generations. */
        const char *service = last % 2 ? "odd" : "even";
        CHECK_TEXT(decision.service_name, service);
        CHECK(decision.backend_user == last % 2);
        /* Whatever is published meanwhile, this is about the same decision. */
        CHECK(gw_edit_request(decider, &request, &forward) == GW_OK);
        CHECK(forward.target.len == strlen(service) + 1 && memcmp(forward.target.ptr + 1, service, strlen(service)) == 0);
        if (made++ == 0) atomic_fetch_add(&started, 1);
        if (made % 64 == 0) gw_decider_reset(decider);
    }
    atomic_fetch_add(&decisions, made);
    gw_decider_free(decider);
    return NULL;
}

static gw_router *router(int is_odd) {
    gw_router *router = build(is_odd ? DOCUMENTS("odd") : DOCUMENTS("even"));
    gw_str name = is_odd ? GW_STR("default/odd:80") : GW_STR("default/even:80");
    CHECK(gw_router_bind(router, &name, is_odd) == GW_OK);
    return router;
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    int times = atoi(argv[1]), anew = atoi(argv[2]);
    gw_router *kept[2] = {router(0), router(1)};
    CHECK(gw_engine_new(kept[1], &engine) == GW_OK);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, decide, NULL) == 0);
    while (atomic_load(&started) < 2) sched_yield();
    for (int i = 0; i < times; i++) {
        int is_odd = i % 2;
        uint64_t generation;
        /* One that is built anew is freed at once: decisions keep what they need. */
        gw_router *next = i < anew ? router(is_odd) : kept[is_odd];
        CHECK(gw_engine_publish(engine, next, &generation) == GW_OK);
        CHECK(generation == (uint64_t)i + 2 && generation % 2 == (uint64_t)is_odd);
        if (i < anew) gw_router_free(next);
    }
    atomic_store(&done, 1);
    for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    gw_engine_free(engine);
    gw_router_free(kept[0]);
    gw_router_free(kept[1]);
    printf("%lu decisions\n", atomic_load(&decisions));
    return 0;
}
