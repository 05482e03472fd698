
/*
 * kairo_admins: who is an administrator is said by this server, never by a
 * token.  An entry is an address of e-mail, which counts where the issuer says
 * that it is verified, or a subject.  The environment, when it has the
 * variable, replaces the list, and an empty value means nobody.
 *
 * No entry is ever shown: these are names of people.
 */


#include "layers/auth/ngx_http_kairo_auth.h"


#define NGX_HTTP_KAIRO_ADMINS_FILE  65536


static char *ngx_http_kairo_admins_word(ngx_conf_t *cf,
    ngx_http_kairo_admins_t *admins, ngx_str_t *value, ngx_uint_t n);
static ngx_int_t ngx_http_kairo_admins_file(ngx_conf_t *cf,
    ngx_http_kairo_admins_t *admins, ngx_str_t *path);
static ngx_int_t ngx_http_kairo_admins_lines(ngx_conf_t *cf,
    ngx_http_kairo_admins_t *admins, ngx_str_t *path, u_char *p, u_char *last);
static ngx_int_t ngx_http_kairo_admins_issuers(ngx_conf_t *cf,
    ngx_http_kairo_auth_main_conf_t *amcf);
static const char *ngx_http_kairo_admins_getenv(ngx_conf_t *cf,
    const ngx_str_t *name);
static ngx_int_t ngx_http_kairo_admins_env(ngx_conf_t *cf,
    ngx_http_kairo_admins_t *admins);
static ngx_int_t ngx_http_kairo_admins_add(ngx_conf_t *cf,
    ngx_http_kairo_admins_t *admins, const u_char *p, size_t n);
static ngx_int_t ngx_http_kairo_admins_push(ngx_conf_t *cf,
    ngx_http_kairo_admins_t *admins, u_char kind, const u_char *p, size_t n);
static int ngx_libc_cdecl ngx_http_kairo_admins_cmp(const void *one,
    const void *two);
static ngx_uint_t ngx_http_kairo_admins_find(
    const ngx_http_kairo_admins_t *admins, u_char kind, const ngx_str_t *text);


char *
ngx_http_kairo_admins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_auth_main_conf_t *amcf = conf;

    char                     *rv;
    ngx_str_t                *value;
    ngx_uint_t                i;
    ngx_http_kairo_admins_t  *admins;

    if (amcf->admins) {
        return "is duplicate";
    }

    admins = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_admins_t));

    if (admins == NULL
        || ngx_array_init(&admins->entries, cf->pool, 8, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    amcf->admins = admins;
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        rv = ngx_http_kairo_admins_word(cf, admins, &value[i], i);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    admins->words = admins->entries.nelts - admins->lines;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_kairo_admins_bind(ngx_conf_t *cf,
    ngx_http_kairo_auth_main_conf_t *amcf)
{
    ngx_http_kairo_admins_t  *admins;

    admins = amcf->admins;

    if (ngx_http_kairo_admins_issuers(cf, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (admins->env.len
        && ngx_http_kairo_admins_env(cf, admins) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_qsort(admins->entries.elts, admins->entries.nelts, sizeof(ngx_str_t),
              ngx_http_kairo_admins_cmp);

    return NGX_OK;
}


void
ngx_http_kairo_admins_log(const ngx_http_kairo_admins_t *admins,
    ngx_log_t *log)
{
    if (admins->replaced) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "kairo admins: %ui from the environment, by \"%V\", "
                      "instead of those of the configuration",
                      admins->entries.nelts, &admins->env);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "kairo admins: %ui from the configuration, %ui from its "
                  "file", admins->words, admins->lines);
}


ngx_uint_t
ngx_http_kairo_admins_has(const ngx_http_kairo_admins_t *admins,
    const ngx_http_kairo_issuer_t *issuer, const ngx_http_kairo_identity_t *id)
{
    ngx_uint_t  i;

    for (i = 0; i < admins->nissuers; i++) {
        if (admins->issuers[i] == issuer) {
            break;
        }
    }

    return i < admins->nissuers
           && (ngx_http_kairo_admins_find(admins, 'e', &id->email)
               || ngx_http_kairo_admins_find(admins, 's', &id->subject));
}


static char *
ngx_http_kairo_admins_word(ngx_conf_t *cf, ngx_http_kairo_admins_t *admins,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_str_t  s;

    if (value->len > 7 && ngx_strncmp(value->data, "issuer=", 7) == 0) {

        if (admins->nissuers == NGX_HTTP_KAIRO_AUTH_MAX) {
            return "names more than 8 issuers";
        }

        s.data = value->data + 7;
        s.len = value->len - 7;
        admins->names[admins->nissuers++] = s;

        return NGX_CONF_OK;
    }

    if (value->len > 4 && ngx_strncmp(value->data, "env=", 4) == 0) {

        if (admins->env.len) {
            return "has \"env=\" twice";
        }

        admins->env.data = value->data + 4;
        admins->env.len = value->len - 4;

        return NGX_CONF_OK;
    }

    if (value->len > 5 && ngx_strncmp(value->data, "file=", 5) == 0) {

        s.data = value->data + 5;
        s.len = value->len - 5;

        return ngx_http_kairo_admins_file(cf, admins, &s) == NGX_OK
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    /* a parameter without a value is no subject */

    if (ngx_strcmp(value->data, "issuer=") == 0
        || ngx_strcmp(value->data, "env=") == 0
        || ngx_strcmp(value->data, "file=") == 0
        || ngx_http_kairo_admins_add(cf, admins, value->data, value->len)
           != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "word %ui of kairo_admins is neither an address "
                           "of e-mail nor a subject, nor issuer=NAME, "
                           "file=PATH or env=NAME", n);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* An entry a line; "#" begins a comment. */

static ngx_int_t
ngx_http_kairo_admins_file(ngx_conf_t *cf, ngx_http_kairo_admins_t *admins,
    ngx_str_t *path)
{
    u_char    *text;
    ssize_t    n;
    ngx_fd_t   fd;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "the list of kairo_admins, \"%V\", can't be opened",
                           path);
        return NGX_ERROR;
    }

    text = ngx_palloc(cf->temp_pool, NGX_HTTP_KAIRO_ADMINS_FILE);
    n = text ? ngx_read_fd(fd, text, NGX_HTTP_KAIRO_ADMINS_FILE) : NGX_ERROR;

    (void) ngx_close_file(fd);

    if (n < 0 || n == NGX_HTTP_KAIRO_ADMINS_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, n < 0 ? ngx_errno : 0,
                           "the list of kairo_admins, \"%V\", can't be read, "
                           "or has 64 KiB or more", path);
        return NGX_ERROR;
    }

    return ngx_http_kairo_admins_lines(cf, admins, path, text, text + n);
}


static ngx_int_t
ngx_http_kairo_admins_lines(ngx_conf_t *cf, ngx_http_kairo_admins_t *admins,
    ngx_str_t *path, u_char *p, u_char *last)
{
    u_char      *end, *next;
    ngx_uint_t   line;

    for (line = 1; p < last; line++, p = next) {

        end = ngx_strlchr(p, last, LF);
        end = end ? end : last;
        next = end + 1;

        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == CR))
        {
            end--;
        }

        if (p == end || *p == '#') {
            continue;
        }

        if (ngx_http_kairo_admins_add(cf, admins, p, end - p) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "line %ui of the list of kairo_admins, \"%V\", "
                               "is neither an address of e-mail nor a subject",
                               line, path);
            return NGX_ERROR;
        }

        admins->lines++;
    }

    return NGX_OK;
}


/* Without issuer= it is the only one there is. */

static ngx_int_t
ngx_http_kairo_admins_issuers(ngx_conf_t *cf,
    ngx_http_kairo_auth_main_conf_t *amcf)
{
    ngx_uint_t                  i;
    ngx_http_kairo_admins_t    *admins;
    ngx_http_kairo_issuer_t   **issuer;

    admins = amcf->admins;

    if (admins->nissuers == 0) {

        if (amcf->issuers.nelts != 1) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "kairo_admins has to name its issuer, issuer=NAME: "
                          "there are %ui of them", amcf->issuers.nelts);
            return NGX_ERROR;
        }

        issuer = amcf->issuers.elts;
        admins->issuers[admins->nissuers++] = issuer[0];

        return NGX_OK;
    }

    for (i = 0; i < admins->nissuers; i++) {

        admins->issuers[i] = ngx_http_kairo_auth_issuer_of(amcf,
                                                           &admins->names[i]);
        if (admins->issuers[i] == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown issuer \"%V\" of kairo_admins, define it "
                          "by kairo_issuer", &admins->names[i]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* The value that a worker would find, which "env NAME=VALUE;" sets. */

static const char *
ngx_http_kairo_admins_getenv(ngx_conf_t *cf, const ngx_str_t *name)
{
    ngx_str_t        *var;
    ngx_uint_t        i;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);
    var = ccf->env.elts;

    for (i = 0; i < ccf->env.nelts; i++) {

        if (var[i].len != name->len
            || ngx_strncmp(var[i].data, name->data, name->len) != 0)
        {
            continue;
        }

        return var[i].data[name->len] == '='
               ? (char *) var[i].data + name->len + 1
               : getenv((char *) name->data);
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "kairo_admins has env=%V, and no \"env %V;\" stands before "
                  "\"http\": a binary upgrade would lose the variable, and "
                  "with it who is an administrator", name, name);

    return getenv((char *) name->data);
}


static ngx_int_t
ngx_http_kairo_admins_env(ngx_conf_t *cf, ngx_http_kairo_admins_t *admins)
{
    size_t       n;
    const char  *value, *p;

    value = ngx_http_kairo_admins_getenv(cf, &admins->env);

    if (value == NULL) {
        return NGX_OK;
    }

    admins->replaced = 1;
    admins->entries.nelts = 0;

    for (p = value; *p; p += n) {

        n = strspn(p, ", \t\r\n");
        p += n;
        n = strcspn(p, ", \t\r\n");

        if (n && ngx_http_kairo_admins_add(cf, admins, (const u_char *) p, n)
                 != NGX_OK)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "entry %ui of \"%V\" in the environment is neither "
                          "an address of e-mail nor a subject",
                          admins->entries.nelts + 1, &admins->env);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* "email:" and "subject:" say which, else an "@" does. */

static ngx_int_t
ngx_http_kairo_admins_add(ngx_conf_t *cf, ngx_http_kairo_admins_t *admins,
    const u_char *p, size_t n)
{
    u_char        email[KAIRO_EMAIL_MAX];
    ngx_uint_t    subject;
    kairo_span_t  s;

    subject = n >= 8 && ngx_strncmp(p, "subject:", 8) == 0;

    if (subject) {
        p += 8;
        n -= 8;

    } else if (n >= 6 && ngx_strncmp(p, "email:", 6) == 0) {
        p += 6;
        n -= 6;

    } else {
        subject = ngx_strlchr((u_char *) p, (u_char *) p + n, '@') == NULL;
    }

    s.p = p;
    s.n = n;

    if (subject) {
        return n && n <= KAIRO_FACTS_SUBJECT && kairo_facts_printable(s)
               ? ngx_http_kairo_admins_push(cf, admins, 's', p, n)
               : NGX_DECLINED;
    }

    n = kairo_email(s, email);

    return n ? ngx_http_kairo_admins_push(cf, admins, 'e', email, n)
             : NGX_DECLINED;
}


static ngx_int_t
ngx_http_kairo_admins_push(ngx_conf_t *cf, ngx_http_kairo_admins_t *admins,
    u_char kind, const u_char *p, size_t n)
{
    ngx_str_t  *entry;

    entry = ngx_array_push(&admins->entries);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    entry->len = n + 1;
    entry->data = ngx_pnalloc(cf->pool, entry->len);
    if (entry->data == NULL) {
        return NGX_ERROR;
    }

    entry->data[0] = kind;
    ngx_memcpy(entry->data + 1, p, n);

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_kairo_admins_cmp(const void *one, const void *two)
{
    const ngx_str_t *a = one;
    const ngx_str_t *b = two;

    return (int) ngx_memn2cmp(a->data, b->data, a->len, b->len);
}


static ngx_uint_t
ngx_http_kairo_admins_find(const ngx_http_kairo_admins_t *admins, u_char kind,
    const ngx_str_t *text)
{
    u_char     key[1 + KAIRO_FACTS_SUBJECT];
    ngx_str_t  entry;

    if (text->len == 0 || text->len > KAIRO_FACTS_SUBJECT) {
        return 0;
    }

    key[0] = kind;
    ngx_memcpy(key + 1, text->data, text->len);

    entry.data = key;
    entry.len = text->len + 1;

    return bsearch(&entry, admins->entries.elts, admins->entries.nelts,
                   sizeof(ngx_str_t), ngx_http_kairo_admins_cmp)
           != NULL;
}
