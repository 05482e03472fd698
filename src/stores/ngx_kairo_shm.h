
/*
 * A zone of nginx whose memory one thing has to itself, without nginx's slabs.
 */


#ifndef NGX_KAIRO_SHM_H_INCLUDED
#define NGX_KAIRO_SHM_H_INCLUDED


#include "stores/ngx_kairo.h"


/*
 * All of a new zone's memory, aligned to pages and zeroed, and its "size" in
 * bytes.  NULL: nginx has said why.
 */

void *ngx_kairo_shm_all(ngx_shm_zone_t *shm_zone, size_t *size);


#endif /* NGX_KAIRO_SHM_H_INCLUDED */
