/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/authkey.h"
#include "cli/share.h"

enum {
    READY_TIMEOUT_MS = 30000,
    SERVER_GRACE_MS = 10000,
    LAST_ONE_ENDS_MS = 5000,
    RETRY_MS = 50,
    OWN_WORDS = 7 /* of a worker's command line */
};

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

/* Cut to fit. */
static void keep_text(char *out, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);

    memcpy(out, text, len);
    out[len] = '\0';
}

/* The last line of a log that says something, for an error message; "" if there is none. The last
 * error, if one is told: hints follow it. */
static void last_line(const char *folder, const char *log, char *out, size_t size)
{
    char *path = NULL, line[512];
    bool has_error = false;
    FILE *f = NULL;

    out[0] = '\0';
    if (asprintf(&path, "%s/%s", folder, log) >= 0)
        f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strncmp(line, "error: ", 7) == 0) {
            keep_text(out, size, line + 7);
            has_error = true;
        } else if (line[0] && !has_error) {
            keep_text(out, size, line);
        }
    }
    if (f)
        fclose(f);
    free(path);
}

enum platoon_status crew_describe_end(const char *folder, const struct child *ended,
                                      const char *who, const char *log, struct platoon_err *err)
{
    char how[64], line[400];

    last_line(folder, log, line, sizeof line);
    return platoon_fail(err, PLATOON_EIO, "%s %s%s%s; its log is %s/%s", who,
                        child_describe_end(ended, how), line[0] ? ": " : "", line, folder, log);
}

/* --- server ----------------------------------------------------------------------------------- */

/* Wait for the server's one line on `from`: "listening HOST:PORT" or "error KIND TEXT". */
static enum platoon_status read_report(struct crew *c, int from, struct platoon_err *err)
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
    if (strncmp(line, "error in-use ", 13) == 0)
        return platoon_fail(err, PLATOON_EBUSY, "the server did not start: %s", line + 13);
    if (line[0])
        return platoon_fail(err, PLATOON_EIO, "the server did not start: %s", line);
    (void)child_wait(&c->server, 5000); /* so that its end can be described */
    return crew_describe_end(c->folder, &c->server, "the server", "server.log", err);
}

static enum platoon_status start_once(struct crew *c, const char *folder, struct platoon_err *err)
{
    char *log = NULL, *data = NULL, report_fd[16], lease_text[16];
    int report[2];
    enum platoon_status st;

    *c = (struct crew){.folder = folder, .server.stdin_fd = -1};
    st = share_program(&c->program, err);
    if (st != PLATOON_OK)
        return st;
    if (pipe2(report, O_CLOEXEC) != 0)
        return platoon_fail(err, PLATOON_EIO, "no pipe for the server: %s", strerror(errno));
    (void)snprintf(report_fd, sizeof report_fd, "%d", report[1]);      /* fits */
    (void)snprintf(lease_text, sizeof lease_text, "%d", CREW_LEASE_S); /* fits */
    if (asprintf(&log, "%s/server.log", c->folder) < 0)
        log = NULL;
    if (asprintf(&data, "%s/server", c->folder) < 0)
        data = NULL;
    if (asprintf(&c->key_file, "%s/server/authkey", c->folder) < 0)
        c->key_file = NULL;
    if (!log || !data || !c->key_file) {
        st = no_memory(err);
    } else {
        const char *argv[] = {
            c->program, "serve",       "--listen", "127.0.0.1:0",   "--data",         data,
            "--fresh",  "--report-fd", report_fd,  "--stop-on-eof", "--worker-lease", lease_text,
            NULL};
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

enum platoon_status crew_start_server(struct crew *c, const char *folder, struct platoon_err *err)
{
    const struct timespec pause = {0, RETRY_MS * 1000000L};
    enum platoon_status st = start_once(c, folder, err);

    /* One whose command was killed a moment ago is about to end. */
    for (int waited_ms = 0; st == PLATOON_EBUSY && waited_ms < LAST_ONE_ENDS_MS;
         waited_ms += RETRY_MS) {
        nanosleep(&pause, NULL);
        crew_stop(c);
        st = start_once(c, folder, err);
    }
    return st;
}

/* --- workers ---------------------------------------------------------------------------------- */

enum platoon_status crew_start_worker(struct crew *c, unsigned slots, const char *folder,
                                      const platoon_value *words, struct platoon_err *err)
{
    size_t n_words = platoon_len(words);
    const char **argv = calloc(OWN_WORDS + n_words + 1, sizeof *argv);
    struct child *worker = &c->workers[c->n_workers];
    char *log = NULL, address[32], slots_text[16];
    enum platoon_status st = PLATOON_OK;

    if (asprintf(&log, "%s/worker-%zu.log", c->folder, c->n_workers + 1) < 0)
        log = NULL;
    if (!argv || !log)
        st = no_memory(err);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)c->port); /* fits */
    (void)snprintf(slots_text, sizeof slots_text, "%u", slots);                 /* fits */
    if (st == PLATOON_OK) {
        const char *own[OWN_WORDS] = {c->program,  "work",    address,   "--authkey-file",
                                      c->key_file, "--slots", slots_text};
        struct child_options options = {.argv = argv, .log = log, .folder = folder, .keep_fd = -1};

        memcpy(argv, own, sizeof own);
        for (size_t i = 0; i < n_words; i++)
            argv[OWN_WORDS + i] = platoon_as_str(platoon_item(words, i), NULL);
        worker->stdin_fd = -1;
        st = child_start(&options, worker, err);
    }
    c->n_workers += st == PLATOON_OK;
    free(log);
    free(argv);
    return st;
}

enum platoon_status crew_restart_worker(struct crew *c, unsigned slots, const char *folder,
                                        const platoon_value *words, struct platoon_err *err)
{
    enum platoon_status st;

    c->n_workers--;
    st = crew_start_worker(c, slots, folder, words, err);
    c->n_workers += st != PLATOON_OK; /* still the one that ended */
    return st;
}

enum platoon_status crew_check(struct crew *c, struct platoon_err *err)
{
    char who[32], log[32];

    if (child_has_ended(&c->server))
        return crew_describe_end(c->folder, &c->server, "the server", "server.log", err);
    for (size_t i = 0; i < c->n_workers; i++) {
        if (!child_has_ended(&c->workers[i]))
            continue;
        (void)snprintf(who, sizeof who, "worker %zu", i + 1);     /* fits */
        (void)snprintf(log, sizeof log, "worker-%zu.log", i + 1); /* fits */
        return crew_describe_end(c->folder, &c->workers[i], who, log, err);
    }
    return PLATOON_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

enum platoon_status crew_connect(const struct crew *c, platoon_manager **out,
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

void crew_ask_to_stop(struct crew *c)
{
    for (size_t i = 0; i < c->n_workers; i++)
        child_ask_to_stop(&c->workers[i]);
}

void crew_stop(struct crew *c)
{
    if (!c->folder)
        return;          /* nothing was started */
    crew_ask_to_stop(c); /* all at once, then wait for each */
    for (size_t i = 0; i < c->n_workers; i++)
        child_stop(&c->workers[i], CREW_WORKER_GRACE_MS);
    child_stop(&c->server, SERVER_GRACE_MS);
    free(c->program);
    free(c->key_file);
    *c = (struct crew){0};
}
