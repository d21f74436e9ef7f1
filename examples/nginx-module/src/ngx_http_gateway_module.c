/* Directives, and what happens when nginx starts and stops. */

#include "ngx_http_gateway.h"


static void *ngx_http_gateway_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_gateway_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_gateway_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_init_process(ngx_cycle_t *cycle);
static void ngx_http_gateway_log(void *ctx, const gw_str *text);
static void ngx_http_gateway_cleanup(void *data);
static char *ngx_http_gateway_config(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_enable(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_address(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_http2(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_attribute(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_conf_num_bounds_t  ngx_http_gateway_ports = {
    ngx_conf_check_num_bounds, 1, 65535
};


static ngx_command_t  ngx_http_gateway_commands[] = {

    { ngx_string("gateway_config"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_config,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_option"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_gateway_option,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_attribute"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_gateway_attribute,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_watch"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_main_conf_t, watch),
      NULL },

    { ngx_string("gateway"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_gateway_enable,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_loc_conf_t, enable),
      NULL },

    { ngx_string("gateway_port"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_loc_conf_t, port),
      &ngx_http_gateway_ports },

    { ngx_string("gateway_address"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_address,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_http2"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_http2,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_loc_conf_t, http2),
      NULL },

    { ngx_string("gateway_request_uri"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_loc_conf_t, request_uri),
      NULL },

    { ngx_string("gateway_upstream"),
      NGX_HTTP_UPS_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_upstream,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_module_ctx = {
    ngx_http_gateway_preconfiguration,     /* preconfiguration */
    ngx_http_gateway_postconfiguration,    /* postconfiguration */

    ngx_http_gateway_create_main_conf,     /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_gateway_create_loc_conf,      /* create location configuration */
    ngx_http_gateway_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_module_ctx,          /* module context */
    ngx_http_gateway_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_gateway_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_main_conf_t));
    if (gmcf == NULL) {
        return NULL;
    }

    gmcf->watch = NGX_CONF_UNSET_MSEC;

    if (ngx_array_init(&gmcf->files, cf->pool, 2, sizeof(ngx_str_t))
        != NGX_OK
        || ngx_array_init(&gmcf->attributes, cf->pool, 2,
                          sizeof(ngx_http_gateway_attribute_t))
           != NGX_OK
        || ngx_array_init(&gmcf->idle, cf->pool, 64,
                          sizeof(ngx_http_gateway_ctx_t *))
           != NGX_OK
        || ngx_http_gateway_options_init(cf, &gmcf->options) != NGX_OK)
    {
        return NULL;
    }

    return gmcf;
}


static void *
ngx_http_gateway_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_loc_conf_t));
    if (glcf == NULL) {
        return NULL;
    }

    glcf->enable = NGX_CONF_UNSET;
    glcf->request_uri = NGX_CONF_UNSET;
    glcf->port = NGX_CONF_UNSET_UINT;
    glcf->address = NGX_CONF_UNSET_PTR;

    return glcf;
}


static char *
ngx_http_gateway_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_loc_conf_t  *prev = parent;
    ngx_http_gateway_loc_conf_t  *conf = child;

    (void) cf;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_value(conf->request_uri, prev->request_uri, 0);
    ngx_conf_merge_uint_value(conf->port, prev->port, 0);
    ngx_conf_merge_ptr_value(conf->address, prev->address, NULL);
    ngx_conf_merge_str_value(conf->http2, prev->http2, "");

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_preconfiguration(ngx_conf_t *cf)
{
    if (!GW_CHECK_ABI()) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "gateway: version %uD of the interface of libgateway "
                      "is not %uD, for which this module was built",
                      gw_abi_version(), GW_ABI_VERSION);
        return NGX_ERROR;
    }

    (void) gw_set_log(ngx_http_gateway_log, NULL);

    return ngx_http_gateway_add_variables(cf);
}


static ngx_int_t
ngx_http_gateway_postconfiguration(ngx_conf_t *cf)
{
    gw_router                     *router;
    ngx_pool_cleanup_t            *cln;
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->files.nelts == 0) {
        if (gmcf->enabled) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"gateway on\" without \"gateway_config\"");
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_cleanup;
    cln->data = gmcf;

    gmcf->fingerprint = ngx_http_gateway_fingerprint(gmcf, cf->log);

    if (ngx_http_gateway_load(gmcf, cf->temp_pool, cf->log, &router)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_gateway_bind_upstreams(router,
              ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module),
              cf->log);

    ngx_http_gateway_in_force(gmcf, router);

    if (gw_engine_new(router, &gmcf->engine) != GW_OK) {
        gmcf->engine = NULL;
        return NGX_ERROR;
    }

    gmcf->generation = 1;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    gmcf->drops_unusual = ngx_http_gateway_drops_unusual(cmcf);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_handler;

    ngx_http_gateway_filter_init();

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_init_process(ngx_cycle_t *cycle)
{
    ngx_time_t                    *tp;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_gateway_module);

    if (gmcf == NULL || gmcf->engine == NULL) {
        return NGX_OK;
    }

    /* Workers that start at the same time have to differ. */

    tp = ngx_timeofday();
    gmcf->random = gw_mix64((uint64_t) ngx_pid << 32 ^ (uint64_t) ngx_random())
                   ^ gw_mix64((uint64_t) tp->sec * 1000 + tp->msec);

    ngx_http_gateway_watch_start(cycle, gmcf);

    return NGX_OK;
}


static void
ngx_http_gateway_log(void *ctx, const gw_str *text)
{
    (void) ctx;

    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0, "gateway: %*s",
                  text->len, text->ptr);
}


static void
ngx_http_gateway_cleanup(void *data)
{
    ngx_http_gateway_main_conf_t  *gmcf = data;

    ngx_uint_t                i;
    ngx_http_gateway_ctx_t  **idle;

    idle = gmcf->idle.elts;

    for (i = 0; i < gmcf->idle.nelts; i++) {
        ngx_http_gateway_ctx_free(idle[i]);
    }

    gw_engine_free(gmcf->engine);
    gw_router_free(gmcf->router);
}


static char *
ngx_http_gateway_config(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_main_conf_t  *gmcf = conf;

    ngx_str_t   *value, *file;
    ngx_uint_t   i;

    (void) cmd;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        file = ngx_array_push(&gmcf->files);
        if (file == NULL) {
            return NGX_CONF_ERROR;
        }

        *file = value[i];

        if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_enable(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                          *rv;
    ngx_http_gateway_loc_conf_t   *glcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    glcf = conf;

    if (glcf->enable) {
        gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
        gmcf->enabled = 1;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_address(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_loc_conf_t  *glcf = conf;

    ngx_str_t  *value;

    (void) cmd;

    if (glcf->address != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    glcf->address = ngx_pcalloc(cf->pool, sizeof(ngx_addr_t));
    if (glcf->address == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_parse_addr(cf->pool, glcf->address, value[1].data, value[1].len)
        != NGX_OK)
    {
        return "has an invalid address";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_http2(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (value[1].data[0] != '@') {
        return "has to name a location: @name";
    }

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


static char *
ngx_http_gateway_attribute(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_main_conf_t  *gmcf = conf;

    ngx_str_t                         *value;
    ngx_http_gateway_attribute_t      *attribute;
    ngx_http_compile_complex_value_t   ccv;

    (void) cmd;

    value = cf->args->elts;

    attribute = ngx_array_push(&gmcf->attributes);
    if (attribute == NULL) {
        return NGX_CONF_ERROR;
    }

    attribute->name = value[1];

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[2];
    ccv.complex_value = &attribute->value;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
