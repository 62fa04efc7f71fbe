/* SPDX-License-Identifier: Apache-2.0 */
/* auth_fuzz.c - two honest sides and somebody between them who holds back, invents and replays
 * frames.
 *
 * Whatever he does, a side that ends with AUTH_OK has had every frame from the other one, and all
 * output is well-formed. Input: [flags] then steps: 0 LEN BYTES (invent, for the server), 1 LEN
 * BYTES (for the client), 2 (pass the client's last output on to the server), 3 (the other way). */
#include <stdlib.h>
#include <string.h>

#include "wire/auth.h"
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side {
    struct auth auth;
    struct auth_out out;
    enum auth_step step;
    int honest; /* frames of the other side that it got */
};

static void must(bool claim)
{
    if (!claim)
        abort();
}

static void check_output(const struct side *s)
{
    size_t at = 0;

    must(s->out.len <= sizeof s->out.bytes);
    while (at < s->out.len) {
        struct frame f;
        size_t used;

        frame_init(&f, AUTH_MAX_BODY);
        must(frame_feed(&f, s->out.bytes + at, s->out.len - at, &used, NULL) == FRAME_READY);
        at += used + (size_t)f.body_bytes;
    }
    must(at == s->out.len);
}

static void deliver(struct side *to, const uint8_t *body, size_t len)
{
    struct platoon_err err = {PLATOON_OK, "", ""};

    if (to->step != AUTH_MORE)
        return;
    to->step = auth_receive(&to->auth, body, len, &to->out, &err);
    must(to->step != AUTH_FAILED || err.status != PLATOON_OK);
    check_output(to);
}

/* The first (and only) frame of `from`. */
static void pass(const struct side *from, struct side *to)
{
    if (from->out.len < 4)
        return;
    to->honest += to->step == AUTH_MORE;
    deliver(to, from->out.bytes + 4, from->out.len - 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct side server, client;

    if (size < 1)
        return 0;
    memset(&server, 0, sizeof server);
    memset(&client, 0, sizeof client);
    auth_init(&server.auth, AUTH_SERVER, "secret", 6, data[0] & 1);
    auth_init(&client.auth, AUTH_CLIENT, "secret", 6, data[0] & 2);
    server.step = auth_start(&server.auth, &server.out);
    client.step = auth_start(&client.auth, &client.out);
    check_output(&server);
    for (size_t at = 1; at < size; at++) {
        struct side *to = data[at] & 1 ? &client : &server;

        if (data[at] & 2) {
            pass(data[at] & 1 ? &server : &client, to);
        } else if (at + 1 < size) {
            size_t len = data[at + 1], left = size - at - 2;

            if (len > left)
                len = left;
            deliver(to, data + at + 2, len);
            at += 1 + len;
        }
    }
    /* The words may be invented; the answer to a fresh challenge may not. */
    must(server.step != AUTH_OK || server.honest > 0);
    must(client.step != AUTH_OK || client.honest > 0);
    return 0;
}
