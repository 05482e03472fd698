
#include "layers/auth/ngx_http_kairo_auth.h"


static const ngx_http_kairo_family_t  ngx_http_kairo_auth_token_family = {
    "kairo_auth_tokens_total", "counter",
    "Tokens asked for: known by the cache, verified, refused, absent",
    { "result", NULL }
};


static const ngx_http_kairo_family_t  ngx_http_kairo_auth_key_family = {
    "kairo_auth_keys", "gauge",
    "Keys of an issuer that are in force",
    { "issuer", NULL }
};


static const ngx_str_t  ngx_http_kairo_auth_results[] = {
    ngx_string("known"),
    ngx_string("verified"),
    ngx_string("refused"),
    ngx_string("absent")
};


void
ngx_http_kairo_auth_collect(void *data, ngx_http_kairo_sink_t *sink)
{
    ngx_http_kairo_auth_main_conf_t *amcf = data;

    ngx_uint_t                 i;
    const kairo_keyset_t      *keys;
    ngx_http_kairo_issuer_t  **issuer;

    for (i = 0; i < NGX_HTTP_KAIRO_AUTH_RESULTS; i++) {
        sink->sample(sink, &ngx_http_kairo_auth_token_family,
                     &ngx_http_kairo_auth_results[i], NULL,
                     kairo_counter_sum(&amcf->cache->root->counters,
                                       (unsigned) i));
    }

    issuer = amcf->issuers.elts;

    for (i = 0; i < amcf->issuers.nelts; i++) {

        keys = ngx_kairo_keys(&issuer[i]->keys);

        sink->sample(sink, &ngx_http_kairo_auth_key_family,
                     &issuer[i]->name, NULL, keys ? keys->n : 0);
    }
}
