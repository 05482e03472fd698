
/*
 * The addresses of this machine: those of its interfaces, and those that nginx
 * listens on.
 */


#ifndef NGX_KAIRO_OWN_H_INCLUDED
#define NGX_KAIRO_OWN_H_INCLUDED


#include "stores/ngx_kairo.h"
#include "core/kairo_ranges.h"


typedef struct {
    kairo_range_t   *ranges;     /* in order */
    size_t           n;
    time_t           read;       /* when; 0: never */
} ngx_kairo_own_t;


/*
 * As they were within the last minute.  NGX_ERROR: they were never known, and
 * can't be read.
 */

ngx_int_t ngx_kairo_own(ngx_kairo_own_t *own);

void ngx_kairo_own_free(ngx_kairo_own_t *own);


#endif /* NGX_KAIRO_OWN_H_INCLUDED */
