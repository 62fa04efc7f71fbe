/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "support/handshakes.h"
#include "wire/auth.h"
#include "wire/frame.h"

static const char vector_key[] = "vector-key";

/* The body of the only frame in `out`. */
static const uint8_t *only_body(const struct auth_out *out, size_t *out_len)
{
    struct frame f;
    size_t used;

    frame_init(&f, AUTH_MAX_BODY);
    assert_int_equal(frame_feed(&f, out->bytes, out->len, &used, NULL), FRAME_READY);
    assert_int_equal(out->len, used + f.body_bytes);
    *out_len = (size_t)f.body_bytes;
    return out->bytes + used;
}

static void assert_word(const struct auth_out *out, const char *word)
{
    size_t len;
    const uint8_t *body = only_body(out, &len);

    assert_int_equal(len, strlen(word));
    assert_memory_equal(body, word, len);
}

/* An auth that has just sent `challenge` (48 bytes) instead of a random one. */
static void start_with(struct auth *a, bool sha256_only, const uint8_t *challenge)
{
    struct auth_out out;

    auth_init(a, AUTH_SERVER, vector_key, strlen(vector_key), sha256_only);
    assert_int_equal(auth_start(a, &out), AUTH_MORE);
    memcpy(a->challenge, challenge, sizeof a->challenge);
}

static enum auth_step client_answers(const char *key, const void *challenge, size_t len,
                                     bool sha256_only, struct auth_out *out,
                                     struct platoon_err *err)
{
    uint8_t body[AUTH_MAX_BODY] = "#CHALLENGE#";
    struct auth a;

    memcpy(body + 11, challenge, len);
    auth_init(&a, AUTH_CLIENT, key, strlen(key), sha256_only);
    assert_int_equal(auth_start(&a, out), AUTH_MORE);
    assert_int_equal(out->len, 0);
    return auth_receive(&a, body, 11 + len, out, err);
}

/* --- against what stock Pythons sent ------------------------------------------------------- */

TEST(auth_gives_the_answers_that_stock_peers_gave)
{
    size_t n, compared = 0;
    const struct handshake *all = handshakes_load(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        const struct handshake *h = &all[i];

        for (size_t at = 0; at + 1 < h->n_frames; at += 3) { /* challenge, answer, verdict */
            bool by_server = h->frames[at + 1].from == 'S';
            bool is_modern = handshake_is_modern(by_server ? h->server : h->client);
            bool is_old_challenge = h->frames[at].len == 31;
            struct auth_out out;
            struct platoon_err err;
            size_t len;
            const uint8_t *body;

            if (!is_modern && !is_old_challenge)
                continue; /* an old peer answers in its own way, we in the modern one */
            assert_int_equal(client_answers(by_server ? vector_key : h->key,
                                            h->frames[at].body + 11, h->frames[at].len - 11, false,
                                            &out, &err),
                             AUTH_MORE);
            body = only_body(&out, &len);
            assert_int_equal(len, h->frames[at + 1].len);
            assert_memory_equal(body, h->frames[at + 1].body, len);
            compared++;
        }
    }
    assert_true(compared > 30);
}

TEST(auth_judges_recorded_answers_as_the_stock_peer_did)
{
    size_t n, right = 0, wrong = 0;
    const struct handshake *all = handshakes_load(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        const struct handshake *h = &all[i];

        for (size_t at = 0; at + 2 < h->n_frames; at += 3) {
            bool was_welcome = h->frames[at + 2].len == 9 && h->frames[at + 2].body[1] == 'W';
            struct auth_out out;
            struct platoon_err err;
            struct auth a;

            if (h->frames[at].len != 11 + sizeof a.challenge)
                continue; /* only messages of our own length can be put in place of ours */
            start_with(&a, false, h->frames[at].body + 11);
            assert_int_equal(
                auth_receive(&a, h->frames[at + 1].body, h->frames[at + 1].len, &out, &err),
                was_welcome ? AUTH_MORE : AUTH_FAILED);
            assert_word(&out, was_welcome ? "#WELCOME#" : "#FAILURE#");
            if (was_welcome) {
                assert_string_equal(a.peer_digest, h->frames[at + 1].len == 16 ? "md5" : "sha256");
                right++;
            } else {
                assert_int_equal(err.status, PLATOON_EAUTH);
                wrong++;
            }
        }
    }
    assert_true(right > 10 && wrong > 5);
}

/* --- both roles against each other ---------------------------------------------------------- */

/* Deliver what is in `from` to `to`. */
static enum auth_step pass(const struct auth_out *from, struct auth *to, struct auth_out *out,
                           struct platoon_err *err)
{
    size_t len;
    const uint8_t *body = only_body(from, &len);

    return auth_receive(to, body, len, out, err);
}

struct talk {
    struct auth server, client;
    struct auth_out from_server, from_client;
    struct platoon_err err;
};

static void begin(struct talk *t, const char *server_key, const char *client_key)
{
    auth_init(&t->server, AUTH_SERVER, server_key, strlen(server_key), false);
    auth_init(&t->client, AUTH_CLIENT, client_key, strlen(client_key), false);
    assert_int_equal(auth_start(&t->client, &t->from_client), AUTH_MORE);
    assert_int_equal(auth_start(&t->server, &t->from_server), AUTH_MORE);
    assert_int_equal(pass(&t->from_server, &t->client, &t->from_client, &t->err), AUTH_MORE);
}

TEST(auth_roles_satisfy_each_other)
{
    static const char *const keys[] = {"abc", "",
                                       "a key that is longer than a block of any digest: "
                                       "0123456789012345678901234567890123456789012345678"
                                       "901234567890123456789012345678901234567890123456"};

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct talk t;

        begin(&t, keys[i], keys[i]);
        assert_int_equal(pass(&t.from_client, &t.server, &t.from_server, &t.err), AUTH_MORE);
        assert_word(&t.from_server, "#WELCOME#");
        assert_int_equal(pass(&t.from_server, &t.client, &t.from_client, &t.err), AUTH_MORE);
        assert_int_equal(pass(&t.from_client, &t.server, &t.from_server, &t.err), AUTH_MORE);
        assert_int_equal(pass(&t.from_server, &t.client, &t.from_client, &t.err), AUTH_OK);
        assert_word(&t.from_client, "#WELCOME#");
        assert_int_equal(pass(&t.from_client, &t.server, &t.from_server, &t.err), AUTH_OK);
        assert_int_equal(t.from_server.len, 0);
        assert_string_equal(t.server.peer_digest, "sha256");
        assert_string_equal(t.client.peer_digest, "sha256");
    }
}

TEST(auth_wrong_key_is_refused_by_the_server_and_both_say_so)
{
    struct talk t;

    (void)state;
    begin(&t, "abc", "abd");
    assert_int_equal(pass(&t.from_client, &t.server, &t.from_server, &t.err), AUTH_FAILED);
    assert_int_equal(t.err.status, PLATOON_EAUTH);
    assert_word(&t.from_server, "#FAILURE#");
    assert_int_equal(pass(&t.from_server, &t.client, &t.from_client, &t.err), AUTH_FAILED);
    assert_int_equal(t.err.status, PLATOON_EAUTH);
    assert_non_null(strstr(t.err.message, "the server refused"));
    assert_int_equal(t.from_client.len, 0);
}

TEST(auth_client_refuses_a_server_that_does_not_know_the_key)
{
    struct talk t;
    static const uint8_t nonsense[16] = {1, 2, 3};

    (void)state;
    begin(&t, "abc", "abc");
    assert_int_equal(
        auth_receive(&t.client, (const uint8_t *)"#WELCOME#", 9, &t.from_client, &t.err),
        AUTH_MORE);
    assert_int_equal(auth_receive(&t.client, nonsense, 16, &t.from_client, &t.err), AUTH_FAILED);
    assert_int_equal(t.err.status, PLATOON_EAUTH);
    assert_word(&t.from_client, "#FAILURE#");
}

TEST(auth_challenges_differ)
{
    struct talk a, b;

    (void)state;
    begin(&a, "abc", "abc");
    begin(&b, "abc", "abc");
    assert_memory_not_equal(a.server.challenge, b.server.challenge, sizeof a.server.challenge);
    assert_memory_equal(a.server.challenge, "{sha256}", 8);
}

/* --- known answers --------------------------------------------------------------------------- */

TEST(auth_every_allowed_digest_answers_with_its_prefix)
{
    /* hmac.new(b'vector-key', message, digest).hexdigest() of Python's hmac, message = prefix + 40
     * x 'm'. */
    static const struct {
        const char *prefix;
        const char *mac;
    } rows[] = {
        {"{md5}", "16547a56494687dba3104179d2fedd58"},
        {"{sha256}", "0c2ed85d65b47a5412e4774f3a7d6073d841998313336f8b61dfe7d395eeb5ae"},
        {"{sha384}", "dae4b08f50f0584dcae187379f94d7860378ff063417224fee1dbb749c73cfdd54d1e7bb6c2ee"
                     "ae7d01420606a91350e"},
        {"{sha3_256}", "b35734c0dcc9ee914dcb61e641be537a590f1c7dd78c9cd7cf6874a5b13dc5e9"},
        {"{sha3_384}", "786f4d1e6cec5856b6d534a69fc1a4a7d87c8604fb8f1d1dde3f9a02702b2a1ebfcf813c328"
                       "8e5f7045706631d31a7af"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t prefix = strlen(rows[i].prefix), mac_bytes = strlen(rows[i].mac) / 2, len;
        char message[64], hex[97] = "";
        struct auth_out out;
        struct platoon_err err;
        const uint8_t *body;

        memcpy(message, rows[i].prefix, prefix);
        memset(message + prefix, 'm', 40);
        assert_int_equal(client_answers(vector_key, message, prefix + 40, false, &out, &err),
                         AUTH_MORE);
        body = only_body(&out, &len);
        assert_int_equal(len, prefix + mac_bytes);
        assert_memory_equal(body, rows[i].prefix, prefix);
        for (size_t b = 0; b < mac_bytes; b++)
            snprintf(hex + 2 * b, 3, "%02x", body[prefix + b]);
        assert_string_equal(hex, rows[i].mac);
    }
}

TEST(auth_accepts_any_allowed_digest_as_an_answer)
{
    static const char *const prefixes[] = {"{md5}", "{sha256}", "{sha384}", "{sha3_256}",
                                           "{sha3_384}"};

    (void)state;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        uint8_t message[48];
        struct auth_out out, verdict;
        struct platoon_err err;
        struct auth a;
        size_t len;
        const uint8_t *body;

        /* The MAC covers the message, so a message that names this digest makes the right answer to
         * it. */
        memset(message, 'm', sizeof message);
        memcpy(message, prefixes[i], strlen(prefixes[i]));
        assert_int_equal(client_answers(vector_key, message, sizeof message, false, &out, &err),
                         AUTH_MORE);
        body = only_body(&out, &len);
        start_with(&a, false, message);
        assert_int_equal(auth_receive(&a, body, len, &verdict, &err), AUTH_MORE);
        assert_word(&verdict, "#WELCOME#");
        start_with(&a, true, message);
        assert_int_equal(auth_receive(&a, body, len, &verdict, &err),
                         i == 0 ? AUTH_FAILED : AUTH_MORE);
        start_with(&a, false, message);
        assert_int_equal(auth_receive(&a, body, len - 1, &verdict, &err), AUTH_FAILED);
    }
}

TEST(auth_twenty_bytes_are_old_even_if_they_begin_with_a_brace)
{
    struct auth_out out;
    struct platoon_err err;
    size_t len;

    (void)state;
    assert_int_equal(client_answers("k", "{sha256}012345678901", 20, false, &out, &err), AUTH_MORE);
    only_body(&out, &len);
    assert_int_equal(len, 16);
}

TEST(auth_refuses_challenges_that_are_none)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {{"{sha512}0123456789012345678901234567890123456789", 48},
                {"{sha256 0123456789012345678901234567890123456789", 48},
                {"{}0123456789012345678901234567890123456789", 42},
                {"0123456789012345678901234567890123456789", 40},
                {"0123456789012345678", 19},
                {"", 0}};
    struct auth_out out;
    struct platoon_err err;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(client_answers("k", rows[i].bytes, rows[i].len, false, &out, &err),
                         AUTH_FAILED);
        assert_int_equal(err.status, PLATOON_EPROTO);
        assert_int_equal(out.len, 0);
    }
}

TEST(auth_sha256_only_refuses_md5_in_both_roles)
{
    uint8_t message[48] = "{sha256}";
    uint8_t md5_answer[16] = {0};
    struct auth a;
    struct auth_out out;
    struct platoon_err err;

    (void)state;
    assert_int_equal(client_answers("k", "01234567890123456789", 20, true, &out, &err),
                     AUTH_FAILED);
    assert_int_equal(err.status, PLATOON_EAUTH);
    assert_int_equal(out.len, 0);
    start_with(&a, true, message);
    assert_int_equal(auth_receive(&a, md5_answer, sizeof md5_answer, &out, &err), AUTH_FAILED);
    assert_word(&out, "#FAILURE#");
    assert_non_null(strstr(err.message, "MD5"));
}

TEST(auth_rejects_words_out_of_place)
{
    struct auth a;
    struct auth_out out;
    struct platoon_err err;

    (void)state;
    auth_init(&a, AUTH_CLIENT, "k", 1, false);
    assert_int_equal(auth_start(&a, &out), AUTH_MORE);
    assert_int_equal(auth_receive(&a, (const uint8_t *)"#WELCOME#", 9, &out, &err), AUTH_FAILED);
    assert_int_equal(err.status, PLATOON_EPROTO);
    /* and nothing works afterwards */
    assert_int_equal(auth_receive(&a, (const uint8_t *)"#WELCOME#", 9, &out, &err), AUTH_FAILED);
    auth_init(&a, AUTH_SERVER, "k", 1, false);
    assert_int_equal(auth_receive(&a, (const uint8_t *)"x", 1, &out, &err), AUTH_FAILED);
    assert_int_equal(auth_start(&a, &out), AUTH_MORE);
    assert_int_equal(auth_receive(&a, (const uint8_t *)"", 0, &out, &err), AUTH_FAILED);
}
