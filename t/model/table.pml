
/*
 * How processes share the slots of one set of the rate table: judge(),
 * find(), vacant(), enter(), elect() and overflow() of
 * src/core/kairo_table.c, for Spin.
 *
 * Each atomic access of the C code is one step: the loads of a slot's tag and
 * of its state are two, a compare-and-swap of both is one.  What a process
 * does between two accesses nobody else sees.  The law is a token bucket; its
 * interval is a few ticks of the clock, so a state is a small number.
 *
 * KAIRO_TABLE_PEEK and give() are left out.  What else is not as in C: a set
 * has two or three slots; a decision has one to four turns; a claim's number
 * is made of the process and the turn and not counted, since all that matters
 * of it is that it is used once.  Steps are seen by all in one order, as
 * __ATOMIC_SEQ_CST says.
 *
 * What holds after each step of each scenario:
 *
 *     a key is a member of the set once at most;
 *     a slot that owes is not given to another key, nor is its debt reduced;
 *     a key's slot has admitted no more than the capacity and what time has
 *     paid off since, and so has the shared word;
 *     a key is refused only for what its own slot has admitted.
 *
 * One thing is added to what time has paid off.  A slot that was another
 * key's in between knows nothing of the past, and who then charges it by a
 * reading of the clock that is late charges so much less.
 *
 * In the end every process that was not killed has its answer.  A decision
 * that comes later and alone is judged by what the key owes, in two turns,
 * whatever others have left behind.
 *
 * t/model/run verifies the scenarios, and that faults put in are found.  One
 * by hand: spin -DSCENARIO=3 -run table.pml
 */


#ifndef SCENARIO
#define SCENARIO  1
#endif


/* Tags: the own slot is tag % 4.  C and D are mostly others that owe. */

#define A  4
#define B  5
#define C  6
#define D  7

#define EVER  99


#if SCENARIO == 1

/* a key new to three processes, of which one sees a slot more that is free */

#define WAYS      3
#define TURNS     2
#define CAPACITY  1
#define TASKS     3
#define BEHIND    2
#define SETUP     put(0, C, 1)
#define START     run task(0, A, 0); run task(1, A, 0); run task(2, A, 0)

#elif SCENARIO == 2

/* the same, two see the slot, and two may pass */

#define WAYS      3
#define TURNS     2
#define CAPACITY  2
#define TASKS     3
#define BEHIND    1
#define SETUP     put(0, C, 1)
#define START     run task(0, A, 0); run task(1, A, 0); run task(2, A, 0)

#elif SCENARIO == 3

/* two processes that decide twice, one may be killed */

#define WAYS      3
#define TURNS     4
#define CAPACITY  2
#define TASKS     2
#define KILLS     1
#define OVERFLOW  1
#define BEHIND    1
#define SETUP     put(0, C, 1)
#define START     run task(0, A, A); run task(1, A, A)

#elif SCENARIO == 4

/* a key new to three processes, one may be killed */

#define WAYS      2
#define TURNS     2
#define CAPACITY  1
#define TASKS     3
#define KILLS     1
#define BEHIND    1
#define SETUP     put(0, C, 1)
#define START     run task(0, A, 0); run task(1, A, 0); run task(2, A, 0)

#elif SCENARIO == 5

/* two keys and one free slot, one process may be killed */

#define WAYS      2
#define TURNS     2
#define CAPACITY  2
#define TASKS     3
#define KILLS     1
#define SETUP     put(0, A, 0); put(1, D, EVER)
#define START     run task(0, A, 0); run task(1, A, 0); run task(2, B, B)

#elif SCENARIO == 6

/* a key pays off, and others want its slot */

#define WAYS      2
#define TURNS     2
#define CAPACITY  1
#define TASKS     3
#define TICKS     1
#define INTERVAL  1
#define SETUP     put(0, A, 1); put(1, D, EVER)
#define START     run task(0, A, 0); run task(1, B, A); run task(2, A, 0)

#elif SCENARIO == 7

/* all slots owe until the clock ticks, and the shared word judges */

#define WAYS      2
#define TURNS     2
#define CAPACITY  1
#define TASKS     3
#define TICKS     1
#define INTERVAL  1
#define OVERFLOW  1
#define SETUP     put(0, C, 1); put(1, D, EVER)
#define START     run task(0, A, 0); run task(1, B, 0); run task(2, A, 0)

#elif SCENARIO == 8

/* two keys claim one slot in turn */

#define WAYS      2
#define TURNS     1
#define CAPACITY  1
#define TASKS     4
#define BEHIND    1
#define SETUP     put(1, B, 1)
#define START     run task(0, C, 0); run task(1, A, 0); run task(2, A, 0);    \
                  run task(3, A, 0)

#endif


#ifndef KILLS
#define KILLS     0
#endif

#ifndef TICKS
#define TICKS     0
#endif

#ifndef BEHIND
#define BEHIND    0
#endif

#ifndef INTERVAL
#define INTERVAL  4
#endif

#ifndef SETUP
#define SETUP     skip
#endif

#define AHEAD     (BEHIND > 0)
#define NONE      WAYS       /* where the C code has NULL */
#define CLAIM     128
#define LATE      4          /* the process that comes later */

#define turns     (me == LATE -> 2 : TURNS)

#define claimed(state)  ((state) / CLAIM)
#define idle(state, t)  ((state) <= (t))
#define max(a, b)       ((a) > (b) -> (a) : (b))
#define of(tag)         ((tag) % 4)

/* three slots are looked at as four are whose last is always another's */

#if WAYS == 2
#define way(tag, i)  (((tag) ^ (i)) % 2)
#else
#define way(tag, i)                                                           \
    (((tag) % 2 -> 3 + ((tag) % 4 + 1) / 2 - (i) : (tag) % 4 + (i)) % 3)
#endif


typedef slot_t {
    byte  tag;
    byte  state;
}

slot_t  set[WAYS];
byte    shared;
byte    clock = AHEAD;

/* what no process sees: how many may still be killed, and how many still run;
   what the slot of each key and the shared word have admitted; and how late
   the readings of the clock were by which a key was charged, summed up */

byte    kills = KILLS;
byte    running;
byte    admitted[4];
byte    admitted_shared;
byte    lag[4];


#define member(i)    (set[i].tag != 0 && !claimed(set[i].state))
#define twins(i, j)  (member(i) && member(j) && set[i].tag == set[j].tag)

#if WAYS == 2
#define unique       (!twins(0, 1))
#else
#define unique       (!twins(0, 1) && !twins(0, 2) && !twins(1, 2))
#endif

#define kept(i, new_tag, new_state)                                           \
    (!member(i) || idle(set[i].state, now)                                    \
     || (new_tag == set[i].tag && !claimed(new_state)                         \
         && new_state >= set[i].state))


/* In place of any step a process may be killed. */

#if KILLS
#define OR_DIE  :: atomic { kills > 0 -> kills--; goto dead }
#else
#define OR_DIE
#endif


inline load(to, from)
{
    if
    :: to = from
    OR_DIE
    fi
}


/* Sets "done"; "charge" is how many requests it admits. */

inline swap(n, from_tag, from_state, to_tag, to_state, charge)
{
    if
    :: d_step {
           done = (set[n].tag == from_tag && set[n].state == from_state);
           if
           :: done ->
               assert(kept(n, to_tag, to_state));
               set[n].tag = to_tag;
               set[n].state = to_state;
               assert(unique);
               admitted[of(tag)] = admitted[of(tag)] + charge;
               lag[of(tag)] = lag[of(tag)] + charge * (clock - now);
               assert(charge == 0
                      || admitted[of(tag)] * INTERVAL
                         <= CAPACITY * INTERVAL + clock + lag[of(tag)])
           :: else
           fi
       }
    OR_DIE
    fi
}


/* Sets "slot", and "old.state" unless that is NONE. */

inline find(as_claim)
{
    i = 0;
    do
    :: i == WAYS -> slot = NONE; break
    :: i < WAYS ->
        if
        :: d_step { set[way(tag, i)].tag != tag -> i++ }
        :: set[way(tag, i)].tag == tag ->
            load(old.state, set[way(tag, i)].state);
            if
            :: claimed(old.state) == as_claim -> slot = way(tag, i); break
            :: else -> old.state = 0; i++
            fi
        OR_DIE
        fi
    od;
    i = 0
}


/* Sets "slot", and "old" unless that is NONE; "seen" is the first claim. */

inline vacant()
{
    i = 0;
    do
    :: i == WAYS ->
        old.tag = seen.tag;
        old.state = seen.state;
        break
    :: i < WAYS ->
        load(old.tag, set[way(tag, i)].tag);
        load(old.state, set[way(tag, i)].state);
        if
        :: !claimed(old.state) && idle(old.state, now) ->
            slot = way(tag, i);
            break
        :: claimed(old.state) && slot == NONE ->
            slot = way(tag, i);
            seen.tag = old.tag;
            seen.state = old.state
        :: else
        fi;
        old.tag = 0;
        old.state = 0;
        i++
    od;
    i = 0;
    seen.tag = 0;
    seen.state = 0
}


/* Sets "done" when the own claim was elected. */

inline enter()
{
    claim = CLAIM + (me * 2 + decision) * 4 + turn;
    mine = slot;
    swap(slot, old.tag, old.state, tag, claim, 0);
    if
    :: !done -> goto again
    :: else
    fi;
    elect()
}


/* What the C code calls "first" and "elected" is in "slot" and "old". */

inline elect()
{
    done = false;
    old.state = 0;
    find(1);
    if
    :: slot == NONE -> goto again
    :: else
    fi;
    old.tag = tag;

    before = true;
    do
    :: i == WAYS -> break
    :: i < WAYS && way(tag, i) == slot -> before = false; i++
    :: i < WAYS && way(tag, i) != slot ->
        if
        :: d_step { set[way(tag, i)].tag != tag -> i++ }
        :: set[way(tag, i)].tag == tag ->
            load(seen.state, set[way(tag, i)].state);
            if
            :: !claimed(seen.state) ->
                swap(slot, tag, old.state, 0, 0, 0);
                goto again
            :: claimed(seen.state) && before -> goto again
            :: else ->
                swap(way(tag, i), tag, seen.state, 0, 0, 0)
            fi;
            if
            :: !done -> goto again
            :: else -> done = false; seen.state = 0; i++
            fi
        OR_DIE
        fi
    od;
    before = false;

    if
    :: slot != mine || old.state != claim ->
        swap(slot, tag, old.state, tag, 0, 0);
        goto again
    :: else ->
        swap(slot, tag, old.state, tag, new, 1)
    fi
}


inline overflow()
{
    load(seen.state, shared);
    do
    :: max(seen.state, now) + INTERVAL - now > CAPACITY * INTERVAL -> break
    :: else ->
        if
        :: d_step {
               done = (shared == seen.state);
               seen.state = shared;
               if
               :: done ->
                   shared = max(shared, now) + INTERVAL;
                   admitted_shared++;
                   assert(admitted_shared * INTERVAL
                          <= CAPACITY * INTERVAL + clock)
               :: else
               fi
           }
        OR_DIE
        fi;
        if
        :: done -> break
        :: else
        fi
    od
}


/* What a process does not need any more is no difference between states. */

inline forget()
{
    d_step {
        i = 0; slot = 0; mine = 0; claim = 0; new = 0;
        old.tag = 0; old.state = 0; seen.tag = 0; seen.state = 0;
        done = false; before = false
    }
}


/* A process that judges a request of "tag", then of "next" unless it is 0. */

proctype task(byte me, tag, next)
{
    slot_t  old, seen;
    byte    now, decision, turn, i, slot, mine, claim, new;
    bool    done, before;

judge:
#if TICKS
    load(now, clock);
#else
    now = (me < BEHIND -> 0 : AHEAD);
#endif

    do
    :: turn == turns -> break
    :: turn < turns ->

        find(0);

        if
        :: slot != NONE ->
            old.tag = tag;
            new = max(old.state, now) + INTERVAL
        :: else ->
            new = now + INTERVAL;
            vacant();
            if
            :: slot == NONE ->
                find(0);
                if
                :: slot != NONE -> goto again
                :: else -> break
                fi
            :: else
            fi
        fi;

        if
        :: new - now > CAPACITY * INTERVAL ->
            if
            :: set[slot].tag != old.tag -> goto again
            :: d_step {
                   set[slot].tag == old.tag ->
                   assert((admitted[of(tag)] + 1) * INTERVAL + clock
                          > CAPACITY * INTERVAL)
               };
               goto answer
            OR_DIE
            fi
        :: else
        fi;

        if
        :: old.tag == tag && !claimed(old.state) ->
            swap(slot, old.tag, old.state, tag, new, 1)
        :: else ->
            enter()
        fi;

        if
        :: done -> goto answer
        :: else
        fi;

again:
        turn++;
        forget()
    od;

#if OVERFLOW
    forget();
    overflow();
#endif

answer:
    turn = 0;
    forget();

    if
    :: next != 0 ->
        d_step { tag = next; next = 0; decision = 1 };
        goto judge
    :: else
    fi;

dead:
    turn = 0;
    forget();
    d_step { tag = 0; next = 0; now = 0; decision = 0; running-- }
}


#if TICKS

active proctype tick()
{
    do
    :: clock < TICKS -> clock++
    :: else -> break
    od
}

#endif


inline put(n, t, s)
{
    set[n].tag = t;
    set[n].state = s;
    admitted[of(t)] = (claimed(s) -> 0 : (s) / INTERVAL)
}


init
{
    byte  i, debt, expected;
    bool  room;

    atomic {
        SETUP;
        START;
        running = TASKS
    };

    atomic {
        running == 0 && (TICKS == 0 || clock == TICKS);
        debt = clock;

        for (i : 0 .. WAYS - 1) {
            assert(TICKS || !member(i)
                   || set[i].state / INTERVAL == admitted[of(set[i].tag)]);

            room = (room || set[i].tag == A || claimed(set[i].state)
                    || idle(set[i].state, clock));
            if
            :: set[i].tag == A && member(i) -> debt = max(debt, set[i].state)
            :: else
            fi
        }

        assert(TICKS || debt / INTERVAL == admitted[of(A)]);

        expected = admitted[of(A)];
        if
        :: room && debt + INTERVAL - clock <= CAPACITY * INTERVAL -> expected++
        :: else
        fi;

        kills = 0;
        running = 1;
        run task(LATE, A, 0)
    };

    atomic {
        running == 0;
        assert(admitted[of(A)] == expected)
    }
}
