/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - see frame.h. */
#include "wire/frame.h"

#include <inttypes.h>
#include <string.h>

enum { SHORT_HEADER = 4, LONG_HEADER = 12 };

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void write_u32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

/* What people point at this port by mistake, by the four bytes they begin with. */
static const char *other_protocol(const uint8_t *p)
{
    static const struct {
        char start[5];
        const char *name;
    } known[] = {
        {"GET ", "an HTTP request"},
        {"POST", "an HTTP request"},
        {"HEAD", "an HTTP request"},
        {"PUT ", "an HTTP request"},
        {"OPTI", "an HTTP request"},
        {"HTTP", "an HTTP reply"},
        {"SSH-", "the greeting of an SSH peer"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (memcmp(p, known[i].start, SHORT_HEADER) == 0)
            return known[i].name;
    }
    if (p[0] == 0x16 && p[1] == 0x03)
        return "a TLS handshake";
    return NULL;
}

void frame_init(struct frame *f, uint64_t max_body_bytes)
{
    memset(f, 0, sizeof *f);
    f->max_body_bytes = max_body_bytes;
}

void frame_reset(struct frame *f)
{
    f->n_header = 0;
    f->body_bytes = 0;
}

bool frame_is_idle(const struct frame *f)
{
    return f->n_header == 0;
}

static bool is_large(const struct frame *f)
{
    return f->n_header >= SHORT_HEADER && read_u32(f->header) == UINT32_MAX;
}

static size_t header_bytes(const struct frame *f)
{
    return is_large(f) ? LONG_HEADER : SHORT_HEADER;
}

static enum frame_result judge(struct frame *f, struct platoon_err *err)
{
    const char *other;
    uint32_t first = read_u32(f->header);
    uint64_t n = first;

    if (is_large(f)) {
        n = (uint64_t)read_u32(f->header + 4) << 32 | read_u32(f->header + 8);
    } else if (first > INT32_MAX) {
        platoon_fail(err, PLATOON_EPROTO, "a frame announced a negative length (%" PRId32 ")",
                     (int32_t)first);
        return FRAME_BAD;
    }
    if (n <= f->max_body_bytes) {
        f->body_bytes = n;
        return FRAME_READY;
    }
    other = other_protocol(f->header);
    if (other) {
        platoon_fail(err, PLATOON_EPROTO, "the peer sent %s, not a frame of the manager protocol",
                     other);
    } else {
        platoon_fail(err, PLATOON_ELIMIT,
                     "a frame announced %" PRIu64 " bytes where at most %" PRIu64 " are allowed", n,
                     f->max_body_bytes);
    }
    return FRAME_BAD;
}

enum frame_result frame_feed(struct frame *f, const void *data, size_t len, size_t *out_used,
                             struct platoon_err *err)
{
    const uint8_t *from = data;
    size_t used = 0;

    while (used < len && f->n_header < header_bytes(f))
        f->header[f->n_header++] = from[used++];
    *out_used = used;
    if (f->n_header < header_bytes(f))
        return FRAME_NEED_MORE;
    return judge(f, err);
}

size_t frame_put_header(uint8_t out[FRAME_HEADER_MAX], uint64_t body_bytes)
{
    if (body_bytes <= INT32_MAX) {
        write_u32(out, (uint32_t)body_bytes);
        return SHORT_HEADER;
    }
    write_u32(out, UINT32_MAX);
    write_u32(out + 4, (uint32_t)(body_bytes >> 32));
    write_u32(out + 8, (uint32_t)body_bytes);
    return LONG_HEADER;
}
