
/*
 * A line of the file of revocations, of any bytes: as it is, and with a hash
 * that is right, since nobody guesses one.  What is read writes back to the
 * same line.
 */


#include "fuzz.h"

#include "core/kairo_revocation_line.h"
#include "core/kairo_siphash.h"


#define LINE    KAIRO_REVOCATION_LINE
#define DIGEST  8
#define BEFORE  (DIGEST + 33)
#define UNTIL   (BEFORE + 20)
#define HASH    (UNTIL + 20)


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


static int
is_of(const unsigned char *p, size_t n, const char *set)
{
    char  text[64];

    memcpy(text, p, n);
    text[n] = '\0';

    return strlen(text) == n && strspn(text, set) == n;
}


/* zeroes alone */

static int
is_void(const unsigned char *p, size_t n)
{
    while (n && p[n - 1] == '\0') {
        n--;
    }

    return n == 0;
}


static int
is_time(const unsigned char *p)
{
    return is_of(p, 19, "0123456789")
           && memcmp(p, "0000000000000000000", 19) > 0
           && memcmp(p, "9223372036854775807", 19) <= 0;
}


static int
is_hex(const unsigned char *p, size_t n)
{
    return is_of(p, n, "0123456789abcdef");
}


/* What is between the parts, and a kind that there is. */

static int
is_written_so(const unsigned char *line, kairo_revocation_kind_t *kind)
{
    int          k;
    char         text[9];
    const char  *name;

    for (k = 0; k < KAIRO_REVOCATION_KINDS; k++) {

        name = kairo_revocation_kind((kairo_revocation_kind_t) k);
        snprintf(text, sizeof(text), "%-8s", name);

        if (memcmp(line, text, 8) == 0) {
            *kind = (kairo_revocation_kind_t) k;
            return line[BEFORE - 1] == ' ' && line[UNTIL - 1] == ' '
                   && line[HASH - 1] == ' ';
        }
    }

    return 0;
}


static int
read_line(const unsigned char *line, size_t n)
{
    int                       rc;
    kairo_span_t              s;
    kairo_revocation_t        r;
    unsigned char             back[LINE];
    kairo_revocation_kind_t   kind;

    s.p = n ? line : NULL;
    s.n = n;
    rc = kairo_revocation_read(s, &r);

    must(rc == 0
         || rc == (n < LINE || (n < 512 && is_void(line, n)) ? 1 : -1));
    must(rc != 0 || n == LINE);

    if (rc == 0) {
        must(r.before > 0 && r.until > 0);

        if (is_written_so(line, &kind)) {
            kairo_revocation_write(back, kind, &r);
            must(memcmp(back, line, LINE) == 0);
        }
    }

    return rc;
}


static void
with_a_hash(unsigned char *line)
{
    int                    i;
    char                   text[17];
    kairo_span_t           s;
    static const uint64_t  key[2] = { 0, 0 };

    s.p = line;
    s.n = HASH;
    snprintf(text, sizeof(text), "%016llx",
             (unsigned long long) kairo_siphash(key, 0, s));
    memcpy(line + HASH, text, 16);

    must(read_line(line, LINE)
         == (is_hex(line + DIGEST, 32) && is_time(line + BEFORE)
             && is_time(line + UNTIL) ? 0 : -1));

    /* and any other hash is wrong */

    for (i = 0; i < 16; i++) {
        line[HASH + i] ^= 1;
        must(read_line(line, LINE) == -1);
        line[HASH + i] ^= 1;
    }
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    unsigned char       *exact;
    kairo_revocation_t   r;

    exact = fuzz_copy(data, size);

    (void) read_line(exact, size);

    if (size == LINE) {
        with_a_hash(exact);
    }

    free(exact);

    /* the same bytes as what is revoked */

    if (size >= 33) {
        memcpy(&r, data, 32);
        r.before = (int64_t) ((uint64_t) r.before >> 1);
        r.until = (int64_t) ((uint64_t) r.until >> 1);

        exact = fuzz_alloc(LINE);
        kairo_revocation_write(exact,
                               (kairo_revocation_kind_t)
                               (data[32] % KAIRO_REVOCATION_KINDS), &r);
        must(read_line(exact, LINE) == (r.before && r.until ? 0 : -1));
        free(exact);
    }

    return 0;
}
