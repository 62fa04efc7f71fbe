/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/bind.h"
#include "support/test.h"

static const struct bind_signature put = {"Queue.put", {"item", "block", "timeout"}, 3, 1};
static const struct bind_signature qsize = {"Queue.qsize", {NULL}, 0, 0};

static struct scan_arg args[8];
static struct scan_kwd kwds[2];
static const struct scan_arg *bound[BIND_MAX_PARAMS];
static struct bind_error err;

static bool call(const struct bind_signature *sig, size_t n_args, const char *kwd1,
                 const char *kwd2)
{
    struct scan_request rq = {.n_args = n_args, .args = args, .kwds = kwds};

    if (kwd1)
        snprintf(kwds[rq.n_kwds++].name, sizeof kwds[0].name, "%s", kwd1);
    if (kwd2)
        snprintf(kwds[rq.n_kwds++].name, sizeof kwds[0].name, "%s", kwd2);
    memset(&err, 0, sizeof err);
    return bind_args(sig, &rq, bound, &err);
}

TEST(arguments_are_bound_by_position_and_keyword)
{
    (void)state;
    assert_true(call(&put, 1, NULL, NULL));
    assert_ptr_equal(bound[0], &args[0]);
    assert_null(bound[1]);
    assert_true(call(&put, 1, "timeout", "block"));
    assert_ptr_equal(bound[1], &kwds[1].value);
    assert_ptr_equal(bound[2], &kwds[0].value);
    assert_true(call(&put, 0, "item", NULL));
    assert_ptr_equal(bound[0], &kwds[0].value);
    assert_true(call(&put, 3, NULL, NULL));
    assert_true(call(&qsize, 0, NULL, NULL));
}

/* The wanted texts were printed by Python 3.11 and 3.13. */
TEST(what_does_not_fit_is_refused_in_pythons_words)
{
    static const struct {
        const struct bind_signature *sig;
        size_t n_args;
        const char *kwd1, *kwd2, *text;
    } rows[] = {
        {&put, 0, NULL, NULL, "Queue.put() missing 1 required positional argument: 'item'"},
        {&put, 0, "block", NULL, "Queue.put() missing 1 required positional argument: 'item'"},
        {&put, 4, NULL, NULL,
         "Queue.put() takes from 2 to 4 positional arguments but 5 were given"},
        {&put, 1, "item", NULL, "Queue.put() got multiple values for argument 'item'"},
        {&put, 3, "timeout", NULL, "Queue.put() got multiple values for argument 'timeout'"},
        {&put, 1, "foo", NULL, "Queue.put() got an unexpected keyword argument 'foo'"},
        {&qsize, 1, NULL, NULL, "Queue.qsize() takes 1 positional argument but 2 were given"},
        {&qsize, 0, "a", NULL, "Queue.qsize() got an unexpected keyword argument 'a'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(call(rows[i].sig, rows[i].n_args, rows[i].kwd1, rows[i].kwd2));
        assert_string_equal(err.class_name, "TypeError");
        assert_string_equal(err.text, rows[i].text);
    }
}

static struct bind_wait wait_for(bool block, struct scan_arg timeout)
{
    struct bind_wait w;

    assert_true(bind_wait(block, &timeout, "", &w, &err));
    return w;
}

TEST(timeouts_are_read_as_queue_queue_reads_them)
{
    struct scan_arg negative = {.kind = SCAN_FLOAT, .as_float = -0.5};
    struct scan_arg text = {.kind = SCAN_TEXT};
    struct bind_wait w;

    (void)state;
    assert_int_equal(wait_for(true, (struct scan_arg){.kind = SCAN_NONE}).kind, BIND_FOREVER);
    assert_true(bind_wait(true, NULL, "", &w, &err));
    assert_int_equal(w.kind, BIND_FOREVER);
    w = wait_for(true, (struct scan_arg){.kind = SCAN_INT, .as_int = 2});
    assert_int_equal(w.kind, BIND_TIMEOUT);
    assert_true(w.timeout_ns == 2000000000u);
    w = wait_for(true, (struct scan_arg){.kind = SCAN_BOOL, .as_bool = true, .as_int = 1});
    assert_true(w.timeout_ns == 1000000000u);
    w = wait_for(true, (struct scan_arg){.kind = SCAN_FLOAT, .as_float = 1e-10});
    assert_true(w.timeout_ns == 1);
    w = wait_for(true, (struct scan_arg){.kind = SCAN_FLOAT, .as_float = 0});
    assert_int_equal(w.kind, BIND_TIMEOUT);
    assert_true(w.timeout_ns == 0);
    assert_int_equal(
        wait_for(true, (struct scan_arg){.kind = SCAN_FLOAT, .as_float = INFINITY}).kind,
        BIND_OVERFLOW);
    assert_int_equal(wait_for(true, (struct scan_arg){.kind = SCAN_INT, .as_int = INT64_MAX}).kind,
                     BIND_OVERFLOW);
    assert_int_equal(wait_for(true, (struct scan_arg){.kind = SCAN_FLOAT, .as_float = NAN}).kind,
                     BIND_FOREVER);

    assert_false(bind_wait(true, &negative, "", &w, &err));
    assert_string_equal(err.class_name, "ValueError");
    assert_string_equal(err.text, "'timeout' must be a non-negative number");
    assert_false(bind_wait(true, &text, "str", &w, &err));
    assert_string_equal(err.text, "'<' not supported between instances of 'str' and 'int'");
    assert_int_equal(wait_for(false, negative).kind, BIND_NOWAIT);
    assert_int_equal(wait_for(false, text).kind, BIND_NOWAIT);
}
