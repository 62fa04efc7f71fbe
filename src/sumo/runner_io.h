/* SPDX-License-Identifier: Apache-2.0 */
/* runner_io.h - the runner's end of its two pipes: frames of plain values.
 *
 * A frame is 4 bytes of length, big endian, and a pickle of so many bytes. In: one dict a task.
 * Out: dicts with one key, 'progress', 'result' or 'error'. */
#ifndef PLATOON_SUMO_RUNNER_IO_H
#define PLATOON_SUMO_RUNNER_IO_H

#include <platoon/pickle.h>
#include <platoon/value.h>

enum { RUNNER_FD_IN = 3, RUNNER_FD_OUT = 4, RUNNER_MAX_FRAME_BYTES = 1 << 30 };

/* Read one frame. PLATOON_OK and *out (yours); ECLOSED at the end of the stream between two frames;
 * EPROTO if it ends within one or is longer than RUNNER_MAX_FRAME_BYTES; as platoon_pickle_decode()
 * for its content. Blocks. */
enum platoon_status runner_read(int fd, platoon_value **out, struct platoon_err *err);
/* Write `message` (taken; NULL is ENOMEM). ECLOSED if nobody reads any more. Blocks. */
enum platoon_status runner_write(int fd, platoon_value *message, struct platoon_err *err);

#endif
