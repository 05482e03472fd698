
/*
 * Between the two files of kairo_revoke.
 */


#ifndef NGX_HTTP_KAIRO_AUTH_REVOKE_H_INCLUDED
#define NGX_HTTP_KAIRO_AUTH_REVOKE_H_INCLUDED


#include "layers/auth/ngx_http_kairo_auth.h"


/* Lives in the request's pool. */

typedef struct {
    ngx_http_request_t             *request;
    ngx_kairo_op_t                 *op;        /* not answered yet */
    const ngx_http_kairo_issuer_t  *issuer;
    kairo_revocation_kind_t         kind;
    kairo_revocation_t              revocation;
    const char                     *wrong;     /* with the request's body */
} ngx_http_kairo_revoke_t;


/*
 * Reads what is to be revoked from a request's body.  NGX_OK: "wrong" is a
 * sentence, or NULL where all is well; NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_kairo_revoke_read(ngx_http_kairo_revoke_t *revoke,
    kairo_span_t text);


#endif /* NGX_HTTP_KAIRO_AUTH_REVOKE_H_INCLUDED */
