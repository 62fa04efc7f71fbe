/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - a C client of a manager server, ours or Python's, that does what it is told and says how
 * long it took.
 *
 *     client PORT KEYFILE QUEUE
 *
 * A command a line on stdin, an answer a line on stdout, a JSON object; times in microseconds:
 *
 *     cycle N      N times put and get of the tutorial's task on one connection
 *     until        one cycle each millisecond until the next line comes, which it takes; timed from
 *                  when a cycle was due, if an earlier one was in its way
 *     open N       N times: connect, two proxies, a first call, close
 *     puts N C     N puts by C connections at once, each in a thread of its own; then the queue is
 *                  emptied, which is not timed
 *
 * The server is on 127.0.0.1. A failure is a sentence on stderr and exit 1. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <platoon/platoon.h>

#include "timing.h"

#define PACE_NS UINT64_C(1000000)

static struct platoon_err err;
static struct platoon_manager_options server;

static void must(enum platoon_status st, const char *what)
{
    if (st == PLATOON_OK)
        return;
    fprintf(stderr, "client: %s: %s\n", what, err.message);
    exit(1);
}

/* The bytes of the file; the bench makes it without a newline. */
static void read_key(const char *path)
{
    static char key[256];
    FILE *f = fopen(path, "rb");

    if (!f) {
        fprintf(stderr, "client: cannot read the key in %s: %s\n", path, strerror(errno));
        exit(1);
    }
    server.authkey = key;
    server.authkey_len = fread(key, 1, sizeof key, f);
    fclose(f);
}

static platoon_value *tutorial_task(void)
{
    platoon_value *task = platoon_dict();

    if (!task || platoon_dict_set(task, "filename", platoon_str("data/ramp_metering.sumocfg")) ||
        platoon_dict_set(task, "control_bool", platoon_bool(false))) {
        fprintf(stderr, "client: out of memory for a task\n");
        exit(1);
    }
    return task;
}

struct times {
    struct samples put, get, both;
};

/* `start` is now, or before now if the cycle had to wait for its turn. Returns when it ended. */
static uint64_t one_cycle(platoon_queue *q, const platoon_value *task, uint64_t start,
                          struct times *t)
{
    platoon_value *back = NULL;
    uint64_t middle, end;

    must(platoon_queue_put(q, task, PLATOON_FOREVER, &err), "put");
    middle = now_ns();
    must(platoon_queue_get(q, PLATOON_FOREVER, &back, &err), "get");
    end = now_ns();
    platoon_value_unref(back);
    samples_add(&t->put, middle - start);
    samples_add(&t->get, end - middle);
    samples_add(&t->both, end - start);
    return end;
}

static bool line_waits(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

    return poll(&in, 1, 0) > 0;
}

static void sleep_until(uint64_t ns)
{
    struct timespec at = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

/* A client that asks again as soon as it is answered asks nothing while the server stalls: one slow
 * call among ten thousand quick ones, and no percentile shows it. So the cycles have a timetable,
 * and those that were due during a stall count with what they waited. Our own late waking does not
 * count: it is the machine's, not the server's. */
static void cycles_until_told(platoon_queue *q, const platoon_value *task, struct times *t)
{
    uint64_t due = now_ns(), end = due;

    do {
        due += PACE_NS;
        if (end < due)
            sleep_until(due);
        end = one_cycle(q, task, end < due ? now_ns() : due, t);
    } while (!line_waits());
}

static void answer(struct times *t)
{
    printf("{\"n\": %zu, \"put_p50\": %.3f, \"get_p50\": %.3f, \"p50\": %.3f, \"p99\": %.3f, "
           "\"max\": %.3f}\n",
           t->both.n, samples_at(&t->put, 50), samples_at(&t->get, 50), samples_at(&t->both, 50),
           samples_at(&t->both, 99), samples_at(&t->both, 100));
    samples_release(&t->put);
    samples_release(&t->get);
    samples_release(&t->both);
}

static void open_once(struct samples *t)
{
    platoon_manager *m = NULL;
    platoon_queue *first = NULL, *second = NULL;
    int64_t size;
    uint64_t start = now_ns();

    must(platoon_manager_connect(&server, &m, &err), "connect");
    must(platoon_manager_queue(m, "get_task_queue", NULL, &first, &err), "first proxy");
    must(platoon_manager_queue(m, "get_result_queue", NULL, &second, &err), "second proxy");
    must(platoon_queue_size(first, &size, &err), "first call");
    samples_add(t, now_ns() - start);
    platoon_manager_close(m);
}

static void open_times(long n)
{
    struct samples t = {0};

    for (long i = 0; i < n; i++)
        open_once(&t);
    printf("{\"n\": %zu, \"p50\": %.3f}\n", t.n, samples_at(&t, 50));
    samples_release(&t);
}

struct putter {
    pthread_t thread;
    pthread_barrier_t *start;
    const char *queue;
    long n;
};

static void *put_all(void *arg)
{
    const struct putter *p = arg;
    platoon_value *task = tutorial_task();
    platoon_manager *m = NULL;
    platoon_queue *q = NULL;
    struct platoon_err why;
    bool is_fine = platoon_manager_connect(&server, &m, &why) == PLATOON_OK &&
                   platoon_manager_queue(m, p->queue, NULL, &q, &why) == PLATOON_OK;

    pthread_barrier_wait(p->start);
    for (long i = 0; i < p->n && is_fine; i++)
        is_fine = platoon_queue_put(q, task, PLATOON_FOREVER, &why) == PLATOON_OK;
    if (!is_fine) {
        fprintf(stderr, "client: put: %s\n", why.message);
        exit(1);
    }
    platoon_manager_close(m);
    platoon_value_unref(task);
    return NULL;
}

static void puts_at_once(platoon_queue *q, const char *queue, long n, long connections)
{
    struct putter *all = calloc((size_t)connections, sizeof *all);
    const long each = n / connections, n_puts = each * connections;
    pthread_barrier_t start_line;
    uint64_t start, took;
    platoon_value *back;

    if (!all || pthread_barrier_init(&start_line, NULL, (unsigned)connections + 1)) {
        fprintf(stderr, "client: no memory for %ld connections\n", connections);
        exit(1);
    }
    for (long i = 0; i < connections; i++) {
        all[i] = (struct putter){.start = &start_line, .queue = queue, .n = each};
        if (pthread_create(&all[i].thread, NULL, put_all, &all[i])) {
            fprintf(stderr, "client: no thread for connection %ld\n", i);
            exit(1);
        }
    }
    pthread_barrier_wait(&start_line);
    start = now_ns();
    for (long i = 0; i < connections; i++)
        pthread_join(all[i].thread, NULL);
    took = now_ns() - start;
    for (long i = 0; i < n_puts; i++) {
        must(platoon_queue_get(q, PLATOON_FOREVER, &back, &err), "get");
        platoon_value_unref(back);
    }
    printf("{\"per_s\": %.1f}\n", (double)n_puts * 1e9 / (double)took);
    pthread_barrier_destroy(&start_line);
    free(all);
}

/* Take one line, a byte at a time: poll() sees what stdio would have read ahead. */
static bool next_line(char *line, size_t size)
{
    size_t len = 0;
    char byte;

    while (read(STDIN_FILENO, &byte, 1) == 1) {
        if (byte == '\n') {
            line[len] = '\0';
            return true;
        }
        if (len + 1 < size)
            line[len++] = byte;
    }
    return false;
}

int main(int argc, char **argv)
{
    platoon_value *task;
    platoon_manager *m = NULL;
    platoon_queue *q = NULL;
    char line[100];
    long n, connections;

    if (argc != 4) {
        fprintf(stderr, "usage: client PORT KEYFILE QUEUE\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    server.port = (uint16_t)atoi(argv[1]);
    read_key(argv[2]);
    task = tutorial_task();
    must(platoon_manager_connect(&server, &m, &err), "connect");
    must(platoon_manager_queue(m, argv[3], NULL, &q, &err), argv[3]);
    while (next_line(line, sizeof line)) {
        struct times t = {0};

        if (sscanf(line, "cycle %ld", &n) == 1) {
            for (long i = 0; i < n; i++)
                one_cycle(q, task, now_ns(), &t);
            answer(&t);
        } else if (strcmp(line, "until") == 0) {
            cycles_until_told(q, task, &t);
            (void)next_line(line, sizeof line);
            answer(&t);
        } else if (sscanf(line, "open %ld", &n) == 1) {
            open_times(n);
        } else if (sscanf(line, "puts %ld %ld", &n, &connections) == 2 && connections >= 1 &&
                   connections <= 1000) {
            puts_at_once(q, argv[3], n, connections);
        } else {
            fprintf(stderr, "client: no command is `%s`\n", line);
            return 2;
        }
    }
    platoon_value_unref(task);
    platoon_manager_close(m);
    return 0;
}
