
/*
 * The test-only layer: sanitize and fault builds alone have it.
 */


#ifndef NGX_HTTP_KAIRO_PROBE_H_INCLUDED
#define NGX_HTTP_KAIRO_PROBE_H_INCLUDED


#include "ngx_http_kairo.h"


extern ngx_module_t  ngx_http_kairo_probe_module;


ngx_int_t ngx_http_kairo_probe_access(ngx_http_kairo_pipe_t *p);
ngx_int_t ngx_http_kairo_probe_precontent(ngx_http_kairo_pipe_t *p);
ngx_int_t ngx_http_kairo_probe_spend(ngx_http_kairo_pipe_t *p);


#if (NGX_KAIRO_FAULT)

/* t/fault: the n-th allocation from now on fails, and with "lasts" all that
   come after it; 0: none does. */

void ngx_kairo_fault_arm(ngx_uint_t n, ngx_uint_t lasts);

#endif


#endif /* NGX_HTTP_KAIRO_PROBE_H_INCLUDED */
