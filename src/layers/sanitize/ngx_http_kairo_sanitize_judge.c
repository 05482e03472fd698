
/*
 * One value: whether it may be fetched, and what is said when it may not.
 */


#include "layers/sanitize/ngx_http_kairo_sanitize.h"


static void ngx_http_kairo_sanitize_log(ngx_http_kairo_sanitize_t *s,
    const char *code, const char *reason);
static const char *ngx_http_kairo_sanitize_advice(const char *code,
    const char *reason);
static ngx_int_t ngx_http_kairo_sanitize_verdict(
    ngx_http_kairo_sanitize_t *s, const char *code, const char *reason);


/* Codes, and what a client is told. */

typedef struct {
    const char   *code;
    ngx_uint_t    status;
    const char   *hint;
} ngx_http_kairo_sanitize_answer_t;


static const ngx_http_kairo_sanitize_answer_t
ngx_http_kairo_sanitize_answers[] = {
    { "target_malformed", 400,
      "the target is not written as one that all programs read alike: http or"
      " https, a public host name or a plain address, no user, no spaces, no "
      "escapes in the host" },
    { "target_scheme", 403,
      "a target of this scheme can't be fetched; write https://" },
    { "target_port", 403,
      "this port is not allowed; leave it out" },
    { "target_special_name", 403,
      "this name is not one of the public internet" },
    { "target_special_address", 403,
      "this address is not one of the public internet" },
    { "target_metadata", 403,
      "this target is never allowed" },
    { "target_denied", 403,
      "this target is on a list of those that are not allowed" },
    { "target_not_allowed", 403,
      "this target is not on the list of those that are allowed" },
    { "target_unresolvable", 422,
      "the name has no address on the public internet" },
    { "resolver_unavailable", 503,
      "the name could not be looked up; try again later" },
    { "target_duplicate", 400,
      "the request has the target more than once; send it once" },
    { "target_missing", 400,
      "the request has no target; send it" },
    { "body_malformed", 400,
      "the body can't be read as its Content-Type says" },
    { "body_too_large", 413,
      "the body is longer than what is looked at" },
    { "body_not_inspectable", 415,
      "the body can't be looked at; send it with another Content-Type and "
      "without Content-Encoding" },
    { NULL, 403,
      "this target is not allowed" }
};


ngx_int_t
ngx_http_kairo_sanitize_value(ngx_http_kairo_sanitize_t *s,
    kairo_span_t value)
{
    kairo_target_t                  *target;
    ngx_http_kairo_sanitize_item_t  *item;

    if (s->found++ && !s->rule->many) {
        return ngx_http_kairo_sanitize_refuse(s, "target_duplicate",
                                              "duplicate");
    }

    if (s->nitems == NGX_HTTP_KAIRO_SANITIZE_MAX) {
        return ngx_http_kairo_sanitize_refuse(s, "target_duplicate",
                                              "too_many");
    }

    item = ngx_palloc(s->pipe->request->pool,
                      sizeof(ngx_http_kairo_sanitize_item_t));
    if (item == NULL) {
        return NGX_ERROR;
    }

    target = &item->target;

    kairo_target(target, value, &s->rule->policy, &s->lists);

    if (target->code) {
        return ngx_http_kairo_sanitize_refuse(s, target->code, target->reason);
    }

    item->rule = s->rule;
    item->addr = kairo_target_ip(target);

    s->item[s->nitems++] = item;

    return NGX_OK;
}


/*
 * A CORS preflight, in which nothing is required, has the query and the path
 * of the request that it is for: a tool may fetch what is there all the same.
 */

ngx_int_t
ngx_http_kairo_sanitize_missing(ngx_http_kairo_sanitize_t *s)
{
    if (!s->rule->required || s->found
        || ngx_http_kairo_preflight(s->pipe->request))
    {
        return NGX_OK;
    }

    return ngx_http_kairo_sanitize_refuse(s, "target_missing", "missing");
}


ngx_int_t
ngx_http_kairo_sanitize_refuse(ngx_http_kairo_sanitize_t *s, const char *code,
    const char *reason)
{
    ngx_http_kairo_refusal_t                *refusal;
    const ngx_http_kairo_sanitize_answer_t  *answer;

    ngx_http_kairo_sanitize_log(s, code, reason);

    if (ngx_http_kairo_sanitize_verdict(s, code, reason) != NGX_OK) {
        return NGX_ERROR;
    }

    for (answer = ngx_http_kairo_sanitize_answers; answer->code; answer++) {
        if (ngx_strcmp(code, answer->code) == 0) {
            break;
        }
    }

    refusal = &s->pipe->refusal;

    refusal->code.data = (u_char *) code;
    refusal->code.len = ngx_strlen(code);
    refusal->reason.data = (u_char *) reason;
    refusal->reason.len = ngx_strlen(reason);
    refusal->hint.data = (u_char *) answer->hint;
    refusal->hint.len = ngx_strlen(answer->hint);

    if (s->rule) {
        refusal->param = s->rule->text;
    }

    return answer->status;
}


/* $kairo_target_verdict: the line of "kairo target". */

static ngx_int_t
ngx_http_kairo_sanitize_verdict(ngx_http_kairo_sanitize_t *s,
    const char *code, const char *reason)
{
    ngx_str_t  *verdict;

    verdict = &s->pipe->target_verdict;

    verdict->data = ngx_pnalloc(s->pipe->request->pool,
                                sizeof("block  ") + ngx_strlen(code)
                                + ngx_strlen(reason));
    if (verdict->data == NULL) {
        return NGX_ERROR;
    }

    verdict->len = ngx_sprintf(verdict->data, "block %s %s", code, reason)
                   - verdict->data;

    return NGX_OK;
}


/* Not the value: who sends it has chosen it, to be read in a log perhaps. */

static void
ngx_http_kairo_sanitize_log(ngx_http_kairo_sanitize_t *s, const char *code,
    const char *reason)
{
    ngx_str_t  param;

    if (!ngx_http_kairo_log_sampled(s->pipe, &s->state->refused,
                                    s->conf->log_level))
    {
        return;
    }

    ngx_str_set(&param, "the body");

    if (s->rule) {
        param = s->rule->text;
    }

    ngx_log_error(s->conf->log_level, s->pipe->request->connection->log, 0,
                  "kairo sanitize: refused%s, %V: %s, %s%s",
                  s->pipe->mode == NGX_HTTP_KAIRO_DRY_RUN ? ", dry run" : "",
                  &param, code, reason,
                  ngx_http_kairo_sanitize_advice(code, reason));
}


/* Where public names resolve to such addresses, in some networks. */

static const char *
ngx_http_kairo_sanitize_advice(const char *code, const char *reason)
{
    if (ngx_strcmp(code, "target_unresolvable") != 0) {
        return "";
    }

    if (ngx_strncmp(reason, "ipv6_nat64", sizeof("ipv6_nat64") - 1) == 0) {
        return ", see kairo_sanitize_nat64";
    }

    return ngx_strcmp(reason, "ipv4_benchmarking") == 0
           || ngx_strcmp(reason, "ipv4_shared") == 0
           ? ", a network can be named in kairo_allowlist" : "";
}
