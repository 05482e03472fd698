
/*
 * What a tool is asked to fetch, of any bytes and in each form.  What is
 * allowed has a host of the grammar, and none that is special; its normal form
 * is allowed and its own; letters of ASCII have no case; a dot behind a name
 * is as none.
 */


#include <arpa/inet.h>

#include "fuzz.h"

#include "core/kairo_net.h"
#include "libs/kairo_target.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


static int
same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}


static int
is_letter(unsigned char c)
{
    return c >= 'a' && c <= 'z';
}


/* Labels of 1 to 63, the last of letters or encoded; two of them or more. */

static void
a_name(const unsigned char *host, size_t n)
{
    int     letters;
    size_t  i, begin, labels;

    must(n >= 4 && n <= KAIRO_NAME_MAX);

    begin = 0;
    labels = 0;
    letters = 1;

    for (i = 0; i <= n; i++) {

        if (i < n && host[i] != '.') {
            must(is_letter(host[i]) || (host[i] >= '0' && host[i] <= '9')
                 || host[i] == '-' || host[i] == '_');
            letters = letters && is_letter(host[i]);
            continue;
        }

        must(i - begin >= 1 && i - begin <= KAIRO_LABEL_MAX);
        must(host[begin] != '-' && host[i - 1] != '-');

        labels++;

        if (i == n) {
            must(i - begin >= 2);
            must(letters || memcmp(host + begin, "xn--", 4) == 0);
            must(memchr(host + begin, '_', i - begin) == NULL);
        }

        begin = i + 1;
        letters = 1;
    }

    must(labels >= 2);
    must(kairo_name_special((kairo_span_t) { host, n }) == NULL);
}


static void
an_address(const kairo_target_t *target)
{
    char           text[INET6_ADDRSTRLEN];
    unsigned char  ip[16];

    must(target->n < sizeof(text));
    memcpy(text, target->host, target->n);
    text[target->n] = '\0';

    if (target->kind == KAIRO_TARGET_IPV4) {
        must(inet_pton(AF_INET, text, ip) == 1);
        must(memcmp(ip, target->ip, 4) == 0);
        must(kairo_net_v4(ip) == NULL && !kairo_net_metadata_v4(ip));

    } else {
        must(inet_pton(AF_INET6, text, ip) == 1);
        must(memcmp(ip, target->ip, 16) == 0);
        must(kairo_net_v6(ip) == NULL && !kairo_net_metadata_v6(ip));
        must((ip[0] & 0xe0) == 0x20);
    }
}


static size_t
normal(const kairo_target_t *target, unsigned char **out)
{
    size_t  n;

    *out = fuzz_alloc(KAIRO_TARGET_SIZE + target->rest.n);
    n = kairo_target_write(target, *out);

    must(n <= KAIRO_TARGET_SIZE + target->rest.n);

    return n;
}


/* "more": what the policy allows in bytes, for what was encoded has grown. */

static void
again(const kairo_target_t *target, const kairo_target_policy_t *policy)
{
    size_t                  n, m;
    kairo_target_t          second;
    unsigned char          *one, *exact, *two;
    kairo_target_policy_t   more;

    more = *policy;
    more.max += KAIRO_TARGET_SIZE;

    n = normal(target, &one);
    exact = fuzz_copy(one, n);

    kairo_target(&second, (kairo_span_t) { exact, n }, &more,
                 &kairo_target_no_lists);

    must(second.code == NULL && second.reason == NULL);
    must(second.kind == target->kind && second.port == target->port);
    must(second.scheme == target->scheme);
    must(second.n == target->n
         && memcmp(second.host, target->host, target->n) == 0);

    m = normal(&second, &two);
    must(m == n && memcmp(one, two, n) == 0);

    free(two);
    free(exact);
    free(one);
}


static void
allowed(const kairo_target_t *target, kairo_span_t text,
    const kairo_target_policy_t *policy)
{
    size_t  i, n;

    must(target->reason == NULL && target->n);
    must(text.n <= policy->max);
    must(target->port == 0 || target->port == 80 || target->port == 443);
    must(target->scheme || target->rest.n == 0);
    must(target->scheme || policy->form != KAIRO_URL_URL);

    for (i = 0; i < text.n; i++) {
        must(text.p[i] > ' ' && text.p[i] != 0x7f && text.p[i] != '\\');
    }

    /* where the rest begins, and no user before */

    n = text.n - target->rest.n;

    if (target->rest.n) {
        must(target->rest.p == text.p + n);
        must(strchr("/?#", target->rest.p[0]) != NULL);
    }

    must(memchr(text.p, '@', n) == NULL && memchr(text.p, '%', n) == NULL);
    must(memchr(text.p, '?', n) == NULL && memchr(text.p, '#', n) == NULL);

    if (target->kind == KAIRO_TARGET_NAME) {
        must(policy->form != KAIRO_URL_IP);
        a_name(target->host, target->n);

    } else {
        an_address(target);
    }
}


static void
other_case(const kairo_target_t *target, kairo_span_t text,
    const kairo_target_policy_t *policy)
{
    int             upper;
    size_t          i;
    kairo_target_t  other;
    unsigned char  *copy;

    for (upper = 0; upper < 2; upper++) {

        copy = fuzz_copy(text.p, text.n);

        for (i = 0; i < text.n; i++) {
            if (is_letter(copy[i] | 0x20)) {
                copy[i] = upper ? copy[i] & ~0x20 : copy[i] | 0x20;
            }
        }

        kairo_target(&other, (kairo_span_t) { copy, text.n }, policy,
                     &kairo_target_no_lists);

        must(same(other.code, target->code));
        must(same(other.reason, target->reason));

        if (target->code == NULL) {
            must(other.n == target->n
                 && memcmp(other.host, target->host, other.n) == 0);
        }

        free(copy);
    }
}


static void
with_dot(const kairo_target_t *target, const kairo_target_policy_t *policy)
{
    size_t                  n, at;
    kairo_target_t          other;
    unsigned char          *one, *two, *exact;
    kairo_target_policy_t   more;

    more = *policy;
    more.max += KAIRO_TARGET_SIZE + 1;

    n = normal(target, &one);
    at = (target->scheme ? sizeof("http://") - 1
                           + (target->scheme == KAIRO_TARGET_HTTPS) : 0)
         + target->n;

    two = fuzz_alloc(n + 1);
    memcpy(two, one, at);
    two[at] = '.';
    memcpy(two + at + 1, one + at, n - at);

    kairo_target(&other, (kairo_span_t) { two, n + 1 }, &more,
                 &kairo_target_no_lists);

    if (target->kind == KAIRO_TARGET_NAME) {
        must(other.code == NULL);
        must(normal(&other, &exact) == n && memcmp(exact, one, n) == 0);
        free(exact);

    } else {
        must(other.code != NULL);
    }

    free(two);
    free(one);
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    int                     form;
    kairo_span_t            text;
    unsigned char          *exact;
    kairo_target_t          target;
    kairo_target_policy_t   policy;

    exact = fuzz_copy(data, size);

    text.p = exact;
    text.n = size;

    for (form = KAIRO_URL_AUTO; form <= KAIRO_URL_IP; form++) {

        policy = kairo_target_default;
        policy.form = (kairo_url_form_t) form;

        memset(&target, 0xa5, sizeof(target));
        kairo_target(&target, text, &policy,
                     &kairo_target_no_lists);

        must((target.code == NULL) == (target.reason == NULL));

        if (target.code == NULL) {
            allowed(&target, text, &policy);
            again(&target, &policy);
            with_dot(&target, &policy);

        } else {
            must(strncmp(target.code, "target_", 7) == 0);
        }

        other_case(&target, text, &policy);
    }

    free(exact);

    return 0;
}
