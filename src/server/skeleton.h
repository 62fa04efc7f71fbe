/* SPDX-License-Identifier: Apache-2.0 */
/* skeleton.h - a pickle without its large byte strings: so that a list of rows can be decoded while
 * the megabytes under 'pickle' stay where they came in.
 *
 * In place of each byte string of SKELETON_CUT_BYTES or more stands a token: a tag that was drawn
 * at random for this skeleton, and a number. Whoever reads the decoded values finds the token and
 * takes the bytes from the source; nobody can send a token of his own. Pure, fed in pieces of any
 * size. The pickle must have passed the scanner. */
#ifndef PLATOON_SERVER_SKELETON_H
#define PLATOON_SERVER_SKELETON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    SKELETON_CUT_BYTES = 256 * 1024,
    SKELETON_TAG_BYTES = 16,
    SKELETON_TOKEN_BYTES = SKELETON_TAG_BYTES + 4
};

struct skeleton_cut {
    uint64_t start, end; /* in the source */
};

struct skeleton {
    struct buf bytes; /* the pickle to decode */
    struct skeleton_cut *cuts;
    size_t n_cuts, cap_cuts;
    uint8_t tag[SKELETON_TAG_BYTES];
    /* skeleton.c's own: */
    uint64_t offset; /* in the source */
    uint64_t left;   /* of an argument */
    uint8_t head[9]; /* an opcode and its fixed bytes, as far as they have come */
    uint8_t head_len, head_need;
    uint8_t lines_left;
    bool is_cutting;
};

/* False: no randomness to be had. */
bool skeleton_init(struct skeleton *s);
void skeleton_release(struct skeleton *s); /* zeroed is fine */
/* The next piece of the source. False when out of memory. */
bool skeleton_feed(struct skeleton *s, const uint8_t *data, size_t len);
/* The cut that a decoded byte string stands for; NULL: it stands for itself. */
const struct skeleton_cut *skeleton_find(const struct skeleton *s, const void *bytes, size_t len);
/* Is there a token somewhere in these bytes? */
bool skeleton_is_in(const struct skeleton *s, const void *bytes, size_t len);

#endif
