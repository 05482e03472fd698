
/*
 * A set of names against a list that is gone through from its first to its
 * last: few slots, many names of one slot, names whose hash is the same, and
 * more names than a file is likely to have.
 */


#include "target.h"

#include "core/kairo_domains.h"


#define ROUNDS      500
#define SMALL       200
#define LARGE       100000
#define CROWD       128
#define BIRTHDAYS   600000


/* A set in memory of just its size, and what was added to it. */

typedef struct {
    kairo_domains_t   domains;
    size_t            room;       /* bytes of the text */
    size_t            n;
    char            (*name)[KAIRO_NAME_MAX + 1];
    unsigned         *what;
} set_t;


static void
set_init(set_t *set, size_t n, size_t nslots)
{
    memset(set, 0, sizeof(*set));

    set->domains.slots = calloc(nslots, sizeof(kairo_domains_slot_t));
    set->domains.nslots = nslots;
    set->name = calloc(n, sizeof(set->name[0]));
    set->what = calloc(n, sizeof(unsigned));

    if (set->domains.slots == NULL || set->name == NULL || set->what == NULL) {
        abort();
    }
}


/* The least that there may be, in which a slot has many names. */

static size_t
slots(size_t n)
{
    size_t  power;

    for (power = 1; power < 2 * n; power *= 2) { /* void */ }

    return power;
}


static void
set_free(set_t *set)
{
    free(set->domains.slots);
    free(set->domains.text);
    free(set->name);
    free(set->what);
}


static kairo_span_t
span(const char *name)
{
    return (kairo_span_t) { (const unsigned char *) name, strlen(name) };
}


static int
has(const kairo_domains_t *domains, const char *name)
{
    int             found;
    kairo_span_t    s;
    unsigned char  *copy;

    s.n = strlen(name);
    s.p = copy = target_copy(name, s.n);

    found = kairo_domains_has(domains, s);
    free(copy);

    return found;
}


/* Its text grows to what the name takes, for one that is not in it. */

static void
set_add(set_t *set, const char *name, unsigned what)
{
    size_t          i, n;
    unsigned char  *copy;

    n = strlen(name);

    for (i = 0; i < set->n && strcmp(set->name[i], name) != 0; i++) {
        /* void */
    }

    if (i == set->n) {
        memcpy(set->name[set->n++], name, n + 1);
        set->room += n + 2;
        set->domains.text = realloc(set->domains.text, set->room);
    }

    set->what[i] |= what;

    copy = target_copy(name, n);
    kairo_domains_add(&set->domains, (kairo_span_t) { copy, n }, what);
    free(copy);
}


static int
naive(const set_t *set, const char *name)
{
    size_t  i, n, len;

    n = strlen(name);

    for (i = 0; i < set->n; i++) {

        len = strlen(set->name[i]);

        if ((set->what[i] & KAIRO_DOMAINS_SELF)
            && strcmp(name, set->name[i]) == 0)
        {
            return 1;
        }

        if ((set->what[i] & KAIRO_DOMAINS_BELOW) && n > len + 1
            && name[n - len - 1] == '.'
            && strcmp(name + n - len, set->name[i]) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
expect_same(const set_t *set, const char *name)
{
    int  is, wanted;

    is = has(&set->domains, name);
    wanted = naive(set, name);

    expect(is == wanted, "\"%s\" among %u: %d, not %d", name,
           (unsigned) set->n, is, wanted);
}


/* Few letters, so that names are above and below each other. */

static void
draw(char *name)
{
    size_t             i, n, labels, at;
    static const char  letters[] = "ab";

    at = 0;
    labels = 1 + unit_below(4);

    while (labels--) {

        n = 1 + unit_below(2);

        for (i = 0; i < n; i++) {
            name[at++] = letters[unit_below(2)];
        }

        name[at++] = labels ? '.' : '\0';
    }
}


static unsigned
draw_what(void)
{
    return 1 + (unsigned) unit_below(3);
}


/* The name, one below it, one above it, and such that only look so. */

static void
expect_family(const set_t *set, const char *name)
{
    char         other[KAIRO_NAME_MAX + 8];
    const char  *dot;

    expect_same(set, name);

    snprintf(other, sizeof(other), "a.%s", name);
    expect_same(set, other);

    snprintf(other, sizeof(other), "a%s", name);
    expect_same(set, other);

    snprintf(other, sizeof(other), "%s.a", name);
    expect_same(set, other);

    snprintf(other, sizeof(other), "%sa", name);
    expect_same(set, other);

    if (name[1] && name[1] != '.') {
        expect_same(set, name + 1);
    }

    dot = strchr(name, '.');

    if (dot) {
        expect_same(set, dot + 1);
    }
}


static void
small(void)
{
    int     round;
    char    name[KAIRO_NAME_MAX + 1];
    size_t  i, n;
    set_t   set;

    for (round = 0; round < ROUNDS; round++) {

        n = 1 + unit_below(SMALL);
        set_init(&set, n, slots(n));

        expect(!has(&set.domains, "a"), "an empty set has a name");

        for (i = 0; i < n; i++) {
            draw(name);
            set_add(&set, name, draw_what());
        }

        expect(set.domains.n == set.n, "%u names, not %u",
               (unsigned) set.domains.n, (unsigned) set.n);
        expect(set.domains.used == set.room, "%u bytes, not %u",
               (unsigned) set.domains.used, (unsigned) set.room);

        for (i = 0; i < set.n; i++) {
            expect_family(&set, set.name[i]);
        }

        for (i = 0; i < SMALL; i++) {
            draw(name);
            expect_same(&set, name);
        }

        set_free(&set);
    }

    verdict("what a list has, a set has, and nothing else");
}


/* Each way to say SELF and BELOW of a name, in each order. */

static void
bits(void)
{
    set_t     set;
    unsigned  first, second, both;

    for (first = 0; first <= 3; first++) {
        for (second = 1; second <= 3; second++) {

            set_init(&set, 3, slots(3));
            set_add(&set, "b.example", KAIRO_DOMAINS_SELF);

            if (first) {
                set_add(&set, "example.com", first);
            }

            set_add(&set, "com.example", KAIRO_DOMAINS_BELOW);
            set_add(&set, "example.com", second);

            both = first | second;

            expect(has(&set.domains, "example.com")
                   == !!(both & KAIRO_DOMAINS_SELF), "%u, %u: itself", first,
                   second);
            expect(has(&set.domains, "www.example.com")
                   == !!(both & KAIRO_DOMAINS_BELOW), "%u, %u: below", first,
                   second);
            expect(has(&set.domains, "a.b.c.example.com")
                   == !!(both & KAIRO_DOMAINS_BELOW), "%u, %u: far below",
                   first, second);
            expect(!has(&set.domains, "com"), "%u, %u: above", first, second);
            expect(!has(&set.domains, "wwwexample.com"), "%u, %u: beside",
                   first, second);

            set_free(&set);
        }
    }

    verdict("a name for itself, for those below it, and for both");
}


/* The slot that a name would have, without a word of how it is found. */

static kairo_domains_slot_t
where(const char *name, size_t nslots, size_t *at)
{
    static unsigned char         text[KAIRO_DOMAINS_ROOM];
    static kairo_domains_slot_t  all[2 * CROWD];

    size_t                i;
    kairo_domains_t       one;
    kairo_domains_slot_t  slot;

    memset(&one, 0, sizeof(one));

    one.slots = all;
    one.nslots = nslots;
    one.text = text;

    kairo_domains_add(&one, span(name), KAIRO_DOMAINS_SELF);

    for (i = 0; all[i].at == 0; i++) { /* void */ }

    *at = i;
    slot = all[i];
    memset(&all[i], 0, sizeof(all[i]));

    return slot;
}


/* All in the last two, so that the search for a free one goes round the end */

static void
crowd(void)
{
    char    name[KAIRO_NAME_MAX + 1];
    size_t  i, at;
    set_t   set;

    set_init(&set, CROWD, 2 * CROWD);

    for (i = 0; set.n < CROWD; i++) {

        snprintf(name, sizeof(name), "n%u.example", (unsigned) i);

        (void) where(name, 2 * CROWD, &at);

        if (at >= 2 * CROWD - 2) {
            set_add(&set, name, draw_what());
        }
    }

    expect(set.domains.slots[0].at && set.domains.slots[CROWD - 3].at,
           "they are not crowded");

    for (i = 0; i < CROWD; i++) {
        expect_family(&set, set.name[i]);
    }

    for (i = 0; i < 4000; i++) {
        snprintf(name, sizeof(name), "n%u.example", (unsigned) i);
        expect_same(&set, name);
    }

    set_free(&set);

    verdict("%u names of two slots", CROWD);
}


typedef struct {
    uint32_t  hash;
    uint32_t  number;
} birthday_t;


static int
compare_birthdays(const void *one, const void *two)
{
    const birthday_t *a = one, *b = two;

    return a->hash != b->hash ? (a->hash < b->hash ? -1 : 1) : 0;
}


static void
birthday_name(char *name, uint64_t number)
{
    number *= 0xbf58476d1ce4e5b9u;
    number = (number ^ number >> 32) * 0x94d049bb133111ebu;

    snprintf(name, KAIRO_NAME_MAX, "%016llx.example",
             (unsigned long long) (number ^ number >> 29));
}


/*
 * Names of one hash, of which 600,000 have some forty pairs: only their text
 * tells them apart.
 */

static void
birthdays(void)
{
    char         name[2][KAIRO_NAME_MAX + 1];
    set_t        set;
    size_t       i, at, other;
    unsigned     pairs, same;
    birthday_t  *all;

    all = calloc(BIRTHDAYS, sizeof(birthday_t));

    for (i = 0; i < BIRTHDAYS; i++) {
        birthday_name(name[0], i);
        all[i].hash = where(name[0], 2, &at).hash;
        all[i].number = (uint32_t) i;
    }

    qsort(all, BIRTHDAYS, sizeof(birthday_t), compare_birthdays);

    pairs = 0;
    same = 0;

    for (i = 1; i < BIRTHDAYS; i++) {

        if (all[i].hash != all[i - 1].hash) {
            continue;
        }

        pairs++;

        birthday_name(name[0], all[i - 1].number);
        birthday_name(name[1], all[i].number);

        set_init(&set, 2, 4);
        set_add(&set, name[0], KAIRO_DOMAINS_BELOW);

        expect_same(&set, name[0]);
        expect_same(&set, name[1]);
        expect_family(&set, name[1]);

        set_add(&set, name[1], KAIRO_DOMAINS_SELF);
        expect(set.domains.n == 2, "\"%s\" is \"%s\"", name[0], name[1]);

        expect_family(&set, name[0]);
        expect_family(&set, name[1]);

        (void) where(name[0], 4, &at);
        (void) where(name[1], 4, &other);
        same += (at == other && strlen(name[0]) == strlen(name[1]));

        set_free(&set);
    }

    expect(same > 3, "%u pairs, %u of one slot and length", pairs, same);

    free(all);

    verdict("names of one hash are two");
}


static void
longest(void)
{
    char    name[KAIRO_NAME_MAX + 1];
    set_t   set;
    size_t  i, n;

    set_init(&set, 2 * KAIRO_NAME_MAX, slots(2 * KAIRO_NAME_MAX));

    for (n = 1; n <= KAIRO_NAME_MAX; n++) {

        /* labels of 63, then of one */

        for (i = 0; i < n; i++) {
            name[i] = i % 64 == 63 && i + 1 < n ? '.' : 'a';
        }

        name[n] = '\0';
        set_add(&set, name, n % 3 + 1);

        for (i = 0; i < n; i++) {
            name[i] = i % 2 == 1 && i + 1 < n ? '.' : 'b';
        }

        set_add(&set, name, (n + 1) % 3 + 1);
    }

    for (i = 0; i < set.n; i++) {

        expect_same(&set, set.name[i]);

        for (n = 1; set.name[i][n]; n++) {
            if (set.name[i][n - 1] == '.') {
                expect_same(&set, set.name[i] + n);
            }
        }
    }

    set_free(&set);

    verdict("names of each length, of the longest labels and the shortest");
}


/* In order, for the names that "large" can't go through from end to end. */

typedef struct {
    char      name[24];
    unsigned  what;
} entry_t;


static int
compare_entries(const void *one, const void *two)
{
    return strcmp(((const entry_t *) one)->name,
                  ((const entry_t *) two)->name);
}


static int
find(const entry_t *entry, size_t n, const char *name)
{
    entry_t         key;
    const char     *p;
    const entry_t  *found;

    for (p = name; p; p = strchr(p, '.')) {

        p += (*p == '.');
        snprintf(key.name, sizeof(key.name), "%s", p);

        found = bsearch(&key, entry, n, sizeof(entry_t), compare_entries);

        if (found && (found->what & (p == name ? KAIRO_DOMAINS_SELF
                                               : KAIRO_DOMAINS_BELOW)))
        {
            return 1;
        }
    }

    return 0;
}


static void
draw_large(char *name)
{
    size_t  i, n, at;

    at = 0;

    for (n = 1 + unit_below(10), i = 0; i < n; i++) {
        name[at++] = (char) ('a' + unit_below(26));
    }

    at += (size_t) sprintf(name + at, ".%c%c", (int) ('a' + unit_below(8)),
                           (int) ('a' + unit_below(26)));

    if (unit_below(2)) {
        sprintf(name + at, ".%c", (int) ('a' + unit_below(4)));
    }
}


static void
large(void)
{
    int               is, wanted;
    char              name[24];
    size_t            i, n;
    entry_t          *entry;
    kairo_domains_t   domains;

    memset(&domains, 0, sizeof(domains));

    domains.nslots = slots(LARGE);
    domains.slots = calloc(domains.nslots, sizeof(kairo_domains_slot_t));
    domains.text = malloc(LARGE * (sizeof(name) + 2));
    entry = calloc(LARGE, sizeof(entry_t));

    for (i = 0; i < LARGE; i++) {
        draw_large(entry[i].name);
        entry[i].what = draw_what();
        kairo_domains_add(&domains, span(entry[i].name), entry[i].what);
    }

    qsort(entry, LARGE, sizeof(entry_t), compare_entries);

    for (n = 0, i = 1; i < LARGE; i++) {
        if (strcmp(entry[i].name, entry[n].name) == 0) {
            entry[n].what |= entry[i].what;

        } else {
            entry[++n] = entry[i];
        }
    }

    n++;

    expect(domains.n == n, "%u names, not %u", (unsigned) domains.n,
           (unsigned) n);

    for (i = 0; i < n + LARGE; i++) {

        if (i < n) {
            memcpy(name, entry[i].name, sizeof(name));

        } else {
            draw_large(name);
        }

        is = has(&domains, name);
        wanted = find(entry, n, name);

        expect(is == wanted, "\"%s\": %d, not %d", name, is, wanted);
    }

    free(entry);
    free(domains.text);
    free(domains.slots);

    verdict("%u names", LARGE);
}


int
main(void)
{
    unit_begin(420);

    small();
    bits();
    crowd();
    birthdays();
    longest();
    large();

    return unit_done();
}
