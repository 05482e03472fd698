
#include "core/kairo_spool.h"
#include "core/kairo_little.h"
#include "core/kairo_siphash.h"


#define KAIRO_SPOOL_MAGIC  0x6b73


static uint64_t kairo_spool_sum(const uint64_t key[2],
    const unsigned char *head, size_t n);


static const unsigned char  kairo_spool_name[8] = {
    'k', 'a', 'i', 'r', 'o', 's', 'p', 'l'
};


void
kairo_spool_file_write(const kairo_spool_file_t *file,
    unsigned char head[KAIRO_SPOOL_FILE_HEAD])
{
    kairo_span_t  s;

    memcpy(head, kairo_spool_name, 8);
    kairo_little_put(head + 8, file->version, 2);
    kairo_little_put(head + 10, KAIRO_SPOOL_FILE_HEAD, 2);
    kairo_little_put(head + 12, file->process, 4);
    kairo_little_put(head + 16, file->made, 8);
    kairo_little_put(head + 24, file->key[0], 8);
    kairo_little_put(head + 32, file->key[1], 8);

    s.p = head;
    s.n = 40;
    kairo_little_put(head + 40, kairo_siphash(file->key, 0, s), 8);
}


kairo_spool_rc_t
kairo_spool_file_read(kairo_spool_file_t *file, kairo_span_t text)
{
    size_t         n;
    kairo_span_t   s;

    n = text.n < 8 ? text.n : 8;

    if (n && memcmp(text.p, kairo_spool_name, n) != 0) {
        return KAIRO_SPOOL_BAD;
    }

    if (text.n < KAIRO_SPOOL_FILE_HEAD) {
        return KAIRO_SPOOL_SHORT;
    }

    memset(file, 0, sizeof(kairo_spool_file_t));
    file->version = (uint16_t) kairo_little_get(text.p + 8, 2);

    if (file->version != KAIRO_SPOOL_VERSION) {
        return KAIRO_SPOOL_RECORD;
    }

    file->process = (uint32_t) kairo_little_get(text.p + 12, 4);
    file->made = kairo_little_get(text.p + 16, 8);
    file->key[0] = kairo_little_get(text.p + 24, 8);
    file->key[1] = kairo_little_get(text.p + 32, 8);

    s.p = text.p;
    s.n = 40;

    return kairo_little_get(text.p + 10, 2) == KAIRO_SPOOL_FILE_HEAD
           && kairo_little_get(text.p + 40, 8)
              == kairo_siphash(file->key, 0, s)
           ? KAIRO_SPOOL_RECORD : KAIRO_SPOOL_BAD;
}


size_t
kairo_spool_write(const kairo_spool_file_t *file,
    const kairo_spool_record_t *record, unsigned char *out)
{
    kairo_little_put(out, KAIRO_SPOOL_MAGIC, 2);
    kairo_little_put(out + 2, record->type, 2);
    kairo_little_put(out + 4, record->content.n, 4);
    kairo_little_put(out + 16, record->number, 8);

    if (record->content.n) {
        memcpy(out + KAIRO_SPOOL_HEAD, record->content.p, record->content.n);
    }

    kairo_little_put(out + 8, kairo_spool_sum(file->key, out,
                                             record->content.n), 8);

    return KAIRO_SPOOL_HEAD + record->content.n;
}


kairo_spool_rc_t
kairo_spool_read(const kairo_spool_file_t *file, kairo_span_t *rest,
    kairo_spool_record_t *record, size_t *bad)
{
    size_t                n;
    const unsigned char  *p;

    p = rest->p;

    if ((rest->n > 0 && p[0] != (KAIRO_SPOOL_MAGIC & 0xff))
        || (rest->n > 1 && p[1] != KAIRO_SPOOL_MAGIC >> 8))
    {
        *bad = kairo_spool_skip(rest);
        return KAIRO_SPOOL_BAD;
    }

    if (rest->n < KAIRO_SPOOL_HEAD) {
        return KAIRO_SPOOL_SHORT;
    }

    n = (size_t) kairo_little_get(p + 4, 4);

    if (n <= KAIRO_SPOOL_MAX && rest->n < KAIRO_SPOOL_HEAD + n) {
        return KAIRO_SPOOL_SHORT;
    }

    if (n > KAIRO_SPOOL_MAX
        || kairo_little_get(p + 8, 8) != kairo_spool_sum(file->key, p, n))
    {
        *bad = kairo_spool_skip(rest);
        return KAIRO_SPOOL_BAD;
    }

    record->type = (uint16_t) kairo_little_get(p + 2, 2);
    record->number = kairo_little_get(p + 16, 8);
    record->content.p = p + KAIRO_SPOOL_HEAD;
    record->content.n = n;

    rest->p += KAIRO_SPOOL_HEAD + n;
    rest->n -= KAIRO_SPOOL_HEAD + n;

    return KAIRO_SPOOL_RECORD;
}


size_t
kairo_spool_skip(kairo_span_t *rest)
{
    size_t                n;
    const unsigned char  *p;

    p = rest->n > 1 ? memchr(rest->p + 1, KAIRO_SPOOL_MAGIC & 0xff,
                             rest->n - 1)
                    : NULL;

    n = p ? (size_t) (p - rest->p) : rest->n;

    rest->p += n;
    rest->n -= n;

    return n;
}


/* The first eight bytes, and all behind the sum. */

static uint64_t
kairo_spool_sum(const uint64_t key[2], const unsigned char *head, size_t n)
{
    kairo_span_t  s;

    s.p = head + 16;
    s.n = 8 + n;

    return kairo_siphash(key, kairo_little_get(head, 8), s);
}
