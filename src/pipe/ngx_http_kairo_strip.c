
/*
 * What the edge tells an application is X-Kairo-*.  A client's own fields of
 * that name are removed from each main request of a server that uses kairo,
 * before anything of the configuration can read them.
 */


#include "pipe/ngx_http_kairo_pipe.h"
#include "core/kairo_header.h"


static ngx_int_t ngx_http_kairo_strip_list(ngx_http_request_t *r,
    const char *prefix);
static ngx_int_t ngx_http_kairo_strip_part(ngx_http_request_t *r,
    ngx_list_part_t *part, const char *prefix);
static ngx_uint_t ngx_http_kairo_strip_is(const ngx_table_elt_t *h,
    const char *prefix);
static ngx_int_t ngx_http_kairo_strip_field(ngx_http_request_t *r,
    ngx_list_part_t *part, ngx_uint_t i);


ngx_int_t
ngx_http_kairo_strip(ngx_http_request_t *r)
{
    const ngx_http_kairo_srv_conf_t  *kscf;

    kscf = ngx_http_get_module_srv_conf(r, ngx_http_kairo_module);

    if (!kscf->used || r != r->main) {
        return NGX_DECLINED;
    }

    return ngx_http_kairo_strip_list(r, NULL) == NGX_OK
           ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ngx_int_t
ngx_http_kairo_tell(ngx_http_request_t *r, const char *prefix,
    const ngx_http_kairo_field_t *fields)
{
    u_char                        *lowcase;
    ngx_list_t                    *list;
    ngx_uint_t                     n;
    ngx_list_part_t               *last;
    ngx_table_elt_t               *h;
    const ngx_http_kairo_field_t  *field;

    if (ngx_http_kairo_strip_list(r, prefix) != NGX_OK) {
        return NGX_ERROR;
    }

    list = &r->headers_in.headers;
    last = list->last;
    n = last->nelts;

    for (field = fields; field; field = field->next) {

        lowcase = ngx_pnalloc(r->pool, field->name.len);
        if (lowcase == NULL) {
            goto failed;
        }

        h = ngx_list_push(list);
        if (h == NULL) {
            goto failed;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));

        h->key = field->name;
        h->value = field->value;
        h->lowcase_key = lowcase;
        h->hash = ngx_hash_strlow(lowcase, h->key.data, h->key.len);
    }

    return NGX_OK;

failed:

    /* not a part of them */

    list->last = last;
    last->nelts = n;
    last->next = NULL;

    return NGX_ERROR;
}


/* By a prefix as it is; without one all that a server could read so. */

static ngx_int_t
ngx_http_kairo_strip_list(ngx_http_request_t *r, const char *prefix)
{
    ngx_list_t       *list;
    ngx_list_part_t  *part, *prev;

    prev = NULL;
    list = &r->headers_in.headers;

    for (part = &list->part; part; part = part->next) {

        if (ngx_http_kairo_strip_part(r, part, prefix) != NGX_OK) {
            return NGX_ERROR;
        }

        if (part->nelts || prev == NULL) {
            prev = part;
            continue;
        }

        /* who walks a list expects that no part but the first is empty */

        prev->next = part->next;

        if (list->last == part) {
            list->last = prev;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_strip_part(ngx_http_request_t *r, ngx_list_part_t *part,
    const char *prefix)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    i = 0;

    while (i < part->nelts) {

        h = part->elts;

        if (!ngx_http_kairo_strip_is(&h[i], prefix)) {
            i++;
            continue;
        }

        if (ngx_http_kairo_strip_field(r, part, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_kairo_strip_is(const ngx_table_elt_t *h, const char *prefix)
{
    size_t        n;
    kairo_span_t  name;

    if (prefix) {
        n = ngx_strlen(prefix);
        return h->key.len >= n && ngx_strncmp(h->key.data, prefix, n) == 0;
    }

    name.p = h->key.data;
    name.n = h->key.len;

    return kairo_header_reserved(name);
}


/*
 * Takes element i out of its part, which leaves the next one in its place.
 * No element may move: nginx keeps pointers to them (headers_in.host, ...).
 * So a part is shortened at an end, or cut in two.
 */

static ngx_int_t
ngx_http_kairo_strip_field(ngx_http_request_t *r, ngx_list_part_t *part,
    ngx_uint_t i)
{
    ngx_list_t       *list;
    ngx_list_part_t  *tail;
    ngx_table_elt_t  *h;

    h = part->elts;
    list = &r->headers_in.headers;

    if (i > 0 && i + 1 < part->nelts) {

        tail = ngx_palloc(r->pool, sizeof(ngx_list_part_t));
        if (tail == NULL) {
            return NGX_ERROR;
        }

        tail->elts = &h[i + 1];
        tail->nelts = part->nelts - i - 1;
        tail->next = part->next;

        part->nelts = i;
        part->next = tail;

        if (list->last == part) {
            list->last = tail;
        }

    } else {

        if (i == 0 && part->nelts > 1) {
            part->elts = &h[1];
        }

        part->nelts--;
    }

    /*
     * A push must not write behind what the last part still owns: the part
     * is full as it is, or holds the one element that was just taken out.
     */

    list->nalloc = ngx_max(list->last->nelts, 1);

    return NGX_OK;
}
