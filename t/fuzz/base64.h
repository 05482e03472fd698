
/*
 * Base64url by a table and three bytes at a time: what the harnesses hold
 * against the reader that they test.
 */


#ifndef BASE64_H_INCLUDED
#define BASE64_H_INCLUDED


#include "fuzz.h"


static const char  base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


/* "text" has room for 4 characters for each 3 bytes begun; its length. */

static size_t __attribute__ ((unused))
base64_encode(unsigned char *text, const unsigned char *bytes, size_t n)
{
    size_t          i;
    unsigned long   word;
    unsigned char  *p;

    p = text;

    for (i = 0; i < n; i += 3) {

        word = (unsigned long) bytes[i] << 16;
        word |= i + 1 < n ? (unsigned long) bytes[i + 1] << 8 : 0;
        word |= i + 2 < n ? bytes[i + 2] : 0;

        *p++ = (unsigned char) base64_alphabet[word >> 18];
        *p++ = (unsigned char) base64_alphabet[word >> 12 & 63];

        if (i + 1 < n) {
            *p++ = (unsigned char) base64_alphabet[word >> 6 & 63];
        }

        if (i + 2 < n) {
            *p++ = (unsigned char) base64_alphabet[word & 63];
        }
    }

    return (size_t) (p - text);
}


#endif /* BASE64_H_INCLUDED */
