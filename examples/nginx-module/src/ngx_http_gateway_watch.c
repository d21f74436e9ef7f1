/* A new router where files have changed, in each worker by itself. */

#include "ngx_http_gateway.h"


static void ngx_http_gateway_watch(ngx_event_t *ev);
static void ngx_http_gateway_reload(ngx_http_gateway_main_conf_t *gmcf,
    ngx_pool_t *pool, ngx_log_t *log);


/* Debug output of timers prints the descriptor of a connection. */

static ngx_connection_t  ngx_http_gateway_no_connection;


void
ngx_http_gateway_watch_start(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf)
{
    if (gmcf->watch == NGX_CONF_UNSET_MSEC || gmcf->watch == 0) {
        return;
    }

    ngx_http_gateway_no_connection.fd = (ngx_socket_t) -1;

    gmcf->timer.handler = ngx_http_gateway_watch;
    gmcf->timer.data = &ngx_http_gateway_no_connection;
    gmcf->timer.log = cycle->log;
    gmcf->timer.cancelable = 1;

    ngx_add_timer(&gmcf->timer, gmcf->watch);
}


static void
ngx_http_gateway_watch(ngx_event_t *ev)
{
    uint64_t                       fingerprint;
    ngx_pool_t                    *pool;
    ngx_http_gateway_main_conf_t  *gmcf;

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return;
    }

    gmcf = ngx_queue_data(ev, ngx_http_gateway_main_conf_t, timer);

    /* Looked at before reading: what changes meanwhile is seen next time. */

    fingerprint = ngx_http_gateway_fingerprint(gmcf, ev->log);

    if (fingerprint != gmcf->fingerprint) {

        pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ev->log);

        if (pool != NULL) {

            /* One that is not taken is told once. */

            gmcf->fingerprint = fingerprint;
            ngx_http_gateway_reload(gmcf, pool, ev->log);
            ngx_destroy_pool(pool);
        }
    }

    ngx_add_timer(ev, gmcf->watch);
}


static void
ngx_http_gateway_reload(ngx_http_gateway_main_conf_t *gmcf, ngx_pool_t *pool,
    ngx_log_t *log)
{
    gw_router                *router;
    ngx_uint_t                i;
    ngx_http_gateway_ctx_t  **idle;

    if (ngx_http_gateway_load(gmcf, pool, log, &router) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "gateway: the rules stay as they were");
        return;
    }

    ngx_http_gateway_bind_upstreams(router,
        ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                            ngx_http_upstream_module),
        log);

    if (gw_engine_publish(gmcf->engine, router, &gmcf->generation)
        != GW_OK)
    {
        gw_router_free(router);
        return;
    }

    ngx_http_gateway_in_force(gmcf, router);

    /* Those that idle would keep the router from before. */

    idle = gmcf->idle.elts;

    for (i = 0; i < gmcf->idle.nelts; i++) {
        gw_decider_reset(idle[i]->decider);
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0, "gateway: rules %uL are in force",
                  gmcf->generation);
}
