/*
 * gateway.h: the C interface of libgateway, which decides where an HTTP request goes.
 *
 * Documents (NGINX VirtualServer, Gateway API, SMI; YAML or JSON) are built into a router. An
 * engine holds the router in force. A decider asks it about one request after the other:
 *
 *     #include <gateway.h>
 *
 *     gw_source source = {GW_STR("routes.yaml"), {text, text_len}};
 *     gw_router *router;  gw_engine *engine;  gw_decider *decider;  gw_report *report;
 *     if (!GW_CHECK_ABI()) return -1;
 *     if (gw_router_build(&source, 1, NULL, &router, &report) != GW_OK) ...  // report says why
 *     gw_report_free(report);
 *     gw_engine_new(router, &engine);
 *     gw_router_free(router);
 *     gw_decider_new(0, &decider);                       // one for each thread
 *
 *     gw_request request = {sizeof request};
 *     request.method = GW_STR("GET");
 *     request.target = GW_STR("/tea/green?x=1");
 *     request.host = GW_STR("cafe.example.com");
 *     gw_decision decision = {sizeof decision};
 *     if (gw_decide(decider, engine, &request, &decision) != GW_OK) ...      // answer 500
 *     if (decision.kind == GW_KIND_FORWARD) {
 *         gw_forward forward = {sizeof forward};
 *         gw_edit_request(decider, &request, &forward);  // target, Host, header changes
 *         ...                                            // send it to decision.backend, then
 *         gw_edit_response(decider, &request, status, NULL, &response);
 *     } else {
 *         gw_response response = {sizeof response};
 *         gw_answer(decider, &request, 0, NULL, &response);
 *     }
 *
 * Rules that hold for all of it:
 *
 * - Structs are handed over by pointer. Those that may grow begin with `struct_size`: set it, and
 *   set the rest to zero (`gw_request r = {sizeof r};`). The library reads and writes no more than
 *   that, so programs built with an older header go on working. Zero always means "as before".
 *   gw_str, gw_header, gw_header_op and gw_source never grow.
 * - Functions return a gw_status. NULL is refused with GW_ERR_ARGUMENT wherever it is not allowed;
 *   the functions that free something do nothing then. Output is only valid after GW_OK.
 * - Texts are octets with a length, without NUL at the end. What points into the library must not
 *   be changed or freed; how long it lives is said where it stands. What points into your memory is
 *   borrowed for the call.
 * - The library starts no threads, opens no files, asks for no time, rolls no dice, reads no
 *   environment and prints nothing but its own faults (gw_set_log). A process may fork while no
 *   call runs: the child has what its parent had.
 * - Numbers of all kinds (statuses, kinds, flags) may get new ones: a program that meets one that
 *   it does not know answers 500.
 *
 * docs/embedding.md has more: whole programs, threads, how to publish, what calls cost.
 *
 * This file is made from the source of gateway-ffi. Do not change it by hand.
 */
#ifndef GATEWAY_H
#define GATEWAY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define GW_STR(literal) (gw_str{(literal), sizeof(literal) - 1})
#else
/* A gw_str of a string literal. */
#define GW_STR(literal) ((gw_str){(literal), sizeof(literal) - 1})
#endif

/* Whether the library that is loaded speaks the interface of this header. */
#define GW_CHECK_ABI() (gw_abi_version() == GW_ABI_VERSION)

typedef struct gw_str gw_str;
typedef struct gw_header gw_header;
typedef struct gw_source gw_source;
typedef struct gw_build_options gw_build_options;
typedef struct gw_report gw_report;
typedef struct gw_diagnostic gw_diagnostic;
typedef struct gw_router gw_router;
typedef struct gw_listener gw_listener;
typedef struct gw_needs gw_needs;
typedef struct gw_engine gw_engine;
typedef struct gw_request gw_request;
typedef struct gw_decider gw_decider;
typedef struct gw_decision gw_decision;
typedef struct gw_step gw_step;
typedef struct gw_basic_auth gw_basic_auth;
typedef struct gw_jwt gw_jwt;
typedef struct gw_client_certificate gw_client_certificate;
typedef struct gw_external_auth gw_external_auth;
typedef struct gw_auth_check gw_auth_check;
typedef struct gw_cache gw_cache;
typedef struct gw_header_op gw_header_op;
typedef struct gw_forward gw_forward;
typedef struct gw_settings gw_settings;
typedef struct gw_backend_tls gw_backend_tls;
typedef struct gw_session gw_session;
typedef struct gw_endpoints gw_endpoints;
typedef struct gw_endpoint gw_endpoint;
typedef struct gw_mirror gw_mirror;
typedef struct gw_response gw_response;

/* ==== What functions return ==== */

/* What a function returns: GW_OK (0); positive: another outcome that is no fault; negative: an
 * error. Numbers are never reused, and more of them may come: treat an unknown negative one as an
 * error.
 */
typedef int32_t gw_status;

/* It is done. */
#define GW_OK 0

/* There is no such thing, and that is no fault: no more mirrors, no backup, no TLS. Nothing is
 * written.
 */
#define GW_NONE 1

/* A pointer is NULL or not aligned that must not be, a length is one that no memory has, a method
 * is no text, or an option is out of range. Nothing else has happened.
 */
#define GW_ERR_ARGUMENT (-1)

/* The documents have errors: the report says which. */
#define GW_ERR_CONFIG (-2)

/* A struct_size is none: smaller than itself, or not a multiple of 8. Most often it was not set. */
#define GW_ERR_ABI (-3)

/* The rules exceed a limit (routes of a host, sizes of expressions, ...): the report says which. */
#define GW_ERR_LIMIT (-4)

/* The call does not fit what was decided last: nothing was, or it is not sent to a backend. */
#define GW_ERR_STATE (-5)

/* A fault of the library, which was caught at its border: gw_set_log tells more. The decider, if
 * the call has one, is reset; everything else goes on. Answer 500.
 */
#define GW_ERR_PANIC (-99)

/* ==== Runs of octets ==== */

/* A run of octets, not ended by NUL. ptr NULL (with len 0): there is none, which is not the
 * same as an empty one. Who it belongs to is said where it stands. GW_STR("text") makes one of a
 * literal; print one with "%.*s", (int)s.len, s.ptr. Any thread may read it.
 */
struct gw_str {
    /* The first octet. */
    const char *ptr;
    /* How many octets. */
    size_t len;
};

/* A name and a value: a line of a header, or an attribute. */
struct gw_header {
    /* The name, in any case. */
    gw_str name;
    /* The value, without line end. */
    gw_str value;
};

/* ==== Which version this is ==== */

/* The version of this binary interface. It grows by one when something that was promised changes;
 * new functions, new fields at the end of structs and new numbers do not change it.
 */
#define GW_ABI_VERSION UINT32_C(1)

/* The GW_ABI_VERSION of the library that is loaded. Compare it once, at start (GW_CHECK_ABI). */
uint32_t gw_abi_version(void);

/* The version of the library, for people: "0.1.0". Lives as long as the program. */
const char *gw_version(void);

/* Spreads a number over 64 bits: makes a value for gw_request.random of 31 random bits, a
 * counter, or the hash of what clients are to be kept together by. A different one for each
 * number; the same for the same. Costs a few instructions.
 */
uint64_t gw_mix64(uint64_t number);

/* ==== The border that no panic crosses ==== */

/* Is told a line of text about a fault of the library, without line end. text lives for the
 * call only. May be called from any thread that calls the library; must not call it.
 */
typedef void (*gw_log_fn)(void *ctx, const gw_str *text);

/* Says who is told of faults of the library (GW_ERR_PANIC), which are the only thing that it
 * ever logs; else they go to standard error. NULL: standard error again. The only state of the
 * process: call it once, before other threads call the library. Always returns GW_OK.
 */
gw_status gw_set_log(gw_log_fn log, void *ctx);

/* ==== What a router is built from ==== */

/* A text with documents: YAML (any number, divided by ---) or JSON, in UTF-8; at most 64 MiB.
 * Borrowed for the call only.
 */
struct gw_source {
    /* What diagnostics call it: the name of a file. Absent: "-". */
    gw_str name;
    /* The text. */
    gw_str text;
};

/* Unknown fields are errors, not warnings. */
#define GW_BUILD_STRICT UINT64_C(1)

/* What is in error is left out, and the rest is in force; without this, one error means
 * GW_ERR_CONFIG and no router.
 */
#define GW_BUILD_LENIENT UINT64_C(2)

/* Experimental fields of the Gateway API are refused. */
#define GW_BUILD_STANDARD_CHANNEL UINT64_C(4)

/* Hosts named after Services are not answered. */
#define GW_BUILD_NO_SERVICE_HOSTS UINT64_C(8)

/* Nobody may call workloads that no TrafficTarget speaks for; without this, everybody. */
#define GW_BUILD_DENY_BY_DEFAULT UINT64_C(16)

/* TrafficSplits leave out Services without a ready endpoint. */
#define GW_BUILD_SKIP_EMPTY_BACKENDS UINT64_C(32)

/* A TrafficSplit to its own root is an error. */
#define GW_BUILD_SMI_STRICT UINT64_C(64)

/* Services are answered at their cluster addresses. */
#define GW_BUILD_MESH UINT64_C(128)

/* Answers from 500 on trip circuit breakers. */
#define GW_BUILD_BREAKER_COUNTS_5XX UINT64_C(256)

/* Services without a document are taken to exist. Without this and the next: where there is no
 * Service document and no known_services at all.
 */
#define GW_BUILD_ASSUME_SERVICES UINT64_C(512)

/* Services without a document do not exist. */
#define GW_BUILD_ASSUME_NO_SERVICES UINT64_C(1024)

/* The report also tells what in the rules was probably not meant (docs/lints.md). */
#define GW_BUILD_LINT UINT64_C(2048)

/* How documents are read. Everything is borrowed for the call only. Set struct_size, and the
 * rest to zero: that is the default of each field.
 */
struct gw_build_options {
    /* sizeof(gw_build_options). */
    size_t struct_size;
    /* Some of GW_BUILD_... */
    uint64_t flags;
    /* What deciders will be created with (GW_DUTY_...): the report warns of every policy that
     * asks for something else, since its requests are answered 500.
     */
    uint64_t duties;
    /* The router before this one, or NULL: tables of hosts that have not changed are shared with
     * it, which makes a small change of a large configuration cheap. The result is the same.
     */
    const gw_router *previous;
    /* Port of HTTP listeners that a document leaves implicit; 0: 80. */
    uint16_t http_port;
    /* Port of HTTPS listeners that a document leaves implicit; 0: 443. */
    uint16_t https_port;
    /* Zero. */
    uint32_t reserved;
    /* The namespace of documents that name none; absent: "default". */
    gw_str default_namespace;
    /* The namespace whose clients may use bare names of Services; absent: "default". */
    gw_str client_namespace;
    /* The DNS domain of the cluster; absent: "cluster.local". */
    gw_str cluster_domain;
    /* Only VirtualServers of this class, or of none, are ours; absent: all. */
    gw_str ingress_class;
    /* Only Gateways of this class are ours; absent: all. */
    gw_str gateway_class;
    /* The service account, as "namespace/name", by which callers go that have none; absent: none.
     */
    gw_str gateway_identity;
    /* Services that exist without a document, as "namespace/name:port". */
    const gw_str *known_services;
    /* How many. */
    size_t known_services_len;
    /* Addresses at which Gateways can be reached, as text. */
    const gw_str *addresses;
    /* How many. */
    size_t addresses_len;
};

/* ==== What is wrong with documents ==== */

/* Everything that is wrong with, or worth knowing about, the documents of one
 * gw_router_build, in their order. To be used by one thread at a time. Yours from the call that
 * made it to gw_report_free; all texts of it live as long as it does.
 */
struct gw_report;

/* Worth knowing; nothing has to be done. */
#define GW_SEVERITY_NOTICE 0

/* Probably not what was meant; the document is in force all the same. */
#define GW_SEVERITY_WARNING 1

/* The document, or the field that is named, is not in force. */
#define GW_SEVERITY_ERROR 2

/* One entry of a report. Set struct_size; the texts live as long as the report. */
struct gw_diagnostic {
    /* sizeof(gw_diagnostic). */
    size_t struct_size;
    /* One of GW_SEVERITY_... */
    int32_t severity;
    /* From 1; 0 where no file stands behind it. */
    uint32_t line;
    /* From 1, in characters; 0 where no file stands behind it. */
    uint32_t column;
    /* Zero. */
    uint32_t reserved;
    /* Stable: scripts may rely on it. For example "unknown-field". */
    gw_str code;
    /* The object, as "HTTPRoute shop/cart"; absent where that could not be made out. */
    gw_str object;
    /* The field within the object, as "spec.rules[2].backendRefs[0].name"; empty for all of it. */
    gw_str field;
    /* The name of the gw_source; absent where no file stands behind it. */
    gw_str file;
    /* What is wrong, in one sentence. */
    gw_str message;
    /* What was probably meant, or what to do; absent where that is not known. */
    gw_str help;
    /* All of it in one line, fit for a log: "routes.yaml:31:7: error[unknown-field]: HTTPRoute
     * shop/cart: spec.rules[0].foo: unknown field; did you mean for?".
     */
    gw_str text;
};

/* How many entries the report has; 0 for NULL. */
size_t gw_report_count(const gw_report *report);

/* Fills out with the entry at index, from 0; GW_NONE where there is none. */
gw_status gw_report_get(const gw_report *report, size_t index, gw_diagnostic *out);

/* The whole report as a JSON array of objects with severity, code, kind, namespace,
 * name, field, file, line, column, message and help, null where there is nothing
 * to say.
 */
gw_status gw_report_json(const gw_report *report, gw_str *out);

/* Frees a report; nothing for NULL. */
void gw_report_free(gw_report *report);

/* ==== Routers: documents compiled to tables ==== */

/* Documents compiled to tables: immutable. Any number of threads may use it at once. Yours from
 * gw_router_build to gw_router_free, which may come right after gw_engine_new or
 * gw_engine_publish: engines and deciders keep what they need.
 */
struct gw_router;

/* A socket that documents ask for. Set struct_size; name lives as long as the router. */
struct gw_listener {
    /* sizeof(gw_listener). */
    size_t struct_size;
    /* What to print for it. */
    gw_str name;
    /* The one local address that it is bound to, in network order. */
    uint8_t addr[16];
    /* 0: all addresses; 4; 6. */
    uint8_t family;
    /* 1 where TLS ends there. */
    uint8_t tls;
    /* The port, as documents name it. */
    uint16_t port;
    /* Zero. */
    uint32_t reserved;
};

/* Reads documents and compiles them to a router, which *out points to then. options may be
 * NULL, which is as if all of it was zero. Unless report is NULL, *report tells everything that
 * is wrong with all of the sources, whatever the outcome (NULL where there is nothing to tell);
 * free it. On an error *out is NULL: GW_ERR_CONFIG where a document is in error (see
 * GW_BUILD_LENIENT), GW_ERR_LIMIT, GW_ERR_ARGUMENT.
 *
 * Costs some microseconds a route, and memory for it; does not touch what is published. Any
 * thread.
 */
gw_status gw_router_build(const gw_source *sources, size_t sources_len,
    const gw_build_options *options, gw_router **out, gw_report **report);

/* How many backends rules may choose; 0 for NULL. */
size_t gw_router_backend_count(const gw_router *router);

/* The name of the backend at index, from 0, in order of names; GW_NONE where there is none. It
 * is "namespace/name:port" of a Service, with "?name=value,..." behind it where a rule narrows the
 * Service by labels, and lives as long as the router.
 */
gw_status gw_router_backend(const gw_router *router, size_t index, gw_str *out);

/* Binds a number of your own to a backend, an index or a pointer, which decisions then carry
 * (gw_decision.backend_user), so that nothing has to be looked up by name. GW_NONE where no rule
 * chooses a backend of that name. Do it before the router is published.
 */
gw_status gw_router_bind(const gw_router *router, const gw_str *name, uint64_t user);

/* Fills out with the listener at index, from 0; GW_NONE where there is none. */
gw_status gw_router_listener(const gw_router *router, size_t index, gw_listener *out);

/* Frees a router; nothing for NULL. What is published goes on. */
void gw_router_free(gw_router *router);

/* ==== What rules look at, so that hosts need not supply more; and what they ask of hosts ==== */

/* Rules look at the address or the port of clients. */
#define GW_NEEDS_PEER UINT32_C(1)

/* Rules choose by weight, or copy a part of the requests. */
#define GW_NEEDS_RANDOM UINT32_C(2)

/* Rules look at the server name of TLS. */
#define GW_NEEDS_SERVER_NAME UINT32_C(4)

/* Rules keep clients where they were sent first: gw_decider_session says how. A host that never
 * asks sends each request on its own, which harms nothing but the wish: log it.
 */
#define GW_NEEDS_SESSIONS UINT32_C(8)

/* What a router looks at besides method, target and authority. Set struct_size; the texts live as
 * long as the router.
 */
struct gw_needs {
    /* sizeof(gw_needs). */
    size_t struct_size;
    /* Names of header fields in lower case, sorted: no others are looked at. "host" is always
     * among them.
     */
    const gw_str *headers;
    /* How many. */
    size_t headers_len;
    /* Names of attributes, sorted: no others are looked at. */
    const gw_str *attributes;
    /* How many. */
    size_t attributes_len;
    /* What decisions may ask of you, some of GW_DUTY_... */
    uint64_t duties;
    /* Some of GW_NEEDS_... */
    uint32_t flags;
    /* Zero. */
    uint32_t reserved;
};

/* Fills out with what the router looks at. A host that supplies only that gets the same decisions
 * as one that supplies everything, and is told the same of its duties. Costs nothing: it has been
 * found out when the router was built.
 */
gw_status gw_router_needs(const gw_router *router, gw_needs *out);

/* ==== What holds the router in force ==== */

/* Holds the router in force: one for a process, or one for each worker. Any number of threads may
 * decide with it and publish to it at once. Yours from gw_engine_new to gw_engine_free.
 */
struct gw_engine;

/* Makes an engine with router in force, as generation 1. The router stays yours. */
gw_status gw_engine_new(const gw_router *router, gw_engine **out);

/* Puts router in force, at once and as a whole: every gw_decide that begins afterwards uses
 * it, those that run go on with the one before. The router stays yours. Unless generation is
 * NULL, *generation says the how manieth it is; decisions carry it. Costs less than a
 * microsecond. The old router is freed by whoever lets go of it last, which may be a decider
 * within its next gw_decide: a large one takes milliseconds. To have it freed elsewhere, keep it
 * (gw_router_free) until all deciders have decided again or were reset.
 */
gw_status gw_engine_publish(const gw_engine *engine, const gw_router *router,
    uint64_t *generation);

/* Frees an engine; nothing for NULL. No gw_decide may be under way that uses it. */
void gw_engine_free(gw_engine *engine);

/* ==== Requests as hosts describe them ==== */

/* Looks up a line of the request's header: the one at place nth, from 0, among those of this
 * name. Returns 1 and fills *out, or 0 where there is none. name is in lower case; index is
 * its place in gw_needs.headers of the router that decides, so that a table of your own can be
 * used, or GW_NO_INDEX for a name that is not among them, which asks for a comparison (this
 * happens in gw_explain). What *out points to must stay as it is until the function of the
 * library returns that asked. Must not call the library with the same decider, throw, or jump out.
 */
typedef int32_t (*gw_header_fn)(void *ctx, uint32_t index, const gw_str *name, uint32_t nth,
    gw_str *out);

/* Looks up an attribute, as gw_header_fn does a line of the header: index is its place in
 * gw_needs.attributes. Returns 1 and fills *out, or 0 where there is none.
 */
typedef int32_t (*gw_attribute_fn)(void *ctx, uint32_t index, const gw_str *name, gw_str *out);

/* A name that is not in the tables of gw_router_needs. */
#define GW_NO_INDEX UINT32_C(4294967295)

/* The request came over TLS that ended here. */
#define GW_REQUEST_TLS UINT32_C(1)

/* A request, as its client sent it. Everything is borrowed for the call only. Set struct_size,
 * method and target, and the rest to zero where it is not known. The functions that tell more
 * about a decision want the same request again: keep the struct until then, and what it points to
 * unchanged, even where you have changed your own copy of the header meanwhile.
 *
 * Nothing has to be checked or brought to a normal form first: the library does that, by the rules
 * of the listener, and answers 400, 404 or 414 where it has to. Octets need not be UTF-8, except
 * those of method.
 */
struct gw_request {
    /* sizeof(gw_request). */
    size_t struct_size;
    /* The method, as sent. */
    gw_str method;
    /* The request target exactly as received: path and query, not decoded, nothing merged or
     * removed; or an absolute URL, *, or host:port with CONNECT.
     */
    gw_str target;
    /* The value of Host. Where it is present, host is not looked up in the header. Absent:
     * the header has it.
     */
    gw_str host;
    /* :authority of HTTP/2 and HTTP/3; absent with HTTP/1. */
    gw_str authority;
    /* The lines of the header in their order, or at least those of the names in
     * gw_needs.headers. Not looked at where there is a header_fn.
     */
    const gw_header *headers;
    /* How many. */
    size_t headers_len;
    /* Asked for the lines that are needed, or NULL. Cheaper than an array unless you have one. */
    gw_header_fn header_fn;
    /* Handed to header_fn. */
    void *header_ctx;
    /* What you know of the request besides: who calls (source_account, source_identity,
     * source_namespace, source_labels, source_workloads), or variables that rules test by
     * name. You have verified it: nothing of a header belongs here. Not looked at where there is an
     * attribute_fn.
     */
    const gw_header *attributes;
    /* How many. */
    size_t attributes_len;
    /* Asked for the attributes that are needed, or NULL. */
    gw_attribute_fn attribute_fn;
    /* Handed to attribute_fn. */
    void *attribute_ctx;
    /* The server name that the client gave when TLS began: empty where it gave none, absent where
     * that is not known.
     */
    gw_str server_name;
    /* 64 random bits, uniform over all of them, for choices by weight: use gw_mix64 on anything
     * less, since the upper bits choose. The same number chooses the same backend.
     */
    uint64_t random;
    /* The address of the client, in network order. */
    uint8_t peer_addr[16];
    /* The local address that the client is connected to, in network order, for listeners of one
     * address.
     */
    uint8_t listener_addr[16];
    /* The port of the client. */
    uint16_t peer_port;
    /* The port of the listener, as documents name it, which need not be the one that you listen
     * on; 0: 80, or 443 with GW_REQUEST_TLS.
     */
    uint16_t listener_port;
    /* Of peer_addr: 0 (not known), 4 or 6. */
    uint8_t peer_family;
    /* Of listener_addr: 0 (not known), 4 or 6. */
    uint8_t listener_family;
    /* 9, 10, 11, 20 or 30; 0: 11, which is HTTP/1.1. */
    uint8_t http_version;
    /* Zero. */
    uint8_t reserved;
    /* Some of GW_REQUEST_... */
    uint32_t flags;
    /* Zero. */
    uint32_t reserved2;
};

/* ==== What a thread, or a request under way, decides with ==== */

/* Decides, and holds the decision that it made last, the router that made it, and all texts that
 * the functions tell of it. To be used by one thread at a time; it may move between threads. Yours
 * from gw_decider_new to gw_decider_free.
 *
 * A host that is done with a request before the next one begins needs one for each thread. A host
 * that works on many requests at once and wants to know more of a decision later (the changes to
 * the header of the answer, say) needs one for each request under way: keep used ones in a list,
 * they allocate nothing after the first few requests.
 *
 * What a function returns is valid until the same function is called again with that decider, or
 * gw_decide, gw_instead, gw_decider_reset or gw_decider_free. A router that is no longer in
 * force is kept for as long as a decider has decided nothing else: reset those that idle.
 */
struct gw_decider;

/* Makes a decider. duties are what you do where a decision asks for it, some of GW_DUTY_...:
 * zero, if you have not read what they are. Name them one by one: all bits at once would promise what
 * does not exist yet. A decision that asks for anything else becomes one to
 * answer 500 (GW_KIND_REFUSE), so that nothing passes that was meant to be guarded.
 */
gw_status gw_decider_new(uint64_t duties, gw_decider **out);

/* Lets go of the last decision, of the router that made it and of the engine. What was allocated
 * for texts stays for later. Nothing for NULL.
 */
void gw_decider_reset(gw_decider *decider);

/* Frees a decider; nothing for NULL. */
void gw_decider_free(gw_decider *decider);

/* ==== What to do with a request ==== */

/* The request goes to a backend: gw_edit_request says as what. */
#define GW_KIND_FORWARD 1

/* A redirect. As all that follow: gw_answer has the whole answer. */
#define GW_KIND_REDIRECT 2

/* A canned answer. */
#define GW_KIND_RESPOND 3

/* No endpoint of the backend admits the caller. */
#define GW_KIND_DENY 4

/* No route took the request; reason says why. */
#define GW_KIND_NO_ROUTE 5

/* A policy turns the request away, or asks for a duty that the decider was not created with
 * (unmet).
 */
#define GW_KIND_REFUSE 6

/* The request only asks what it may do (CORS). */
#define GW_KIND_PREFLIGHT 7

/* What to do with a request. Set struct_size. Texts live as long as the decision: until the next
 * gw_decide, gw_instead or gw_decider_reset of the decider.
 *
 * First come the duties: steps_len of them are to be looked at one by one (gw_step_get). Without
 * duties of your own there never are any, and the kind alone says what to do:
 *
 *
 * GW_KIND_FORWARD   send it to backend with what gw_edit_request says, unless
 *                   GW_DECISION_KEEPS_REQUEST; apply gw_edit_response to what comes
 *                   back, unless GW_DECISION_KEEPS_ANSWER
 * anything else     send what gw_answer says
 *
 */
struct gw_decision {
    /* sizeof(gw_decision). */
    size_t struct_size;
    /* One of GW_KIND_... Treat one that you do not know as GW_KIND_REFUSE. */
    int32_t kind;
    /* The status of the answer; with GW_KIND_FORWARD the one to hand to gw_answer where no
     * endpoint of the backend can be reached.
     */
    uint32_t status;
    /* The how manieth router of its engine decided. */
    uint64_t generation;
    /* What is asked of you, some of GW_DUTY_...: nothing that the decider was not created with. */
    uint64_t duties;
    /* What is asked and the decider was not created with. Not 0: the kind is GW_KIND_REFUSE. */
    uint64_t unmet;
    /* How many steps there are (gw_step_get). */
    size_t steps_len;
    /* The Service and the port that the request is sent to, "namespace/name:port", with
     * "?label=value,..." behind it where the rule narrows the Service by labels: one of the names
     * of gw_router_backend. Absent where no backend is chosen.
     */
    gw_str backend;
    /* What gw_router_bind bound to it; 0 for nothing. */
    uint64_t backend_user;
    /* The namespace of the Service. */
    gw_str service_namespace;
    /* Its name. */
    gw_str service_name;
    /* Its port. */
    uint32_t service_port;
    /* Zero. */
    uint32_t reserved;
    /* What documents call the backend: the name of an upstream, or of the Service. */
    gw_str upstream;
    /* The TrafficSplit that chose the Service; absent where none did. */
    gw_str split;
    /* The rule that decided: the kind of its object, as "HTTPRoute". Absent, as the following
     * three, where none did.
     */
    gw_str route_kind;
    /* The namespace of the object. */
    gw_str route_namespace;
    /* The name of the object. */
    gw_str route_name;
    /* The field of the rule within the object, as "spec.rules[0]". */
    gw_str route_field;
    /* The listener; absent where there is none on that port. */
    gw_str listener;
    /* Why no route took it: "no-listener", "no-host", "no-match", "method-not-allowed",
     * "misdirected", "no-branch", "no-trust", "no-backend", or a sentence that says what is wrong
     * with target or host; why a policy turns it away; why a canned answer is not what a user asked
     * for; "denied"; "unenforced" with unmet. Absent where there is nothing to say. For logs, not
     * for clients.
     */
    gw_str reason;
    /* With GW_KIND_FORWARD one of GW_PROTOCOL_..., as gw_settings.protocol; else 0. */
    int32_t protocol;
    /* Some of GW_DECISION_... */
    uint32_t flags;
    /* The largest body of a request; more is answered 413. UINT64_MAX for no limit. Said with
     * GW_KIND_FORWARD, as gw_settings.max_body, and with GW_KIND_REDIRECT.
     */
    uint64_t max_body;
};

/* Whatever the backend answers goes to the client as it is: gw_edit_response would say nothing,
 * whatever the status, and need not be called.
 */
#define GW_DECISION_KEEPS_ANSWER UINT32_C(1)

/* The request goes to the backend as it came: gw_edit_request would say the target that you have
 * handed in, and nothing else, and need not be called.
 */
#define GW_DECISION_KEEPS_REQUEST UINT32_C(2)

/* GW_DECISION_KEEPS_ANSWER, or the same but for GW_OP_REMOVE of some of these fields: Date,
 * Server, X-Pad, X-Accel-Redirect, X-Accel-Expires, X-Accel-Limit-Rate, X-Accel-Buffering,
 * X-Accel-Charset. If you never pass on what backends say in them, as nginx does not, then
 * gw_edit_response need not be called.
 */
#define GW_DECISION_KEEPS_USUAL_ANSWER UINT32_C(4)

/* GW_DECISION_KEEPS_REQUEST, or the same but for GW_OP_DROP_UNUSUAL. If you drop fields of such
 * names anyway, as nginx does unless it is told otherwise, then gw_edit_request need not be called.
 */
#define GW_DECISION_KEEPS_USUAL_REQUEST UINT32_C(8)

/* In the place of a backend whose circuit breaker keeps all endpoints out. */
#define GW_INSTEAD_BREAKER 1

/* In the place of a backend none of whose endpoints works. */
#define GW_INSTEAD_BACKUP 2

/* Decides what to do with request, by the router in force of engine, and fills out. Returns
 * GW_OK for every request, also for one that no route takes; GW_ERR_ARGUMENT for one that is
 * none. What it finds is read from the request only as far as rules ask for it.
 *
 * Costs what deciding costs in Rust and some 20 ns more. Allocates nothing, once per decider and
 * published router excepted, unless policies ask something of the request. Waits for nobody, except
 * that after a publish threads take turns to count one more user of the new router.
 */
gw_status gw_decide(gw_decider *decider, const gw_engine *engine, const gw_request *request,
    gw_decision *out);

/* Decides anew what to do with a request whose backend cannot take it: which is one of
 * GW_INSTEAD_... The new decision takes the place of the last one. GW_NONE where nothing stands
 * in: then the last decision stays, and the answer is 503 while a breaker keeps the endpoints out,
 * else the status that it has. After GW_ERR_ARGUMENT there may be no decision any more.
 */
gw_status gw_instead(gw_decider *decider, const gw_request *request, int32_t which,
    gw_decision *out);

/* ==== What decisions ask of hosts ==== */

/* The client of a TLS connection shows a certificate: gw_step_client_certificate says which. */
#define GW_DUTY_CLIENT_CERTIFICATE UINT64_C(1)

/* The rate of requests is limited: gw_step has all of it. */
#define GW_DUTY_RATE_LIMIT UINT64_C(2)

/* The request has a name and a password: gw_step_basic_auth reads both and has the hash. */
#define GW_DUTY_BASIC_AUTH UINT64_C(4)

/* The key that the request presents is one of a client's: gw_step_api_client says whose. */
#define GW_DUTY_API_KEY UINT64_C(8)

/* Another service says yes (a VirtualServer's externalAuth): gw_step_external_auth says which,
 * and how it is asked.
 */
#define GW_DUTY_EXTERNAL_AUTH UINT64_C(16)

/* Another service says yes (an HTTPRoute's ExternalAuth filter): gw_step_auth_check says which,
 * and how it is asked.
 */
#define GW_DUTY_AUTH_CHECK UINT64_C(32)

/* The request has a valid signed token: gw_step_jwt reads it and has the keys. */
#define GW_DUTY_JWT UINT64_C(64)

/* Answers are kept, or taken from what is kept: gw_step_cache has the key, and says how. */
#define GW_DUTY_CACHE UINT64_C(128)

/* The rate of requests to a Service is limited: gw_step has all of it. */
#define GW_DUTY_SERVICE_LIMIT UINT64_C(256)

/* The backend is spoken to within TLS, as gw_decider_backend_tls says. No step stands for it. */
#define GW_DUTY_BACKEND_TLS UINT64_C(512)

/* The backend is spoken to in mutual TLS of the mesh, with an identity of your own. No step stands
 * for it.
 */
#define GW_DUTY_MUTUAL_TLS UINT64_C(1024)

/* Some endpoints of the backend do not admit the caller: gw_admits is asked about each before the
 * request is sent there. No step stands for it.
 */
#define GW_DUTY_ENDPOINT_ACCESS UINT64_C(2048)

/* Each endpoint of the Service has a bucket of its own. */
#define GW_STEP_BY_ENDPOINT UINT32_C(1)

/* Nobody is turned away: what would be is only told to the log. */
#define GW_STEP_DRY_RUN UINT32_C(2)

/* One thing that a decision asks before the request is treated as it says. What a duty needs besides
 * is told by the function that stands at its GW_DUTY_... Set struct_size.
 */
struct gw_step {
    /* sizeof(gw_step). */
    size_t struct_size;
    /* One of GW_DUTY_...; 0 for one that is none of yours: the last step of a request that is
     * turned away or only asks what it may do, which the kind of the decision says too.
     */
    uint64_t duty;
    /* The status to answer with where the request does not pass: hand it to gw_answer. Where
     * another service turned it away, the status that it said goes before.
     */
    uint32_t status;
    /* Some of GW_STEP_... */
    uint32_t flags;
    /* The policy: kind, namespace, name, and the field in it. They live as long as the decision. */
    gw_str policy_kind;
    /* See policy_kind. */
    gw_str policy_namespace;
    /* See policy_kind. */
    gw_str policy_name;
    /* See policy_kind. */
    gw_str policy_field;
    /* Which bucket of a limit counts the request; the key that a request presents, which is a
     * secret; the name of the service that is asked. Else absent. Lives as long as the decision,
     * or the next call of this function.
     */
    gw_str key;
    /* The bucket of a rate limit: limits of one name share their counts. Else absent. */
    gw_str bucket;
    /* Of a limit: how many requests, */
    uint64_t limit_requests;
    /* in how many milliseconds; */
    uint64_t limit_per_ms;
    /* how many more may come at once, */
    uint32_t limit_burst;
    /* and how many of these are not delayed; UINT32_MAX: all of them. */
    uint32_t limit_at_once;
};

/* Fills out with the step at index, from 0, of the last decision: they are to be taken in this
 * order, until one turns the request away. GW_NONE where there are no more; GW_ERR_STATE where
 * nothing is decided.
 */
gw_status gw_step_get(gw_decider *decider, size_t index, gw_step *out);

/* ==== Basic authentication ==== */

/* Who a request says it comes from (RFC 7617, GW_DUTY_BASIC_AUTH). It passes where hash is
 * there and was made of password. Where there is no hash compare with one of your own all the
 * same, and refuse: else the time tells which names there are. Neither text ends in NUL. Refuse a
 * password with NUL in it before you hand it to crypt(3), whose result may be NULL. Else send what
 * gw_answer says for gw_step.status, with the field WWW-Authenticate: challenge besides. Set
 * struct_size. Texts live until the next call of gw_step_basic_auth, and no longer than the
 * decision.
 */
struct gw_basic_auth {
    /* sizeof(gw_basic_auth). */
    size_t struct_size;
    /* The name that the request presents; absent where it presents none, or two. */
    gw_str user;
    /* The password beside it: a secret. It may be empty, and hold any octet. */
    gw_str password;
    /* The hash of this user's password, as htpasswd writes it ("$2y$...", "$apr1$...", "{SHA}...",
     * what crypt(3) knows, ...): a secret. Absent where there is no such user.
     */
    gw_str hash;
    /* The value of WWW-Authenticate where the request does not pass. */
    gw_str challenge;
    /* What clients log in to; may be empty. It is in challenge. */
    gw_str realm;
    /* All users, in lines "name:hash": a secret. */
    gw_str users;
};

/* Fills out with what the step at index of the last decision needs; GW_NONE where it is not of
 * GW_DUTY_BASIC_AUTH, or there is none. Reads Authorization of the request. Allocates.
 */
gw_status gw_step_basic_auth(gw_decider *decider, const gw_request *request, size_t index,
    gw_basic_auth *out);

/* ==== API keys ==== */

/* Sets *client to the name of the client whose key the request presents (GW_DUTY_API_KEY): it
 * passes. GW_NONE where no client has that key, and also where the step at index of the last
 * decision is not of this duty, or there is none: then it does not. The name lives as long as the
 * decision. Compares with the keys of all clients, in a time that does not tell how much of a key was
 * right; allocates nothing.
 */
gw_status gw_step_api_client(gw_decider *decider, size_t index, gw_str *client);

/* ==== Signed tokens ==== */

/* The token that a request presents, and what it is signed with (RFC 7519, GW_DUTY_JWT). It
 * passes where token is there, is signed with one of the keys, and is valid by its times; else
 * send what gw_answer says for gw_step.status, with the field WWW-Authenticate: challenge
 * besides. Set struct_size. Texts live until the next call of gw_step_jwt, and no longer than
 * the decision.
 */
struct gw_jwt {
    /* sizeof(gw_jwt). */
    size_t struct_size;
    /* The token, as it was sent: a secret, and not looked into. Absent where the request presents
     * none.
     */
    gw_str token;
    /* The value of WWW-Authenticate where the request does not pass. */
    gw_str challenge;
    /* What clients log in to. It is in challenge. */
    gw_str realm;
    /* The keys, a JSON Web Key Set as it was written: a secret. Absent where they are fetched. */
    gw_str keys;
    /* The URL that gives the keys, "http://..." or "https://...", over TLS as gw_step_tls says.
     * Absent where they are known.
     */
    gw_str keys_uri;
    /* How long keys that were fetched may be used, in milliseconds. */
    uint64_t keys_keep_ms;
};

/* Fills out with what the step at index of the last decision needs; GW_NONE where it is not of
 * GW_DUTY_JWT, or there is none. Reads the field of the request that holds the token:
 * Authorization, or what the policy names. Allocates.
 */
gw_status gw_step_jwt(gw_decider *decider, const gw_request *request, size_t index, gw_jwt *out);

/* ==== Certificates of clients ==== */

/* The client has to have shown a certificate that is valid, */
#define GW_VERIFY_CLIENT_ON 1

/* nothing is asked of it, */
#define GW_VERIFY_CLIENT_OFF 2

/* it may have shown none, but none that is not valid, */
#define GW_VERIFY_CLIENT_OPTIONAL 3

/* or it may also have shown one that none of the authorities has signed. Treat a number that you do
 * not know as GW_VERIFY_CLIENT_ON.
 */
#define GW_VERIFY_CLIENT_OPTIONAL_NO_AUTHORITY 4

/* Which certificate the client of a TLS connection has to have shown
 * (GW_DUTY_CLIENT_CERTIFICATE). Where it has not, the answer is gw_step.status; where the
 * connection was opened for another host, or was not asked for a certificate, 421. Connections are
 * opened before requests are decided: ask for a certificate in every handshake, take any, and
 * judge it when a request asks. Do not take up sessions of earlier connections: they tell what was
 * found then, perhaps for another host. Judge open connections anew when gw_decision.generation
 * changes. Set struct_size. Texts live as long as the decision.
 */
struct gw_client_certificate {
    /* sizeof(gw_client_certificate). */
    size_t struct_size;
    /* One of GW_VERIFY_CLIENT_... */
    int32_t verify;
    /* How many certificates may stand between that of the client and the authority's. */
    uint32_t depth;
    /* Who may have signed it: certificates in PEM. */
    gw_str authorities;
    /* What is withdrawn: lists in PEM. Absent for none; else every certificate of the chain needs a
     * list of who signed it that has not ended.
     */
    gw_str revoked;
};

/* Fills out with what the step at index of the last decision needs; GW_NONE where it is not of
 * GW_DUTY_CLIENT_CERTIFICATE, or there is none. Allocates nothing. Reading certificates is dear:
 * keep what came of it for as long as gw_decision.generation is the same.
 */
gw_status gw_step_client_certificate(gw_decider *decider, size_t index,
    gw_client_certificate *out);

/* ==== Another service that says yes to a VirtualServer's requests ==== */

/* Which service is asked about a request, and how (GW_DUTY_EXTERNAL_AUTH): send it GET uri
 * with host as Host, the header of the request but for what is about its body and its
 * connection (Content-Length, Transfer-Encoding, Connection, TE, Trailer, Upgrade, Keep-Alive,
 * Expect), and no body. After 2xx the request passes. 401, with the WWW-Authenticate of the
 * service, and 403 go to the client; anything else, or no answer, is gw_step.status. Set
 * struct_size. Texts live until the next call of gw_step_external_auth, and no longer than the
 * decision.
 */
struct gw_external_auth {
    /* sizeof(gw_external_auth). */
    size_t struct_size;
    /* The Service that is asked and its port, "namespace/name:port". It is not among those of
     * gw_router_backend, unless it is a backend too.
     */
    gw_str service;
    /* Its namespace. */
    gw_str service_namespace;
    /* Its name. */
    gw_str service_name;
    /* Its port. */
    uint32_t service_port;
    /* 1: within TLS (gw_step_tls). */
    int32_t tls;
    /* Path and query that are asked for. */
    gw_str uri;
    /* The Host of the question. */
    gw_str host;
    /* Where clients log in: path and query. In the place of a 401 they are sent what the service
     * answers to that. Absent: 401 goes to the client.
     */
    gw_str sign_in;
    /* 1: clients log in by this very request. It goes to the service in the place of the backend, and
     * nothing is asked about it: with target, and with method, Host, header and body of the client.
     * gw_edit_request is about the backend, and not for it.
     */
    int32_t is_for_sign_in;
    /* Zero. */
    uint32_t reserved;
    /* With is_for_sign_in the path and the query in normal form. Else absent. */
    gw_str target;
};

/* Fills out with what the step at index of the last decision needs; GW_NONE where it is not of
 * GW_DUTY_EXTERNAL_AUTH, or there is none. Allocates nothing but room for the text, once.
 */
gw_status gw_step_external_auth(gw_decider *decider, const gw_request *request, size_t index,
    gw_external_auth *out);

/* ==== Another service that says yes to an HTTPRoute's requests ==== */

/* The service is asked by a request with the method of the one that is asked about, and target:
 * after 200 that one passes; any other answer, header and body, goes to the client.
 */
#define GW_CHECK_HTTP 1

/* It is asked by a call of Envoy's ext_authz, version 3, which tells it target as the path. */
#define GW_CHECK_GRPC 2

/* The service is sent all fields of the request's header. */
#define GW_CHECK_ALL_REQUEST_HEADERS UINT32_C(1)

/* The request goes on with all fields of the answer's header but Host, and but those that say
 * where the answer ends and what becomes of its connection: Connection, Content-Length,
 * Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade. With another length a
 * part of the client's body would be taken for a request.
 */
#define GW_CHECK_ALL_RESPONSE_HEADERS UINT32_C(2)

/* Which service is asked about a request, and how (GW_DUTY_AUTH_CHECK). Where it cannot be
 * asked, the answer is gw_step.status. Set struct_size. Texts live until the next call of
 * gw_step_auth_check, and no longer than the decision.
 */
struct gw_auth_check {
    /* sizeof(gw_auth_check). */
    size_t struct_size;
    /* The Service that is asked and its port, "namespace/name:port". It is not among those of
     * gw_router_backend, unless it is a backend too.
     */
    gw_str service;
    /* Its namespace. */
    gw_str service_namespace;
    /* Its name. */
    gw_str service_name;
    /* Its port. */
    uint32_t service_port;
    /* 1: within TLS (gw_step_tls). */
    int32_t tls;
    /* GW_CHECK_HTTP or GW_CHECK_GRPC; by another number the service cannot be asked. */
    int32_t protocol;
    /* Some of GW_CHECK_ALL_... */
    uint32_t flags;
    /* The path and the query that the service is asked about, in normal form. */
    gw_str target;
    /* How many octets of the body are sent along; 0 for none. A request with more of them is answered
     * 413, unless it is 0.
     */
    uint64_t max_body;
    /* The fields of the request's header that are sent, unless it is all: names in lower case. Over
     * HTTP the length of what is sent along is yours to say.
     */
    const gw_str *request_headers;
    /* How many. */
    size_t request_headers_len;
    /* The fields of the answer's header that the request goes on with in the place of its own, unless
     * it is all: names in lower case. None with GW_CHECK_GRPC: there the answer itself says what is
     * changed.
     */
    const gw_str *response_headers;
    /* How many. */
    size_t response_headers_len;
};

/* Fills out with what the step at index of the last decision needs; GW_NONE where it is not of
 * GW_DUTY_AUTH_CHECK, or there is none. Allocates nothing but room for texts and lists, once.
 */
gw_status gw_step_auth_check(gw_decider *decider, const gw_request *request, size_t index,
    gw_auth_check *out);

/* ==== TLS with services that are asked ==== */

/* Fills out with how TLS is spoken with the service that the step at index of the last decision
 * asks (GW_DUTY_EXTERNAL_AUTH, GW_DUTY_AUTH_CHECK), or that gives its keys (gw_jwt.keys_uri).
 * GW_NONE where it asks none, or without TLS. Texts live as long as the decision; names, until
 * the next call of gw_step_tls. Meant for the first request to a service, not for each.
 */
gw_status gw_step_tls(gw_decider *decider, size_t index, gw_backend_tls *out);

/* ==== Answers that are kept ==== */

/* This request may be answered with what is kept under gw_cache.key. */
#define GW_CACHE_SERVES UINT32_C(1)

/* What the backend answers to this request may be kept under that key. */
#define GW_CACHE_STORES UINT32_C(2)

/* This request (PURGE, of a client that may) drops what is kept under that key, and does not go to
 * the backend.
 */
#define GW_CACHE_PURGES UINT32_C(4)

/* What the backend says of caching (Cache-Control, Expires, ...) is of no account. */
#define GW_CACHE_OVERRIDES_BACKEND UINT32_C(8)

/* Answers with any status are kept, not only with those in gw_cache.statuses. */
#define GW_CACHE_ANY_STATUS UINT32_C(16)

/* An answer that is too old is asked for with If-Modified-Since and If-None-Match. */
#define GW_CACHE_REVALIDATES UINT32_C(32)

/* Where an old answer is given, a new one is fetched in the background. */
#define GW_CACHE_BACKGROUND_UPDATE UINT32_C(64)

/* One request fetches an answer, others for the same key wait for it. */
#define GW_CACHE_LOCKS UINT32_C(128)

/* An answer that is too old is given all the same where the backend could not be reached, */
#define GW_STALE_ON_ERROR UINT32_C(1)

/* where it took too long, */
#define GW_STALE_ON_TIMEOUT UINT32_C(2)

/* where its answer was not HTTP, */
#define GW_STALE_ON_INVALID_HEADER UINT32_C(4)

/* while a new one is being fetched. */
#define GW_STALE_WHILE_UPDATING UINT32_C(8)

/* What is kept of answers (GW_DUTY_CACHE). Answers with Set-Cookie are not kept, since they
 * are one client's; those with Vary are for requests that agree in the fields that it names (RFC
 * 9111, section 4.1). Set struct_size. Times are in milliseconds, rounded up, sizes in octets.
 * Texts and lists live until the next call of gw_step_cache, and no longer than the decision.
 */
struct gw_cache {
    /* sizeof(gw_cache). */
    size_t struct_size;
    /* What tells answers in a store apart: of this request, filled in. It is the same for all
     * methods: ask the backend with GET where a client asks with HEAD, or keep nothing of HEAD. Any
     * octet may be in it.
     */
    gw_str key;
    /* The store, "namespace/name/zone" or longer: what is kept is shared by requests with the same
     * one, which are those of one document.
     */
    gw_str zone;
    /* Some of GW_CACHE_... */
    uint32_t flags;
    /* Some of GW_STALE_... */
    uint32_t stale;
    /* How long answers with one of statuses are kept that do not say so themselves; 0: these are
     * not kept.
     */
    uint64_t keep_ms;
    /* The statuses; see GW_CACHE_ANY_STATUS. */
    const uint16_t *statuses;
    /* How many. */
    size_t statuses_len;
    /* The statuses of the backend in whose place an answer is given that is too old. */
    const uint16_t *stale_statuses;
    /* How many. */
    size_t stale_statuses_len;
    /* Answers that nobody asked for for so long are dropped. */
    uint64_t inactive_ms;
    /* With GW_CACHE_LOCKS: how long a request waits before it goes to the backend by itself,
     * and what it gets is not kept;
     */
    uint64_t lock_timeout_ms;
    /* and how long one fetches before another one does too. */
    uint64_t lock_age_ms;
    /* Room for the index of the store, in octets. */
    uint64_t zone_size;
    /* The most octets of answers in it; UINT64_MAX for no limit. */
    uint64_t max_size;
    /* The least octets that are left free on the disk. */
    uint64_t min_free;
    /* So many requests for a key come before its answer is kept. */
    uint32_t min_uses;
    /* Zero. */
    uint32_t reserved;
};

/* Fills out with what the step at index of the last decision needs; GW_NONE where it is not of
 * GW_DUTY_CACHE, or there is none. Reads what key and conditions name of the request.
 */
gw_status gw_step_cache(gw_decider *decider, const gw_request *request, size_t index,
    gw_cache *out);

/* ==== Changes to a header, as a list ==== */

/* All lines of the name are replaced by one with this value. */
#define GW_OP_SET 1

/* One more line, behind those of the name. */
#define GW_OP_ADD 2

/* All lines of the name are dropped. */
#define GW_OP_REMOVE 3

/* All lines are dropped but those of Host, Connection, Content-Length, Keep-Alive,
 * Proxy-Connection, TE, Trailer, Transfer-Encoding and Upgrade. Has no name.
 */
#define GW_OP_DROP_ALL 4

/* The lines are dropped whose name holds anything but letters, digits and '-'. Has no name. */
#define GW_OP_DROP_UNUSUAL 5

/* One change to a header. A list of them is carried out in its order. Names are compared without
 * regard to case, and written in lower case. Neither names nor values hold control characters.
 * Kinds that a newer library knows besides are none that you may overlook: answer 500.
 */
struct gw_header_op {
    /* One of GW_OP_... */
    int32_t op;
    /* Zero. */
    uint32_t reserved;
    /* The name. */
    gw_str name;
    /* The value, for GW_OP_SET and GW_OP_ADD; not empty. */
    gw_str value;
};

/* ==== What a backend is sent ==== */

/* What a backend is sent. Set struct_size. Texts live until the next call of the same function,
 * and no longer than the decision.
 */
struct gw_forward {
    /* sizeof(gw_forward). */
    size_t struct_size;
    /* The request target: always send this one, which is rewritten or brought to the form that the
     * listener asks for, and never that of the client.
     */
    gw_str target;
    /* The Host or :authority; absent: as the client sent it. */
    gw_str host;
    /* Changes to the header, to be carried out in this order on what the client sent. They are
     * about neither Host nor what frames the message.
     */
    const gw_header_op *ops;
    /* How many. */
    size_t ops_len;
    /* Where the rule balances by a key: that key, which may be empty. Requests with the same one
     * go to the same endpoint. Else absent.
     */
    gw_str hash_key;
};

/* Fills out with what the backend of the last decision is sent. GW_ERR_STATE where it is not of
 * GW_KIND_FORWARD. Allocates for values of header fields only, beyond what the decider keeps.
 */
gw_status gw_edit_request(gw_decider *decider, const gw_request *request, gw_forward *out);

/* Whether an endpoint of the backend may be sent the request (GW_DUTY_ENDPOINT_ACCESS):
 * *admitted is 1 or 0. account is the service account of the endpoint's workload, as
 * "namespace/name" (gw_endpoint.account); one that is not known is never admitted. Of several
 * workloads that have it all have to admit the caller: see gw_admits_endpoint.
 */
gw_status gw_admits(gw_decider *decider, const gw_request *request, const gw_str *account,
    int32_t *admitted);

/* ==== How a backend is spoken to ==== */

/* HTTP/1.1 is spoken with the backend. */
#define GW_PROTOCOL_HTTP1 1

/* HTTP/2, even without TLS. */
#define GW_PROTOCOL_HTTP2 2

/* gRPC: HTTP/2, even without TLS. */
#define GW_PROTOCOL_GRPC 3

/* Another endpoint is tried where connecting, sending, or reading the head of the answer failed, */
#define GW_RETRY_ON_ERROR UINT32_C(1)

/* where it took too long, */
#define GW_RETRY_ON_TIMEOUT UINT32_C(2)

/* where the answer was empty or not HTTP. */
#define GW_RETRY_ON_INVALID_HEADER UINT32_C(4)

/* A request that is not idempotent and may have reached an endpoint is not sent again, */
#define GW_REPEAT_NEVER 0

/* only after an answer with one of the statuses, */
#define GW_REPEAT_AFTER_STATUS 1

/* or as any other. */
#define GW_REPEAT_ALWAYS 2

/* Requests go to the address of the Service itself (gw_endpoints.cluster_addr), and to none of its
 * endpoints. Where none is known, or who may call its endpoints is asked (GW_DUTY_ENDPOINT_ACCESS)
 * and so nobody knows who would answer, send nothing. Only for hosts that look at endpoints.
 */
#define GW_SETTINGS_CLUSTER_ADDRESS UINT32_C(1)

/* How the backend of a decision is spoken to. Set struct_size. Times are in milliseconds, rounded
 * up; 0 is no limit.
 */
struct gw_settings {
    /* sizeof(gw_settings). */
    size_t struct_size;
    /* One of GW_PROTOCOL_... */
    int32_t protocol;
    /* 1: within TLS (gw_decider_backend_tls). */
    int32_t tls;
    /* To open a connection to an endpoint. */
    uint64_t connect_timeout_ms;
    /* Between two reads from it. */
    uint64_t read_timeout_ms;
    /* Between two writes to it. */
    uint64_t send_timeout_ms;
    /* The whole exchange with the client, over all tries. */
    uint64_t request_timeout_ms;
    /* One try. */
    uint64_t try_timeout_ms;
    /* No new try after this long. */
    uint64_t retry_timeout_ms;
    /* The least pause between two tries. */
    uint64_t retry_backoff_ms;
    /* How many tries in all; 0: as many as there are endpoints. */
    uint32_t retry_tries;
    /* Some of GW_RETRY_ON_... */
    uint32_t retry_on;
    /* The statuses of answers after which another endpoint is tried. */
    const uint16_t *retry_statuses;
    /* How many. */
    size_t retry_statuses_len;
    /* One of GW_REPEAT_..., for POST, LOCK and PATCH. */
    int32_t retry_repeat;
    /* The most requests under way with one endpoint; 0 for no limit. */
    uint32_t max_connections;
    /* The largest body of a request; more is answered 413. UINT64_MAX for no limit. */
    uint64_t max_body;
    /* Some of GW_SETTINGS_... */
    uint32_t flags;
    /* Zero. */
    uint32_t reserved;
};

/* How TLS is spoken with the backend of a decision (GW_DUTY_BACKEND_TLS). Set struct_size. Texts
 * live as long as the decision; names, until the next call.
 */
struct gw_backend_tls {
    /* sizeof(gw_backend_tls). */
    size_t struct_size;
    /* 1: the certificate of the backend is verified. */
    int32_t verify;
    /* How long a chain may be, at most. */
    uint32_t depth;
    /* Who is trusted, in PEM; absent: the authorities of the system. */
    gw_str authorities;
    /* The name that is sent as SNI, and that the certificate has to have where names are none;
     * absent: none is asked for.
     */
    gw_str server_name;
    /* 1: server_name is sent as SNI. */
    int32_t sni;
    /* 1: sessions are resumed. */
    int32_t session_reuse;
    /* The names of which the certificate has to have one: "dns:..." or "uri:...". */
    const gw_str *names;
    /* How many. */
    size_t names_len;
    /* The versions of TLS, as nginx writes them; empty: yours to choose. */
    gw_str protocols;
    /* The ciphers, as OpenSSL writes them; empty: yours to choose. */
    gw_str ciphers;
    /* Your own certificate for backends that ask for one, in PEM; absent for none. */
    gw_str certificate;
    /* Its key, in PEM: a secret. */
    gw_str key;
};

/* Fills out with how the backend of the last decision is spoken to. GW_ERR_STATE where it is not
 * of GW_KIND_FORWARD. Allocates nothing but room for statuses, once.
 */
gw_status gw_decider_settings(gw_decider *decider, gw_settings *out);

/* Fills out with how TLS is spoken with the backend of the last decision; GW_NONE where it is
 * not spoken. GW_ERR_STATE where the decision is not of GW_KIND_FORWARD. Meant for the first
 * request to a backend, not for each.
 */
gw_status gw_decider_backend_tls(gw_decider *decider, gw_backend_tls *out);

/* ==== Clients that stay where they were sent first ==== */

/* A cookie carries the session: Cookie of requests, Set-Cookie of answers. */
#define GW_SESSION_COOKIE 1

/* A header field of its own does: an answer brings it, and the client repeats it. */
#define GW_SESSION_HEADER 2

/* The session is at a backend, over all weights, and at an endpoint of it. What carries it has to be
 * proved (see gw_session). Without this it is at an endpoint only.
 */
#define GW_SESSION_AT_BACKEND UINT32_C(1)

/* The cookie has the attribute HttpOnly. */
#define GW_SESSION_HTTP_ONLY UINT32_C(2)

/* The cookie has the attribute Secure. */
#define GW_SESSION_SECURE UINT32_C(4)

/* The cookie has the attribute SameSite=Strict, */
#define GW_SAME_SITE_STRICT 1

/* SameSite=Lax, */
#define GW_SAME_SITE_LAX 2

/* or SameSite=None. */
#define GW_SAME_SITE_NONE 3

/* How a client is kept where its first request was sent to. Set struct_size. What
 * gw_decider_session tells lives as long as the decision, what gw_router_session tells as long
 * as the router.
 *
 * What the client holds is a token of yours: the library neither makes nor reads one. Make it of
 * letters, digits and "-", so that cookies and header fields may hold it.
 *
 * Without GW_SESSION_AT_BACKEND the token says the endpoint. It may be a hash of the address, and
 * need not be proved, as long as you look it up among the endpoints of the backend that was chosen:
 * never connect to an address that a client has sent.
 *
 * With GW_SESSION_AT_BACKEND it says the backend, the endpoint, and when the session began. It
 * leads past weights, also to a backend of weight 0, so prove it (by HMAC, say), with attribute
 * among what is proved, so that the token of one session is none of another. Take it for none where
 * the proof is wrong, or absolute_timeout_ms have passed since the session began. The backend has
 * to be known before gw_decide: see gw_router_session.
 *
 * A request without a token goes where the decision and your balancing say. So does one whose
 * endpoint is gone, fails, or is none of the backend. Whenever another endpoint has answered than the
 * one of the token, or there was no token, the answer brings a new one, in which the time stays at
 * which the session began.
 */
struct gw_session {
    /* sizeof(gw_session). */
    size_t struct_size;
    /* One of GW_SESSION_COOKIE and GW_SESSION_HEADER. */
    int32_t carrier;
    /* One of GW_SAME_SITE_...; 0: the cookie has no such attribute. */
    int32_t same_site;
    /* Some of GW_SESSION_AT_BACKEND, GW_SESSION_HTTP_ONLY and GW_SESSION_SECURE. */
    uint32_t flags;
    /* Zero. */
    uint32_t reserved;
    /* The name of the cookie, which is compared octet by octet, or of the header field, in lower
     * case. A client may send several: take the first one that you take for a token.
     */
    gw_str name;
    /* Path of the cookie; absent for none. */
    gw_str path;
    /* Domain of the cookie; absent for none. */
    gw_str domain;
    /* Max-Age of the cookie, in seconds; 0 for none: it ends with the browser. UINT64_MAX: as long
     * as browsers allow ("Expires=Thu, 31 Dec 2037 23:55:55 GMT"). With GW_SESSION_AT_BACKEND it is
     * that of a session which begins: take off what has passed of it.
     */
    uint64_t max_age;
    /* How long a session lasts at most, from its first request on, in milliseconds; 0 for no limit.
     */
    uint64_t absolute_timeout_ms;
    /* With GW_SESSION_AT_BACKEND the attribute of a request that names the backend of its session:
     * no two sessions have the same. Else absent.
     */
    gw_str attribute;
    /* Of a decision, with GW_SESSION_AT_BACKEND: the backend that was chosen, one of backends, to
     * be told in the token. A TrafficSplit may send its requests on, so gw_decision.backend may be
     * another. Else absent.
     */
    gw_str backend;
    /* With GW_SESSION_AT_BACKEND the values that the attribute may have, "namespace/name:port"; any
     * other is as good as none.
     */
    const gw_str *backends;
    /* How many. */
    size_t backends_len;
};

/* Fills out with how the client of the last decision is kept where it was sent first; GW_NONE
 * where it is not kept anywhere. GW_ERR_STATE where the decision is not of GW_KIND_FORWARD.
 * Costs nothing to speak of; need not be asked where gw_needs.flags has no GW_NEEDS_SESSIONS.
 */
gw_status gw_decider_session(gw_decider *decider, gw_session *out);

/* Fills out with the session whose backend the attribute at index of gw_needs.attributes
 * names; GW_NONE where that is no such attribute, or where there is none. Ask once for each, when
 * the router is built, and keep what you are told by the name of the attribute: when gw_decide
 * asks for it (gw_attribute_fn), look for a token in the cookie or header field that carries the
 * session, check it, and answer with the backend that it says. Where there is no token answer
 * that there is no such attribute: the weights decide.
 */
gw_status gw_router_session(const gw_router *router, size_t index, gw_session *out);

/* ==== The endpoints of backends, for hosts that balance by themselves ==== */

/* The endpoints are those of gw_router_endpoint. Where there are none, none is ready. */
#define GW_ENDPOINTS_LISTED 1

/* No document tells of the Service, or it is one of gw_build_options.known_services: you know its
 * endpoints, or find them by its name.
 */
#define GW_ENDPOINTS_UNLISTED 2

/* The rule narrows the Service by labels, and documents do not tell which endpoints have them: send
 * nothing, since any of them may be a wrong one. Answer with gw_decision.status.
 */
#define GW_ENDPOINTS_UNCERTAIN 3

/* Documents do not tell the account: it is the one that an endpoint of which nothing is known is
 * taken for. Do not ask for it in a certificate.
 */
#define GW_ENDPOINT_ACCOUNT_ASSUMED UINT32_C(1)

/* What documents say of the endpoints of a backend. Set struct_size; texts live as long as the
 * router.
 */
struct gw_endpoints {
    /* sizeof(gw_endpoints). */
    size_t struct_size;
    /* One of GW_ENDPOINTS_... Treat one that you do not know as GW_ENDPOINTS_UNCERTAIN. */
    int32_t known;
    /* Some of GW_ENDPOINT_..., about account. */
    uint32_t flags;
    /* How many endpoints gw_router_endpoint has. */
    size_t len;
    /* The namespace of the Service. */
    gw_str service_namespace;
    /* Its name. */
    gw_str service_name;
    /* The service account of endpoints that no document lists, as gw_endpoint.account; absent
     * where nothing says it, or documents list all of them.
     */
    gw_str account;
    /* The address of the Service itself in its cluster, in network order, which takes requests on
     * service_port. Meant where gw_settings.flags has GW_SETTINGS_CLUSTER_ADDRESS.
     */
    uint8_t cluster_addr[16];
    /* Of cluster_addr: 4, 6, or 0 where none is known. */
    uint8_t cluster_family;
    /* Zero. */
    uint8_t reserved;
    /* The port of the Service, which need not be that of its endpoints. */
    uint16_t service_port;
    /* Zero. */
    uint32_t reserved2;
};

/* Where requests to a backend can be sent. Set struct_size; texts live as long as the router. */
struct gw_endpoint {
    /* sizeof(gw_endpoint). */
    size_t struct_size;
    /* The address as text: "10.0.0.1", "fd00::1", or the name of a host, which is yours to look up.
     */
    gw_str address;
    /* The same in network order, where it is no name. */
    uint8_t addr[16];
    /* Of addr: 4, 6, or 0 for the name of a host. */
    uint8_t family;
    /* Zero. */
    uint8_t reserved;
    /* The port. */
    uint16_t port;
    /* Some of GW_ENDPOINT_... */
    uint32_t flags;
    /* The service account of whoever answers there, as "namespace/name"; absent where nothing says
     * it.
     */
    gw_str account;
};

/* Fills out with what documents say of the endpoints of the backend at backend_index, which is its
 * place in gw_router_backend; GW_NONE where there is none. Costs nothing: it has been found out
 * when the router was built.
 *
 * For hosts that balance by themselves. Those that have upstreams of their own bind them by name
 * (gw_router_bind), and need none of this.
 */
gw_status gw_router_endpoints(const gw_router *router, size_t backend_index, gw_endpoints *out);

/* Fills out with the endpoint at index, from 0, of the backend at backend_index; GW_NONE where
 * there is none. All of them are ready: those that are not are left out, as those without the
 * labels that a rule narrows the Service by. They come in order of address and port, each once, and
 * rules give none of them more requests than another. A call costs the same wherever the endpoint
 * stands.
 */
gw_status gw_router_endpoint(const gw_router *router, size_t backend_index, size_t index,
    gw_endpoint *out);

/* Whether an endpoint that documents list may be sent the request (GW_DUTY_ENDPOINT_ACCESS):
 * *admitted is 1 or 0. address and port are those of gw_endpoint; what is not listed for the
 * backend of the last decision is never admitted: of that, gw_admits is asked. Exact where
 * gw_admits is careful: of several workloads with one account, labels may tell which admit the
 * caller. Costs a search among the endpoints of the backend, and what the grants look at.
 */
gw_status gw_admits_endpoint(gw_decider *decider, const gw_request *request,
    const gw_str *address, uint16_t port, int32_t *admitted);

/* ==== Copies of a request ==== */

/* A copy of a request: sent to one endpoint besides, its answer thrown away, and nobody waits for
 * it. Set struct_size. Texts live until the next call of gw_mirror_get, or as long as the
 * decision.
 */
struct gw_mirror {
    /* sizeof(gw_mirror). */
    size_t struct_size;
    /* As in gw_decision. */
    gw_str backend;
    /* As in gw_decision. */
    uint64_t backend_user;
    /* As in gw_forward. */
    gw_str target;
    /* As in gw_forward. */
    gw_str host;
    /* As in gw_forward. */
    const gw_header_op *ops;
    /* How many. */
    size_t ops_len;
};

/* Fills out with the copy at index, from 0, that is sent of the request of the last decision;
 * GW_NONE where there are no more, and GW_ERR_STATE where it is not of GW_KIND_FORWARD. Copies
 * that are not sent because of the part of the requests that a rule asks for, because the Service
 * does not admit the caller, or because they would ask for a duty (GW_DUTY_BACKEND_TLS, ...) that
 * the decider was not created with, are not among them.
 */
gw_status gw_mirror_get(gw_decider *decider, const gw_request *request, size_t index,
    gw_mirror *out);

/* ==== What clients are answered ==== */

/* This is the whole answer: what a backend has sent is thrown away, header and body. */
#define GW_RESPONSE_WHOLE UINT32_C(1)

/* It is an error page, which took the place of another answer. */
#define GW_RESPONSE_ERROR_PAGE UINT32_C(2)

/* What a client is answered. Set struct_size. Texts live until the next call of gw_answer or
 * gw_edit_response, and no longer than the decision.
 */
struct gw_response {
    /* sizeof(gw_response). */
    size_t struct_size;
    /* The status. */
    uint32_t status;
    /* Some of GW_RESPONSE_... */
    uint32_t flags;
    /* Changes to the header: with GW_RESPONSE_WHOLE to an empty one (GW_OP_ADD alone), else to
     * that of the backend. Never about Content-Length, which follows from the body, or other
     * fields that frame the message.
     */
    const gw_header_op *ops;
    /* How many. */
    size_t ops_len;
    /* With GW_RESPONSE_WHOLE the body; absent where nothing is said of it: then send a text of
     * your own for the status, or none. Else absent: that of the backend.
     */
    gw_str body;
};

/* Fills out with the whole answer to the request of the last decision where no backend gives it:
 * for every decision that is not of GW_KIND_FORWARD, and where sending it to a backend came to
 * nothing. status is 0: what the decision says (of GW_KIND_FORWARD: that no endpoint could be
 * reached); or the status with which you turn the request away: gw_step.status, 504 for a backend
 * that took too long, 413 for a body that is too large, ... Error pages, CORS, HSTS, and the form of
 * answers to gRPC clients are taken care of. upstream_status is for error pages that print it: the
 * status of the last backend that was asked, several tries separated by ", "; NULL or absent for
 * none. Allocates what the answer needs.
 */
gw_status gw_answer(gw_decider *decider, const gw_request *request, uint32_t status,
    const gw_str *upstream_status, gw_response *out);

/* Fills out with what becomes of the answer with status (100 to 999) that a backend gave to the
 * request of the last decision: changes to its header, or the error page that takes its place
 * (GW_RESPONSE_WHOLE). upstream_status as for gw_answer; NULL or absent: status itself.
 * GW_ERR_STATE where the decision is not of GW_KIND_FORWARD. Allocates for values of header
 * fields only, and for error pages.
 */
gw_status gw_edit_response(gw_decider *decider, const gw_request *request, uint32_t status,
    const gw_str *upstream_status, gw_response *out);

/* ==== Why a request is decided as it is ==== */

/* Decides request and says why, as a JSON object, which *json points to until the next call:
 * the routes that were looked at and the first test that each failed, splits with their ranges,
 * policies, header changes. Values of cookies and of whatever is named like a secret are shown by
 * their length only. For people and tests: costs a walk over all routes of the host. What the
 * decider has decided before is let go of.
 */
gw_status gw_explain(gw_decider *decider, const gw_engine *engine, const gw_request *request,
    gw_str *json);

#ifdef __cplusplus
}
#endif

#endif
