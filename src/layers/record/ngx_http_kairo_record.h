
#ifndef NGX_HTTP_KAIRO_RECORD_H_INCLUDED
#define NGX_HTTP_KAIRO_RECORD_H_INCLUDED


#include "ngx_http_kairo.h"


extern ngx_module_t  ngx_http_kairo_record_module;


/* The row's check(). */

ngx_int_t ngx_http_kairo_record_check(ngx_http_kairo_pipe_t *p);


#endif /* NGX_HTTP_KAIRO_RECORD_H_INCLUDED */
