// The C++ header: objects free what they own, what cannot be built throws.
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "gateway.hpp"

#define CHECK(what)                                                            \
    do {                                                                       \
        if (!(what)) {                                                         \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
            std::exit(1);                                                      \
        }                                                                      \
    } while (0)

static const char *const DOCUMENTS = R"(
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  upstreams: [{name: tea, service: tea-svc, port: 80, sessionCookie: {enable: true, name: srv}}]
  routes:
  - path: /tea
    action: {proxy: {upstream: tea, rewritePath: /hot, responseHeaders: {add: [{name: X-Shop, value: cafe, always: true}]}}}
  - path: /hello
    action: {return: {code: 418, type: text/plain, body: "hello ${http_x_name}"}}
---
{apiVersion: v1, kind: Service, metadata: {name: tea-svc}, spec: {ports: [{port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a, labels: {kubernetes.io/service-name: tea-svc}},
 addressType: IPv4, endpoints: [{addresses: [10.0.0.1]}], ports: [{port: 8080}]}
)";

// What duties need, each as an optional.
static void duties() {
    static const char *const text = R"(
{apiVersion: k8s.nginx.org/v1, kind: VirtualServer, metadata: {name: cafe}, spec: {host: cafe.example.com,
 upstreams: [{name: tea, service: tea-svc, port: 80}],
 routes: [{path: /key, policies: [{name: key}, {name: users}], action: {pass: tea}}]}}
---
{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: key},
 spec: {apiKey: {suppliedIn: {header: [X-Key]}, clientSecret: keys}}}
---
{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: users}, spec: {basicAuth: {realm: shop, secret: users}}}
---
{apiVersion: v1, kind: Secret, metadata: {name: keys}, type: nginx.org/apikey, stringData: {ann: one, bob: two}}
---
{apiVersion: v1, kind: Secret, metadata: {name: users}, type: nginx.org/htpasswd, stringData: {htpasswd: 'ann:x'}}
)";
    gateway::engine engine(gateway::router::build(text, "duties.yaml"));
    gateway::decider decider(GW_DUTY_API_KEY | GW_DUTY_BASIC_AUTH);
    gateway::request request("GET", "/key", "cafe.example.com");
    request.header("X-Key", "two").header("Authorization", "Basic YW5uOnB3"); // ann:pw
    CHECK(decider.decide(engine, request).forwards());
    std::optional<gw_basic_auth> basic = decider.basic_auth(request, 0);
    CHECK(basic && basic->user.len == 3 && basic->password.len == 2 && basic->hash.len == 1);
    CHECK(decider.api_client(1) == "bob" && !decider.api_client(0));
    CHECK(!decider.basic_auth(request, 1) && !decider.jwt(request, 0) && !decider.cache(request, 0));
    CHECK(!decider.external_auth(request, 0) && !decider.auth_check(request, 0));
    CHECK(!decider.client_certificate(0) && !decider.step_tls(0));
}

int main() {
    duties();
    gateway::router router = gateway::router::build(DOCUMENTS, "cafe.yaml");
    CHECK(router.backends().size() == 1 && router.backends()[0] == "default/tea-svc:80");
    CHECK(router.bind("default/tea-svc:80", 7) && !router.bind("default/none:80", 7));
    CHECK(router.needs().headers_len == 2);
    gateway::engine engine(router);
    gateway::decider decider;

    gateway::request request("GET", "/tea/green", "cafe.example.com");
    gateway::decision decision = decider.decide(engine, request);
    CHECK(decision.forwards() && decision.backend() == "default/tea-svc:80");
    CHECK(decision.backend_user() == 7 && !decision.split());
    CHECK(decision.route() == "VirtualServer default/cafe: spec.routes[0]");
    gateway::forward forward = decider.edit_request(request);
    CHECK(forward.target() == "/hot/green");
    CHECK(decider.settings().connect_timeout_ms == 60000 && !decider.backend_tls());
    CHECK(!decider.step(0) && !decider.mirror(request, 0));
    CHECK(!decider.instead(request, GW_INSTEAD_BACKUP));
    auto session = decider.session();
    CHECK(session && session->carrier == GW_SESSION_COOKIE && session->name.len == 3 && !router.session(0));
    CHECK(router.endpoints(0) && router.endpoints(0)->len == 1 && !router.endpoints(1));
    auto endpoint = router.endpoint(0, 0);
    CHECK(endpoint && endpoint->port == 8080 && endpoint->address.len == 8 && !router.endpoint(0, 1));
    CHECK(decider.admits(request, "10.0.0.1", 8080) && !decider.admits(request, "10.0.0.1", 80));
    CHECK(decider.admits(request, "default/any"));
    gateway::response response = decider.edit_response(request, 503);
    CHECK(!response.is_whole() && response.status() == 503);
    bool added = false;
    for (const gw_header_op &op : response.header()) added |= op.op == GW_OP_ADD;
    CHECK(added);

    gateway::request hello("GET", "/hello");
    hello.header("Host", "cafe.example.com").header("X-Name", "you").random(1);
    CHECK(decider.decide(engine, hello).kind() == GW_KIND_RESPOND);
    response = decider.answer(hello);
    CHECK(response.is_whole() && response.status() == 418 && response.body() == "hello you");
    CHECK(decider.explain(engine, hello).substr(0, 1) == "{");

    try {
        gateway::router::build("kind: VirtualServer\napiVersion: k8s.nginx.org/v1\nspec: 7\n", "wrong.yaml");
        CHECK(!"this is built");
    } catch (const gateway::config_error &error) {
        CHECK(error.status() == GW_ERR_CONFIG && !error.diagnostics().empty());
        CHECK(error.diagnostics()[0].file == "wrong.yaml" && error.json()[0] == '[');
        CHECK(std::string(error.what()).find("wrong.yaml:") != std::string::npos);
    }
    try {
        decider.reset();
        decider.edit_request(hello);
        CHECK(!"this is decided");
    } catch (const gateway::error &error) {
        CHECK(error.status() == GW_ERR_STATE);
    }
    std::vector<gateway::diagnostic> told;
    gateway::options lenient;
    lenient.flags(GW_BUILD_LENIENT);
    gateway::router next = gateway::router::build("{\"kind\": 7}", "odd.json", lenient, &told);
    CHECK(!told.empty());
    // Moved, and published by another thread.
    std::thread([&engine, next = std::move(next)] { CHECK(engine.publish(next) == 2); }).join();
    CHECK(decider.decide(engine, hello).kind() == GW_KIND_NO_ROUTE);
    return 0;
}
