
/*
 * What a decision costs: kairo's table, limit_req of the nginx whose source
 * this is built with, and a 16-byte compare-and-swap on the same memory.
 *
 * limit_req is the real module: its source is included for its static
 * functions, and linked with nginx's own objects.
 *
 * In a worker thousands of instructions lie between two decisions, so that
 * none waits for memory while another does.  So here: the key of each depends
 * on the outcome of the one before, in all loops alike.
 */


#include "src/http/modules/ngx_http_limit_req_module.c"

#include <sys/mman.h>
#include <sys/wait.h>

#include "core/kairo_rate.h"
#include "core/kairo_table.h"


#define BENCH_RUNS    5
#define BENCH_KINDS   4
#define BENCH_SECOND  1000000000ull
#define BENCH_ZONE    (32u << 20)     /* of kairo */
#define BENCH_LIMIT   (192u << 20)    /* of limit_req: 128 bytes a key */


typedef unsigned __int128  bench_word_t;

typedef struct {
    const char   *name;
    void        (*prepare)(uint64_t keys);
    void        (*run)(uint64_t keys, uint64_t n, uint64_t seed);
    double        ns[3][2];    /* median; keys, processes */
} bench_t;


static void bench_kairo_prepare(uint64_t keys);
static void bench_kairo_run(uint64_t keys, uint64_t n, uint64_t seed);
static void bench_step_prepare(uint64_t keys);
static void bench_step_run(uint64_t keys, uint64_t n, uint64_t seed);
static void bench_limit_prepare(uint64_t keys);
static void bench_limit_run(uint64_t keys, uint64_t n, uint64_t seed);
static void bench_bare_prepare(uint64_t keys);
static void bench_bare_run(uint64_t keys, uint64_t n, uint64_t seed);


static const uint64_t   bench_keys[] = { 1, 100000, 1000000 };
static const uint64_t   bench_secret[2] = { 0x0706050403020100ull,
                                            0x0f0e0d0c0b0a0908ull };

static kairo_limit_t    bench_law;
static kairo_table_t   *bench_table;
static bench_word_t    *bench_words;

static ngx_shm_zone_t              bench_zone;
static ngx_http_limit_req_ctx_t    bench_ctx;
static ngx_http_limit_req_limit_t  bench_limit;
static ngx_log_t                   bench_log;
static ngx_open_file_t             bench_file;
static ngx_cycle_t                 bench_cycle;

static bench_t  benches[] = {
    { "bare", bench_bare_prepare, bench_bare_run, { { 0 } } },
    { "step", bench_step_prepare, bench_step_run, { { 0 } } },
    { "kairo", bench_kairo_prepare, bench_kairo_run, { { 0 } } },
    { "limit_req", bench_limit_prepare, bench_limit_run, { { 0 } } }
};


static uint64_t
bench_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * BENCH_SECOND + (uint64_t) ts.tv_nsec;
}


static uint64_t
bench_random(uint64_t *state)
{
    uint64_t  x;

    x = *state += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;

    return x ^ (x >> 31);
}


/* One of the keys; a division would be a tenth of a decision. */

static uint64_t
bench_pick(uint64_t *seed, uint64_t keys)
{
    return (uint64_t) (((bench_word_t) bench_random(seed) * keys) >> 64);
}


static void *
bench_map(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
             0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }

    return p;
}


/* kairo: hash, clock and table, as the module does it */

static int
bench_kairo_decide(uint64_t key, const kairo_limit_t *l)
{
    uint64_t              tag;
    kairo_span_t          s;
    kairo_table_answer_t  a;

    s.p = (unsigned char *) &key;
    s.n = sizeof(key);

    tag = kairo_table_tag(bench_secret, l->interval, s);
    kairo_table_prefetch(bench_table, tag);

    a = kairo_table_judge(bench_table, tag, bench_now(), l,
                          KAIRO_TABLE_TAKE);

    return a.verdict.pass;
}


static void
bench_kairo_init(size_t size)
{
    static void    *memory;
    static size_t   mapped;

    if (memory) {
        munmap(memory, mapped);
    }

    memory = bench_map(size);
    mapped = size;
    bench_table = kairo_table_init(memory, size);
}


static void
bench_kairo_prepare(uint64_t keys)
{
    uint64_t  i;

    bench_kairo_init(BENCH_ZONE);

    /* a bucket that no run empties: every decision passes and writes */

    bench_law.interval = BENCH_SECOND;
    bench_law.charge = BENCH_SECOND;
    bench_law.capacity = kairo_gcra_time(BENCH_SECOND, 1u << 31);

    for (i = 0; i < keys; i++) {
        (void) bench_kairo_decide(i, &bench_law);
    }
}


static void
bench_kairo_run(uint64_t keys, uint64_t n, uint64_t seed)
{
    uint64_t  refused;

    for (refused = 0; n; n--) {
        refused |= !bench_kairo_decide(bench_pick(&seed, keys), &bench_law);
        seed += refused;
    }

    if (refused) {
        abort();
    }
}


/* kairo's table alone: the tag and the time are given */

static void
bench_step_prepare(uint64_t keys)
{
    uint64_t  i, tag;

    bench_kairo_prepare(0);

    for (i = 0; i < keys; i++) {
        tag = i;
        (void) kairo_table_judge(bench_table, bench_random(&tag) | 1,
                                 BENCH_SECOND, &bench_law, KAIRO_TABLE_TAKE);
    }
}


static void
bench_step_run(uint64_t keys, uint64_t n, uint64_t seed)
{
    uint64_t              tag, refused;
    kairo_table_answer_t  a;

    for (refused = 0; n; n--) {
        tag = bench_pick(&seed, keys);

        a = kairo_table_judge(bench_table, bench_random(&tag) | 1,
                              BENCH_SECOND, &bench_law, KAIRO_TABLE_TAKE);

        refused |= !a.verdict.pass;
        seed += refused;
    }

    if (refused) {
        abort();
    }
}


/* limit_req: what its handler does for one limit */

static ngx_int_t
bench_limit_decide(uint64_t key)
{
    uint32_t   hash;
    ngx_int_t  rc;
    ngx_str_t  s;
    ngx_uint_t excess;

    s.data = (u_char *) &key;
    s.len = sizeof(key);

    hash = ngx_crc32_short(s.data, s.len);

    ngx_shmtx_lock(&bench_ctx.shpool->mutex);
    rc = ngx_http_limit_req_lookup(&bench_limit, hash, &s, &excess, 1);
    ngx_shmtx_unlock(&bench_ctx.shpool->mutex);

    return rc;
}


static void
bench_limit_init(size_t size, ngx_uint_t rate, ngx_uint_t burst)
{
    ngx_slab_pool_t  *sp;

    if (bench_zone.shm.addr) {
        munmap(bench_zone.shm.addr, bench_zone.shm.size);
    }

    ngx_memzero(&bench_zone, sizeof(bench_zone));
    ngx_memzero(&bench_ctx, sizeof(bench_ctx));

    bench_zone.shm.size = size;
    bench_zone.shm.addr = bench_map(size);
    bench_zone.shm.log = &bench_log;

    sp = (ngx_slab_pool_t *) bench_zone.shm.addr;
    sp->end = bench_zone.shm.addr + size;
    sp->min_shift = 3;
    sp->addr = bench_zone.shm.addr;

    if (ngx_shmtx_create(&sp->mutex, &sp->lock, NULL) != NGX_OK) {
        exit(1);
    }

    ngx_slab_init(sp);

    bench_ctx.rate = rate;
    bench_zone.data = &bench_ctx;
    bench_limit.shm_zone = &bench_zone;
    bench_limit.burst = burst;

    if (ngx_http_limit_req_init_zone(&bench_zone, NULL) != NGX_OK) {
        exit(1);
    }
}


static void
bench_limit_prepare(uint64_t keys)
{
    uint64_t  i;

    bench_limit_init(BENCH_LIMIT, 1000, (ngx_uint_t) 1 << 40);

    for (i = 0; i < keys; i++) {
        if (bench_limit_decide(i) != NGX_OK) {
            exit(1);
        }
    }
}


static void
bench_limit_run(uint64_t keys, uint64_t n, uint64_t seed)
{
    uint64_t  refused;

    for (refused = 0; n; n--) {
        if (n % 64 == 0) {
            ngx_time_update();
        }

        refused |= bench_limit_decide(bench_pick(&seed, keys)) != NGX_OK;
        seed += refused;
    }

    if (refused) {
        abort();
    }
}


/* One compare-and-swap on one slot of kairo's memory, and nothing else. */

#define BENCH_WORDS  (BENCH_ZONE / sizeof(bench_word_t) - 16)


static void
bench_bare_prepare(uint64_t keys)
{
    uint64_t  i;

    bench_kairo_init(BENCH_ZONE);
    bench_words = (bench_word_t *) bench_table + 8;

    for (i = 0; i < BENCH_WORDS; i++) {
        bench_words[i] = 0;
    }
}


static void
bench_bare_run(uint64_t keys, uint64_t n, uint64_t seed)
{
    uint64_t       tag;
    bench_word_t  *w, old, new;

    while (n--) {

        tag = bench_pick(&seed, keys);
        tag = bench_random(&tag);
        w = bench_words;
        w += (uint64_t) (((bench_word_t) tag * BENCH_WORDS) >> 64);

        do {
            old = *(volatile bench_word_t *) w;
            new = (old & ~(uint64_t) 0) | (bench_word_t) n << 64;
        } while (!__sync_bool_compare_and_swap(w, old, new));

        /* 0, which only the memory knows */

        seed += (uint64_t) old;
    }
}


/* ns a decision takes a process, with "processes" of them at it */

static double
bench_measure(bench_t *b, uint64_t keys, int processes)
{
    int                 i;
    uint64_t            n, start;
    volatile uint64_t  *gate;

    n = keys == 1 ? 4000000 : 1500000;
    gate = bench_map(4096);

    for (i = 0; i < processes; i++) {

        if (fork() == 0) {

            /* a process maps each page once in its life: not a decision's */

            b->run(keys, n / 8, (uint64_t) i + 100);

            (void) __atomic_add_fetch(&gate[0], 1, __ATOMIC_SEQ_CST);

            while (gate[1] == 0) { /* until all are there */ }

            b->run(keys, n, (uint64_t) i + 1);
            _exit(0);
        }
    }

    while (gate[0] != (uint64_t) processes) { usleep(100); }

    start = bench_now();
    gate[1] = 1;

    for (i = 0; i < processes; i++) {
        (void) wait(NULL);
    }

    return (double) (bench_now() - start) / (double) n;
}


static int
bench_compare(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return x < y ? -1 : x > y;
}


static void
bench_decisions(void)
{
    int     run, k, p;
    size_t  i;
    double  ns[BENCH_KINDS][3][2][BENCH_RUNS];

    /* turn by turn, so that a noisy minute hits all alike */

    for (run = 0; run < BENCH_RUNS; run++) {
        for (k = 0; k < 3; k++) {
            for (i = 0; i < BENCH_KINDS; i++) {
                benches[i].prepare(bench_keys[k]);

                for (p = 0; p < 2; p++) {
                    ns[i][k][p][run] = bench_measure(&benches[i],
                                                     bench_keys[k], p + 1);
                }
            }
        }
    }

    printf("\nns a decision, median of %d (least to most)\n\n"
           "| keys | processes | CAS alone | table alone | kairo | limit_req "
           "| table / CAS | kairo / CAS | limit_req / kairo "
           "| limit_req / CAS |\n"
           "|---|---|---|---|---|---|---|---|---|---|\n", BENCH_RUNS);

    for (k = 0; k < 3; k++) {
        for (p = 0; p < 2; p++) {

            printf("| %llu | %d |", (unsigned long long) bench_keys[k], p + 1);

            for (i = 0; i < BENCH_KINDS; i++) {
                qsort(ns[i][k][p], BENCH_RUNS, sizeof(double), bench_compare);
                benches[i].ns[k][p] = ns[i][k][p][BENCH_RUNS / 2];

                printf(" %.0f (%.0f to %.0f) |", benches[i].ns[k][p],
                       ns[i][k][p][0], ns[i][k][p][BENCH_RUNS - 1]);
            }

            printf(" %.2f | %.2f | %.1f | %.1f |\n",
                   benches[1].ns[k][p] / benches[0].ns[k][p],
                   benches[2].ns[k][p] / benches[0].ns[k][p],
                   benches[3].ns[k][p] / benches[2].ns[k][p],
                   benches[3].ns[k][p] / benches[0].ns[k][p]);
        }
    }
}


/* keys that fit into a zone before one is lost or shares a bucket */

static void
bench_memory(void)
{
    uint64_t  i, pages;

    bench_limit_init(1u << 20, 1000, 0);

    /* nginx logs an alert when a node finds no room, which is the answer */

    for (i = 0; i < 100000; i++) {
        ngx_uint_t  before = bench_ctx.shpool->pfree;

        if (bench_limit_decide(i) != NGX_OK || before == 0) {
            break;
        }
    }

    pages = ((16u << 20) - ngx_pagesize) / (ngx_pagesize + 24);

    printf("\nkeys a MiB: kairo %llu (of a 16m zone), limit_req %llu\n",
           (unsigned long long)
               kairo_table_capacity(pages * ngx_pagesize) / 16,
           (unsigned long long) i);
}


/* a limited client, 1r/m and no burst, while other keys are sprayed */

static void
bench_spray(void)
{
    uint64_t      i, keys, kairo, limit;
    kairo_limit_t  g = { 0, 0, 0, 0 };

    keys = 1000000;
    kairo = limit = 0;

    bench_kairo_init(1u << 20);
    g.interval = g.charge = g.capacity = 60 * BENCH_SECOND;

    for (i = 1; i <= keys; i++) {
        if (i % 100000 == 1) {
            kairo += bench_kairo_decide(0, &g);
        }
        (void) bench_kairo_decide(i, &g);
    }

    bench_limit_init(1u << 20, 1000 / 60, 0);

    for (i = 1; i <= keys; i++) {
        if (i % 100000 == 1) {
            limit += bench_limit_decide(0) == NGX_OK;
        }
        (void) bench_limit_decide(i);
    }

    printf("\na client limited to 1r/m asks 10 times while %llu other keys "
           "are sprayed into 1 MiB: kairo admits %llu, limit_req %llu\n",
           (unsigned long long) keys, (unsigned long long) kairo,
           (unsigned long long) limit);
}


static void
bench_calibrate(void)
{
    uint64_t           i, n, x, start;
    volatile uint64_t  sink;

    n = 20000000;
    x = 1;

    start = bench_now();
    for (i = 0; i < n; i++) {
        sink = bench_random(&x);
    }
    printf("calibration: a random number %.1f ns",
           (double) (bench_now() - start) / (double) n);

    n = 5000000;
    start = bench_now();
    for (i = 0; i < n; i++) {
        sink = bench_now();
    }
    printf(", the clock %.1f ns\n",
           (double) (bench_now() - start) / (double) n);

    (void) sink;
}


int
main(int argc, char **argv)
{
    ngx_time_init();
    ngx_pagesize = getpagesize();
    ngx_cacheline_size = 64;
    ngx_ncpu = 2;

    for (ngx_pagesize_shift = 0;
         (1u << ngx_pagesize_shift) < ngx_pagesize;
         ngx_pagesize_shift++)
    { /* void */ }

    ngx_slab_sizes_init();
    /* only emergencies: a full zone of limit_req is expected here */

    bench_file.fd = 2;
    bench_log.file = &bench_file;
    bench_log.log_level = NGX_LOG_EMERG;
    bench_cycle.log = &bench_log;
    ngx_cycle = &bench_cycle;

    (void) ngx_crc32_table_init();

    setvbuf(stdout, NULL, _IOLBF, 0);

    bench_calibrate();
    bench_decisions();
    bench_memory();
    bench_spray();

    return 0;
}
