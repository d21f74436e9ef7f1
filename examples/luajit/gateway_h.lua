-- Made from gateway.h by a test: do not change it by hand.
return {
  OK = 0,
  NONE = 1,
  ERR_ARGUMENT = -1,
  ERR_CONFIG = -2,
  ERR_ABI = -3,
  ERR_LIMIT = -4,
  ERR_STATE = -5,
  ERR_PANIC = -99,
  ABI_VERSION = 1,
  BUILD_STRICT = 1ULL,
  BUILD_LENIENT = 2ULL,
  BUILD_STANDARD_CHANNEL = 4ULL,
  BUILD_NO_SERVICE_HOSTS = 8ULL,
  BUILD_DENY_BY_DEFAULT = 16ULL,
  BUILD_SKIP_EMPTY_BACKENDS = 32ULL,
  BUILD_SMI_STRICT = 64ULL,
  BUILD_MESH = 128ULL,
  BUILD_BREAKER_COUNTS_5XX = 256ULL,
  BUILD_ASSUME_SERVICES = 512ULL,
  BUILD_ASSUME_NO_SERVICES = 1024ULL,
  BUILD_LINT = 2048ULL,
  SEVERITY_NOTICE = 0,
  SEVERITY_WARNING = 1,
  SEVERITY_ERROR = 2,
  NEEDS_PEER = 1,
  NEEDS_RANDOM = 2,
  NEEDS_SERVER_NAME = 4,
  NEEDS_SESSIONS = 8,
  NO_INDEX = 4294967295,
  REQUEST_TLS = 1,
  KIND_FORWARD = 1,
  KIND_REDIRECT = 2,
  KIND_RESPOND = 3,
  KIND_DENY = 4,
  KIND_NO_ROUTE = 5,
  KIND_REFUSE = 6,
  KIND_PREFLIGHT = 7,
  DECISION_KEEPS_ANSWER = 1,
  DECISION_KEEPS_REQUEST = 2,
  DECISION_KEEPS_USUAL_ANSWER = 4,
  DECISION_KEEPS_USUAL_REQUEST = 8,
  INSTEAD_BREAKER = 1,
  INSTEAD_BACKUP = 2,
  DUTY_CLIENT_CERTIFICATE = 1ULL,
  DUTY_RATE_LIMIT = 2ULL,
  DUTY_BASIC_AUTH = 4ULL,
  DUTY_API_KEY = 8ULL,
  DUTY_EXTERNAL_AUTH = 16ULL,
  DUTY_AUTH_CHECK = 32ULL,
  DUTY_JWT = 64ULL,
  DUTY_CACHE = 128ULL,
  DUTY_SERVICE_LIMIT = 256ULL,
  DUTY_BACKEND_TLS = 512ULL,
  DUTY_MUTUAL_TLS = 1024ULL,
  DUTY_ENDPOINT_ACCESS = 2048ULL,
  STEP_BY_ENDPOINT = 1,
  STEP_DRY_RUN = 2,
  VERIFY_CLIENT_ON = 1,
  VERIFY_CLIENT_OFF = 2,
  VERIFY_CLIENT_OPTIONAL = 3,
  VERIFY_CLIENT_OPTIONAL_NO_AUTHORITY = 4,
  CHECK_HTTP = 1,
  CHECK_GRPC = 2,
  CHECK_ALL_REQUEST_HEADERS = 1,
  CHECK_ALL_RESPONSE_HEADERS = 2,
  CACHE_SERVES = 1,
  CACHE_STORES = 2,
  CACHE_PURGES = 4,
  CACHE_OVERRIDES_BACKEND = 8,
  CACHE_ANY_STATUS = 16,
  CACHE_REVALIDATES = 32,
  CACHE_BACKGROUND_UPDATE = 64,
  CACHE_LOCKS = 128,
  STALE_ON_ERROR = 1,
  STALE_ON_TIMEOUT = 2,
  STALE_ON_INVALID_HEADER = 4,
  STALE_WHILE_UPDATING = 8,
  OP_SET = 1,
  OP_ADD = 2,
  OP_REMOVE = 3,
  OP_DROP_ALL = 4,
  OP_DROP_UNUSUAL = 5,
  PROTOCOL_HTTP1 = 1,
  PROTOCOL_HTTP2 = 2,
  PROTOCOL_GRPC = 3,
  RETRY_ON_ERROR = 1,
  RETRY_ON_TIMEOUT = 2,
  RETRY_ON_INVALID_HEADER = 4,
  REPEAT_NEVER = 0,
  REPEAT_AFTER_STATUS = 1,
  REPEAT_ALWAYS = 2,
  SETTINGS_CLUSTER_ADDRESS = 1,
  SESSION_COOKIE = 1,
  SESSION_HEADER = 2,
  SESSION_AT_BACKEND = 1,
  SESSION_HTTP_ONLY = 2,
  SESSION_SECURE = 4,
  SAME_SITE_STRICT = 1,
  SAME_SITE_LAX = 2,
  SAME_SITE_NONE = 3,
  ENDPOINTS_LISTED = 1,
  ENDPOINTS_UNLISTED = 2,
  ENDPOINTS_UNCERTAIN = 3,
  ENDPOINT_ACCOUNT_ASSUMED = 1,
  RESPONSE_WHOLE = 1,
  RESPONSE_ERROR_PAGE = 2,
  cdef = [[
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
typedef int32_t gw_status;
struct gw_str {
    const char *ptr;
    size_t len;
};
struct gw_header {
    gw_str name;
    gw_str value;
};
uint32_t gw_abi_version(void);
const char *gw_version(void);
uint64_t gw_mix64(uint64_t number);
typedef void (*gw_log_fn)(void *ctx, const gw_str *text);
gw_status gw_set_log(gw_log_fn log, void *ctx);
struct gw_source {
    gw_str name;
    gw_str text;
};
struct gw_build_options {
    size_t struct_size;
    uint64_t flags;
    uint64_t duties;
    const gw_router *previous;
    uint16_t http_port;
    uint16_t https_port;
    uint32_t reserved;
    gw_str default_namespace;
    gw_str client_namespace;
    gw_str cluster_domain;
    gw_str ingress_class;
    gw_str gateway_class;
    gw_str gateway_identity;
    const gw_str *known_services;
    size_t known_services_len;
    const gw_str *addresses;
    size_t addresses_len;
};
struct gw_report;
struct gw_diagnostic {
    size_t struct_size;
    int32_t severity;
    uint32_t line;
    uint32_t column;
    uint32_t reserved;
    gw_str code;
    gw_str object;
    gw_str field;
    gw_str file;
    gw_str message;
    gw_str help;
    gw_str text;
};
size_t gw_report_count(const gw_report *report);
gw_status gw_report_get(const gw_report *report, size_t index, gw_diagnostic *out);
gw_status gw_report_json(const gw_report *report, gw_str *out);
void gw_report_free(gw_report *report);
struct gw_router;
struct gw_listener {
    size_t struct_size;
    gw_str name;
    uint8_t addr[16];
    uint8_t family;
    uint8_t tls;
    uint16_t port;
    uint32_t reserved;
};
gw_status gw_router_build(const gw_source *sources, size_t sources_len,
    const gw_build_options *options, gw_router **out, gw_report **report);
size_t gw_router_backend_count(const gw_router *router);
gw_status gw_router_backend(const gw_router *router, size_t index, gw_str *out);
gw_status gw_router_bind(const gw_router *router, const gw_str *name, uint64_t user);
gw_status gw_router_listener(const gw_router *router, size_t index, gw_listener *out);
void gw_router_free(gw_router *router);
struct gw_needs {
    size_t struct_size;
    const gw_str *headers;
    size_t headers_len;
    const gw_str *attributes;
    size_t attributes_len;
    uint64_t duties;
    uint32_t flags;
    uint32_t reserved;
};
gw_status gw_router_needs(const gw_router *router, gw_needs *out);
struct gw_engine;
gw_status gw_engine_new(const gw_router *router, gw_engine **out);
gw_status gw_engine_publish(const gw_engine *engine, const gw_router *router,
    uint64_t *generation);
void gw_engine_free(gw_engine *engine);
typedef int32_t (*gw_header_fn)(void *ctx, uint32_t index, const gw_str *name, uint32_t nth,
    gw_str *out);
typedef int32_t (*gw_attribute_fn)(void *ctx, uint32_t index, const gw_str *name, gw_str *out);
struct gw_request {
    size_t struct_size;
    gw_str method;
    gw_str target;
    gw_str host;
    gw_str authority;
    const gw_header *headers;
    size_t headers_len;
    gw_header_fn header_fn;
    void *header_ctx;
    const gw_header *attributes;
    size_t attributes_len;
    gw_attribute_fn attribute_fn;
    void *attribute_ctx;
    gw_str server_name;
    uint64_t random;
    uint8_t peer_addr[16];
    uint8_t listener_addr[16];
    uint16_t peer_port;
    uint16_t listener_port;
    uint8_t peer_family;
    uint8_t listener_family;
    uint8_t http_version;
    uint8_t reserved;
    uint32_t flags;
    uint32_t reserved2;
};
struct gw_decider;
gw_status gw_decider_new(uint64_t duties, gw_decider **out);
void gw_decider_reset(gw_decider *decider);
void gw_decider_free(gw_decider *decider);
struct gw_decision {
    size_t struct_size;
    int32_t kind;
    uint32_t status;
    uint64_t generation;
    uint64_t duties;
    uint64_t unmet;
    size_t steps_len;
    gw_str backend;
    uint64_t backend_user;
    gw_str service_namespace;
    gw_str service_name;
    uint32_t service_port;
    uint32_t reserved;
    gw_str upstream;
    gw_str split;
    gw_str route_kind;
    gw_str route_namespace;
    gw_str route_name;
    gw_str route_field;
    gw_str listener;
    gw_str reason;
    int32_t protocol;
    uint32_t flags;
    uint64_t max_body;
};
gw_status gw_decide(gw_decider *decider, const gw_engine *engine, const gw_request *request,
    gw_decision *out);
gw_status gw_instead(gw_decider *decider, const gw_request *request, int32_t which,
    gw_decision *out);
struct gw_step {
    size_t struct_size;
    uint64_t duty;
    uint32_t status;
    uint32_t flags;
    gw_str policy_kind;
    gw_str policy_namespace;
    gw_str policy_name;
    gw_str policy_field;
    gw_str key;
    gw_str bucket;
    uint64_t limit_requests;
    uint64_t limit_per_ms;
    uint32_t limit_burst;
    uint32_t limit_at_once;
};
gw_status gw_step_get(gw_decider *decider, size_t index, gw_step *out);
struct gw_basic_auth {
    size_t struct_size;
    gw_str user;
    gw_str password;
    gw_str hash;
    gw_str challenge;
    gw_str realm;
    gw_str users;
};
gw_status gw_step_basic_auth(gw_decider *decider, const gw_request *request, size_t index,
    gw_basic_auth *out);
gw_status gw_step_api_client(gw_decider *decider, size_t index, gw_str *client);
struct gw_jwt {
    size_t struct_size;
    gw_str token;
    gw_str challenge;
    gw_str realm;
    gw_str keys;
    gw_str keys_uri;
    uint64_t keys_keep_ms;
};
gw_status gw_step_jwt(gw_decider *decider, const gw_request *request, size_t index, gw_jwt *out);
struct gw_client_certificate {
    size_t struct_size;
    int32_t verify;
    uint32_t depth;
    gw_str authorities;
    gw_str revoked;
};
gw_status gw_step_client_certificate(gw_decider *decider, size_t index,
    gw_client_certificate *out);
struct gw_external_auth {
    size_t struct_size;
    gw_str service;
    gw_str service_namespace;
    gw_str service_name;
    uint32_t service_port;
    int32_t tls;
    gw_str uri;
    gw_str host;
    gw_str sign_in;
    int32_t is_for_sign_in;
    uint32_t reserved;
    gw_str target;
};
gw_status gw_step_external_auth(gw_decider *decider, const gw_request *request, size_t index,
    gw_external_auth *out);
struct gw_auth_check {
    size_t struct_size;
    gw_str service;
    gw_str service_namespace;
    gw_str service_name;
    uint32_t service_port;
    int32_t tls;
    int32_t protocol;
    uint32_t flags;
    gw_str target;
    uint64_t max_body;
    const gw_str *request_headers;
    size_t request_headers_len;
    const gw_str *response_headers;
    size_t response_headers_len;
};
gw_status gw_step_auth_check(gw_decider *decider, const gw_request *request, size_t index,
    gw_auth_check *out);
gw_status gw_step_tls(gw_decider *decider, size_t index, gw_backend_tls *out);
struct gw_cache {
    size_t struct_size;
    gw_str key;
    gw_str zone;
    uint32_t flags;
    uint32_t stale;
    uint64_t keep_ms;
    const uint16_t *statuses;
    size_t statuses_len;
    const uint16_t *stale_statuses;
    size_t stale_statuses_len;
    uint64_t inactive_ms;
    uint64_t lock_timeout_ms;
    uint64_t lock_age_ms;
    uint64_t zone_size;
    uint64_t max_size;
    uint64_t min_free;
    uint32_t min_uses;
    uint32_t reserved;
};
gw_status gw_step_cache(gw_decider *decider, const gw_request *request, size_t index,
    gw_cache *out);
struct gw_header_op {
    int32_t op;
    uint32_t reserved;
    gw_str name;
    gw_str value;
};
struct gw_forward {
    size_t struct_size;
    gw_str target;
    gw_str host;
    const gw_header_op *ops;
    size_t ops_len;
    gw_str hash_key;
};
gw_status gw_edit_request(gw_decider *decider, const gw_request *request, gw_forward *out);
gw_status gw_admits(gw_decider *decider, const gw_request *request, const gw_str *account,
    int32_t *admitted);
struct gw_settings {
    size_t struct_size;
    int32_t protocol;
    int32_t tls;
    uint64_t connect_timeout_ms;
    uint64_t read_timeout_ms;
    uint64_t send_timeout_ms;
    uint64_t request_timeout_ms;
    uint64_t try_timeout_ms;
    uint64_t retry_timeout_ms;
    uint64_t retry_backoff_ms;
    uint32_t retry_tries;
    uint32_t retry_on;
    const uint16_t *retry_statuses;
    size_t retry_statuses_len;
    int32_t retry_repeat;
    uint32_t max_connections;
    uint64_t max_body;
    uint32_t flags;
    uint32_t reserved;
};
struct gw_backend_tls {
    size_t struct_size;
    int32_t verify;
    uint32_t depth;
    gw_str authorities;
    gw_str server_name;
    int32_t sni;
    int32_t session_reuse;
    const gw_str *names;
    size_t names_len;
    gw_str protocols;
    gw_str ciphers;
    gw_str certificate;
    gw_str key;
};
gw_status gw_decider_settings(gw_decider *decider, gw_settings *out);
gw_status gw_decider_backend_tls(gw_decider *decider, gw_backend_tls *out);
struct gw_session {
    size_t struct_size;
    int32_t carrier;
    int32_t same_site;
    uint32_t flags;
    uint32_t reserved;
    gw_str name;
    gw_str path;
    gw_str domain;
    uint64_t max_age;
    uint64_t absolute_timeout_ms;
    gw_str attribute;
    gw_str backend;
    const gw_str *backends;
    size_t backends_len;
};
gw_status gw_decider_session(gw_decider *decider, gw_session *out);
gw_status gw_router_session(const gw_router *router, size_t index, gw_session *out);
struct gw_endpoints {
    size_t struct_size;
    int32_t known;
    uint32_t flags;
    size_t len;
    gw_str service_namespace;
    gw_str service_name;
    gw_str account;
    uint8_t cluster_addr[16];
    uint8_t cluster_family;
    uint8_t reserved;
    uint16_t service_port;
    uint32_t reserved2;
};
struct gw_endpoint {
    size_t struct_size;
    gw_str address;
    uint8_t addr[16];
    uint8_t family;
    uint8_t reserved;
    uint16_t port;
    uint32_t flags;
    gw_str account;
};
gw_status gw_router_endpoints(const gw_router *router, size_t backend_index, gw_endpoints *out);
gw_status gw_router_endpoint(const gw_router *router, size_t backend_index, size_t index,
    gw_endpoint *out);
gw_status gw_admits_endpoint(gw_decider *decider, const gw_request *request,
    const gw_str *address, uint16_t port, int32_t *admitted);
struct gw_mirror {
    size_t struct_size;
    gw_str backend;
    uint64_t backend_user;
    gw_str target;
    gw_str host;
    const gw_header_op *ops;
    size_t ops_len;
};
gw_status gw_mirror_get(gw_decider *decider, const gw_request *request, size_t index,
    gw_mirror *out);
struct gw_response {
    size_t struct_size;
    uint32_t status;
    uint32_t flags;
    const gw_header_op *ops;
    size_t ops_len;
    gw_str body;
};
gw_status gw_answer(gw_decider *decider, const gw_request *request, uint32_t status,
    const gw_str *upstream_status, gw_response *out);
gw_status gw_edit_response(gw_decider *decider, const gw_request *request, uint32_t status,
    const gw_str *upstream_status, gw_response *out);
gw_status gw_explain(gw_decider *decider, const gw_engine *engine, const gw_request *request,
    gw_str *json);
]],
}
