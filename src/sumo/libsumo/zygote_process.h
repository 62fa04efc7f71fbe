/* SPDX-License-Identifier: Apache-2.0 */
/* zygote_process.h - the zygote's own side of zygote.h: what it does once it is forked. */
#ifndef PLATOON_SUMO_LIBSUMO_ZYGOTE_PROCESS_H
#define PLATOON_SUMO_LIBSUMO_ZYGOTE_PROCESS_H

#include <sys/types.h>

#include <platoon/status.h>

/* The first message on the socket. */
struct zygote_hello {
    char version[32];
    struct platoon_err err; /* PLATOON_OK, or why the module cannot be loaded */
};

/* A request: ZYGOTE_N_FDS descriptors beside one byte, then a frame (runner_io.h) with
 *
 *     {'argv': [str, ...], 'cwd': str,
 *      'control': None or {'type': str, 'parameters': [float, ...], 'places': [[str, ...], ...]}}
 *
 * and as its answer: */
enum { ZYGOTE_FD_OUT, ZYGOTE_FD_ERR, ZYGOTE_FD_REPORT, ZYGOTE_N_FDS };
struct zygote_answer {
    pid_t pid; /* < 0: not made */
    struct platoon_err err;
};

struct libsumo_clock;

/* Never returns. `fd` is the socket, `module` the path of the module, `parent` who asks, `clock`
 * shared with it. */
_Noreturn void zygote_process(int fd, const char *module, char **envp, pid_t parent,
                              struct libsumo_clock *clock);

#endif
