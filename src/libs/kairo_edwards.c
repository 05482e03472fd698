
#include <stdlib.h>

#include <openssl/bn.h>

#include "libs/kairo_edwards.h"


/*
 * The curve a x^2 + y^2 = 1 + d x^2 y^2, where a and d are fractions of one
 * denominator (RFC 8032, sections 5.1 and 5.2).
 */

typedef struct {
    const char  *field;       /* the prime, in hexadecimal */
    long         a;
    long         d;
    long         below;
    size_t       size;        /* of a key */
    int          cofactor;
} kairo_edwards_t;


static const kairo_edwards_t  kairo_ed25519 = {
    "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFED",
    -121666, -121665, 121666, 32, 8
};

static const kairo_edwards_t  kairo_ed448 = {
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE"
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
    1, -39081, 1, 57, 4
};


static int kairo_edwards_is_sound(const kairo_edwards_t *curve,
    const BIGNUM *y, const BIGNUM *p, BN_CTX *ctx);
static int kairo_edwards_linear(BIGNUM *r, long c, long k, const BIGNUM *z);


int
kairo_edwards_check(const EVP_PKEY *pkey)
{
    int                     sound;
    size_t                  n;
    BIGNUM                 *y, *p;
    BN_CTX                 *ctx;
    unsigned char           raw[57];
    const kairo_edwards_t  *curve;

    curve = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED448 ? &kairo_ed448
                                                         : &kairo_ed25519;
    n = sizeof(raw);

    if (EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1 || n != curve->size) {
        return 0;
    }

    /* the sign of x; what is left is y, with its last byte first */

    raw[n - 1] &= 0x7f;

    p = NULL;
    y = BN_lebin2bn(raw, (int) n, NULL);
    ctx = BN_CTX_new();

    sound = y && ctx && BN_hex2bn(&p, curve->field)
            && kairo_edwards_is_sound(curve, y, p, ctx);

    BN_CTX_free(ctx);
    BN_free(p);
    BN_free(y);

    return sound;
}


/*
 * There is an x where x^2 (a - d y^2) = 1 - y^2.  The points of order 1 and 2
 * have y^2 = 1, those of order 4 y = 0, and those of order 8, twice which is
 * one of order 4, d y^4 + 2 y^2 = 1 where a is -1.
 */

static int
kairo_edwards_is_sound(const kairo_edwards_t *curve, const BIGNUM *y,
    const BIGNUM *p, BN_CTX *ctx)
{
    int      sound;
    BIGNUM  *square, *left, *right, *product;

    if (BN_cmp(y, p) >= 0 || BN_is_zero(y)) {
        return 0;
    }

    BN_CTX_start(ctx);

    square = BN_CTX_get(ctx);
    left = BN_CTX_get(ctx);
    right = BN_CTX_get(ctx);
    product = BN_CTX_get(ctx);

    /* times the denominator squared, which is a square */

    sound = product && BN_mod_sqr(square, y, p, ctx)
            && kairo_edwards_linear(left, 1, -1, square)
            && kairo_edwards_linear(right, curve->a, -curve->d, square)
            && BN_mod_mul(product, left, right, p, ctx)
            && BN_mul_word(product, (BN_ULONG) curve->below)
            && !BN_is_zero(left)
            && BN_kronecker(product, p, ctx) == 1;

    if (sound && curve->cofactor == 8) {

        sound = kairo_edwards_linear(right, 2 * curve->below, curve->d,
                                     square)
                && BN_mod_mul(product, right, square, p, ctx)
                && BN_sub_word(product, (BN_ULONG) curve->below)
                && BN_mod(left, product, p, ctx)
                && !BN_is_zero(left);
    }

    BN_CTX_end(ctx);

    return sound;
}


/* r = c + k z */

static int
kairo_edwards_linear(BIGNUM *r, long c, long k, const BIGNUM *z)
{
    if (BN_copy(r, z) == NULL || !BN_mul_word(r, (BN_ULONG) labs(k))) {
        return 0;
    }

    BN_set_negative(r, k < 0);

    return c < 0 ? BN_sub_word(r, (BN_ULONG) -c)
                 : BN_add_word(r, (BN_ULONG) c);
}
