
/*
 * Whether a token was revoked: by itself, by its "jti", its session, its
 * subject or its issuer.
 */


#include "layers/auth/ngx_http_kairo_auth.h"
#include "libs/kairo_digest.h"


static ngx_uint_t ngx_http_kairo_auth_marked(
    const ngx_kairo_revocations_t *revocations,
    const ngx_http_kairo_auth_mark_t *mark, int64_t iat);


/*
 * The issuer by its URL: the name of a kairo_issuer may change, and what was
 * revoked stays revoked.
 */

ngx_int_t
ngx_http_kairo_auth_mark(ngx_http_kairo_auth_mark_t *mark,
    const ngx_http_kairo_issuer_t *issuer, kairo_revocation_kind_t kind,
    kairo_span_t value)
{
    u_char        byte, digest[KAIRO_DIGEST];
    kairo_span_t  part[4];

    static const kairo_span_t  end = { (u_char *) "", 1 };

    byte = (u_char) kind;

    part[0].p = &byte;
    part[0].n = 1;
    part[1] = issuer->policy.issuer;
    part[2] = end;
    part[3] = value;

    if (kairo_digest(digest, part, 4) != 0) {
        return NGX_ERROR;
    }

    ngx_memcpy(mark->digest, digest, sizeof(mark->digest));

    return NGX_OK;
}


/*
 * A token is known by what was signed, not by its signature: an ECDSA
 * signature has a twin, (r, n - s), that is as good.
 */

ngx_int_t
ngx_http_kairo_auth_marks(ngx_http_kairo_auth_token_t *token,
    const kairo_jwt_t *jwt)
{
    ngx_uint_t    kind;
    kairo_span_t  value[NGX_HTTP_KAIRO_AUTH_MARKS];

    value[KAIRO_REVOCATION_TOKEN] = jwt->input;
    value[KAIRO_REVOCATION_JTI] = kairo_json_span(jwt->claims, "jti");
    value[KAIRO_REVOCATION_SESSION] =
        kairo_json_string(kairo_json_at(jwt->claims, token->issuer->session));
    value[KAIRO_REVOCATION_SUBJECT] = token->facts.subject;

    for (kind = 0; kind < NGX_HTTP_KAIRO_AUTH_MARKS; kind++) {

        if (value[kind].n
            && ngx_http_kairo_auth_mark(&token->mark[kind], token->issuer,
                                        kind, value[kind])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_kairo_auth_revoked(const ngx_kairo_revocations_t *revocations,
    const ngx_http_kairo_auth_token_t *token)
{
    ngx_uint_t  kind;

    for (kind = 0; kind < NGX_HTTP_KAIRO_AUTH_MARKS; kind++) {

        if (ngx_http_kairo_auth_marked(revocations, &token->mark[kind],
                                       token->times.iat))
        {
            return 1;
        }
    }

    return ngx_http_kairo_auth_marked(revocations, &token->issuer->mark,
                                      token->times.iat);
}


/* A token that does not say when it was issued may be older than that. */

static ngx_uint_t
ngx_http_kairo_auth_marked(const ngx_kairo_revocations_t *revocations,
    const ngx_http_kairo_auth_mark_t *mark, int64_t iat)
{
    int64_t  before;

    if (mark->digest[0] == 0 && mark->digest[1] == 0) {
        return 0;
    }

    before = kairo_revocations_find(revocations->table, mark->digest);

    return before && iat <= before;
}
