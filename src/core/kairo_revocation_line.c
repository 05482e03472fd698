
#include "core/kairo_revocation_line.h"
#include "core/kairo_siphash.h"


/* what a disk loses is as much or more, what was not written yet is less */

#define KAIRO_REVOCATION_SECTOR  512

#define KAIRO_REVOCATION_KIND    7
#define KAIRO_REVOCATION_WORD   16     /* 64 bits in hexadecimal */
#define KAIRO_REVOCATION_TIME   19     /* INT64_MAX in decimal */

/* where the parts begin */

#define KAIRO_REVOCATION_DIGEST  (KAIRO_REVOCATION_KIND + 1)
#define KAIRO_REVOCATION_BEFORE                                               \
    (KAIRO_REVOCATION_DIGEST + 2 * KAIRO_REVOCATION_WORD + 1)
#define KAIRO_REVOCATION_UNTIL                                                \
    (KAIRO_REVOCATION_BEFORE + KAIRO_REVOCATION_TIME + 1)
#define KAIRO_REVOCATION_HASH                                                 \
    (KAIRO_REVOCATION_UNTIL + KAIRO_REVOCATION_TIME + 1)


static int kairo_revocation_is_void(kairo_span_t line);
static uint64_t kairo_revocation_hash(const unsigned char *line);
static void kairo_revocation_put_word(unsigned char *out, uint64_t word);
static int kairo_revocation_get_word(const unsigned char *p, uint64_t *word);
static void kairo_revocation_put_time(unsigned char *out, int64_t time);
static int kairo_revocation_get_time(const unsigned char *p, int64_t *time);


static const char  *kairo_revocation_kinds[] = {
    "token", "jti", "session", "subject", "issuer"
};


void
kairo_revocation_write(unsigned char *out, kairo_revocation_kind_t kind,
    const kairo_revocation_t *revocation)
{
    const char  *name;

    memset(out, ' ', KAIRO_REVOCATION_LINE);

    name = kairo_revocation_kind(kind);
    memcpy(out, name, strlen(name));

    kairo_revocation_put_word(out + KAIRO_REVOCATION_DIGEST,
                              revocation->digest[0]);
    kairo_revocation_put_word(out + KAIRO_REVOCATION_DIGEST
                              + KAIRO_REVOCATION_WORD,
                              revocation->digest[1]);
    kairo_revocation_put_time(out + KAIRO_REVOCATION_BEFORE,
                              revocation->before);
    kairo_revocation_put_time(out + KAIRO_REVOCATION_UNTIL,
                              revocation->until);
    kairo_revocation_put_word(out + KAIRO_REVOCATION_HASH,
                              kairo_revocation_hash(out));
}


int
kairo_revocation_read(kairo_span_t line, kairo_revocation_t *revocation)
{
    uint64_t              hash;
    const unsigned char  *p;

    if (line.n < KAIRO_REVOCATION_LINE || kairo_revocation_is_void(line)) {
        return 1;
    }

    if (line.n > KAIRO_REVOCATION_LINE) {
        return -1;
    }

    p = line.p;

    if (kairo_revocation_get_word(p + KAIRO_REVOCATION_HASH, &hash) != 0
        || hash != kairo_revocation_hash(p))
    {
        return -1;
    }

    return kairo_revocation_get_word(p + KAIRO_REVOCATION_DIGEST,
                                     &revocation->digest[0])
           | kairo_revocation_get_word(p + KAIRO_REVOCATION_DIGEST
                                       + KAIRO_REVOCATION_WORD,
                                       &revocation->digest[1])
           | kairo_revocation_get_time(p + KAIRO_REVOCATION_BEFORE,
                                       &revocation->before)
           | kairo_revocation_get_time(p + KAIRO_REVOCATION_UNTIL,
                                       &revocation->until);
}


const char *
kairo_revocation_kind(kairo_revocation_kind_t kind)
{
    return kairo_revocation_kinds[kind];
}


static int
kairo_revocation_is_void(kairo_span_t line)
{
    size_t  i;

    for (i = 0; i < line.n && line.p[i] == '\0'; i++) { /* void */ }

    return i == line.n && i < KAIRO_REVOCATION_SECTOR;
}


/* Against what happens by accident: who may write the file may do anything. */

static uint64_t
kairo_revocation_hash(const unsigned char *line)
{
    kairo_span_t           s;
    static const uint64_t  key[2] = { 0, 0 };

    s.p = line;
    s.n = KAIRO_REVOCATION_HASH;

    return kairo_siphash(key, 0, s);
}


static void
kairo_revocation_put_word(unsigned char *out, uint64_t word)
{
    int  i;

    for (i = KAIRO_REVOCATION_WORD; i-- > 0; word >>= 4) {
        out[i] = (unsigned char) "0123456789abcdef"[word & 15];
    }
}


static int
kairo_revocation_get_word(const unsigned char *p, uint64_t *word)
{
    int  i;

    *word = 0;

    for (i = 0; i < KAIRO_REVOCATION_WORD; i++) {

        if (kairo_is_digit(p[i])) {
            *word = *word << 4 | (uint64_t) (p[i] - '0');

        } else if (p[i] >= 'a' && p[i] <= 'f') {
            *word = *word << 4 | (uint64_t) (p[i] - 'a' + 10);

        } else {
            return -1;
        }
    }

    return 0;
}


static void
kairo_revocation_put_time(unsigned char *out, int64_t time)
{
    int  i;

    for (i = KAIRO_REVOCATION_TIME; i-- > 0; time /= 10) {
        out[i] = (unsigned char) ('0' + time % 10);
    }
}


/* 1 to INT64_MAX */

static int
kairo_revocation_get_time(const unsigned char *p, int64_t *time)
{
    int  i, digit;

    *time = 0;

    for (i = 0; i < KAIRO_REVOCATION_TIME; i++) {

        digit = p[i] - '0';

        if (!kairo_is_digit(p[i]) || *time > (INT64_MAX - digit) / 10) {
            return -1;
        }

        *time = *time * 10 + digit;
    }

    return *time > 0 ? 0 : -1;
}
