
#include "stores/ngx_kairo_keys.h"
#include "core/kairo_siphash.h"


#define NGX_KAIRO_KEYS_MAGIC  0x3173796b6169616bull    /* "kaiakys1" */

#define NGX_KAIRO_KEYS_ZONE   "kairo:keys:"

/* the texts, and what nginx takes of a zone for itself */

#define NGX_KAIRO_KEYS_SIZE                                                   \
    ngx_align(sizeof(ngx_kairo_keys_root_t) * 65 / 64, ngx_pagesize)          \
    + 16 * ngx_pagesize


static ngx_int_t ngx_kairo_keys_load(ngx_conf_t *cf, ngx_kairo_keys_t *keys);
static ngx_int_t ngx_kairo_keys_init(ngx_shm_zone_t *shm_zone, void *data);
static void ngx_kairo_keys_forget(void *data);
static ngx_int_t ngx_kairo_keys_copy(ngx_kairo_keys_t *keys, ngx_str_t *text,
    uint64_t *number);
static ngx_int_t ngx_kairo_keys_update(ngx_kairo_keys_t *keys);
static void ngx_kairo_keys_look(ngx_event_t *ev);
static void ngx_kairo_keys_renew(ngx_kairo_keys_t *keys);
static const char *ngx_kairo_keys_read(const ngx_kairo_keys_t *keys,
    ngx_str_t *text, ngx_file_info_t *fi);


ngx_int_t
ngx_kairo_keys_add(ngx_conf_t *cf, ngx_kairo_keys_t *keys, void *tag)
{
    ngx_str_t            name;
    kairo_span_t         path;
    ngx_pool_cleanup_t  *cln;

    static const uint64_t  key[2] = { 0, 0 };

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_kairo_keys_forget;
    cln->data = keys;

    if (keys->location.len == 0
        && ngx_kairo_keys_load(cf, keys) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (keys->secret.len) {
        /* it has no need to be shared: it stays in the configuration */
        return NGX_OK;
    }

    /* another source is another zone: a reload that fails changes nothing */

    path.p = keys->path.len ? keys->path.data : keys->location.data;
    path.n = keys->path.len + keys->location.len;

    name.data = ngx_pnalloc(cf->pool, sizeof(NGX_KAIRO_KEYS_ZONE)
                                      + keys->name.len + 17);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    name.len = ngx_sprintf(name.data, NGX_KAIRO_KEYS_ZONE "%V:%016xL",
                           &keys->name,
                           kairo_siphash(key, keys->path.len != 0, path))
               - name.data;

    keys->shm_zone = ngx_shared_memory_add(cf, &name, NGX_KAIRO_KEYS_SIZE,
                                           tag);
    if (keys->shm_zone == NULL) {
        return NGX_ERROR;
    }

    keys->shm_zone->init = ngx_kairo_keys_init;
    keys->shm_zone->data = keys;

    return NGX_OK;
}


void
ngx_kairo_keys_watch(ngx_kairo_keys_t *keys, ngx_cycle_t *cycle)
{
    if (keys->path.len == 0) {
        return;
    }

    keys->timer.handler = ngx_kairo_keys_look;
    keys->timer.data = keys;
    keys->timer.log = cycle->log;

    /* a worker that shuts down does not wait for it */

    keys->timer.cancelable = 1;

    ngx_add_timer(&keys->timer, keys->interval);
}


const kairo_keyset_t *
ngx_kairo_keys(ngx_kairo_keys_t *keys)
{
    uint64_t  fetched;

    if (keys->root
        && __atomic_load_n(&keys->root->number, __ATOMIC_ACQUIRE)
           != keys->number
        && ngx_kairo_keys_update(keys) != NGX_OK)
    {
        /* one of the old ones may be a key that was taken away */
        return NULL;
    }

    if (keys->location.len) {

        fetched = __atomic_load_n(&keys->root->fetched, __ATOMIC_RELAXED);

        if (ngx_kairo_now() - fetched > (uint64_t) keys->stale * 1000000) {
            return NULL;
        }
    }

    return keys->set;
}


/* Reads and judges them, so that "nginx -t" tells of keys of no use. */

static ngx_int_t
ngx_kairo_keys_load(ngx_conf_t *cf, ngx_kairo_keys_t *keys)
{
    const char       *wrong;
    ngx_str_t         text;
    ngx_file_info_t   fi;

    text = keys->secret;

    if (keys->path.len) {

        wrong = ngx_kairo_keys_read(keys, &text, &fi);

        if (wrong) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               "keys file \"%V\" of issuer \"%V\": %s",
                               &keys->path, &keys->name, wrong);
            return NGX_ERROR;
        }

        ngx_kairo_stamp(&keys->seen, &fi);
    }

    wrong = ngx_kairo_keys_parse(keys, &text, &keys->set);

    if (keys->set && keys->set->why) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "key %uz of \"%V\" of issuer \"%V\" is left out: "
                           "%s", keys->set->first, &keys->path, &keys->name,
                           keys->set->why);
    }

    keys->text.data = ngx_pnalloc(cf->pool, text.len + 1);

    if (keys->text.data) {
        ngx_memcpy(keys->text.data, text.data, text.len);
        keys->text.len = text.len;
    }

    if (keys->path.len) {
        ngx_free(text.data);
    }

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keys of issuer \"%V\"%s%V%s: %s", &keys->name,
                           keys->path.len ? " in \"" : "", &keys->path,
                           keys->path.len ? "\"" : "", wrong);
        return NGX_ERROR;
    }

    return keys->text.data ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_kairo_keys_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_kairo_keys_t  *old = data;
    ngx_kairo_keys_t  *keys;
    ngx_slab_pool_t   *shpool;

    keys = shm_zone->data;

    if (old) {

        if (old->root->magic != NGX_KAIRO_KEYS_MAGIC) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "kairo keys of issuer \"%V\": the memory is of "
                          "another version, restart nginx", &keys->name);
            return NGX_ERROR;
        }

        keys->root = old->root;

    } else {

        shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

        keys->root = ngx_slab_calloc(shpool, sizeof(ngx_kairo_keys_root_t));
        if (keys->root == NULL) {
            return NGX_ERROR;
        }

        shpool->data = keys->root;
        keys->root->magic = NGX_KAIRO_KEYS_MAGIC;
    }

    if (keys->path.len) {
        ngx_kairo_keys_publish(keys, &keys->text);
        keys->number = keys->root->number;
    }

    return NGX_OK;
}


/* The end of a configuration cycle. */

static void
ngx_kairo_keys_forget(void *data)
{
    ngx_kairo_keys_t *keys = data;

    ngx_kairo_keys_free(keys->set);
    keys->set = NULL;
}


void
ngx_kairo_keys_publish(ngx_kairo_keys_t *keys, const ngx_str_t *text)
{
    uint64_t                next;
    ngx_slab_pool_t        *shpool;
    ngx_kairo_keys_root_t  *root;

    root = keys->root;
    shpool = (ngx_slab_pool_t *) keys->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    next = root->number + 1;

    if (root->number == 0
        || root->length[root->number % 2] != text->len
        || ngx_memcmp(root->text[root->number % 2], text->data, text->len)
           != 0)
    {
        ngx_memcpy(root->text[next % 2], text->data, text->len);
        root->length[next % 2] = text->len;

        __atomic_store_n(&root->number, next, __ATOMIC_RELEASE);
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


static ngx_int_t
ngx_kairo_keys_copy(ngx_kairo_keys_t *keys, ngx_str_t *text, uint64_t *number)
{
    ngx_slab_pool_t        *shpool;
    ngx_kairo_keys_root_t  *root;

    root = keys->root;
    shpool = (ngx_slab_pool_t *) keys->shm_zone->shm.addr;

    text->data = ngx_alloc(KAIRO_KEYSET_TEXT, ngx_cycle->log);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    ngx_shmtx_lock(&shpool->mutex);

    *number = root->number;

    text->len = root->length[*number % 2];
    ngx_memcpy(text->data, root->text[*number % 2], text->len);

    ngx_shmtx_unlock(&shpool->mutex);

    return NGX_OK;
}


/* NGX_ERROR: no memory; whoever asks next tries again. */

static ngx_int_t
ngx_kairo_keys_update(ngx_kairo_keys_t *keys)
{
    uint64_t         number;
    ngx_str_t        text;
    const char      *wrong;
    kairo_keyset_t  *set;

    if (ngx_kairo_keys_copy(keys, &text, &number) != NGX_OK) {
        return NGX_ERROR;
    }

    wrong = ngx_kairo_keys_parse(keys, &text, &set);

    ngx_free(text.data);

    /* it was read before it was published */

    if (wrong) {
        ngx_kairo_keys_free(set);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "kairo auth: the new keys of issuer \"%V\" can't be "
                      "read: %s", &keys->name, wrong);
        return NGX_ERROR;
    }

    ngx_kairo_keys_free(keys->set);

    keys->set = set;
    keys->number = number;

    return NGX_OK;
}


static void
ngx_kairo_keys_look(ngx_event_t *ev)
{
    ngx_kairo_keys_t  *keys;

    keys = ev->data;

    ngx_kairo_keys_renew(keys);

    if (!ngx_exiting && !ngx_quit && !ngx_terminate) {
        ngx_add_timer(&keys->timer, keys->interval);
    }
}


/* Publishes the file's text when the file has changed and is of use. */

static void
ngx_kairo_keys_renew(ngx_kairo_keys_t *keys)
{
    ngx_str_t         text;
    const char       *wrong;
    kairo_keyset_t   *set;
    ngx_file_info_t   fi;

    if (ngx_file_info(keys->path.data, &fi) == NGX_FILE_ERROR) {
        wrong = "it can't be found";
        goto failed;
    }

    if (ngx_kairo_stamped(&keys->seen, &fi)) {
        return;
    }

    wrong = ngx_kairo_keys_read(keys, &text, &fi);

    if (wrong) {
        goto failed;
    }

    wrong = ngx_kairo_keys_parse(keys, &text, &set);

    /* without memory for it nothing is known of it */

    if (set) {
        ngx_kairo_stamp(&keys->seen, &fi);
        keys->wrong = NULL;
    }

    ngx_kairo_keys_free(set);

    if (wrong == NULL) {
        ngx_kairo_keys_publish(keys, &text);
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "kairo auth: keys of issuer \"%V\" are read anew",
                      &keys->name);
    }

    ngx_free(text.data);

    if (wrong == NULL) {
        return;
    }

failed:

    /* once for each content that is bad, and for each other reason */

    if (wrong != keys->wrong) {
        keys->wrong = wrong;
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "kairo auth: keys file \"%V\" of issuer \"%V\" is of no "
                      "use, the old keys stay: %s", &keys->path, &keys->name,
                      wrong);
    }
}


static const char *
ngx_kairo_keys_read(const ngx_kairo_keys_t *keys, ngx_str_t *text,
    ngx_file_info_t *fi)
{
    return ngx_kairo_file_read((char *) keys->path.data, KAIRO_KEYSET_TEXT,
                               "it has more than 256 KiB", text, fi);
}


const char *
ngx_kairo_keys_parse(const ngx_kairo_keys_t *keys, const ngx_str_t *text,
    kairo_keyset_t **set)
{
    kairo_span_t  s;

    *set = ngx_alloc(sizeof(kairo_keyset_t), ngx_cycle->log);
    if (*set == NULL) {
        return "no memory";
    }

    s.p = text->data;
    s.n = text->len;

    if (keys->location.len) {
        /* who answers a fetch may not make himself a secret */
        return kairo_keyset_jwks(*set, s, 0);
    }

    return keys->path.len ? kairo_keyset_file(*set, s, 1)
                          : kairo_keyset_secret(*set, s);
}


void
ngx_kairo_keys_free(kairo_keyset_t *set)
{
    if (set) {
        kairo_keyset_free(set);
        ngx_free(set);
    }
}
