/* SPDX-License-Identifier: Apache-2.0 */
/* input_cache.c - hash while reading; XML is parsed only if it holds a word that leads on. A
 * compressed file is hashed as it is, and unpacked for the words. */
#include "sumo/inputs/input_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sumo/xml_scan.h"
#include "sumo/xml_source.h"

enum { CHUNK_BYTES = 256 << 10, OVERLAP_BYTES = 32 };

/* Elements that name another file, and in which attribute. */
static const struct {
    const char *element, *attribute;
} leads[] = {
    {"include", "href"},
    {"rerouter", "file"},
    {"variableSpeedSign", "file"},
    {"calibrator", "file"},
};
enum { N_LEADS = sizeof leads / sizeof leads[0] };

static void free_known(struct input_known *k)
{
    for (size_t i = 0; k && i < k->n_references; i++)
        free(k->references[i]);
    if (k)
        free(k->references);
    free(k);
}

void input_cache_release(struct input_cache *cache)
{
    for (size_t i = 0; i < cache->n; i++)
        free_known(cache->known[i]);
    free(cache->known);
    *cache = (struct input_cache){0};
}

/* --- identity --------------------------------------------------------------------------------- */

static struct input_identity identity_of(const struct stat *info)
{
    return (struct input_identity){info->st_dev, info->st_ino, info->st_size, info->st_mtim,
                                   info->st_ctim};
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const struct input_identity *a, const struct input_identity *b)
{
    return a->inode == b->inode && a->device == b->device && a->size == b->size &&
           is_same_time(&a->modified, &b->modified) && is_same_time(&a->changed, &b->changed);
}

bool input_is_unchanged(const char *path, const struct input_identity *identity)
{
    struct input_identity now;
    struct stat info;

    if (stat(path, &info) < 0)
        return false;
    now = identity_of(&info);
    return is_same(&now, identity);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Bytes that come in chunks, in which words are looked for. */
struct search {
    char *buffer;  /* the end of the last chunk, then room for one */
    size_t n_kept; /* bytes of the last chunk in it */
    bool leads_on;
};

static bool holds(const char *data, size_t len, const char *word)
{
    return memmem(data, len, word, strlen(word)) != NULL;
}

/* The chunk stands at buffer + n_kept. */
static void search_chunk(struct search *s, size_t n)
{
    size_t len = s->n_kept + n;

    for (size_t i = 0; i < N_LEADS && !s->leads_on; i++)
        s->leads_on = holds(s->buffer, len, leads[i].element);
    s->n_kept = len < OVERLAP_BYTES ? len : OVERLAP_BYTES;
    memmove(s->buffer, s->buffer + len - s->n_kept, s->n_kept);
}

/* Digests the file as it is, and searches it. */
static enum platoon_status read_all(struct search *s, EVP_MD_CTX *digest, int fd, const char *path,
                                    struct platoon_err *err)
{
    for (;;) {
        char *chunk = s->buffer + s->n_kept;
        ssize_t n = read(fd, chunk, CHUNK_BYTES);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return platoon_fail(err, PLATOON_EIO, "%s: %s", path, strerror(errno));
        if (n == 0)
            return PLATOON_OK;
        (void)EVP_DigestUpdate(digest, chunk, (size_t)n); /* SHA-256 cannot fail here */
        search_chunk(s, (size_t)n);
    }
}

/* Searches what a compressed file holds. What cannot be unpacked is SUMO's to complain about, as
 * what is no XML. */
static void search_unpacked(struct search *s, const char *path)
{
    struct xml_source *source;
    size_t n = 1;

    if (xml_source_open(path, XML_SOURCE_MAX_UNPACKED, &source, NULL) != PLATOON_OK)
        return;
    s->n_kept = 0;
    while (xml_source_is_packed(source) && n > 0 && !s->leads_on) {
        if (xml_source_read(source, s->buffer + s->n_kept, CHUNK_BYTES, &n, NULL) != PLATOON_OK)
            break;
        search_chunk(s, n);
    }
    xml_source_close(source);
}

static void write_hex(EVP_MD_CTX *digest, char out[INPUT_SHA256_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    (void)EVP_DigestFinal_ex(digest, raw, &len); /* as above */
    for (unsigned i = 0; i < len && i < INPUT_SHA256_TEXT / 2; i++) {
        out[2 * i] = digits[raw[i] >> 4];
        out[2 * i + 1] = digits[raw[i] & 15];
    }
    out[INPUT_SHA256_TEXT - 1] = '\0';
}

static enum platoon_status hash(struct input_known *k, int fd, const char *path, bool *out_leads_on,
                                struct platoon_err *err)
{
    struct search s = {.buffer = malloc(OVERLAP_BYTES + CHUNK_BYTES)};
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool is_ready = digest && s.buffer && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;
    enum platoon_status st = is_ready
                                 ? read_all(&s, digest, fd, path, err)
                                 : platoon_fail(err, PLATOON_ENOMEM, "no memory to hash %s", path);

    if (is_ready && st == PLATOON_OK) {
        write_hex(digest, k->sha256);
        search_unpacked(&s, path);
    }
    *out_leads_on = s.leads_on;
    EVP_MD_CTX_free(digest);
    free(s.buffer);
    return st;
}

/* --- references ------------------------------------------------------------------------------- */

struct finding {
    struct input_known *known;
    enum platoon_status st;
};

static enum platoon_status add_reference(struct input_known *k, const char *name)
{
    char **grown;

    if (k->n_references == INPUT_MAX_REFERENCES)
        return PLATOON_ELIMIT;
    grown = realloc(k->references, (k->n_references + 1) * sizeof *grown);
    if (!grown)
        return PLATOON_ENOMEM;
    k->references = grown;
    if (!(grown[k->n_references] = strdup(name)))
        return PLATOON_ENOMEM;
    k->n_references++;
    return PLATOON_OK;
}

static bool on_element(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    struct finding *f = arg;

    (void)depth;
    for (size_t i = 0; i < N_LEADS; i++) {
        const char *to = strcmp(name, leads[i].element) == 0
                             ? xml_attribute(attributes, leads[i].attribute)
                             : NULL;

        if (to && *to && (f->st = add_reference(f->known, to)) != PLATOON_OK)
            return false;
    }
    return true;
}

static enum platoon_status find_references(struct input_known *k, const char *path,
                                           struct platoon_err *err)
{
    struct finding f = {.known = k, .st = PLATOON_OK};

    /* What is no XML to its end is SUMO's to complain about. */
    (void)xml_scan(path, on_element, &f, NULL);
    if (f.st != PLATOON_OK)
        return platoon_fail(err, f.st, "%s names too many files", path);
    return PLATOON_OK;
}

/* --- the cache -------------------------------------------------------------------------------- */

static enum platoon_status add(struct input_cache *cache, struct input_known *k,
                               struct platoon_err *err)
{
    if (cache->n == INPUT_CACHE_MAX) /* a campaign with ever new files: begin anew */
        input_cache_release(cache);
    if (cache->n == cache->cap) {
        size_t cap = cache->cap ? cache->cap * 2 : 16;
        struct input_known **grown = realloc(cache->known, cap * sizeof(struct input_known *));

        if (!grown)
            return platoon_fail(err, PLATOON_ENOMEM, "no memory for input files");
        cache->known = grown;
        cache->cap = cap;
    }
    cache->known[cache->n++] = k;
    return PLATOON_OK;
}

static enum platoon_status learn(struct input_cache *cache, int fd, const char *path,
                                 const struct input_identity *identity,
                                 const struct input_known **out, struct platoon_err *err)
{
    struct input_known *k = calloc(1, sizeof *k);
    enum platoon_status st;
    bool leads_on;

    if (!k)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for input files");
    k->identity = *identity;
    st = hash(k, fd, path, &leads_on, err);
    if (st == PLATOON_OK && leads_on)
        st = find_references(k, path, err);
    if (st == PLATOON_OK)
        st = add(cache, k, err);
    if (st == PLATOON_OK)
        *out = k;
    else
        free_known(k);
    return st;
}

enum platoon_status input_cache_get(struct input_cache *cache, const char *path,
                                    const struct input_known **out, struct platoon_err *err)
{
    /* A name that stands for a pipe must not block. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct input_identity identity;
    enum platoon_status st;
    struct stat info;

    if (fd < 0)
        return platoon_fail(err, errno == ENOENT ? PLATOON_ENOTFOUND : PLATOON_EIO, "%s: %s", path,
                            strerror(errno));
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
        (void)close(fd); /* was not even read from */
        return platoon_fail(err, PLATOON_EIO, "%s is no regular file", path);
    }
    identity = identity_of(&info);
    for (size_t i = 0; i < cache->n; i++)
        if (is_same(&cache->known[i]->identity, &identity)) {
            (void)close(fd); /* as above */
            *out = cache->known[i];
            return PLATOON_OK;
        }
    st = learn(cache, fd, path, &identity, out, err);
    (void)close(fd); /* only read from */
    return st;
}
