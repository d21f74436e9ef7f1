/* What duties need to be carried out, and the example of docs/embedding.md. */
#include "check.h"

/* Looks like PEM: as written in YAML, and as read. */
#define WRITTEN(what, base64) "\"-----BEGIN " what "-----\\n" base64 "\\n-----END " what "-----\\n\""
#define READ(what, base64) "-----BEGIN " what "-----\n" base64 "\n-----END " what "-----\n"

static const char *const POLICIES =
    "apiVersion: k8s.nginx.org/v1\n"
    "kind: VirtualServer\n"
    "metadata: {name: cafe}\n"
    "spec:\n"
    "  host: cafe.example.com\n"
    "  tls: {secret: cafe-tls}\n"
    "  policies: [{name: clients}]\n"
    "  upstreams: [{name: tea, service: tea-svc, port: 80}]\n"
    "  routes:\n"
    "  - {path: /basic, policies: [{name: basic}], action: {pass: tea}}\n"
    "  - {path: /key, policies: [{name: key}], action: {pass: tea}}\n"
    "  - {path: /jwt, policies: [{name: jwt}], action: {pass: tea}}\n"
    "  - {path: /cookie, policies: [{name: cookie}], action: {pass: tea}}\n"
    "  - {path: /plain, policies: [{name: plain}], action: {pass: tea}}\n"
    "  - {path: /ask, policies: [{name: ask}], action: {pass: tea}}\n"
    "  - {path: /login, policies: [{name: login}], action: {pass: tea}}\n"
    "  - {path: /oauth2, policies: [{name: login}], action: {pass: tea}}\n"
    "  - {path: /kept, policies: [{name: kept}], action: {pass: tea}}\n"
    "  - {path: /simple, policies: [{name: simple}], action: {pass: tea}}\n"
    "---\n"
    "{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: clients},\n"
    " spec: {ingressMTLS: {clientCertSecret: clients, verifyClient: optional_no_ca, verifyDepth: 3}}}\n"
    "---\n"
    "{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: basic},\n"
    " spec: {basicAuth: {realm: 'the \\\"shop\\\"', secret: users}}}\n"
    "---\n"
    "{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: key},\n"
    " spec: {apiKey: {suppliedIn: {header: [X-Key], query: [key]}, clientSecret: keys}}}\n"
    "---\n"
    "{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: jwt},\n"
    " spec: {jwt: {realm: shop, secret: jwks}}}\n"
    "---\n"
    "{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: cookie},\n"
    " spec: {jwt: {realm: shop, token: $cookie_t, jwksURI: 'https://idp.example.com:8443/keys', keyCache: 1h,\n"
    "  sniEnabled: true, sniName: sni.example.com, sslVerify: true, sslVerifyDepth: 2, trustedCertSecret: ca}}}\n"
    "---\n"
    "{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: plain},\n"
    " spec: {jwt: {realm: shop, jwksURI: 'http://idp.example.com/keys', keyCache: 1s}}}\n"
    "---\n"
    "{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: ask},\n"
    " spec: {externalAuth: {authServiceName: auth-svc, authURI: '/check?a=b'}}}\n"
    "---\n"
    "{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: login},\n"
    " spec: {externalAuth: {authServiceName: auth-svc, authServicePorts: [8443], authURI: /check,\n"
    "  authSigninURI: /oauth2/start, sslEnabled: true, sslVerify: true, sslVerifyDepth: 4, trustedCertSecret: ca,\n"
    "  sniName: auth.example.com}}}\n"
    "---\n"
    "{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: kept},\n"
    " spec: {cache: {cacheZoneName: pages, cacheZoneSize: 10m, maxSize: 1g, minFree: 5m, inactive: 5m,\n"
    "  cacheKey: '${request_uri} ${http_x_user}', allowedMethods: [GET, HEAD, POST], allowedCodes: [200, 404],\n"
    "  time: 30s, overrideUpstreamCache: true, cacheUseStale: [error, timeout, invalid_header, updating, http_500, http_429],\n"
    "  cacheRevalidate: true, cacheBackgroundUpdate: true, cacheMinUses: 2, lock: {enable: true, timeout: 3s, age: 4s},\n"
    "  conditions: {noCache: ['${http_x_private}'], bypass: ['${cookie_fresh}']}, cachePurgeAllow: [10.0.0.0/8]}}}\n"
    "---\n"
    "{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: simple},\n"
    " spec: {cache: {cacheZoneName: simple, cacheZoneSize: 1m, allowedCodes: [any], time: 0s}}}\n";

static const char *const OTHERS =
    "{apiVersion: v1, kind: Secret, metadata: {name: cafe-tls}, type: kubernetes.io/tls,\n"
    " stringData: {tls.crt: " WRITTEN("CERTIFICATE", "AAAA") ", tls.key: " WRITTEN("PRIVATE KEY", "AAAA") "}}\n"
    "---\n"
    "{apiVersion: v1, kind: Secret, metadata: {name: clients}, type: nginx.org/ca,\n"
    " stringData: {ca.crt: " WRITTEN("CERTIFICATE", "BBBB") ", ca.crl: " WRITTEN("X509 CRL", "CCCC") "}}\n"
    "---\n"
    "{apiVersion: v1, kind: Secret, metadata: {name: ca}, type: nginx.org/ca, stringData: {ca.crt: " WRITTEN("CERTIFICATE", "DDDD") "}}\n"
    "---\n"
    "{apiVersion: v1, kind: Secret, metadata: {name: users}, type: nginx.org/htpasswd,\n"
    " stringData: {htpasswd: \"ann:$apr1$x\\nbob:{PLAIN}secret\\n\"}}\n"
    "---\n"
    "{apiVersion: v1, kind: Secret, metadata: {name: keys}, type: nginx.org/apikey,\n"
    " stringData: {ann: key-of-ann, bob: key-of-bob}}\n"
    "---\n"
    "{apiVersion: v1, kind: Secret, metadata: {name: jwks}, type: nginx.org/jwk, stringData: {jwk: '{\"keys\": []}'}}\n"
    "---\n"
    "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gw},\n"
    " spec: {gatewayClassName: c, listeners: [{name: http, port: 80, protocol: HTTP}]}}\n"
    "---\n"
    "apiVersion: gateway.networking.k8s.io/v1\n"
    "kind: HTTPRoute\n"
    "metadata: {name: shop}\n"
    "spec:\n"
    "  parentRefs: [{name: gw}]\n"
    "  hostnames: [shop.example.com]\n"
    "  rules:\n"
    "  - matches: [{path: {type: PathPrefix, value: /http}}]\n"
    "    filters:\n"
    "    - type: ExternalAuth\n"
    "      externalAuth:\n"
    "        protocol: HTTP\n"
    "        backendRef: {name: check, port: 9000}\n"
    "        http: {path: /allow/, allowedHeaders: [X-User, Authorization], allowedResponseHeaders: [X-Role]}\n"
    "        forwardBody: {maxSize: 512}\n"
    "    backendRefs: [{name: cart, port: 80}]\n"
    "  - matches: [{path: {type: PathPrefix, value: /all}}]\n"
    "    filters: [{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: safe, port: 9443}, http: {}}}]\n"
    "    backendRefs: [{name: cart, port: 80}]\n"
    "  - matches: [{path: {type: PathPrefix, value: /grpc}}]\n"
    "    filters: [{type: ExternalAuth, externalAuth: {protocol: GRPC, backendRef: {name: check, port: 9000}, grpc: {allowedHeaders: [X-User]}}}]\n"
    "    backendRefs: [{name: cart, port: 80}]\n"
    "  - matches: [{path: {type: PathPrefix, value: /every}}]\n"
    "    filters: [{type: ExternalAuth, externalAuth: {protocol: GRPC, backendRef: {name: check, port: 9000}, grpc: {}}}]\n"
    "    backendRefs: [{name: cart, port: 80}]\n"
    "---\n"
    "{apiVersion: v1, kind: Service, metadata: {name: check}, spec: {ports: [{port: 9000}]}}\n"
    "---\n"
    "{apiVersion: v1, kind: Service, metadata: {name: safe}, spec: {ports: [{port: 9443}]}}\n"
    "---\n"
    "{apiVersion: v1, kind: Service, metadata: {name: cart}, spec: {ports: [{port: 80}]}}\n"
    "---\n"
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: roots}, data: {ca.crt: PEM}}\n"
    "---\n"
    "{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, metadata: {name: safe},\n"
    " spec: {targetRefs: [{group: '', kind: Service, name: safe}],\n"
    "  validation: {hostname: safe.example.com, wellKnownCACertificates: System,\n"
    "   subjectAltNames: [{type: Hostname, hostname: a.example.com}]}}}\n";

#define DUTIES                                                                               \
    (GW_DUTY_CLIENT_CERTIFICATE | GW_DUTY_BASIC_AUTH | GW_DUTY_API_KEY | GW_DUTY_EXTERNAL_AUTH | \
     GW_DUTY_AUTH_CHECK | GW_DUTY_JWT | GW_DUTY_CACHE)

static gw_decider *decider;
static const gw_engine *engine;
static gw_request request;
static gw_header lines[4];

/* Decides about a request, which asks for one duty; says at which step. */
static size_t asks_at(const char *target, uint64_t duty) {
    gw_decision decision = {.struct_size = sizeof decision};
    gw_step step = {.struct_size = sizeof step};
    request.target = (gw_str){target, strlen(target)};
    CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
    CHECK(decision.unmet == 0 && (decision.duties & duty));
    for (size_t i = 0; i < decision.steps_len; i++) {
        CHECK(gw_step_get(decider, i, &step) == GW_OK);
        if (step.duty == duty) return i;
    }
    CHECK(!"it is asked");
    return 0;
}

static void with_line(const char *name, const char *value) {
    lines[0] = (gw_header){{name, strlen(name)}, {value, strlen(value)}};
    request.headers_len = 1;
}

static void basic_auth(void) {
    gw_basic_auth basic = {.struct_size = sizeof basic};
    with_line("Authorization", "Basic YW5uOnMzY3JldDo="); /* ann:s3cret: */
    size_t at = asks_at("/basic", GW_DUTY_BASIC_AUTH);
    CHECK(gw_step_basic_auth(decider, &request, at, &basic) == GW_OK);
    CHECK_TEXT(basic.user, "ann");
    CHECK_TEXT(basic.password, "s3cret:");
    CHECK_TEXT(basic.hash, "$apr1$x");
    CHECK_TEXT(basic.challenge, "Basic realm=\"the \\\"shop\\\"\"");
    CHECK_TEXT(basic.realm, "the \"shop\"");
    CHECK_TEXT(basic.users, "ann:$apr1$x\nbob:{PLAIN}secret\n");
    with_line("Authorization", "Basic ZXZlOg=="); /* eve: */
    at = asks_at("/basic", GW_DUTY_BASIC_AUTH);
    CHECK(gw_step_basic_auth(decider, &request, at, &basic) == GW_OK);
    CHECK_TEXT(basic.user, "eve");
    CHECK(basic.password.ptr != NULL && basic.password.len == 0 && basic.hash.ptr == NULL);
    with_line("Authorization", "Bearer x");
    CHECK(gw_step_basic_auth(decider, &request, at, &basic) == GW_OK);
    CHECK(basic.user.ptr == NULL && basic.password.ptr == NULL && basic.hash.ptr == NULL);
    CHECK_TEXT(basic.challenge, "Basic realm=\"the \\\"shop\\\"\"");
    CHECK(gw_step_basic_auth(decider, &request, at + 1, &basic) == GW_NONE);
    CHECK(gw_step_tls(decider, at, &(gw_backend_tls){.struct_size = sizeof(gw_backend_tls)}) == GW_NONE);
}

static void api_key(void) {
    gw_str client;
    with_line("X-Key", "key-of-bob");
    size_t at = asks_at("/key", GW_DUTY_API_KEY);
    CHECK(gw_step_api_client(decider, at, &client) == GW_OK);
    CHECK_TEXT(client, "bob");
    with_line("X-Key", "key-of-");
    at = asks_at("/key?KEY=ann", GW_DUTY_API_KEY);
    CHECK(gw_step_api_client(decider, at, &client) == GW_OK);
    CHECK_TEXT(client, "ann");
    at = asks_at("/key?key=eve", GW_DUTY_API_KEY);
    CHECK(gw_step_api_client(decider, at, &client) == GW_NONE && client.ptr == NULL);
    CHECK(gw_step_api_client(decider, at + 1, &client) == GW_NONE);
    at = asks_at("/basic", GW_DUTY_BASIC_AUTH);
    CHECK(gw_step_api_client(decider, at, &client) == GW_NONE);
}

static void jwt(void) {
    gw_jwt jwt = {.struct_size = sizeof jwt};
    gw_backend_tls tls = {.struct_size = sizeof tls};
    with_line("Authorization", "Bearer a.b.c");
    size_t at = asks_at("/jwt", GW_DUTY_JWT);
    CHECK(gw_step_jwt(decider, &request, at, &jwt) == GW_OK);
    CHECK_TEXT(jwt.token, "a.b.c");
    CHECK_TEXT(jwt.challenge, "Bearer realm=\"shop\"");
    CHECK_TEXT(jwt.realm, "shop");
    CHECK_TEXT(jwt.keys, "{\"keys\": []}");
    CHECK(jwt.keys_uri.ptr == NULL && jwt.keys_keep_ms == 0);
    CHECK(gw_step_tls(decider, at, &tls) == GW_NONE);
    with_line("Cookie", "a=b; t=d.e.f");
    at = asks_at("/cookie", GW_DUTY_JWT);
    CHECK(gw_step_jwt(decider, &request, at, &jwt) == GW_OK);
    CHECK_TEXT(jwt.token, "d.e.f");
    CHECK(jwt.keys.ptr == NULL && jwt.keys_keep_ms == 3600000);
    CHECK_TEXT(jwt.keys_uri, "https://idp.example.com:8443/keys");
    CHECK(gw_step_tls(decider, at, &tls) == GW_OK);
    CHECK(tls.verify == 1 && tls.depth == 2 && tls.sni == 1 && tls.session_reuse == 1 && tls.names_len == 0);
    CHECK_TEXT(tls.authorities, READ("CERTIFICATE", "DDDD"));
    CHECK_TEXT(tls.server_name, "sni.example.com");
    CHECK(tls.certificate.ptr == NULL && tls.key.ptr == NULL && tls.protocols.len == 0);
    with_line("Cookie", "a=b");
    at = asks_at("/cookie", GW_DUTY_JWT);
    CHECK(gw_step_jwt(decider, &request, at, &jwt) == GW_OK && jwt.token.ptr == NULL);
    at = asks_at("/plain", GW_DUTY_JWT);
    CHECK(gw_step_jwt(decider, &request, at, &jwt) == GW_OK && jwt.keys_keep_ms == 1000);
    CHECK(gw_step_tls(decider, at, &tls) == GW_NONE);
}

static void client_certificate(void) {
    gw_client_certificate certificate = {.struct_size = sizeof certificate};
    request.flags = GW_REQUEST_TLS;
    size_t at = asks_at("/basic", GW_DUTY_CLIENT_CERTIFICATE);
    CHECK(at == 0);
    CHECK(gw_step_client_certificate(decider, at, &certificate) == GW_OK);
    CHECK(certificate.verify == GW_VERIFY_CLIENT_OPTIONAL_NO_AUTHORITY && certificate.depth == 3);
    CHECK_TEXT(certificate.authorities, READ("CERTIFICATE", "BBBB"));
    CHECK_TEXT(certificate.revoked, READ("X509 CRL", "CCCC"));
    CHECK(gw_step_client_certificate(decider, at + 1, &certificate) == GW_NONE);
    request.flags = 0;
}

static void external_auth(void) {
    gw_external_auth ask = {.struct_size = sizeof ask};
    gw_backend_tls tls = {.struct_size = sizeof tls};
    size_t at = asks_at("/ask", GW_DUTY_EXTERNAL_AUTH);
    CHECK(gw_step_external_auth(decider, &request, at, &ask) == GW_OK);
    CHECK_TEXT(ask.service, "default/auth-svc:80");
    CHECK_TEXT(ask.service_namespace, "default");
    CHECK_TEXT(ask.service_name, "auth-svc");
    CHECK(ask.service_port == 80 && ask.tls == 0 && ask.is_for_sign_in == 0 && ask.sign_in.ptr == NULL);
    CHECK_TEXT(ask.uri, "/check?a=b");
    CHECK_TEXT(ask.host, "auth-svc.default.svc");
    CHECK(gw_step_tls(decider, at, &tls) == GW_NONE);
    at = asks_at("/login", GW_DUTY_EXTERNAL_AUTH);
    CHECK(gw_step_external_auth(decider, &request, at, &ask) == GW_OK);
    CHECK_TEXT(ask.service, "default/auth-svc:8443");
    CHECK(ask.service_port == 8443 && ask.tls == 1 && ask.is_for_sign_in == 0 && ask.target.ptr == NULL);
    CHECK_TEXT(ask.sign_in, "/oauth2/start");
    CHECK_TEXT(ask.host, "auth.example.com");
    CHECK(gw_step_tls(decider, at, &tls) == GW_OK);
    CHECK(tls.verify == 1 && tls.depth == 4 && tls.sni == 1 && tls.session_reuse == 1);
    CHECK_TEXT(tls.authorities, READ("CERTIFICATE", "DDDD"));
    CHECK_TEXT(tls.server_name, "auth.example.com");
    at = asks_at("/oauth2/start?x=1", GW_DUTY_EXTERNAL_AUTH);
    CHECK(gw_step_external_auth(decider, &request, at, &ask) == GW_OK && ask.is_for_sign_in == 1);
    CHECK_TEXT(ask.target, "/oauth2/start?x=1");
    /* The service sees the path that was decided by. */
    at = asks_at("/other/%2e%2e/oauth2/start?x=1", GW_DUTY_EXTERNAL_AUTH);
    CHECK(gw_step_external_auth(decider, &request, at, &ask) == GW_OK && ask.is_for_sign_in == 1);
    CHECK_TEXT(ask.target, "/oauth2/start?x=1");
}

static void auth_check(void) {
    gw_auth_check check = {.struct_size = sizeof check};
    gw_backend_tls tls = {.struct_size = sizeof tls};
    request.host = GW_STR("shop.example.com");
    size_t at = asks_at("/http/../http/a?x=1", GW_DUTY_AUTH_CHECK);
    CHECK(gw_step_auth_check(decider, &request, at, &check) == GW_OK);
    CHECK_TEXT(check.service, "default/check:9000");
    CHECK_TEXT(check.service_namespace, "default");
    CHECK_TEXT(check.service_name, "check");
    CHECK(check.service_port == 9000 && check.tls == 0 && check.max_body == 512);
    CHECK(check.protocol == GW_CHECK_HTTP && check.flags == 0);
    CHECK_TEXT(check.target, "/allow/http/a?x=1");
    CHECK(check.request_headers_len == 3 && check.response_headers_len == 1);
    CHECK_TEXT(check.request_headers[0], "host");
    CHECK_TEXT(check.request_headers[1], "x-user");
    CHECK_TEXT(check.request_headers[2], "authorization");
    CHECK_TEXT(check.response_headers[0], "x-role");
    CHECK(gw_step_tls(decider, at, &tls) == GW_NONE);
    at = asks_at("/all", GW_DUTY_AUTH_CHECK);
    CHECK(gw_step_auth_check(decider, &request, at, &check) == GW_OK);
    CHECK(check.protocol == GW_CHECK_HTTP && check.flags == GW_CHECK_ALL_RESPONSE_HEADERS);
    CHECK(check.tls == 1 && check.max_body == 0);
    CHECK(check.request_headers_len == 2 && check.response_headers_len == 0);
    CHECK_TEXT(check.request_headers[1], "authorization");
    CHECK(gw_step_tls(decider, at, &tls) == GW_OK);
    CHECK(tls.verify == 1 && tls.sni == 1 && tls.authorities.ptr == NULL && tls.names_len == 1);
    CHECK_TEXT(tls.server_name, "safe.example.com");
    CHECK_TEXT(tls.names[0], "dns:a.example.com");
    at = asks_at("/grpc/a", GW_DUTY_AUTH_CHECK);
    CHECK(gw_step_auth_check(decider, &request, at, &check) == GW_OK);
    CHECK(check.protocol == GW_CHECK_GRPC && check.flags == 0);
    CHECK(check.request_headers_len == 1 && check.response_headers_len == 0);
    CHECK_TEXT(check.request_headers[0], "x-user");
    CHECK_TEXT(check.target, "/grpc/a");
    at = asks_at("/every", GW_DUTY_AUTH_CHECK);
    CHECK(gw_step_auth_check(decider, &request, at, &check) == GW_OK);
    CHECK(check.flags == GW_CHECK_ALL_REQUEST_HEADERS && check.request_headers_len == 0);
    request.host = GW_STR("cafe.example.com");
}

static void cache(void) {
    gw_cache cache = {.struct_size = sizeof cache};
    const uint32_t says = GW_CACHE_OVERRIDES_BACKEND | GW_CACHE_REVALIDATES | GW_CACHE_BACKGROUND_UPDATE | GW_CACHE_LOCKS;
    with_line("X-User", "ann");
    size_t at = asks_at("/kept?x=1", GW_DUTY_CACHE);
    CHECK(gw_step_cache(decider, &request, at, &cache) == GW_OK);
    CHECK_TEXT(cache.key, "/kept?x=1 ann");
    CHECK_TEXT(cache.zone, "default/cafe/pages");
    CHECK(cache.flags == (says | GW_CACHE_SERVES | GW_CACHE_STORES));
    CHECK(cache.stale == (GW_STALE_ON_ERROR | GW_STALE_ON_TIMEOUT | GW_STALE_ON_INVALID_HEADER | GW_STALE_WHILE_UPDATING));
    CHECK(cache.keep_ms == 30000 && cache.inactive_ms == 300000);
    CHECK(cache.statuses_len == 2 && cache.statuses[0] == 200 && cache.statuses[1] == 404);
    CHECK(cache.stale_statuses_len == 2 && cache.stale_statuses[0] == 500 && cache.stale_statuses[1] == 429);
    CHECK(cache.lock_timeout_ms == 3000 && cache.lock_age_ms == 4000 && cache.min_uses == 2);
    CHECK(cache.zone_size == 10 << 20 && cache.max_size == 1 << 30 && cache.min_free == 5 << 20);
    with_line("X-Private", "yes");
    CHECK(gw_step_cache(decider, &request, at, &cache) == GW_OK && cache.flags == (says | GW_CACHE_SERVES));
    with_line("Cookie", "fresh=1");
    CHECK(gw_step_cache(decider, &request, at, &cache) == GW_OK && cache.flags == (says | GW_CACHE_STORES));
    request.method = GW_STR("PURGE");
    request.peer_family = 4;
    request.peer_addr[0] = 10;
    CHECK(gw_step_cache(decider, &request, at, &cache) == GW_OK && cache.flags == (says | GW_CACHE_PURGES));
    request.peer_addr[0] = 11;
    CHECK(gw_step_cache(decider, &request, at, &cache) == GW_OK && cache.flags == says);
    request.method = GW_STR("GET");
    at = asks_at("/simple?x=1", GW_DUTY_CACHE);
    CHECK(gw_step_cache(decider, &request, at, &cache) == GW_OK);
    CHECK_TEXT(cache.key, "http://tea/simple?x=1");
    CHECK_TEXT(cache.zone, "default/cafe/simple");
    CHECK(cache.flags == (GW_CACHE_ANY_STATUS | GW_CACHE_SERVES | GW_CACHE_STORES) && cache.stale == 0);
    CHECK(cache.keep_ms == 0 && cache.statuses_len == 0 && cache.stale_statuses_len == 0);
    CHECK(cache.inactive_ms == 600000 && cache.lock_timeout_ms == 0 && cache.lock_age_ms == 0);
    CHECK(cache.max_size == UINT64_MAX && cache.min_free == 0 && cache.min_uses == 1);
}

static void verify_client(void) {
    static const struct {
        const char *written;
        int32_t verify;
    } CASES[] = {{"on", GW_VERIFY_CLIENT_ON},
                 {"off", GW_VERIFY_CLIENT_OFF},
                 {"optional", GW_VERIFY_CLIENT_OPTIONAL},
                 {"optional_no_ca", GW_VERIFY_CLIENT_OPTIONAL_NO_AUTHORITY}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[2048];
        int len = snprintf(text, sizeof text,
                           "{apiVersion: k8s.nginx.org/v1, kind: VirtualServer, metadata: {name: cafe}, spec:\n"
                           " {host: cafe.example.com, tls: {secret: cafe-tls}, policies: [{name: clients}],\n"
                           "  routes: [{path: /, action: {return: {body: hello}}}]}}\n"
                           "---\n"
                           "{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: clients},\n"
                           " spec: {ingressMTLS: {clientCertSecret: ca, verifyClient: '%s'}}}\n"
                           "---\n"
                           "{apiVersion: v1, kind: Secret, metadata: {name: ca}, type: nginx.org/ca,\n"
                           " stringData: {ca.crt: " WRITTEN("CERTIFICATE", "AAAA") "}}\n",
                           CASES[i].written);
        CHECK(len > 0 && (size_t)len < sizeof text);
        gw_source source = {GW_STR("clients.yaml"), {text, (size_t)len}};
        gw_router *router;
        gw_engine *made;
        CHECK(gw_router_build(&source, 1, NULL, &router, NULL) == GW_OK);
        CHECK(gw_engine_new(router, &made) == GW_OK);
        request.flags = GW_REQUEST_TLS;
        const gw_engine *before = engine;
        engine = made;
        size_t at = asks_at("/", GW_DUTY_CLIENT_CERTIFICATE);
        gw_client_certificate certificate = {.struct_size = sizeof certificate};
        CHECK(gw_step_client_certificate(decider, at, &certificate) == GW_OK);
        CHECK(certificate.verify == CASES[i].verify && certificate.depth == 1);
        CHECK(certificate.authorities.len > 0 && certificate.revoked.ptr == NULL);
        gw_decider_reset(decider);
        engine = before;
        request.flags = 0;
        gw_engine_free(made);
        gw_router_free(router);
    }
}

/* A program that knows the first fields only. */
static void older_header(void) {
    struct {
        size_t struct_size;
        gw_str token, tail;
    } old = {sizeof(size_t) + sizeof(gw_str), {NULL, 0}, {NULL, 7}};
    with_line("Authorization", "Bearer a.b.c");
    size_t at = asks_at("/jwt", GW_DUTY_JWT);
    CHECK(gw_step_jwt(decider, &request, at, (gw_jwt *)&old) == GW_OK);
    CHECK_TEXT(old.token, "a.b.c");
    CHECK(old.tail.ptr == NULL && old.tail.len == 7);
}

/* A request that is none, with a step that looks at it. */
static void impossible_lines(void) {
    gw_basic_auth basic = {.struct_size = sizeof basic};
    gw_jwt jwt = {.struct_size = sizeof jwt};
    gw_cache cache = {.struct_size = sizeof cache};
    with_line("Authorization", "Bearer a.b.c");
    size_t at = asks_at("/basic", GW_DUTY_BASIC_AUTH);
    lines[0].value.len = SIZE_MAX;
    CHECK(gw_step_basic_auth(decider, &request, at, &basic) == GW_ERR_ARGUMENT && basic.challenge.ptr == NULL);
    with_line("Authorization", "Bearer a.b.c");
    at = asks_at("/jwt", GW_DUTY_JWT);
    lines[0].value.ptr = NULL;
    CHECK(gw_step_jwt(decider, &request, at, &jwt) == GW_ERR_ARGUMENT && jwt.challenge.ptr == NULL);
    with_line("X-User", "ann");
    at = asks_at("/kept", GW_DUTY_CACHE);
    lines[0].value.len = SIZE_MAX;
    CHECK(gw_step_cache(decider, &request, at, &cache) == GW_ERR_ARGUMENT && cache.key.ptr == NULL);
    with_line("X-User", "ann");
}

/* Fields that a host has to hand in so that duties can be done. */
static void needs(const gw_router *router) {
    static const char *const NAMES[] = {"authorization", "cookie", "x-key", "x-private", "x-user"};
    gw_needs needs = {.struct_size = sizeof needs};
    CHECK(gw_router_needs(router, &needs) == GW_OK);
    CHECK(needs.duties == DUTIES && (needs.flags & GW_NEEDS_PEER));
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        size_t found = 0;
        for (size_t j = 0; j < needs.headers_len; j++) {
            found += needs.headers[j].len == strlen(NAMES[i]) &&
                     memcmp(needs.headers[j].ptr, NAMES[i], needs.headers[j].len) == 0;
        }
        CHECK(found == 1);
    }
}

/* The functions of the host that the example calls. */
static int is_hash_of(gw_str hash, gw_str password) {
    static const char PLAIN[] = "{PLAIN}";
    return hash.len == sizeof PLAIN - 1 + password.len && memcmp(hash.ptr, PLAIN, sizeof PLAIN - 1) == 0 &&
           memcmp(hash.ptr + sizeof PLAIN - 1, password.ptr, password.len) == 0;
}

static gw_str added;

static void add_header(const char *name, gw_str value) {
    CHECK(strcmp(name, "WWW-Authenticate") == 0);
    added = value;
}

static void log_user(gw_str user) {
    CHECK(user.len > 0);
}

/* The hash of a password that nobody has, of the kind that users have. */
static const gw_str NOBODY = {"{PLAIN}", 7};

/* 0 where the request passes all steps of its decision, else the status to hand to gw_answer. */
static uint32_t guard(gw_decider *decider, const gw_request *request, const gw_decision *decision) {
    for (size_t i = 0; i < decision->steps_len; i++) {
        gw_step step = {sizeof step};
        if (gw_step_get(decider, i, &step) != GW_OK) return 500;
        switch (step.duty) {
        case 0: /* what follows is gw_answer with status 0 */
            return 0;
        case GW_DUTY_BASIC_AUTH: {
            gw_basic_auth basic = {sizeof basic};
            if (gw_step_basic_auth(decider, request, i, &basic) != GW_OK) return 500;
            int is_known = basic.hash.ptr != NULL;
            /* A name that is not known takes as long as one that is. */
            if (!is_hash_of(is_known ? basic.hash : NOBODY, basic.password) || !is_known) {
                add_header("WWW-Authenticate", basic.challenge);
                return step.status;
            }
            log_user(basic.user);
            break;
        }
        case GW_DUTY_API_KEY: {
            gw_str client;
            if (gw_step_api_client(decider, i, &client) != GW_OK) return step.status;
            log_user(client);
            break;
        }
        default: /* promised to gw_decider_new by mistake */
            return 500;
        }
    }
    return 0;
}

static void example(void) {
    gw_decision decision = {.struct_size = sizeof decision};
    static const struct {
        const char *target, *name, *value;
        uint32_t status;
    } CASES[] = {
        {"/basic", "Authorization", "Basic Ym9iOnNlY3JldA==", 0}, /* bob:secret */
        {"/basic", "Authorization", "Basic Ym9iOnNlY3JldDI=", 401},
        {"/basic", "Authorization", "", 401},
        {"/key", "X-Key", "key-of-ann", 0},
        {"/key", "X-Key", "key-of-eve", 403},
        {"/key", "X-Other", "", 0}, /* refused without us */
        {"/jwt", "X-Other", "", 500},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        added = (gw_str){NULL, 0};
        with_line(CASES[i].name, CASES[i].value);
        request.target = (gw_str){CASES[i].target, strlen(CASES[i].target)};
        CHECK(gw_decide(decider, engine, &request, &decision) == GW_OK);
        CHECK(guard(decider, &request, &decision) == CASES[i].status);
        CHECK((added.ptr != NULL) == (CASES[i].status == 401));
    }
}

int main(void) {
    gw_source sources[] = {{GW_STR("policies.yaml"), {POLICIES, strlen(POLICIES)}},
                           {GW_STR("others.yaml"), {OTHERS, strlen(OTHERS)}}};
    gw_build_options options = {.struct_size = sizeof options};
    options.duties = DUTIES;
    options.flags = GW_BUILD_ASSUME_SERVICES;
    gw_router *router = NULL;
    gw_report *report;
    gw_status status = gw_router_build(sources, 2, &options, &router, &report);
    for (size_t i = 0; i < gw_report_count(report); i++) {
        gw_diagnostic one = {.struct_size = sizeof one};
        CHECK(gw_report_get(report, i, &one) == GW_OK);
        fprintf(stderr, "%.*s\n", (int)one.text.len, one.text.ptr);
    }
    CHECK(status == GW_OK && report == NULL);
    gw_engine *made;
    CHECK(gw_engine_new(router, &made) == GW_OK);
    engine = made;
    CHECK(gw_decider_new(DUTIES, &decider) == GW_OK);
    request.struct_size = sizeof request;
    request.method = GW_STR("GET");
    request.host = GW_STR("cafe.example.com");
    request.headers = lines;

    needs(router);
    basic_auth();
    api_key();
    jwt();
    client_certificate();
    verify_client();
    external_auth();
    auth_check();
    cache();
    older_header();
    impossible_lines();
    example();

    gw_decider_free(decider);
    gw_engine_free(made);
    gw_router_free(router);
    return 0;
}
