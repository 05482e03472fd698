
/*
 * SipHash-2-4 against the vectors that its authors publish: the key is bytes
 * 00 .. 0f, the input of length n is bytes 00 .. n-1.  The first eight bytes
 * are the word, so the vectors begin with length 8.
 */


#include "unit.h"

#include "core/kairo_siphash.h"


#define FIRST  8


static const uint64_t  vectors[] = {
    0x93f5f5799a932462ull, 0x9e0082df0ba9e4b0ull, 0x7a5dbbc594ddb9f3ull,
    0xf4b32f46226bada7ull, 0x751e8fbc860ee5fbull, 0x14ea5627c0843d90ull,
    0xf723ca908e7af2eeull, 0xa129ca6149be45e5ull, 0x3f2acc7f57c29bdbull,
    0x699ae9f52cbe4794ull, 0x4bc1b3f0968dd39cull, 0xbb6dc91da77961bdull,
    0xbed65cf21aa2ee98ull, 0xd0f2cbb02e3b67c7ull, 0x93536795e3a33e88ull,
    0xa80c038ccd5ccec8ull, 0xb8ad50c6f649af94ull, 0xbce192de8a85b8eaull,
    0x17d835b85bbb15f3ull, 0x2f2e6163076bcfadull, 0xde4daaaca71dc9a5ull,
    0xa6a2506687956571ull, 0xad87a3535c49ef28ull, 0x32d892fad841c342ull,
    0x7127512f72f27cceull, 0xa7f32346f95978e3ull, 0x12e0b01abb051238ull,
    0x15e034d40fa197aeull, 0x314dffbe0815a3b4ull, 0x027990f029623981ull,
    0xcadcd4e59ef40c4dull, 0x9abfd8766a33735cull, 0x0e3ea96b5304a7d0ull,
    0xad0c42d6fc585992ull, 0x187306c89bc215a9ull, 0xd4a60abcf3792b95ull,
    0xf935451de4f21df2ull, 0xa9538f0419755787ull, 0xdb9acddff56ca510ull,
    0xd06c98cd5c0975ebull, 0xe612a3cb9ecba951ull, 0xc766e62cfcadaf96ull,
    0xee64435a9752fe72ull, 0xa192d576b245165aull, 0x0a8787bf8ecb74b2ull,
    0x81b3e73d20b49b6full, 0x7fa8220ba3b2eceaull, 0x245731c13ca42499ull,
    0xb78dbfaf3a8d83bdull, 0xea1ad565322a1a0bull, 0x60e61c23a3795013ull,
    0x6606d7e446282b93ull, 0x6ca4ecb15c5f91e1ull, 0x9f626da15c9625f3ull,
    0xe51b38608ef25f57ull, 0x958a324ceb064572ull
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
official(void)
{
    size_t    i;
    uint64_t  h;

    for (i = 0; i < COUNT; i++) {
        h = hash(FIRST + i);

        expect(h == vectors[i], "length %zu: %016llx, expected %016llx",
               FIRST + i, (unsigned long long) h,
               (unsigned long long) vectors[i]);
    }

    verdict("the official vectors of 8 to 63 bytes");
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

    official();
    sensitive();
    length();

    return unit_done();
}
