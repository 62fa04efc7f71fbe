/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_master.c - puts two simulations on a task queue, one without and one with ramp metering, and
 * waits for their results. It knows nothing of SUMO.
 *
 *     sumo_master [HOST [PORT [KEYFILE [SECONDS]]]]
 *         starts a server in this program, at HOST (an address of this machine)
 *     sumo_master --connect [HOST [PORT [KEYFILE [SECONDS]]]]
 *         uses one that runs: `platoon serve`, or a Python program
 *
 * Default 127.0.0.1 5000; the key: KEYFILE, PLATOON_AUTHKEY, or "abc"; SECONDS: how long to wait for
 * each result, else 600. Workers: sumo_worker, `platoon work`, or Python ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <platoon/platoon.h>
#include <platoon/server.h>

static struct platoon_err err;

static void must(enum platoon_status st, const char *what)
{
    if (st == PLATOON_OK)
        return;
    fprintf(stderr, "sumo_master: %s: %s\n", what, err.message);
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

static void put_task(platoon_queue *tasks, const char *filename, bool control)
{
    platoon_value *task = platoon_dict();

    platoon_dict_set(task, "filename", platoon_str(filename));
    platoon_dict_set(task, "control_bool", platoon_bool(control));
    must(platoon_queue_put(tasks, task, PLATOON_FOREVER, &err), "cannot put a task");
    platoon_value_unref(task);
}

int main(int argc, char **argv)
{
    bool is_own = !(argc > 1 && strcmp(argv[1], "--connect") == 0);
    int at = is_own ? 1 : 2;
    const char *key = read_key(argc > at + 2 ? argv[at + 2] : NULL);
    double limit_s = argc > at + 3 ? atof(argv[at + 3]) : 600;
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
    int n_missing = 2;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (is_own)
        must(platoon_server_start(&own, &server, &err), "cannot start a server");
    to.host = is_own && strcmp(own.host, "0.0.0.0") == 0 ? "127.0.0.1" : own.host;
    to.port = is_own ? platoon_server_port(server) : own.port;
    must(platoon_manager_connect(&to, &m, &err), "cannot connect");
    must(platoon_manager_queue(m, "get_task_queue", NULL, &tasks, &err), "no task queue");
    must(platoon_manager_queue(m, "get_result_queue", NULL, &results, &err), "no result queue");

    put_task(tasks, "data/ramp_metering.sumocfg", false);
    put_task(tasks, "data/ramp_metering2.sumocfg", true);
    printf("Try get results...\n");
    for (; n_missing > 0; n_missing--) {
        platoon_value *result;
        enum platoon_status st = platoon_queue_get(results, limit_s, &result, &err);
        char *text;

        if (st == PLATOON_EEMPTY)
            break;
        must(st, "cannot get a result");
        text = platoon_repr(result);
        printf("Result: %s\n", text ? text : "(too long to show)");
        free(text);
        platoon_value_unref(result);
    }
    if (n_missing > 0)
        fprintf(stderr, "sumo_master: %d of 2 results did not come within %g s; %s%s\n", n_missing,
                limit_s,
                is_own ? "they are given up with the server"
                       : "late ones will be on get_result_queue of ",
                is_own ? "" : platoon_manager_address(m));
    platoon_manager_close(m);
    platoon_server_free(server); /* as manager.shutdown(); nothing where the server is not ours */
    printf("master exit.\n");
    return n_missing > 0;
}
