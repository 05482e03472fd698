
#include "layers/auth/ngx_http_kairo_auth.h"


static void ngx_http_kairo_auth_collect_admins(
    const ngx_http_kairo_admins_t *admins, ngx_http_kairo_sink_t *sink);
static void ngx_http_kairo_auth_collect_revocations(
    const ngx_kairo_revocations_t *revocations, ngx_http_kairo_sink_t *sink);


static const ngx_http_kairo_family_t  ngx_http_kairo_auth_token_family = {
    "kairo_auth_tokens_total", "counter",
    "Tokens asked for: known by the cache, verified, refused, absent, revoked",
    { "result", NULL }
};


static const ngx_http_kairo_family_t  ngx_http_kairo_auth_key_family = {
    "kairo_auth_keys", "gauge",
    "Keys of an issuer that are in force",
    { "issuer", NULL }
};


static const ngx_http_kairo_family_t  ngx_http_kairo_auth_admin_family = {
    "kairo_admins", "gauge",
    "Entries of the list of administrators, by where they are from",
    { "source", NULL }
};


static const ngx_http_kairo_family_t  ngx_http_kairo_auth_revocation_family = {
    "kairo_revocations", "gauge",
    "Revocations in force, and how many there is room for",
    { "state", NULL }
};


static const ngx_str_t  ngx_http_kairo_auth_results[] = {
    ngx_string("known"),
    ngx_string("verified"),
    ngx_string("refused"),
    ngx_string("absent"),
    ngx_string("revoked")
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

    if (amcf->admins) {
        ngx_http_kairo_auth_collect_admins(amcf->admins, sink);
    }

    if (amcf->revocations) {
        ngx_http_kairo_auth_collect_revocations(amcf->revocations, sink);
    }
}


static void
ngx_http_kairo_auth_collect_admins(const ngx_http_kairo_admins_t *admins,
    ngx_http_kairo_sink_t *sink)
{
    static const ngx_str_t  conf = ngx_string("configuration");
    static const ngx_str_t  file = ngx_string("file");
    static const ngx_str_t  env = ngx_string("environment");

    sink->sample(sink, &ngx_http_kairo_auth_admin_family, &conf, NULL,
                 admins->replaced ? 0 : admins->words);
    sink->sample(sink, &ngx_http_kairo_auth_admin_family, &file, NULL,
                 admins->replaced ? 0 : admins->lines);
    sink->sample(sink, &ngx_http_kairo_auth_admin_family, &env, NULL,
                 admins->replaced ? admins->entries.nelts : 0);
}


static void
ngx_http_kairo_auth_collect_revocations(
    const ngx_kairo_revocations_t *revocations, ngx_http_kairo_sink_t *sink)
{
    static const ngx_str_t  force = ngx_string("in_force");
    static const ngx_str_t  room = ngx_string("room");

    sink->sample(sink, &ngx_http_kairo_auth_revocation_family, &force, NULL,
                 kairo_revocations_count(revocations->table, ngx_time()));
    sink->sample(sink, &ngx_http_kairo_auth_revocation_family, &room, NULL,
                 kairo_revocations_capacity(revocations->table));
}
