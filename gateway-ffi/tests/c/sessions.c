/* A host that keeps clients where they were sent first: docs/embedding.md shows the middle of it. */
#include <inttypes.h>
#include <stdbool.h>

#include "check.h"

static const char *const DOCUMENTS =
    "apiVersion: k8s.nginx.org/v1\n"
    "kind: VirtualServer\n"
    "metadata: {name: cafe}\n"
    "spec:\n"
    "  host: cafe.example.com\n"
    "  upstreams:\n"
    "  - name: tea\n"
    "    service: tea-svc\n"
    "    port: 80\n"
    "    sessionCookie: {enable: true, name: srv, path: /tea, expires: 90m, domain: .example.com,"
    " httpOnly: true, secure: true, samesite: lax}\n"
    "  - {name: long, service: tea-svc, port: 81, sessionCookie: {enable: true, name: srv, expires: max, samesite: strict}}\n"
    "  - {name: plain, service: tea-svc, port: 82, sessionCookie: {enable: true, name: srv, samesite: none}}\n"
    "  - {name: none, service: tea-svc, port: 83}\n"
    "  routes:\n"
    "  - {path: /tea, action: {pass: tea}}\n"
    "  - {path: /long, action: {pass: long}}\n"
    "  - {path: /plain, action: {pass: plain}}\n"
    "  - {path: /none, action: {pass: none}}\n"
    "  - {path: /hello, action: {return: {code: 200, type: text/plain, body: hello}}}\n"
    "---\n"
    "apiVersion: gateway.networking.k8s.io/v1\n"
    "kind: Gateway\n"
    "metadata: {name: edge}\n"
    "spec: {gatewayClassName: any, listeners: [{name: web, port: 80, protocol: HTTP}, {name: safe, port: 443,"
    " protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}]}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Secret\n"
    "metadata: {name: cert}\n"
    "type: kubernetes.io/tls\n"
    "stringData:\n"
    "  tls.crt: \"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n\"\n"
    "  tls.key: \"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n\"\n"
    "---\n"
    "apiVersion: gateway.networking.k8s.io/v1\n"
    "kind: HTTPRoute\n"
    "metadata: {name: shop}\n"
    "spec:\n"
    "  parentRefs: [{name: edge}]\n"
    "  hostnames: [shop.example.com]\n"
    "  rules:\n"
    "  - matches: [{path: {value: /cart}}]\n"
    "    backendRefs: [{name: one, port: 80, weight: 0}, {name: two, port: 80, weight: 1}]\n"
    "    sessionPersistence: {absoluteTimeout: 2h, cookie: {name: cart, path: /cart, lifetimeType: Permanent}}\n"
    "  - matches: [{path: {value: /talk}}]\n"
    "    backendRefs: [{name: one, port: 80, weight: 0}, {name: two, port: 80, weight: 1}]\n"
    "    sessionPersistence: {type: Header, header: {name: X-Talk}}\n"
    "  - matches: [{path: {value: /single}}]\n"
    "    backendRefs: [{name: one, port: 80}]\n"
    "    sessionPersistence: {absoluteTimeout: 1500ms, cookie: {name: single}}\n"
    "  - matches: [{path: {value: /split}}]\n"
    "    backendRefs: [{name: four, port: 80}]\n"
    "    sessionPersistence: {cookie: {name: split}}\n"
    "  - matches: [{path: {value: /chance}}]\n"
    "    backendRefs: [{name: two, port: 80}]\n"
    "---\n"
    "apiVersion: split.smi-spec.io/v1alpha4\n"
    "kind: TrafficSplit\n"
    "metadata: {name: four}\n"
    "spec: {service: four, backends: [{service: five, weight: 1}]}\n";

/* What a client holds. This is a test: a real one is proved by more than a sum. */
struct token {
    gw_str backend;
    char endpoint;
    uint64_t begun;
};

/* A request as this host knows it: lines of "cookie" and of another field. */
struct exchange {
    const char *path, *cookie, *talk;
    uint64_t now;
};

/* The sessions whose backend is asked for. */
static gw_session sessions[8];
static size_t sessions_len;

static bool equal(gw_str a, gw_str b) {
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static unsigned sum(const char *text, size_t len, gw_str attribute) {
    unsigned sum = 7;
    for (size_t i = 0; i < len; i++) sum = sum * 31 + (unsigned char)text[i];
    for (size_t i = 0; i < attribute.len; i++) sum = sum * 31 + (unsigned char)attribute.ptr[i];
    return sum;
}

/* "endpoint-begun-place of the backend-proof"; without a session at a backend the endpoint alone. */
static void seal(char to[64], const gw_session *session, const struct token *token) {
    if (!(session->flags & GW_SESSION_AT_BACKEND)) {
        sprintf(to, "%c", token->endpoint);
        return;
    }
    int len = sprintf(to, "%c-%" PRIu64 "-%.*s-", token->endpoint, token->begun, (int)token->backend.len - 8,
                      token->backend.ptr + 8);
    for (char *c = to; *c; c++) {
        if (*c == ':') *c = '.';
    }
    sprintf(to + len, "%u", sum(to, (size_t)len, session->attribute));
}

static bool open_token(const gw_session *session, gw_str text, uint64_t now, struct token *token) {
    memset(token, 0, sizeof *token);
    if (!(session->flags & GW_SESSION_AT_BACKEND)) {
        token->endpoint = text.len == 1 ? text.ptr[0] : 0;
        return text.len == 1;
    }
    /* The backends that there are, tried one by one: no other can be told. */
    for (size_t i = 0; i < session->backends_len; i++) {
        char copy[64] = {0}, again[64];
        if (text.len >= sizeof copy) return false;
        memcpy(copy, text.ptr, text.len);
        token->backend = session->backends[i];
        if (sscanf(copy, "%c-%" SCNu64 "-", &token->endpoint, &token->begun) != 2) return false;
        seal(again, session, token);
        if (strcmp(copy, again) == 0) {
            uint64_t most = session->absolute_timeout_ms;
            return most == 0 || now - token->begun < (most + 999) / 1000;
        }
    }
    return false;
}

/* Looks for a token in what carries the session. */
static bool read_token(const gw_session *session, const struct exchange *exchange, struct token *token) {
    if (session->carrier == GW_SESSION_HEADER) {
        CHECK_TEXT(session->name, "x-talk");
        const char *line = exchange->talk;
        return line != NULL && open_token(session, (gw_str){line, strlen(line)}, exchange->now, token);
    }
    CHECK(session->carrier == GW_SESSION_COOKIE);
    for (const char *at = exchange->cookie; at != NULL && *at != 0;) {
        size_t len = strcspn(at, ";");
        if (len > session->name.len && memcmp(at, session->name.ptr, session->name.len) == 0 &&
            at[session->name.len] == '=') {
            gw_str value = {at + session->name.len + 1, len - session->name.len - 1};
            if (open_token(session, value, exchange->now, token)) return true;
        }
        at += len;
        at += strspn(at, "; ");
    }
    return false;
}

/* gw_request.attribute_fn: says at which backend a request's session is. */
static int32_t attribute(void *ctx, uint32_t index, const gw_str *name, gw_str *out) {
    const struct exchange *exchange = ctx;
    (void)index; /* A table of another router may have another order. */
    for (size_t i = 0; i < sessions_len; i++) {
        struct token token;
        if (!equal(sessions[i].attribute, *name)) continue;
        if (!read_token(&sessions[i], exchange, &token)) return 0; /* drawn by weight */
        *out = token.backend;
        return 1;
    }
    return 0; /* or another attribute that you know */
}

/* The line that an answer brings: its name and its value. */
static void tell(char to[256], const gw_session *session, const struct token *token, uint64_t now) {
    static const char *const same_site[] = {"", "; SameSite=Strict", "; SameSite=Lax", "; SameSite=None"};
    char text[64], *end = to;
    seal(text, session, token);
    if (session->carrier == GW_SESSION_HEADER) {
        sprintf(to, "%.*s: %s", (int)session->name.len, session->name.ptr, text);
        return;
    }
    end += sprintf(end, "Set-Cookie: %.*s=%s", (int)session->name.len, session->name.ptr, text);
    if (session->max_age == UINT64_MAX) {
        end += sprintf(end, "; Expires=Thu, 31 Dec 2037 23:55:55 GMT");
    } else if (session->max_age != 0) {
        uint64_t passed = session->flags & GW_SESSION_AT_BACKEND ? now - token->begun : 0;
        end += sprintf(end, "; Max-Age=%" PRIu64, session->max_age - passed);
    }
    if (session->domain.ptr != NULL) {
        end += sprintf(end, "; Domain=%.*s", (int)session->domain.len, session->domain.ptr);
    }
    if (session->path.ptr != NULL) {
        end += sprintf(end, "; Path=%.*s", (int)session->path.len, session->path.ptr);
    }
    sprintf(end, "%s%s%s", session->flags & GW_SESSION_HTTP_ONLY ? "; HttpOnly" : "",
            session->flags & GW_SESSION_SECURE ? "; Secure" : "",
            session->same_site >= 0 && session->same_site <= 3 ? same_site[session->same_site] : "");
}

static gw_engine *engine;
static gw_decider *decider;
static gw_decision decision;

/* The endpoints of every backend. */
static bool is_endpoint(char name) {
    return name == 'a' || name == 'b';
}

static char balance(void) {
    return 'a';
}

/* Where a request goes: '-' where nothing keeps its client, '!' where it goes to no backend. */
static char forward(const struct exchange *exchange, const char *host, uint32_t flags, char line[256]) {
    gw_request request = {.struct_size = sizeof request};
    request.method = GW_STR("GET");
    request.target = (gw_str){exchange->path, strlen(exchange->path)};
    request.host = (gw_str){host, strlen(host)};
    request.attribute_fn = attribute;
    request.attribute_ctx = (void *)exchange;
    request.random = gw_mix64(1);
    request.flags = flags;
    decision = (gw_decision){.struct_size = sizeof decision};
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    line[0] = 0;
    char endpoint;
    gw_session session = {.struct_size = sizeof session};
    gw_status status = gw_decider_session(decider, &session);
    struct token token;
    bool has_token = status == GW_OK && read_token(&session, exchange, &token);
    if (has_token && is_endpoint(token.endpoint)) {
        endpoint = token.endpoint;
    } else {
        endpoint = balance();
    }
    /* Send the request there; another endpoint may have to answer. Then: */
    bool is_kept = has_token && token.endpoint == endpoint &&
                   (session.backend.ptr == NULL || equal(token.backend, session.backend));
    if (status == GW_OK && !is_kept) {
        struct token next = {session.backend, endpoint, has_token ? token.begun : exchange->now};
        tell(line, &session, &next, exchange->now); /* Set-Cookie, or the header field */
    }
    return status == GW_OK ? endpoint : status == GW_NONE ? '-' : '!';
}

#define CHECK_LINE(line, want)                                                  \
    do {                                                                        \
        if (strcmp(line, want) != 0) {                                          \
            fprintf(stderr, "%d: `%s`, not `%s`\n", __LINE__, line, want);      \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

int main(void) {
    gw_router *router = build(DOCUMENTS);
    gw_needs needs = {.struct_size = sizeof needs};
    CHECK(gw_router_needs(router, &needs) == GW_OK);
    CHECK(needs.flags & GW_NEEDS_SESSIONS);
    for (size_t i = 0; i < needs.attributes_len && sessions_len < 8; i++) {
        gw_session *next = &sessions[sessions_len];
        next->struct_size = sizeof *next;
        if (gw_router_session(router, i, next) == GW_OK) sessions_len++;
    }
    /* One backend alone need not be asked for. */
    CHECK(sessions_len == 2 && needs.attributes_len == 2);
    sessions[2].struct_size = sizeof sessions[2];
    CHECK(gw_router_session(router, needs.attributes_len, &sessions[2]) == GW_NONE);
    for (size_t i = 0; i < 2; i++) {
        CHECK(equal(sessions[i].attribute, needs.attributes[i]));
        CHECK(sessions[i].flags & GW_SESSION_AT_BACKEND && sessions[i].backend.ptr == NULL);
        CHECK(sessions[i].backends_len == 2 && sessions[i].reserved == 0);
        CHECK_TEXT(sessions[i].backends[0], "default/one:80");
        CHECK_TEXT(sessions[i].backends[1], "default/two:80");
    }
    CHECK(!equal(sessions[0].attribute, sessions[1].attribute));
    CHECK(gw_engine_new(router, &engine) == GW_OK);
    CHECK(gw_decider_new(0, &decider) == GW_OK);
    char line[256], again[256];

    /* A cookie of a VirtualServer, with every attribute, and with few. */
    struct exchange exchange = {.path = "/tea", .now = 1000};
    CHECK(forward(&exchange, "cafe.example.com", 0, line) == 'a');
    CHECK_LINE(line, "Set-Cookie: srv=a; Max-Age=5400; Domain=.example.com; Path=/tea; HttpOnly; Secure; SameSite=Lax");
    exchange.cookie = "x=1; srv=b";
    CHECK(forward(&exchange, "cafe.example.com", 0, line) == 'b');
    CHECK_LINE(line, "");
    exchange.cookie = "srv=z"; /* An endpoint that is gone. */
    CHECK(forward(&exchange, "cafe.example.com", 0, line) == 'a' && line[0] != 0);
    exchange.path = "/long";
    CHECK(forward(&exchange, "cafe.example.com", 0, line) == 'a');
    CHECK_LINE(line, "Set-Cookie: srv=a; Expires=Thu, 31 Dec 2037 23:55:55 GMT; SameSite=Strict");
    exchange.path = "/plain";
    CHECK(forward(&exchange, "cafe.example.com", 0, line) == 'a');
    CHECK_LINE(line, "Set-Cookie: srv=a; SameSite=None");
    gw_session session = {.struct_size = sizeof session};
    CHECK(gw_decider_session(decider, &session) == GW_OK);
    CHECK(session.attribute.ptr == NULL && session.backends_len == 0 && session.absolute_timeout_ms == 0);
    exchange.path = "/none";
    CHECK(forward(&exchange, "cafe.example.com", 0, line) == '-');
    exchange.path = "/hello";
    CHECK(forward(&exchange, "cafe.example.com", 0, line) == '!');
    CHECK(gw_decider_session(decider, &session) == GW_ERR_STATE);

    /* A session of the Gateway API. */
    exchange = (struct exchange){.path = "/cart", .now = 1000};
    CHECK(forward(&exchange, "shop.example.com", 0, line) == 'a');
    CHECK_TEXT(decision.backend, "default/two:80");
    const char *rest = "; Max-Age=7200; Path=/cart; HttpOnly; SameSite=Strict";
    CHECK(strncmp(line, "Set-Cookie: cart=a-1000-two.80-", 31) == 0);
    CHECK_LINE(strchr(line, ';'), rest);
    CHECK(forward(&exchange, "shop.example.com", GW_REQUEST_TLS, line) == 'a');
    CHECK_LINE(strchr(line, ';'), "; Max-Age=7200; Path=/cart; HttpOnly; Secure; SameSite=Strict");
    CHECK(gw_decider_session(decider, &session) == GW_OK);
    CHECK(session.absolute_timeout_ms == 7200000 && session.max_age == 7200);
    CHECK_TEXT(session.backend, "default/two:80");

    /* It leads past weights, until its time is over. */
    struct token token = {session.backends[0], 'b', 1000};
    char sealed[64], cookie[80];
    seal(sealed, &session, &token);
    sprintf(cookie, "cart=%s", sealed);
    exchange.cookie = cookie;
    exchange.now = 1000 + 7199;
    CHECK(forward(&exchange, "shop.example.com", 0, line) == 'b');
    CHECK_TEXT(decision.backend, "default/one:80");
    CHECK_LINE(line, "");
    exchange.now++;
    CHECK(forward(&exchange, "shop.example.com", 0, line) == 'a');
    CHECK_TEXT(decision.backend, "default/two:80");
    CHECK_LINE(strchr(line, ';'), rest);
    /* The endpoint is gone, the session goes on at another one of the backend. */
    token.endpoint = 'z';
    seal(sealed, &session, &token);
    sprintf(cookie, "cart=%s", sealed);
    exchange.now = 1000 + 200;
    CHECK(forward(&exchange, "shop.example.com", 0, line) == 'a');
    CHECK_TEXT(decision.backend, "default/one:80");
    CHECK(strncmp(line, "Set-Cookie: cart=a-1000-one.80-", 31) == 0);
    CHECK_LINE(strchr(line, ';'), "; Max-Age=7000; Path=/cart; HttpOnly; SameSite=Strict");
    /* What another session has made, or nobody. */
    seal(sealed, &sessions[equal(session.attribute, sessions[0].attribute)], &token);
    sprintf(cookie, "cart=%s", sealed);
    CHECK(forward(&exchange, "shop.example.com", 0, line) == 'a' && line[0] != 0);
    CHECK_TEXT(decision.backend, "default/two:80");

    exchange = (struct exchange){.path = "/talk", .now = 5};
    CHECK(forward(&exchange, "shop.example.com", 0, line) == 'a');
    CHECK(strncmp(line, "x-talk: a-5-two.80-", 19) == 0);
    exchange.talk = line + 8;
    exchange.now = UINT64_MAX;
    CHECK(forward(&exchange, "shop.example.com", 0, again) == 'a');
    CHECK_LINE(again, "");
    CHECK(gw_decider_session(decider, &session) == GW_OK);
    CHECK(session.flags == GW_SESSION_AT_BACKEND && session.absolute_timeout_ms == 0 && session.max_age == 0);

    exchange = (struct exchange){.path = "/single", .now = 5};
    CHECK(forward(&exchange, "shop.example.com", 0, line) == 'a');
    CHECK_LINE(strchr(line, ';'), "; Path=/; HttpOnly; SameSite=Strict");
    CHECK(gw_decider_session(decider, &session) == GW_OK);
    CHECK_TEXT(session.backend, "default/one:80");
    CHECK(session.absolute_timeout_ms == 1500 && session.backends_len == 1);
    exchange.path = "/split"; /* The session is at what the rule names. */
    CHECK(forward(&exchange, "shop.example.com", 0, line) == 'a');
    CHECK_TEXT(decision.backend, "default/five:80");
    CHECK(gw_decider_session(decider, &session) == GW_OK);
    CHECK_TEXT(session.backend, "default/four:80");
    exchange.path = "/chance";
    CHECK(forward(&exchange, "shop.example.com", 0, line) == '-');

    gw_decider_free(decider);
    gw_engine_free(engine);
    gw_router_free(router);
    return 0;
}
