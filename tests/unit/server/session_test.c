/* SPDX-License-Identifier: Apache-2.0 */
/* Whole connections in this process, without a port, a thread or the handshake: what depends on the
 * order of things inside a turn, and on a store that takes its time. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "server/queue.h"
#include "server/queue_internal.h"
#include "server/server.h"
#include "store/store.h"
#include "support/server_rig.h"
#include "support/test.h"

#define TASKS   "get_task_queue#00000000-1"
#define RESULTS "get_result_queue#00000000-2"
#define SMALL   "small#00000000-3"

static const char accepted[] = "\0\0\0\x11\x80\x03X\x07\0\0\0#RETURNN\x86.";
#define NONE_LEN (sizeof accepted - 1)

/* (ident, method, args, {}) in protocol 4; `args` is its pickled tuple. Returns the length. */
static size_t make_call(uint8_t *out, const char *ident, const char *method, const char *args,
                        size_t args_len)
{
    size_t n = 0;

    memcpy(out, "\x80\x04(", 3);
    n = 3;
    if (ident) {
        out[n++] = 0x8c;
        out[n++] = (uint8_t)strlen(ident);
        memcpy(out + n, ident, strlen(ident));
        n += strlen(ident);
    } else {
        out[n++] = 'N';
    }
    out[n++] = 0x8c;
    out[n++] = (uint8_t)strlen(method);
    memcpy(out + n, method, strlen(method));
    n += strlen(method);
    memcpy(out + n, args, args_len);
    n += args_len;
    memcpy(out + n, "}t.", 3);
    return n + 3;
}

static void call_with(struct server *srv, int fd, const char *ident, const char *method,
                      const char *args, size_t args_len)
{
    uint8_t body[1000];

    assert_true(server_rig_send(srv, fd, body, make_call(body, ident, method, args, args_len)));
}
#define CALL(srv, fd, ident, method, args) call_with(srv, fd, ident, method, args, sizeof args - 1)

static void expect_bytes(struct server *srv, int fd, const char *wanted, size_t len)
{
    uint8_t got[2000];
    long n = server_rig_read(srv, fd, got, sizeof got);

    assert_int_equal(n, len);
    assert_memory_equal(got, wanted, len);
}
#define EXPECT(srv, fd, text) expect_bytes(srv, fd, text, sizeof text - 1)
#define EXPECT_NONE(srv, fd)  expect_bytes(srv, fd, accepted, NONE_LEN)
/* ('#RETURN', i) of a value that was put as K<i>: the standalone body, in the protocol of who put
 * it. */
#define EXPECT_ITEM(srv, fd, byte)                                                                 \
    EXPECT(srv, fd, "\0\0\0\x12\x80\x04X\x07\0\0\0#RETURNK" byte "\x86.")
#define EXPECT_EMPTY(srv, fd)                                                                      \
    EXPECT(srv, fd, "\0\0\0\x1f\x80\x03X\x06\0\0\0#ERRORcqueue\nEmpty\n(tR\x86.")

static void expect_silence(struct server *srv, int fd)
{
    uint8_t byte;

    assert_int_equal(server_rig_read(srv, fd, &byte, 1), 0);
}

static int live(struct server *srv)
{
    int fd = server_rig_connect(srv);

    assert_true(fd >= 0);
    CALL(srv, fd, NULL, "accept_connection", "\x8c\x04name\x85");
    EXPECT_NONE(srv, fd);
    return fd;
}

static struct server *open_server(void)
{
    static const char *const queues[] = {"small:1"};
    struct platoon_server_options options = {
        .authkey = "key", .authkey_len = 3, .queues = queues, .n_queues = 1, .no_leases = true};
    struct server *srv = server_rig_open(&options);

    assert_non_null(srv);
    return srv;
}

/* --- a store that takes its time -------------------------------------------------------------- */

static const struct store_ops *real_ops;
static struct store_ops slow_ops;
static bool is_held;
static unsigned n_unknown; /* so many puts are answered UNKNOWN although they happened */

static bool turn_unless_held(struct store *s)
{
    return !is_held && real_ops->turn(s);
}

struct unknown_put {
    store_put_cb cb;
    void *arg;
};

static void say_unknown(enum store_status st, const struct store_put_answer *answers, size_t n,
                        void *arg)
{
    struct unknown_put u = *(struct unknown_put *)arg;

    free(arg);
    assert_int_equal(st, STORE_OK);
    (void)answers;
    (void)n;
    u.cb(STORE_UNKNOWN, NULL, 0, u.arg);
}

static void put_unknown(struct store *s, store_queue_id queue, const struct store_put_item *items,
                        size_t n, uint64_t limit, store_put_cb cb, void *arg)
{
    struct unknown_put *u;

    if (n_unknown == 0) {
        real_ops->put(s, queue, items, n, limit, cb, arg);
        return;
    }
    n_unknown--;
    u = malloc(sizeof *u);
    assert_non_null(u);
    *u = (struct unknown_put){cb, arg};
    real_ops->put(s, queue, items, n, limit, say_unknown, u);
}

static struct server *open_slow(void)
{
    struct server *srv = open_server();

    real_ops = srv->store->ops;
    slow_ops = *real_ops;
    slow_ops.turn = turn_unless_held;
    slow_ops.put = put_unknown;
    srv->store->ops = &slow_ops;
    is_held = false;
    n_unknown = 0;
    return srv;
}

TEST(no_reply_leaves_before_the_store_has_answered)
{
    struct server *srv = open_slow();
    int fd = live(srv);

    is_held = true;
    CALL(srv, fd, TASKS, "put", "K\x05\x85");
    expect_silence(srv, fd);
    is_held = false;
    EXPECT_NONE(srv, fd);
    close(fd);
    server_rig_close(srv);
}

TEST(an_item_claimed_for_a_client_that_vanished_meanwhile_goes_to_the_next)
{
    struct server *srv = open_slow();
    int first = live(srv), second = live(srv);

    CALL(srv, second, TASKS, "put", "K\x05\x85");
    EXPECT_NONE(srv, second);
    is_held = true;
    CALL(srv, first, TASKS, "get", ")");
    server_rig_settle(srv);
    close(first);
    server_rig_settle(srv);
    is_held = false;
    CALL(srv, second, TASKS, "get", ")");
    EXPECT_ITEM(srv, second, "\x05");
    close(second);
    server_rig_close(srv);
}

TEST(an_item_claimed_for_a_call_that_was_given_up_goes_to_the_next)
{
    struct server *srv = open_slow();
    int fd = live(srv);

    CALL(srv, fd, TASKS, "put", "K\x05\x85");
    EXPECT_NONE(srv, fd);
    is_held = true;
    CALL(srv, fd, TASKS, "get", ")");
    server_rig_settle(srv);
    CALL(srv, fd, TASKS, "get", ")"); /* the client was interrupted and asks again */
    server_rig_settle(srv);
    is_held = false;
    EXPECT_ITEM(srv, fd, "\x05");
    expect_silence(srv, fd);
    CALL(srv, fd, TASKS, "get_nowait", ")");
    EXPECT_EMPTY(srv, fd);
    close(fd);
    server_rig_close(srv);
}

TEST(a_put_whose_answer_was_lost_is_repeated_and_happens_once)
{
    struct server *srv = open_slow();
    int fd = live(srv);
    struct queue *q = queue_find(srv, "get_task_queue");

    n_unknown = 2;
    CALL(srv, fd, TASKS, "put", "K\x05\x85");
    expect_silence(srv, fd);
    queue_hint_room(q); /* what the once-a-second look does */
    expect_silence(srv, fd);
    queue_hint_room(q);
    EXPECT_NONE(srv, fd);
    CALL(srv, fd, TASKS, "qsize", ")");
    EXPECT(srv, fd, "\0\0\0\x12\x80\x03X\x07\0\0\0#RETURNK\x01\x86.");
    close(fd);
    server_rig_close(srv);
}

TEST(a_server_that_stops_answers_what_the_store_was_asked_and_cuts_off_who_waits)
{
    struct server *srv = open_slow();
    int putter = live(srv), waiting = live(srv), idle = live(srv);
    uint8_t byte;

    CALL(srv, waiting, RESULTS, "get", ")");
    server_rig_settle(srv);
    is_held = true;
    CALL(srv, putter, TASKS, "put", "K\x05\x85");
    expect_silence(srv, putter);
    server_begin_stop(srv, "test");
    assert_int_equal(server_rig_read(srv, waiting, &byte, 1), -1);
    assert_int_equal(server_rig_read(srv, idle, &byte, 1), -1);
    assert_int_equal(srv->phase, SERVER_STOPPING);
    is_held = false;
    EXPECT_NONE(srv, putter);
    assert_int_equal(server_rig_read(srv, putter, &byte, 1), -1);
    assert_int_equal(srv->phase, SERVER_STOPPED);
    close(putter);
    close(waiting);
    close(idle);
    server_rig_close(srv);
}

/* --- waits ------------------------------------------------------------------------------------ */

TEST(takers_are_served_in_order_of_arrival)
{
    struct server *srv = open_server();
    int takers[5], putter = live(srv);

    for (int i = 0; i < 5; i++) {
        takers[i] = live(srv);
        CALL(srv, takers[i], TASKS, "get", ")");
        server_rig_settle(srv);
    }
    /* Two at once, in one turn, and one that comes in the same turn as the third item. */
    CALL(srv, putter, TASKS, "put", "K\x00\x85");
    EXPECT_NONE(srv, putter);
    CALL(srv, putter, TASKS, "put", "K\x01\x85");
    EXPECT_NONE(srv, putter);
    EXPECT_ITEM(srv, takers[0], "\x00");
    EXPECT_ITEM(srv, takers[1], "\x01");
    CALL(srv, takers[0], TASKS, "get", ")");
    CALL(srv, putter, TASKS, "put", "K\x02\x85");
    EXPECT_NONE(srv, putter);
    EXPECT_ITEM(srv, takers[2], "\x02");
    expect_silence(srv, takers[0]);
    for (int i = 0; i < 5; i++)
        close(takers[i]);
    close(putter);
    server_rig_close(srv);
}

TEST(a_taker_that_does_not_wait_does_not_overtake_those_that_do)
{
    struct server *srv = open_server();
    int waiting = live(srv), hasty = live(srv), putter = live(srv);

    CALL(srv, waiting, TASKS, "get", ")");
    server_rig_settle(srv);
    CALL(srv, hasty, TASKS, "get_nowait", ")");
    EXPECT_EMPTY(srv, hasty);
    CALL(srv, putter, TASKS, "put", "K\x07\x85");
    CALL(srv, hasty, TASKS, "get_nowait", ")");
    EXPECT_ITEM(srv, waiting, "\x07");
    EXPECT_EMPTY(srv, hasty);
    close(waiting);
    close(hasty);
    close(putter);
    server_rig_close(srv);
}

TEST(a_client_that_was_gone_when_its_turn_came_swallows_nothing)
{
    struct server *srv = open_server();
    int gone = live(srv), next = live(srv), putter = live(srv);
    uint8_t body[200];

    CALL(srv, gone, TASKS, "get", ")");
    server_rig_settle(srv);
    CALL(srv, next, TASKS, "get", ")");
    server_rig_settle(srv);
    /* Both reach the server in one poll, and the put may be seen first. */
    assert_true(server_rig_send(srv, putter, body, make_call(body, TASKS, "put", "K\x09\x85", 3)));
    close(gone);
    EXPECT_ITEM(srv, next, "\x09");
    EXPECT_NONE(srv, putter);
    close(next);
    close(putter);
    server_rig_close(srv);
}

TEST(putters_wait_for_room_in_order_and_one_that_is_gone_puts_nothing)
{
    struct server *srv = open_server();
    int a = live(srv), b = live(srv), c = live(srv), taker = live(srv);

    CALL(srv, taker, SMALL, "put", "K\x00\x85");
    EXPECT_NONE(srv, taker);
    CALL(srv, a, SMALL, "put", "K\x01\x85");
    server_rig_settle(srv);
    CALL(srv, b, SMALL, "put", "K\x02\x85");
    server_rig_settle(srv);
    CALL(srv, c, SMALL, "put", "K\x03\x85");
    server_rig_settle(srv);
    close(a);
    CALL(srv, taker, SMALL, "get", ")");
    EXPECT_ITEM(srv, taker, "\x00");
    EXPECT_NONE(srv, b);
    expect_silence(srv, c);
    CALL(srv, taker, SMALL, "get", ")");
    EXPECT_ITEM(srv, taker, "\x02");
    EXPECT_NONE(srv, c);
    CALL(srv, taker, SMALL, "get", ")");
    EXPECT_ITEM(srv, taker, "\x03");
    close(b);
    close(c);
    close(taker);
    server_rig_close(srv);
}

TEST(join_waits_for_the_last_task_done)
{
    struct server *srv = open_server();
    int joiner = live(srv), worker = live(srv);

    CALL(srv, joiner, TASKS, "join", ")");
    EXPECT_NONE(srv, joiner);
    CALL(srv, worker, TASKS, "put", "K\x01\x85");
    EXPECT_NONE(srv, worker);
    CALL(srv, joiner, TASKS, "join", ")");
    expect_silence(srv, joiner);
    CALL(srv, worker, TASKS, "get", ")");
    EXPECT_ITEM(srv, worker, "\x01");
    expect_silence(srv, joiner);
    CALL(srv, worker, TASKS, "task_done", ")");
    EXPECT_NONE(srv, worker);
    EXPECT_NONE(srv, joiner);
    close(joiner);
    close(worker);
    server_rig_close(srv);
}

/* --- receipts --------------------------------------------------------------------------------- */

TEST(an_item_whose_reply_was_never_read_comes_back_and_a_read_one_does_not)
{
    struct server *srv = open_server();
    int fd = live(srv), next;
    uint8_t got[100];

    for (int i = 0; i < 3; i++) {
        CALL(srv, fd, TASKS, "put", "K\x05\x85");
        EXPECT_NONE(srv, fd);
    }
    CALL(srv, fd, TASKS, "get", ")");
    EXPECT_ITEM(srv, fd, "\x05");
    CALL(srv, fd, TASKS, "get", ")"); /* proves that it was read */
    EXPECT_ITEM(srv, fd, "\x05");
    CALL(srv, fd, TASKS, "get", ")");
    server_rig_settle(srv);
    close(fd); /* with the third unread */
    next = live(srv);
    CALL(srv, next, TASKS, "get", ")");
    EXPECT_ITEM(srv, next, "\x05");
    CALL(srv, next, TASKS, "get_nowait", ")");
    EXPECT_EMPTY(srv, next);
    assert_int_equal(server_rig_read(srv, next, got, sizeof got), 0);
    close(next);
    server_rig_close(srv);
}

/* --- out of memory ---------------------------------------------------------------------------- */

/* What may come of a call when memory is out: a reply, or the end of the connection; never silence
 * for ever. */
static bool is_answered(struct server *srv, int fd)
{
    static uint8_t got[400000];

    return server_rig_read(srv, fd, got, sizeof got) != 0;
}

static void call_large(struct server *srv, int fd)
{
    static uint8_t body[200000];
    size_t n = make_call(body, RESULTS, "put", "", 0) - 3;

    memcpy(body + n, "B\x50\xc3\x02\0", 5); /* 181,072 bytes */
    memset(body + n + 5, 'x', 181072);
    n += 5 + 181072;
    memcpy(body + n, "\x85}t.", 4);
    (void)server_rig_send(srv, fd, body, n + 4);
}

static void call_create_private(struct server *srv, int fd)
{
    static const char args[] = "\x8c\x0eget_task_queue\x8c\x01p\x86";
    uint8_t body[200];

    (void)server_rig_send(srv, fd, body, make_call(body, NULL, "create", args, sizeof args - 1));
}

TEST(out_of_memory_at_any_moment_ends_a_call_and_not_the_server)
{
    bool has_failed = true;
    size_t nth;

    for (nth = 1; has_failed; nth++) {
        struct server *srv = open_server();
        int waiting = live(srv), putter = live(srv), one_shot, later;

        CALL(srv, waiting, TASKS, "get", ")");
        server_rig_settle(srv);
        mem_fail_from(nth);
        one_shot = server_rig_connect(srv);
        if (one_shot >= 0) {
            call_create_private(srv, one_shot);
            assert_true(is_answered(srv, one_shot));
        }
        call_large(srv, putter);
        assert_true(is_answered(srv, putter));
        has_failed = mem_has_failed();
        mem_fail_from(0);

        later = live(srv);
        CALL(srv, later, TASKS, "put", "K\x06\x85");
        EXPECT_NONE(srv, later);
        assert_true(is_answered(srv, waiting));
        close(waiting);
        close(putter);
        close(later);
        if (one_shot >= 0)
            close(one_shot);
        server_rig_settle(srv);
        assert_int_equal(srv->sessions.n_handles, 0);
        server_rig_close(srv);
    }
    assert_true(nth > 10);
}

/* --- bytes ------------------------------------------------------------------------------------ */

TEST(a_frame_in_pieces_of_any_size_is_the_same_frame)
{
    struct server *srv = open_server();
    static uint8_t frame[300000];
    size_t sizes[] = {10, 200, 16000, 17000, 65535, 65536, 65600, 200000};

    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (size_t piece = 1; piece <= sizes[k] + 100; piece = piece * 7 + 1) {
            size_t n = 4, len;
            int fd;

            if (sizes[k] > 20000 && piece < 50)
                continue;
            fd = live(srv);
            n += make_call(frame + n, RESULTS, "put", "", 0) - 3; /* without "}t." */
            frame[n++] = 'B';
            frame[n++] = (uint8_t)sizes[k];
            frame[n++] = (uint8_t)(sizes[k] >> 8);
            frame[n++] = (uint8_t)(sizes[k] >> 16);
            frame[n++] = 0;
            memset(frame + n, 'x', sizes[k]);
            n += sizes[k];
            memcpy(frame + n, "\x85}t.", 4);
            n += 4;
            frame[0] = 0;
            frame[1] = (uint8_t)((n - 4) >> 16);
            frame[2] = (uint8_t)((n - 4) >> 8);
            frame[3] = (uint8_t)(n - 4);
            for (size_t at = 0; at < n; at += len) {
                len = n - at < piece ? n - at : piece;
                assert_true(server_rig_write(srv, fd, frame + at, len));
                server_rig_settle(srv);
            }
            EXPECT_NONE(srv, fd);
            CALL(srv, fd, RESULTS, "get", ")");
            for (size_t got = 0; got < sizes[k] + 25; got += len) {
                long r = server_rig_read(srv, fd, frame, sizeof frame);

                assert_true(r > 0);
                len = (size_t)r;
            }
            close(fd);
        }
    }
    server_rig_settle(srv);
    assert_int_equal(srv->sessions.n_big_readers, 0);
    assert_int_equal(srv->sessions.n_big_writers, 0);
    server_rig_close(srv);
}

TEST(sessions_leave_nothing_behind)
{
    struct server *srv = open_server();

    for (int i = 0; i < 50; i++) {
        int fd = i % 2 ? live(srv) : server_rig_connect_untrusted(srv);

        if (i % 3)
            (void)server_rig_write(srv, fd, "\0\0\0\x20\x80", 5);
        if (i % 5 == 0 && i % 2)
            CALL(srv, fd, TASKS, "get", ")");
        server_rig_settle(srv);
        close(fd);
    }
    server_rig_settle(srv);
    assert_int_equal(srv->sessions.n_open, 0);
    assert_int_equal(srv->sessions.n_live, 0);
    assert_int_equal(srv->sessions.n_handshaking, 0);
    assert_int_equal(srv->sessions.n_handles, 0);
    assert_true(list_is_empty(&queue_find(srv, "get_task_queue")->takers));
    server_rig_close(srv);
}
