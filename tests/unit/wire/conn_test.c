/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/peer.h"
#include "wire/conn.h"

static const uint64_t one_gib = 1024u * 1024 * 1024;

/* 20 s from now: never reached, and no test hangs. */
static uint64_t soon(void)
{
    return clock_mono_ns() + 20000000000u;
}

static void open_to(struct conn *c, struct conn_peer *at, const struct peer *p)
{
    struct platoon_err err;

    conn_init(c);
    conn_peer_init(at, "127.0.0.1", p->port);
    if (conn_open(c, at, soon(), &err) != PLATOON_OK)
        fail_msg("%s", err.message);
}

static uint8_t *pattern(size_t len)
{
    uint8_t *bytes = malloc(len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 131 >> 3);
    return bytes;
}

/* --- receiving -------------------------------------------------------------------------------- */

static const size_t body_sizes[] = {0,     1,     5,      8187,   8188,    8189,   16384,
                                    65532, 65536, 131072, 200000, 1500000, 5000000};

static void send_all_sizes(int fd, int nth, void *arg)
{
    (void)nth;
    (void)arg;
    for (size_t i = 0; i < sizeof body_sizes / sizeof body_sizes[0]; i++) {
        uint8_t *bytes = pattern(body_sizes[i]);

        peer_send_frame(fd, bytes, body_sizes[i]);
        free(bytes);
    }
    peer_drain(fd);
}

TEST(conn_receives_frames_of_every_size_back_to_back)
{
    struct peer p;
    struct conn_peer at;
    struct conn c;

    (void)state;
    peer_start(&p, send_all_sizes, NULL);
    open_to(&c, &at, &p);
    for (size_t i = 0; i < sizeof body_sizes / sizeof body_sizes[0]; i++) {
        uint8_t *wanted = pattern(body_sizes[i]);
        const uint8_t *body;
        size_t len;
        struct platoon_err err;

        if (conn_receive(&c, one_gib, &body, &len, &err) != PLATOON_OK)
            fail_msg("%s", err.message);
        assert_int_equal(len, body_sizes[i]);
        assert_memory_equal(body, wanted, len);
        free(wanted);
    }
    assert_true(conn_is_quiet(&c));
    assert_true(c.cap > 1024 * 1024);
    conn_trim(&c);
    assert_int_equal(c.cap, 0);
    conn_close(&c);
    peer_stop(&p);
}

/* Announces 900 MB, sends `*arg` bytes of them, and closes. */
static void announce_much(int fd, int nth, void *arg)
{
    size_t *n = arg;
    uint8_t *bytes = pattern(*n);

    (void)nth;
    peer_send(fd, "\x35\xa4\xe9\x00", 4);
    peer_send(fd, bytes, *n);
    free(bytes);
}

TEST(conn_memory_follows_the_bytes_that_come_not_the_length_announced)
{
    size_t sent = 300000;
    struct peer p;
    struct conn_peer at;
    struct conn c;
    const uint8_t *body;
    size_t len;
    struct platoon_err err;

    (void)state;
    peer_start(&p, announce_much, &sent);
    open_to(&c, &at, &p);
    assert_int_equal(conn_receive(&c, one_gib, &body, &len, &err), PLATOON_ECLOSED);
    assert_non_null(strstr(err.message, "middle of a message"));
    assert_true(c.cap <= 3 * sent);
    conn_close(&c);
    peer_stop(&p);
}

static void send_too_long(int fd, int nth, void *arg)
{
    (void)nth;
    (void)arg;
    peer_send(fd, "\0\0\1\1", 4);
    peer_drain(fd);
}

TEST(conn_refuses_a_frame_over_the_limit)
{
    struct peer p;
    struct conn_peer at;
    struct conn c;
    const uint8_t *body;
    size_t len;
    struct platoon_err err;

    (void)state;
    peer_start(&p, send_too_long, NULL);
    open_to(&c, &at, &p);
    assert_int_equal(conn_receive(&c, 256, &body, &len, &err), PLATOON_ELIMIT);
    assert_non_null(strstr(err.message, "127.0.0.1:"));
    conn_close(&c);
    peer_stop(&p);
}

static void close_at_once(int fd, int nth, void *arg)
{
    (void)fd;
    (void)nth;
    (void)arg;
}

TEST(conn_sees_a_close_before_it_sends)
{
    struct peer p;
    struct conn_peer at;
    struct conn c;
    const uint8_t *body;
    size_t len;
    struct platoon_err err;

    (void)state;
    peer_start(&p, close_at_once, NULL);
    open_to(&c, &at, &p);
    assert_int_equal(conn_receive(&c, 256, &body, &len, &err), PLATOON_ECLOSED);
    assert_null(strstr(err.message, "middle"));
    assert_false(conn_is_quiet(&c));
    conn_close(&c);
    peer_stop(&p);
}

static void say_nothing(int fd, int nth, void *arg)
{
    (void)nth;
    (void)arg;
    peer_drain(fd);
}

TEST(conn_receive_ends_at_its_deadline)
{
    struct peer p;
    struct conn_peer at;
    struct conn c;
    const uint8_t *body;
    size_t len;
    struct platoon_err err;
    uint64_t begun = clock_mono_ns();

    (void)state;
    peer_start(&p, say_nothing, NULL);
    open_to(&c, &at, &p);
    assert_true(conn_is_quiet(&c));
    c.deadline_ns = begun + 50000000;
    assert_int_equal(conn_receive(&c, 256, &body, &len, &err), PLATOON_ETIMEDOUT);
    assert_true(clock_mono_ns() >= begun + 50000000);
    conn_close(&c);
    peer_stop(&p);
}

static void on_alarm(int number)
{
    (void)number;
}

static void wait_then_greet(int fd, int nth, void *arg)
{
    const struct timespec *pause = arg;

    (void)nth;
    nanosleep(pause, NULL);
    peer_send_frame(fd, "hello", 5);
    peer_drain(fd);
}

TEST(conn_is_not_disturbed_by_signals)
{
    struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */
    struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
    struct timespec pause = {0, 100000000};
    sigset_t alarm_only, before;
    struct peer p;
    struct conn_peer at;
    struct conn c;
    const uint8_t *body;
    size_t len;
    struct platoon_err err;

    (void)state;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm_only, &before); /* the peer's threads stay out of it */
    sigaction(SIGALRM, &action, NULL);
    peer_start(&p, wait_then_greet, &pause);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int with_deadline = 0; with_deadline < 2; with_deadline++) {
        open_to(&c, &at, &p);
        pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
        c.deadline_ns = with_deadline ? soon() : 0;
        if (conn_receive(&c, 256, &body, &len, &err) != PLATOON_OK)
            fail_msg("%s", err.message);
        pthread_sigmask(SIG_BLOCK, &alarm_only, NULL);
        assert_int_equal(len, 5);
        conn_close(&c);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    peer_stop(&p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* --- sending -----------------------------------------------------------------------------------
 */

struct received {
    long len;
    uint8_t *bytes;
    size_t cap;
};

static void read_one(int fd, int nth, void *arg)
{
    struct received *r = arg;

    (void)nth;
    r->len = peer_read_frame(fd, r->bytes, r->cap);
    peer_send_frame(fd, "", 0);
    peer_drain(fd);
}

TEST(conn_sends_large_frames_whole)
{
    const size_t len = 3000000; /* more than the socket buffers: many partial writes */
    uint8_t *bytes = pattern(len), header[FRAME_HEADER_MAX];
    struct received r = {0, malloc(len), len};
    struct iovec parts[4] = {{header, frame_put_header(header, len)},
                             {bytes, 1000},
                             {bytes, 0},
                             {bytes + 1000, len - 1000}};
    struct peer p;
    struct conn_peer at;
    struct conn c;
    const uint8_t *body;
    size_t body_len;

    (void)state;
    peer_start(&p, read_one, &r);
    open_to(&c, &at, &p);
    assert_int_equal(conn_send(&c, parts, 4, NULL), PLATOON_OK);
    assert_int_equal(conn_receive(&c, 256, &body, &body_len, NULL), PLATOON_OK);
    conn_close(&c);
    peer_stop(&p);
    assert_int_equal(r.len, len);
    assert_memory_equal(r.bytes, bytes, len);
    free(r.bytes);
    free(bytes);
}

TEST(conn_send_to_a_closed_peer_is_closed_and_raises_no_signal)
{
    struct peer p;
    struct conn_peer at;
    struct conn c;
    const uint8_t *body;
    size_t len;
    enum platoon_status st = PLATOON_OK;
    struct platoon_err err;

    (void)state;
    peer_start(&p, close_at_once, NULL);
    open_to(&c, &at, &p);
    assert_int_equal(conn_receive(&c, 256, &body, &len, NULL), PLATOON_ECLOSED);
    peer_stop(&p); /* closed for both directions: what we send now is answered with a reset */
    for (int i = 0; i < 1000 && st == PLATOON_OK; i++) {
        struct iovec part = {(void *)(uintptr_t) "x", 1};

        st = conn_send(&c, &part, 1, &err);
    }
    assert_int_equal(st, PLATOON_ECLOSED);
    assert_int_equal(err.status, PLATOON_ECLOSED);
    conn_close(&c);
}

/* --- connecting ----------------------------------------------------------------------------------
 */

TEST(conn_refused_says_what_to_look_for)
{
    struct peer p;
    struct conn_peer at;
    struct conn c;
    struct platoon_err err;

    (void)state;
    peer_start(&p, close_at_once, NULL);
    peer_stop(&p);
    conn_init(&c);
    conn_peer_init(&at, "127.0.0.1", p.port);
    assert_int_equal(conn_open(&c, &at, soon(), &err), PLATOON_ECONNECT);
    assert_non_null(
        strstr(err.message, "refused the connection: is `platoon serve` running there?"));
    assert_non_null(strstr(err.message, at.text));
    assert_int_equal(c.fd, -1);
}

TEST(conn_unknown_name_is_an_address_error)
{
    struct conn_peer at;
    struct conn c;
    struct platoon_err err;

    (void)state;
    conn_init(&c);
    conn_peer_init(&at, "no-such-host.invalid", 5000);
    assert_int_equal(conn_open(&c, &at, soon(), &err), PLATOON_EADDR);
    assert_non_null(strstr(err.message, "no-such-host.invalid"));
}

/* A port of the kind that the kernel gives to the connecting end, free again. */
static uint16_t connecting_port(void)
{
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    const uint8_t *body;
    size_t body_len;
    struct peer p;
    struct conn_peer at;
    struct conn c;

    peer_start(&p, close_at_once, NULL);
    open_to(&c, &at, &p);
    assert_int_equal(getsockname(c.fd, (struct sockaddr *)&own, &len), 0);
    /* The peer closes first, so that the waiting time is on its port. */
    assert_int_equal(conn_receive(&c, 256, &body, &body_len, NULL), PLATOON_ECLOSED);
    conn_close(&c);
    peer_stop(&p);
    return ntohs(own.sin_port);
}

TEST(conn_does_not_connect_to_itself)
{
    struct conn_peer at;
    struct conn c;

    (void)state;
    /* The kernel tries its ports in turn, so our own end gets this one within a round of them. */
    conn_peer_init(&at, "127.0.0.1", connecting_port());
    for (int i = 0; i < 30000; i++) {
        conn_init(&c);
        assert_int_equal(conn_open(&c, &at, soon(), NULL), PLATOON_ECONNECT);
    }
}

TEST(conn_remembers_the_address_that_answered)
{
    struct peer p;
    struct conn_peer at;
    struct conn c;

    (void)state;
    peer_start(&p, say_nothing, NULL);
    conn_init(&c);
    conn_peer_init(&at, "localhost", p.port); /* perhaps ::1 first, which refuses */
    assert_int_equal(conn_open(&c, &at, soon(), NULL), PLATOON_OK);
    assert_int_not_equal(at.known_len, 0);
    conn_close(&c);
    strcpy(at.address.host, "no-such-host.invalid"); /* is not looked up again */
    assert_int_equal(conn_open(&c, &at, soon(), NULL), PLATOON_OK);
    conn_close(&c);
    peer_stop(&p);
}

TEST(conn_descriptor_is_closed_on_exec_and_blocks)
{
    struct peer p;
    struct conn_peer at;
    struct conn c;

    (void)state;
    peer_start(&p, say_nothing, NULL);
    open_to(&c, &at, &p);
    assert_true(fcntl(c.fd, F_GETFD) & FD_CLOEXEC);
    assert_false(fcntl(c.fd, F_GETFL) & O_NONBLOCK);
    conn_close(&c);
    conn_close(&c);
    peer_stop(&p);
}

/* --- the handshake
 * -------------------------------------------------------------------------------- */

static void login_and_read(int fd, int nth, void *arg)
{
    struct received *r = arg;

    (void)nth;
    if (peer_login(fd, "secret"))
        r->len = peer_read_frame(fd, r->bytes, r->cap);
    peer_send_frame(fd, "", 0);
    peer_drain(fd);
}

TEST(conn_login_leaves_the_welcome_for_the_first_request)
{
    uint8_t bytes[16];
    struct received r = {0, bytes, sizeof bytes};
    struct auth_out last;
    struct peer p;
    struct conn_peer at;
    struct conn c;
    struct iovec parts[2] = {{NULL, 0}, {(void *)(uintptr_t) "\0\0\0\3abc", 7}};
    const uint8_t *body;
    size_t len;
    struct platoon_err err;

    (void)state;
    peer_start(&p, login_and_read, &r);
    open_to(&c, &at, &p);
    if (conn_login(&c, "secret", 6, false, soon(), &last, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    parts[0] = (struct iovec){last.bytes, last.len};
    assert_int_equal(conn_send(&c, parts, 2, NULL), PLATOON_OK);
    assert_int_equal(conn_receive(&c, 256, &body, &len, NULL), PLATOON_OK);
    conn_close(&c);
    peer_stop(&p);
    assert_int_equal(r.len, 3);
    assert_memory_equal(bytes, "abc", 3);
}

static enum platoon_status try_login(peer_script script, void *arg, const char *key, int ms,
                                     struct platoon_err *err)
{
    struct peer p;
    struct conn_peer at;
    struct conn c;
    struct auth_out last;
    enum platoon_status st;

    peer_start(&p, script, arg);
    open_to(&c, &at, &p);
    st = conn_login(&c, key, strlen(key), false, clock_mono_ns() + (uint64_t)ms * 1000000, &last,
                    err);
    conn_close(&c);
    peer_stop(&p);
    return st;
}

TEST(conn_login_says_which_side_refused)
{
    uint8_t bytes[16];
    struct received r = {0, bytes, sizeof bytes};
    struct platoon_err err;

    (void)state;
    assert_int_equal(try_login(login_and_read, &r, "wrong", 20000, &err), PLATOON_EAUTH);
    assert_non_null(strstr(err.message, "the server refused this side's authkey"));
    assert_non_null(strstr(err.message, "127.0.0.1:"));
}

static void greet_as_ssh(int fd, int nth, void *arg)
{
    (void)nth;
    (void)arg;
    peer_send(fd, "SSH-2.0-OpenSSH_9.2\r\n", 21);
    peer_drain(fd);
}

static void trickle(int fd, int nth, void *arg)
{
    const struct timespec pause = {0, 1000000};

    (void)nth;
    (void)arg;
    peer_send(fd, "\0\0\0\x3b#", 5);
    while (peer_send(fd, "x", 1) && nanosleep(&pause, NULL) == 0)
        ;
}

TEST(conn_login_with_what_is_no_manager_server)
{
    struct platoon_err err;

    (void)state;
    assert_int_equal(try_login(greet_as_ssh, NULL, "k", 20000, &err), PLATOON_EPROTO);
    assert_non_null(strstr(err.message, "SSH"));
    assert_int_equal(try_login(close_at_once, NULL, "k", 20000, &err), PLATOON_ECONNECT);
    assert_non_null(strstr(err.message, "closed the connection during authentication"));
    assert_int_equal(try_login(say_nothing, NULL, "k", 50, &err), PLATOON_ECONNECT);
    assert_non_null(strstr(err.message, "did not authenticate within the time limit"));
    assert_int_equal(try_login(send_too_long, NULL, "k", 20000, &err), PLATOON_EPROTO);
    /* the limit is on the whole, not on each byte */
    assert_int_equal(try_login(trickle, NULL, "k", 30, &err), PLATOON_ECONNECT);
}
