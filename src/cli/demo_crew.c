/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/demo_crew.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/authkey.h"
#include "cli/copy_tree.h"
#include "cli/share.h"

enum {
    READY_TIMEOUT_MS = 30000,
    WORKER_GRACE_MS = 15000, /* more than the agent's own --stop-grace */
    SERVER_GRACE_MS = 10000
};

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

/* --- the folder ------------------------------------------------------------------------------- */

static enum platoon_status make_folder(struct demo_crew *c, struct platoon_err *err)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm local;

    if (mkdir("platoon-data", 0777) != 0 && errno != EEXIST)
        return platoon_fail(err, PLATOON_EIO, "cannot make ./platoon-data: %s", strerror(errno));
    localtime_r(&now, &local);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
    for (int i = 1;; i++) { /* a second demo in the same second gets a number */
        char *path, again[16] = "";
        int made;

        if (i > 1)
            (void)snprintf(again, sizeof again, "-%d", i); /* fits */
        if (asprintf(&path, "platoon-data/demo-%s%s", stamp, again) < 0)
            return no_memory(err);
        made = mkdir(path, 0777);
        if (made == 0)
            c->folder = realpath(path, NULL);
        else if (errno != EEXIST)
            platoon_fail(err, PLATOON_EIO, "cannot make ./%s: %s", path, strerror(errno));
        free(path);
        if (made == 0)
            return c->folder ? PLATOON_OK : no_memory(err);
        if (errno != EEXIST)
            return PLATOON_EIO;
    }
}

/* The last line of a log that says something, for an error message; "" if there is none. */
static void last_line(const struct demo_crew *c, const char *log, char *out, size_t size)
{
    char *path = NULL, line[512];
    FILE *f = NULL;

    out[0] = '\0';
    if (asprintf(&path, "%s/%s", c->folder, log) >= 0)
        f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0])
            (void)snprintf(out, size, "%s", line); /* cut to fit */
    }
    if (f)
        fclose(f);
    free(path);
}

static enum platoon_status describe_end(const struct demo_crew *c, const struct child *ended,
                                        const char *who, const char *log, struct platoon_err *err)
{
    char how[64], line[400];

    last_line(c, log, line, sizeof line);
    return platoon_fail(err, PLATOON_EIO, "%s %s%s%s; its log is %s/%s", who,
                        child_describe_end(ended, how), line[0] ? ": " : "", line, c->folder, log);
}

static enum platoon_status build_scenario(struct demo_crew *c, const volatile sig_atomic_t *stop,
                                          struct platoon_err *err)
{
    const char *argv[] = {"./build.sh", NULL};
    struct child_options options = {.argv = argv, .folder = c->scenario, .keep_fd = -1};
    enum platoon_status st;
    char *log;

    if (asprintf(&log, "%s/build.log", c->folder) < 0)
        return no_memory(err);
    options.log = log;
    st = child_start(&options, &c->builder, err);
    while (st == PLATOON_OK && !child_wait(&c->builder, -1))
        if (*stop)
            st = platoon_fail(err, PLATOON_EINTR, "interrupted");
    if (st == PLATOON_OK && c->builder.status != 0)
        st = describe_end(c, &c->builder, "building the scenario", "build.log", err);
    free(log);
    return st;
}

enum platoon_status demo_crew_prepare(struct demo_crew *c, const volatile sig_atomic_t *stop,
                                      struct platoon_err *err)
{
    char *source = NULL;
    enum platoon_status st;

    *c = (struct demo_crew){.server.stdin_fd = -1, .builder.stdin_fd = -1};
    for (int i = 0; i < DEMO_N_WORKERS; i++)
        c->workers[i].stdin_fd = -1;
    st = share_find("scenarios/ramp_metering", &source, err);
    if (st == PLATOON_OK)
        st = share_program(&c->program, err);
    if (st == PLATOON_OK)
        st = make_folder(c, err);
    if (st == PLATOON_OK && asprintf(&c->scenario, "%s/ramp_metering", c->folder) < 0)
        c->scenario = NULL, st = no_memory(err);
    if (st == PLATOON_OK)
        st = copy_tree(source, c->scenario, err);
    if (st == PLATOON_OK)
        st = build_scenario(c, stop, err);
    free(source);
    return st;
}

/* --- server and workers ----------------------------------------------------------------------- */

/* Wait for the server's one line on `from`: "listening HOST:PORT" or "error KIND TEXT". */
static enum platoon_status read_report(struct demo_crew *c, int from, struct platoon_err *err)
{
    struct pollfd readable = {from, POLLIN, 0};
    char line[1200];
    size_t len = 0;
    unsigned port;

    while (len + 1 < sizeof line) {
        ssize_t n;

        if (poll(&readable, 1, READY_TIMEOUT_MS) == 0)
            return platoon_fail(err, PLATOON_ETIMEDOUT,
                                "the server did not start within %d s; its log is %s/server.log",
                                READY_TIMEOUT_MS / 1000, c->folder);
        n = read(from, line + len, sizeof line - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    line[len] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "listening 127.0.0.1:%u", &port) == 1 && port <= 65535) {
        c->port = (uint16_t)port;
        return PLATOON_OK;
    }
    if (line[0])
        return platoon_fail(err, PLATOON_EIO, "the server did not start: %s", line);
    (void)child_wait(&c->server, 5000); /* so that its end can be described */
    return describe_end(c, &c->server, "the server", "server.log", err);
}

static enum platoon_status start_server(struct demo_crew *c, struct platoon_err *err)
{
    char *log = NULL, *data = NULL, report_fd[16];
    int report[2];
    enum platoon_status st;

    if (pipe2(report, O_CLOEXEC) != 0)
        return platoon_fail(err, PLATOON_EIO, "no pipe for the server: %s", strerror(errno));
    (void)snprintf(report_fd, sizeof report_fd, "%d", report[1]); /* fits */
    if (asprintf(&log, "%s/server.log", c->folder) < 0)
        log = NULL;
    if (asprintf(&data, "%s/server", c->folder) < 0)
        data = NULL;
    if (asprintf(&c->key_file, "%s/server/authkey", c->folder) < 0)
        c->key_file = NULL;
    if (!log || !data || !c->key_file) {
        st = no_memory(err);
    } else {
        const char *argv[] = {c->program, "serve",       "--listen", "127.0.0.1:0",   "--data",
                              data,       "--report-fd", report_fd,  "--stop-on-eof", NULL};
        struct child_options options = {
            .argv = argv, .log = log, .has_stdin = true, .keep_fd = report[1]};
        st = child_start(&options, &c->server, err);
    }
    close(report[1]);
    if (st == PLATOON_OK)
        st = read_report(c, report[0], err);
    close(report[0]);
    free(log);
    free(data);
    return st;
}

static enum platoon_status start_worker(struct demo_crew *c, int i, unsigned slots,
                                        struct platoon_err *err)
{
    char *log, address[32], slots_text[16];
    enum platoon_status st;

    if (asprintf(&log, "%s/worker-%d.log", c->folder, i + 1) < 0)
        return no_memory(err);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)c->port); /* fits */
    (void)snprintf(slots_text, sizeof slots_text, "%u", slots);                 /* fits */
    {
        const char *argv[] = {c->program,  "work",     address,    "--authkey-file",
                              c->key_file, "--slots",  slots_text, "--root",
                              c->scenario, "--runner", "sumo",     NULL};
        struct child_options options = {
            .argv = argv, .log = log, .folder = c->folder, .keep_fd = -1};
        st = child_start(&options, &c->workers[i], err);
    }
    free(log);
    return st;
}

enum platoon_status demo_crew_start(struct demo_crew *c, unsigned slots, struct platoon_err *err)
{
    enum platoon_status st = start_server(c, err);

    for (int i = 0; st == PLATOON_OK && i < DEMO_N_WORKERS; i++)
        st = start_worker(c, i, slots, err);
    return st;
}

enum platoon_status demo_crew_check(struct demo_crew *c, struct platoon_err *err)
{
    char who[24], log[24];

    if (child_has_ended(&c->server))
        return describe_end(c, &c->server, "the server", "server.log", err);
    for (int i = 0; i < DEMO_N_WORKERS; i++) {
        if (!child_has_ended(&c->workers[i]))
            continue;
        (void)snprintf(who, sizeof who, "worker %d", i + 1);     /* fits */
        (void)snprintf(log, sizeof log, "worker-%d.log", i + 1); /* fits */
        return describe_end(c, &c->workers[i], who, log, err);
    }
    return PLATOON_OK;
}

enum platoon_status demo_crew_connect(const struct demo_crew *c, platoon_manager **out,
                                      struct platoon_err *err)
{
    struct authkey key;
    enum platoon_status st = authkey_for_client(c->key_file, "127.0.0.1", c->port, &key, err);
    struct platoon_manager_options options = {.port = c->port, .authkey = key.bytes};

    if (st != PLATOON_OK)
        return st;
    options.authkey_len = key.len;
    st = platoon_manager_connect(&options, out, err);
    authkey_release(&key);
    return st;
}

void demo_crew_release(struct demo_crew *c)
{
    child_stop(&c->builder, 1000);
    for (int i = 0; i < DEMO_N_WORKERS; i++)
        child_ask_to_stop(&c->workers[i]); /* both at once, then wait for each */
    for (int i = 0; i < DEMO_N_WORKERS; i++)
        child_stop(&c->workers[i], WORKER_GRACE_MS);
    child_stop(&c->server, SERVER_GRACE_MS);
    free(c->folder);
    free(c->scenario);
    free(c->program);
    free(c->key_file);
    *c = (struct demo_crew){.server.stdin_fd = -1, .builder.stdin_fd = -1};
}
