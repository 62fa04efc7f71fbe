/* SPDX-License-Identifier: Apache-2.0 */
/* manager_test.c - the client against servers that no honest program would be. What it does with
 * honest ones is in tests/integration/client_vs_python.py. */
#include "support/test.h"

#include <errno.h>
#include <math.h>
#include <sys/socket.h>
#include <unistd.h>

#include <platoon/platoon.h>

#include "base/clock.h"
#include "support/peer.h"

#define BYTES(text) text, sizeof(text) - 1

static const char none_reply[] = "\x80\x04\x8c\x07#RETURNN\x86.";
static const char create_reply[] = "\x80\x04\x8c\x07#RETURN\x8c\x04id#1)\x86\x86.";
static const char key[] = "k";

enum { LOG_MAX = 64 };

/* A server that answers housekeeping as it should and calls as the test wants. */
struct fake {
    struct peer peer;
    const char *hello, *create, *answer; /* pickles; NULL: as it should be */
    size_t hello_len, create_len, answer_len;
    const char
        *raw; /* instead of a frame with `answer`: these bytes, header and all, then a close */
    size_t raw_len;
    bool is_mute;     /* never answers a call */
    bool closes_line; /* after accept_connection */
    const char *then; /* sent after the answer of a call, unasked */
    size_t then_len;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t noted;
    char log[LOG_MAX][64];
    uint8_t protocols[LOG_MAX];
    int n_log;
};

static void note(struct fake *f, const char *what, uint8_t protocol)
{
    pthread_mutex_lock(&f->lock);
    if (f->n_log < LOG_MAX) {
        snprintf(f->log[f->n_log], sizeof f->log[0], "%s", what);
        f->protocols[f->n_log++] = protocol;
    }
    pthread_cond_broadcast(&f->noted);
    pthread_mutex_unlock(&f->lock);
}

/* Wait until `what` is in the log. */
static void await(struct fake *f, const char *what)
{
    bool is_there = false;

    pthread_mutex_lock(&f->lock);
    while (!is_there) {
        for (int i = 0; i < f->n_log; i++)
            is_there = is_there || strcmp(f->log[i], what) == 0;
        if (!is_there)
            pthread_cond_wait(&f->noted, &f->lock);
    }
    pthread_mutex_unlock(&f->lock);
}

static const char *find_method(const uint8_t *request, size_t len)
{
    static const char *const methods[] = {"dummy", "create", "decref", "shutdown",
                                          "accept_connection"};

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (memmem(request, len, methods[i], strlen(methods[i])))
            return methods[i];
    }
    return "call";
}

static bool answer_with(int fd, const char *given, size_t given_len, const char *usual,
                        size_t usual_len)
{
    return given ? peer_send_frame(fd, given, given_len) : peer_send_frame(fd, usual, usual_len);
}

static void serve_line(struct fake *f, int fd)
{
    uint8_t request[4096];
    long len;

    if (f->closes_line)
        return;
    while ((len = peer_read_frame(fd, request, sizeof request)) >= 0) {
        note(f, "call", request[1]);
        if (f->is_mute)
            continue;
        if (f->raw) {
            peer_send(fd, f->raw, f->raw_len);
            return;
        }
        answer_with(fd, f->answer, f->answer_len, none_reply, sizeof none_reply - 1);
        if (f->then)
            peer_send(fd, f->then, f->then_len);
    }
    note(f, "line ends", 0);
}

static void play_fake(int fd, int nth, void *arg)
{
    struct fake *f = arg;
    uint8_t request[1024];
    const char *method;
    long len;

    (void)nth;
    if (!peer_login(fd, key) || (len = peer_read_frame(fd, request, sizeof request)) < 0)
        return;
    method = find_method(request, (size_t)len);
    note(f, method, request[1]);
    if (strcmp(method, "dummy") == 0) {
        answer_with(fd, f->hello, f->hello_len, none_reply, sizeof none_reply - 1);
    } else if (strcmp(method, "create") == 0) {
        answer_with(fd, f->create, f->create_len, create_reply, sizeof create_reply - 1);
    } else {
        peer_send_frame(fd, none_reply, sizeof none_reply - 1);
        if (strcmp(method, "accept_connection") == 0) {
            note(f, (const char *)memmem(request, (size_t)len, "manager_manager", 15), 0);
            serve_line(f, fd);
        }
    }
}

static void fake_start(struct fake *f)
{
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->noted, NULL);
    peer_start(&f->peer, play_fake, f);
}

static enum platoon_status connect_to_fake(struct fake *f, struct platoon_manager_options o,
                                           platoon_manager **out, struct platoon_err *err)
{
    o.port = f->peer.port;
    o.authkey = key;
    o.authkey_len = 1;
    return platoon_manager_connect(&o, out, err);
}

static const struct platoon_manager_options plain = {.host = NULL};

static void open_fake(struct fake *f, struct platoon_manager_options o, platoon_manager **out_m,
                      platoon_queue **out_q)
{
    struct platoon_err err;

    fake_start(f);
    if (connect_to_fake(f, o, out_m, &err) != PLATOON_OK ||
        platoon_manager_queue(*out_m, "get_task_queue", NULL, out_q, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
}

static void close_fake(struct fake *f, platoon_manager *m)
{
    platoon_manager_close(m);
    peer_stop(&f->peer);
}

/* --- answers to calls --------------------------------------------------------------------------
 */

/* What one call makes of a server that answers with these bytes, and what the next call says. */
static enum platoon_status call_answered(struct fake *f, enum platoon_status *out_next,
                                         struct platoon_err *err)
{
    platoon_manager *m;
    platoon_queue *q;
    platoon_value *v = NULL;
    enum platoon_status st;

    open_fake(f, plain, &m, &q);
    st = platoon_queue_get(q, PLATOON_FOREVER, &v, err);
    platoon_value_unref(v);
    *out_next = platoon_queue_get(q, PLATOON_FOREVER, NULL, NULL);
    close_fake(f, m);
    return st;
}

TEST(manager_call_cut_off_at_any_byte_of_its_answer_is_unknown)
{
    char frame[4 + sizeof none_reply - 1] = {0, 0, 0, (char)(sizeof none_reply - 1)};

    memcpy(frame + 4, none_reply, sizeof none_reply - 1);
    for (size_t len = 0; len < sizeof frame; len++) {
        struct fake f = {.raw = frame, .raw_len = len};
        enum platoon_status next;
        struct platoon_err err;

        assert_int_equal(call_answered(&f, &next, &err), PLATOON_EUNKNOWN);
        assert_non_null(
            strstr(err.message, "after `get` was sent: whether it happened is unknown"));
        assert_int_equal(next, PLATOON_ECLOSED);
    }
}

TEST(manager_call_answered_with_what_is_no_answer)
{
    static const struct {
        const char *raw;
        size_t len;
        enum platoon_status st;
    } rows[] = {
        {BYTES("\xff\xff\xff\xfe"), PLATOON_EPROTO},
        {BYTES("HTTP/1.1 400 Bad Request\r\n"), PLATOON_EPROTO},
        {BYTES("\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), PLATOON_ELIMIT},
        {BYTES("\x7f\xff\xff\xff"), PLATOON_ELIMIT},
        {BYTES("\0\0\0\0"), PLATOON_EPROTO},
        {BYTES("\0\0\0\5hello"), PLATOON_EPROTO},
        {BYTES("\0\0\0\x0e\x80\x04\x8c\x07#BANANAN\x86."), PLATOON_EPROTO},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake f = {.raw = rows[i].raw, .raw_len = rows[i].len};
        enum platoon_status next;
        struct platoon_err err;

        assert_int_equal(call_answered(&f, &next, &err), rows[i].st);
        assert_non_null(strstr(err.message, "127.0.0.1:"));
        assert_non_null(strstr(err.message, "get"));
        assert_int_equal(next, PLATOON_ECLOSED); /* such a server is out of step */
    }
}

TEST(manager_broken_pickle_in_a_sound_frame_leaves_the_line_usable)
{
    struct fake f = {.answer = "\x80\x04\x8c\x07#RETURN]\x86", .answer_len = 13};
    enum platoon_status next;
    struct platoon_err err;

    assert_int_equal(call_answered(&f, &next, &err), PLATOON_EPICKLE);
    assert_int_equal(next, PLATOON_OK); /* asked with a NULL out: not even looked at */
}

TEST(manager_reply_over_the_limit_is_refused)
{
    struct fake f = {.answer = "\x80\x04\x8c\x07#RETURN\x8c\x0alonger now\x86.", .answer_len = 25};
    struct platoon_manager_options o = {.max_reply_bytes = 24};
    platoon_manager *m;
    platoon_queue *q;
    platoon_value *v;
    struct platoon_err err;

    open_fake(&f, o, &m, &q);
    assert_int_equal(platoon_queue_get(q, PLATOON_FOREVER, &v, &err), PLATOON_ELIMIT);
    assert_non_null(strstr(err.message, "25 bytes where at most 24 are allowed"));
    assert_non_null(strstr(err.message, "the answer to `get` is lost"));
    close_fake(&f, m);
}

TEST(manager_line_with_bytes_that_nobody_asked_for_is_not_used)
{
    struct fake f = {.then = "\0\0\0\x0e\x80\x04\x8c\x07#RETURNN\x86.", .then_len = 18};
    platoon_manager *m;
    platoon_queue *q;
    struct platoon_err err;

    open_fake(&f, plain, &m, &q);
    assert_int_equal(platoon_queue_task_done(q, &err), PLATOON_OK);
    nanosleep(&(struct timespec){0, 5000000}, NULL); /* a line counts as idle after 1 ms */
    assert_int_equal(platoon_queue_task_done(q, &err), PLATOON_ECLOSED);
    assert_non_null(strstr(err.message, "`task_done` was not sent"));
    close_fake(&f, m);
}

TEST(manager_line_closed_before_its_first_call)
{
    struct fake f = {.closes_line = true};
    platoon_manager *m;
    platoon_queue *q;
    struct platoon_err err;
    enum platoon_status st;

    open_fake(&f, plain, &m, &q);
    st = platoon_queue_task_done(q, &err); /* the close may come before or after the call left */
    assert_true(st == PLATOON_EUNKNOWN || st == PLATOON_ECLOSED);
    assert_int_equal(platoon_queue_task_done(q, &err), PLATOON_ECLOSED);
    close_fake(&f, m);
}

TEST(manager_reconnects_only_when_told)
{
    struct fake f = {.raw = "", .raw_len = 0};
    struct platoon_manager_options o = {.reconnect = true};
    platoon_manager *m;
    platoon_queue *q;
    int calls = 0;

    open_fake(&f, o, &m, &q);
    for (int i = 0; i < 3; i++) /* each call cuts the line; none is sent twice */
        assert_int_equal(platoon_queue_task_done(q, NULL), PLATOON_EUNKNOWN);
    close_fake(&f, m);
    for (int i = 0; i < f.n_log; i++)
        calls += strcmp(f.log[i], "call") == 0;
    assert_int_equal(calls, 3);
}

/* --- greeting ------------------------------------------------------------------------------------
 */

TEST(manager_learns_the_protocol_from_what_the_server_writes)
{
    static const struct {
        const char *hello;
        size_t len;
        uint8_t protocol;
    } rows[] = {
        {BYTES("\x80\x02U\x07#RETURNq\1N\x86q\2."), 2},       /* Python 2.7 */
        {BYTES("\x80\x03X\x07\0\0\0#RETURNq\0N\x86q\1."), 3}, /* 3.6, 3.7 */
        {BYTES("\x80\x04\x95\x0e\0\0\0\0\0\0\0\x8c\x07#RETURN\x94N\x86\x94."),
         4},                                                 /* 3.8 and newer */
        {BYTES("\x80\x05\x8c\x07#RETURN\x94N\x86\x94."), 4}, /* 3.14 */
        {BYTES("\x80\x02X\x07\0\0\0#RETURNN\x86."), 4},      /* ours, asked in 2 */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake f = {.hello = rows[i].hello, .hello_len = rows[i].len};
        platoon_manager *m;
        platoon_queue *q;

        open_fake(&f, plain, &m, &q);
        assert_int_equal(platoon_queue_task_done(q, NULL), PLATOON_OK);
        close_fake(&f, m);
        assert_string_equal(f.log[0], "dummy");
        assert_int_equal(f.protocols[0], 2); /* which they all read */
        assert_string_equal(f.log[1], "create");
        assert_int_equal(f.protocols[1], rows[i].protocol);
        assert_string_equal(f.log[4], "call");
        assert_int_equal(f.protocols[4], rows[i].protocol);
    }
}

static void log_in_and_stall(int fd, int nth, void *arg)
{
    (void)nth;
    (void)arg;
    if (peer_login(fd, key))
        peer_drain(fd);
}

static void log_in_and_close(int fd, int nth, void *arg)
{
    uint8_t request[256];

    (void)nth;
    (void)arg;
    if (peer_login(fd, key))
        peer_read_frame(fd, request, sizeof request);
}

TEST(manager_connect_gives_up_on_a_server_that_greets_nobody)
{
    static const peer_script scripts[] = {log_in_and_stall, log_in_and_close};

    for (size_t i = 0; i < 2; i++) {
        struct platoon_manager_options o = {
            .authkey = key, .authkey_len = 1, .connect_timeout_s = i == 0 ? 0.1 : 20};
        platoon_manager *m = NULL;
        struct platoon_err err;
        struct peer p;

        peer_start(&p, scripts[i], NULL);
        o.port = p.port;
        assert_int_equal(platoon_manager_connect(&o, &m, &err), PLATOON_ECONNECT);
        assert_int_equal(err.status, PLATOON_ECONNECT);
        assert_non_null(strstr(err.message, "dummy"));
        assert_null(m);
        peer_stop(&p);
    }
}

TEST(manager_refuses_bad_options)
{
    char long_name[400];
    struct platoon_manager_options rows[] = {
        {.host = ""},
        {.connect_timeout_s = -1},
        {.connect_timeout_s = NAN},
        {.authkey = NULL, .authkey_len = 3},
        {.name = long_name},
        {.name = "\xff"},
    };
    platoon_manager *m = NULL;

    memset(long_name, 'n', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct platoon_err err;

        assert_int_equal(platoon_manager_connect(&rows[i], &m, &err),
                         i == 0 ? PLATOON_EADDR : PLATOON_EINVAL);
        assert_true(err.message[0]);
    }
    assert_null(m);
}

/* --- proxies
 * ---------------------------------------------------------------------------------------- */

TEST(manager_refuses_proxies_that_cannot_be)
{
    static const struct {
        const char *reply;
        size_t len;
        enum platoon_status st;
    } rows[] = {
        {BYTES("\x80\x04\x8c\x07#RETURNN\x86."), PLATOON_EPROTO},
        {BYTES("\x80\x04\x8c\x07#RETURNK\x05)\x86\x86."), PLATOON_EPROTO},    /* ident 5 */
        {BYTES("\x80\x04\x8c\x07#RETURN\x8c\x00)\x86\x86."), PLATOON_EPROTO}, /* ident "" */
        {BYTES("\x80\x04\x8c\x07#RETURN\x8c\x03"
               "a\0b)\x86\x86."),
         PLATOON_EPROTO}, /* a NUL in it */
        {BYTES("\x80\x04\x8c\x06#ERRORcx\ny\n)R\x86."), PLATOON_EREMOTE},
        {BYTES("\x80\x04\x8c\x0a#TRACEBACK\x8c\x1cKeyError: 'get_other_queue'\n\x86."),
         PLATOON_EREMOTE},
        {BYTES("\x80\x04\x8c\x0a#TRACEBACK\x8c\x1bKeyError: 'get_task_queue'\n\x86."),
         PLATOON_ENOTFOUND},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake f = {.create = rows[i].reply, .create_len = rows[i].len};
        platoon_manager *m;
        platoon_queue *q = NULL;
        struct platoon_err err;

        fake_start(&f);
        assert_int_equal(connect_to_fake(&f, plain, &m, &err), PLATOON_OK);
        assert_int_equal(platoon_manager_queue(m, "get_task_queue", NULL, &q, &err), rows[i].st);
        assert_int_equal(err.status, rows[i].st);
        assert_true(err.message[0]);
        assert_null(q);
        close_fake(&f, m);
    }
}

static void assert_log(const struct fake *f, const char *const *wanted)
{
    int i = 0;

    for (; wanted[i]; i++) {
        assert_true(i < f->n_log);
        assert_string_equal(f->log[i], wanted[i]);
    }
    assert_int_equal(f->n_log, i);
}

TEST(manager_close_drops_every_proxy_before_its_line_ends)
{
    char line[64];
    const char *wanted[] = {"dummy", "create", "create", "accept_connection", line,
                            "call",  "decref", "decref", "line ends",         NULL};
    struct fake f = {.answer = NULL};
    platoon_manager *m;
    platoon_queue *q;

    open_fake(&f, (struct platoon_manager_options){.name = "thread 7"}, &m, &q);
    assert_int_equal(platoon_manager_queue(m, "get_result_queue", NULL, &q, NULL), PLATOON_OK);
    assert_int_equal(platoon_queue_task_done(q, NULL), PLATOON_OK);
    close_fake(&f, m);
    snprintf(line, sizeof line, "manager_manager_test-%ld|thread 7", (long)getpid());
    assert_true(f.n_log > 4);
    f.log[4][strlen(line)] = '\0'; /* what follows it in the request */
    assert_log(&f, wanted);
}

TEST(manager_abandon_tells_the_server_nothing)
{
    const char *wanted[] = {"dummy", "create", "accept_connection", "", "call", "line ends", NULL};
    struct fake f = {.answer = NULL};
    platoon_manager *m;
    platoon_queue *q;

    open_fake(&f, plain, &m, &q);
    assert_int_equal(platoon_queue_task_done(q, NULL), PLATOON_OK);
    platoon_manager_abandon(m);
    peer_stop(&f.peer);
    assert_true(f.n_log > 3);
    f.log[3][0] = '\0';
    assert_log(&f, wanted);
}

TEST(manager_last_drop_ends_the_line_and_the_next_call_opens_one)
{
    const char *wanted[] = {"dummy",     "create", "accept_connection", "", "call", "decref",
                            "line ends", "create", "accept_connection", "", "call", "decref",
                            "line ends", NULL};
    struct fake f = {.answer = NULL};
    platoon_manager *m;
    platoon_queue *q;

    open_fake(&f, plain, &m, &q);
    assert_int_equal(platoon_queue_task_done(q, NULL), PLATOON_OK);
    platoon_queue_drop(q);
    await(&f, "line ends"); /* by its own thread */
    assert_int_equal(platoon_manager_queue(m, "get_task_queue", NULL, &q, NULL), PLATOON_OK);
    assert_int_equal(platoon_queue_task_done(q, NULL), PLATOON_OK);
    close_fake(&f, m);
    for (int i = 0; i < f.n_log; i++) {
        if (strncmp(f.log[i], "manager_manager", 15) == 0)
            f.log[i][0] = '\0';
    }
    assert_log(&f, wanted);
}

TEST(manager_close_does_not_wait_long_for_a_server_that_is_gone)
{
    struct fake f = {.answer = NULL};
    platoon_manager *m;
    platoon_queue *q;
    uint64_t begun;

    open_fake(&f, plain, &m, &q);
    for (int i = 0; i < 5; i++)
        assert_int_equal(platoon_manager_queue(m, "get_task_queue", NULL, &q, NULL), PLATOON_OK);
    peer_stop(&f.peer);
    begun = clock_mono_ns();
    platoon_manager_close(m);
    assert_true(clock_mono_ns() - begun < 5000000000u);
}

/* --- the worker loop
 * --------------------------------------------------------------------------------- */

static bool never_called(platoon_value *task, platoon_value **out_result, void *arg)
{
    (void)task;
    (void)out_result;
    *(bool *)arg = true;
    return true;
}

TEST(work_ends_with_the_connection)
{
    struct fake f = {.raw = "", .raw_len = 0};
    platoon_manager *m;
    platoon_queue *q;
    bool was_called = false;
    struct platoon_err err;

    open_fake(&f, plain, &m, &q);
    assert_int_equal(platoon_work(q, q, PLATOON_FOREVER, never_called, &was_called, &err),
                     PLATOON_EUNKNOWN);
    assert_false(was_called);
    assert_non_null(strstr(err.message, "`get`"));
    close_fake(&f, m);
}

static bool one_result(platoon_value *task, platoon_value **out_result, void *arg)
{
    (void)task;
    (void)arg;
    *out_result = platoon_int(1);
    return false;
}

TEST(work_with_a_result_and_no_queue_for_it)
{
    struct fake f = {.answer = NULL};
    platoon_manager *m;
    platoon_queue *q;
    struct platoon_err err;

    open_fake(&f, plain, &m, &q);
    assert_int_equal(platoon_work(q, NULL, PLATOON_FOREVER, one_result, NULL, &err),
                     PLATOON_EINVAL);
    close_fake(&f, m);
}
