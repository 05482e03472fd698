
/*
 * Numbers of 1 to 8 bytes, little endian, at any address.
 */


#ifndef KAIRO_LITTLE_H_INCLUDED
#define KAIRO_LITTLE_H_INCLUDED


#include "core/kairo_span.h"


static inline uint64_t
kairo_little_get(const unsigned char *p, size_t n)
{
    uint64_t  value;

    for (value = 0; n; n--) {
        value = value << 8 | p[n - 1];
    }

    return value;
}


static inline void
kairo_little_put(unsigned char *p, uint64_t value, size_t n)
{
    for ( /* void */ ; n; n--, value >>= 8) {
        *p++ = (unsigned char) value;
    }
}


#endif /* KAIRO_LITTLE_H_INCLUDED */
