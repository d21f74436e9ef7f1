/* Changes to the header that a client receives. */

#include "ngx_http_gateway.h"


typedef struct {
    ngx_str_t   name;
    size_t      offset;
} ngx_http_gateway_slot_t;


static ngx_int_t ngx_http_gateway_apply_out(ngx_http_request_t *r,
    const gw_header_op *op);
static void ngx_http_gateway_drop_out(ngx_http_request_t *r,
    const gw_header_op *op, ngx_table_elt_t **slot);
static ngx_int_t ngx_http_gateway_add_out(ngx_http_request_t *r,
    const gw_header_op *op, ngx_table_elt_t **slot);
static ngx_uint_t ngx_http_gateway_is_content_type(const gw_header_op *op);
static ngx_table_elt_t **ngx_http_gateway_slot(ngx_http_request_t *r,
    const u_char *name, size_t len);
static void ngx_http_gateway_set_content_type(ngx_http_request_t *r,
    const gw_str *value);


/* What stands for a Server that is not sent: without any, nginx writes its own. */

static ngx_table_elt_t  ngx_http_gateway_no_server;


/* Fields that nginx itself writes, or looks at, if these pointers say so. */

static ngx_http_gateway_slot_t  ngx_http_gateway_slots[] = {
    { ngx_string("server"), offsetof(ngx_http_headers_out_t, server) },
    { ngx_string("date"), offsetof(ngx_http_headers_out_t, date) },
    { ngx_string("content-encoding"),
      offsetof(ngx_http_headers_out_t, content_encoding) },
    { ngx_string("location"), offsetof(ngx_http_headers_out_t, location) },
    { ngx_string("refresh"), offsetof(ngx_http_headers_out_t, refresh) },
    { ngx_string("last-modified"),
      offsetof(ngx_http_headers_out_t, last_modified) },
    { ngx_string("accept-ranges"),
      offsetof(ngx_http_headers_out_t, accept_ranges) },
    { ngx_string("www-authenticate"),
      offsetof(ngx_http_headers_out_t, www_authenticate) },
    { ngx_string("expires"), offsetof(ngx_http_headers_out_t, expires) },
    { ngx_string("etag"), offsetof(ngx_http_headers_out_t, etag) },
    { ngx_null_string, 0 }
};


ngx_int_t
ngx_http_gateway_edit_headers_out(ngx_http_request_t *r,
    const gw_header_op *ops, size_t n)
{
    size_t  k;

    for (k = 0; k < n; k++) {
        if (ngx_http_gateway_apply_out(r, &ops[k]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Nothing stays of what a backend, or nginx, was about to say. */

void
ngx_http_gateway_clear_headers_out(ngx_http_request_t *r)
{
    ngx_uint_t                i;
    ngx_list_part_t          *part;
    ngx_table_elt_t          *h;
    ngx_http_gateway_slot_t  *slot;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            h[i].hash = 0;
        }
    }

    for (slot = ngx_http_gateway_slots; slot->name.len; slot++) {
        *(ngx_table_elt_t **) ((u_char *) &r->headers_out + slot->offset)
            = NULL;
    }

    ngx_http_clear_content_length(r);
    r->headers_out.last_modified_time = -1;
    r->headers_out.status_line.len = 0;
    ngx_http_gateway_set_content_type(r, NULL);
}


static ngx_int_t
ngx_http_gateway_apply_out(ngx_http_request_t *r, const gw_header_op *op)
{
    ngx_table_elt_t  **slot;

    slot = ngx_http_gateway_slot(r, (u_char *) op->name.ptr, op->name.len);

    switch (op->op) {

    case GW_OP_SET:
        ngx_http_gateway_drop_out(r, op, slot);

        /* fall through */

    case GW_OP_ADD:
        return ngx_http_gateway_add_out(r, op, slot);

    case GW_OP_REMOVE:
        ngx_http_gateway_drop_out(r, op, slot);
        return NGX_OK;

    default:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "gateway: unknown change to a header: %D", op->op);
        return NGX_ERROR;
    }
}


static void
ngx_http_gateway_drop_out(ngx_http_request_t *r, const gw_header_op *op,
    ngx_table_elt_t **slot)
{
    ngx_uint_t         i;
    ngx_list_part_t   *part;
    ngx_table_elt_t   *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_gateway_is(&op->name, h[i].key.data, h[i].key.len)) {
                h[i].hash = 0;
            }
        }
    }

    if (slot != NULL) {
        *slot = NULL;
    }

    if (slot == &r->headers_out.last_modified) {
        r->headers_out.last_modified_time = -1;
    }

    if (slot == &r->headers_out.server) {
        *slot = &ngx_http_gateway_no_server;
    }

    if (ngx_http_gateway_is_content_type(op)) {
        ngx_http_gateway_set_content_type(r, NULL);
    }
}


static ngx_int_t
ngx_http_gateway_add_out(ngx_http_request_t *r, const gw_header_op *op,
    ngx_table_elt_t **slot)
{
    ngx_table_elt_t  *h;

    if (ngx_http_gateway_is_content_type(op)) {
        ngx_http_gateway_set_content_type(r, &op->value);
        return NGX_OK;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) op->name.ptr;
    h->key.len = op->name.len;
    h->lowcase_key = h->key.data;
    h->value.data = (u_char *) op->value.ptr;
    h->value.len = op->value.len;

    /* nginx would make Locations absolute that it knows of: the engine has done what is asked. */

    if (slot != NULL && slot != &r->headers_out.location) {
        *slot = h;
    }

    return NGX_OK;
}


/* Names of changes are in lower case. */

static ngx_uint_t
ngx_http_gateway_is_content_type(const gw_header_op *op)
{
    return op->name.len == 12
           && ngx_memcmp(op->name.ptr, "content-type", 12) == 0;
}


static ngx_table_elt_t **
ngx_http_gateway_slot(ngx_http_request_t *r, const u_char *name, size_t len)
{
    ngx_http_gateway_slot_t  *slot;

    for (slot = ngx_http_gateway_slots; slot->name.len; slot++) {
        if (slot->name.len == len
            && ngx_memcmp(slot->name.data, name, len) == 0)
        {
            return (ngx_table_elt_t **) ((u_char *) &r->headers_out
                                         + slot->offset);
        }
    }

    return NULL;
}


static void
ngx_http_gateway_set_content_type(ngx_http_request_t *r, const gw_str *value)
{
    ngx_http_headers_out_t  *out;

    out = &r->headers_out;

    ngx_str_null(&out->content_type);
    ngx_str_null(&out->charset);

    if (value != NULL) {
        out->content_type.data = (u_char *) value->ptr;
        out->content_type.len = value->len;
    }

    out->content_type_len = out->content_type.len;
    out->content_type_lowcase = NULL;
}
