/* SPDX-License-Identifier: Apache-2.0 */
/* handshakes.h - the recorded handshakes of tests/data/handshakes/handshakes.txt. */
#ifndef PLATOON_TEST_HANDSHAKES_H
#define PLATOON_TEST_HANDSHAKES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct handshake {
    char client[8], server[8]; /* versions */
    char key[32];              /* the client's; the server's is always "vector-key" */
    struct {
        char from; /* 'S' or 'C' */
        uint8_t body[300];
        size_t len;
    } frames[7];
    size_t n_frames; /* 7: both satisfied (the last is #WELCOME#), 3: refused */
};

/* All of them; fails the test if the file is not as it should be. The array is static. */
const struct handshake *handshakes_load(size_t *out_n);
/* Is `version` a Python that knows digests by name (3.12 and newer)? */
bool handshake_is_modern(const char *version);

#endif
