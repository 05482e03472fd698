
#include "core/kairo_cache.h"
#include "core/kairo_siphash.h"


#define KAIRO_CACHE_WAYS   8


/*
 * A slot is read and written word by word, so that no two processes race in
 * the sense of C; what they have of each other's is for the hash to find out.
 */

typedef struct {
    uint64_t  used;          /* not part of what is hashed */
    uint64_t  hash;
    uint64_t  length;
    uint64_t  digest[KAIRO_CACHE_DIGEST / 8];
    uint64_t  data[KAIRO_CACHE_DATA / 8];
} kairo_record_t;


struct kairo_cache_s {
    uint64_t        sets;
    uint64_t        reserved[7];
    /* kairo_record_t  records[sets * KAIRO_CACHE_WAYS]; */
};


#define kairo_cache_records(c)  ((kairo_record_t *) ((c) + 1))

/* the i-th in which a digest is looked for: each has one of its own first */

#define kairo_cache_way(set, digest, i)                                       \
    ((set) + ((digest)[1] ^ (i)) % KAIRO_CACHE_WAYS)

#define kairo_get(p)     __atomic_load_n(p, __ATOMIC_RELAXED)
#define kairo_set(p, v)  __atomic_store_n(p, v, __ATOMIC_RELAXED)


static kairo_record_t *kairo_cache_set(kairo_cache_t *cache,
    const uint64_t *digest);
static int kairo_cache_holds(const kairo_record_t *record,
    const uint64_t *digest);
static uint64_t kairo_cache_hash(const uint64_t secret[2],
    const kairo_record_t *record);
static uint64_t kairo_cache_words(uint64_t length);


kairo_cache_t *
kairo_cache_init(void *mem, size_t size)
{
    kairo_cache_t  *cache = mem;

    if (size < sizeof(kairo_cache_t)
               + KAIRO_CACHE_WAYS * sizeof(kairo_record_t))
    {
        return NULL;
    }

    cache->sets = (size - sizeof(kairo_cache_t))
                  / (KAIRO_CACHE_WAYS * sizeof(kairo_record_t));

    return cache;
}


uint64_t
kairo_cache_capacity(const kairo_cache_t *cache)
{
    return cache->sets * KAIRO_CACHE_WAYS;
}


size_t
kairo_cache_get(kairo_cache_t *cache, const uint64_t secret[2],
    const unsigned char *digest, uint64_t now, unsigned char *data)
{
    uint64_t         i, key[KAIRO_CACHE_DIGEST / 8];
    kairo_record_t  *set, *record, copy;

    memcpy(key, digest, sizeof(key));
    set = kairo_cache_set(cache, key);

    record = NULL;

    for (i = 0; i < KAIRO_CACHE_WAYS && record == NULL; i++) {
        if (kairo_cache_holds(kairo_cache_way(set, key, i), key)) {
            record = kairo_cache_way(set, key, i);
        }
    }

    if (record == NULL) {
        return 0;
    }

    copy.hash = kairo_get(&record->hash);
    copy.length = kairo_get(&record->length);
    memcpy(copy.digest, key, sizeof(key));

    if (copy.length == 0 || copy.length > KAIRO_CACHE_DATA) {
        return 0;
    }

    for (i = 0; i < kairo_cache_words(copy.length); i++) {
        copy.data[i] = kairo_get(&record->data[i]);
    }

    if (kairo_cache_hash(secret, &copy) != copy.hash) {
        return 0;
    }

    /* a line that all read should not be passed around for each of them */

    if (kairo_get(&record->used) != now) {
        kairo_set(&record->used, now);
    }

    memcpy(data, copy.data, copy.length);

    return copy.length;
}


void
kairo_cache_put(kairo_cache_t *cache, const uint64_t secret[2],
    const unsigned char *digest, uint64_t now, kairo_span_t data)
{
    uint64_t         i;
    kairo_record_t  *set, *slot, *way, new;

    if (data.n == 0 || data.n > KAIRO_CACHE_DATA) {
        return;
    }

    memcpy(new.digest, digest, sizeof(new.digest));

    /* what is left over of the last word is hashed too */

    new.data[kairo_cache_words(data.n) - 1] = 0;
    memcpy(new.data, data.p, data.n);
    new.length = data.n;
    new.hash = kairo_cache_hash(secret, &new);

    set = kairo_cache_set(cache, new.digest);
    slot = kairo_cache_way(set, new.digest, 0);

    for (i = 0; i < KAIRO_CACHE_WAYS; i++) {

        way = kairo_cache_way(set, new.digest, i);

        if (kairo_cache_holds(way, new.digest)) {
            slot = way;
            break;
        }

        if (kairo_get(&way->used) < kairo_get(&slot->used)) {
            slot = way;
        }
    }

    kairo_set(&slot->used, now);
    kairo_set(&slot->hash, new.hash);
    kairo_set(&slot->length, new.length);

    for (i = 0; i < KAIRO_CACHE_DIGEST / 8; i++) {
        kairo_set(&slot->digest[i], new.digest[i]);
    }

    for (i = 0; i < kairo_cache_words(new.length); i++) {
        kairo_set(&slot->data[i], new.data[i]);
    }
}


/* The digest is one of a keyed hash function: any part of it will do. */

static kairo_record_t *
kairo_cache_set(kairo_cache_t *cache, const uint64_t *digest)
{
    uint64_t  n;

    n = (uint64_t) (((unsigned __int128) digest[0] * cache->sets) >> 64);

    return kairo_cache_records(cache) + n * KAIRO_CACHE_WAYS;
}


static int
kairo_cache_holds(const kairo_record_t *record, const uint64_t *digest)
{
    int  i;

    for (i = 0; i < KAIRO_CACHE_DIGEST / 8; i++) {
        if (kairo_get(&record->digest[i]) != digest[i]) {
            return 0;
        }
    }

    return 1;
}


static uint64_t
kairo_cache_hash(const uint64_t secret[2], const kairo_record_t *record)
{
    kairo_span_t  s;

    s.p = (const unsigned char *) record->digest;
    s.n = KAIRO_CACHE_DIGEST + 8 * kairo_cache_words(record->length);

    return kairo_siphash(secret, record->length, s);
}


static uint64_t
kairo_cache_words(uint64_t length)
{
    return (length + 7) / 8;
}
