/* What proxy_pass and logs are told. */

#include "ngx_http_gateway.h"


static ngx_int_t ngx_http_gateway_backend_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_route_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_kind_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_protocol_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_host_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_text_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_set_name(ngx_http_variable_value_t *v,
    int32_t number, ngx_str_t *names);
static ngx_int_t ngx_http_gateway_set_variable(ngx_http_variable_value_t *v,
    const gw_str *text);


#define ngx_http_gateway_variable(name, handler, offset)                      \
    { ngx_string(name), NULL, handler, offset, NGX_HTTP_VAR_NOCACHEABLE, 0 }
#define ngx_http_gateway_field(name, field)                                   \
    ngx_http_gateway_variable(name, ngx_http_gateway_text_variable,           \
                              offsetof(ngx_http_gateway_ctx_t, field))


static ngx_http_variable_t  ngx_http_gateway_variables[] = {

    ngx_http_gateway_variable("gw_backend",
                              ngx_http_gateway_backend_variable, 0),
    ngx_http_gateway_field("gw_target", forward.target),
    ngx_http_gateway_variable("gw_host", ngx_http_gateway_host_variable, 0),
    ngx_http_gateway_field("gw_hash_key", forward.hash_key),

    ngx_http_gateway_field("gw_namespace", decision.service_namespace),
    ngx_http_gateway_field("gw_service", decision.service_name),
    ngx_http_gateway_variable("gw_port", ngx_http_gateway_number_variable,
               offsetof(ngx_http_gateway_ctx_t, decision.service_port)),

    ngx_http_gateway_variable("gw_protocol",
                              ngx_http_gateway_protocol_variable, 0),

    ngx_http_gateway_variable("gw_kind", ngx_http_gateway_kind_variable, 0),
    ngx_http_gateway_variable("gw_route", ngx_http_gateway_route_variable, 0),
    ngx_http_gateway_field("gw_rule", decision.route_field),
    ngx_http_gateway_field("gw_split", decision.split),
    ngx_http_gateway_field("gw_listener", decision.listener),
    ngx_http_gateway_field("gw_reason", decision.reason),

      ngx_http_null_variable
};


/* By GW_KIND_... and GW_PROTOCOL_..., from 1. */

static ngx_str_t  ngx_http_gateway_kinds[] = {
    ngx_string("forward"),
    ngx_string("redirect"),
    ngx_string("respond"),
    ngx_string("deny"),
    ngx_string("no-route"),
    ngx_string("refuse"),
    ngx_string("preflight"),
    ngx_null_string
};

static ngx_str_t  ngx_http_gateway_protocols[] = {
    ngx_string("http1"),
    ngx_string("http2"),
    ngx_string("grpc"),
    ngx_null_string
};


ngx_int_t
ngx_http_gateway_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_gateway_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/* The name of an upstream: "shop.cart.80". */

static ngx_int_t
ngx_http_gateway_backend_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                  *name;
    gw_str                   text;
    ngx_http_gateway_ctx_t  *ctx;

    (void) data;

    ctx = ngx_http_gateway_ctx(r->main);

    if (ctx == NULL || ctx->decision.backend.ptr == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    name = ngx_pnalloc(r->pool, ctx->decision.backend.len);
    if (name == NULL) {
        return NGX_ERROR;
    }

    text.ptr = (char *) name;
    text.len = ngx_http_gateway_upstream_name(&ctx->decision.backend, name);

    return ngx_http_gateway_set_variable(v, &text);
}


/* "HTTPRoute shop/cart" */

static ngx_int_t
ngx_http_gateway_route_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                  *p;
    gw_str                   text;
    gw_decision             *d;
    ngx_http_gateway_ctx_t  *ctx;

    (void) data;

    ctx = ngx_http_gateway_ctx(r->main);

    if (ctx == NULL || ctx->decision.route_name.ptr == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    d = &ctx->decision;

    p = ngx_pnalloc(r->pool, d->route_kind.len + 1 + d->route_namespace.len + 1
                             + d->route_name.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.ptr = (char *) p;
    p = ngx_cpymem(p, d->route_kind.ptr, d->route_kind.len);
    *p++ = ' ';

    if (d->route_namespace.len) {
        p = ngx_cpymem(p, d->route_namespace.ptr, d->route_namespace.len);
        *p++ = '/';
    }

    p = ngx_cpymem(p, d->route_name.ptr, d->route_name.len);
    text.len = (char *) p - text.ptr;

    return ngx_http_gateway_set_variable(v, &text);
}


static ngx_int_t
ngx_http_gateway_kind_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_gateway_ctx_t  *ctx;

    (void) data;

    ctx = ngx_http_gateway_ctx(r->main);

    return ngx_http_gateway_set_name(v, ctx ? ctx->decision.kind : 0,
                                     ngx_http_gateway_kinds);
}


/* What the backend speaks. */

static ngx_int_t
ngx_http_gateway_protocol_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_gateway_ctx_t  *ctx;

    (void) data;

    ctx = ngx_http_gateway_ctx(r->main);

    return ngx_http_gateway_set_name(v, ctx ? ctx->decision.protocol : 0,
                                     ngx_http_gateway_protocols);
}


/* For proxy_set_header Host. */

static ngx_int_t
ngx_http_gateway_host_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_gateway_ctx_t  *ctx;

    (void) data;

    ctx = ngx_http_gateway_ctx(r->main);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_gateway_set_variable(v, ctx->forward.host.ptr
                                            ? &ctx->forward.host
                                            : &ctx->request.host);
}


static ngx_int_t
ngx_http_gateway_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                  *p;
    gw_str                   text;
    uint32_t                 number;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_ctx(r->main);
    number = ctx ? *(uint32_t *) ((u_char *) ctx + data) : 0;

    if (number == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT32_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.ptr = (char *) p;
    text.len = ngx_sprintf(p, "%uD", number) - p;

    return ngx_http_gateway_set_variable(v, &text);
}


static ngx_int_t
ngx_http_gateway_text_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_ctx(r->main);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_gateway_set_variable(v,
                                  (gw_str *) ((u_char *) ctx + data));
}


/* The name at a place of a list, from 1. */

static ngx_int_t
ngx_http_gateway_set_name(ngx_http_variable_value_t *v, int32_t number,
    ngx_str_t *names)
{
    gw_str  text;

    ngx_memzero(&text, sizeof(gw_str));

    for ( /* void */ ; number > 0 && names->len; names++) {
        if (--number == 0) {
            text = ngx_http_gateway_text(*names);
        }
    }

    return ngx_http_gateway_set_variable(v, &text);
}


static ngx_int_t
ngx_http_gateway_set_variable(ngx_http_variable_value_t *v, const gw_str *text)
{
    if (text->ptr == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = (u_char *) text->ptr;
    v->len = text->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
