/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - the length in front of every message. Pure: no I/O, no memory.
 *
 *     normal   int32 n >= 0, big endian             then n bytes of body
 *     large    ff ff ff ff, uint64 n, big endian    then n bytes of body (Python 3.8 and newer)
 *
 * There is nothing else: no type, no checksum, no number. The large form is accepted for any
 * length. Any other negative length, and a length over the reader's limit, is refused before a byte
 * of memory is spent on it. A body of no bytes is a frame; what it means is the business of who
 * reads it. */
#ifndef PLATOON_WIRE_FRAME_H
#define PLATOON_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

enum {
    FRAME_HEADER_MAX = 12 /* bytes */
};

enum frame_result {
    FRAME_NEED_MORE, /* everything given was taken; the header is not whole yet */
    FRAME_READY,     /* body_bytes is known; what was not taken belongs to the body */
    FRAME_BAD        /* err says why; the stream cannot be read any further */
};

struct frame {
    uint64_t max_body_bytes; /* may be changed between frames (256 in the handshake, more after) */
    uint64_t body_bytes;     /* after FRAME_READY */
    uint8_t header[FRAME_HEADER_MAX];
    uint8_t n_header; /* bytes of header[] that have come */
};

/* Ready for a first header. */
void frame_init(struct frame *f, uint64_t max_body_bytes);
/* Ready for the next header; the limit stays. */
void frame_reset(struct frame *f);

/* Take from `data` what belongs to the header, at most what it still needs: *out_used bytes,
 * written whatever the result. A frame that is READY or BAD takes nothing more until frame_reset().
 *
 * On FRAME_BAD `err` is EPROTO (no frame of the manager protocol: negative, or the first words of
 * some other protocol, named if known) or ELIMIT (a frame, but too long). */
enum frame_result frame_feed(struct frame *f, const void *data, size_t len, size_t *out_used,
                             struct platoon_err *err);

/* Between two frames? Then the end of the stream is a clean close, else it cut a message. (A body
 * that follows a READY header is counted by the caller.) */
bool frame_is_idle(const struct frame *f);

/* Write the header of a body of `body_bytes` into `out`; its length (4, or 12 above 0x7fffffff,
 * which Python 3.7 and older cannot read). */
size_t frame_put_header(uint8_t out[FRAME_HEADER_MAX], uint64_t body_bytes);

#endif
