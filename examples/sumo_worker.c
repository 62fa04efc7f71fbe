/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_worker.c - takes simulations from a task queue, runs them with SUMO, puts their results.
 *
 *     sumo_worker [HOST [PORT [KEYFILE [ROOT]]]]
 *
 * Default 127.0.0.1 5000; the key: KEYFILE, PLATOON_AUTHKEY, or "abc"; ROOT: the folder that the
 * tasks' file names are relative to, else the current one. The server is sumo_master, `platoon
 * serve`, or a Python program. */
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
    fprintf(stderr, "sumo_worker: %s: %s\n", what, err.message);
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
    struct platoon_sumo_options simulation = {.root = argc > 4 ? argv[4] : "."};
    platoon_manager *m;
    platoon_queue *tasks, *results;

    setvbuf(stdout, NULL, _IOLBF, 0);
    must(platoon_manager_connect(&server, &m, &err), "cannot connect");
    must(platoon_manager_queue(m, "get_task_queue", NULL, &tasks, &err), "no task queue");
    must(platoon_manager_queue(m, "get_result_queue", NULL, &results, &err), "no result queue");

    for (int i = 0; i < 2; i++) {
        platoon_value *task, *result;
        enum platoon_status st = platoon_queue_get(tasks, 1, &task, &err);

        if (st == PLATOON_EEMPTY) {
            printf("task queue is empty.\n");
            continue;
        }
        must(st, "cannot get a task");
        /* A simulation that fails has a result too, which says why. */
        must(platoon_sumo_run(task, &simulation, &result, &err), "cannot run a simulation");
        sleep(1);
        must(platoon_queue_put(results, result, PLATOON_FOREVER, &err), "cannot put a result");
        platoon_value_unref(task);
        platoon_value_unref(result);
    }
    platoon_manager_close(m);
    printf("worker exit.\n");
    return 0;
}
