
/*
 * Records in memory that several share: what is put is got, nothing else ever
 * is, and what is broken is a miss.
 */


#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/kairo_cache.h"


#define SIZE  (1u << 20)


static const uint64_t  secret[2] = { 0x0123456789abcdefull, 42 };

static kairo_cache_t  *cache;
static unsigned char  *memory;


static void
fresh(size_t size)
{
    if (memory == NULL) {
        memory = mmap(NULL, SIZE, PROT_READ|PROT_WRITE,
                      MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    }

    memset(memory, 0, SIZE);
    cache = kairo_cache_init(memory, size);
}


static void
digest(uint64_t n, unsigned char *out)
{
    int  i;

    for (i = 0; i < KAIRO_CACHE_DIGEST / 8; i++) {
        n = n * 6364136223846793005ull + 1442695040888963407ull;
        n ^= n >> 29;
        memcpy(out + 8 * i, &n, 8);
    }
}


/* A record that tells what it was made from. */

static size_t
record(uint64_t n, unsigned version, unsigned char *out)
{
    size_t  i, len;

    len = 9 + (n * 31 + version) % (KAIRO_CACHE_DATA - 8);

    for (i = 0; i < len; i++) {
        out[i] = (unsigned char) (n * 7 + version * 13 + i);
    }

    memcpy(out, &n, 8);
    out[8] = (unsigned char) version;

    return len;
}


static void
put(uint64_t n, unsigned version, uint64_t now)
{
    kairo_span_t   s;
    unsigned char  key[KAIRO_CACHE_DIGEST], data[KAIRO_CACHE_DATA];

    digest(n, key);
    s.p = data;
    s.n = record(n, version, data);

    kairo_cache_put(cache, secret, key, now, s);
}


/* The version that is got; -1: none; what is wrong is reported. */

static int
get(uint64_t n, uint64_t now)
{
    size_t         len, want;
    unsigned char  key[KAIRO_CACHE_DIGEST], data[KAIRO_CACHE_DATA];
    unsigned char  wanted[KAIRO_CACHE_DATA];

    digest(n, key);
    len = kairo_cache_get(cache, secret, key, now, data);

    if (len == 0) {
        return -1;
    }

    want = record(n, data[8], wanted);
    expect(len == want && memcmp(data, wanted, len) == 0,
           "record %llu is another's", (unsigned long long) n);

    return data[8];
}


static void
sizes(void)
{
    fresh(1000);
    expect(cache == NULL, "a cache in 1000 bytes");

    fresh(64 + 8 * KAIRO_CACHE_SLOT);
    expect(cache && kairo_cache_capacity(cache) == 8, "one set");

    fresh(SIZE);
    expect(kairo_cache_capacity(cache) == (SIZE - 64) / 4096 * 8, "a MiB");

    verdict("as many records as there is room for");
}


static void
kept(void)
{
    uint64_t  n, lost;

    fresh(SIZE);

    for (n = 0; n < 1000; n++) {
        put(n, 1, n);
    }

    for (n = 0, lost = 0; n < 1000; n++) {
        lost += get(n, 1000) != 1;
    }

    /* half full: sets of eight overflow seldom */

    expect(lost < 30, "%llu of 1000 are lost", (unsigned long long) lost);

    for (n = 1000; n < 3000; n++) {
        expect(get(n, 1000) == -1, "%llu was never put",
               (unsigned long long) n);
    }

    put(5, 2, 1001);
    expect(get(5, 1002) == 2, "a newer record takes the place of the older");

    verdict("what is put is got");
}


static void
oldest(void)
{
    uint64_t  n;

    fresh(64 + 8 * KAIRO_CACHE_SLOT);

    for (n = 0; n < 8; n++) {
        put(n, 1, n + 1);
    }

    expect(get(0, 100) == 1, "the first is used again");

    put(8, 1, 101);
    expect(get(1, 102) == -1, "the one that was used longest ago goes");
    expect(get(0, 102) == 1, "the one that was used stays");
    expect(get(8, 102) == 1, "the new one is there");

    verdict("the record that was used longest ago makes room");
}


static void
unfit(void)
{
    kairo_span_t   s;
    unsigned char  key[KAIRO_CACHE_DIGEST], data[KAIRO_CACHE_DATA + 1];

    fresh(SIZE);
    digest(1, key);
    memset(data, 1, sizeof(data));
    s.p = data;

    s.n = 0;
    kairo_cache_put(cache, secret, key, 1, s);
    expect(kairo_cache_get(cache, secret, key, 1, data) == 0, "empty");

    s.n = KAIRO_CACHE_DATA + 1;
    kairo_cache_put(cache, secret, key, 1, s);
    expect(kairo_cache_get(cache, secret, key, 1, data) == 0, "too long");

    s.n = KAIRO_CACHE_DATA;
    kairo_cache_put(cache, secret, key, 1, s);
    expect(kairo_cache_get(cache, secret, key, 1, data) == s.n, "just fits");

    verdict("records that do not fit are not put");
}


/* Any bit of a record that is not as it was makes it a miss. */

static void
broken(void)
{
    size_t          i;
    unsigned        bit;
    unsigned char   key[KAIRO_CACHE_DIGEST], data[KAIRO_CACHE_DATA];
    unsigned char  *slot;
    kairo_span_t    s;
    const uint64_t  other[2] = { secret[0], secret[1] + 1 };

    fresh(64 + 8 * KAIRO_CACHE_SLOT);
    digest(7, key);
    s.p = data;
    s.n = KAIRO_CACHE_DATA;
    memset(data, 'x', sizeof(data));
    kairo_cache_put(cache, secret, key, 9, s);

    expect(kairo_cache_get(cache, other, key, 9, data) == 0, "another secret");

    for (slot = memory + 64; ; slot += KAIRO_CACHE_SLOT) {
        if (memcmp(slot + 24, key, sizeof(key)) == 0) {
            break;
        }
    }

    /* the first eight bytes are when it was used */

    for (i = 8; i < KAIRO_CACHE_SLOT; i++) {
        for (bit = 0; bit < 8; bit++) {

            slot[i] ^= (unsigned char) (1u << bit);

            expect(kairo_cache_get(cache, secret, key, 9, data) == 0,
                   "bit %u of byte %zu", bit, i);

            slot[i] ^= (unsigned char) (1u << bit);
        }
    }

    expect(kairo_cache_get(cache, secret, key, 9, data) == s.n, "whole again");

    verdict("a record that is broken anywhere is a miss");
}


/* Processes write the same records at the same time, and some are killed. */

static void
torn(void)
{
    int       i, status;
    pid_t     pid[4];
    uint64_t  n, turn, got;

    fresh(64 + 2 * 8 * KAIRO_CACHE_SLOT);

    for (i = 0; i < 4; i++) {

        pid[i] = fork();

        if (pid[i] == 0) {
            for (turn = 0; ; turn++) {
                put(turn % 12, (unsigned) (i * 50 + turn % 50), turn);
            }
        }
    }

    got = 0;

    for (turn = 0; turn < 300000; turn++) {

        n = turn % 12;
        got += get(n, turn) >= 0;

        if (turn % 75000 == 74999) {
            (void) kill(pid[turn / 75000], SIGKILL);
            (void) waitpid(pid[turn / 75000], &status, 0);
        }
    }

    expect(got > 1000, "only %llu records were got", (unsigned long long) got);

    for (n = 0; n < 12; n++) {
        put(n, 201, 1u << 30);
        expect(get(n, 1u << 30) == 201, "a slot of a killed process");
    }

    verdict("no record is ever another, whoever writes, whoever is killed");
}


int
main(void)
{
    unit_begin(0);

    sizes();
    kept();
    oldest();
    unfit();
    broken();
    torn();

    return unit_done();
}
