
/*
 * A sliding window kept as two counts: those of the window that contains now,
 * and of the one before, which is weighted by how much of it is still less
 * than a window ago.
 *
 *     used = current + previous * (W - elapsed) / W
 *
 * Windows are aligned on the clock.  In an aligned window no more than the
 * count N passes.  In one that is not aligned the worst case is 2N - 1: all N
 * at the very end of a window, and the weight of them falling away while the
 * next window goes on.
 *
 * The state holds 23 bits of the window's number, 20 of the previous count and
 * 20 of the current, so N is at most 1,048,575.  After 2^23 windows without a
 * request a state may be taken for a fresh one, which errs by refusing.
 */


#ifndef KAIRO_WINDOW_H_INCLUDED
#define KAIRO_WINDOW_H_INCLUDED


#include "core/kairo_verdict.h"


#define KAIRO_WINDOW_MAX  0xfffffull


kairo_verdict_t kairo_window_judge(const kairo_limit_t *l, uint64_t state,
    uint64_t now);
int kairo_window_idle(uint64_t window, uint64_t state, uint64_t now);
uint64_t kairo_window_give(const kairo_limit_t *l, uint64_t state,
    uint64_t charged);
uint64_t kairo_window_merge(const kairo_limit_t *l, uint64_t a, uint64_t b,
    uint64_t now);


#endif /* KAIRO_WINDOW_H_INCLUDED */
