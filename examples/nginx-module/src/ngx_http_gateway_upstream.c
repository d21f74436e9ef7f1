/* upstream NAME { gateway_upstream; } stands for whichever upstream the rules choose. */

#include "ngx_http_gateway.h"


static ngx_int_t ngx_http_gateway_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_gateway_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_http_upstream_srv_conf_t *ngx_http_gateway_find_upstream(
    ngx_http_upstream_main_conf_t *umcf, u_char *name, size_t len);


char *
ngx_http_gateway_upstream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_upstream_server_t    *server;
    ngx_http_upstream_srv_conf_t  *uscf;

    (void) cmd;
    (void) conf;

    uscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    if (uscf->peer.init_upstream != NULL || uscf->servers->nelts) {
        return "stands alone in its upstream";
    }

    /* nginx refuses upstreams without any. */

    server = ngx_array_push(uscf->servers);
    if (server == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(server, sizeof(ngx_http_upstream_server_t));

    uscf->flags = 0;
    uscf->peer.init_upstream = ngx_http_gateway_init_upstream;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us)
{
    if (us->servers->nelts != 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_upstream\" stands alone in its upstream "
                      "in %s:%ui", us->file_name, us->line);
        return NGX_ERROR;
    }

    us->peer.init = ngx_http_gateway_init_peer;

    return NGX_OK;
}


/* As if the location had named the chosen one. */

static ngx_int_t
ngx_http_gateway_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_gateway_ctx_t        *ctx;
    ngx_http_upstream_srv_conf_t  *chosen;

    ctx = ngx_http_gateway_ctx(r->main);

    if (ctx == NULL || !ctx->forwarded) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "gateway: nothing was decided that upstream \"%V\" "
                      "could stand for", &us->host);
        return NGX_ERROR;
    }

    chosen = (ngx_http_upstream_srv_conf_t *) (uintptr_t)
             ctx->decision.backend_user;

    if (chosen == NULL || chosen->peer.init == ngx_http_gateway_init_peer) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "gateway: no upstream for backend \"%*s\"",
                      ctx->decision.backend.len, ctx->decision.backend.ptr);
        return NGX_ERROR;
    }

    r->upstream->upstream = chosen;
#if (NGX_HTTP_SSL)
    r->upstream->ssl_name = chosen->host;
#endif

    return chosen->peer.init(r, chosen);
}


/*
 * Backends without an upstream are told, which may be what a user wants who has a resolver. A
 * router that was built before the upstreams were known has none.
 */

void
ngx_http_gateway_bind_upstreams(gw_router *router,
    ngx_http_upstream_main_conf_t *umcf, ngx_log_t *log)
{
    u_char                         name[NGX_MAX_ERROR_STR];
    size_t                         i, len;
    gw_str                         backend;
    ngx_http_upstream_srv_conf_t  *uscf;

    for (i = 0; gw_router_backend(router, i, &backend) == GW_OK; i++) {
        if (backend.len > sizeof(name)) {
            continue;
        }

        len = ngx_http_gateway_upstream_name(&backend, name);
        uscf = ngx_http_gateway_find_upstream(umcf, name, len);

        if (uscf == NULL) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "gateway: no upstream \"%*s\" for backend \"%*s\"",
                          len, name, backend.len, backend.ptr);
            continue;
        }

        (void) gw_router_bind(router, &backend, (uint64_t) (uintptr_t) uscf);
    }
}


static ngx_http_upstream_srv_conf_t *
ngx_http_gateway_find_upstream(ngx_http_upstream_main_conf_t *umcf,
    u_char *name, size_t len)
{
    ngx_uint_t                      n;
    ngx_http_upstream_srv_conf_t  **uscf;

    uscf = umcf->upstreams.elts;

    for (n = 0; n < umcf->upstreams.nelts; n++) {
        if (uscf[n]->host.len == len
            && ngx_strncasecmp(uscf[n]->host.data, name, len) == 0)
        {
            return uscf[n];
        }
    }

    return NULL;
}


/* "shop/cart:80" -> "shop.cart.80": proxy_pass takes neither '/' nor ':' in names of upstreams. */

size_t
ngx_http_gateway_upstream_name(const gw_str *backend, u_char *to)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < backend->len; i++) {
        c = backend->ptr[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '-' || c == '_')
        {
            to[i] = c;

        } else {
            to[i] = '.';
        }
    }

    return backend->len;
}
