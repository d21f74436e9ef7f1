/* Rewrite phase: what to do with a request. */

#include "ngx_http_gateway.h"


static ngx_int_t ngx_http_gateway_forward(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_failed(ngx_http_request_t *r,
    const char *call, gw_status status);


ngx_int_t
ngx_http_gateway_handler(ngx_http_request_t *r)
{
    gw_status                     rc;
    ngx_http_gateway_ctx_t       *ctx;
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);

    /* A request is decided once, however often it is redirected. */

    if (!glcf->enable || r != r->main || ngx_http_gateway_ctx(r) != NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_gateway_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = gw_decide(ctx->decider, ctx->conf->engine, &ctx->request,
                   &ctx->decision);

    if (rc != GW_OK) {
        return ngx_http_gateway_failed(r, "gw_decide", rc);
    }

    switch (ctx->decision.kind) {

    case GW_KIND_FORWARD:
        return ngx_http_gateway_forward(r, ctx);

    case GW_KIND_REDIRECT:
    case GW_KIND_RESPOND:
    case GW_KIND_DENY:
    case GW_KIND_NO_ROUTE:
    case GW_KIND_PREFLIGHT:
        return ngx_http_gateway_answer(r, ctx, 0);

    case GW_KIND_REFUSE:
        if (ctx->decision.unmet) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "gateway: %*s %*s/%*s asks for what nginx does not "
                          "do for it (duties %xL)",
                          ctx->decision.route_kind.len,
                          ctx->decision.route_kind.ptr,
                          ctx->decision.route_namespace.len,
                          ctx->decision.route_namespace.ptr,
                          ctx->decision.route_name.len,
                          ctx->decision.route_name.ptr,
                          ctx->decision.unmet);
        }

        return ngx_http_gateway_answer(r, ctx, 0);

    default:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "gateway: unknown kind of decision: %D",
                      ctx->decision.kind);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
ngx_http_gateway_forward(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx)
{
    gw_status                     rc;
    gw_decision                  *decision;
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);
    decision = &ctx->decision;

    if (r->headers_in.content_length_n > 0
        && (uint64_t) r->headers_in.content_length_n > decision->max_body)
    {
        return ngx_http_gateway_answer(r, ctx,
                                       NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    if (decision->protocol != GW_PROTOCOL_HTTP1 && glcf->http2.len == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "gateway: backend \"%*s\" does not speak HTTP/1.1, and "
                      "there is no \"gateway_http2\"",
                      decision->backend.len, decision->backend.ptr);
        return ngx_http_gateway_answer(r, ctx, NGX_HTTP_BAD_GATEWAY);
    }

    if (ngx_http_gateway_keeps_request(ctx)) {
        ctx->forward.target = ctx->request.target;
        ctx->forwarded = 1;

    } else {
        rc = gw_edit_request(ctx->decider, &ctx->request, &ctx->forward);
        if (rc != GW_OK) {
            return ngx_http_gateway_failed(r, "gw_edit_request", rc);
        }

        ctx->forwarded = 1;

        if (ctx->forward.ops_len
            && ngx_http_gateway_edit_headers_in(r, ctx->forward.ops,
                                                ctx->forward.ops_len)
               != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    /* What proxy_pass sends that has no path; grpc_pass never has one. */

    if (glcf->request_uri || decision->protocol != GW_PROTOCOL_HTTP1) {
        r->unparsed_uri.data = (u_char *) ctx->forward.target.ptr;
        r->unparsed_uri.len = ctx->forward.target.len;
        r->valid_unparsed_uri = 1;
    }

    if (decision->protocol == GW_PROTOCOL_HTTP1) {
        return NGX_DECLINED;
    }

    (void) ngx_http_named_location(r, &glcf->http2);
    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_gateway_failed(ngx_http_request_t *r, const char *call,
    gw_status status)
{
    ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                  "gateway: %s failed (%D)", call, status);

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}
