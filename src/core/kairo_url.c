
#include "core/kairo_url.h"
#include "core/kairo_utf8.h"


static const char *kairo_url_bytes(kairo_span_t text);
static const char *kairo_url_scheme(kairo_span_t *text, kairo_url_t *url);
static const char *kairo_url_authority(kairo_span_t text, kairo_url_t *url);
static const char *kairo_url_port(kairo_span_t text, unsigned *port);
static size_t kairo_url_find(kairo_span_t text, const char *chars);
static int kairo_url_is_ipv6(kairo_span_t text);


const char *
kairo_url(kairo_span_t text, kairo_url_form_t form, kairo_url_t *url)
{
    size_t       n;
    const char  *wrong;

    memset(url, 0, sizeof(*url));

    wrong = kairo_url_bytes(text);

    if (wrong) {
        return wrong;
    }

    if (form == KAIRO_URL_AUTO) {
        n = kairo_url_find(text, ":") + 1;
        form = n < text.n && text.p[n] == '/' ? KAIRO_URL_URL
                                              : KAIRO_URL_HOSTPORT;
    }

    if (form == KAIRO_URL_URL) {

        wrong = kairo_url_scheme(&text, url);

        if (wrong) {
            return wrong;
        }

        /* the host is before it for one reader, and behind it for another */

        if (kairo_url_find(text, "@") < kairo_url_find(text, "/")) {
            return "userinfo";
        }

        n = kairo_url_find(text, "/?#");

        url->rest.p = text.p + n;
        url->rest.n = text.n - n;
        text.n = n;

    } else if (kairo_url_is_ipv6(text)) {
        url->host = text;
        url->ipv6 = 1;

        return NULL;
    }

    wrong = kairo_url_authority(text, url);

    if (wrong) {
        return wrong;
    }

    return url->port && (form == KAIRO_URL_HOST || form == KAIRO_URL_IP)
           ? "port_not_wanted" : NULL;
}


static const char *
kairo_url_bytes(kairo_span_t text)
{
    size_t  i, n;

    if (text.n == 0) {
        return "empty";
    }

    for (i = 0; i < text.n; i += n) {

        n = 1;

        if (text.p[i] <= ' ' || text.p[i] == 0x7f) {
            return "control_or_space";
        }

        if (text.p[i] == '\\') {
            return "backslash";
        }

        if (text.p[i] >= 0x80) {

            n = kairo_utf8_char((kairo_span_t) { text.p + i, text.n - i });

            if (n == 0) {
                return "not_utf8";
            }
        }
    }

    return NULL;
}


/* Takes "scheme://" off the text. */

static const char *
kairo_url_scheme(kairo_span_t *text, kairo_url_t *url)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < text->n && text->p[i] != ':'; i++) {

        c = kairo_lower(text->p[i]);

        if ((c < 'a' || c > 'z')
            && (i == 0 || (!kairo_is_digit(c) && c != '+' && c != '-'
                           && c != '.')))
        {
            return "no_scheme";
        }
    }

    if (i == 0 || i == text->n) {
        return "no_scheme";
    }

    if (text->n - i < 3 || text->p[i + 1] != '/' || text->p[i + 2] != '/') {
        return "slashes";
    }

    url->scheme.p = text->p;
    url->scheme.n = i;

    text->p += i + 3;
    text->n -= i + 3;

    return NULL;
}


static const char *
kairo_url_authority(kairo_span_t text, kairo_url_t *url)
{
    size_t  n;

    if (text.n && text.p[0] == '[') {

        n = kairo_url_find(text, "]");

        if (n == text.n) {
            return "brackets";
        }

        url->host.p = text.p + 1;
        url->host.n = n - 1;
        url->ipv6 = 1;
        n++;

    } else {
        n = kairo_url_find(text, ":");

        url->host.p = text.p;
        url->host.n = n;
    }

    if (url->host.n == 0) {
        return "empty_host";
    }

    text.p += n;
    text.n -= n;

    return text.n ? kairo_url_port(text, &url->port) : NULL;
}


/* ":80" */

static const char *
kairo_url_port(kairo_span_t text, unsigned *port)
{
    size_t  i;

    if (text.p[0] != ':') {
        return "brackets";
    }

    if (text.n < 2 || text.n > 6 || text.p[1] == '0') {
        return "port";
    }

    for (i = 1; i < text.n; i++) {

        if (!kairo_is_digit(text.p[i])) {
            return "port";
        }

        *port = *port * 10 + (unsigned) (text.p[i] - '0');
    }

    return *port > 65535 ? "port" : NULL;
}


/* Where the first of them stands, or the length of the text. */

static size_t
kairo_url_find(kairo_span_t text, const char *chars)
{
    const unsigned char  *at;

    for ( /* void */ ; *chars && text.n; chars++) {

        at = memchr(text.p, *chars, text.n);
        text.n = at ? (size_t) (at - text.p) : text.n;
    }

    return text.n;
}


/* Two colons and no brackets: an address, or nothing. */

static int
kairo_url_is_ipv6(kairo_span_t text)
{
    size_t  n;

    n = kairo_url_find(text, ":") + 1;

    if (text.p[0] == '[' || n >= text.n) {
        return 0;
    }

    text.p += n;
    text.n -= n;

    return kairo_url_find(text, ":") < text.n;
}
