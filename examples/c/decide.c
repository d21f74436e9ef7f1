/*
 * Says what a gateway does with a request:
 *
 *     decide routes.yaml GET cafe.example.com /tea 'X-Version: beta'
 *
 *     cc decide.c $(pkg-config --cflags --libs gateway) -o decide
 */
#include <gateway.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_HEADERS 32

static void die(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(2);
}

static gw_str str(const char *text) {
    return (gw_str){text, strlen(text)};
}

/* The whole file; it is small. */
static gw_str read_file(const char *name) {
    FILE *file = fopen(name, "rb");
    if (file == NULL) die("the file cannot be read");
    size_t len = 0, room = 1 << 16;
    char *text = malloc(room);
    for (size_t got; text != NULL && (got = fread(text + len, 1, room - len, file)) > 0;) {
        len += got;
        if (len == room) text = realloc(text, room *= 2);
    }
    if (text == NULL || ferror(file)) die("the file cannot be read");
    fclose(file);
    return (gw_str){text, len};
}

/* Everything that is wrong with the file, a line for each. */
static void print_report(gw_report *report) {
    for (size_t i = 0; i < gw_report_count(report); i++) {
        gw_diagnostic one = {.struct_size = sizeof one};
        gw_report_get(report, i, &one);
        fprintf(stderr, "%.*s\n", (int)one.text.len, one.text.ptr);
    }
    gw_report_free(report);
}

static void print(const char *what, gw_str text) {
    if (text.ptr != NULL) printf("%-10s %.*s\n", what, (int)text.len, text.ptr);
}

static void print_ops(const char *what, const gw_header_op *ops, size_t len) {
    static const char *const names[] = {"?", "set", "add", "remove", "drop all", "drop unusual"};
    for (size_t i = 0; i < len; i++) {
        int32_t op = ops[i].op >= 1 && ops[i].op <= 5 ? ops[i].op : 0;
        printf("%-10s %s %.*s%s%.*s\n", what, names[op], (int)ops[i].name.len, ops[i].name.ptr,
               ops[i].value.len ? ": " : "", (int)ops[i].value.len, ops[i].value.ptr);
    }
}

int main(int argc, char **argv) {
    if (argc < 5) die("usage: decide FILE METHOD HOST TARGET ['Name: value' ...]");
    if (!GW_CHECK_ABI()) die("libgateway is of another version than gateway.h");

    /* Once: documents to a router, and the router into an engine. */
    gw_source source = {str(argv[1]), read_file(argv[1])};
    gw_router *router;
    gw_report *report;
    gw_engine *engine;
    gw_status status = gw_router_build(&source, 1, NULL, &router, &report);
    print_report(report);
    free((void *)source.text.ptr);
    if (status != GW_OK) return 1;
    if (gw_engine_new(router, &engine) != GW_OK) die("no engine");
    gw_router_free(router);

    /* Once for each thread. No duties: what policies ask of a request is not done here. */
    gw_decider *decider;
    if (gw_decider_new(0, &decider) != GW_OK) die("no decider");

    /* For each request. */
    gw_header headers[MOST_HEADERS];
    gw_request request = {.struct_size = sizeof request};
    request.method = str(argv[2]);
    request.host = str(argv[3]);
    request.target = str(argv[4]);
    request.random = gw_mix64(1);
    request.headers = headers;
    for (int i = 5; i < argc && request.headers_len < MOST_HEADERS; i++) {
        const char *colon = strchr(argv[i], ':');
        if (colon == NULL) die("a header has no `:`");
        gw_header *line = &headers[request.headers_len++];
        line->name = (gw_str){argv[i], (size_t)(colon - argv[i])};
        line->value = str(colon + 1 + strspn(colon + 1, " "));
    }
    gw_decision decision = {.struct_size = sizeof decision};
    if (gw_decide(decider, engine, &request, &decision) != GW_OK) die("no decision: answer 500");
    print("rule", decision.route_name);
    print("field", decision.route_field);
    print("because", decision.reason);
    if (decision.kind == GW_KIND_FORWARD) {
        gw_forward forward = {.struct_size = sizeof forward};
        if (gw_edit_request(decider, &request, &forward) != GW_OK) die("answer 500");
        print("backend", decision.backend);
        print("target", forward.target);
        print("host", forward.host);
        print_ops("request", forward.ops, forward.ops_len);
        /* ... the backend answers 200 ... */
        gw_response response = {.struct_size = sizeof response};
        if (gw_edit_response(decider, &request, 200, NULL, &response) != GW_OK) die("answer 500");
        print_ops("response", response.ops, response.ops_len);
    } else {
        gw_response response = {.struct_size = sizeof response};
        if (gw_answer(decider, &request, 0, NULL, &response) != GW_OK) die("answer 500");
        printf("%-10s %u\n", "status", response.status);
        print_ops("response", response.ops, response.ops_len);
        print("body", response.body);
    }

    gw_decider_free(decider);
    gw_engine_free(engine);
    return 0;
}
