/* SPDX-License-Identifier: Apache-2.0 */
/* identity.c - see identity.h. What is hashed is written down by hash_value(): kind, length,
 * content, so that no two values give the same bytes. */
#include "campaign/identity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum { MAX_DEPTH = 64, SHA256_BYTES = 32, READ_BYTES = 64 * 1024 };

static void hash_head(EVP_MD_CTX *c, char kind, uint64_t len)
{
    uint8_t head[9] = {(uint8_t)kind};

    for (unsigned i = 0; i < 8; i++)
        head[1 + i] = (uint8_t)(len >> (8 * i));
    (void)EVP_DigestUpdate(c, head, sizeof head); /* SHA-256 has nothing that could fail */
}

static void hash_run(EVP_MD_CTX *c, char kind, const void *data, size_t len)
{
    hash_head(c, kind, len);
    (void)EVP_DigestUpdate(c, data, len);
}

static enum platoon_status hash_value(EVP_MD_CTX *c, const platoon_value *v, int depth);

/* A key with its value. Keys of parameters are text; of others their repr is. */
struct entry {
    const char *key;
    char *repr; /* NULL for text */
    size_t len;
    const platoon_value *child;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    size_t common = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->key, y->key, common);

    if (order)
        return order;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return (x->repr != NULL) - (y->repr != NULL);
}

static bool read_entry(const platoon_value *dict, size_t i, struct entry *e)
{
    platoon_value *key = NULL, *child = NULL;

    (void)platoon_dict_entry(dict, i, &key, &child); /* i is below its length */
    e->child = child;
    e->key = platoon_as_str(key, &e->len);
    if (e->key)
        return true;
    e->key = e->repr = platoon_repr(key);
    e->len = e->key ? strlen(e->key) : 0;
    return e->key != NULL;
}

static enum platoon_status hash_dict(EVP_MD_CTX *c, const platoon_value *v, int depth)
{
    size_t n = platoon_len(v);
    struct entry *entries = calloc(n ? n : 1, sizeof *entries);
    enum platoon_status st = entries ? PLATOON_OK : PLATOON_ENOMEM;

    for (size_t i = 0; st == PLATOON_OK && i < n; i++)
        if (!read_entry(v, i, &entries[i]))
            st = PLATOON_ENOMEM;
    if (st == PLATOON_OK) {
        qsort(entries, n, sizeof *entries, compare_entries);
        hash_head(c, 'd', n);
    }
    for (size_t i = 0; st == PLATOON_OK && i < n; i++) {
        hash_run(c, entries[i].repr ? 'k' : 's', entries[i].key, entries[i].len);
        st = hash_value(c, entries[i].child, depth + 1);
    }
    for (size_t i = 0; entries && i < n; i++)
        free(entries[i].repr);
    free(entries);
    return st;
}

static enum platoon_status hash_sequence(EVP_MD_CTX *c, const platoon_value *v, int depth)
{
    enum platoon_status st = PLATOON_OK;

    hash_head(c, 'l', platoon_len(v)); /* JSON, and so the ledger, knows no tuples */
    for (size_t i = 0; st == PLATOON_OK && i < platoon_len(v); i++)
        st = hash_value(c, platoon_item(v, i), depth + 1);
    return st;
}

static enum platoon_status hash_value(EVP_MD_CTX *c, const platoon_value *v, int depth)
{
    enum platoon_kind kind = platoon_value_kind(v);
    const char *text;
    char *repr;
    size_t len;

    if (depth > MAX_DEPTH)
        return PLATOON_ELIMIT;
    switch (kind) {
    case PLATOON_DICT:
        return hash_dict(c, v, depth);
    case PLATOON_LIST:
    case PLATOON_TUPLE:
        return hash_sequence(c, v, depth);
    case PLATOON_STR:
        text = platoon_as_str(v, &len);
        hash_run(c, 's', text, len);
        return PLATOON_OK;
    default:
        repr = platoon_repr(v);
        if (!repr)
            return PLATOON_ENOMEM;
        hash_run(c, 'r', repr, strlen(repr));
        free(repr);
        return PLATOON_OK;
    }
}

enum platoon_status identity_of(const platoon_value *recipe, const platoon_value *task,
                                struct identity *out)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    uint8_t digest[SHA256_BYTES];
    enum platoon_status st = PLATOON_ENOMEM;

    if (c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1)
        st = hash_value(c, recipe, 0);
    if (st == PLATOON_OK)
        st = hash_value(c, task, 0);
    if (st == PLATOON_OK && EVP_DigestFinal_ex(c, digest, NULL) != 1)
        st = PLATOON_ENOMEM;
    EVP_MD_CTX_free(c);
    if (st != PLATOON_OK)
        return st;
    *out = (struct identity){0};
    for (unsigned i = 0; i < 8; i++) {
        out->high = out->high << 8 | digest[i];
        out->low = out->low << 8 | digest[8 + i];
    }
    return PLATOON_OK;
}

const char *identity_text(const struct identity *id, char out[IDENTITY_TEXT])
{
    (void)snprintf(out, IDENTITY_TEXT, "%016" PRIx64 "%016" PRIx64, id->high, id->low); /* fits */
    return out;
}

bool identity_parse(const char *text, struct identity *out)
{
    uint64_t halves[2] = {0, 0};

    if (!text || strlen(text) != IDENTITY_TEXT - 1)
        return false;
    for (size_t i = 0; i < IDENTITY_TEXT - 1; i++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, text[i]);

        if (!at)
            return false;
        halves[i / 16] = halves[i / 16] << 4 | (uint64_t)(at - digits);
    }
    *out = (struct identity){halves[0], halves[1]};
    return true;
}

enum platoon_status identity_of_file(const char *path, char out[IDENTITY_FILE_TEXT],
                                     struct platoon_err *err)
{
    FILE *f = fopen(path, "re");
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    uint8_t *chunk = malloc(READ_BYTES), digest[SHA256_BYTES];
    enum platoon_status st = PLATOON_OK;
    size_t n;

    if (!f)
        st = platoon_fail(err, errno == ENOENT ? PLATOON_ENOTFOUND : PLATOON_EIO,
                          "cannot read %s: %s", path, strerror(errno));
    else if (!c || !chunk || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1)
        st = platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    while (st == PLATOON_OK && (n = fread(chunk, 1, READ_BYTES, f)) > 0)
        (void)EVP_DigestUpdate(c, chunk, n);
    if (st == PLATOON_OK && ferror(f))
        st = platoon_fail(err, PLATOON_EIO, "cannot read %s: %s", path, strerror(errno));
    if (st == PLATOON_OK) {
        (void)EVP_DigestFinal_ex(c, digest, NULL);
        for (size_t i = 0; i < SHA256_BYTES; i++)
            (void)snprintf(out + 2 * i, 3, "%02x", digest[i]); /* fits */
    }
    if (f)
        fclose(f);
    EVP_MD_CTX_free(c);
    free(chunk);
    return st;
}
