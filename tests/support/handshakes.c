/* SPDX-License-Identifier: Apache-2.0 */
/* handshakes.c - see handshakes.h. */
#include "support/handshakes.h"

#include "support/test.h"

static struct handshake all[64];

static size_t parse_hex(const char *hex, uint8_t *out, size_t cap)
{
    size_t n = 0;
    unsigned byte;

    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
        assert_true(n < cap);
        out[n++] = (uint8_t)byte;
    }
    return n;
}

static void add_frame(struct handshake *h, char from, const char *hex)
{
    uint8_t bytes[304];
    size_t len = parse_hex(hex, bytes, sizeof bytes);

    assert_true(h->n_frames < 7);
    assert_true(len > 4);
    h->frames[h->n_frames].from = from;
    h->frames[h->n_frames].len = len - 4;
    memcpy(h->frames[h->n_frames].body, bytes + 4, len - 4);
    h->n_frames++;
}

const struct handshake *handshakes_load(size_t *out_n)
{
    FILE *f = fopen(PLATOON_TEST_DATA "/handshakes/handshakes.txt", "r");
    char line[1024];
    size_t n = 0;

    assert_non_null(f);
    memset(all, 0, sizeof all);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '=') {
            struct handshake *h = &all[n++];

            assert_true(n <= sizeof all / sizeof all[0]);
            assert_int_equal(sscanf(line, "= %7s %7s %31s", h->client, h->server, h->key), 3);
        } else if (line[0] == 'S' || line[0] == 'C') {
            assert_true(n > 0);
            add_frame(&all[n - 1], line[0], line + 2);
        }
    }
    fclose(f);
    assert_true(n > 30);
    *out_n = n;
    return all;
}

bool handshake_is_modern(const char *version)
{
    int major, minor;

    assert_int_equal(sscanf(version, "%d.%d", &major, &minor), 2);
    return major == 3 && minor >= 12;
}
