
/*
 * A sequence of operations on a table of three sets: what it answers without
 * sharing is what a model answers that keeps every key apart, and nothing is
 * written outside its memory.
 */


#include <stdlib.h>

#include "core/kairo_table.h"


#define KEYS   32
#define SIZE   (128 + 3 * 136)


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


static const uint64_t  secret[2] = { 3, 4 };


static uint64_t
tag_of(unsigned char key)
{
    kairo_span_t  s;

    s.p = &key;
    s.n = 1;

    return kairo_table_tag(secret, 1, s);
}


static void
step(kairo_table_t *t, uint64_t *state, uint64_t now, uint64_t window,
    const unsigned char *op)
{
    unsigned char          key;
    kairo_limit_t          l = { 0, 0, 0, 0 };
    kairo_verdict_t        v;
    kairo_table_verb_t     verb;
    kairo_table_answer_t   a;

    key = op[0] % KEYS;
    l.window = window;
    l.interval = window ? 0 : 100;
    l.capacity = (op[1] % 8 + 1) * (window ? 1 : l.interval);
    l.charge = (op[1] / 8 % 4) * (window ? 1 : l.interval);
    verb = op[1] & 0x80 ? KAIRO_TABLE_PEEK : KAIRO_TABLE_TAKE;

    v = kairo_limit_judge(&l, state[key], now);
    a = kairo_table_judge(t, tag_of(key), now, &l, verb);

    if (a.overflow) {

        /* a key shares only when it has no slot, so it owes nothing */

        if (!kairo_limit_idle(window, state[key], now)) {
            abort();
        }

        return;
    }

    if (a.verdict.pass != v.pass || a.verdict.retry != v.retry) {
        abort();
    }

    if (!v.pass || verb == KAIRO_TABLE_PEEK) {
        return;
    }

    state[key] = v.state;

    if (op[1] & 0x40) {
        kairo_table_give(t, tag_of(key), now, &l, &a);
        state[key] = kairo_limit_give(&l, v.state, v.state, now);
    }
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    void           *memory;
    size_t          i;
    uint64_t        now, window, state[KEYS] = { 0 };
    kairo_table_t  *t;

    if (size < 4) {
        return 0;
    }

    if (posix_memalign(&memory, 128, SIZE) != 0) {
        return 0;
    }

    memset(memory, 0, SIZE);

    t = kairo_table_init(memory, SIZE);
    now = 1000000;
    window = data[0] % 2 ? 1000 : 0;

    for (i = 1; i + 2 < size; i += 3) {
        now += data[i + 2];
        step(t, state, now, window, &data[i]);
    }

    if (kairo_table_live(t, window, now, 0) > kairo_table_capacity(SIZE)) {
        abort();
    }

    free(memory);

    return 0;
}
