
#include "libs/kairo_alg.h"


typedef struct {
    const char  *name;
    const char  *digest;
    size_t       size;
} kairo_alg_row_t;


/* in the order of kairo_alg_t */

static const kairo_alg_row_t  kairo_algs[] = {
    { "HS256", "SHA256", 32 }, { "HS384", "SHA384", 48 },
    { "HS512", "SHA512", 64 },
    { "RS256", "SHA256", 32 }, { "RS384", "SHA384", 48 },
    { "RS512", "SHA512", 64 },
    { "PS256", "SHA256", 32 }, { "PS384", "SHA384", 48 },
    { "PS512", "SHA512", 64 },
    { "ES256", "SHA256", 32 }, { "ES384", "SHA384", 48 },
    { "ES512", "SHA512", 64 },
    { "EdDSA", NULL, 0 },
    { "unknown", NULL, 0 }
};


kairo_alg_t
kairo_alg_find(kairo_span_t name)
{
    int  i;

    for (i = 0; i < KAIRO_ALG_UNKNOWN; i++) {
        if (name.n == strlen(kairo_algs[i].name)
            && memcmp(name.p, kairo_algs[i].name, name.n) == 0)
        {
            break;
        }
    }

    return (kairo_alg_t) i;
}


const char *
kairo_alg_name(kairo_alg_t alg)
{
    return kairo_algs[alg].name;
}


const char *
kairo_alg_digest(kairo_alg_t alg)
{
    return kairo_algs[alg].digest;
}


size_t
kairo_alg_hash_size(kairo_alg_t alg)
{
    return kairo_algs[alg].size;
}


kairo_span_t
kairo_alg_secret(kairo_span_t text)
{
    text.n -= text.n && text.p[text.n - 1] == '\n';
    text.n -= text.n && text.p[text.n - 1] == '\r';

    return text;
}
