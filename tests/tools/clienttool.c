/* SPDX-License-Identifier: Apache-2.0 */
/* clienttool.c - a C program that uses a manager server through the library, one chapter a run:
 *
 *     clienttool PORT AUTHKEY CHAPTER [ARGUMENT]
 *
 * Exits 0 if all went as the chapter says; else prints the first claim that was false and exits 1.
 * The server is tests/integration/scripts/stock_server.py, or ours with the same typeids. */
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <platoon/platoon.h>

/* How many objects a server holds is no business of a program; of this test it is. */
#include "manager/proxy.h"

static uint16_t port;
static const char *authkey;

#define MUST(claim)                                                                                \
    do {                                                                                           \
        if (!(claim))                                                                              \
            complain(__LINE__, #claim, NULL);                                                      \
    } while (0)
#define WANT(wanted, call)                                                                         \
    do {                                                                                           \
        struct platoon_err err = {PLATOON_OK, "", ""};                                             \
        enum platoon_status got_ = (call);                                                         \
        if (got_ != (wanted))                                                                      \
            complain(__LINE__, #call " is not " #wanted, &err);                                    \
    } while (0)
#define OK(call) WANT(PLATOON_OK, call)

static void complain(int line, const char *claim, const struct platoon_err *err)
{
    printf("clienttool.c:%d: %s", line, claim);
    if (err)
        printf(" (%s; %s: %s)", platoon_status_text(err->status), err->type, err->message);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

static platoon_manager *connect_with(struct platoon_manager_options o)
{
    platoon_manager *m = NULL;

    o.port = port;
    o.authkey = authkey;
    o.authkey_len = strlen(authkey);
    OK(platoon_manager_connect(&o, &m, &err));
    return m;
}

static platoon_manager *connect_plain(void)
{
    return connect_with((struct platoon_manager_options){.host = NULL});
}

static platoon_queue *open_queue(platoon_manager *m, const char *typeid_)
{
    platoon_queue *q = NULL;

    OK(platoon_manager_queue(m, typeid_, NULL, &q, &err));
    return q;
}

static platoon_value *call(platoon_queue *q, const char *method, platoon_value *args)
{
    platoon_value *v = NULL;

    OK(platoon_call(q, method, args, NULL, &v, &err));
    platoon_value_unref(args);
    return v;
}

static bool call_says(platoon_queue *q, const char *method, const char *repr)
{
    platoon_value *v = call(q, method, NULL);
    char *text = platoon_repr(v);
    bool same = strcmp(text, repr) == 0;

    if (!same)
        printf("%s() is %s\n", method, text);
    free(text);
    platoon_value_unref(v);
    return same;
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int64_t number_of_objects(platoon_manager *m)
{
    platoon_value *v = NULL;
    int64_t n = -1;

    OK(session_ask_once(&m->session, "number_of_objects", platoon_tuple(0), true, &v, &err));
    MUST(platoon_as_int(v, &n) == PLATOON_OK);
    platoon_value_unref(v);
    return n;
}

/* --- values -------------------------------------------------------------------------------------
 */

static platoon_value *of(const char *repr_of_pickle, size_t len)
{
    platoon_value *v = NULL;

    OK(platoon_pickle_decode(repr_of_pickle, len, NULL, &v, &err));
    return v;
}

static void there_and_back(platoon_queue *q, platoon_value *v)
{
    platoon_value *back = NULL;
    char *before, *after;

    MUST(v);
    OK(platoon_queue_put(q, v, PLATOON_FOREVER, &err));
    OK(platoon_queue_get(q, 5, &back, &err));
    before = platoon_repr(v);
    after = platoon_repr(back);
    if (strcmp(before, after) != 0) {
        printf("put %s, got %s\n", before, after);
        MUST(!"the value came back as it was");
    }
    MUST(platoon_value_kind(v) == platoon_value_kind(back));
    free(before);
    free(after);
    platoon_value_unref(v);
    platoon_value_unref(back);
}

static void values(const char *arg)
{
    static const int64_t ints[] = {0,          -1,        1,        255,        256,
                                   65535,      65536,     70000,    2147483647, -2147483648,
                                   2147483648, INT64_MAX, INT64_MIN};
    static const double floats[] = {0.0, -0.0, 1.5, 1e308, -1e-308, INFINITY, -INFINITY, NAN};
    bool is_python2 = arg && strcmp(arg, "2") == 0;
    char all_bytes[256], *long_text = malloc(70001);
    platoon_manager *m = connect_plain();
    platoon_queue *q = open_queue(m, "get_task_queue");
    platoon_value *x;

    there_and_back(q, platoon_none());
    there_and_back(q, platoon_bool(true));
    there_and_back(q, platoon_bool(false));
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++)
        there_and_back(q, platoon_int(ints[i]));
    there_and_back(q, platoon_int_from_bytes("\0\0\0\0\0\0\0\0\1", 9));
    there_and_back(q, platoon_int_from_bytes("\xff\xff\xff\xff\xff\xff\xff\xff\x7f\xff", 10));
    for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++)
        there_and_back(q, platoon_float(floats[i]));

    memset(long_text, 'x', 70000);
    long_text[70000] = '\0';
    there_and_back(q, platoon_str(""));
    there_and_back(
        q, platoon_str("put")); /* as the method: a memo reference in Python's own pickles */
    there_and_back(
        q, platoon_str(
               "za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x9a\x97"));
    there_and_back(q, platoon_str("\xed\xa0\x80 a lone surrogate"));
    there_and_back(q, platoon_str(long_text));
    if (!is_python2) { /* which has no bytes: they would come back as text */
        for (int i = 0; i < 256; i++)
            all_bytes[i] = (char)i;
        there_and_back(q, platoon_bytes("", 0));
        there_and_back(q, platoon_bytes(all_bytes, 256));
        there_and_back(q, platoon_bytes(long_text, 70000));
        there_and_back(q, platoon_bytearray(all_bytes, 256));
    }
    free(long_text);

    there_and_back(q, platoon_list());
    there_and_back(q, platoon_tuple(0));
    there_and_back(q, platoon_dict());
    there_and_back(q, platoon_set());
    there_and_back(q, platoon_frozenset());
    there_and_back(q, platoon_tuple(1, platoon_int(1)));
    there_and_back(q, platoon_tuple(2, platoon_int(1), platoon_str("b")));
    there_and_back(q, platoon_tuple(3, platoon_int(1), platoon_none(), platoon_tuple(0)));
    there_and_back(
        q, platoon_tuple(4, platoon_int(1), platoon_int(2), platoon_int(3), platoon_int(4)));
    x = platoon_list();
    for (int i = 0; i < 2500; i++) /* Python writes lists in batches of 1000 */
        MUST(platoon_append(x, platoon_int(i)) == PLATOON_OK);
    there_and_back(q, x);
    x = platoon_set();
    MUST(platoon_append(x, platoon_str("only one, for its order")) == PLATOON_OK);
    there_and_back(q, x);
    x = platoon_dict();
    MUST(platoon_dict_set(x, "filename", platoon_str("data/ramp_metering.sumocfg")) == PLATOON_OK);
    MUST(platoon_dict_set(x, "control_bool", platoon_bool(false)) == PLATOON_OK);
    MUST(platoon_dict_put(x, platoon_int(7),
                          platoon_tuple(2, platoon_float(2.5), platoon_list())) == PLATOON_OK);
    if (is_python2) /* where dicts have no order */
        platoon_value_unref(x);
    else
        there_and_back(q, x);
    there_and_back(q, of("\x80\x02]q\0h\0a.", 9));             /* a list that contains itself */
    there_and_back(q, of("\x80\x02]q\0h\0\x85q\1a0h\1.", 15)); /* a tuple that contains itself */

    if (arg && strcmp(arg, "platoon") == 0) {
        platoon_manager_close(m);
        return;
    }
    x = call(open_queue(m, "get_odd"), "shared", NULL);
    MUST(platoon_item(x, 0) == platoon_item(x, 1));
    platoon_value_unref(x);
    x = call(open_queue(m, "get_odd"), "recursive", NULL);
    MUST(platoon_item(x, 1) == x || platoon_item(platoon_item(x, 1), 1) == platoon_item(x, 1));
    platoon_value_unref(x);
    platoon_manager_close(m);
}

static void big_values(const char *arg)
{
    size_t most = (size_t)atol(arg) << 20;
    size_t sizes[] = {16384 - 40, 16384, 16384 + 40, 65536, 65537, 1000000, most / 2 + 1, most};
    platoon_manager *m = connect_plain();
    platoon_queue *q = open_queue(m, "get_task_queue");

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *bytes = malloc(sizes[i]);
        platoon_value *v, *back;
        double begun = now_s();
        size_t len;

        for (size_t b = 0; b < sizes[i]; b++)
            bytes[b] = (char)('a' + b % 26);
        v = platoon_str_n(bytes, sizes[i]);
        MUST(v);
        OK(platoon_queue_put(q, v, PLATOON_FOREVER, &err));
        OK(platoon_queue_get(q, 30, &back, &err));
        MUST(platoon_as_str(back, &len) && len == sizes[i]);
        MUST(memcmp(platoon_as_str(back, NULL), bytes, len) == 0);
        printf("%zu bytes there and back: %.1f ms\n", sizes[i], (now_s() - begun) * 1e3);
        platoon_value_unref(v);
        platoon_value_unref(back);
        free(bytes);
    }
    platoon_manager_close(m);
}

static void opaque_values(const char *arg)
{
    platoon_manager *m = connect_plain();
    platoon_queue *q = open_queue(m, "get_task_queue"), *odd = open_queue(m, "get_odd");
    platoon_value *point, *again, *shown;

    (void)arg;
    point = call(odd, "point", NULL);
    MUST(platoon_value_kind(point) == PLATOON_OPAQUE);
    {
        size_t len;
        const void *bytes = platoon_as_bytes(point, &len);

        OK(platoon_pickle_inspect(bytes, len, NULL, &shown, &err));
        MUST(platoon_value_kind(shown) == PLATOON_OBJECT);
        platoon_value_unref(shown);
    }
    OK(platoon_queue_put(q, point, PLATOON_FOREVER, &err));
    shown = call(odd, "is_point", platoon_tuple(1, platoon_str("tasks")));
    {
        bool is_same = false;

        MUST(platoon_as_bool(shown, &is_same) == PLATOON_OK && is_same);
    }
    platoon_value_unref(shown);
    OK(platoon_queue_put(q, point, PLATOON_FOREVER, &err));
    OK(platoon_queue_get(q, 5, &again, &err));
    MUST(platoon_value_kind(again) == PLATOON_OPAQUE);
    OK(platoon_queue_put(q, again, PLATOON_FOREVER, &err));
    shown = call(odd, "is_point", platoon_tuple(1, platoon_str("tasks")));
    {
        bool is_same = false;

        MUST(platoon_as_bool(shown, &is_same) == PLATOON_OK && is_same);
    }
    platoon_value_unref(shown);
    platoon_value_unref(point);
    platoon_value_unref(again);
    platoon_manager_close(m);
}

/* --- queue.Queue
 * ----------------------------------------------------------------------------------- */

static void *put_later(void *arg)
{
    platoon_manager *m = connect_with((struct platoon_manager_options){.name = "put_later"});
    platoon_queue *q = open_queue(m, "get_result_queue");
    platoon_value *v = platoon_str("at last");

    (void)arg;
    nanosleep(&(struct timespec){0, 100000000}, NULL);
    OK(platoon_queue_put(q, v, PLATOON_FOREVER, &err));
    platoon_value_unref(v);
    platoon_manager_close(m);
    return NULL;
}

static void queue_calls(const char *arg)
{
    platoon_manager *m = connect_plain();
    platoon_queue *q = open_queue(m, "get_task_queue"), *small = open_queue(m, "get_small_queue"),
                  *results = open_queue(m, "get_result_queue");
    platoon_value *v = platoon_int(1), *kwds, *back;
    struct platoon_err why;
    pthread_t other;
    int64_t n;
    double begun;

    (void)arg;
    MUST(call_says(q, "empty", "True"));
    WANT(PLATOON_EEMPTY, platoon_queue_get(q, 0, &back, &err));
    begun = now_s();
    MUST(platoon_queue_get(q, 0.2, &back, &why) == PLATOON_EEMPTY);
    MUST(now_s() - begun > 0.15);
    MUST(strcmp(why.type, "queue.Empty") == 0 && why.message[0]);
    OK(platoon_queue_put(q, v, PLATOON_FOREVER, &err));
    OK(platoon_queue_put(q, v, 0, &err));
    OK(platoon_queue_put(q, v, 2.5, &err));
    platoon_value_unref(call(q, "put_nowait", platoon_tuple(1, platoon_str("last"))));
    kwds = platoon_dict();
    MUST(platoon_dict_set(kwds, "item", platoon_str("by keyword")) == PLATOON_OK);
    MUST(platoon_dict_set(kwds, "block", platoon_bool(true)) == PLATOON_OK);
    OK(platoon_call(q, "put", NULL, kwds, NULL, &err));
    platoon_value_unref(kwds);
    OK(platoon_queue_size(q, &n, &err));
    MUST(n == 5);
    MUST(call_says(q, "full", "False"));
    MUST(call_says(q, "get_nowait", "1"));
    OK(platoon_queue_get(q, PLATOON_FOREVER, &back, &err));
    platoon_value_unref(back);
    OK(platoon_queue_get(q, INFINITY, NULL, &err)); /* an answer nobody wants */
    MUST(call_says(q, "get", "'last'"));
    MUST(call_says(q, "get", "'by keyword'"));

    for (int i = 0; i < 5; i++)
        OK(platoon_queue_task_done(q, &err));
    OK(platoon_queue_join(q, &err));
    MUST(platoon_queue_task_done(q, &why) == PLATOON_EREMOTE);
    MUST(strcmp(why.type, "ValueError") == 0);
    MUST(strcmp(why.message, "task_done() called too many times") == 0);

    OK(platoon_queue_put(small, v, 0, &err));
    MUST(call_says(small, "full", "True"));
    MUST(platoon_queue_put(small, v, 0, &why) == PLATOON_EFULL);
    MUST(strcmp(why.type, "queue.Full") == 0 && why.message[0]);
    WANT(PLATOON_EFULL, platoon_queue_put(small, v, 0.05, &err));
    OK(platoon_queue_get(small, 0, NULL, &err));

    WANT(PLATOON_EINVAL, platoon_queue_get(q, -2, &back, &err));
    WANT(PLATOON_EINVAL, platoon_queue_get(q, NAN, &back, &err));
    WANT(PLATOON_EINVAL, platoon_queue_put(q, v, -0.5, &err));
    kwds = platoon_dict();
    MUST(platoon_dict_set(kwds, "timeout", platoon_int(-1)) == PLATOON_OK);
    MUST(platoon_call(q, "get", NULL, kwds, &back, &why) == PLATOON_EREMOTE);
    MUST(strcmp(why.type, "ValueError") == 0);
    MUST(strcmp(why.message, "'timeout' must be a non-negative number") == 0);
    platoon_value_unref(kwds);

    MUST(pthread_create(&other, NULL, put_later, NULL) == 0);
    OK(platoon_queue_get(results, PLATOON_FOREVER, &back, &err));
    MUST(strcmp(platoon_as_str(back, NULL), "at last") == 0);
    pthread_join(other, NULL);
    platoon_value_unref(back);
    platoon_value_unref(v);
    platoon_manager_close(m);
}

/* --- failures
 * --------------------------------------------------------------------------------------- */

static void fails_with(platoon_queue *odd, const char *what, enum platoon_status st,
                       const char *type, const char *message)
{
    platoon_value *args = platoon_tuple(1, platoon_str(what)), *out = NULL;
    struct platoon_err why;
    enum platoon_status got = platoon_call(odd, "fail", args, NULL, &out, &why);

    if (got != st || strcmp(why.type, type) != 0 ||
        (message && strcmp(why.message, message) != 0)) {
        printf("%s: %s; %s: %s\n", what, platoon_status_text(got), why.type, why.message);
        MUST(!"the exception as it should be");
    }
    MUST(why.message[0]);
    platoon_value_unref(args);
}

static void failures(const char *arg)
{
    bool is_python2 = arg && strcmp(arg, "2") == 0;
    platoon_manager *m = connect_plain();
    platoon_queue *odd = open_queue(m, "get_odd"), *q = open_queue(m, "get_task_queue"),
                  *none = NULL;
    platoon_value *args = platoon_list(), *kwds, *out = NULL;
    int64_t before = number_of_objects(m);
    struct platoon_err why;

    fails_with(odd, "key", PLATOON_EREMOTE, "KeyError", "'missing'");
    fails_with(odd, "os", PLATOON_EREMOTE, is_python2 ? "IOError" : "FileNotFoundError",
               is_python2 ? NULL : "[Errno 2] No such file or directory: '/nonexistent/file'");
    fails_with(odd, "own", PLATOON_EREMOTE, "__main__.Trouble", "('one', 2)");
    fails_with(odd, "silent", PLATOON_EREMOTE, "RuntimeError", NULL);
    fails_with(odd, "text", PLATOON_EREMOTE, "ValueError",
               "za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 \xe4\xb8\xad\xe6\x96\x87");
    fails_with(odd, "empty", PLATOON_EEMPTY, "queue.Empty", NULL);

    MUST(platoon_manager_queue(m, "get_nonsense", NULL, &none, &why) == PLATOON_ENOTFOUND);
    MUST(!none && strstr(why.message, "get_nonsense"));
    MUST(platoon_call(q, "no_such_method", NULL, NULL, &out, &why) == PLATOON_EREMOTE);
    MUST(strstr(why.message, "no_such_method"));
    MUST(platoon_call(q, "put", NULL, NULL, &out, &why) == PLATOON_EREMOTE);
    MUST(strcmp(why.type, "TypeError") == 0 && strstr(why.message, "put()"));
    MUST(platoon_call(odd, "unpicklable", NULL, NULL, &out, &why) == PLATOON_EREMOTE);
    MUST(strstr(why.message, "could not pickle its answer"));
    MUST(platoon_call(odd, "inner", NULL, NULL, &out, &why) == PLATOON_ETYPE);
    MUST(strstr(why.message, "proxy"));
    MUST(!out);
    MUST(number_of_objects(m) == before); /* the inner proxy was let go */

    WANT(PLATOON_ETYPE, platoon_call(q, "get", platoon_none(), NULL, &out, &err));
    WANT(PLATOON_EINVAL, platoon_call(q, "", NULL, NULL, &out, &err));
    WANT(PLATOON_ENOMEM, platoon_queue_put(q, NULL, 0, &err));
    WANT(PLATOON_EINVAL, platoon_manager_queue(m, "", NULL, &none, &err));
    WANT(PLATOON_EINVAL, platoon_manager_queue(m, "get_\xff", NULL, &none, &err));

    /* and all the while the line is in step */
    kwds = platoon_dict();
    MUST(platoon_append(args, platoon_int(1)) == PLATOON_OK);
    MUST(platoon_dict_set(kwds, "k", platoon_str("v")) == PLATOON_OK);
    OK(platoon_call(odd, "echo", args, kwds, &out, &err));
    {
        char *text = platoon_repr(out);

        MUST(strcmp(text, "((1,), {'k': 'v'})") == 0);
        free(text);
    }
    platoon_value_unref(args);
    platoon_value_unref(kwds);
    platoon_value_unref(out);
    platoon_manager_close(m);
}

static void wrong_key(const char *arg)
{
    platoon_manager *m = NULL;
    struct platoon_manager_options o = {.port = port, .authkey = "not the key", .authkey_len = 11};
    struct platoon_err why;

    (void)arg;
    MUST(platoon_manager_connect(&o, &m, &why) == PLATOON_EAUTH);
    MUST(!m);
    MUST(strstr(why.message, "the server refused this side's authkey"));
    MUST(strstr(why.message, "127.0.0.1:"));
    platoon_manager_close(connect_plain()); /* it goes on serving */
}

static void sha256_only(const char *arg)
{
    platoon_manager *m = NULL;
    struct platoon_manager_options o = {
        .port = port, .authkey = authkey, .authkey_len = strlen(authkey), .auth_sha256_only = true};
    bool is_old = strcmp(arg, "old") == 0;
    struct platoon_err why;
    enum platoon_status st = platoon_manager_connect(&o, &m, &why);

    MUST(st == (is_old ? PLATOON_EAUTH : PLATOON_OK));
    if (is_old)
        MUST(strstr(why.message, "MD5"));
    platoon_manager_close(m);
}

static void nobody_there(const char *arg)
{
    platoon_manager *m = NULL;
    struct platoon_manager_options o = {.port = port};
    struct platoon_err why;

    (void)arg;
    MUST(platoon_manager_connect(&o, &m, &why) == PLATOON_ECONNECT);
    MUST(strstr(why.message, "refused the connection"));
}

/* --- a manager's life
 * -------------------------------------------------------------------------------- */

static void lifecycle(const char *arg)
{
    platoon_manager *watcher = connect_plain(), *m;
    platoon_queue *queues[30];
    int64_t before = number_of_objects(watcher);
    platoon_value *one = platoon_list();

    (void)arg;
    m = connect_plain();
    MUST(strncmp(platoon_manager_address(m), "127.0.0.1:", 10) == 0);
    MUST(platoon_append(one, platoon_int(1)) == PLATOON_OK);
    for (int i = 0; i < 30; i++) {
        OK(platoon_manager_queue(m, "Queue", i % 2 ? one : NULL, &queues[i], &err));
        OK(platoon_queue_put(queues[i], one, 0, &err));
        if (i % 2)
            WANT(PLATOON_EFULL, platoon_queue_put(queues[i], one, 0, &err));
    }
    MUST(number_of_objects(watcher) == before + 30);
    for (int i = 0; i < 10; i++)
        platoon_queue_drop(queues[(i * 7) % 30]);
    platoon_queue_drop(NULL);
    MUST(number_of_objects(watcher) == before + 20);
    platoon_manager_close(m);
    MUST(number_of_objects(watcher) == before);

    m = connect_plain(); /* as a crash would: the server keeps what nobody gave back */
    for (int i = 0; i < 3; i++)
        open_queue(m, "Queue");
    platoon_manager_abandon(m);
    MUST(number_of_objects(watcher) == before + 3);

    m = connect_plain(); /* all dropped, then one anew */
    queues[0] = open_queue(m, "get_task_queue");
    OK(platoon_queue_put(queues[0], one, 0, &err));
    platoon_queue_drop(queues[0]);
    queues[0] = open_queue(m, "get_task_queue");
    OK(platoon_queue_get(queues[0], 0, NULL, &err));
    platoon_manager_close(m);
    platoon_manager_close(NULL);
    platoon_manager_abandon(NULL);
    platoon_value_unref(one);
    platoon_manager_close(watcher);
}

static void *a_thread(void *arg)
{
    char name[16], wanted[64];
    platoon_manager *m;
    platoon_queue *odd, *q;
    platoon_value *v;

    snprintf(name, sizeof name, "thread %d", *(int *)arg);
    m = connect_with((struct platoon_manager_options){.name = name});
    odd = open_queue(m, "get_odd");
    q = open_queue(m, "get_task_queue");
    v = call(odd, "thread_name", NULL);
    snprintf(wanted, sizeof wanted, "clienttool-%ld|%s", (long)getpid(), name);
    MUST(strcmp(platoon_as_str(v, NULL), wanted) == 0);
    for (int i = 0; i < 50; i++)
        OK(platoon_queue_put(q, v, PLATOON_FOREVER, &err));
    for (int i = 0; i < 50; i++)
        OK(platoon_queue_get(q, 10, NULL, &err));
    platoon_value_unref(v);
    platoon_manager_close(m);
    return NULL;
}

static void threads(const char *arg)
{
    platoon_manager *m = connect_plain();
    platoon_queue *odd = open_queue(m, "get_odd");
    platoon_value *v = call(odd, "thread_name", NULL);
    pthread_t ids[8];
    int numbers[8];
    char wanted[64];

    (void)arg;
    snprintf(wanted, sizeof wanted, "clienttool-%ld", (long)getpid());
    MUST(strcmp(platoon_as_str(v, NULL), wanted) == 0);
    for (int i = 0; i < 8; i++) {
        numbers[i] = i;
        MUST(pthread_create(&ids[i], NULL, a_thread, &numbers[i]) == 0);
    }
    for (int i = 0; i < 8; i++)
        pthread_join(ids[i], NULL);
    platoon_value_unref(v);
    platoon_manager_close(m);
}

/* --- a server that goes away
 * ------------------------------------------------------------------------- */

static void killed_in_call(const char *arg)
{
    platoon_manager *m = connect_plain();
    platoon_queue *odd = open_queue(m, "get_odd");
    struct platoon_err why;

    (void)arg;
    MUST(platoon_call(odd, "die", NULL, NULL, NULL, &why) == PLATOON_EUNKNOWN);
    MUST(strstr(why.message, "after `die` was sent: whether it happened is unknown"));
    for (int i = 0; i < 3; i++) {
        MUST(platoon_call(odd, "nothing", NULL, NULL, NULL, &why) == PLATOON_ECLOSED);
        MUST(strstr(why.message, "`nothing` was not sent"));
    }
    platoon_manager_close(m); /* does not wait for anybody */
}

/* The driver ends the server when it reads "ready", and starts the next one at its address. */
static void pause_for_driver(void)
{
    char line[16];

    printf("ready\n");
    fflush(stdout);
    MUST(fgets(line, sizeof line, stdin));
    nanosleep(&(struct timespec){0, 5000000}, NULL); /* a line counts as idle after 1 ms */
}

static void closed_between_calls(const char *arg)
{
    platoon_manager *m = connect_plain();
    platoon_queue *odd = open_queue(m, "get_odd");

    (void)arg;
    OK(platoon_call(odd, "nothing", NULL, NULL, NULL, &err));
    pause_for_driver();
    WANT(PLATOON_ECLOSED, platoon_call(odd, "nothing", NULL, NULL, NULL, &err));
    WANT(PLATOON_ECLOSED, platoon_call(odd, "nothing", NULL, NULL, NULL, &err));
    platoon_manager_close(m);
}

static void reconnect(const char *arg)
{
    platoon_manager *m = connect_with((struct platoon_manager_options){.reconnect = true});
    platoon_queue *odd = open_queue(m, "get_odd"), *q = open_queue(m, "get_task_queue");
    platoon_value *v = platoon_str("kept in hand");

    (void)arg;
    OK(platoon_queue_put(q, v, 0, &err));
    pause_for_driver(); /* another server now, which knows nothing of our proxies */
    OK(platoon_queue_put(q, v, 0, &err));
    MUST(call_says(q, "qsize", "1"));
    WANT(PLATOON_EUNKNOWN, platoon_call(odd, "die", NULL, NULL, NULL, &err));
    WANT(PLATOON_ECONNECT, platoon_queue_put(q, v, 0, &err));
    WANT(PLATOON_ECONNECT, platoon_queue_put(q, v, 0, &err));
    pause_for_driver(); /* and a third */
    OK(platoon_queue_put(q, v, 0, &err));
    MUST(call_says(q, "qsize", "1"));
    MUST(call_says(odd, "nothing", "None"));
    platoon_value_unref(v);
    platoon_manager_close(m);
}

/* The same with queues alone, for a server that has nothing odd. */
static void between_servers(const char *arg)
{
    platoon_manager *once = connect_plain(),
                    *again = connect_with((struct platoon_manager_options){.reconnect = true});
    platoon_queue *q = open_queue(once, "get_task_queue"), *p = open_queue(again, "get_task_queue");
    platoon_value *v = platoon_str("kept in hand");

    (void)arg;
    OK(platoon_queue_put(q, v, 0, &err));
    OK(platoon_queue_put(p, v, 0, &err));
    pause_for_driver(); /* another server now */
    WANT(PLATOON_ECLOSED, platoon_queue_put(q, v, 0, &err));
    WANT(PLATOON_ECLOSED, platoon_queue_put(q, v, 0, &err));
    OK(platoon_queue_put(p, v, 0, &err));
    MUST(call_says(p, "qsize", "1"));
    platoon_value_unref(v);
    platoon_manager_close(once);
    platoon_manager_close(again);
}

static void stop_server(const char *arg)
{
    platoon_manager *m = connect_plain();
    platoon_queue *q = open_queue(m, "get_task_queue");

    (void)arg;
    OK(platoon_queue_put(q, platoon_none(), 0, &err));
    OK(platoon_manager_shutdown(m, &err));
    platoon_manager_close(m);
}

/* --- loops
 * --------------------------------------------------------------------------------------------- */

static void cycle(const char *arg)
{
    long n = atol(arg);
    platoon_manager *m = connect_plain();
    platoon_queue *q = open_queue(m, "get_task_queue");
    platoon_value *v = platoon_dict(), *back;
    double begun;

    MUST(platoon_dict_set(v, "filename", platoon_str("data/ramp_metering.sumocfg")) == PLATOON_OK);
    MUST(platoon_dict_set(v, "control_bool", platoon_bool(false)) == PLATOON_OK);
    begun = now_s();
    for (long i = 0; i < n; i++) {
        OK(platoon_queue_put(q, v, PLATOON_FOREVER, &err));
        OK(platoon_queue_get(q, 1, &back, &err));
        platoon_value_unref(back);
    }
    printf("%.2f us a put and get\n", (now_s() - begun) * 1e6 / (double)n);
    platoon_value_unref(v);
    platoon_manager_close(m);
}

static bool square(platoon_value *task, platoon_value **out_result, void *arg)
{
    int64_t n;

    (*(int *)arg)++;
    if (platoon_as_int(task, &n) != PLATOON_OK)
        return false;
    *out_result = platoon_int(n * n);
    return n != 99;
}

static void work(const char *arg)
{
    platoon_manager *m = connect_plain();
    platoon_queue *tasks = open_queue(m, "get_task_queue"),
                  *results = open_queue(m, "get_result_queue");
    int calls = 0;
    platoon_value *v;
    int64_t n, sum = 0, done;

    (void)arg;
    for (int i = 0; i < 10; i++) {
        v = platoon_int(i);
        OK(platoon_queue_put(tasks, v, 0, &err));
        platoon_value_unref(v);
    }
    OK(platoon_work(tasks, results, 0.1, square, &calls, &err)); /* until it is idle */
    MUST(calls == 10);
    OK(platoon_queue_join(tasks, &err)); /* each was marked done */
    for (int i = 0; i < 10; i++) {
        OK(platoon_queue_get(results, 0, &v, &err));
        MUST(platoon_as_int(v, &n) == PLATOON_OK);
        sum += n;
        platoon_value_unref(v);
    }
    MUST(sum == 285);
    for (int i = 98; i < 102; i++) {
        v = platoon_int(i);
        OK(platoon_queue_put(tasks, v, 0, &err));
        platoon_value_unref(v);
    }
    OK(platoon_work(tasks, results, PLATOON_FOREVER, square, &calls, &err)); /* until told */
    OK(platoon_queue_size(tasks, &n, &err));
    OK(platoon_queue_size(results, &done, &err));
    MUST(n == 2 && done == 2);
    platoon_manager_close(m);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const char *arg);
    } chapters[] = {
        {"values", values},
        {"big_values", big_values},
        {"opaque_values", opaque_values},
        {"queue_calls", queue_calls},
        {"failures", failures},
        {"wrong_key", wrong_key},
        {"sha256_only", sha256_only},
        {"nobody_there", nobody_there},
        {"lifecycle", lifecycle},
        {"threads", threads},
        {"killed_in_call", killed_in_call},
        {"closed_between_calls", closed_between_calls},
        {"reconnect", reconnect},
        {"between_servers", between_servers},
        {"stop_server", stop_server},
        {"cycle", cycle},
        {"work", work},
    };

    if (argc >= 4) {
        port = (uint16_t)atoi(argv[1]);
        authkey = argv[2];
        for (size_t i = 0; i < sizeof chapters / sizeof chapters[0]; i++) {
            if (strcmp(chapters[i].name, argv[3]) == 0) {
                chapters[i].run(argc > 4 ? argv[4] : NULL);
                return 0;
            }
        }
    }
    fprintf(stderr, "usage: clienttool PORT AUTHKEY CHAPTER [ARGUMENT]; chapters:");
    for (size_t i = 0; i < sizeof chapters / sizeof chapters[0]; i++)
        fprintf(stderr, " %s", chapters[i].name);
    fprintf(stderr, "\n");
    return 2;
}
