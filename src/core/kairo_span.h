
/*
 * A run of bytes that belongs to somebody else.
 *
 * core/ is C99 and libc alone: no nginx, no allocation, no I/O, no globals.
 * Time, randomness and memory come in as arguments.
 */


#ifndef KAIRO_SPAN_H_INCLUDED
#define KAIRO_SPAN_H_INCLUDED


#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Every file includes this one, after any header of nginx or of a library:
 * what is declared from here on stays inside the module.  A compiler flag
 * would hide "ngx_modules" too, which nginx looks up by name.
 */

#pragma GCC visibility push(hidden)


typedef struct {
    const unsigned char  *p;    /* not terminated; may be NULL when n is 0 */
    size_t                n;
} kairo_span_t;


#define kairo_span(s)  { (const unsigned char *) s, sizeof(s) - 1 }


/* ASCII only, on purpose: nothing here may depend on a locale. */

static inline unsigned char
kairo_lower(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') ? (unsigned char) (c | 0x20) : c;
}


static inline int
kairo_is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}


#endif /* KAIRO_SPAN_H_INCLUDED */
