/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c - see hash.h. SipHash: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF"
 * (2012); the variant with one round a word and three at the end is what CPython uses for its own
 * dicts. */
#include "base/hash.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static uint64_t key[2];

static void draw_key(void)
{
    if (getrandom(key, sizeof key, 0) == (ssize_t)sizeof key)
        return;
    /* No random device: rather a key that can be guessed with work than none. */
    key[0] = (uint64_t)time(NULL) ^ ((uint64_t)getpid() << 32);
    key[1] = (uint64_t)clock() ^ (uint64_t)(uintptr_t)&key_once;
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static inline void sip_start(struct sip *s)
{
    (void)pthread_once(&key_once, draw_key); /* cannot fail with these arguments */
    s->v0 = key[0] ^ 0x736f6d6570736575u;
    s->v1 = key[1] ^ 0x646f72616e646f6du;
    s->v2 = key[0] ^ 0x6c7967656e657261u;
    s->v3 = key[1] ^ 0x7465646279746573u;
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

static inline uint64_t sip_end(struct sip *s)
{
    s->v2 ^= 0xff;
    sip_round(s);
    sip_round(s);
    sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t hash_bytes(uint64_t domain, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t word, last = (uint64_t)len << 56;
    size_t whole = len & ~(size_t)7;
    struct sip s;

    sip_start(&s);
    sip_word(&s, domain);
    for (size_t i = 0; i < whole; i += 8) {
        memcpy(&word, p + i, 8);
        sip_word(&s, word);
    }
    for (size_t i = whole; i < len; i++)
        last |= (uint64_t)p[i] << (8 * (i - whole));
    sip_word(&s, last);
    return sip_end(&s);
}

uint64_t hash_pair(uint64_t a, uint64_t b)
{
    struct sip s;

    sip_start(&s);
    sip_word(&s, a);
    sip_word(&s, b);
    return sip_end(&s);
}
