/*
 * A host that carries out whatever decisions ask, and says what came of it.
 *
 * Reads fields from standard input, each "name length\n" and so many octets and a line end, and
 * writes such fields. Those of a configuration end with "build", those of a request with "decide".
 * With the argument "lazy" it hands in nothing but what gw_router_needs asks for, by callbacks.
 */
#include "check.h"

#define MOST 64

typedef struct {
    gw_header lines[MOST];
    size_t len;
} lines;

static gw_str field_name, field;
static char name_buffer[64];

/* What has been read stays where it is: nothing is ever freed. */
static int read_field(void) {
    size_t len;
    if (scanf("%63s %zu", name_buffer, &len) != 2) {
        return 0;
    }
    CHECK(getchar() == '\n');
    char *octets = malloc(len + 1);
    CHECK(fread(octets, 1, len, stdin) == len && getchar() == '\n');
    field_name = (gw_str){name_buffer, strlen(name_buffer)};
    field = (gw_str){octets, len};
    octets[len] = 0;
    return 1;
}

static int is(const char *name) {
    return strcmp(name_buffer, name) == 0;
}

static uint64_t number(void) {
    return strtoull(field.ptr, NULL, 10);
}

static void write_field(const char *name, gw_str value) {
    printf("%s %zu\n", name, value.len);
    fwrite(value.ptr, 1, value.len, stdout);
    putchar('\n');
}

static void write_number(const char *name, uint64_t value) {
    char text[32];
    write_field(name, (gw_str){text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)value)});
}

static int same(gw_str a, gw_str b) {
    if (a.len != b.len) return 0;
    for (size_t i = 0; i < a.len; i++) {
        char x = a.ptr[i], y = b.ptr[i];
        if (x >= 'A' && x <= 'Z') x += 32;
        if (y >= 'A' && y <= 'Z') y += 32;
        if (x != y) return 0;
    }
    return 1;
}

static int is_text(gw_str a, const char *b) {
    return same(a, (gw_str){b, strlen(b)});
}

static void add(lines *header, gw_str name, gw_str value) {
    CHECK(header->len < MOST);
    header->lines[header->len++] = (gw_header){name, value};
}

static void keep(lines *header, int (*keeps)(gw_str line, gw_str name), gw_str name) {
    size_t len = 0;
    for (size_t i = 0; i < header->len; i++) {
        if (keeps(header->lines[i].name, name)) header->lines[len++] = header->lines[i];
    }
    header->len = len;
}

static int is_other(gw_str line, gw_str name) {
    return !same(line, name);
}

static int is_usual(gw_str line, gw_str name) {
    (void)name;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-')) return 0;
    }
    return 1;
}

static int is_framing(gw_str line, gw_str name) {
    static const char *const all[] = {"host", "connection", "content-length", "keep-alive",
                                      "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"};
    (void)name;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (is_text(line, all[i])) return 1;
    }
    return 0;
}

static void apply(lines *header, const gw_header_op *ops, size_t len) {
    for (size_t i = 0; i < len; i++) {
        switch (ops[i].op) {
        case GW_OP_SET:
            keep(header, is_other, ops[i].name);
            add(header, ops[i].name, ops[i].value);
            break;
        case GW_OP_ADD: add(header, ops[i].name, ops[i].value); break;
        case GW_OP_REMOVE: keep(header, is_other, ops[i].name); break;
        case GW_OP_DROP_ALL: keep(header, is_framing, ops[i].name); break;
        case GW_OP_DROP_UNUSUAL: keep(header, is_usual, ops[i].name); break;
        default: CHECK(!"an operation that is known");
        }
    }
}

static void write_header(const char *name, const lines *header) {
    for (size_t i = 0; i < header->len; i++) {
        write_field(name, header->lines[i].name);
        write_field("value", header->lines[i].value);
    }
}

/* The tables of a host that knows what the router needs: by index. */
typedef struct {
    const gw_request *request;
    gw_needs needs;
} tables;

static int32_t lazy_header(void *ctx, uint32_t index, const gw_str *name, uint32_t nth, gw_str *out) {
    const tables *t = ctx;
    if (index == GW_NO_INDEX) return 0;
    CHECK(index < t->needs.headers_len && same(*name, t->needs.headers[index]));
    for (size_t i = 0; i < t->request->headers_len; i++) {
        if (same(t->request->headers[i].name, t->needs.headers[index]) && nth-- == 0) {
            *out = t->request->headers[i].value;
            return 1;
        }
    }
    return 0;
}

static int32_t lazy_attribute(void *ctx, uint32_t index, const gw_str *name, gw_str *out) {
    const tables *t = ctx;
    if (index == GW_NO_INDEX) return 0;
    CHECK(index < t->needs.attributes_len && same(*name, t->needs.attributes[index]));
    for (size_t i = 0; i < t->request->attributes_len; i++) {
        if (same(t->request->attributes[i].name, *name)) {
            *out = t->request->attributes[i].value;
            return 1;
        }
    }
    return 0;
}

static const char *step_name(uint64_t duty, int32_t kind) {
    switch (duty) {
    case 0: return kind == GW_KIND_PREFLIGHT ? "preflight" : "refuse";
    case GW_DUTY_CLIENT_CERTIFICATE: return "client-certificate";
    case GW_DUTY_RATE_LIMIT: return "rate-limit";
    case GW_DUTY_BASIC_AUTH: return "basic-auth";
    case GW_DUTY_API_KEY: return "api-key";
    case GW_DUTY_EXTERNAL_AUTH:
    case GW_DUTY_AUTH_CHECK: return "external-auth";
    case GW_DUTY_JWT: return "jwt";
    case GW_DUTY_CACHE: return "cache";
    case GW_DUTY_SERVICE_LIMIT: return "service-limit";
    default: return "unknown";
    }
}

static void write_step(const gw_step *step, int32_t kind) {
    char text[512];
    int len = snprintf(text, sizeof text, "%s %.*s %.*s%s%.*s", step_name(step->duty, kind),
                       (int)step->policy_kind.len, step->policy_kind.ptr,
                       (int)step->policy_namespace.len, step->policy_namespace.ptr,
                       step->policy_namespace.len ? "/" : "", (int)step->policy_name.len,
                       step->policy_name.ptr);
    if (step->duty == 0 && kind == GW_KIND_REFUSE) {
        len += snprintf(text + len, sizeof text - len, ": %u", step->status);
    } else if (step->key.len) {
        len += snprintf(text + len, sizeof text - len, ": %.*s%s", (int)step->key.len, step->key.ptr,
                        step->flags & GW_STEP_BY_ENDPOINT ? " by endpoint" : "");
    }
    write_field("step", (gw_str){text, len});
}

static void run(gw_decider *decider, const gw_engine *engine, const gw_request *request, uint32_t backend_status) {
    static const gw_header answered[] = {
        {{"server", 6}, {"backend", 7}}, {{"x-pad", 5}, {"1", 1}}, {{"x-accel-buffering", 17}, {"no", 2}},
        {{"set-cookie", 10}, {"a=b", 3}}, {{"etag", 4}, {"theirs", 6}}};
    gw_decision decision = {.struct_size = sizeof decision};
    CHECK(gw_decide(decider, engine, request, &decision) == GW_OK);
    CHECK(decision.unmet == 0);
    write_number("kind", decision.kind);
    write_field("reason", decision.reason);
    if (decision.route_kind.ptr) {
        write_field("route-kind", decision.route_kind);
        write_field("route-namespace", decision.route_namespace);
        write_field("route-name", decision.route_name);
        write_field("route-field", decision.route_field);
    }
    for (size_t i = 0; i < decision.steps_len; i++) {
        gw_step step = {.struct_size = sizeof step};
        CHECK(gw_step_get(decider, i, &step) == GW_OK);
        write_step(&step, decision.kind);
    }
    gw_response response = {.struct_size = sizeof response};
    lines header = {.len = 0};
    if (decision.kind == GW_KIND_FORWARD) {
        if (decision.split.ptr) write_field("split", decision.split);
        write_field("backend", decision.backend);
        gw_forward forward = {.struct_size = sizeof forward};
        CHECK(gw_edit_request(decider, request, &forward) == GW_OK);
        write_field("target", forward.target);
        lines sent = {.len = 0};
        for (size_t i = 0; i < request->headers_len; i++) {
            add(&sent, request->headers[i].name, request->headers[i].value);
        }
        apply(&sent, forward.ops, forward.ops_len);
        if (forward.host.ptr) {
            keep(&sent, is_other, GW_STR("host"));
            add(&sent, GW_STR("host"), forward.host);
        }
        write_header("sent", &sent);
        for (size_t i = 0;; i++) {
            gw_mirror mirror = {.struct_size = sizeof mirror};
            gw_status status = gw_mirror_get(decider, request, i, &mirror);
            if (status == GW_NONE) break;
            CHECK(status == GW_OK);
            write_field("mirror", mirror.backend);
        }
        gw_backend_tls tls = {.struct_size = sizeof tls};
        if (gw_decider_backend_tls(decider, &tls) == GW_OK) write_field("backend-tls", tls.server_name);
        gw_settings settings = {.struct_size = sizeof settings};
        CHECK(gw_decider_settings(decider, &settings) == GW_OK);
        CHECK(settings.tls == !!(decision.duties & GW_DUTY_BACKEND_TLS));
        int32_t admitted = -1;
        CHECK(gw_admits(decider, request, &GW_STR("nobody/knows"), &admitted) == GW_OK);
        CHECK(admitted == !(decision.duties & GW_DUTY_ENDPOINT_ACCESS));
        CHECK(gw_edit_response(decider, request, backend_status, NULL, &response) == GW_OK);
        if (!(response.flags & GW_RESPONSE_WHOLE)) {
            for (size_t i = 0; i < sizeof answered / sizeof *answered; i++) {
                add(&header, answered[i].name, answered[i].value);
            }
        }
    } else {
        CHECK(gw_answer(decider, request, 0, NULL, &response) == GW_OK);
        CHECK(response.flags & GW_RESPONSE_WHOLE);
    }
    apply(&header, response.ops, response.ops_len);
    write_number("status", response.status);
    write_number("flags", response.flags);
    if (response.body.ptr) write_field("body", response.body);
    write_header("answered", &header);
    write_field("end", GW_STR(""));
}

int main(int argc, char **argv) {
    int lazy = argc > 1 && strcmp(argv[1], "lazy") == 0;
    gw_decider *decider;
    CHECK(gw_decider_new(~UINT64_C(0), &decider) == GW_OK);
    gw_engine *engine = NULL;
    gw_build_options options = {.struct_size = sizeof options};
    gw_str known[MOST], addresses[MOST];
    gw_source source = {GW_STR("-"), GW_STR("")};
    gw_request request = {.struct_size = sizeof request};
    lines header = {.len = 0}, attributes = {.len = 0};
    tables lazily = {.needs = {.struct_size = sizeof(gw_needs)}};
    uint32_t backend_status = 200;
    while (read_field()) {
        if (is("flags")) options.flags = number();
        else if (is("http-port")) options.http_port = (uint16_t)number();
        else if (is("https-port")) options.https_port = (uint16_t)number();
        else if (is("client-namespace")) options.client_namespace = field;
        else if (is("ingress-class")) options.ingress_class = field;
        else if (is("gateway-class")) options.gateway_class = field;
        else if (is("gateway-identity")) options.gateway_identity = field;
        else if (is("known-service")) known[options.known_services_len++] = field;
        else if (is("address")) addresses[options.addresses_len++] = field;
        else if (is("file")) source.name = field;
        else if (is("documents")) source.text = field;
        else if (is("build")) {
            options.known_services = known;
            options.addresses = addresses;
            options.duties = ~UINT64_C(0);
            gw_router *router;
            gw_report *report;
            CHECK(gw_router_build(&source, 1, &options, &router, &report) == GW_OK);
            for (size_t i = 0; i < gw_report_count(report); i++) {
                gw_diagnostic one = {.struct_size = sizeof one};
                CHECK(gw_report_get(report, i, &one) == GW_OK);
                write_field("diagnostic", one.text);
            }
            gw_report_free(report);
            if (engine == NULL) CHECK(gw_engine_new(router, &engine) == GW_OK);
            else CHECK(gw_engine_publish(engine, router, NULL) == GW_OK);
            CHECK(gw_router_needs(router, &lazily.needs) == GW_OK);
            /* The needs live as long as the router: it is kept, as all that is read is. */
            write_field("end", GW_STR(""));
            options = (gw_build_options){.struct_size = sizeof options};
        }
        else if (is("method")) request.method = field;
        else if (is("target")) request.target = field;
        else if (is("authority")) request.authority = field;
        else if (is("server-name")) request.server_name = field;
        else if (is("name")) add(&header, field, GW_STR(""));
        else if (is("value")) header.lines[header.len - 1].value = field;
        else if (is("attribute")) add(&attributes, field, GW_STR(""));
        else if (is("attribute-value")) attributes.lines[attributes.len - 1].value = field;
        else if (is("tls")) request.flags |= GW_REQUEST_TLS;
        else if (is("version")) request.http_version = (uint8_t)number();
        else if (is("port")) request.listener_port = (uint16_t)number();
        else if (is("listener-address")) {
            request.listener_family = field.len == 4 ? 4 : 6;
            memcpy(request.listener_addr, field.ptr, field.len);
        }
        else if (is("peer")) {
            request.peer_family = field.len == 4 ? 4 : 6;
            memcpy(request.peer_addr, field.ptr, field.len);
        }
        else if (is("peer-port")) request.peer_port = (uint16_t)number();
        else if (is("backend-status")) backend_status = (uint32_t)number();
        else if (is("random")) request.random = number();
        else if (is("decide")) {
            request.headers = header.lines;
            request.headers_len = header.len;
            request.attributes = attributes.lines;
            request.attributes_len = attributes.len;
            if (lazy) {
                lazily.request = &request;
                request.header_fn = lazy_header;
                request.attribute_fn = lazy_attribute;
                request.header_ctx = request.attribute_ctx = &lazily;
            }
            run(decider, engine, &request, backend_status);
            request = (gw_request){.struct_size = sizeof request};
            header.len = attributes.len = 0;
            backend_status = 200;
        }
        else CHECK(!"a field that is known");
    }
    gw_decider_free(decider);
    gw_engine_free(engine);
    return 0;
}
