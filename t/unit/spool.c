
/*
 * Files of a spool: what is written is read, what was cut off or changed at
 * any place is noticed, and what comes behind is found again.
 */


#include "unit.h"

#include "core/kairo_spool.h"


#define RECORDS  40


static kairo_spool_file_t   file = {
    KAIRO_SPOOL_VERSION, 0x84838281, 0x9796959493929190ull,
    { 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull }
};

static unsigned char         text[RECORDS * 400];
static size_t                begins[RECORDS + 1];


/* Records of all lengths, some with what looks like another one in them. */

static void
fill(void)
{
    size_t                 i, k, n;
    unsigned char          content[300];
    kairo_spool_record_t   record;

    for (i = 0, n = 0; i < RECORDS; i++) {

        record.type = (uint16_t) (i % 5 * 1000);
        record.number = i + 1;
        record.content.p = content;
        record.content.n = i * 7;

        for (k = 0; k < record.content.n; k++) {
            content[k] = i % 4 ? (unsigned char) (k * i) : "sk"[k % 2];
        }

        begins[i] = n;
        n += kairo_spool_write(&file, &record, text + n);
    }

    begins[RECORDS] = n;
}


/* How many records "rest" has to its end, and how many bytes are none. */

static size_t
count(kairo_span_t rest, size_t *none, uint64_t *last)
{
    size_t                 n, bad, turns;
    kairo_spool_rc_t       rc;
    kairo_spool_record_t   record;

    *none = 0;
    n = 0;
    turns = 0;

    for ( ;; ) {

        expect(++turns < 100000, "it ends");

        rc = kairo_spool_read(&file, &rest, &record, &bad);

        if (rc == KAIRO_SPOOL_RECORD) {
            n++;
            *last = record.number;
            continue;
        }

        if (rc == KAIRO_SPOOL_SHORT) {
            if (rest.n == 0) {
                return n;
            }
            bad = kairo_spool_skip(&rest);
        }

        expect(bad > 0, "some bytes are taken");
        *none += bad;
    }
}


static void
whole(void)
{
    size_t                 i, bad;
    kairo_span_t           rest;
    kairo_spool_record_t   record;

    rest.p = text;
    rest.n = begins[RECORDS];

    for (i = 0; i < RECORDS; i++) {
        expect(kairo_spool_read(&file, &rest, &record, &bad)
               == KAIRO_SPOOL_RECORD, "record %zu", i);
        expect(record.number == i + 1 && record.content.n == i * 7
               && record.type == i % 5 * 1000,
               "record %zu is as it was", i);
    }

    expect(rest.n == 0, "and nothing else");
    verdict("what is written is read");
}


/* As a process that was killed, or a disk that lost the end, leaves it. */

static void
cut(void)
{
    size_t          n, none, records, due;
    uint64_t        last;
    kairo_span_t    rest;
    unsigned char  *copy;

    for (n = 0, due = 0; n <= begins[RECORDS]; n++) {

        while (due < RECORDS && begins[due + 1] <= n) {
            due++;
        }

        copy = malloc(n ? n : 1);
        memcpy(copy, text, n);

        rest.p = copy;
        rest.n = n;
        records = count(rest, &none, &last);

        expect(records == due, "%zu bytes have %zu records", n, due);
        expect(none == n - begins[due], "and the rest is none");

        free(copy);
    }

    verdict("cut off at any byte");
}


static void
changed(void)
{
    size_t          i, n, none, at;
    uint64_t        last;
    kairo_span_t    rest;
    unsigned char  *copy;

    copy = malloc(begins[RECORDS]);

    for (i = 0; i < begins[RECORDS] * 8; i += 3) {

        memcpy(copy, text, begins[RECORDS]);
        copy[i / 8] ^= (unsigned char) (1 << i % 8);

        for (at = 0; begins[at + 1] <= i / 8; at++) { /* void */ }

        rest.p = copy;
        rest.n = begins[RECORDS];
        n = count(rest, &none, &last);

        expect(n == RECORDS - 1, "bit %zu: one is lost, and %zu are there", i,
               n);
        expect(none == begins[at + 1] - begins[at], "bit %zu: it alone", i);
    }

    free(copy);
    verdict("changed at any bit");
}


/* What is of another file is none of this one's. */

static void
another(void)
{
    size_t                n, none;
    uint64_t              last;
    kairo_span_t          rest;
    kairo_spool_file_t    was;

    was = file;
    file.key[0]++;

    rest.p = text;
    rest.n = begins[RECORDS];
    n = count(rest, &none, &last);

    ok(n == 0 && none == rest.n, "records of another file are none");
    file = was;
}


static void
heads(void)
{
    size_t               i;
    kairo_span_t         s;
    kairo_spool_file_t   read;
    unsigned char        head[KAIRO_SPOOL_FILE_HEAD];

    memset(head, 0, sizeof(head));
    kairo_spool_file_write(&file, head);

    s.p = head;
    s.n = sizeof(head);

    ok(kairo_spool_file_read(&read, s) == KAIRO_SPOOL_RECORD
       && memcmp(&read, &file, sizeof(read)) == 0, "the head of a file");

    for (i = 0; i < sizeof(head); i++) {
        s.n = i;
        expect(kairo_spool_file_read(&read, s) == KAIRO_SPOOL_SHORT,
               "%zu bytes are too few", i);
    }

    s.n = sizeof(head);

    for (i = 0; i < sizeof(head) * 8; i++) {

        if (i / 8 == 8 || i / 8 == 9) {
            continue;
        }

        head[i / 8] ^= (unsigned char) (1 << i % 8);
        expect(kairo_spool_file_read(&read, s) == KAIRO_SPOOL_BAD,
               "bit %zu", i);
        head[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    verdict("cut off, or changed at any bit");

    head[8] = 2;
    ok(kairo_spool_file_read(&read, s) == KAIRO_SPOOL_RECORD
       && read.version == 2, "one of another version is told as such");
}


int
main(void)
{
    unit_begin(7);

    heads();
    fill();
    whole();
    cut();
    changed();
    another();

    return unit_done();
}
