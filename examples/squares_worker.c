/* SPDX-License-Identifier: Apache-2.0 */
/* squares_worker.c - takes numbers from a task queue, squares them, puts the results as text.
 *
 *     squares_worker [HOST [PORT [KEYFILE]]]
 *
 * Default 127.0.0.1 5000; the key: KEYFILE, PLATOON_AUTHKEY, or "abc". The server is
 * squares_master, `platoon serve`, or a Python program: Python's own manager will do. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <platoon/platoon.h>

static struct platoon_err err;

static void must(enum platoon_status st, const char *what)
{
    if (st == PLATOON_OK)
        return;
    fprintf(stderr, "squares_worker: %s: %s\n", what, err.message);
    exit(1);
}

static const char *read_key(const char *path)
{
    static char key[256];
    FILE *f = path ? fopen(path, "r") : NULL;

    if (!path)
        return getenv("PLATOON_AUTHKEY") ? getenv("PLATOON_AUTHKEY") : "abc";
    if (!f || !fgets(key, sizeof key, f)) {
        perror(path);
        exit(1);
    }
    fclose(f);
    key[strcspn(key, "\n")] = '\0';
    return key;
}

int main(int argc, char **argv)
{
    const char *key = read_key(argc > 3 ? argv[3] : NULL);
    struct platoon_manager_options server = {
        .host = argc > 1 ? argv[1] : "127.0.0.1",
        .port = (uint16_t)(argc > 2 ? atoi(argv[2]) : 5000),
        .authkey = key,
        .authkey_len = strlen(key),
    };
    platoon_manager *m;
    platoon_queue *tasks, *results;

    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("Connect to server %s...\n", server.host);
    must(platoon_manager_connect(&server, &m, &err), "cannot connect");
    must(platoon_manager_queue(m, "get_task_queue", NULL, &tasks, &err), "no task queue");
    must(platoon_manager_queue(m, "get_result_queue", NULL, &results, &err), "no result queue");

    for (int i = 0; i < 10; i++) {
        platoon_value *task, *result;
        enum platoon_status st = platoon_queue_get(tasks, 1, &task, &err);
        int64_t n;

        if (st == PLATOON_EEMPTY) {
            printf("task queue is empty.\n");
            continue;
        }
        must(st, "cannot get a task");
        if (platoon_as_int(task, &n) != PLATOON_OK || n < -3000000000 || n > 3000000000) {
            fprintf(stderr, "squares_worker: a task that is no number to square: it is left out\n");
            platoon_value_unref(task);
            continue;
        }
        printf("run task %" PRId64 " * %" PRId64 "...\n", n, n);
        result = platoon_strf("%" PRId64 " * %" PRId64 " = %" PRId64, n, n, n * n);
        sleep(1);
        must(platoon_queue_put(results, result, PLATOON_FOREVER, &err), "cannot put a result");
        platoon_value_unref(task);
        platoon_value_unref(result);
    }
    platoon_manager_close(m);
    printf("worker exit.\n");
    return 0;
}
