/* SPDX-License-Identifier: Apache-2.0 */
/* spawn.c - a bare posix_spawn loop, the floor of every launcher: SLOTS children at a time, a new one
 * for each that ends.
 *
 *     spawn SLOTS PROGRAM [ARG]...
 *
 * `run N` on stdin: N children, start to end; answers with one JSON line, milliseconds a child. */
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "timing.h"

extern char **environ;

static void start(char **argv)
{
    pid_t child;
    int reason = posix_spawn(&child, argv[0], NULL, NULL, argv, environ);

    if (reason == 0)
        return;
    fprintf(stderr, "spawn: cannot start %s: %s\n", argv[0], strerror(reason));
    exit(1);
}

int main(int argc, char **argv)
{
    long n, slots = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    char line[100];

    if (slots < 1) {
        fprintf(stderr, "usage: spawn SLOTS PROGRAM [ARG]...\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin) && sscanf(line, "run %ld", &n) == 1) {
        uint64_t begin = now_ns();

        for (long i = 0; i < n; i++) {
            if (i >= slots)
                wait(NULL);
            start(argv + 2);
        }
        while (wait(NULL) > 0)
            ;
        printf("{\"n\": %ld, \"ms\": %.4f}\n", n, (double)(now_ns() - begin) / 1e6 / (double)n);
    }
    return 0;
}
