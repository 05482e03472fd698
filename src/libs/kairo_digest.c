
#include <openssl/sha.h>

#include "libs/kairo_digest.h"


#pragma GCC diagnostic ignored "-Wdeprecated-declarations"


/*
 * The low-level calls on purpose: EVP looks its implementation up and
 * allocates, which takes as long as the digest of a token.
 */

int
kairo_digest(unsigned char *out, const kairo_span_t *texts, size_t n)
{
    SHA256_CTX  ctx;

    if (!SHA256_Init(&ctx)) {
        return -1;
    }

    for (/* void */; n; n--, texts++) {
        if (!SHA256_Update(&ctx, texts->p, texts->n)) {
            return -1;
        }
    }

    return SHA256_Final(out, &ctx) ? 0 : -1;
}
