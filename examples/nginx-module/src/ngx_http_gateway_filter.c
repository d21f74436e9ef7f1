/* Answers that come from backends, and those of nginx where none came. */

#include "ngx_http_gateway.h"


static ngx_int_t ngx_http_gateway_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static gw_status ngx_http_gateway_edit(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, gw_response *response);
static ngx_uint_t ngx_http_gateway_has_answered(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_replace(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, gw_response *response);
static ngx_int_t ngx_http_gateway_upstream_status(ngx_http_request_t *r,
    gw_str *text);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


void
ngx_http_gateway_filter_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_gateway_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_gateway_body_filter;
}


static ngx_int_t
ngx_http_gateway_header_filter(ngx_http_request_t *r)
{
    gw_status                rc;
    gw_response              response;
    ngx_http_gateway_ctx_t  *ctx;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_gateway_ctx(r);

    if (ctx == NULL || !ctx->forwarded || ctx->answered) {
        return ngx_http_next_header_filter(r);
    }

    ctx->answered = 1;

    if (ngx_http_gateway_has_answered(r)
        && ngx_http_gateway_keeps_answer(r, ctx))
    {
        return ngx_http_next_header_filter(r);
    }

    ngx_memzero(&response, sizeof(gw_response));
    response.struct_size = sizeof(gw_response);

    rc = ngx_http_gateway_edit(r, ctx, &response);

    if (rc != GW_OK) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "gateway: the answer could not be edited (%D)", rc);
        return ngx_http_filter_finalize_request(r, &ngx_http_gateway_module,
                                              NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    if (response.flags & GW_RESPONSE_WHOLE) {
        return ngx_http_gateway_replace(r, ctx, &response);
    }

    if (ngx_http_gateway_edit_headers_out(r, response.ops, response.ops_len)
        != NGX_OK)
    {
        return ngx_http_filter_finalize_request(r, &ngx_http_gateway_module,
                                              NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    return ngx_http_next_header_filter(r);
}


static gw_status
ngx_http_gateway_edit(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    gw_response *response)
{
    gw_str  tried;

    if (ngx_http_gateway_upstream_status(r, &tried) != NGX_OK) {
        return GW_ERR_LIMIT;
    }

    if (!ngx_http_gateway_has_answered(r)) {
        return gw_answer(ctx->decider, &ctx->request,
                         (uint32_t) r->headers_out.status, &tried, response);
    }

    return gw_edit_response(ctx->decider, &ctx->request,
                            (uint32_t) r->headers_out.status, &tried, response);
}


/* An upstream without a status has not: then the status is one that nginx chose. */

static ngx_uint_t
ngx_http_gateway_has_answered(ngx_http_request_t *r)
{
    return r->upstream == NULL || r->upstream->headers_in.status_n != 0;
}


/* The header of another answer, and its body where there is one. */

static ngx_int_t
ngx_http_gateway_replace(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    gw_response *response)
{
    off_t       length;
    ngx_str_t   type;
    ngx_uint_t  status;

    length = r->headers_out.content_length_n;
    type = r->headers_out.content_type;
    status = r->headers_out.status;

    ngx_http_gateway_clear_headers_out(r);

    r->headers_out.status = response->status;

    if (response->body.ptr == NULL && response->status == status
        && !ngx_http_gateway_has_answered(r))
    {
        /* The page that nginx has for the status, whose Content-Type goes with it. */

        r->headers_out.content_length_n = length;
        r->headers_out.content_type = type;
        r->headers_out.content_type_len = type.len;

    } else {
        ctx->replaced = 1;
        ctx->body = response->body;
        r->headers_out.content_length_n = response->body.len;
    }

    if (ngx_http_gateway_edit_headers_out(r, response->ops, response->ops_len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_gateway_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t               *b;
    ngx_chain_t              out;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_gateway_module);

    if (ctx == NULL || !ctx->replaced || r != r->main) {
        return ngx_http_next_body_filter(r, in);
    }

    for ( /* void */ ; in; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }

    if (ctx->body_sent) {
        return ngx_http_next_body_filter(r, NULL);
    }

    ctx->body_sent = 1;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) ctx->body.ptr;
    b->last = b->pos + ctx->body.len;
    b->memory = ctx->body.len ? 1 : 0;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


/* The statuses of all tries, as error pages print them: "502, 504". */

static ngx_int_t
ngx_http_gateway_upstream_status(ngx_http_request_t *r, gw_str *text)
{
    u_char                     *p;
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    ngx_memzero(text, sizeof(gw_str));

    /* Of one the engine knows the status. */

    if (r->upstream_states == NULL || r->upstream_states->nelts < 2) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, r->upstream_states->nelts * (3 + 2));
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->ptr = (char *) p;
    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {
        if (state[i].status == 0) {
            continue;
        }

        if (p != (u_char *) text->ptr) {
            *p++ = ',';
            *p++ = ' ';
        }

        p = ngx_sprintf(p, "%03ui", state[i].status % 1000);
    }

    text->len = (char *) p - text->ptr;

    return NGX_OK;
}
