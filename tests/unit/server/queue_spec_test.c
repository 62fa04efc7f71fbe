/* SPDX-License-Identifier: Apache-2.0 */
#include "server/queue_spec.h"
#include "support/test.h"

static void check_good(const char *text, const char *task, uint64_t task_max, const char *result,
                       uint64_t result_max)
{
    struct queue_spec spec;
    struct platoon_err err;

    if (queue_spec_parse(text, &spec, &err) != PLATOON_OK)
        fail_msg("%s: %s", text, err.message);
    assert_string_equal(spec.task.name, task);
    assert_true(spec.task.maxsize == task_max);
    assert_int_equal(spec.has_result, result != NULL);
    if (result) {
        assert_string_equal(spec.result.name, result);
        assert_true(spec.result.maxsize == result_max);
    }
}

static void check_bad(const char *text, const char *part)
{
    struct queue_spec spec;
    struct platoon_err err;

    assert_int_equal(queue_spec_parse(text, &spec, &err), PLATOON_EINVAL);
    if (!strstr(err.message, part))
        fail_msg("%s: '%s' is not in '%s'", text, part, err.message);
}

TEST(specifications_of_single_queues_and_pairs_are_read)
{
    (void)state;
    check_good("jobs", "jobs", 0, NULL, 0);
    check_good("jobs:10", "jobs", 10, NULL, 0);
    check_good("get_task_queue=get_result_queue", "get_task_queue", 0, "get_result_queue", 0);
    check_good("a:3=b:4", "a", 3, "b", 4);
    check_good("a=b:4", "a", 0, "b", 4);
    check_good("_a1:0=B", "_a1", 0, "B", 0);
    check_good("größe", "größe", 0, NULL, 0);
    check_good("a:922337203685477570", "a", 922337203685477570u, NULL, 0);
}

TEST(bad_specifications_are_refused_with_the_reason)
{
    char long_name[120];

    (void)state;
    check_bad("", "a name is missing");
    check_bad("=b", "a name is missing");
    check_bad("a=", "a name is missing");
    check_bad("a=a", "its own result queue");
    check_bad("a:", "most items");
    check_bad("a:x", "most items");
    check_bad("a:-1", "most items");
    check_bad("a:1x", "cannot read 'x'");
    check_bad("a=b=c", "cannot read '=c'");
    check_bad("a b", "cannot read ' b'");
    check_bad("a-b", "cannot read '-b'");
    check_bad("1a", "begin with a digit");
    check_bad("a:99999999999999999999", "too large");
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    check_bad(long_name, "longer than");
}
