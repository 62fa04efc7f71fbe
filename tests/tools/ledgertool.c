/* SPDX-License-Identifier: Apache-2.0 */
/* ledgertool.c - a client in C that writes down what the server acknowledged, for tests that kill
 * the server:
 *
 *     ledgertool PORT AUTHKEY put NAME FIRST     puts the texts "NAME FIRST", "NAME FIRST+1", ...
 *     ledgertool PORT AUTHKEY work               takes a text, puts the text + " done"
 *
 * One line on stdout, at once, for each acknowledgement: `put TEXT`, `took TEXT`, `done TEXT`. Ends
 * with code 3 when the server is gone, 1 after anything else. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <platoon/platoon.h>

static struct platoon_err err;

static void must(enum platoon_status st)
{
    if (st == PLATOON_OK)
        return;
    if (st == PLATOON_ECLOSED || st == PLATOON_EUNKNOWN || st == PLATOON_ECONNECT)
        exit(3);
    fprintf(stderr, "ledgertool: %s\n", err.message);
    exit(1);
}

static void put_for_ever(platoon_queue *tasks, const char *name, int64_t i)
{
    for (;; i++) {
        platoon_value *v = platoon_strf("%s %" PRId64, name, i);

        must(platoon_queue_put(tasks, v, PLATOON_FOREVER, &err));
        printf("put %s %" PRId64 "\n", name, i);
        platoon_value_unref(v);
    }
}

static void work_for_ever(platoon_queue *tasks, platoon_queue *results)
{
    for (;;) {
        platoon_value *task, *result;
        const char *text;

        must(platoon_queue_get(tasks, PLATOON_FOREVER, &task, &err));
        text = platoon_as_str(task, NULL);
        if (!text) {
            fprintf(stderr, "ledgertool: a task that is no text\n");
            exit(1);
        }
        printf("took %s\n", text);
        result = platoon_strf("%s done", text);
        must(platoon_queue_put(results, result, PLATOON_FOREVER, &err));
        printf("done %s\n", text);
        platoon_value_unref(task);
        platoon_value_unref(result);
    }
}

int main(int argc, char **argv)
{
    struct platoon_manager_options server = {.host = "127.0.0.1"};
    platoon_manager *m;
    platoon_queue *tasks, *results;

    if (argc < 4)
        return 2;
    server.port = (uint16_t)atoi(argv[1]);
    server.authkey = argv[2];
    server.authkey_len = strlen(argv[2]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    must(platoon_manager_connect(&server, &m, &err));
    must(platoon_manager_queue(m, "get_task_queue", NULL, &tasks, &err));
    must(platoon_manager_queue(m, "get_result_queue", NULL, &results, &err));
    if (strcmp(argv[3], "put") == 0 && argc > 5)
        put_for_ever(tasks, argv[4], strtoll(argv[5], NULL, 10));
    else
        work_for_ever(tasks, results);
    return 0;
}
