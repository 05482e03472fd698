
#include "stores/ngx_kairo_file.h"
#include "stores/ngx_kairo_lookup.h"


/* what a C library looks at, too */

#define NGX_KAIRO_RESOLVER_SERVERS  3

#define NGX_KAIRO_RESOLVER_FILE     65536


static ngx_uint_t ngx_kairo_resolver_servers(ngx_conf_t *cf,
    const ngx_str_t *text, ngx_str_t *server);
static ngx_int_t ngx_kairo_resolver_server(ngx_pool_t *pool, u_char *p,
    u_char *last, ngx_str_t *server);


ngx_resolver_t *
ngx_kairo_resolver(ngx_conf_t *cf)
{
    ngx_str_t         text, server[NGX_KAIRO_RESOLVER_SERVERS];
    ngx_uint_t        n;
    ngx_file_info_t   fi;

    if (ngx_kairo_file_read(NGX_KAIRO_RESOLV_CONF, NGX_KAIRO_RESOLVER_FILE,
                            "it is too long", &text, &fi))
    {
        return NULL;
    }

    n = ngx_kairo_resolver_servers(cf, &text, server);

    ngx_free(text.data);

    return n ? ngx_resolver_create(cf, server, n) : NULL;
}


static ngx_uint_t
ngx_kairo_resolver_servers(ngx_conf_t *cf, const ngx_str_t *text,
    ngx_str_t *server)
{
    u_char      *p, *end, *last;
    ngx_uint_t   n;

    n = 0;
    last = text->data + text->len;

    for (p = text->data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, LF);
        end = end ? end : last;

        if (n < NGX_KAIRO_RESOLVER_SERVERS
            && ngx_kairo_resolver_server(cf->pool, p, end, &server[n])
               == NGX_OK)
        {
            n++;
        }
    }

    return n;
}


/*
 * "nameserver ADDRESS", as "resolver" would have it; NGX_DECLINED: the line is
 * another one, or one of an address with a zone, which nginx can't ask.
 */

static ngx_int_t
ngx_kairo_resolver_server(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_str_t *server)
{
    u_char      *end;
    ngx_addr_t   addr;

    static const ngx_str_t  word = ngx_string("nameserver");

    if ((size_t) (last - p) <= word.len
        || ngx_strncmp(p, word.data, word.len) != 0
        || (p[word.len] != ' ' && p[word.len] != '\t'))
    {
        return NGX_DECLINED;
    }

    for (p += word.len; p < last && (*p == ' ' || *p == '\t'); p++) {
        /* void */
    }

    for (end = p; end < last && *end > ' '; end++) { /* void */ }

    if (ngx_parse_addr(pool, &addr, p, end - p) != NGX_OK) {
        return NGX_DECLINED;
    }

    server->data = ngx_pnalloc(pool, end - p + sizeof("[]"));
    if (server->data == NULL) {
        return NGX_DECLINED;
    }

    server->len = ngx_sprintf(server->data,
                              addr.sockaddr->sa_family == AF_INET6
                              ? "[%*s]" : "%*s", (size_t) (end - p), p)
                  - server->data;

    return NGX_OK;
}
