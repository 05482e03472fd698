
/*
 * What one process knows by heart: never anything that was not put in, and
 * never for another text or word.
 */


#include "unit.h"

#include "core/kairo_memo.h"


#define SLOTS  16
#define SIZE   (64 + SLOTS * KAIRO_MEMO_SLOT)
#define TEXTS  64


static const uint64_t  secret[2] = { 1, 2 };


static kairo_span_t
span(const void *p, size_t n)
{
    kairo_span_t  s;

    s.p = p;
    s.n = n;

    return s;
}


static int
knows(const kairo_memo_t *memo, uint64_t word, kairo_span_t text,
    kairo_span_t wanted)
{
    kairo_span_t  known;

    known = kairo_memo_get(memo, word, text);

    return known.n == wanted.n
           && (known.n == 0 || memcmp(known.p, wanted.p, wanted.n) == 0);
}


static void
one(void)
{
    void          *mem;
    kairo_memo_t  *memo;
    kairo_span_t   text, known, none;

    mem = calloc(1, SIZE);
    memo = kairo_memo_init(mem, SIZE, secret);

    text = span("text", 4);
    known = span("known of it", 11);
    none = span(NULL, 0);

    ok(knows(memo, 7, text, none), "nothing at first");
    kairo_memo_put(memo, 7, text, known);
    ok(knows(memo, 7, text, known), "what was put in");
    ok(knows(memo, 8, text, none), "not for another word");
    ok(knows(memo, 7, span("texs", 4), none), "nor for another text");
    ok(knows(memo, 7, span("tex", 3), none), "or a shorter one");
    ok(knows(memo, 7, span("textk", 5), none),
       "or one with what is known behind it");

    kairo_memo_put(memo, 7, text, span("more", 4));
    ok(knows(memo, 7, text, span("more", 4)), "the later one holds");

    kairo_memo_put(memo, 7, text, none);
    ok(knows(memo, 7, text, span("more", 4)), "nothing is not put in");

    free(mem);
}


static void
sizes(void)
{
    size_t          n;
    void           *mem;
    kairo_memo_t   *memo;
    unsigned char  *bytes;

    mem = malloc(KAIRO_MEMO_SLOT);
    ok(kairo_memo_init(mem, KAIRO_MEMO_SLOT, secret) == NULL,
       "too little memory");
    free(mem);

    mem = calloc(1, SIZE);
    memo = kairo_memo_init(mem, SIZE, secret);
    bytes = malloc(KAIRO_MEMO_TEXT + 1);
    memset(bytes, 'x', KAIRO_MEMO_TEXT + 1);

    for (n = 1; n < KAIRO_MEMO_TEXT + 1; n++) {
        kairo_memo_put(memo, 1, span(bytes, n),
                       span(bytes, KAIRO_MEMO_TEXT - n));
        expect(knows(memo, 1, span(bytes, n),
                     span(bytes, KAIRO_MEMO_TEXT - n)),
               "%zu bytes are not known", n);

        kairo_memo_put(memo, 2, span(bytes, n),
                       span(bytes, KAIRO_MEMO_TEXT - n + 1));
        expect(knows(memo, 2, span(bytes, n), span(NULL, 0)),
               "one too many of %zu is known", n);
    }

    verdict("what fits into a slot, and what does not");

    free(bytes);
    free(mem);
}


/* Against a list of the last that was put in for each text. */

static void
many(void)
{
    void           *mem;
    unsigned        i, text, found;
    uint64_t        value[TEXTS][2];
    kairo_span_t    known;
    kairo_memo_t   *memo;
    unsigned char   name[TEXTS][40];

    mem = calloc(1, SIZE);
    memo = kairo_memo_init(mem, SIZE, secret);

    memset(value, 0, sizeof(value));
    found = 0;

    for (i = 0; i < TEXTS; i++) {
        memset(name[i], 'n', sizeof(name[i]));
        name[i][39] = (unsigned char) i;
    }

    for (i = 0; i < 100000; i++) {

        text = (unsigned) (unit_draw() % TEXTS);

        if (unit_draw() % 4 == 0) {
            value[text][i & 1] = i + 1;
            kairo_memo_put(memo, i & 1, span(name[text], 40),
                           span(&value[text][i & 1], 8));
            continue;
        }

        known = kairo_memo_get(memo, i & 1, span(name[text], 40));

        if (known.n) {
            expect(known.n == 8
                   && memcmp(known.p, &value[text][i & 1], 8) == 0,
                   "text %u has another's", text);
            found++;
        }
    }

    verdict("many texts in few places");
    ok(found > 1000, "%u of them were known", found);

    free(mem);
}


int
main(void)
{
    unit_begin(5);

    one();
    sizes();
    many();

    return unit_done();
}
