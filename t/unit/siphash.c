
/*
 * SipHash-1-3 against OpenSSL's SIPHASH with c-rounds 1 and d-rounds 3, the
 * key and the inputs being those of the vectors that the authors publish for
 * 2-4: the key is bytes 00 .. 0f, the input of length n is bytes 00 .. n-1.
 * The first eight bytes are the word, so the vectors begin with length 8.
 */


#include "unit.h"

#include "core/kairo_siphash.h"


#define FIRST  8


static const uint64_t  vectors[] = {
    0x369095118d299a8eull, 0x25a48eb36c063de4ull, 0x79de85ee92ff097full,
    0x70c118c1f94dc352ull, 0x78a384b157b4d9a2ull, 0x306f760c1229ffa7ull,
    0x605aa111c0f95d34ull, 0xd320d86d2a519956ull, 0xcc4fdd1a7d908b66ull,
    0x9cf2689063dbd80cull, 0x8ffc389cb473e63eull, 0xf21f9de58d297d1cull,
    0xc0dc2f46a6cce040ull, 0xb992abfe2b45f844ull, 0x7ffe7b9ba320872eull,
    0x525a0e7fdae6c123ull, 0xf464aeb267349c8cull, 0x45cd5928705b0979ull,
    0x3a3e35e3ca9913a5ull, 0xa91dc74e4ade3b35ull, 0xfb0bed02ef6cd00dull,
    0x88d93cb44ab1e1f4ull, 0x540f11d643c5e663ull, 0x2370dd1f8c21d1bcull,
    0x81157b6c16a7b60dull, 0x4d54b9e57a8ff9bfull, 0x759f12781f2a753eull,
    0xcea1a3bebf186b91ull, 0x2cf508d3ada26206ull, 0xb6101c2da3c33057ull,
    0xb3f47496ae3a36a1ull, 0x626b57547b108392ull, 0xc1d2363299e41531ull,
    0x667cc1923f1ad944ull, 0x65704ffec8138825ull, 0x24f280d1c28949a6ull,
    0xc2ca1cedfaf8876bull, 0xc2164bfc9f042196ull, 0xa16e9c9368b1d623ull,
    0x49fb169c8b5114fdull, 0x9f3143f8df074c46ull, 0xc6fdaf2412cc86b3ull,
    0x7eaf49d10a52098full, 0x1cf313559d292f9aull, 0xc44a30dda2f41f12ull,
    0x36fae98943a71ed0ull, 0x318fb34c73f0bce6ull, 0xa27abf3670a7e980ull,
    0xb4bcc0db243c6d75ull, 0x23f8d852fdb71513ull, 0x8f035f4da67d8a08ull,
    0xd89cd0e5b7e8f148ull, 0xf6f4e6bcf7a644eeull, 0xaec59ad80f1837f2ull,
    0xc3b2f6154b6694e0ull, 0x9d199062b7bbb3a8ull
};


#define COUNT  (sizeof(vectors) / sizeof(vectors[0]))


static const uint64_t  key[2] = {
    0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull
};

static const uint64_t  word = 0x0706050403020100ull;


/* The vector of length n, its bytes in memory of just their size. */

static uint64_t
hash(size_t n)
{
    size_t          i;
    uint64_t        h;
    kairo_span_t    s;
    unsigned char  *p;

    s.n = n - FIRST;
    p = malloc(s.n ? s.n : 1);

    if (p == NULL) {
        exit(2);
    }

    for (i = 0; i < s.n; i++) {
        p[i] = (unsigned char) (FIRST + i);
    }

    s.p = s.n ? p : NULL;
    h = kairo_siphash(key, word, s);

    free(p);

    return h;
}


static void
known(void)
{
    size_t    i;
    uint64_t  h;

    for (i = 0; i < COUNT; i++) {
        h = hash(FIRST + i);

        expect(h == vectors[i], "length %zu: %016llx, expected %016llx",
               FIRST + i, (unsigned long long) h,
               (unsigned long long) vectors[i]);
    }

    verdict("the vectors of 8 to 63 bytes");
}


/* Every bit of the key, of the word and of the text takes part. */

static void
sensitive(void)
{
    unsigned       bit;
    uint64_t       k[2], h;
    kairo_span_t   s;
    unsigned char  text[21];

    memset(text, 'a', sizeof(text));

    s.p = text;
    s.n = sizeof(text);
    h = kairo_siphash(key, word, s);

    for (bit = 0; bit < 128; bit++) {
        memcpy(k, key, sizeof(k));
        k[bit / 64] ^= 1ull << bit % 64;

        expect(kairo_siphash(k, word, s) != h, "bit %u of the key", bit);
    }

    for (bit = 0; bit < 64; bit++) {
        expect(kairo_siphash(key, word ^ 1ull << bit, s) != h,
               "bit %u of the word", bit);
    }

    for (bit = 0; bit < 8 * sizeof(text); bit++) {
        text[bit / 8] ^= (unsigned char) (1u << bit % 8);

        expect(kairo_siphash(key, word, s) != h, "bit %u of the text", bit);

        text[bit / 8] ^= (unsigned char) (1u << bit % 8);
    }

    verdict("every bit of the input takes part");
}


/* A zero at the end is another text, though its word is the same. */

static void
length(void)
{
    static const unsigned char  zero[600];

    size_t        n;
    uint64_t      h;
    kairo_span_t  s;

    for (n = 0; n < sizeof(zero); n++) {
        s.p = zero;
        s.n = n;
        h = kairo_siphash(key, 0, s);

        s.n = n + 1 < sizeof(zero) ? n + 1 : 0;
        expect(kairo_siphash(key, 0, s) != h, "%zu zeroes", n);
    }

    verdict("the length takes part");
}


int
main(void)
{
    unit_begin(0);

    known();
    sensitive();
    length();

    return unit_done();
}
