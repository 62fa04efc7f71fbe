/* SPDX-License-Identifier: Apache-2.0 */
/* auth.c - the HMAC challenge, see auth.h.
 *
 * Two dialects share one conversation. The old one (Python up to 3.11) challenges with 20 random
 * bytes and knows HMAC-MD5 only; the new one puts `{digest}` before its random bytes and before its
 * answers. Three rules make them meet:
 *
 *   1. A message of exactly 20 bytes, an answer of exactly 16, is old, whatever its first byte: in
 *      random data it is `{` once in 256.
 *   2. The MAC covers the whole message, `{digest}` included, so nobody between can change the
 *      digest.
 *   3. The verifier decides by the answer: an old peer answers our new challenge in the old way. */
#include "wire/auth.h"

#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "wire/frame.h"

static const char challenge_word[] = "#CHALLENGE#";
static const char welcome_word[] = "#WELCOME#";
static const char failure_word[] = "#FAILURE#";
static const char own_prefix[] = "{sha256}";

enum {
    OLD_MESSAGE = 20, /* bytes; also the least that any message may have */
    OLD_ANSWER = 16,
    MAX_MAC = 48, /* sha384 */
    MAX_NAME = 8, /* of a digest */
    OWN_MESSAGE = 48,
};

/* Where in the conversation, by what the peer must send next. */
enum stage { STAGE_UNSTARTED, STAGE_CHALLENGE, STAGE_VERDICT, STAGE_ANSWER, STAGE_OVER };

struct digest {
    const char *name;    /* in braces */
    const char *openssl; /* for EVP_Q_mac() */
    size_t mac_bytes;
};

/* What Python 3.12 and newer allow between the braces. */
static const struct digest digests[] = {
    {"md5", "MD5", 16},           {"sha256", "SHA256", 32},     {"sha384", "SHA384", 48},
    {"sha3_256", "SHA3-256", 32}, {"sha3_384", "SHA3-384", 48},
};
static const struct digest *const md5 = &digests[0];

/* The digest that `{name}` at the start of `bytes` asks for, and the length of that prefix; NULL if
 * there is no such prefix or nobody knows the name. */
static const struct digest *parse_prefix(const uint8_t *bytes, size_t len, size_t *out_len)
{
    const uint8_t *close;
    size_t name_len;

    if (len < 2 || bytes[0] != '{')
        return NULL;
    close = memchr(bytes + 1, '}', len - 1 < MAX_NAME + 1 ? len - 1 : MAX_NAME + 1);
    if (!close)
        return NULL;
    name_len = (size_t)(close - bytes) - 1;
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        if (strlen(digests[i].name) == name_len &&
            memcmp(digests[i].name, bytes + 1, name_len) == 0) {
            *out_len = name_len + 2;
            return &digests[i];
        }
    }
    return NULL;
}

static bool compute_mac(const struct auth *a, const struct digest *d, const uint8_t *message,
                        size_t len, uint8_t out[MAX_MAC])
{
    /* OpenSSL takes a NULL key for "the one set before"; an empty key is a real one here. */
    const void *key = a->key_len ? a->key : "";
    size_t mac_len = 0;

    return EVP_Q_mac(NULL, "HMAC", NULL, d->openssl, NULL, key, a->key_len, message, len, out,
                     MAX_MAC, &mac_len) &&
           mac_len == d->mac_bytes;
}

static enum platoon_status no_digest(const struct digest *d, struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_EAUTH,
                        "this machine's OpenSSL refuses HMAC-%s, which the peer needs%s", d->name,
                        d == md5 ? " (FIPS mode? Python 3.12 and newer can do without MD5)" : "");
}

static void put_frame(struct auth_out *out, const void *body, size_t len)
{
    out->len += frame_put_header(out->bytes + out->len, len);
    memcpy(out->bytes + out->len, body, len);
    out->len += len;
}

static void put_word(struct auth_out *out, const char *word)
{
    put_frame(out, word, strlen(word));
}

static bool is_word(const uint8_t *body, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(body, word, len) == 0;
}

static const char *peer_name(const struct auth *a)
{
    return a->role == AUTH_SERVER ? "the client" : "the server";
}

/* Send our own challenge. */
static bool challenge(struct auth *a, struct auth_out *out)
{
    uint8_t body[sizeof challenge_word - 1 + OWN_MESSAGE];
    const size_t prefix = sizeof own_prefix - 1;

    memcpy(a->challenge, own_prefix, prefix);
    /* Never short and never interrupted for so few bytes; waits only in the first second of a boot.
     */
    if (getrandom(a->challenge + prefix, OWN_MESSAGE - prefix, 0) !=
        (ssize_t)(OWN_MESSAGE - prefix))
        return false;
    memcpy(body, challenge_word, sizeof challenge_word - 1);
    memcpy(body + sizeof challenge_word - 1, a->challenge, OWN_MESSAGE);
    put_frame(out, body, sizeof body);
    a->stage = STAGE_ANSWER;
    return true;
}

/* Answer the peer's challenge. */
static enum platoon_status answer(struct auth *a, const uint8_t *body, size_t len,
                                  struct auth_out *out, struct platoon_err *err)
{
    const size_t word = sizeof challenge_word - 1;
    const struct digest *d = md5;
    const uint8_t *message;
    size_t message_len;
    uint8_t reply[MAX_NAME + 2 + MAX_MAC];
    size_t prefix = 0;

    if (len < word || memcmp(body, challenge_word, word) != 0)
        return platoon_fail(err, PLATOON_EPROTO,
                            "%s sent something else where its authentication challenge was due: it "
                            "does not speak the manager protocol",
                            peer_name(a));
    message = body + word;
    message_len = len - word;
    if (message_len < OLD_MESSAGE)
        return platoon_fail(err, PLATOON_EPROTO,
                            "%s sent an authentication challenge of %zu bytes; at least %d are "
                            "needed to be safe",
                            peer_name(a), message_len, OLD_MESSAGE);
    if (message_len != OLD_MESSAGE) {
        d = parse_prefix(message, message_len, &prefix);
        if (!d)
            return platoon_fail(
                err, PLATOON_EPROTO,
                "%s asked for a digest that is not md5, sha256, sha384, sha3_256 or "
                "sha3_384",
                peer_name(a));
    }
    if (d == md5 && a->sha256_only)
        return platoon_fail(err, PLATOON_EAUTH,
                            "%s authenticates with MD5 only (Python 3.11 or older), and this side "
                            "was told to accept SHA-256 or better",
                            peer_name(a));
    memcpy(reply, message, prefix);
    if (!compute_mac(a, d, message, message_len, reply + prefix))
        return no_digest(d, err);
    put_frame(out, reply, prefix + d->mac_bytes);
    a->stage = STAGE_VERDICT;
    return PLATOON_OK;
}

/* Is this the right answer to our challenge? */
static enum platoon_status verify(struct auth *a, const uint8_t *body, size_t len,
                                  struct platoon_err *err)
{
    const struct digest *d = md5;
    uint8_t expected[MAX_MAC];
    size_t prefix = 0;
    bool is_right;

    if (len != OLD_ANSWER) {
        d = parse_prefix(body, len, &prefix);
        if (!d || len - prefix != d->mac_bytes)
            return platoon_fail(err, PLATOON_EPROTO,
                                "%s sent no answer to the authentication challenge but %zu bytes "
                                "of something else",
                                peer_name(a), len);
    }
    if (d == md5 && a->sha256_only)
        return platoon_fail(err, PLATOON_EAUTH,
                            "%s proved itself with MD5 only (Python 3.11 or older), and this side "
                            "was told to accept SHA-256 or better",
                            peer_name(a));
    if (!compute_mac(a, d, a->challenge, OWN_MESSAGE, expected))
        return no_digest(d, err);
    is_right = CRYPTO_memcmp(expected, body + prefix, d->mac_bytes) == 0;
    OPENSSL_cleanse(expected, sizeof expected);
    if (!is_right)
        return platoon_fail(err, PLATOON_EAUTH, "%s has another authkey than this side",
                            peer_name(a));
    a->peer_digest = d->name;
    return PLATOON_OK;
}

/* Did the peer like our answer? */
static enum platoon_status read_verdict(struct auth *a, const uint8_t *body, size_t len,
                                        struct platoon_err *err)
{
    if (is_word(body, len, welcome_word))
        return PLATOON_OK;
    if (is_word(body, len, failure_word))
        return platoon_fail(err, PLATOON_EAUTH,
                            "%s refused this side's authkey: the two keys differ", peer_name(a));
    return platoon_fail(err, PLATOON_EPROTO,
                        "%s sent neither #WELCOME# nor #FAILURE# where one of them was due",
                        peer_name(a));
}

static enum auth_step failed(struct auth *a)
{
    a->stage = STAGE_OVER;
    return AUTH_FAILED;
}

void auth_init(struct auth *a, enum auth_role role, const void *key, size_t key_len,
               bool sha256_only)
{
    memset(a, 0, sizeof *a);
    a->role = role;
    a->key = key;
    a->key_len = key_len;
    a->sha256_only = sha256_only;
    a->stage = STAGE_UNSTARTED;
}

enum auth_step auth_start(struct auth *a, struct auth_out *out)
{
    out->len = 0;
    if (a->role == AUTH_CLIENT) {
        a->stage = STAGE_CHALLENGE;
        return AUTH_MORE;
    }
    return challenge(a, out) ? AUTH_MORE : failed(a);
}

enum auth_step auth_receive(struct auth *a, const uint8_t *body, size_t len, struct auth_out *out,
                            struct platoon_err *err)
{
    out->len = 0;
    switch ((enum stage)a->stage) {
    case STAGE_CHALLENGE:
        return answer(a, body, len, out, err) == PLATOON_OK ? AUTH_MORE : failed(a);

    case STAGE_VERDICT: /* a server's last step, a client's half way */
        if (read_verdict(a, body, len, err) != PLATOON_OK)
            return failed(a);
        if (a->role == AUTH_SERVER) {
            a->stage = STAGE_OVER;
            return AUTH_OK;
        }
        if (challenge(a, out))
            return AUTH_MORE;
        platoon_fail(err, PLATOON_EIO, "the kernel gave no random bytes for a challenge");
        return failed(a);

    case STAGE_ANSWER: /* a server's half way, a client's last step */
        if (verify(a, body, len, err) != PLATOON_OK) {
            put_word(out, failure_word);
            return failed(a);
        }
        put_word(out, welcome_word);
        if (a->role == AUTH_SERVER) {
            a->stage = STAGE_CHALLENGE;
            return AUTH_MORE;
        }
        a->stage = STAGE_OVER;
        return AUTH_OK;

    case STAGE_UNSTARTED:
    case STAGE_OVER:
        break;
    }
    platoon_fail(err, PLATOON_EPROTO, "%s sent an authentication message where none was due",
                 peer_name(a));
    return failed(a);
}
