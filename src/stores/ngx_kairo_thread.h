
/*
 * A thread beside the event loop of each worker, for what blocks: writing to
 * the disk.
 */


#ifndef NGX_KAIRO_THREAD_H_INCLUDED
#define NGX_KAIRO_THREAD_H_INCLUDED


#include "stores/ngx_kairo.h"


#if !(NGX_THREADS)
#error "kairo needs an nginx that was built with --with-threads"
#endif


/*
 * At configuration time: a pool of one thread, with a name that nobody else
 * has.  nginx's default pool has 32, which no single file needs, and which a
 * worker that ends waits for one by one.  NULL: nginx has said why.
 */

ngx_thread_pool_t *ngx_kairo_thread(ngx_conf_t *cf, const char *name);


#endif /* NGX_KAIRO_THREAD_H_INCLUDED */
