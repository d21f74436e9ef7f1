/* What the C tests share. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

#define CHECK(what)                                                                   \
    do {                                                                              \
        if (!(what)) {                                                                \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);        \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

#define CHECK_TEXT(got, want)                                                         \
    do {                                                                              \
        gw_str got_ = (got);                                                          \
        if (got_.len != strlen(want) || memcmp(got_.ptr, want, got_.len) != 0) {      \
            fprintf(stderr, "%s:%d: %s is `%.*s`, not `%s`\n", __FILE__, __LINE__,    \
                    #got, (int)got_.len, got_.ptr, want);                             \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

/* A router made of one text that has nothing wrong. */
static inline gw_router *build(const char *text) {
    gw_source source = {GW_STR("test.yaml"), {text, strlen(text)}};
    gw_router *router = NULL;
    gw_report *report = NULL;
    gw_status status = gw_router_build(&source, 1, NULL, &router, &report);
    for (size_t i = 0; i < gw_report_count(report); i++) {
        gw_diagnostic one = {.struct_size = sizeof one};
        CHECK(gw_report_get(report, i, &one) == GW_OK);
        fprintf(stderr, "%.*s\n", (int)one.text.len, one.text.ptr);
    }
    CHECK(status == GW_OK && report == NULL);
    return router;
}

#endif
