
/*
 * What a store may include of nginx: its core and its event loop.  A store
 * never sees an HTTP request.
 */


#ifndef NGX_KAIRO_H_INCLUDED
#define NGX_KAIRO_H_INCLUDED


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_thread_pool.h>

/* those of the system too: what follows hides what is declared after it */

#include <ifaddrs.h>
#include <sys/file.h>
#include <sys/random.h>

/* nginx's too, though no header of it says so */

extern ngx_module_t  ngx_thread_pool_module;

#include "core/kairo_span.h"


/* CLOCK_MONOTONIC in ns: one clock for all processes of a machine. */

static inline uint64_t
ngx_kairo_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


#endif /* NGX_KAIRO_H_INCLUDED */
