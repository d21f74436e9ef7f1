/* What the engine is told of a request. */

#include "ngx_http_gateway.h"


static void ngx_http_gateway_ctx_cleanup(void *data);
static ngx_http_gateway_ctx_t *ngx_http_gateway_take_ctx(
    ngx_http_gateway_main_conf_t *gmcf, ngx_log_t *log);
static void ngx_http_gateway_set_target(ngx_http_request_t *r,
    gw_request *request);
static void ngx_http_gateway_set_host(ngx_http_request_t *r,
    gw_request *request);
static void ngx_http_gateway_set_addresses(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);
static uint8_t ngx_http_gateway_address(struct sockaddr *sa, uint8_t *address,
    uint16_t *port);
#if (NGX_HTTP_SSL)
static void ngx_http_gateway_set_tls(ngx_http_request_t *r,
    gw_request *request);
#endif
static int32_t ngx_http_gateway_find_header(void *data, uint32_t index,
    const gw_str *name, uint32_t nth, gw_str *out);
static int32_t ngx_http_gateway_find_attribute(void *data, uint32_t index,
    const gw_str *name, gw_str *out);


/* Contexts are forgotten by internal redirects, but not those in the list of what is cleaned up. */

ngx_http_gateway_ctx_t *
ngx_http_gateway_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_gateway_module);

    if (ctx != NULL || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_gateway_ctx_cleanup) {
            ctx = cln->data;
            ngx_http_set_ctx(r, ctx, ngx_http_gateway_module);
            return ctx;
        }
    }

    return NULL;
}


ngx_http_gateway_ctx_t *
ngx_http_gateway_ctx_create(ngx_http_request_t *r)
{
    gw_request                    *request;
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_ctx_t        *ctx;
    ngx_http_gateway_loc_conf_t   *glcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    ctx = ngx_http_gateway_take_ctx(gmcf, r->connection->log);
    if (ctx == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_gateway_ctx_cleanup;
    cln->data = ctx;
    ngx_http_set_ctx(r, ctx, ngx_http_gateway_module);

    ctx->r = r;
    ctx->headers = r->headers_in.headers;
    ctx->decision.struct_size = sizeof(gw_decision);
    ctx->forward.struct_size = sizeof(gw_forward);

    request = &ctx->request;
    request->struct_size = sizeof(gw_request);
    request->method = ngx_http_gateway_text(r->method_name);
    request->http_version = (uint8_t) (r->http_version / 1000 * 10
                                       + r->http_version % 1000);
    request->listener_port = (uint16_t) glcf->port;

    request->header_fn = ngx_http_gateway_find_header;
    request->header_ctx = ctx;
    request->attribute_fn = ngx_http_gateway_find_attribute;
    request->attribute_ctx = ctx;

    gmcf->random += UINT64_C(0x9e3779b97f4a7c15);
    request->random = gw_mix64(gmcf->random);

    ngx_http_gateway_set_target(r, request);
    ngx_http_gateway_set_host(r, request);
    ngx_http_gateway_set_addresses(r, ctx);

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        ngx_http_gateway_set_tls(r, request);
    }
#endif

    return ctx;
}


/* Contexts go from request to request: their deciders allocate nothing after the first few. */

static void
ngx_http_gateway_ctx_cleanup(void *data)
{
    ngx_http_gateway_ctx_t  *ctx = data;

    ngx_http_gateway_ctx_t  **idle;

    /* One that decided by the router in force keeps it, and finds it again. */

    if (ctx->decision.generation != ctx->conf->generation) {
        gw_decider_reset(ctx->decider);
    }

    idle = ngx_array_push(&ctx->conf->idle);
    if (idle == NULL) {
        ngx_http_gateway_ctx_free(ctx);
        return;
    }

    *idle = ctx;
}


static ngx_http_gateway_ctx_t *
ngx_http_gateway_take_ctx(ngx_http_gateway_main_conf_t *gmcf, ngx_log_t *log)
{
    ngx_array_t             *list;
    ngx_http_gateway_ctx_t  *ctx, **idle;

    list = &gmcf->idle;

    if (list->nelts) {
        idle = list->elts;
        ctx = idle[--list->nelts];

        ngx_memzero(&ctx->r, sizeof(ngx_http_gateway_ctx_t)
                             - offsetof(ngx_http_gateway_ctx_t, r));
        return ctx;
    }

    ctx = ngx_calloc(sizeof(ngx_http_gateway_ctx_t), log);
    if (ctx == NULL) {
        return NULL;
    }

    ctx->conf = gmcf;

    if (gw_decider_new(0, &ctx->decider) != GW_OK) {
        ngx_free(ctx);
        return NULL;
    }

    return ctx;
}


void
ngx_http_gateway_ctx_free(ngx_http_gateway_ctx_t *ctx)
{
    gw_decider_free(ctx->decider);
    ngx_free(ctx);
}


/* As it was received: nginx keeps the path and the query of an absolute URL apart from the rest. */

static void
ngx_http_gateway_set_target(ngx_http_request_t *r, gw_request *request)
{
    u_char  *p, *end;

    request->target = ngx_http_gateway_text(r->unparsed_uri);

    if (r->schema_start == NULL || r->http_version >= NGX_HTTP_VERSION_20) {
        return;
    }

    p = r->request_line.data;
    end = p + r->request_line.len;

    while (p < end && *p != ' ') {
        p++;
    }

    while (p < end && *p == ' ') {
        p++;
    }

    request->target.ptr = (char *) p;

    while (p < end && *p != ' ') {
        p++;
    }

    request->target.len = (char *) p - request->target.ptr;
}


static void
ngx_http_gateway_set_host(ngx_http_request_t *r, gw_request *request)
{
    if (r->headers_in.host == NULL) {
        return;
    }

    request->host = ngx_http_gateway_text(r->headers_in.host->value);

    if (r->http_version >= NGX_HTTP_VERSION_20) {
        request->authority = request->host;
    }
}


static void
ngx_http_gateway_set_addresses(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    uint16_t                      port;
    gw_request                   *request;
    struct sockaddr              *local;
    ngx_connection_t             *c;
    ngx_http_gateway_loc_conf_t  *glcf;

    c = r->connection;
    request = &ctx->request;

    request->peer_family = ngx_http_gateway_address(c->sockaddr,
                                                    request->peer_addr,
                                                    &request->peer_port);

    glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);

    if (glcf->address != NULL) {
        local = glcf->address->sockaddr;

    } else if (ctx->conf->local_addresses) {

        /* May cost a system call. */

        if (ngx_connection_local_sockaddr(c, NULL, 0) != NGX_OK) {
            return;
        }

        local = c->local_sockaddr;

    } else {
        return;
    }

    request->listener_family = ngx_http_gateway_address(local,
                                                        request->listener_addr,
                                                        &port);
}


static uint8_t
ngx_http_gateway_address(struct sockaddr *sa, uint8_t *address, uint16_t *port)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        ngx_memcpy(address, &sin->sin_addr, 4);
        *port = ntohs(sin->sin_port);
        return 4;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        ngx_memcpy(address, &sin6->sin6_addr, 16);
        *port = ntohs(sin6->sin6_port);
        return 6;
#endif

    default:
        return 0;
    }
}


#if (NGX_HTTP_SSL)

static void
ngx_http_gateway_set_tls(ngx_http_request_t *r, gw_request *request)
{
    const char  *name;

    request->flags |= GW_REQUEST_TLS;

    name = SSL_get_servername(r->connection->ssl->connection,
                              TLSEXT_NAMETYPE_host_name);

    if (name == NULL) {
        name = "";
    }

    request->server_name.ptr = name;
    request->server_name.len = ngx_strlen(name);
}

#endif


static int32_t
ngx_http_gateway_find_header(void *data, uint32_t index, const gw_str *name,
    uint32_t nth, gw_str *out)
{
    ngx_http_gateway_ctx_t  *ctx = data;

    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    /* A router may have been published since: its table is another. */

    (void) index;

    for (part = &ctx->headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == name->len
                && ngx_memcmp(h[i].lowcase_key, name->ptr, name->len) == 0
                && nth-- == 0)
            {
                *out = ngx_http_gateway_text(h[i].value);
                return 1;
            }
        }
    }

    return 0;
}


static int32_t
ngx_http_gateway_find_attribute(void *data, uint32_t index, const gw_str *name,
    gw_str *out)
{
    ngx_http_gateway_ctx_t  *ctx = data;

    ngx_str_t                      value;
    ngx_uint_t                     i;
    ngx_http_gateway_attribute_t  *attribute;

    (void) index;

    attribute = ctx->conf->attributes.elts;

    for (i = 0; i < ctx->conf->attributes.nelts; i++) {
        if (attribute[i].name.len == name->len
            && ngx_memcmp(attribute[i].name.data, name->ptr, name->len) == 0)
        {
            if (ngx_http_complex_value(ctx->r, &attribute[i].value, &value)
                != NGX_OK)
            {
                return 0;
            }

            *out = ngx_http_gateway_text(value);
            return value.len != 0;
        }
    }

    return 0;
}
