
/*
 * Addresses that rights are given to: what two readers could read differently
 * is none.
 */


#include "unit.h"

#include "core/kairo_email.h"


static void
expect_email(const char *text, const char *wanted)
{
    size_t          n;
    kairo_span_t    s;
    unsigned char  *copy, out[KAIRO_EMAIL_MAX];

    /* memory of just its size: what is read beyond is seen */

    s.n = strlen(text);
    copy = malloc(s.n ? s.n : 1);
    memcpy(copy, text, s.n);
    s.p = copy;

    n = kairo_email(s, out);

    expect(n == strlen(wanted) && memcmp(out, wanted, n) == 0,
           "\"%s\" is \"%.*s\"", text, (int) n, (char *) out);

    free(copy);
}


static void
good(void)
{
    expect_email("ann@example.com", "ann@example.com");
    expect_email("Ann.Lee+Tag@Example.COM", "ann.lee+tag@example.com");
    expect_email("a@b", "a@b");
    expect_email("o'neil_%=!#$&*/?^`{|}~-@x-y.example",
                 "o'neil_%=!#$&*/?^`{|}~-@x-y.example");

    verdict("addresses, in lower case");
}


static void
bad(void)
{
    size_t             i;
    static const char  *texts[] = {
        "", "@", "a@", "@b", "ann", "ann.example.com",
        "a@evil.example@corp.example", "a@@b", "a @b", " a@b", "a@b ",
        "a\t@b", "a@b\n", "a@b\r\nX: y", "\"a\"@b", "a,b@c", "a;b@c",
        "Ann <a@b>", "a:b@c", "a(b)@c", "a@[127.0.0.1]", "a\\b@c",
        "\xc3\xa1nn@example.com", "ann@ex\xd0\xb0mple.com", "a@b\x7f"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        expect_email(texts[i], "");
    }

    verdict("what is no address");
}


static void
lengths(void)
{
    char  text[KAIRO_EMAIL_MAX + 2];

    memset(text, 'a', sizeof(text));
    text[10] = '@';

    text[KAIRO_EMAIL_MAX] = '\0';
    expect_email(text, text);

    text[KAIRO_EMAIL_MAX] = 'a';
    text[KAIRO_EMAIL_MAX + 1] = '\0';
    expect_email(text, "");

    verdict("254 bytes at most");
}


static void
nothing_else(void)
{
    kairo_span_t   s;
    unsigned       c;
    unsigned char  text[3], out[KAIRO_EMAIL_MAX];

    text[1] = '@';
    text[2] = 'b';
    s.p = text;
    s.n = sizeof(text);

    for (c = 0; c < 256; c++) {

        text[0] = (unsigned char) c;

        expect((kairo_email(s, out) == 3)
               == (c > ' ' && c < 0x7f && c != '@'
                   && memchr(",;:<>()[]\"\\", (int) c, 11) == NULL),
               "byte %u", c);
    }

    verdict("every byte on its own");
}


int
main(void)
{
    unit_begin(0);

    good();
    bad();
    lengths();
    nothing_else();

    return unit_done();
}
