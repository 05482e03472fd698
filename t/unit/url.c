
/*
 * URLs, and hosts with or without a port, taken apart.
 */


#include "target.h"

#include "core/kairo_url.h"


/* What it is made of: "scheme|host|port|rest", "[host]" where it is IPv6. */

static void
expect_url_n(kairo_url_form_t form, const char *text, size_t n,
    const char *wanted)
{
    char            said[4096];
    const char     *wrong;
    kairo_url_t     url;
    kairo_span_t    s;
    unsigned char  *copy;

    copy = target_copy(text, n);

    s.p = copy;
    s.n = n;

    wrong = kairo_url(s, form, &url);

    if (wrong) {
        snprintf(said, sizeof(said), "%s", wrong);

    } else {
        snprintf(said, sizeof(said), "%.*s|%s%.*s%s|%u|%.*s",
                 (int) url.scheme.n, (const char *) url.scheme.p,
                 url.ipv6 ? "[" : "", (int) url.host.n,
                 (const char *) url.host.p, url.ipv6 ? "]" : "", url.port,
                 (int) url.rest.n, (const char *) url.rest.p);
    }

    expect(strcmp(said, wanted) == 0, "form %d, \"%.*s\": %s, not %s",
           (int) form, (int) n, text, said, wanted);

    free(copy);
}


static void
expect_url(kairo_url_form_t form, const char *text, const char *wanted)
{
    expect_url_n(form, text, strlen(text), wanted);
}


#define URL(text, wanted)   expect_url(KAIRO_URL_URL, text, wanted)
#define PORT(text, wanted)  expect_url(KAIRO_URL_HOSTPORT, text, wanted)
#define HOST(text, wanted)  expect_url(KAIRO_URL_HOST, text, wanted)
#define IP(text, wanted)    expect_url(KAIRO_URL_IP, text, wanted)
#define AUTO(text, wanted)  expect_url(KAIRO_URL_AUTO, text, wanted)


static void
parts(void)
{
    URL("http://a", "http|a|0|");
    URL("hTTps://A.b/", "hTTps|A.b|0|/");
    URL("http://a:1/x?y#z", "http|a|1|/x?y#z");
    URL("http://a:65535", "http|a|65535|");
    URL("http://a?x", "http|a|0|?x");
    URL("http://a#x", "http|a|0|#x");
    URL("http://a:80?x/y", "http|a|80|?x/y");
    URL("http://[::1]:8/x", "http|[::1]|8|/x");
    URL("http://[::1]", "http|[::1]|0|");
    URL("http://[x]/", "http|[x]|0|/");
    URL("http://a/b@c", "http|a|0|/b@c");
    URL("http://a/?b@c:d[e]//", "http|a|0|/?b@c:d[e]//");
    URL("gopher+x-1.2://a/", "gopher+x-1.2|a|0|/");
    URL("http://a/\xc3\xa9", "http|a|0|/\xc3\xa9");
    URL("http://\xc3\xa9/", "http|\xc3\xa9|0|/");

    verdict("a URL in its parts");
}


static void
no_url(void)
{
    URL("a", "no_scheme");
    URL("", "empty");
    URL("://a", "no_scheme");
    URL("1http://a", "no_scheme");
    URL("ht_tp://a", "no_scheme");
    URL("h\xc3\xa9://a", "no_scheme");
    URL("//a/", "no_scheme");
    URL("/a:/b", "no_scheme");
    URL("http:", "slashes");
    URL("http:/", "slashes");
    URL("http:a", "slashes");
    URL("http:/a", "slashes");
    URL("http:a//", "slashes");
    URL("a.b:80", "slashes");
    URL("http://", "empty_host");
    URL("http:///a", "empty_host");
    URL("http:////a", "empty_host");
    URL("http://?a", "empty_host");
    URL("http://#", "empty_host");
    URL("http://:80/", "empty_host");
    URL("http://[]/", "empty_host");
    URL("http://[]:80/", "empty_host");

    verdict("what is no URL");
}


static void
users(void)
{
    URL("http://b@a/", "userinfo");
    URL("http://b:c@a/", "userinfo");
    URL("http://@a/", "userinfo");
    URL("http://:@a/", "userinfo");
    URL("http://a@", "userinfo");
    URL("http://1.1.1.1@2.2.2.2@3.3.3.3/", "userinfo");
    URL("http://a#@b/", "userinfo");
    URL("http://a?@b/", "userinfo");
    URL("http://a?x=b@c", "userinfo");
    URL("http://a:80#@b:80/", "userinfo");
    URL("http://[::1]@b/", "userinfo");
    URL("http://a?/@b", "http|a|0|?/@b");

    verdict("no @ before the first slash");
}


static void
brackets(void)
{
    URL("http://[::1", "brackets");
    URL("http://[::1/", "brackets");
    URL("http://[::1]x/", "brackets");
    URL("http://[::1].a.com/", "brackets");
    URL("http://[::1]]/", "brackets");
    URL("http://[[::1]]/", "brackets");
    URL("http://[::1]8080/", "brackets");
    URL("http://a]/", "http|a]|0|/");
    URL("http://a[::1]/", "port");
    URL("http://::1/", "empty_host");
    URL("http://1::2/", "port");
    URL("http://1:2:3:4:5:6:7:8/", "port");

    verdict("brackets");
}


static void
ports(void)
{
    char      text[32], wanted[32];
    unsigned  n;

    URL("http://a:/", "port");
    URL("http://a:", "port");
    URL("http://a:0/", "port");
    URL("http://a:00080/", "port");
    URL("http://a:080/", "port");
    URL("http://a:+80/", "port");
    URL("http://a:-80/", "port");
    URL("http://a:0x50/", "port");
    URL("http://a:80a/", "port");
    URL("http://a:a/", "port");
    URL("http://a:8.0/", "port");
    URL("http://a:65536/", "port");
    URL("http://a:99999/", "port");
    URL("http://a:100000/", "port");
    URL("http://a:4294967376/", "port");
    URL("http://a:80:80/", "port");
    URL("http://a:80,81/", "port");
    URL("http://a:00011211aaaa/", "port");
    URL("http://a:\xd9\xa8/", "port");
    URL("http://[::1]:/", "port");
    URL("http://[::1]:080/", "port");

    for (n = 1; n < 70000; n++) {
        snprintf(text, sizeof(text), "a:%u", n);
        snprintf(wanted, sizeof(wanted), "|a|%u|", n);
        PORT(text, n < 65536 ? wanted : "port");
    }

    verdict("ports of 1 to 65535 in digits");
}


static void
forms(void)
{
    PORT("a", "|a|0|");
    PORT("a:80", "|a|80|");
    PORT("[::1]:80", "|[::1]|80|");
    PORT("[::1]", "|[::1]|0|");
    PORT("::1", "|[::1]|0|");
    PORT("1:2:80", "|[1:2:80]|0|");
    PORT("a/b", "|a/b|0|");
    PORT("http://a", "port");
    PORT("http://a:80", "|[http://a:80]|0|");
    PORT(":80", "empty_host");
    PORT(":", "empty_host");
    PORT("a:", "port");

    HOST("a", "|a|0|");
    HOST("a:80", "port_not_wanted");
    HOST("[::1]", "|[::1]|0|");
    HOST("[::1]:80", "port_not_wanted");
    HOST("::1", "|[::1]|0|");
    HOST("a:x", "port");

    IP("1.2.3.4", "|1.2.3.4|0|");
    IP("1.2.3.4:80", "port_not_wanted");
    IP("[::1]:80", "port_not_wanted");
    IP("[::1]", "|[::1]|0|");

    AUTO("a", "|a|0|");
    AUTO("a:80", "|a|80|");
    AUTO("::1", "|[::1]|0|");
    AUTO("http://a/", "http|a|0|/");
    AUTO("http:/a/", "slashes");
    AUTO("http:a", "port");
    AUTO("a:80/x", "port");
    AUTO("a/b://c/", "no_scheme");
    AUTO("//a/", "|//a/|0|");
    AUTO("://a", "no_scheme");
    AUTO("a:/", "slashes");
    AUTO("a:", "port");

    verdict("forms");
}


static void
bytes(void)
{
    char         text[] = "http://a/?", wanted[32];
    unsigned     c, at, where;
    kairo_url_t  url;

    for (c = 0; c < 256; c++) {
        for (at = 0; at < 10; at++) {
            for (where = KAIRO_URL_AUTO; where <= KAIRO_URL_IP; where++) {

                memcpy(text, "http://a/?", sizeof(text));
                text[at] = (char) c;
                *wanted = '\0';

                if (c <= 0x20 || c == 0x7f) {
                    strcpy(wanted, "control_or_space");

                } else if (c == '\\') {
                    strcpy(wanted, "backslash");

                } else if (c >= 0x80) {
                    strcpy(wanted, "not_utf8");

                } else {
                    continue;
                }

                expect_url_n((kairo_url_form_t) where, text, 10, wanted);
            }
        }
    }

    verdict("no control character, space, backslash or half a character");

    expect_url_n(KAIRO_URL_URL, "http://a/", 0, "empty");
    memset(&url, 0xff, sizeof(url));
    expect(strcmp(kairo_url((kairo_span_t) { NULL, 0 }, KAIRO_URL_AUTO, &url),
                  "empty") == 0 && url.host.n == 0, "no memory at all");

    verdict("an empty text");
}


/* RFC 3629, section 4, from the other side: what its bytes stand for. */

static int
is_utf8(const unsigned char *p, size_t n)
{
    size_t    i, k, more;
    uint32_t  c;

    static const uint32_t  least[] = { 0, 0x80, 0x800, 0x10000 };

    for (i = 0; i < n; i += more + 1) {

        c = p[i];
        more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2
               : c >> 3 == 30 ? 3 : 9;

        if (i + more >= n) {
            return 0;
        }

        c &= more ? 0x3fu >> more : 0x7fu;

        for (k = 1; k <= more; k++) {
            if (p[i + k] >> 6 != 2) {
                return 0;
            }
            c = c << 6 | (p[i + k] & 0x3fu);
        }

        if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
            return 0;
        }
    }

    return 1;
}


static void
utf8(void)
{
    size_t          n, i, round;
    kairo_url_t     url;
    const char     *wrong;
    kairo_span_t    s;
    unsigned        first, second;
    unsigned char  *copy, text[16];

    static const unsigned char  edges[] = {
        'a', 0x7e, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
        0xe0, 0xe1, 0xed, 0xee, 0xef, 0xf0, 0xf3, 0xf4, 0xf5, 0xf8, 0xff
    };

    memcpy(text, "a/", 2);

    for (first = 0x80; first < 256; first++) {
        for (second = 0x7e; second < 256; second++) {
            for (n = 3; n <= 6; n++) {

                if (second == 0x7f) {
                    continue;
                }

                text[2] = (unsigned char) first;
                text[3] = (unsigned char) second;
                text[4] = text[5] = 0x80;

                s.n = n;
                s.p = copy = target_copy(text, n);
                wrong = kairo_url(s, KAIRO_URL_HOST, &url);

                expect((wrong == NULL) == is_utf8(text, n),
                       "%02x %02x in %u", first, second, (unsigned) n);
                free(copy);
            }
        }
    }

    for (round = 0; round < 200000; round++) {

        n = 1 + (size_t) unit_below(7);

        for (i = 0; i < n; i++) {
            text[i] = edges[unit_below(sizeof(edges))];
        }

        s.n = n;
        s.p = copy = target_copy(text, n);
        wrong = kairo_url(s, KAIRO_URL_HOST, &url);

        expect((wrong == NULL) == is_utf8(text, n), "round %u: %s",
               (unsigned) round, target_word(wrong));
        free(copy);
    }

    verdict("UTF-8 and nothing that is nearly so");
}


int
main(void)
{
    unit_begin(403);

    parts();
    no_url();
    users();
    brackets();
    ports();
    forms();
    bytes();
    utf8();

    return unit_done();
}
