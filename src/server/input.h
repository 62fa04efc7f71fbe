/* SPDX-License-Identifier: Apache-2.0 */
/* input.h - bytes of a connection to frames, and frames to the handshake or to requests.
 *
 * Small frames are served where they were read, in the block that all sessions share. A larger
 * frame, or the part of one, goes into blocks of its own that grow with what has come, never with
 * the length announced, and from SCAN_EARLY_BYTES on it is scanned as it comes, so that its last
 * byte costs no more than its first.
 *
 * A frame that cannot be served (over the limit, no pickle, no memory) is read to its end and
 * dropped, and the answer says why: an authenticated connection is never closed for what was in a
 * frame, since stock clients cannot repair one. */
#ifndef PLATOON_SERVER_INPUT_H
#define PLATOON_SERVER_INPUT_H

#include <stdint.h>

struct session;
struct sessions;

enum {
    INPUT_BLOCK_BYTES = 64 * 1024 /* the shared block */
};
/* A header's limit where this module judges the length itself. */
#define INPUT_ANY_LENGTH ((uint64_t)INT64_MAX)

/* Read once, within the turn's budget, and act on it. The session may be closed after. */
void input_is_readable(struct session *s);
/* Forget a frame that has come in part. */
void input_drop(struct session *s);

#endif
