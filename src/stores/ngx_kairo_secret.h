
/*
 * Secrets stand in files or in the environment, never in a configuration.
 */


#ifndef NGX_KAIRO_SECRET_H_INCLUDED
#define NGX_KAIRO_SECRET_H_INCLUDED


#include "stores/ngx_kairo.h"


/*
 * At configuration time, as the master's user: follows "file:PATH" or
 * "env:NAME".  A line end is not part of a file's secret.  NGX_DECLINED: it is
 * no such reference; NGX_ERROR: said why it can't be followed, in a sentence
 * that doesn't show the secret.
 */

ngx_int_t ngx_kairo_secret(ngx_conf_t *cf, const ngx_str_t *reference,
    ngx_str_t *secret);


#endif /* NGX_KAIRO_SECRET_H_INCLUDED */
