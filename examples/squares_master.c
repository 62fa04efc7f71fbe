/* SPDX-License-Identifier: Apache-2.0 */
/* squares_master.c - puts ten random numbers on a task queue and waits for their squares.
 *
 *     squares_master [HOST [PORT [KEYFILE]]]
 *         starts a server in this program, at HOST (an address of this machine)
 *     squares_master --connect [HOST [PORT [KEYFILE]]]
 *         uses one that runs: `platoon serve`, or a Python program
 *
 * Default 127.0.0.1 5000; the key: KEYFILE, PLATOON_AUTHKEY, or "abc". Workers: squares_worker, or
 * Python ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <platoon/platoon.h>
#include <platoon/server.h>

static struct platoon_err err;

static void must(enum platoon_status st, const char *what)
{
    if (st == PLATOON_OK)
        return;
    fprintf(stderr, "squares_master: %s: %s\n", what, err.message);
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
    bool is_own = !(argc > 1 && strcmp(argv[1], "--connect") == 0);
    int at = is_own ? 1 : 2;
    const char *key = read_key(argc > at + 2 ? argv[at + 2] : NULL);
    struct platoon_server_options own = {
        .host = argc > at ? argv[at] : "127.0.0.1",
        .port = (uint16_t)(argc > at + 1 ? atoi(argv[at + 1]) : 5000),
        .authkey = key,
        .authkey_len = strlen(key),
    };
    struct platoon_manager_options to = {.authkey = key, .authkey_len = own.authkey_len};
    platoon_server *server = NULL;
    platoon_manager *m;
    platoon_queue *tasks, *results;
    int n_missing = 10;

    setvbuf(stdout, NULL, _IOLBF, 0);
    srandom((unsigned)time(NULL));
    if (is_own)
        must(platoon_server_start(&own, &server, &err), "cannot start a server");
    to.host = is_own && strcmp(own.host, "0.0.0.0") == 0 ? "127.0.0.1" : own.host;
    to.port = is_own ? platoon_server_port(server) : own.port;
    must(platoon_manager_connect(&to, &m, &err), "cannot connect");
    must(platoon_manager_queue(m, "get_task_queue", NULL, &tasks, &err), "no task queue");
    must(platoon_manager_queue(m, "get_result_queue", NULL, &results, &err), "no result queue");

    for (int i = 0; i < 10; i++) {
        int n = (int)(random() % 10001);
        platoon_value *task = platoon_int(n);

        printf("Put task %d...\n", n);
        must(platoon_queue_put(tasks, task, PLATOON_FOREVER, &err), "cannot put a task");
        platoon_value_unref(task);
    }
    printf("Try get results...\n");
    for (; n_missing > 0; n_missing--) {
        platoon_value *result;
        enum platoon_status st = platoon_queue_get(results, 10, &result, &err);
        char *text;

        if (st == PLATOON_EEMPTY)
            break;
        must(st, "cannot get a result");
        text = platoon_as_str(result, NULL) ? strdup(platoon_as_str(result, NULL))
                                            : platoon_repr(result);
        printf("Result: %s\n", text);
        free(text);
        platoon_value_unref(result);
    }
    if (n_missing > 0)
        fprintf(stderr, "squares_master: %d of 10 results did not come within 10 s; %s%s\n",
                n_missing,
                is_own ? "they are given up with the server"
                       : "late ones will be on get_result_queue of ",
                is_own ? "" : platoon_manager_address(m));
    platoon_manager_close(m);
    platoon_server_free(server); /* as manager.shutdown(); nothing where the server is not ours */
    printf("master exit.\n");
    return n_missing > 0;
}
