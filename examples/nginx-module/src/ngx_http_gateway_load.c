/* Documents -> router. */

#include "ngx_http_gateway.h"


typedef ngx_int_t (*ngx_http_gateway_file_pt)(void *data, ngx_str_t *name,
    ngx_log_t *log);

typedef struct {
    ngx_pool_t   *pool;
    ngx_array_t   sources;      /* of gw_source */
} ngx_http_gateway_reader_t;


static ngx_int_t ngx_http_gateway_each_file(ngx_http_gateway_main_conf_t *gmcf,
    ngx_log_t *log, ngx_http_gateway_file_pt file, void *data);
static ngx_int_t ngx_http_gateway_read_file(void *data, ngx_str_t *name,
    ngx_log_t *log);
static ngx_int_t ngx_http_gateway_stat_file(void *data, ngx_str_t *name,
    ngx_log_t *log);
static void ngx_http_gateway_tell(gw_report *report, ngx_log_t *log);
static void ngx_http_gateway_tell_overlooked(gw_router *router,
    ngx_log_t *log);
static ngx_int_t ngx_http_gateway_check_names(gw_router *router,
    ngx_pool_t *pool, ngx_log_t *log);
static int ngx_libc_cdecl ngx_http_gateway_compare_names(const void *one,
    const void *two);


ngx_int_t
ngx_http_gateway_load(ngx_http_gateway_main_conf_t *gmcf, ngx_pool_t *pool,
    ngx_log_t *log, gw_router **router)
{
    gw_report                  *report;
    gw_status                   rc;
    gw_build_options            options;
    ngx_http_gateway_reader_t   reader;

    reader.pool = pool;

    if (ngx_array_init(&reader.sources, pool, 4, sizeof(gw_source)) != NGX_OK
        || ngx_http_gateway_each_file(gmcf, log, ngx_http_gateway_read_file,
                                      &reader)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* No duties: nginx does nothing that policies ask for. */

    options = gmcf->options.build;
    options.previous = gmcf->router;
    options.known_services = gmcf->options.known_services.elts;
    options.known_services_len = gmcf->options.known_services.nelts;
    options.addresses = gmcf->options.addresses.elts;
    options.addresses_len = gmcf->options.addresses.nelts;

    rc = gw_router_build(reader.sources.elts, reader.sources.nelts, &options,
                         router, &report);

    ngx_http_gateway_tell(report, log);
    gw_report_free(report);

    if (rc != GW_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "gateway: the documents are not taken (%D)", rc);
        return NGX_ERROR;
    }

    ngx_http_gateway_tell_overlooked(*router, log);

    if (ngx_http_gateway_check_names(*router, pool, log) != NGX_OK) {
        gw_router_free(*router);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* What changes when one of the files does. */

uint64_t
ngx_http_gateway_fingerprint(ngx_http_gateway_main_conf_t *gmcf,
    ngx_log_t *log)
{
    uint64_t  fingerprint;

    fingerprint = 0;

    (void) ngx_http_gateway_each_file(gmcf, log, ngx_http_gateway_stat_file,
                                      &fingerprint);

    return fingerprint;
}


/* The router from now on; the one before is let go of. */

void
ngx_http_gateway_in_force(ngx_http_gateway_main_conf_t *gmcf,
    gw_router *router)
{
    size_t       i;
    gw_listener  listener;

    gw_router_free(gmcf->router);

    gmcf->router = router;
    gmcf->local_addresses = 0;

    ngx_memzero(&listener, sizeof(gw_listener));
    listener.struct_size = sizeof(gw_listener);

    for (i = 0; gw_router_listener(router, i, &listener) == GW_OK; i++) {
        if (listener.family) {
            gmcf->local_addresses = 1;
        }
    }
}


static ngx_int_t
ngx_http_gateway_each_file(ngx_http_gateway_main_conf_t *gmcf, ngx_log_t *log,
    ngx_http_gateway_file_pt file, void *data)
{
    ngx_int_t    rc;
    ngx_str_t   *pattern, name;
    ngx_uint_t   i;
    ngx_glob_t   gl;

    pattern = gmcf->files.elts;

    for (i = 0; i < gmcf->files.nelts; i++) {

        if (strpbrk((char *) pattern[i].data, "*?[") == NULL) {
            if (file(data, &pattern[i], log) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        ngx_memzero(&gl, sizeof(ngx_glob_t));

        gl.pattern = pattern[i].data;
        gl.log = log;
        gl.test = 1;

        if (ngx_open_glob(&gl) != NGX_OK) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          ngx_open_glob_n " \"%V\" failed", &pattern[i]);
            return NGX_ERROR;
        }

        rc = NGX_OK;

        while (rc == NGX_OK && ngx_read_glob(&gl, &name) == NGX_OK) {
            rc = file(data, &name, log);
        }

        ngx_close_glob(&gl);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_read_file(void *data, ngx_str_t *name, ngx_log_t *log)
{
    ngx_http_gateway_reader_t  *reader = data;

    u_char           *buf;
    size_t            size;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_file_t        file;
    gw_source        *source;
    ngx_file_info_t   fi;

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      ngx_fd_info_n " \"%V\" failed", name);
        goto failed;
    }

    size = (size_t) ngx_file_size(&fi);

    source = ngx_array_push(&reader->sources);
    if (source == NULL) {
        goto failed;
    }

    buf = ngx_palloc(reader->pool, ngx_max(size, 1));
    source->name.ptr = (char *) ngx_pstrdup(reader->pool, name);
    if (buf == NULL || source->name.ptr == NULL) {
        goto failed;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.fd = fd;
    file.name = *name;
    file.log = log;

    n = ngx_read_file(&file, buf, size, 0);
    if (n == NGX_ERROR) {
        goto failed;
    }

    source->name.len = name->len;
    source->text.ptr = (char *) buf;
    source->text.len = n;

    (void) ngx_close_file(fd);

    return NGX_OK;

failed:

    (void) ngx_close_file(fd);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_stat_file(void *data, ngx_str_t *name, ngx_log_t *log)
{
    uint64_t  *fingerprint = data;

    ngx_file_info_t  fi;

    (void) log;

    /* Reading it says what is wrong. */

    if (ngx_file_info(name->data, &fi) == NGX_FILE_ERROR) {
        *fingerprint = gw_mix64(~*fingerprint);
        return NGX_OK;
    }

    *fingerprint = gw_mix64(*fingerprint ^ (uint64_t) fi.st_mtim.tv_sec);
    *fingerprint = gw_mix64(*fingerprint ^ (uint64_t) fi.st_mtim.tv_nsec);
    *fingerprint = gw_mix64(*fingerprint ^ (uint64_t) ngx_file_size(&fi));
    *fingerprint = gw_mix64(*fingerprint ^ (uint64_t) ngx_file_uniq(&fi));

    return NGX_OK;
}


static void
ngx_http_gateway_tell(gw_report *report, ngx_log_t *log)
{
    size_t         i;
    ngx_uint_t     level;
    gw_diagnostic  diagnostic;

    ngx_memzero(&diagnostic, sizeof(gw_diagnostic));
    diagnostic.struct_size = sizeof(gw_diagnostic);

    for (i = 0; gw_report_get(report, i, &diagnostic) == GW_OK; i++) {

        switch (diagnostic.severity) {
        case GW_SEVERITY_NOTICE:
            level = NGX_LOG_NOTICE;
            break;
        case GW_SEVERITY_WARNING:
            level = NGX_LOG_WARN;
            break;
        default:
            level = NGX_LOG_ERR;
        }

        ngx_log_error(level, log, 0, "%*s", diagnostic.text.len,
                      diagnostic.text.ptr);
    }
}


/* What rules wish for and nginx does not do, though it harms nobody. */

static void
ngx_http_gateway_tell_overlooked(gw_router *router, ngx_log_t *log)
{
    gw_needs  needs;

    ngx_memzero(&needs, sizeof(gw_needs));
    needs.struct_size = sizeof(gw_needs);

    if (gw_router_needs(router, &needs) == GW_OK
        && (needs.flags & GW_NEEDS_SESSIONS))
    {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "gateway: sessions of the documents are not kept");
    }
}


/* Names of upstreams leave out what distinguishes some labels: each has to be that of one backend. */

static ngx_int_t
ngx_http_gateway_check_names(gw_router *router, ngx_pool_t *pool,
    ngx_log_t *log)
{
    size_t      i, n;
    gw_str      backend;
    ngx_str_t  *names;

    n = gw_router_backend_count(router);

    names = ngx_palloc(pool, ngx_max(n, 1) * sizeof(ngx_str_t));
    if (names == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; gw_router_backend(router, i, &backend) == GW_OK; i++) {
        names[i].data = ngx_pnalloc(pool, backend.len);
        if (names[i].data == NULL) {
            return NGX_ERROR;
        }

        names[i].len = ngx_http_gateway_upstream_name(&backend, names[i].data);
    }

    ngx_qsort(names, n, sizeof(ngx_str_t), ngx_http_gateway_compare_names);

    for (i = 1; i < n; i++) {
        if (ngx_http_gateway_compare_names(&names[i - 1], &names[i]) == 0) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "gateway: two backends would be upstream \"%V\"",
                          &names[i]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_gateway_compare_names(const void *one, const void *two)
{
    const ngx_str_t  *a = one;
    const ngx_str_t  *b = two;

    if (a->len != b->len) {
        return a->len < b->len ? -1 : 1;
    }

    return ngx_strncasecmp(a->data, b->data, a->len);
}
