
/*
 * A revocation as a line: what is written is read, and nothing else is.
 */


#include "unit.h"
#include "core/kairo_revocation_line.h"


#define LINE  KAIRO_REVOCATION_LINE


static const int64_t  times[] = {
    1, 9, 10, 1234567890, 1700000000, INT64_C(999999999999999999),
    INT64_C(1000000000000000000), INT64_MAX - 1, KAIRO_REVOCATION_EVER
};

#define TIMES  (sizeof(times) / sizeof(times[0]))


static int
get(const void *text, size_t n, kairo_revocation_t *r)
{
    int            rc;
    void          *exact;
    kairo_span_t   s;

    /* just as much: the sanitizer sees a byte that is read behind the end */

    exact = malloc(n ? n : 1);

    if (n) {
        memcpy(exact, text, n);
    }

    s.p = n ? exact : NULL;
    s.n = n;
    rc = kairo_revocation_read(s, r);

    free(exact);

    return rc;
}


static int
same(const kairo_revocation_t *a, const kairo_revocation_t *b)
{
    return a->digest[0] == b->digest[0] && a->digest[1] == b->digest[1]
           && a->before == b->before && a->until == b->until;
}


static void
examples(void)
{
    size_t               i;
    kairo_revocation_t   got;
    unsigned char        line[LINE];

    /* files that are there have to be read by whatever comes */

    static const struct {
        const char               *line;
        kairo_revocation_kind_t   kind;
        kairo_revocation_t        r;
    } e[] = {
        { "subject 00112233445566778899aabbccddeeff "
          "0000000001700000000 0000000001700086401 cd2fc041821e5faa",
          KAIRO_REVOCATION_SUBJECT,
          { { 0x0011223344556677ull, 0x8899aabbccddeeffull },
            1700000000, 1700086401 } },
        { "jti     fedcba98765432100000000000000001 "
          "9223372036854775807 9223372036854775807 f0f068eb2b7a13d0",
          KAIRO_REVOCATION_JTI,
          { { 0xfedcba9876543210ull, 1 }, KAIRO_REVOCATION_EVER,
            KAIRO_REVOCATION_EVER } },
        { "issuer  00000000000000000000000000000000 "
          "0000000000000000001 0000000000000000001 0ef99f413b13205a",
          KAIRO_REVOCATION_ISSUER, { { 0, 0 }, 1, 1 } },
        { "token   ffffffffffffffffffffffffffffffff "
          "9223372036854775807 0000000002000000000 42d72066f093bd00",
          KAIRO_REVOCATION_TOKEN,
          { { ~0ull, ~0ull }, KAIRO_REVOCATION_EVER, 2000000000 } },
        { "session 80000000000000007fffffffffffffff "
          "9223372036854775807 0000000004102444800 6d3a25e809403015",
          KAIRO_REVOCATION_SESSION,
          { { 0x8000000000000000ull, 0x7fffffffffffffffull },
            KAIRO_REVOCATION_EVER, 4102444800 } }
    };

    for (i = 0; i < sizeof(e) / sizeof(e[0]); i++) {

        kairo_revocation_write(line, e[i].kind, &e[i].r);

        expect(strlen(e[i].line) == LINE
               && memcmp(line, e[i].line, LINE) == 0,
               "example %zu: \"%.*s\"", i, LINE, (char *) line);

        memset(&got, 0xa5, sizeof(got));
        expect(get(e[i].line, LINE, &got) == 0 && same(&got, &e[i].r),
               "example %zu is not read", i);
    }

    verdict("lines that are in files");
}


static void
round_trip(void)
{
    size_t                i, k;
    kairo_revocation_t    r, got;
    unsigned char         line[LINE + 1];

    for (i = 0; i < 20000; i++) {

        r.digest[0] = unit_draw() >> unit_below(64);
        r.digest[1] = unit_draw() >> unit_below(64);
        r.before = i < TIMES * TIMES ? times[i / TIMES]
                   : (int64_t) (unit_draw() >> (1 + unit_below(62))) + 1;
        r.until = i < TIMES * TIMES ? times[i % TIMES]
                  : (int64_t) (unit_draw() >> (1 + unit_below(62))) + 1;

        if (r.before < 1 || r.until < 1) {
            continue;
        }

        k = unit_below(KAIRO_REVOCATION_KINDS);
        line[LINE] = '!';
        kairo_revocation_write(line, (kairo_revocation_kind_t) k, &r);

        memset(&got, 0xa5, sizeof(got));
        expect(get(line, LINE, &got) == 0 && same(&got, &r), "\"%.*s\"",
               LINE, (char *) line);
        expect(line[LINE] == '!', "a line is longer");
        expect(memchr(line, '\n', LINE) == NULL, "a line has an end in it");
        expect(strncmp((char *) line,
                       kairo_revocation_kind((kairo_revocation_kind_t) k),
                       strlen(kairo_revocation_kind((kairo_revocation_kind_t)
                                                    k))) == 0,
               "its kind is not told");
    }

    verdict("what is written is read");
}


static void
changed(void)
{
    int                   byte, kind;
    size_t                i, j;
    kairo_revocation_t    got, r;
    unsigned char         line[LINE + 1], other[LINE + 1];
    static unsigned char  sector[512];

    r.digest[0] = unit_draw();
    r.digest[1] = unit_draw();
    r.before = 1700000000;
    r.until = 1700086401;
    line[LINE] = ' ';

    for (kind = 0; kind < KAIRO_REVOCATION_KINDS; kind++) {

        kairo_revocation_write(line, (kairo_revocation_kind_t) kind, &r);

        for (i = 0; i < LINE; i++) {
            for (byte = 0; byte < 256; byte++) {

                memcpy(other, line, LINE);
                other[i] = (unsigned char) byte;

                expect(get(other, LINE, &got) == (byte == line[i] ? 0 : -1),
                       "byte %zu is %d", i, byte);
            }

            expect(get(line, i, &got) == 1, "%zu bytes are not torn", i);
        }
    }

    verdict("each byte that is another is noticed");

    expect(get(line, LINE + 1, &got) == -1, "one byte more");
    expect(get("", 0, &got) == 1, "none");

    /* what was never written, as the power left it, of any length */

    memset(other, 0, sizeof(other));
    expect(get(other, LINE, &got) == 1, "zeroes");
    expect(get(other, LINE + 1, &got) == 1, "and one more");

    expect(get(sector, 511, &got) == 1, "less than a sector");
    expect(get(sector, 512, &got) == -1, "a sector");

    other[LINE - 1] = 'x';
    expect(get(other, LINE, &got) == -1, "all zeroes but one");

    /* two bytes that change their places */

    for (i = 0; i < LINE; i++) {
        for (j = i + 1; j < LINE; j++) {

            memcpy(other, line, LINE);
            other[i] = line[j];
            other[j] = line[i];

            expect(get(other, LINE, &got) == (line[i] == line[j] ? 0 : -1),
                   "%zu and %zu", i, j);
        }
    }

    /* and a part of one line in another, as of two that are mixed */

    r.digest[1]++;
    kairo_revocation_write(other, KAIRO_REVOCATION_JTI, &r);

    for (i = 1; i < LINE; i++) {

        memcpy(other, line, i);

        if (memcmp(other, line, LINE) != 0) {
            expect(get(other, LINE, &got) == -1, "the first %zu", i);
        }
    }

    verdict("and so is what is torn, longer, in another order or mixed");
}


/* With a hash that is right: who reads does not believe it blindly. */

static void
bad_times(void)
{
    size_t                i;
    kairo_revocation_t    r, got;
    unsigned char         line[LINE];

    static const int64_t  bad[] = { 0, -1, INT64_MIN, INT64_MIN + 1, -5 };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        r.digest[0] = r.digest[1] = 7;
        r.before = bad[i];
        r.until = 5;
        kairo_revocation_write(line, KAIRO_REVOCATION_JTI, &r);
        expect(get(line, LINE, &got) == -1, "before %lld",
               (long long) bad[i]);

        r.before = 5;
        r.until = bad[i];
        kairo_revocation_write(line, KAIRO_REVOCATION_JTI, &r);
        expect(get(line, LINE, &got) == -1, "until %lld", (long long) bad[i]);
    }

    verdict("times that there are not");
}


int
main(void)
{
    int                 k;
    static const char  *kinds[] = { "token", "jti", "session", "subject",
                                    "issuer" };

    unit_begin(97);

    examples();
    round_trip();
    changed();
    bad_times();

    for (k = 0; k < KAIRO_REVOCATION_KINDS; k++) {
        ok(strcmp(kairo_revocation_kind((kairo_revocation_kind_t) k),
                  kinds[k]) == 0, "%s", kinds[k]);
    }

    return unit_done();
}
