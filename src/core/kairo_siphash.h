
/*
 * SipHash-1-3, a keyed hash: who does not know the key cannot aim two inputs
 * at one place (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012).  The rounds are those that their authors name for hash tables, whose
 * hashes nobody gets to see; it is no signature.
 */


#ifndef KAIRO_SIPHASH_H_INCLUDED
#define KAIRO_SIPHASH_H_INCLUDED


#include "core/kairo_span.h"


/*
 * Hashes eight bytes, "word" in little endian, followed by "s".  The word in
 * front lets a caller bind a number to a text without building a string.
 */

uint64_t kairo_siphash(const uint64_t key[2], uint64_t word, kairo_span_t s);


#endif /* KAIRO_SIPHASH_H_INCLUDED */
