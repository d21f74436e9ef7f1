/*
 * Decides by the rules of Kubernetes documents where nginx sends a request.
 *
 *   module      directives, and what happens when nginx starts and stops
 *   options     how documents are read
 *   load        documents -> router
 *   watch       a new router where files have changed
 *   request     what the engine is told of a request
 *   handler     rewrite phase: what to do with a request
 *   headers_in  changes to the header that a backend receives
 *   headers_out changes to the header that a client receives
 *   answer      answers that come from no backend
 *   filter      answers that come from backends
 *   keeps       what nginx drops by itself
 *   upstream    the upstreams of backends
 *   variables   what proxy_pass and logs are told
 */

#ifndef _NGX_HTTP_GATEWAY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <gateway.h>


typedef struct {
    gw_build_options           build;
    ngx_array_t                known_services;      /* of gw_str */
    ngx_array_t                addresses;           /* of gw_str */
} ngx_http_gateway_options_t;


typedef struct {
    ngx_str_t                  name;
    ngx_http_complex_value_t   value;
} ngx_http_gateway_attribute_t;


typedef struct {
    ngx_array_t                files;               /* of ngx_str_t, patterns */
    ngx_http_gateway_options_t options;
    ngx_array_t                attributes;          /* of ngx_http_gateway_attribute_t */
    ngx_msec_t                 watch;
    unsigned                   enabled:1;           /* "gateway on" somewhere */

    gw_engine                 *engine;
    gw_router                 *router;              /* the one in force */
    uint64_t                   generation;          /* the how manieth it is */
    unsigned                   local_addresses:1;   /* it has listeners of one address */
    unsigned                   drops_unusual:1;     /* nginx does, by itself */
    uint64_t                   fingerprint;         /* of the files that it was built from */

    ngx_array_t                idle;                /* of ngx_http_gateway_ctx_t * */
    uint64_t                   random;
    ngx_event_t                timer;
} ngx_http_gateway_main_conf_t;


typedef struct {
    ngx_flag_t                 enable;
    ngx_uint_t                 port;
    ngx_addr_t                *address;
    ngx_str_t                  http2;               /* a named location */
    ngx_flag_t                 request_uri;         /* is that of the backend */
    ngx_http_upstream_conf_t  *hiding;              /* the one that was looked at last, */
    ngx_uint_t                 hides;               /* and what was found */
} ngx_http_gateway_loc_conf_t;


/* A request under way, from its decision to the end of its pool; then another one. */
typedef struct {
    gw_decider                *decider;
    ngx_http_gateway_main_conf_t  *conf;

    ngx_http_request_t        *r;
    ngx_list_t                 headers;             /* as the client sent them */
    gw_request                 request;
    gw_decision                decision;
    gw_forward                 forward;
    gw_str                     body;                /* takes the place of what comes */
    unsigned                   forwarded:1;
    unsigned                   answered:1;          /* its header has been edited */
    unsigned                   replaced:1;          /* by body */
    unsigned                   body_sent:1;
} ngx_http_gateway_ctx_t;


#define ngx_http_gateway_text(s)                                              \
    (gw_str) { (const char *) (s).data, (s).len }


static ngx_inline ngx_uint_t
ngx_http_gateway_is(const gw_str *text, const u_char *data, size_t len)
{
    return text->len == len
           && ngx_strncasecmp((u_char *) text->ptr, (u_char *) data, len) == 0;
}


/* options */

char *ngx_http_gateway_option(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_gateway_options_init(ngx_conf_t *cf,
    ngx_http_gateway_options_t *options);

/* load */

ngx_int_t ngx_http_gateway_load(ngx_http_gateway_main_conf_t *gmcf,
    ngx_pool_t *pool, ngx_log_t *log, gw_router **router);
uint64_t ngx_http_gateway_fingerprint(ngx_http_gateway_main_conf_t *gmcf,
    ngx_log_t *log);
void ngx_http_gateway_in_force(ngx_http_gateway_main_conf_t *gmcf,
    gw_router *router);

/* watch */

void ngx_http_gateway_watch_start(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf);

/* request */

ngx_http_gateway_ctx_t *ngx_http_gateway_ctx(ngx_http_request_t *r);
ngx_http_gateway_ctx_t *ngx_http_gateway_ctx_create(ngx_http_request_t *r);
void ngx_http_gateway_ctx_free(ngx_http_gateway_ctx_t *ctx);

/* handler */

ngx_int_t ngx_http_gateway_handler(ngx_http_request_t *r);

/* headers_in */

ngx_int_t ngx_http_gateway_edit_headers_in(ngx_http_request_t *r,
    const gw_header_op *ops, size_t n);

/* headers_out */

ngx_int_t ngx_http_gateway_edit_headers_out(ngx_http_request_t *r,
    const gw_header_op *ops, size_t n);
void ngx_http_gateway_clear_headers_out(ngx_http_request_t *r);

/* answer */

ngx_int_t ngx_http_gateway_answer(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t status);

/* filter */

void ngx_http_gateway_filter_init(void);

/* keeps */

ngx_uint_t ngx_http_gateway_drops_unusual(ngx_http_core_main_conf_t *cmcf);
ngx_uint_t ngx_http_gateway_keeps_request(ngx_http_gateway_ctx_t *ctx);
ngx_uint_t ngx_http_gateway_keeps_answer(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);

/* upstream */

char *ngx_http_gateway_upstream(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_gateway_bind_upstreams(gw_router *router,
    ngx_http_upstream_main_conf_t *umcf, ngx_log_t *log);
size_t ngx_http_gateway_upstream_name(const gw_str *backend, u_char *to);

/* variables */

ngx_int_t ngx_http_gateway_add_variables(ngx_conf_t *cf);


extern ngx_module_t  ngx_http_gateway_module;


#endif /* _NGX_HTTP_GATEWAY_H_INCLUDED_ */
