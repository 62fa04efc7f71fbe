/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_serve.c - `platoon serve`: the server as a program. The server itself is libplatoon-server's;
 * here are its options,
 * its key, what it says to people, and the ways to end it. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <platoon/server.h>

#include "cli/authkey.h"
#include "cli/cmd.h"
#include "cli/host.h"
#include "cli/log_sink.h"
#include "cli/notify.h"
#include "cli/options.h"
#include "cli/serve_greeting.h"
#include "cli/state_dir.h"
#include "cli/talk.h"

enum {
    OPT_LISTEN = 1,
    OPT_DATA,
    OPT_MEMORY,
    OPT_FRESH,
    OPT_DURABILITY,
    OPT_MAX_MEMORY,
    OPT_MAX_QUEUE_BYTES,
    OPT_NO_LEASES,
    OPT_STOCK_GRACE,
    OPT_CREDIT_TIME,
    OPT_LEASE_TIMEOUT,
    OPT_KEEPALIVE,
    OPT_QUEUE,
    OPT_NO_DEFAULT_QUEUES,
    OPT_AUTHKEY_FILE,
    OPT_INSECURE_AUTHKEY,
    OPT_AUTH_MIN,
    OPT_GLOBALS,
    OPT_WORKER_LEASE,
    OPT_MAX_FRAME,
    OPT_LOG_LEVEL,
    OPT_LOG_FORMAT,
    OPT_STOP_ON_EOF,
    OPT_REPORT_FD
};

static const struct cmd_option option_table[] = {
    {OPT_LISTEN, "listen", "ADDRESS:PORT",
     "where to listen (default 127.0.0.1:5000: this machine\n"
     "only); 0.0.0.0:5000 is every address, port 0 any free\n"
     "port"},
    {OPT_DATA, "data", "DIR",
     "the folder where tasks, results and the authkey are\n"
     "kept (default: $XDG_STATE_HOME/platoon/PORT; with port\n"
     "0 there is none)"},
    {OPT_MEMORY, "memory", NULL, "keep tasks and results in memory only: they end with the server"},
    {OPT_FRESH, "fresh", NULL, "forget the tasks and results that an earlier server left"},
    {OPT_DURABILITY, "durability", "process|power",
     "what an accepted task or result survives: kill -9 of\n"
     "the server (default), or also loss of power"},
    {OPT_MAX_MEMORY, "max-memory", "BYTES",
     "values of waiting tasks beyond this stay on disk\n"
     "(default: half of the machine's memory)"},
    {OPT_MAX_QUEUE_BYTES, "max-queue-bytes", "BYTES",
     "refuse tasks when more than this waits (default: no\n"
     "limit)"},
    {OPT_NO_LEASES, "no-leases", NULL,
     "stock Python workers as with Python's own server: the\n"
     "task of one that dies is lost"},
    {OPT_STOCK_GRACE, "stock-grace", "SECONDS",
     "how long a task waits for a late result of a worker\n"
     "that left in good order (default 60)"},
    {OPT_CREDIT_TIME, "credit-time", "SECONDS",
     "how long a dropped proxy excuses the end of a\n"
     "connection (default 5)"},
    {OPT_LEASE_TIMEOUT, "lease-timeout", "SECONDS",
     "give a stock worker's task back after this long,\n"
     "whatever it does (default: never)"},
    {OPT_KEEPALIVE, "keepalive", "SECONDS",
     "probe a client that is silent for so long, to find one\n"
     "whose machine or link is gone (default 30)"},
    {OPT_QUEUE, "queue", "TASK[:MAX][=RESULT[:MAX]]",
     "one more queue, or a pair: results of tasks from TASK\n"
     "go on RESULT; MAX bounds a queue's length. May be given\n"
     "several times"},
    {OPT_NO_DEFAULT_QUEUES, "no-default-queues", NULL,
     "do not make get_task_queue=get_result_queue"},
    {OPT_AUTHKEY_FILE, "authkey-file", "FILE",
     "the shared secret: the file's bytes less one trailing\n"
     "newline; '-' is standard input (default:\n"
     "PLATOON_AUTHKEY, else DIR/authkey, made when it is not\n"
     "there)"},
    {OPT_INSECURE_AUTHKEY, "insecure-authkey", NULL,
     "allow a short or well-known key on an address that\n"
     "other machines can reach"},
    {OPT_AUTH_MIN, "auth-min", "md5|sha256",
     "sha256 refuses Python 3.11 and older, which can only\n"
     "prove themselves with MD5 (default md5)"},
    {OPT_GLOBALS, "globals", "any|list|none",
     "values that name Python classes or functions: pass on\n"
     "any (default), only a fixed list of harmless ones, or\n"
     "none; the server itself never runs any"},
    {OPT_WORKER_LEASE, "worker-lease", "SECONDS",
     "how long a task stays with a 'platoon work' that does\n"
     "not renew it (default 60)"},
    {OPT_MAX_FRAME, "max-frame", "BYTES",
     "longest message, so largest task or result; K, M, G\n"
     "are understood (default 1G)"},
    {OPT_LOG_LEVEL, "log-level", "error|warning|info|debug",
     "what to log on stderr (default info)"},
    {OPT_LOG_FORMAT, "log-format", "text|json",
     "for people, or one JSON object a line (default text)"},
    {OPT_STOP_ON_EOF, "stop-on-eof", NULL,
     "stop when standard input ends: for a program that\n"
     "starts the server and holds the other end of a pipe"},
    {OPT_REPORT_FD, "report-fd", "N",
     "for such a program: write one line to descriptor N,\n"
     "'listening HOST:PORT' or 'error KIND TEXT' with KIND\n"
     "in-use, bad-address, invalid or other, and close it"},
    {0},
};

static int run(int argc, char **argv);

const struct cmd cmd_serve = {
    .name = "serve",
    .summary = "run the server: the task queue and the result queue",
    .usage = "[OPTION]...",
    .about =
        "Keep a task queue and a result queue on the network. Python programs reach them with\n"
        "multiprocessing.managers (typeids get_task_queue and get_result_queue), C programs\n"
        "with libplatoon, machines with 'platoon work'. When it listens it prints one line on\n"
        "stdout, 'platoon: listening on HOST:PORT'; everything else goes to stderr.\n"
        "\n"
        "Tasks and results are kept in the data folder, over a restart or kill -9 of the\n"
        "server, until they are purged; a worker that dies gives its task back.\n"
        "SIGTERM, Ctrl-C, 'platoon stop' and a client's shutdown() end it in good order.\n",
    .options = option_table,
    .after =
        "examples:\n"
        "  platoon serve                                    this machine only\n"
        "  platoon serve --listen 0.0.0.0:5000              workers on other machines\n"
        "  platoon serve --queue sims:1000=outcomes         a pair of one's own\n"
        "  platoon serve --data runs --durability power     kept in ./runs, over a power cut\n",
    .run = run,
};

struct args {
    struct address listen;
    const char *data, *authkey_file;
    const char **queues; /* malloc()ed array of borrowed texts */
    size_t n_queues;
    bool no_default_queues, allows_weak_key, sha256_only, stops_on_eof;
    enum platoon_globals globals;
    int report_fd; /* -1: none */
    double worker_lease_s, stock_grace_s, credit_s, lease_timeout_s;
    bool in_memory, is_fresh, no_leases;
    enum platoon_durability durability;
    uint64_t max_memory_bytes, max_queue_bytes;
    int64_t keepalive_s;
    uint64_t max_frame_bytes;
    struct log_sink sink;
};

/* --- options -----------------------------------------------------------------------------------
 * */

static bool take_choice(struct options *o, struct args *a, int id)
{
    static const char *const globals[] = {"any", "list", "none"};

    if (id == OPT_DURABILITY) {
        a->durability =
            strcmp(o->value, "power") == 0 ? PLATOON_DURABLE_POWER : PLATOON_DURABLE_PROCESS;
        if (a->durability == PLATOON_DURABLE_POWER || strcmp(o->value, "process") == 0)
            return true;
    } else if (id == OPT_AUTH_MIN) {
        a->sha256_only = strcmp(o->value, "sha256") == 0;
        if (a->sha256_only || strcmp(o->value, "md5") == 0)
            return true;
    } else if (id == OPT_GLOBALS) {
        for (size_t i = 0; i < 3; i++) {
            if (strcmp(o->value, globals[i]) == 0) {
                a->globals = (enum platoon_globals)i; /* in the order of the enum */
                return true;
            }
        }
    } else if (id == OPT_LOG_LEVEL) {
        if (log_sink_level(o->value, &a->sink.level))
            return true;
    } else if (log_sink_format_of(o->value, &a->sink.format)) {
        return true;
    }
    for (const struct cmd_option *spec = option_table; spec->name; spec++)
        if (spec->id == id)
            options_fail(o, "--%s is one of %s, not '%s'", spec->name, spec->value, o->value);
    return false;
}

/* CMD_OK with *a filled (release it), or an exit code; *out_done when there is nothing more to do.
 * */
static int read_args(int argc, char **argv, struct args *a, bool *out_done)
{
    struct options o;
    struct platoon_err err;
    int64_t report_fd;

    *out_done = true;
    options_init(&o, &cmd_serve, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        bool is_fine = true;

        switch (id) {
        case OPTION_EXIT:
            return o.exit_code;
        case OPTION_OPERAND:
            options_fail(&o, "'%s' is not an option; where to listen is --listen %s", o.value,
                         o.value);
            return o.exit_code;
        case OPT_LISTEN:
            if (host_read(o.value, &a->listen, &err) != PLATOON_OK) {
                options_fail(&o, "--listen: %s", err.message);
                is_fine = false;
            }
            break;
        case OPT_DATA:
            a->data = o.value;
            break;
        case OPT_MEMORY:
            a->in_memory = true;
            break;
        case OPT_FRESH:
            a->is_fresh = true;
            break;
        case OPT_NO_LEASES:
            a->no_leases = true;
            break;
        case OPT_MAX_MEMORY:
            is_fine = options_bytes(&o, 1024, (uint64_t)1 << 50, &a->max_memory_bytes);
            break;
        case OPT_MAX_QUEUE_BYTES:
            is_fine = options_bytes(&o, 1024, (uint64_t)1 << 50, &a->max_queue_bytes);
            break;
        case OPT_STOCK_GRACE:
            is_fine = options_seconds(&o, 7 * 86400, &a->stock_grace_s);
            break;
        case OPT_CREDIT_TIME:
            is_fine = options_seconds(&o, 3600, &a->credit_s);
            break;
        case OPT_KEEPALIVE:
            is_fine = options_integer(&o, 1, 32767, &a->keepalive_s);
            break;
        case OPT_LEASE_TIMEOUT:
            is_fine = options_seconds(&o, 40 * 86400, &a->lease_timeout_s);
            break;
        case OPT_QUEUE:
            a->queues[a->n_queues++] = o.value;
            break;
        case OPT_NO_DEFAULT_QUEUES:
            a->no_default_queues = true;
            break;
        case OPT_AUTHKEY_FILE:
            a->authkey_file = o.value;
            break;
        case OPT_INSECURE_AUTHKEY:
            a->allows_weak_key = true;
            break;
        case OPT_WORKER_LEASE:
            is_fine = options_seconds(&o, 7 * 86400, &a->worker_lease_s);
            if (is_fine && a->worker_lease_s < 1) {
                options_fail(&o, "--worker-lease is at least 1 second, not '%s'", o.value);
                is_fine = false;
            }
            break;
        case OPT_MAX_FRAME:
            is_fine = options_bytes(&o, 64 * 1024, (uint64_t)1 << 40, &a->max_frame_bytes);
            break;
        case OPT_STOP_ON_EOF:
            a->stops_on_eof = true;
            break;
        case OPT_REPORT_FD:
            is_fine = options_integer(&o, 0, INT_MAX, &report_fd);
            a->report_fd = (int)report_fd;
            break;
        default:
            is_fine = take_choice(&o, a, id);
        }
        if (!is_fine)
            return o.exit_code;
    }
    if (a->no_default_queues && a->n_queues == 0) {
        options_fail(&o, "--no-default-queues without --queue leaves a server without queues");
        return o.exit_code;
    }
    if (a->in_memory && (a->is_fresh || a->durability == PLATOON_DURABLE_POWER)) {
        options_fail(&o, "--memory keeps nothing, so %s means nothing with it",
                     a->is_fresh ? "--fresh" : "--durability power");
        return o.exit_code;
    }
    *out_done = false;
    return CMD_OK;
}

/* Half of the machine's memory. */
static uint64_t default_max_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size / 2 : 0;
}

/* The data folder, malloc()ed into *out; NULL for a server that keeps nothing. */
static enum platoon_status find_folder(const struct args *a, char **out, struct platoon_err *err)
{
    *out = NULL;
    if (a->in_memory || (!a->data && a->listen.port == 0))
        return PLATOON_OK;
    if (!a->data)
        return state_dir(a->listen.port, out, err);
    *out = strdup(a->data);
    return *out ? PLATOON_OK : platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

/* --- ending ------------------------------------------------------------------------------------
 * */

/* A thread that waits for what ends the server from outside: SIGTERM, SIGINT, and the end of
 * standard input where
 * that was asked for. The signals are blocked everywhere and read here, so no handler runs. */
struct ender {
    platoon_server *server;
    struct log_sink *sink;
    int signals; /* signalfd */
    int quit;    /* eventfd: the server has ended, so shall the thread */
    bool watches_stdin;
    bool was_told; /* once: a second signal ends the program at once */
    pthread_t thread;
};

static void stop_server(struct ender *e, const char *why)
{
    char line[128];

    if (e->was_told) {
        talk_warning("ended at once; connections were cut");
        _exit(CMD_INTERRUPTED);
    }
    e->was_told = true;
    (void)snprintf(line, sizeof line, "serve.stop why=%s", why); /* fits: both are ours */
    log_sink_write(6, line, e->sink);
    platoon_server_stop(e->server);
}

static void *ender_main(void *arg)
{
    struct ender *e = arg;

    for (;;) {
        struct pollfd watched[] = {{e->quit, POLLIN, 0},
                                   {e->signals, POLLIN, 0},
                                   {e->watches_stdin ? STDIN_FILENO : -1, POLLIN, 0}};
        struct signalfd_siginfo signal;
        char ignored[256];

        if (poll(watched, 3, -1) < 0)
            continue; /* EINTR; nothing else can happen to these descriptors */
        if (watched[0].revents)
            return NULL;
        if (watched[1].revents && read(e->signals, &signal, sizeof signal) == sizeof signal)
            stop_server(e, signal.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
        if (watched[2].revents && read(STDIN_FILENO, ignored, sizeof ignored) <= 0) {
            e->watches_stdin = false;
            if (!e->was_told)
                stop_server(e, "stdin-ended");
        }
    }
}

/* Called before the server starts, so that its thread has them blocked too. */
static int block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static void ender_finish(struct ender *e)
{
    uint64_t one = 1;

    if (write(e->quit, &one, sizeof one) == sizeof one)
        pthread_join(e->thread, NULL);
}

/* --- running -----------------------------------------------------------------------------------
 * */

/* Every connection is a descriptor; the usual soft limit of 1024 is for programs that use select().
 * */
static void raise_descriptor_limit(struct log_sink *sink)
{
    struct rlimit limit;
    char line[96];

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    (void)snprintf(line, sizeof line, "serve.limit descriptors=%llu",
                   (unsigned long long)limit.rlim_cur); /* fits */
    log_sink_write(7, line, sink);
}

/* One line for the program that started us; each start makes exactly one. */
static void report(struct args *a, const char *what, const char *text)
{
    if (a->report_fd < 0)
        return;
    dprintf(a->report_fd, "%s %s\n", what, text); /* if nobody reads it, the exit code tells */
    close(a->report_fd);
    a->report_fd = -1;
}

/* A failure to start: to the program that asked for reports, else to the person. Returns the exit
 * code. */
static int fail_start(struct args *a, const struct platoon_err *err)
{
    static const struct {
        enum platoon_status status;
        const char *kind;
    } kinds[] = {{PLATOON_EBUSY, "error in-use"},
                 {PLATOON_EADDR, "error bad-address"},
                 {PLATOON_EINVAL, "error invalid"}};
    const char *kind = "error other";

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].status == err->status)
            kind = kinds[i].kind;
    if (a->report_fd >= 0) {
        report(a, kind, err->message);
    } else {
        talk_error("%s", err->message);
        if (err->status == PLATOON_EBUSY)
            talk_hint("choose another port: platoon serve --listen %s:%u", a->listen.host,
                      (unsigned)a->listen.port % 65535 + 1);
    }
    return err->status == PLATOON_EINVAL ? CMD_USAGE : CMD_FAILED;
}

/* CMD_OK if this key may be used on this address. */
static int judge_key(struct args *a, const struct authkey *key)
{
    char name[ADDRESS_TEXT_MAX];
    struct platoon_err err;
    const char *why;

    if (!authkey_is_weak(key, &why))
        return CMD_OK;
    if (a->allows_weak_key || host_is_loopback(a->listen.host)) {
        talk_warning("the authkey is %s: whoever can reach this server may guess it", why);
        return CMD_OK;
    }
    platoon_fail(&err, PLATOON_EAUTH,
                 "the authkey from %s is %s, and %s can be reached from other machines: whoever "
                 "guesses it can run code in the Python programs that connect",
                 authkey_origin(key), why, address_format(a->listen.host, a->listen.port, name));
    (void)fail_start(a, &err);
    talk_hint("leave the key out and a good one is made; or insist with --insecure-authkey");
    return CMD_FAILED;
}

/* The server runs and `ender` watches: say so, wait for the end, tidy up. */
static int serve_until_ended(platoon_server *server, struct args *a, const char *folder,
                             struct authkey *key)
{
    struct address listen = a->listen;
    char name[ADDRESS_TEXT_MAX];
    struct platoon_err err;

    listen.port = platoon_server_port(server);
    if (authkey_server_listens(key, listen.port, &err) != PLATOON_OK)
        return fail_start(a, &err);
    serve_greeting(&a->sink, &listen, key, folder, platoon_server_found(server));
    explicit_bzero(key->bytes, sizeof key->bytes); /* the server has its copy */
    printf("platoon: listening on %s\n", address_format(listen.host, listen.port, name));
    fflush(stdout);
    report(a, "listening", name);
    notify_service_manager("READY=1");
    platoon_server_wait(server);
    notify_service_manager("STOPPING=1");
    authkey_server_ended(key, listen.port);
    return CMD_OK;
}

static uint32_t ms_of(double seconds)
{
    return (uint32_t)(seconds * 1000);
}

static int serve(struct args *a, const char *folder, struct authkey *key)
{
    struct platoon_server_options options = {
        .host = a->listen.host,
        .port = a->listen.port,
        .authkey = key->bytes,
        .authkey_len = key->len,
        .queues = a->queues,
        .n_queues = a->n_queues,
        .no_default_queues = a->no_default_queues,
        .globals = a->globals,
        .auth_sha256_only = a->sha256_only,
        .worker_lease_ms = ms_of(a->worker_lease_s),
        .data_folder = folder,
        .durability = a->durability,
        .fresh = a->is_fresh,
        .max_memory_bytes = a->max_memory_bytes ? a->max_memory_bytes : default_max_memory(),
        .max_queue_bytes = a->max_queue_bytes,
        .no_leases = a->no_leases,
        .stock_grace_ms = ms_of(a->stock_grace_s),
        .credit_ms = ms_of(a->credit_s),
        .keepalive_s = (uint32_t)a->keepalive_s,
        .stock_lease_ms = ms_of(a->lease_timeout_s),
        .max_frame_bytes = a->max_frame_bytes,
        .log = log_sink_write,
        .log_arg = &a->sink,
        .log_level = a->sink.level,
    };
    struct ender ender = {.sink = &a->sink, .watches_stdin = a->stops_on_eof};
    struct platoon_err err;
    int exit_code;

    ender.signals = block_signals();
    ender.quit = eventfd(0, EFD_CLOEXEC);
    if (ender.signals < 0 || ender.quit < 0) {
        talk_error("no descriptor for signals: %s", strerror(errno));
        exit_code = CMD_FAILED;
        goto done;
    }
    raise_descriptor_limit(&a->sink);
    if (platoon_server_start(&options, &ender.server, &err) != PLATOON_OK) {
        exit_code = fail_start(a, &err);
        goto done;
    }
    if (pthread_create(&ender.thread, NULL, ender_main, &ender) != 0) {
        talk_error("no thread to wait for signals: out of memory");
        exit_code = CMD_FAILED;
    } else {
        exit_code = serve_until_ended(ender.server, a, folder, key);
        ender_finish(&ender);
    }
    platoon_server_free(ender.server);
done:
    if (ender.signals >= 0)
        close(ender.signals);
    if (ender.quit >= 0)
        close(ender.quit);
    return exit_code;
}

static int run(int argc, char **argv)
{
    struct args a = {.listen = {"127.0.0.1", HOST_DEFAULT_PORT}, .report_fd = -1};
    struct authkey key;
    struct platoon_err err;
    char *folder = NULL;
    bool is_done;
    int exit_code;

    log_sink_init(&a.sink);
    a.queues = calloc((size_t)argc, sizeof *a.queues); /* more than there can be */
    if (!a.queues) {
        talk_error("out of memory");
        return CMD_FAILED;
    }
    exit_code = read_args(argc, argv, &a, &is_done);
    if (!is_done) {
        if (authkey_for_server(a.authkey_file, a.data, a.listen.port, &key, &err) != PLATOON_OK) {
            exit_code = fail_start(&a, &err);
        } else {
            exit_code = judge_key(&a, &key);
            if (exit_code == CMD_OK && find_folder(&a, &folder, &err) != PLATOON_OK)
                exit_code = fail_start(&a, &err);
            if (exit_code == CMD_OK)
                exit_code = serve(&a, folder, &key);
            authkey_release(&key);
        }
    }
    free(folder);
    free(a.queues);
    return exit_code;
}
