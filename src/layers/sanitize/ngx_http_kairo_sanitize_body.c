
/*
 * Targets in the body: a form, a form of parts, or JSON.  A body of another
 * type, or one that is encoded, could hold a target that only the tool finds,
 * so it is refused.
 */


#include "layers/sanitize/ngx_http_kairo_sanitize.h"


static ngx_int_t ngx_http_kairo_sanitize_kind(ngx_http_kairo_sanitize_t *s,
    ngx_http_kairo_carrier_e *kind, kairo_span_t *type);
static ngx_uint_t ngx_http_kairo_sanitize_is(const kairo_span_t *type,
    const char *name);
static ngx_int_t ngx_http_kairo_sanitize_parts(ngx_http_kairo_sanitize_t *s,
    kairo_span_t type, kairo_span_t text);
static ngx_int_t ngx_http_kairo_sanitize_json(ngx_http_kairo_sanitize_t *s,
    const json_t *json);
static int ngx_http_kairo_sanitize_found(void *data, const json_t *value);
static ngx_int_t ngx_http_kairo_sanitize_keep(ngx_http_kairo_sanitize_t *s);


ngx_int_t
ngx_http_kairo_sanitize_body(ngx_http_kairo_sanitize_t *s, kairo_span_t text)
{
    json_t                          *json;
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    kairo_span_t                     type;
    ngx_http_kairo_carrier_e         kind;
    ngx_http_kairo_sanitize_rule_t  *rule;

    static const kairo_json_shape_t  limit = { 32, 65536 };

    json = NULL;
    kind = NGX_HTTP_KAIRO_SANITIZE_CARRIERS;    /* there is no body */

    if (text.n) {

        rc = ngx_http_kairo_sanitize_kind(s, &kind, &type);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (kind == NGX_HTTP_KAIRO_SANITIZE_JSON) {

        json = kairo_json_any(text, &limit);

        if (json == NULL) {
            return ngx_http_kairo_sanitize_refuse(s, "body_malformed", "json");
        }
    }

    rule = s->conf->rules->elts;
    rc = NGX_OK;

    for (i = 0; rc == NGX_OK && i < s->conf->rules->nelts; i++) {

        if (rule[i].carrier < NGX_HTTP_KAIRO_SANITIZE_FORM) {
            continue;
        }

        s->rule = &rule[i];
        s->found = 0;

        if (rule[i].carrier == kind) {

            rc = kind == NGX_HTTP_KAIRO_SANITIZE_JSON
                     ? ngx_http_kairo_sanitize_json(s, json)
                 : kind == NGX_HTTP_KAIRO_SANITIZE_FORM
                     ? ngx_http_kairo_sanitize_pairs(s, text)
                     : ngx_http_kairo_sanitize_parts(s, type, text);
        }

        if (rc == NGX_OK) {
            rc = ngx_http_kairo_sanitize_missing(s);
        }
    }

    json_decref(json);

    return rc;
}


/* By the one Content-Type, which has to be one that a rule is for. */

static ngx_int_t
ngx_http_kairo_sanitize_kind(ngx_http_kairo_sanitize_t *s,
    ngx_http_kairo_carrier_e *kind, kairo_span_t *type)
{
    const ngx_str_t          *field;
    ngx_http_request_t       *r;
    ngx_http_kairo_cursor_t   cursor;

    r = s->pipe->request;

    ngx_memzero(&cursor, sizeof(ngx_http_kairo_cursor_t));

    for ( ;; ) {

        field = ngx_http_kairo_next_field(r, &cursor, "content-encoding");

        if (field == NULL) {
            break;
        }

        if (field->len != 8
            || ngx_strncasecmp(field->data, (u_char *) "identity", 8) != 0)
        {
            return ngx_http_kairo_sanitize_refuse(s, "body_not_inspectable",
                                                  "content_encoding");
        }
    }

    ngx_memzero(&cursor, sizeof(ngx_http_kairo_cursor_t));
    field = ngx_http_kairo_next_field(r, &cursor, "content-type");

    if (field == NULL
        || ngx_http_kairo_next_field(r, &cursor, "content-type"))
    {
        return ngx_http_kairo_sanitize_refuse(s, "body_not_inspectable",
                                              field ? "two_content_types"
                                                    : "no_content_type");
    }

    type->p = field->data;
    type->n = field->len;

    *kind = ngx_http_kairo_sanitize_is(type,
                                       "application/x-www-form-urlencoded")
                ? NGX_HTTP_KAIRO_SANITIZE_FORM
            : ngx_http_kairo_sanitize_is(type, "application/json")
                ? NGX_HTTP_KAIRO_SANITIZE_JSON
                : NGX_HTTP_KAIRO_SANITIZE_MULTIPART;

    if (!(s->conf->carriers & 1u << *kind)) {
        return ngx_http_kairo_sanitize_refuse(s, "body_not_inspectable",
                                              "content_type");
    }

    return NGX_OK;
}


/* The type, with no parameter but that it is UTF-8. */

static ngx_uint_t
ngx_http_kairo_sanitize_is(const kairo_span_t *type, const char *name)
{
    size_t  n;
    u_char  *p, *last;

    n = ngx_strlen(name);

    if (type->n < n || ngx_strncasecmp((u_char *) type->p, (u_char *) name, n)
                       != 0)
    {
        return 0;
    }

    p = (u_char *) type->p + n;
    last = (u_char *) type->p + type->n;

    if (p == last) {
        return 1;
    }

    if (*p++ != ';') {
        return 0;
    }

    while (p < last && *p == ' ') {
        p++;
    }

    return last - p == 13
           && ngx_strncasecmp(p, (u_char *) "charset=utf-8", 13) == 0;
}


static ngx_int_t
ngx_http_kairo_sanitize_parts(ngx_http_kairo_sanitize_t *s, kairo_span_t type,
    kairo_span_t text)
{
    int                rc;
    kairo_part_t       part;
    kairo_multipart_t  m;

    if (kairo_multipart(&m, type, text) != 0) {
        return ngx_http_kairo_sanitize_refuse(s, "body_not_inspectable",
                                              "content_type");
    }

    while ((rc = kairo_multipart_next(&m, &part)) > 0) {

        if (!kairo_form_is(part.name, s->rule->name)) {
            continue;
        }

        /* a file is no text, for some readers, and a text for others */

        if (part.file) {
            return ngx_http_kairo_sanitize_refuse(s, "target_malformed",
                                                  "file");
        }

        rc = ngx_http_kairo_sanitize_value(s, part.content);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return rc == 0 ? NGX_OK
                   : ngx_http_kairo_sanitize_refuse(s, "body_malformed",
                                                    "multipart");
}


static ngx_int_t
ngx_http_kairo_sanitize_json(ngx_http_kairo_sanitize_t *s, const json_t *json)
{
    s->rc = NGX_OK;

    if (kairo_json_select(json, &s->rule->path, ngx_http_kairo_sanitize_found,
                          s)
        == 0)
    {
        return NGX_OK;
    }

    return s->rc != NGX_OK ? s->rc
                           : ngx_http_kairo_sanitize_refuse(s,
                                 "target_duplicate", "member");
}


static int
ngx_http_kairo_sanitize_found(void *data, const json_t *value)
{
    ngx_http_kairo_sanitize_t *s = data;

    if (json_is_null(value)) {
        return 0;
    }

    if (!json_is_string(value)) {
        s->rc = ngx_http_kairo_sanitize_refuse(s, "target_malformed",
                                               "no_string");
        return 1;
    }

    s->rc = ngx_http_kairo_sanitize_value(s, kairo_json_string(value));

    if (s->rc == NGX_OK) {
        s->rc = ngx_http_kairo_sanitize_keep(s);
    }

    return s->rc != NGX_OK;
}


/* What the tool is told of a target outlives the JSON. */

static ngx_int_t
ngx_http_kairo_sanitize_keep(ngx_http_kairo_sanitize_t *s)
{
    u_char        *copy;
    kairo_span_t  *rest;

    rest = &s->item[s->nitems - 1]->target.rest;

    if (rest->n == 0) {
        return NGX_OK;
    }

    copy = ngx_pnalloc(s->pipe->request->pool, rest->n);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(copy, rest->p, rest->n);
    rest->p = copy;

    return NGX_OK;
}
