/* How documents are read: gateway_option NAME [VALUE]. */

#include "ngx_http_gateway.h"


typedef enum {
    NGX_HTTP_GATEWAY_FLAG = 0,
    NGX_HTTP_GATEWAY_TEXT,
    NGX_HTTP_GATEWAY_PORT,
    NGX_HTTP_GATEWAY_LIST
} ngx_http_gateway_option_e;


typedef struct {
    const char                *name;
    ngx_http_gateway_option_e  kind;
    uint64_t                   flag;
    size_t                     offset;
} ngx_http_gateway_option_t;


#define ngx_http_gateway_flag(name, flag)                                     \
    { name, NGX_HTTP_GATEWAY_FLAG, flag, 0 }
#define ngx_http_gateway_field(name, kind, field)                             \
    { name, kind, 0, offsetof(ngx_http_gateway_options_t, field) }


static const ngx_http_gateway_option_t  ngx_http_gateway_options[] = {

    ngx_http_gateway_flag("strict", GW_BUILD_STRICT),
    ngx_http_gateway_flag("lenient", GW_BUILD_LENIENT),
    ngx_http_gateway_flag("standard_channel", GW_BUILD_STANDARD_CHANNEL),
    ngx_http_gateway_flag("no_service_hosts", GW_BUILD_NO_SERVICE_HOSTS),
    ngx_http_gateway_flag("deny_by_default", GW_BUILD_DENY_BY_DEFAULT),
    ngx_http_gateway_flag("skip_empty_backends",
                          GW_BUILD_SKIP_EMPTY_BACKENDS),
    ngx_http_gateway_flag("smi_strict", GW_BUILD_SMI_STRICT),
    ngx_http_gateway_flag("mesh", GW_BUILD_MESH),
    ngx_http_gateway_flag("assume_services", GW_BUILD_ASSUME_SERVICES),
    ngx_http_gateway_flag("assume_no_services", GW_BUILD_ASSUME_NO_SERVICES),
    ngx_http_gateway_flag("lint", GW_BUILD_LINT),

    ngx_http_gateway_field("http_port", NGX_HTTP_GATEWAY_PORT,
                           build.http_port),
    ngx_http_gateway_field("https_port", NGX_HTTP_GATEWAY_PORT,
                           build.https_port),

    ngx_http_gateway_field("default_namespace", NGX_HTTP_GATEWAY_TEXT,
                           build.default_namespace),
    ngx_http_gateway_field("client_namespace", NGX_HTTP_GATEWAY_TEXT,
                           build.client_namespace),
    ngx_http_gateway_field("cluster_domain", NGX_HTTP_GATEWAY_TEXT,
                           build.cluster_domain),
    ngx_http_gateway_field("ingress_class", NGX_HTTP_GATEWAY_TEXT,
                           build.ingress_class),
    ngx_http_gateway_field("gateway_class", NGX_HTTP_GATEWAY_TEXT,
                           build.gateway_class),
    ngx_http_gateway_field("gateway_identity", NGX_HTTP_GATEWAY_TEXT,
                           build.gateway_identity),

    ngx_http_gateway_field("known_service", NGX_HTTP_GATEWAY_LIST,
                           known_services),
    ngx_http_gateway_field("address", NGX_HTTP_GATEWAY_LIST, addresses),

    { NULL, NGX_HTTP_GATEWAY_FLAG, 0, 0 }
};


ngx_int_t
ngx_http_gateway_options_init(ngx_conf_t *cf,
    ngx_http_gateway_options_t *options)
{
    options->build.struct_size = sizeof(gw_build_options);

    if (ngx_array_init(&options->known_services, cf->pool, 4, sizeof(gw_str))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_array_init(&options->addresses, cf->pool, 1, sizeof(gw_str));
}


char *
ngx_http_gateway_option(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_main_conf_t  *gmcf = conf;

    u_char                           *field;
    gw_str                           *text;
    ngx_int_t                         port;
    ngx_str_t                        *value;
    const ngx_http_gateway_option_t  *option;

    (void) cmd;

    value = cf->args->elts;

    for (option = ngx_http_gateway_options; option->name; option++) {
        if (ngx_strcmp(value[1].data, option->name) == 0) {
            break;
        }
    }

    if (option->name == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "unknown option \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if ((option->kind == NGX_HTTP_GATEWAY_FLAG) != (cf->args->nelts == 2)) {
        return "has an option with the wrong number of values";
    }

    field = (u_char *) &gmcf->options + option->offset;

    switch (option->kind) {

    case NGX_HTTP_GATEWAY_FLAG:
        gmcf->options.build.flags |= option->flag;
        return NGX_CONF_OK;

    case NGX_HTTP_GATEWAY_PORT:
        port = ngx_atoi(value[2].data, value[2].len);
        if (port < 1 || port > 65535) {
            return "has an invalid port";
        }

        *(uint16_t *) field = (uint16_t) port;
        return NGX_CONF_OK;

    case NGX_HTTP_GATEWAY_TEXT:
        text = (gw_str *) field;
        break;

    default: /* NGX_HTTP_GATEWAY_LIST */
        text = ngx_array_push((ngx_array_t *) field);
        if (text == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    *text = ngx_http_gateway_text(value[2]);

    return NGX_CONF_OK;
}
