/* The endpoints of backends, for hosts that balance by themselves. */
#include <stdbool.h>

#include "check.h"

static const char *const DOCUMENTS =
    "apiVersion: k8s.nginx.org/v1\n"
    "kind: VirtualServer\n"
    "metadata: {name: cafe}\n"
    "spec:\n"
    "  host: cafe.example.com\n"
    "  upstreams:\n"
    "  - {name: tea, service: tea, port: 80}\n"
    "  - {name: tea-admin, service: tea, port: 81}\n"
    "  - {name: tea-v2, service: tea, port: 80, subselector: {version: v2}}\n"
    "  - {name: tea-ip, service: tea, port: 80, use-cluster-ip: true}\n"
    "  - {name: milk-v2, service: milk, port: 80, subselector: {version: v2}}\n"
    "  - {name: milk, service: milk, port: 80}\n"
    "  - {name: empty, service: empty, port: 80}\n"
    "  - {name: far, service: far, port: 443}\n"
    "  - {name: other, service: other, port: 80}\n"
    "  - {name: hand, service: hand, port: 80}\n"
    "  - {name: hand-v2, service: hand, port: 80, subselector: {version: v2}}\n"
    "  - {name: hand-v3, service: hand, port: 80, subselector: {version: v3}}\n"
    "  routes:\n"
    "  - {path: /tea, action: {pass: tea}}\n"
    "  - {path: /admin, action: {pass: tea-admin}}\n"
    "  - {path: /v2, action: {pass: tea-v2}}\n"
    "  - {path: /ip, action: {pass: tea-ip}}\n"
    "  - {path: /milk-v2, action: {pass: milk-v2}}\n"
    "  - {path: /milk, action: {pass: milk}}\n"
    "  - {path: /empty, action: {pass: empty}}\n"
    "  - {path: /far, action: {pass: far}}\n"
    "  - {path: /other, action: {pass: other}}\n"
    "  - {path: /hand, action: {pass: hand}}\n"
    "  - {path: /hand-v2, action: {pass: hand-v2}}\n"
    "  - {path: /hand-v3, action: {pass: hand-v3}}\n"
    "---\n"
    "{apiVersion: v1, kind: Service, metadata: {name: tea}, spec: {selector: {app: tea}, clusterIP: 10.1.0.1,"
    " ports: [{name: http, port: 80}, {name: admin, port: 81}]}}\n"
    "---\n"
    "apiVersion: discovery.k8s.io/v1\n"
    "kind: EndpointSlice\n"
    "metadata: {name: tea-1, labels: {kubernetes.io/service-name: tea}}\n"
    "addressType: IPv4\n"
    "endpoints:\n"
    "- {addresses: [10.0.0.2], targetRef: {kind: Pod, name: b}}\n"
    "- {addresses: [10.0.0.1], targetRef: {kind: Pod, name: a}}\n"
    "- {addresses: [10.0.0.9], conditions: {ready: false}}\n"
    "ports: [{name: http, port: 8080}, {name: admin, port: 9090}]\n"
    "---\n"
    "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: tea, version: v1}}, spec: {serviceAccountName: tea},"
    " status: {podIP: 10.0.0.1}}\n"
    "---\n"
    "{apiVersion: v1, kind: Pod, metadata: {name: b, labels: {app: tea, version: v2}}, spec: {serviceAccountName: tea},"
    " status: {podIP: 10.0.0.2}}\n"
    "---\n"
    "{apiVersion: v1, kind: Service, metadata: {name: milk}, spec: {ports: [{port: 80, targetPort: 8000}], clusterIP: None}}\n"
    "---\n"
    "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: milk-1,"
    " labels: {kubernetes.io/service-name: milk}}, addressType: IPv6, endpoints: [{addresses: ['fd00:0::1']}],"
    " ports: [{name: '', port: 8000}]}\n"
    "---\n"
    "{apiVersion: v1, kind: Service, metadata: {name: empty}, spec: {clusterIP: 'fd00::9', ports: [{port: 80}]}}\n"
    "---\n"
    "{apiVersion: v1, kind: Service, metadata: {name: far}, spec: {type: ExternalName, externalName: far.example.net,"
    " ports: [{port: 443}]}}\n"
    "---\n"
    "{apiVersion: v1, kind: Service, metadata: {name: hand}, spec: {selector: {app: hand}, ports: [{port: 80}]}}\n"
    "---\n"
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: hand}, spec: {template: {metadata:"
    " {labels: {app: hand, version: v2}}, spec: {serviceAccountName: hands}}}}\n";

/* Workloads of one account: a TrafficTarget guards those with a label, another all of milk. */
static const char *const GUARDS =
    "---\n"
    "apiVersion: access.smi-spec.io/v1alpha4\n"
    "kind: TrafficTarget\n"
    "metadata: {name: v2}\n"
    "spec:\n"
    "  destination: {kind: IdentityBinding, name: v2, group: access.smi-spec.io}\n"
    "  sources: [{kind: ServiceAccount, name: web}]\n"
    "  rules: [{kind: HTTPRouteGroup, name: all}]\n"
    "---\n"
    "apiVersion: access.smi-spec.io/v1alpha4\n"
    "kind: TrafficTarget\n"
    "metadata: {name: milk}\n"
    "spec:\n"
    "  destination: {kind: ServiceAccount, name: default}\n"
    "  sources: [{kind: ServiceAccount, name: web}]\n"
    "  rules: [{kind: HTTPRouteGroup, name: all}]\n"
    "---\n"
    "apiVersion: specs.smi-spec.io/v1alpha4\n"
    "kind: HTTPRouteGroup\n"
    "metadata: {name: all}\n"
    "spec: {matches: [{name: all, pathRegex: '.*', methods: ['*']}]}\n"
    "---\n"
    "apiVersion: access.smi-spec.io/v1alpha4\n"
    "kind: IdentityBinding\n"
    "metadata: {name: v2}\n"
    "spec: {schemes: {podLabelSelector: {matchLabels: {version: v2}}}}\n";

static gw_router *build_with(const char *more, gw_build_options *options) {
    gw_source sources[] = {{GW_STR("cafe.yaml"), {DOCUMENTS, strlen(DOCUMENTS)}}, {GW_STR("more.yaml"), {more, strlen(more)}}};
    static const gw_str known[] = {{"default/hand:80", 15}};
    options->struct_size = sizeof *options;
    options->flags = GW_BUILD_ASSUME_SERVICES;
    options->known_services = known;
    options->known_services_len = 1;
    gw_router *router;
    gw_report *report;
    gw_status status = gw_router_build(sources, 2, options, &router, &report);
    for (size_t i = 0; i < gw_report_count(report); i++) {
        gw_diagnostic one = {.struct_size = sizeof one};
        CHECK(gw_report_get(report, i, &one) == GW_OK);
        fprintf(stderr, "%.*s\n", (int)one.text.len, one.text.ptr);
    }
    CHECK(status == GW_OK);
    gw_report_free(report);
    return router;
}

/* The place of a backend, by its name. */
static size_t place(const gw_router *router, const char *name) {
    gw_str found;
    for (size_t i = 0; gw_router_backend(router, i, &found) == GW_OK; i++) {
        if (found.len == strlen(name) && memcmp(found.ptr, name, found.len) == 0) return i;
    }
    fprintf(stderr, "there is no backend %s\n", name);
    exit(1);
}

static gw_endpoints of(const gw_router *router, const char *name) {
    gw_endpoints endpoints = {.struct_size = sizeof endpoints};
    CHECK(gw_router_endpoints(router, place(router, name), &endpoints) == GW_OK);
    CHECK(endpoints.reserved == 0 && endpoints.reserved2 == 0);
    return endpoints;
}

static gw_endpoint at(const gw_router *router, const char *name, size_t index) {
    gw_endpoint endpoint = {.struct_size = sizeof endpoint};
    CHECK(gw_router_endpoint(router, place(router, name), index, &endpoint) == GW_OK);
    CHECK(endpoint.reserved == 0);
    return endpoint;
}

/* What this host keeps of a backend. */
struct upstream {
    int32_t known;
    size_t len;
    uint16_t ports[4];
};

static struct upstream upstreams[16];

static void upstream_add(struct upstream *to, const gw_endpoint *endpoint) {
    CHECK(to->len < 4);
    to->ports[to->len++] = endpoint->port;
}

/* Makes an upstream of every backend, and binds it. */
static void take_endpoints(const gw_router *router) {
    gw_endpoints endpoints = {.struct_size = sizeof endpoints};
    gw_endpoint endpoint = {.struct_size = sizeof endpoint};
    gw_str name;
    for (size_t at = 0; gw_router_backend(router, at, &name) == GW_OK; at++) {
        struct upstream *upstream = &upstreams[at];
        if (gw_router_endpoints(router, at, &endpoints) != GW_OK) continue;
        upstream->known = endpoints.known;
        for (size_t i = 0; gw_router_endpoint(router, at, i, &endpoint) == GW_OK; i++) {
            upstream_add(upstream, &endpoint);
        }
        gw_router_bind(router, &name, (uintptr_t)upstream);
    }
}

static void what_is_listed(void) {
    gw_build_options options = {0};
    gw_router *router = build_with("", &options);
    gw_endpoint endpoint;

    gw_endpoints endpoints = of(router, "default/tea:80");
    CHECK(endpoints.known == GW_ENDPOINTS_LISTED && endpoints.len == 2 && endpoints.service_port == 80);
    CHECK_TEXT(endpoints.service_namespace, "default");
    CHECK_TEXT(endpoints.service_name, "tea");
    CHECK(endpoints.cluster_family == 4 && memcmp(endpoints.cluster_addr, "\012\001\000\001\0\0\0\0\0\0\0\0\0\0\0", 16) == 0);
    CHECK(endpoints.account.ptr == NULL && endpoints.flags == 0);
    endpoint = at(router, "default/tea:80", 0);
    CHECK_TEXT(endpoint.address, "10.0.0.1");
    CHECK(endpoint.family == 4 && memcmp(endpoint.addr, "\012\000\000\001\0\0\0\0\0\0\0\0\0\0\0", 16) == 0);
    CHECK(endpoint.port == 8080 && endpoint.flags == 0);
    CHECK_TEXT(endpoint.account, "default/tea");
    endpoint = at(router, "default/tea:80", 1);
    CHECK_TEXT(endpoint.address, "10.0.0.2");
    CHECK(gw_router_endpoint(router, place(router, "default/tea:80"), 2, &endpoint) == GW_NONE);
    CHECK(at(router, "default/tea:81", 1).port == 9090 && of(router, "default/tea:81").service_port == 81);

    /* Narrowed by labels. */
    CHECK(of(router, "default/tea:80?version=v2").len == 1);
    CHECK_TEXT(at(router, "default/tea:80?version=v2", 0).address, "10.0.0.2");
    endpoints = of(router, "default/milk:80?version=v2");
    CHECK(endpoints.known == GW_ENDPOINTS_UNCERTAIN && endpoints.len == 0);

    endpoints = of(router, "default/milk:80");
    CHECK(endpoints.known == GW_ENDPOINTS_LISTED && endpoints.len == 1 && endpoints.cluster_family == 0);
    endpoint = at(router, "default/milk:80", 0);
    CHECK_TEXT(endpoint.address, "fd00::1");
    CHECK(endpoint.family == 6 && endpoint.port == 8000 && endpoint.account.ptr == NULL);
    CHECK(memcmp(endpoint.addr, "\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16) == 0);
    endpoints = of(router, "default/empty:80");
    CHECK(endpoints.known == GW_ENDPOINTS_LISTED && endpoints.len == 0 && endpoints.cluster_family == 6);
    CHECK(memcmp(endpoints.cluster_addr, "\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\011", 16) == 0);
    endpoint = at(router, "default/far:443", 0);
    CHECK_TEXT(endpoint.address, "far.example.net");
    CHECK(endpoint.family == 0 && endpoint.port == 443 && endpoint.addr[0] == 0);

    /* What the host knows better. */
    endpoints = of(router, "default/other:80");
    CHECK(endpoints.known == GW_ENDPOINTS_UNLISTED && endpoints.len == 0);
    CHECK_TEXT(endpoints.service_name, "other");
    endpoints = of(router, "default/hand:80");
    CHECK(endpoints.known == GW_ENDPOINTS_UNLISTED && endpoints.flags == 0);
    CHECK_TEXT(endpoints.account, "default/hands");
    CHECK(of(router, "default/hand:80?version=v2").known == GW_ENDPOINTS_UNLISTED);
    CHECK(of(router, "default/hand:80?version=v3").known == GW_ENDPOINTS_UNCERTAIN);
    gw_router_free(router);
}

static gw_engine *engine;
static gw_decider *decider;
static gw_request request = {.struct_size = sizeof request};

static gw_decision decide(const char *path) {
    gw_decision decision = {.struct_size = sizeof decision};
    request.method = GW_STR("GET");
    request.host = GW_STR("cafe.example.com");
    request.target = (gw_str){path, strlen(path)};
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    return decision;
}

static bool admits_endpoint(const char *address, uint16_t port) {
    gw_str text = {address, strlen(address)};
    int32_t admitted = -1;
    CHECK(gw_admits_endpoint(decider, &request, &text, port, &admitted) == GW_OK);
    CHECK(admitted == 0 || admitted == 1);
    return admitted;
}

static bool admits(const char *account) {
    gw_str text = {account, strlen(account)};
    int32_t admitted = -1;
    CHECK(gw_admits(decider, &request, &text, &admitted) == GW_OK);
    CHECK(admitted == 0 || admitted == 1);
    return admitted;
}

static void who_is_admitted(void) {
    gw_build_options options = {.duties = GW_DUTY_ENDPOINT_ACCESS};
    gw_router *router = build_with(GUARDS, &options);
    CHECK(gw_router_backend_count(router) <= sizeof upstreams / sizeof *upstreams);
    take_endpoints(router);
    CHECK(gw_engine_new(router, &engine) == GW_OK);
    CHECK(gw_decider_new(GW_DUTY_ENDPOINT_ACCESS, &decider) == GW_OK);
    gw_header caller = {GW_STR("source_account"), GW_STR("default/web")};
    request.attributes_len = 1;
    request.attributes = &caller;

    CHECK(decide("/tea").duties == GW_DUTY_ENDPOINT_ACCESS);
    CHECK(admits_endpoint("10.0.0.1", 8080) && admits_endpoint("10.0.0.2", 8080) && admits("default/tea"));
    /* What is none of the backend: the port of another one, an address that is not ready, none at all. */
    CHECK(!admits_endpoint("10.0.0.1", 9090) && !admits_endpoint("10.0.0.9", 8080) && !admits_endpoint("", 0));
    CHECK(!admits("default/other") && !admits("tea"));
    /* Another port of the same Service, with workloads of its own. */
    decide("/admin");
    CHECK(admits_endpoint("10.0.0.1", 9090) && admits_endpoint("10.0.0.2", 9090) && admits("default/tea"));
    decide("/v2");
    CHECK(admits_endpoint("10.0.0.2", 8080) && !admits_endpoint("10.0.0.1", 8080));

    caller.value = GW_STR("default/nobody");
    CHECK(decide("/tea").kind == GW_KIND_FORWARD);
    CHECK(admits_endpoint("10.0.0.1", 8080) && !admits_endpoint("10.0.0.2", 8080));
    /* One account, two workloads: it is careful. */
    CHECK(!admits("default/tea"));
    caller.value = GW_STR("default/web");

    /* Nothing is known of who is there. */
    gw_endpoint endpoint = at(router, "default/milk:80", 0);
    CHECK_TEXT(endpoint.account, "default/default");
    CHECK(endpoint.flags == GW_ENDPOINT_ACCOUNT_ASSUMED);
    gw_endpoints endpoints = of(router, "default/empty:80");
    CHECK_TEXT(endpoints.account, "default/default");
    CHECK(endpoints.flags == GW_ENDPOINT_ACCOUNT_ASSUMED);
    CHECK(of(router, "default/milk:80").account.ptr == NULL && of(router, "default/milk:80").flags == 0);
    struct upstream *upstream = (struct upstream *)(uintptr_t)decide("/milk").backend_user;
    CHECK(upstream->known == GW_ENDPOINTS_LISTED && upstream->len == 1 && upstream->ports[0] == 8000);
    CHECK(admits_endpoint("fd00::1", 8000) && admits("default/default"));

    /* The address of the Service is an endpoint of nobody's. */
    gw_settings settings = {.struct_size = sizeof settings};
    decide("/tea");
    CHECK(gw_decider_settings(decider, &settings) == GW_OK && settings.flags == 0);
    CHECK_TEXT(decide("/ip").backend, "default/tea:80");
    CHECK(gw_decider_settings(decider, &settings) == GW_OK && settings.flags == GW_SETTINGS_CLUSTER_ADDRESS);
    CHECK(settings.reserved == 0 && settings.max_body != 0);
    CHECK(!admits_endpoint("10.1.0.1", 80));

    gw_decider_free(decider);
    gw_engine_free(engine);
    gw_router_free(router);
}

int main(void) {
    what_is_listed();
    who_is_admitted();
    return 0;
}
