
/*
 * The rate table's memory: how much of it there is, what is written to it
 * and what is not, and how full it is.
 */


#include "table.h"


static const uint64_t  secret[2] = {
    0x0123456789abcdefull, 0xfedcba9876543210ull
};


static uint64_t
tag_of(uint64_t interval, const char *key)
{
    kairo_span_t  s;

    s.p = (const unsigned char *) key;
    s.n = strlen(key);

    return kairo_table_tag(secret, interval, s);
}


static void
sizes(void)
{
    void           *mem;
    size_t          size, least;
    uint64_t        n, before;
    kairo_table_t  *t;

    least = table_size(1);
    before = 0;

    ok(kairo_table_capacity(0) == 0, "no bytes, no buckets");

    for (size = 0; size < 4096; size++) {

        n = kairo_table_capacity(size);

        expect(n % KAIRO_TABLE_WAYS == 0 && n >= before,
               "%zu bytes: %llu buckets", size, (unsigned long long) n);
        expect(n * 16 <= size && (size < least || (n + 8) * 17 + 128 > size),
               "%zu bytes: %llu buckets", size, (unsigned long long) n);

        before = n;

        mem = table_memory(size);
        t = kairo_table_init(mem, size);

        expect((t != NULL) == (n != 0), "%zu bytes: %p", size, (void *) t);
        expect(t == NULL || (void *) t == mem, "it is not where it was put");

        free(mem);
    }

    verdict("a table is made of what has room for one set");

    ok(kairo_table_capacity(1u << 20) * 17 > (1u << 20) - 1024,
       "a megabyte has %llu buckets",
       (unsigned long long) kairo_table_capacity(1u << 20));
}


/* The sanitizer sees a byte before or behind memory of any size. */

static void
odd_sizes(uint64_t window)
{
    int             i;
    size_t          size;
    uint64_t        now, tag;
    kairo_limit_t   l;
    kairo_table_t  *t, *copy;

    l = table_limit(window, 1000, 2, 1);

    for (size = table_size(1); size < table_size(9); size += 1 + size % 3) {

        t = table_new(size);
        copy = table_new(size / 2 + table_size(1));

        for (i = 0, now = 1; i < 300; i++, now += unit_below(100)) {

            /* the ends of the range of tags too */

            tag = unit_below(4) ? unit_draw() | 1
                                : (unit_below(2) ? 1 : UINT64_MAX);

            kairo_table_prefetch(t, tag);
            (void) kairo_table_judge(t, tag, now, &l, KAIRO_TABLE_TAKE);
        }

        kairo_table_copy(copy, t, window, now);
        expect(kairo_table_live(copy, window, now, 0)
               <= kairo_table_capacity(size / 2 + table_size(1)),
               "more keys than there is room for");

        free(copy);
        free(t);
    }

    verdict("odd sizes, %s", window ? "windows" : "buckets");
}


static void
tags(void)
{
    int       i;
    char      key[16];
    uint64_t  tag, before;

    before = 0;

    for (i = 0; i < 100000; i++) {
        snprintf(key, sizeof(key), "%d", i);
        tag = tag_of(1000, key);

        expect(tag != 0 && tag != before, "key %d", i);
        expect(tag == tag_of(1000, key), "key %d has two tags", i);
        expect(tag != tag_of(1001, key), "key %d at another rate", i);

        before = tag;
    }

    verdict("a tag is of a key and a rate");

    ok(tag_of(1, "") != 0, "the empty key has one");
    ok(kairo_table_supported() == 1, "this processor can do it");
}


/* Random judging; what may not be written to is compared byte by byte. */

static void
silence(uint64_t window)
{
    int                    i, peeks, refusals;
    size_t                 size;
    uint64_t               now, tag;
    kairo_limit_t          l;
    unsigned char         *before;
    kairo_table_t         *t;
    kairo_table_verb_t     verb;
    kairo_table_answer_t   a;

    size = table_size(3);
    t = table_new(size);
    before = table_memory(size);

    peeks = 0;
    refusals = 0;

    for (i = 0, now = TABLE_SECOND; i < 200000; i++) {

        now += unit_below(3) ? 0 : unit_below(300);
        tag = 0x0400000000000001ull * (1 + unit_below(60));
        l = table_limit(window, 1000, unit_below(4), unit_below(4));
        verb = unit_below(2) ? KAIRO_TABLE_TAKE : KAIRO_TABLE_PEEK;

        memcpy(before, t, size);
        a = kairo_table_judge(t, tag, now, &l, verb);

        if (verb == KAIRO_TABLE_PEEK) {
            peeks++;
            expect(memcmp(before, t, size) == 0, "a peek has written");

        } else if (!a.verdict.pass) {
            refusals++;
            expect(memcmp(before, t, size) == 0, "a refusal has written");

        } else if (l.charge) {
            expect(memcmp(before, t, size) != 0, "a charge is not written");
        }
    }

    verdict("peeks (%d) and refusals (%d) write nothing, %s", peeks, refusals,
            window ? "windows" : "buckets");

    free(before);
    free(t);
}


/* A full set has eight keys; its answers tell who shares its state. */

static void
one_set(void)
{
    int                    i;
    uint64_t               now;
    kairo_limit_t          l;
    kairo_table_t         *t;
    kairo_table_answer_t   a;

    t = table_new(table_size(1));
    l = table_limit(0, TABLE_SECOND, 1, 1);
    now = TABLE_SECOND;

    for (i = 1; i <= 8; i++) {
        a = kairo_table_judge(t, (uint64_t) i, now, &l, KAIRO_TABLE_TAKE);
        expect(a.verdict.pass && !a.overflow, "key %d", i);
    }

    verdict("eight keys have a slot each");

    a = kairo_table_judge(t, 9, now, &l, KAIRO_TABLE_PEEK);
    ok(a.verdict.pass && a.overflow, "the ninth is judged by the shared word");

    a = kairo_table_judge(t, 9, now, &l, KAIRO_TABLE_TAKE);
    ok(a.verdict.pass && a.overflow, "and charged there");

    a = kairo_table_judge(t, 10, now, &l, KAIRO_TABLE_TAKE);
    ok(a.verdict.pass && a.overflow, "together with the tenth");

    a = kairo_table_judge(t, 11, now, &l, KAIRO_TABLE_TAKE);
    ok(!a.verdict.pass && a.overflow && a.verdict.retry == TABLE_SECOND,
       "until both of its requests are gone");

    a = kairo_table_judge(t, 3, now, &l, KAIRO_TABLE_TAKE);
    ok(a.verdict.pass && !a.overflow, "a key with a slot is not concerned");

    now += TABLE_SECOND - 1;
    a = kairo_table_judge(t, 11, now, &l, KAIRO_TABLE_PEEK);
    ok(a.overflow, "no slot is free before a debt is paid");

    now++;
    a = kairo_table_judge(t, 11, now, &l, KAIRO_TABLE_TAKE);
    ok(a.verdict.pass && !a.overflow, "and one is right after");

    a = kairo_table_judge(t, 3, now, &l, KAIRO_TABLE_PEEK);
    ok(a.verdict.debt == 2 * TABLE_SECOND,
       "it was of a key that owed nothing");

    free(t);
}


/*
 * Keys that were judged by the shared word and then find a slot have one
 * burst more than their own, all of them together, and no more.
 */

static void
extra_burst(void)
{
    int                    i, passed, slots;
    uint64_t               now, key, burst;
    kairo_limit_t          l, once;
    kairo_table_t         *t;
    kairo_table_answer_t   a;

    once = table_limit(0, TABLE_SECOND, 0, 1);

    for (burst = 0; burst < 5; burst++) {

        t = table_new(table_size(1));
        l = table_limit(0, 1000 * TABLE_SECOND, burst, 1);
        now = TABLE_SECOND;

        for (key = 1; key <= 8; key++) {
            (void) kairo_table_judge(t, key, now, &once, KAIRO_TABLE_TAKE);
        }

        passed = 0;
        slots = 0;

        for (i = 0; i < 100; i++) {

            /* at the 50th time the eight have paid */

            now += i == 50 ? TABLE_SECOND : 0;

            for (key = 101; key <= 104; key++) {
                a = kairo_table_judge(t, key, now, &l, KAIRO_TABLE_TAKE);
                passed += a.verdict.pass != 0;
                slots += a.verdict.pass && !a.overflow;
            }
        }

        expect(slots == 4 * (int) (burst + 1)
               && passed == 5 * (int) (burst + 1),
               "burst %d: %d in slots, %d in all", (int) burst, slots,
               passed);

        free(t);
    }

    verdict("an overflow is one burst more");
}


/* A key in every slot, every other of them with a small debt. */

static void
live_full(uint64_t sets)
{
    uint64_t        n, now, half;
    kairo_limit_t   l, brief;
    kairo_table_t  *t;

    t = table_new(table_size(sets));
    l = table_limit(0, TABLE_SECOND, 0, 1);
    brief = table_limit(0, 10, 0, 1);
    now = TABLE_SECOND;

    expect(kairo_table_live(t, 0, now, 0) == 0
           && kairo_table_live(t, 0, now, 1) == 0, "an empty table");

    for (n = 0;
         n < 20000 * sets && kairo_table_live(t, 0, now, 0) < 8 * sets;
         n++)
    {
        (void) kairo_table_judge(t, unit_draw(), now, n % 2 ? &l : &brief,
                                 KAIRO_TABLE_TAKE);
    }

    for (n = 0; n <= 2 * sets; n++) {
        expect(kairo_table_live(t, 0, now, n) == 8 * sets,
               "%llu sets of %llu", (unsigned long long) n,
               (unsigned long long) sets);
    }

    half = kairo_table_live(t, 0, now + 10, 0);

    expect(half > 0 && half < kairo_table_live(t, 0, now + 9, 0),
           "%llu keys owe still", (unsigned long long) half);
    expect(kairo_table_live(t, 0, now + TABLE_SECOND - 1, 0) == half,
           "a debt is not paid early");
    expect(kairo_table_live(t, 0, now + TABLE_SECOND, 0) == 0,
           "a debt is paid in time");

    free(t);
}


/* Few keys of a great table: a sample of the sets tells about how many. */

static void
live_sample(uint64_t window)
{
    uint64_t        n, sample, now;
    kairo_limit_t   l;
    kairo_table_t  *t;

    t = table_new(table_size(1000));
    l = table_limit(window, TABLE_SECOND, 0, 1);
    now = 1000 * TABLE_SECOND;

    for (n = 0; n < 3000; n++) {
        (void) kairo_table_judge(t, unit_draw(), now, &l, KAIRO_TABLE_TAKE);
    }

    n = kairo_table_live(t, window, now, 0);
    expect(n > 2900 && n <= 3000, "%llu keys", (unsigned long long) n);

    sample = kairo_table_live(t, window, now, 300);
    expect(sample > n * 8 / 10 && sample < n * 12 / 10,
           "%llu of %llu by a sample", (unsigned long long) sample,
           (unsigned long long) n);

    /* a window is remembered until the next one has ended */

    now += window ? 2 * TABLE_SECOND : TABLE_SECOND;

    expect(kairo_table_live(t, window, now - 1, 0) == n, "paid early");
    expect(kairo_table_live(t, window, now, 0) == 0, "not paid in time");

    free(t);
}


static void
live(void)
{
    live_full(1);
    live_full(2);
    live_full(7);
    live_full(64);

    live_sample(0);
    live_sample(TABLE_SECOND);

    verdict("live() counts the keys that owe");
}


int
main(void)
{
    unit_begin(20260105);

    sizes();
    odd_sizes(0);
    odd_sizes(700);
    tags();
    silence(0);
    silence(700);
    one_set();
    extra_burst();
    live();

    return unit_done();
}
