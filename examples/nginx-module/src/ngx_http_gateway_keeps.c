/* What nginx drops by itself, so that the engine need not say it. */

#include "ngx_http_gateway.h"


static ngx_uint_t ngx_http_gateway_hides(ngx_http_upstream_conf_t *conf);


/* What rules hide of backends unasked: see GW_DECISION_KEEPS_USUAL_ANSWER. */

static ngx_str_t  ngx_http_gateway_hidden[] = {
    ngx_string("date"),
    ngx_string("server"),
    ngx_string("x-pad"),
    ngx_string("x-accel-redirect"),
    ngx_string("x-accel-expires"),
    ngx_string("x-accel-limit-rate"),
    ngx_string("x-accel-buffering"),
    ngx_string("x-accel-charset"),
    ngx_null_string
};


/* Which server reads a header is not known before its Host: all of them have to. */

ngx_uint_t
ngx_http_gateway_drops_unusual(ngx_http_core_main_conf_t *cmcf)
{
    ngx_uint_t                   i;
    ngx_http_core_srv_conf_t   **cscf;

    cscf = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        if (!cscf[i]->ignore_invalid_headers || cscf[i]->underscores_in_headers)
        {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_http_gateway_keeps_request(ngx_http_gateway_ctx_t *ctx)
{
    uint32_t  flag;

    flag = ctx->conf->drops_unusual ? GW_DECISION_KEEPS_USUAL_REQUEST
                                    : GW_DECISION_KEEPS_REQUEST;

    return (ctx->decision.flags & flag) != 0;
}


ngx_uint_t
ngx_http_gateway_keeps_answer(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_http_upstream_t          *u;
    ngx_http_gateway_loc_conf_t  *glcf;

    if (ctx->decision.flags & GW_DECISION_KEEPS_ANSWER) {
        return 1;
    }

    if (!(ctx->decision.flags & GW_DECISION_KEEPS_USUAL_ANSWER)) {
        return 0;
    }

    u = r->upstream;

    if (u == NULL) {
        return 0;
    }

    /* Looked up once for each location. */

    glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);

    if (glcf->hiding != u->conf) {
        glcf->hiding = u->conf;
        glcf->hides = ngx_http_gateway_hides(u->conf);
    }

    return glcf->hides;
}


static ngx_uint_t
ngx_http_gateway_hides(ngx_http_upstream_conf_t *conf)
{
    ngx_str_t  *name;

    for (name = ngx_http_gateway_hidden; name->len; name++) {
        if (ngx_hash_find(&conf->hide_headers_hash,
                          ngx_hash_key(name->data, name->len), name->data,
                          name->len)
            == NULL)
        {
            return 0;
        }
    }

    return 1;
}
