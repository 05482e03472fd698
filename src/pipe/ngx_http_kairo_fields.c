
/*
 * Header fields, of requests and of responses.
 */


#include "pipe/ngx_http_kairo_pipe.h"


const ngx_str_t *
ngx_http_kairo_request_field(ngx_http_request_t *r, const char *name)
{
    ngx_http_kairo_cursor_t  cursor;

    ngx_memzero(&cursor, sizeof(ngx_http_kairo_cursor_t));

    return ngx_http_kairo_next_field(r, &cursor, name);
}


const ngx_str_t *
ngx_http_kairo_next_field(ngx_http_request_t *r,
    ngx_http_kairo_cursor_t *cursor, const char *name)
{
    size_t                  len;
    const ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    if (cursor->part == NULL) {
        cursor->part = &r->headers_in.headers.part;
    }

    for ( ;; ) {

        if (cursor->i == cursor->part->nelts) {

            if (cursor->part->next == NULL) {
                return NULL;
            }

            cursor->part = cursor->part->next;
            cursor->i = 0;
            continue;
        }

        h = cursor->part->elts;
        h += cursor->i++;

        if (h->key.len == len && ngx_strncmp(h->lowcase_key, name, len) == 0) {
            return &h->value;
        }
    }
}


ngx_int_t
ngx_http_kairo_add_fields(ngx_http_request_t *r,
    const ngx_http_kairo_field_t *fields)
{
    ngx_table_elt_t               *h;
    const ngx_http_kairo_field_t  *field;

    for (field = fields; field; field = field->next) {

        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));

        h->hash = 1;
        h->key = field->name;
        h->value = field->value;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_kairo_preflight(ngx_http_request_t *r)
{
    const ngx_http_kairo_loc_conf_t  *klcf;

    klcf = ngx_http_kairo_conf(r, &ngx_http_kairo_module);

    /* Fetch, "CORS-preflight fetch": all three, whatever else there is */

    return klcf->preflight
           && r->method == NGX_HTTP_OPTIONS
           && ngx_http_kairo_request_field(r, "origin")
           && ngx_http_kairo_request_field(r,
                                           "access-control-request-method");
}
