
/*
 * A list of hosts in a file, read anew when the file changes.
 *
 * Each worker has a list of its own.  It looks at the file once a second, and
 * reads a changed one in a thread, since lists are long.  One of no use leaves
 * the old list in force; the first worker says so, once for each reason.
 */


#ifndef NGX_KAIRO_HOSTS_H_INCLUDED
#define NGX_KAIRO_HOSTS_H_INCLUDED


#include "stores/ngx_kairo.h"
#include "stores/ngx_kairo_file.h"
#include "stores/ngx_kairo_thread.h"
#include "libs/kairo_hostlist.h"


#define NGX_KAIRO_HOSTS_FILE  (16 * 1024 * 1024)    /* bytes at most */


typedef struct ngx_kairo_hosts_load_s  ngx_kairo_hosts_load_t;


typedef struct {
    ngx_str_t                path;
    ngx_thread_pool_t       *pool;

    /* the worker's own */

    kairo_hostlist_t        *list;
    ngx_kairo_stamp_t        seen;      /* the file, last */
    u_char                   wrong[200];    /* with it; ends with a zero */
    ngx_kairo_hosts_load_t  *load;      /* NULL: nobody reads it */
    ngx_event_t              timer;
} ngx_kairo_hosts_t;


/*
 * At configuration time, with "path" and "pool" set: reads the list.
 * NGX_ERROR: this has said why.
 */

ngx_int_t ngx_kairo_hosts_add(ngx_conf_t *cf, ngx_kairo_hosts_t *hosts);

/* In a worker, once: begins to look at the file. */

void ngx_kairo_hosts_watch(ngx_kairo_hosts_t *hosts, ngx_cycle_t *cycle);


#endif /* NGX_KAIRO_HOSTS_H_INCLUDED */
