
/*
 * Header fields, of requests and of responses.
 */


#include "pipe/ngx_http_kairo_pipe.h"


const ngx_str_t *
ngx_http_kairo_request_field(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_strncmp(h[i].lowcase_key, name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
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
