/* Changes to the header that a backend receives. */

#include "ngx_http_gateway.h"


static ngx_int_t ngx_http_gateway_apply_in(ngx_http_request_t *r,
    ngx_array_t *headers, const gw_header_op *op);
static void ngx_http_gateway_drop_in(ngx_array_t *headers,
    const gw_header_op *op);
static ngx_uint_t ngx_http_gateway_is_dropped(ngx_table_elt_t *h,
    const gw_header_op *op);
static ngx_uint_t ngx_http_gateway_is_framing(ngx_table_elt_t *h);
static ngx_uint_t ngx_http_gateway_is_unusual(ngx_table_elt_t *h);
static ngx_int_t ngx_http_gateway_relink(ngx_http_request_t *r,
    u_char *name, size_t len);
#if (nginx_version < 1023000)
static ngx_int_t ngx_http_gateway_relink_lines(ngx_http_request_t *r,
    ngx_array_t *lines, u_char *name, size_t len);
#endif


static ngx_str_t  ngx_http_gateway_framing[] = {
    ngx_string("host"),
    ngx_string("connection"),
    ngx_string("content-length"),
    ngx_string("keep-alive"),
    ngx_string("proxy-connection"),
    ngx_string("te"),
    ngx_string("trailer"),
    ngx_string("transfer-encoding"),
    ngx_string("upgrade"),
    ngx_null_string
};


/*
 * The changed header is a list of its own: the engine goes on looking at the
 * one that the client sent.
 */

ngx_int_t
ngx_http_gateway_edit_headers_in(ngx_http_request_t *r,
    const gw_header_op *ops, size_t n)
{
    size_t            k;
    ngx_uint_t        i, count;
    ngx_list_t       *list;
    ngx_array_t       headers;
    ngx_list_part_t  *part, before;
    ngx_table_elt_t  *h;

    list = &r->headers_in.headers;
    before = list->part;
    count = n;

    for (part = &before; part; part = part->next) {
        count += part->nelts;
    }

    if (ngx_array_init(&headers, r->pool, count, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (part = &before; part; part = part->next) {
        h = ngx_array_push_n(&headers, part->nelts);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(h, part->elts, part->nelts * sizeof(ngx_table_elt_t));
    }

    for (k = 0; k < n; k++) {
        if (ngx_http_gateway_apply_in(r, &headers, &ops[k]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    list->part.elts = headers.elts;
    list->part.nelts = headers.nelts;
    list->part.next = NULL;
    list->last = &list->part;
    list->nalloc = headers.nalloc;

    for (k = 0; k < n; k++) {
        if (ops[k].name.len
            && ngx_http_gateway_relink(r, (u_char *) ops[k].name.ptr,
                                       ops[k].name.len)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ops[k].op != GW_OP_DROP_ALL) {
            continue;
        }

        for (part = &before; part; part = part->next) {
            h = part->elts;

            for (i = 0; i < part->nelts; i++) {
                if (!ngx_http_gateway_is_framing(&h[i])
                    && ngx_http_gateway_relink(r, h[i].lowcase_key,
                                               h[i].key.len)
                       != NGX_OK)
                {
                    return NGX_ERROR;
                }
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_apply_in(ngx_http_request_t *r, ngx_array_t *headers,
    const gw_header_op *op)
{
    ngx_table_elt_t  *h;

    switch (op->op) {

    case GW_OP_SET:
        ngx_http_gateway_drop_in(headers, op);

        /* fall through */

    case GW_OP_ADD:
        h = ngx_array_push(headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));

        h->key.data = (u_char *) op->name.ptr;
        h->key.len = op->name.len;
        h->lowcase_key = h->key.data;
        h->value.data = (u_char *) op->value.ptr;
        h->value.len = op->value.len;
        h->hash = ngx_hash_key(h->key.data, h->key.len);

        return NGX_OK;

    case GW_OP_REMOVE:
    case GW_OP_DROP_ALL:
    case GW_OP_DROP_UNUSUAL:
        ngx_http_gateway_drop_in(headers, op);
        return NGX_OK;

    default:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "gateway: unknown change to a header: %D", op->op);
        return NGX_ERROR;
    }
}


static void
ngx_http_gateway_drop_in(ngx_array_t *headers, const gw_header_op *op)
{
    ngx_uint_t        i, n;
    ngx_table_elt_t  *h;

    h = headers->elts;
    n = 0;

    for (i = 0; i < headers->nelts; i++) {
        if (ngx_http_gateway_is_dropped(&h[i], op)) {
            continue;
        }

        if (n != i) {
            h[n] = h[i];
        }

        n++;
    }

    headers->nelts = n;
}


static ngx_uint_t
ngx_http_gateway_is_dropped(ngx_table_elt_t *h, const gw_header_op *op)
{
    switch (op->op) {

    case GW_OP_DROP_ALL:
        return !ngx_http_gateway_is_framing(h);

    case GW_OP_DROP_UNUSUAL:
        return ngx_http_gateway_is_unusual(h);

    default:
        return ngx_http_gateway_is(&op->name, h->lowcase_key, h->key.len);
    }
}


static ngx_uint_t
ngx_http_gateway_is_framing(ngx_table_elt_t *h)
{
    ngx_str_t  *name;

    for (name = ngx_http_gateway_framing; name->len; name++) {
        if (h->key.len == name->len
            && ngx_memcmp(h->lowcase_key, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_gateway_is_unusual(ngx_table_elt_t *h)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < h->key.len; i++) {
        c = h->lowcase_key[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return 1;
        }
    }

    return 0;
}


/* nginx keeps pointers to the fields that it knows, which variables look at. */

static ngx_int_t
ngx_http_gateway_relink(ngx_http_request_t *r, u_char *name, size_t len)
{
    u_char                     *field;
    ngx_uint_t                  i;
    ngx_list_part_t            *part;
    ngx_table_elt_t            *h, **slot;
    ngx_http_header_t          *hh;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    hh = ngx_hash_find(&cmcf->headers_in_hash, ngx_hash_key(name, len), name,
                       len);
    if (hh == NULL) {
        return NGX_OK;
    }

    field = (u_char *) &r->headers_in + hh->offset;

#if (nginx_version < 1023000)

    if (field == (u_char *) &r->headers_in.cookies
#if (NGX_HTTP_X_FORWARDED_FOR)
        || field == (u_char *) &r->headers_in.x_forwarded_for
#endif
       )
    {
        return ngx_http_gateway_relink_lines(r, (ngx_array_t *) field, name,
                                             len);
    }

#endif

    slot = (ngx_table_elt_t **) field;
    *slot = NULL;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len != len
                || ngx_memcmp(h[i].lowcase_key, name, len) != 0)
            {
                continue;
            }

            *slot = &h[i];

#if (nginx_version < 1023000)
            return NGX_OK;
#else
            slot = &h[i].next;
            *slot = NULL;
#endif
        }
    }

    return NGX_OK;
}


#if (nginx_version < 1023000)

static ngx_int_t
ngx_http_gateway_relink_lines(ngx_http_request_t *r, ngx_array_t *lines,
    u_char *name, size_t len)
{
    ngx_uint_t         i;
    ngx_list_part_t   *part;
    ngx_table_elt_t   *h, **line;

    if (ngx_array_init(lines, r->pool, 1, sizeof(ngx_table_elt_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_memcmp(h[i].lowcase_key, name, len) == 0)
            {
                line = ngx_array_push(lines);
                if (line == NULL) {
                    return NGX_ERROR;
                }

                *line = &h[i];
            }
        }
    }

    return NGX_OK;
}

#endif
