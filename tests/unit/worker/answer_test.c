/* SPDX-License-Identifier: Apache-2.0 */
/* answer_test.c - frames of persistent runners. */
#include "support/test.h"

#include <platoon/pickle.h>

#include "worker/answer.h"
#include "worker/runner.h"

static struct answer read_dict(platoon_value *dict)
{
    struct answer a;
    void *pickle;
    size_t len;

    assert_int_equal(platoon_pickle_encode(dict, 4, &pickle, &len, NULL), PLATOON_OK);
    answer_read(pickle, len, &a);
    free(pickle);
    platoon_value_unref(dict);
    return a;
}

static platoon_value *pair(const char *key, platoon_value *v)
{
    platoon_value *dict = platoon_dict();

    assert_int_equal(platoon_dict_set(dict, key, v), PLATOON_OK);
    return dict;
}

TEST(lengths_of_frames)
{
    static const uint8_t small[] = {0, 0, 0, 3, 'a', 'b', 'c', 'd'}, large[] = {0x40, 0, 0, 1};
    bool is_too_long;

    for (size_t len = 0; len < 7; len++)
        assert_int_equal(answer_frame_len(small, len, &is_too_long), 0);
    assert_int_equal(answer_frame_len(small, 7, &is_too_long), 7);
    assert_int_equal(answer_frame_len(small, 8, &is_too_long), 7);
    assert_false(is_too_long);
    assert_int_equal(answer_frame_len(large, 4, &is_too_long), 0);
    assert_true(is_too_long);
}

TEST(results_small_and_large)
{
    struct answer a = read_dict(pair("result", platoon_int(5)));
    char *big = calloc(1, OUTCOME_PLAIN_BYTES + 1);
    int64_t n;

    assert_int_equal(a.kind, ANSWER_OUTCOME);
    assert_int_equal(a.outcome.kind, OUTCOME_RESULT);
    assert_int_equal(platoon_as_int(a.outcome.value, &n), PLATOON_OK);
    assert_int_equal(n, 5);
    answer_release(&a);
    a = read_dict(pair("result", platoon_none()));
    assert_int_equal(a.outcome.kind, OUTCOME_RESULT);
    answer_release(&a);
    a = read_dict(pair("result", platoon_bytes(big, OUTCOME_PLAIN_BYTES + 1)));
    assert_null(a.outcome.value);
    assert_true(a.outcome.pickle_len > OUTCOME_PLAIN_BYTES);
    answer_release(&a);
    free(big);
}

TEST(result_pickles_are_checked)
{
    static const char good[] = "cdecimal\nDecimal\n(V1\ntR.", bad[] = "cdecimal\n";
    struct answer a = read_dict(pair("result_pickle", platoon_bytes(good, sizeof good - 1)));

    assert_int_equal(a.kind, ANSWER_OUTCOME);
    assert_int_equal(a.outcome.pickle_len, sizeof good - 1);
    assert_memory_equal(a.outcome.pickle, good, sizeof good - 1);
    answer_release(&a);
    a = read_dict(pair("result_pickle", platoon_bytes(bad, sizeof bad - 1)));
    assert_int_equal(a.kind, ANSWER_BAD);
    answer_release(&a);
    a = read_dict(pair("result_pickle", platoon_str("x")));
    assert_int_equal(a.kind, ANSWER_BAD);
    answer_release(&a);
}

TEST(errors_become_failures)
{
    platoon_value *error = pair("kind", platoon_str("not-found"));
    struct answer a;

    platoon_dict_set(error, "message", platoon_str("no such file"));
    platoon_dict_set(error, "exit", platoon_int(1));
    platoon_dict_set(error, "stderr_tail", platoon_str("Error: ..."));
    platoon_dict_set(error, "outcome", platoon_str("incomplete"));
    a = read_dict(pair("error", error));
    assert_int_equal(a.outcome.kind, OUTCOME_FAILURE);
    assert_int_equal(a.outcome.failure.kind, FAILURE_NOT_FOUND);
    assert_string_equal(a.outcome.failure.message, "no such file");
    assert_true(a.outcome.failure.has_exit);
    assert_int_equal(a.outcome.failure.exit, 1);
    assert_string_equal(a.outcome.failure.stderr_tail, "Error: ...");
    assert_string_equal(a.outcome.failure.outcome, "incomplete");
    answer_release(&a);
    a = read_dict(pair("error", pair("kind", platoon_str("no such kind"))));
    assert_int_equal(a.kind, ANSWER_BAD);
    answer_release(&a);
}

TEST(other_answers)
{
    struct answer a = read_dict(pair("ready", platoon_dict()));

    assert_int_equal(a.kind, ANSWER_READY);
    answer_release(&a);
    a = read_dict(pair("failed", platoon_str("why")));
    assert_int_equal(a.kind, ANSWER_FAILED);
    assert_string_equal(platoon_as_str(a.value, NULL), "why");
    answer_release(&a);
    a = read_dict(pair("progress", platoon_dict()));
    assert_int_equal(a.kind, ANSWER_PROGRESS);
    answer_release(&a);
    a = read_dict(pair("warning", platoon_str("the disk is full")));
    assert_int_equal(a.kind, ANSWER_WARNING);
    assert_string_equal(platoon_as_str(a.value, NULL), "the disk is full");
    answer_release(&a);
    a = read_dict(pair("warning", platoon_none()));
    assert_int_equal(a.kind, ANSWER_BAD);
    answer_release(&a);
    a = read_dict(pair("unknown", platoon_none()));
    assert_int_equal(a.kind, ANSWER_BAD);
    answer_release(&a);
    a = read_dict(platoon_list());
    assert_int_equal(a.kind, ANSWER_BAD);
    answer_release(&a);
    answer_read((const uint8_t *)"garbage", 7, &a);
    assert_int_equal(a.kind, ANSWER_BAD);
    answer_release(&a);
}

TEST(task_frames_hold_what_the_contract_says)
{
    struct task *t = task_new();
    struct buf frame = {.data = NULL};
    platoon_value *dict;
    bool is_too_long;
    char *repr;

    t->id = 37;
    t->attempt = 2;
    t->value = pair("a", platoon_int(1));
    assert_int_equal(answer_write_task(t, 3, "/tmp/x", 2, &frame, NULL), PLATOON_OK);
    assert_int_equal(answer_frame_len(frame.data, frame.len, &is_too_long), frame.len);
    assert_int_equal(platoon_pickle_decode(frame.data + 4, frame.len - 4, NULL, &dict, NULL),
                     PLATOON_OK);
    repr = platoon_repr(dict);
    assert_string_equal(
        repr, "{'task': {'a': 1}, 'task_id': 37, 'attempt': 2, 'slot': 3, 'task_dir': '/tmp/x'}");
    free(repr);
    platoon_value_unref(dict);
    buf_reset(&frame);
    platoon_value_unref(t->value);
    t->value = platoon_opaque("cos\nsystem\n.", 12);
    t->id = 0;
    t->serial = 5;
    assert_int_equal(answer_write_task(t, 3, "/tmp/x", 4, &frame, NULL), PLATOON_OK);
    assert_int_equal(platoon_pickle_decode(frame.data + 4, frame.len - 4, NULL, &dict, NULL),
                     PLATOON_OK);
    assert_int_equal(platoon_value_kind(platoon_dict_get(dict, "task_pickle")), PLATOON_BYTES);
    repr = platoon_repr(platoon_dict_get(dict, "task_id"));
    assert_string_equal(repr, "5"); /* the server has no number: our own count */
    free(repr);
    platoon_value_unref(dict);
    buf_release(&frame);
    task_free(t);
}
