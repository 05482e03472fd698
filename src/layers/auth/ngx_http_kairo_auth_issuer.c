
/*
 * kairo_issuer NAME { ... }: who may sign tokens, for whom, and how they are
 * read.  Nothing that lets more in has a default: audience, algs and keys are
 * to be written.
 */


#include "layers/auth/ngx_http_kairo_auth.h"
#include "core/kairo_siphash.h"


#define NGX_HTTP_KAIRO_AUTH_NAME      32
#define NGX_HTTP_KAIRO_AUTH_LEEWAY    30         /* s */


typedef struct {
    ngx_str_t    name;
    ngx_uint_t   least;      /* arguments, without the name */
    ngx_uint_t   most;
    char      *(*set)(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
                      ngx_str_t *value, ngx_uint_t n);
} ngx_http_kairo_issuer_line_t;


static char *ngx_http_kairo_issuer_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_http_kairo_issuer_url(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_kairo_issuer_audience(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_kairo_issuer_algs(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_kairo_issuer_keys(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static ngx_int_t ngx_http_kairo_issuer_time(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value);
static char *ngx_http_kairo_issuer_secret(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *reference);
static char *ngx_http_kairo_issuer_types(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_kairo_issuer_leeway(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_kairo_issuer_lifetime(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_kairo_issuer_subject(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_kairo_issuer_session(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_kairo_issuer_roles(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_kairo_issuer_permissions(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_kairo_issuer_tier(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_kairo_issuer_email(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_kairo_issuer_complete(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer);
static kairo_span_t *ngx_http_kairo_issuer_spans(ngx_conf_t *cf,
    ngx_str_t *value, ngx_uint_t n);
static void ngx_http_kairo_issuer_identify(ngx_http_kairo_issuer_t *issuer);
static uint64_t ngx_http_kairo_issuer_mix(uint64_t id, const u_char *p,
    size_t n);


static const ngx_http_kairo_issuer_line_t  ngx_http_kairo_issuer_lines[] = {
    { ngx_string("issuer"), 1, 1, ngx_http_kairo_issuer_url },
    { ngx_string("audience"), 1, 8, ngx_http_kairo_issuer_audience },
    { ngx_string("algs"), 1, 13, ngx_http_kairo_issuer_algs },
    { ngx_string("keys"), 1, 5, ngx_http_kairo_issuer_keys },
    { ngx_string("types"), 1, 8, ngx_http_kairo_issuer_types },
    { ngx_string("leeway"), 1, 1, ngx_http_kairo_issuer_leeway },
    { ngx_string("max_lifetime"), 1, 1, ngx_http_kairo_issuer_lifetime },
    { ngx_string("subject"), 1, 1, ngx_http_kairo_issuer_subject },
    { ngx_string("session"), 1, 1, ngx_http_kairo_issuer_session },
    { ngx_string("roles"), 1, 1, ngx_http_kairo_issuer_roles },
    { ngx_string("permissions"), 1, 1, ngx_http_kairo_issuer_permissions },
    { ngx_string("tier"), 1, 1, ngx_http_kairo_issuer_tier },
    { ngx_string("email"), 2, 2, ngx_http_kairo_issuer_email },
    { ngx_null_string, 0, 0, NULL }
};


char *
ngx_http_kairo_issuer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_auth_main_conf_t *amcf = conf;

    char                      *rv;
    ngx_str_t                 *value;
    ngx_conf_t                 save;
    ngx_uint_t                 i;
    ngx_http_kairo_issuer_t   *issuer, **known;

    value = cf->args->elts;

    for (i = 0; i < value[1].len; i++) {
        if (!kairo_base64url_char(value[1].data[i])) {
            break;
        }
    }

    if (i < value[1].len || i == 0 || i > NGX_HTTP_KAIRO_AUTH_NAME) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid issuer name \"%V\", expected 1 to 32 "
                           "letters, digits, \"-\" and \"_\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    known = amcf->issuers.elts;

    for (i = 0; i < amcf->issuers.nelts; i++) {
        if (known[i]->name.len == value[1].len
            && ngx_strncmp(known[i]->name.data, value[1].data, value[1].len)
               == 0)
        {
            return "is duplicate";
        }
    }

    issuer = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_issuer_t));
    known = ngx_array_push(&amcf->issuers);
    if (issuer == NULL || known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = issuer;

    issuer->name = value[1];
    issuer->keys.name = value[1];
    issuer->policy.leeway = NGX_HTTP_KAIRO_AUTH_LEEWAY;
    issuer->policy.types = kairo_jwt_types;
    issuer->policy.ntypes = KAIRO_JWT_TYPES;
    issuer->map.subject = "sub";
    issuer->session = "sid";

    save = *cf;
    cf->handler = ngx_http_kairo_issuer_line;
    cf->handler_conf = issuer;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv == NGX_CONF_OK ? ngx_http_kairo_issuer_complete(cf, issuer) : rv;
}


static char *
ngx_http_kairo_issuer_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_kairo_issuer_t *issuer = conf;

    ngx_str_t                           *value;
    ngx_uint_t                           n, bit;
    const ngx_http_kairo_issuer_line_t  *line;

    value = cf->args->elts;
    n = cf->args->nelts - 1;

    for (line = ngx_http_kairo_issuer_lines; line->name.len; line++) {

        if (line->name.len != value[0].len
            || ngx_strcmp(line->name.data, value[0].data) != 0)
        {
            continue;
        }

        if (n < line->least || n > line->most) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments of \"%V\" in "
                               "issuer \"%V\"", &value[0], &issuer->name);
            return NGX_CONF_ERROR;
        }

        bit = (ngx_uint_t) 1 << (line - ngx_http_kairo_issuer_lines);

        if (issuer->lines & bit) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is duplicate in issuer \"%V\"",
                               &value[0], &issuer->name);
            return NGX_CONF_ERROR;
        }

        issuer->lines |= bit;

        return line->set(cf, issuer, value + 1, n);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown line \"%V\" in issuer \"%V\", expected "
                       "issuer, audience, algs, keys, types, leeway, "
                       "max_lifetime, subject, session, roles, "
                       "permissions, tier or email",
                       &value[0], &issuer->name);
    return NGX_CONF_ERROR;
}


static char *
ngx_http_kairo_issuer_url(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
    ngx_str_t *value, ngx_uint_t n)
{
    issuer->policy.issuer.p = value->data;
    issuer->policy.issuer.n = value->len;

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_issuer_audience(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n)
{
    if (n == 1 && ngx_strcmp(value->data, "off") == 0) {
        issuer->any_audience = 1;
        return NGX_CONF_OK;
    }

    issuer->policy.audiences = ngx_http_kairo_issuer_spans(cf, value, n);
    issuer->policy.naudiences = n;

    return issuer->policy.audiences ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_kairo_issuer_algs(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t    i;
    kairo_alg_t   alg;
    kairo_span_t  name;

    for (i = 0; i < n; i++) {

        name.p = value[i].data;
        name.n = value[i].len;
        alg = kairo_alg_find(name);

        if (alg == KAIRO_ALG_UNKNOWN) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown algorithm \"%V\" of issuer \"%V\", "
                               "expected some of HS256 HS384 HS512 RS256 "
                               "RS384 RS512 PS256 PS384 PS512 ES256 ES384 "
                               "ES512 EdDSA", &value[i], &issuer->name);
            return NGX_CONF_ERROR;
        }

        issuer->policy.algs |= kairo_alg_bit(alg);
    }

    return NGX_CONF_OK;
}


/* keys file=PATH [check=] | secret=REFERENCE | location=URI [refresh= ...] */

static char *
ngx_http_kairo_issuer_keys(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_str_t         *s;
    ngx_uint_t         i;
    ngx_kairo_keys_t  *keys;

    keys = &issuer->keys;

    s = NULL;

    if (value->len > 5 && ngx_strncmp(value->data, "file=", 5) == 0) {
        s = &keys->path;
        keys->interval = 1000;

    } else if (value->len > 7 && ngx_strncmp(value->data, "secret=", 7) == 0) {
        s = &keys->secret;

    } else if (value->len > 9 && ngx_strncmp(value->data, "location=/", 10)
                                 == 0)
    {
        s = &keys->location;
        keys->interval = 30000;
        keys->refresh = 900000;
        keys->stale = 86400000;
        keys->timeout = 5000;
    }

    if (s == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid keys \"%V\" of issuer \"%V\", expected "
                           "file=PATH, location=/URI, secret=file:PATH or "
                           "secret=env:NAME", value, &issuer->name);
        return NGX_CONF_ERROR;
    }

    s->data = (u_char *) ngx_strchr(value->data, '=') + 1;
    s->len = value->data + value->len - s->data;

    for (i = 1; i < n; i++) {
        if (ngx_http_kairo_issuer_time(cf, issuer, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (s == &keys->secret) {
        return ngx_http_kairo_issuer_secret(cf, issuer, s);
    }

    if (s == &keys->path
        && ngx_conf_full_name(cf->cycle, &keys->path, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* A time of the keys: those that a source does not use, it does not have. */

static ngx_int_t
ngx_http_kairo_issuer_time(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
    ngx_str_t *value)
{
    size_t       len;
    ngx_int_t    time;
    ngx_str_t    s;
    ngx_uint_t   i;
    ngx_msec_t  *to;

    static const struct {
        const char  *name;
        size_t       offset;
        ngx_uint_t   file;
    } times[] = {
        { "check=", offsetof(ngx_kairo_keys_t, interval), 1 },
        { "interval=", offsetof(ngx_kairo_keys_t, interval), 0 },
        { "refresh=", offsetof(ngx_kairo_keys_t, refresh), 0 },
        { "stale=", offsetof(ngx_kairo_keys_t, stale), 0 },
        { "timeout=", offsetof(ngx_kairo_keys_t, timeout), 0 }
    };

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {

        len = ngx_strlen(times[i].name);

        if (ngx_strncmp(value->data, times[i].name, len) != 0
            || (times[i].file ? issuer->keys.path.len
                              : issuer->keys.location.len) == 0)
        {
            continue;
        }

        s.data = value->data + len;
        s.len = value->len - len;
        time = ngx_parse_time(&s, 0);

        if (time == NGX_ERROR || time == 0) {
            break;
        }

        to = (ngx_msec_t *) ((u_char *) &issuer->keys + times[i].offset);
        *to = time;

        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"%V\" of keys of issuer \"%V\", expected a "
                       "time: check= of a file, as in check=10s; refresh=, "
                       "stale=, interval= or timeout= of a location",
                       value, &issuer->name);
    return NGX_ERROR;
}


/* What the reference says is never shown, only where it points. */

static char *
ngx_http_kairo_issuer_secret(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
    ngx_str_t *reference)
{
    ngx_int_t  rc;
    ngx_str_t  secret;

    rc = ngx_kairo_secret(cf, reference, &secret);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the secret of issuer \"%V\" has to be a "
                           "reference, secret=file:PATH or secret=env:NAME: "
                           "no secret stands in a configuration",
                           &issuer->name);
    }

    if (rc != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    issuer->keys.secret = secret;

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_issuer_types(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t     i;
    kairo_span_t  *types;

    types = ngx_http_kairo_issuer_spans(cf, value, n);
    if (types == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (ngx_strcmp(value[i].data, "none") == 0) {
            types[i].n = 0;
        }
    }

    issuer->policy.types = types;
    issuer->policy.ntypes = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_issuer_leeway(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
    ngx_str_t *value, ngx_uint_t n)
{
    time_t  leeway;

    leeway = ngx_parse_time(value, 1);

    if (leeway == (time_t) NGX_ERROR || leeway > 600) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid leeway \"%V\" of issuer \"%V\", expected "
                           "a time from 0 to 10m", value, &issuer->name);
        return NGX_CONF_ERROR;
    }

    issuer->policy.leeway = leeway;

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_issuer_lifetime(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n)
{
    time_t  lifetime;

    lifetime = ngx_parse_time(value, 1);

    if (lifetime == (time_t) NGX_ERROR || lifetime == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid max_lifetime \"%V\" of issuer \"%V\", "
                           "expected a time, as in 12h", value,
                           &issuer->name);
        return NGX_CONF_ERROR;
    }

    issuer->policy.max_lifetime = lifetime;

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_issuer_subject(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
    ngx_str_t *value, ngx_uint_t n)
{
    issuer->map.subject = (char *) value->data;

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_issuer_session(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
    ngx_str_t *value, ngx_uint_t n)
{
    issuer->session = (char *) value->data;

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_issuer_roles(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
    ngx_str_t *value, ngx_uint_t n)
{
    issuer->map.roles = (char *) value->data;

    return NGX_CONF_OK;
}


/* Where a token says what its subject may do: only where this line is. */

static char *
ngx_http_kairo_issuer_permissions(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer, ngx_str_t *value, ngx_uint_t n)
{
    issuer->map.permissions = (char *) value->data;

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_issuer_tier(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
    ngx_str_t *value, ngx_uint_t n)
{
    issuer->map.tier = (char *) value->data;

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_issuer_email(ngx_conf_t *cf, ngx_http_kairo_issuer_t *issuer,
    ngx_str_t *value, ngx_uint_t n)
{
    if (ngx_strncmp(value[1].data, "verified=", 9) != 0
        || value[1].len == 9)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" of issuer \"%V\", expected email "
                           "CLAIM verified=CLAIM, or verified=always where "
                           "the issuer gives verified addresses alone",
                           &value[1], &issuer->name);
        return NGX_CONF_ERROR;
    }

    issuer->map.email = (char *) value[0].data;

    if (ngx_strcmp(value[1].data, "verified=always") != 0) {
        issuer->map.verified = (char *) value[1].data + 9;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_issuer_complete(ngx_conf_t *cf,
    ngx_http_kairo_issuer_t *issuer)
{
    uint32_t     algs, fit;
    const char  *missing;

    missing = NULL;

    if (issuer->policy.issuer.p == NULL) {
        missing = "issuer URL;\", as in the claim \"iss";

    } else if (issuer->policy.naudiences == 0 && !issuer->any_audience) {
        missing = "audience NAME;\", or \"audience off";

    } else if (issuer->policy.algs == 0) {
        missing = "algs ALG ...;\", as in \"algs ES256";

    } else if (issuer->keys.path.len == 0 && issuer->keys.secret.len == 0
               && issuer->keys.location.len == 0)
    {
        missing = "keys location=/URI;\", or \"keys file=PATH";
    }

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "issuer \"%V\" has no \"%s\"", &issuer->name,
                           missing);
        return NGX_CONF_ERROR;
    }

    if (ngx_kairo_keys_add(cf, &issuer->keys, &ngx_http_kairo_auth_module)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* of a secret for each: HS512 wants a longer one than HS256 */

    algs = issuer->policy.algs;
    fit = issuer->keys.set ? kairo_keyset_algs(issuer->keys.set) & algs
                           : algs & ~KAIRO_ALGS_HS;

    if (fit == 0 || (issuer->keys.secret.len && fit != algs)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the keys of issuer \"%V\" are not for its algs"
                           "%s", &issuer->name,
                           issuer->keys.secret.len
                           ? ": a secret is for HS256 from 32 bytes, HS384 "
                             "from 48, HS512 from 64" : "");
        return NGX_CONF_ERROR;
    }

    ngx_http_kairo_issuer_identify(issuer);

    return NGX_CONF_OK;
}


static kairo_span_t *
ngx_http_kairo_issuer_spans(ngx_conf_t *cf, ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t     i;
    kairo_span_t  *spans;

    spans = ngx_palloc(cf->pool, n * sizeof(kairo_span_t));

    for (i = 0; spans && i < n; i++) {
        spans[i].p = value[i].data;
        spans[i].n = value[i].len;
    }

    return spans;
}


/*
 * A number for all that decides what a token is taken for: a token that was
 * verified under another configuration is not known under this one.
 */

static void
ngx_http_kairo_issuer_identify(ngx_http_kairo_issuer_t *issuer)
{
    size_t                     i;
    uint64_t                   id;
    const char                *claim[7];
    const kairo_jwt_policy_t  *policy;

    policy = &issuer->policy;

    id = ngx_http_kairo_issuer_mix(policy->algs, issuer->name.data,
                                   issuer->name.len);
    id = ngx_http_kairo_issuer_mix(id, policy->issuer.p, policy->issuer.n);

    for (i = 0; i < policy->naudiences; i++) {
        id = ngx_http_kairo_issuer_mix(id, policy->audiences[i].p,
                                       policy->audiences[i].n);
    }

    id = ngx_http_kairo_issuer_mix(id, NULL, 0);

    for (i = 0; i < policy->ntypes; i++) {
        id = ngx_http_kairo_issuer_mix(id, policy->types[i].p,
                                       policy->types[i].n);
    }

    claim[0] = issuer->map.subject;
    claim[1] = issuer->map.roles;
    claim[2] = issuer->map.tier;
    claim[3] = issuer->map.email;
    claim[4] = issuer->map.verified;
    claim[5] = issuer->map.permissions;
    claim[6] = issuer->session;

    for (i = 0; i < 7; i++) {
        id = ngx_http_kairo_issuer_mix(id, (u_char *) claim[i],
                                       claim[i] ? ngx_strlen(claim[i]) + 1
                                                : 0);
    }

    issuer->id = id;
}


static uint64_t
ngx_http_kairo_issuer_mix(uint64_t id, const u_char *p, size_t n)
{
    kairo_span_t           s;
    static const uint64_t  key[2] = { 0, 0 };

    s.p = p;
    s.n = n;

    return kairo_siphash(key, id, s);
}
