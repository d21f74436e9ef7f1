/*
 * gateway.h: the C interface of libgateway, which decides where an HTTP request goes.
 *
 * Documents (NGINX VirtualServer, Gateway API, SMI; YAML or JSON) are built into a router. An
 * engine holds the router in force. A decider asks it about one request after the other:
 *
 *     #include <gateway.h>
 *
 *     gw_source source = {GW_STR("routes.yaml"), {text, text_len}};
 *     gw_router *router;  gw_engine *engine;  gw_decider *decider;  gw_report *report;
 *     if (!GW_CHECK_ABI()) return -1;
 *     if (gw_router_build(&source, 1, NULL, &router, &report) != GW_OK) ...  // report says why
 *     gw_report_free(report);
 *     gw_engine_new(router, &engine);
 *     gw_router_free(router);
 *     gw_decider_new(0, &decider);                       // one for each thread
 *
 *     gw_request request = {sizeof request};
 *     request.method = GW_STR("GET");
 *     request.target = GW_STR("/tea/green?x=1");
 *     request.host = GW_STR("cafe.example.com");
 *     gw_decision decision = {sizeof decision};
 *     if (gw_decide(decider, engine, &request, &decision) != GW_OK) ...      // answer 500
 *     if (decision.kind == GW_KIND_FORWARD) {
 *         gw_forward forward = {sizeof forward};
 *         gw_edit_request(decider, &request, &forward);  // target, Host, header changes
 *         ...                                            // send it to decision.backend, then
 *         gw_edit_response(decider, &request, status, NULL, &response);
 *     } else {
 *         gw_response response = {sizeof response};
 *         gw_answer(decider, &request, 0, NULL, &response);
 *     }
 *
 * Rules that hold for all of it:
 *
 * - Structs are handed over by pointer. Those that may grow begin with `struct_size`: set it, and
 *   set the rest to zero (`gw_request r = {sizeof r};`). The library reads and writes no more than
 *   that, so programs built with an older header go on working. Zero always means "as before".
 *   gw_str, gw_header, gw_header_op and gw_source never grow.
 * - Functions return a gw_status. NULL is refused with GW_ERR_ARGUMENT wherever it is not allowed;
 *   the functions that free something do nothing then. Output is only valid after GW_OK.
 * - Texts are octets with a length, without NUL at the end. What points into the library must not
 *   be changed or freed; how long it lives is said where it stands. What points into your memory is
 *   borrowed for the call.
 * - The library starts no threads, opens no files, asks for no time, rolls no dice, reads no
 *   environment and prints nothing but its own faults (gw_set_log). A process may fork while no
 *   call runs: the child has what its parent had.
 * - Numbers of all kinds (statuses, kinds, flags) may get new ones: a program that meets one that
 *   it does not know answers 500.
 *
 * docs/embedding.md has more: whole programs, threads, how to publish, what calls cost.
 *
 * This file is made from the source of gateway-ffi. Do not change it by hand.
 */
#ifndef GATEWAY_H
#define GATEWAY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define GW_STR(literal) (gw_str{(literal), sizeof(literal) - 1})
#else
/* A gw_str of a string literal. */
#define GW_STR(literal) ((gw_str){(literal), sizeof(literal) - 1})
#endif

/* Whether the library that is loaded speaks the interface of this header. */
#define GW_CHECK_ABI() (gw_abi_version() == GW_ABI_VERSION)
