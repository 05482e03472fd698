
#include "core/kairo_siphash.h"



#define kairo_rotl(x, b)  (((x) << (b)) | ((x) >> (64 - (b))))


typedef struct {
    uint64_t  v0, v1, v2, v3;
} kairo_sip_t;


static inline void
kairo_sip_round(kairo_sip_t *s)
{
    s->v0 += s->v1;
    s->v1 = kairo_rotl(s->v1, 13);
    s->v1 ^= s->v0;
    s->v0 = kairo_rotl(s->v0, 32);

    s->v2 += s->v3;
    s->v3 = kairo_rotl(s->v3, 16);
    s->v3 ^= s->v2;

    s->v0 += s->v3;
    s->v3 = kairo_rotl(s->v3, 21);
    s->v3 ^= s->v0;

    s->v2 += s->v1;
    s->v1 = kairo_rotl(s->v1, 17);
    s->v1 ^= s->v2;
    s->v2 = kairo_rotl(s->v2, 32);
}


static inline void
kairo_sip_word(kairo_sip_t *s, uint64_t m)
{
    s->v3 ^= m;
    kairo_sip_round(s);
    s->v0 ^= m;
}


static inline uint64_t
kairo_sip_load(const unsigned char *p)
{
    uint64_t  m;

    (void) memcpy(&m, p, sizeof(m));

#if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
    m = __builtin_bswap64(m);
#endif

    return m;
}


uint64_t
kairo_siphash(const uint64_t key[2], uint64_t word, kairo_span_t s)
{
    size_t                left;
    uint64_t              last;
    kairo_sip_t           h;
    const unsigned char  *p;

    h.v0 = key[0] ^ 0x736f6d6570736575ull;
    h.v1 = key[1] ^ 0x646f72616e646f6dull;
    h.v2 = key[0] ^ 0x6c7967656e657261ull;
    h.v3 = key[1] ^ 0x7465646279746573ull;

    kairo_sip_word(&h, word);

    p = s.p;

    for (left = s.n; left >= 8; left -= 8, p += 8) {
        kairo_sip_word(&h, kairo_sip_load(p));
    }

    /* the last word carries the length, of both parts, in its top byte */

    last = (uint64_t) (s.n + 8) << 56;

    while (left--) {
        last |= (uint64_t) p[left] << (8 * left);
    }

    kairo_sip_word(&h, last);

    h.v2 ^= 0xff;
    kairo_sip_round(&h);
    kairo_sip_round(&h);
    kairo_sip_round(&h);

    return h.v0 ^ h.v1 ^ h.v2 ^ h.v3;
}
