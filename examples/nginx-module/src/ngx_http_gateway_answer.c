/* Answers that come from no backend. */

#include "ngx_http_gateway.h"


/* status as for gw_answer: 0 for that of the decision. */

ngx_int_t
ngx_http_gateway_answer(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    ngx_uint_t status)
{
    gw_status     rc;
    ngx_int_t     sent;
    ngx_buf_t    *b;
    ngx_chain_t   out;
    gw_response   response;

    ngx_memzero(&response, sizeof(gw_response));
    response.struct_size = sizeof(gw_response);

    rc = gw_answer(ctx->decider, &ctx->request, (uint32_t) status, NULL,
                   &response);

    if (rc != GW_OK) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "gateway: gw_answer failed (%D)", rc);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->answered = 1;

    sent = ngx_http_discard_request_body(r);
    if (sent != NGX_OK) {
        return sent;
    }

    r->disable_not_modified = 1;

    if (ngx_http_gateway_edit_headers_out(r, response.ops, response.ops_len)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* Nothing is said of the body: the page that nginx has for the status. */

    if (response.body.ptr == NULL && response.status >= NGX_HTTP_SPECIAL_RESPONSE)
    {
        return response.status;
    }

    r->headers_out.status = response.status;
    r->headers_out.content_length_n = response.body.len;

    if (response.status == NGX_HTTP_NO_CONTENT) {
        r->headers_out.content_length_n = -1;
        r->header_only = 1;
    }

    sent = ngx_http_send_header(r);

    if (sent == NGX_ERROR || sent > NGX_OK || r->header_only) {
        return sent;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) response.body.ptr;
    b->last = b->pos + response.body.len;
    b->memory = response.body.len ? 1 : 0;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
