
/*
 * Files of a spool of any bytes: reading them ends, tells of each byte once,
 * and what is a record is written as it was read.
 */


#include "fuzz.h"

#include "core/kairo_spool.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


/* The sums are put right, so that what is behind them is reached. */

static void
mend(const kairo_spool_file_t *file, unsigned char *text, size_t n)
{
    size_t                 i, length;
    unsigned char         *copy;
    kairo_spool_record_t   record;

    copy = malloc(KAIRO_SPOOL_HEAD + KAIRO_SPOOL_MAX);

    for (i = 0; i + KAIRO_SPOOL_HEAD <= n; i += KAIRO_SPOOL_HEAD + length) {

        length = (size_t) text[i + 4] | (size_t) text[i + 5] << 8;

        if (length > n - i - KAIRO_SPOOL_HEAD) {
            break;
        }

        record.type = (uint16_t) (text[i + 2] | text[i + 3] << 8);
        memcpy(&record.number, text + i + 16, 8);
        record.content.p = text + i + KAIRO_SPOOL_HEAD;
        record.content.n = length;

        (void) kairo_spool_write(file, &record, copy);
        memcpy(text + i, copy, KAIRO_SPOOL_HEAD + length);
    }

    free(copy);
}


/* A head is written as it was read, and none of it is passed over. */

static void
head(const unsigned char *data, size_t size)
{
    kairo_span_t         s;
    kairo_spool_rc_t     rc;
    unsigned char       *text, again[KAIRO_SPOOL_FILE_HEAD];
    kairo_spool_file_t   file;

    text = fuzz_copy(data, size);
    s.p = text;
    s.n = size;
    rc = kairo_spool_file_read(&file, s);

    must(rc != KAIRO_SPOOL_SHORT || size < KAIRO_SPOOL_FILE_HEAD);
    must(rc != KAIRO_SPOOL_RECORD || size >= KAIRO_SPOOL_FILE_HEAD);

    if (rc == KAIRO_SPOOL_RECORD && file.version == KAIRO_SPOOL_VERSION) {
        memset(again, 0, sizeof(again));
        kairo_spool_file_write(&file, again);
        must(memcmp(text, again, sizeof(again)) == 0);
    }

    free(text);
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    int                    as_is;
    size_t                 n, bad, told;
    kairo_span_t           rest, before;
    unsigned char         *text, *again;
    kairo_spool_rc_t       rc;
    kairo_spool_file_t     file;
    kairo_spool_record_t   record;

    if (size < 1) {
        return 0;
    }

    as_is = data[0] & 1;
    data++;
    size--;

    head(data, size);

    memset(&file, 0, sizeof(file));
    file.key[0] = 1;

    text = fuzz_copy(data, size);

    if (!as_is) {
        mend(&file, text, size);
    }

    rest.p = text;
    rest.n = size;
    told = 0;

    for ( ;; ) {

        before = rest;
        rc = kairo_spool_read(&file, &rest, &record, &bad);

        if (rc == KAIRO_SPOOL_SHORT) {

            must(rest.p == before.p && rest.n == before.n);

            if (rest.n == 0) {
                break;
            }

            bad = kairo_spool_skip(&rest);
            rc = KAIRO_SPOOL_BAD;
        }

        must(rest.n < before.n);
        must(rest.p + rest.n == before.p + before.n);
        told += before.n - rest.n;

        if (rc == KAIRO_SPOOL_BAD) {
            must(bad == before.n - rest.n);
            continue;
        }

        n = before.n - rest.n;
        again = malloc(n);
        must(kairo_spool_write(&file, &record, again) == n);

        must(memcmp(again, before.p, n) == 0);
        free(again);
    }

    must(told == size);
    free(text);

    return 0;
}
