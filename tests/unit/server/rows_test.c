/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rows.h"

#include "support/pickle_text.h"
#include "support/test.h"

static struct payload *payload_of_bytes(const uint8_t *data, size_t len)
{
    struct scan *scan = scan_new(SCAN_VALUE, NULL);
    struct rope bytes;
    struct payload *p = NULL;

    rope_init(&bytes);
    assert_true(rope_append_copy(&bytes, data, len));
    assert_int_equal(scan_feed(scan, data, len, NULL), SCAN_DONE);
    assert_int_equal(payload_from_pickle(scan, &bytes, &p), PLATOON_OK);
    rope_release(&bytes);
    scan_free(scan);
    return p;
}

static struct payload *payload_of(const char *text)
{
    size_t len;
    uint8_t *data = pickle_from_text(text, &len);
    struct payload *p = payload_of_bytes(data, len);

    free(data);
    return p;
}

static void add_row(struct rows *r, store_task_id task, struct payload *value)
{
    struct store_claimed c = {.task = task, .lease = {0x1f, task}, .attempt = 1, .value = value};

    rows_claimed(r, &c);
}

static platoon_value *decode(struct payload *p)
{
    platoon_value *v = NULL;
    struct platoon_err err;

    if (payload_decode(p, NULL, &v, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    return v;
}

static void assert_repr(const platoon_value *v, const char *text)
{
    char *repr = platoon_repr(v);

    assert_string_equal(repr, text);
    free(repr);
}

/* The rows of these values, each text a pickle; closed and decoded. */
static platoon_value *rows_of(const char *const *texts, size_t n, struct payload **out)
{
    struct rows r;
    struct payload *p;
    platoon_value *v;

    rows_init(&r);
    rows_open_list(&r);
    for (size_t i = 0; i < n; i++) {
        struct payload *value = payload_of(texts[i]);

        add_row(&r, i + 1, value);
        payload_unref(value);
    }
    rows_close_list(&r);
    p = rows_take(&r);
    assert_non_null(p);
    v = decode(p);
    if (out)
        *out = p;
    else
        payload_unref(p);
    return v;
}

TEST(a_row_tells_task_lease_attempt_repeat_and_value)
{
    const char *texts[] = {"80 04 4b 07 2e"};
    platoon_value *v;

    v = rows_of(texts, 1, NULL);
    assert_repr(v, "[{'task': 1, 'lease': '1f-1-1', 'attempt': 1, 'repeat': False, 'value': 7}]");
    platoon_value_unref(v);
}

TEST(a_value_without_references_is_spliced_byte_for_byte)
{
    /* A dict in the words of Python 3.8, and one of Python 2.7: memoized, but nothing is asked
     * for. */
    const char *texts[] = {
        "80 04 95 1100000000000000 7d 94 28 8c01 'a' 94 4b01 8c01 'b' 94 4b02 75 2e",
        "80 02 7d 71 00 58 01000000 'k' 71 01 4b 05 73 2e"};
    struct payload *p;
    platoon_value *v;
    uint8_t *body;
    size_t body_len;
    char *bytes;

    v = rows_of(texts, 2, &p);
    assert_repr(platoon_dict_get(platoon_item(v, 0), "value"), "{'a': 1, 'b': 2}");
    assert_repr(platoon_dict_get(platoon_item(v, 1), "value"), "{'k': 5}");
    body = pickle_from_text("7d 71 00 58 01000000 'k' 71 01 4b 05 73", &body_len);
    bytes = malloc((size_t)p->pickle.len);
    rope_copy_out(&p->pickle, 0, bytes, (size_t)p->pickle.len);
    assert_non_null(memmem(bytes, (size_t)p->pickle.len, body, body_len));
    assert_false(p->flags & SCAN_HAS_GET);
    free(bytes);
    free(body);
    payload_unref(p);
    platoon_value_unref(v);
}

TEST(shared_parts_stay_shared_within_a_value_and_apart_between_values)
{
    /* [[1], the same] twice, both written with memo numbers 0 and 1; a spliced value between them
     * that uses number 1 for something else. */
    const char *shared = "80 03 5d 71 00 28 5d 71 01 4b01 61 68 01 65 2e";
    const char *texts[] = {shared, "80 03 58 01000000 'x' 71 01 2e", shared};
    struct payload *p;
    platoon_value *v, *first, *last;

    v = rows_of(texts, 3, &p);
    first = platoon_dict_get(platoon_item(v, 0), "value");
    last = platoon_dict_get(platoon_item(v, 2), "value");
    assert_repr(first, "[[1], [1]]");
    assert_repr(platoon_dict_get(platoon_item(v, 1), "value"), "'x'");
    assert_repr(last, "[[1], [1]]");
    assert_ptr_equal(platoon_item(first, 0), platoon_item(first, 1));
    assert_ptr_equal(platoon_item(last, 0), platoon_item(last, 1));
    assert_ptr_not_equal(platoon_item(first, 0), platoon_item(last, 0));
    assert_true(p->flags & SCAN_HAS_GET);
    payload_unref(p);
    platoon_value_unref(v);
}

TEST(a_value_that_names_a_global_stands_as_its_pickle)
{
    const char *text = "80 04 8c08 'datetime' 8c04 'date' 93 43 04 07e80102 85 52 2e";
    platoon_value *v, *row;
    const void *have;
    size_t len, have_len;
    uint8_t *data = pickle_from_text(text, &len);

    v = rows_of(&text, 1, NULL);
    row = platoon_item(v, 0);
    assert_null(platoon_dict_get(row, "value"));
    assert_int_equal(platoon_value_kind(platoon_dict_get(row, "pickle")), PLATOON_BYTES);
    have = platoon_as_bytes(platoon_dict_get(row, "pickle"), &have_len);
    assert_int_equal(have_len, len);
    assert_memory_equal(have, data, len);
    platoon_value_unref(v);
    free(data);
}

TEST(words_of_python_2_are_written_anew)
{
    /* set([1]) and b'\xff' as protocol 2 has them, a str of Python 2; the same set in protocol
     * 3. */
    const char *texts[] = {
        "80 02 63 '__builtin__' 0a 'set' 0a 5d 4b01 61 85 52 2e",
        "80 02 63 '_codecs' 0a 'encode' 0a 58 02000000 c3bf 58 06000000 'latin1' 86 52 2e",
        "80 02 55 03 'abc' 2e",
        "80 03 63 'builtins' 0a 'set' 0a 5d 4b01 61 85 52 2e",
    };
    const char *reprs[] = {"{1}", "b'\\xff'", "'abc'", "{1}"};
    struct payload *p;
    platoon_value *v;
    char *bytes;

    v = rows_of(texts, 4, &p);
    for (size_t i = 0; i < 4; i++)
        assert_repr(platoon_dict_get(platoon_item(v, i), "value"), reprs[i]);
    bytes = malloc((size_t)p->pickle.len);
    rope_copy_out(&p->pickle, 0, bytes, (size_t)p->pickle.len);
    /* In a message of protocol 4 a reader would look for a module of that name. */
    assert_null(memmem(bytes, (size_t)p->pickle.len, "__builtin__", 11));
    free(bytes);
    payload_unref(p);
    platoon_value_unref(v);
}

/* A list of `n` references to one text of 100 bytes, then a bytes object of `pad` bytes. */
static struct payload *large_shared(size_t pad)
{
    platoon_value *list = platoon_list(), *shared = platoon_list();
    char *zeros = calloc(1, pad);
    struct payload *p = NULL;

    (void)platoon_append(list, platoon_value_ref(shared));
    (void)platoon_append(list, shared);
    (void)platoon_append(list, platoon_bytes(zeros, pad));
    assert_int_equal(payload_from_value(list, 4, &p), PLATOON_OK);
    assert_true(p->flags & SCAN_HAS_GET);
    platoon_value_unref(list);
    free(zeros);
    return p;
}

static void assert_form(const platoon_value *rows, size_t i, const char *key)
{
    assert_non_null(platoon_dict_get(platoon_item(rows, i), key));
}

TEST(what_costs_too_much_to_write_anew_stands_as_its_pickle)
{
    struct payload *huge = large_shared(ROWS_MAX_RECODED + 1);
    struct payload *large = large_shared(ROWS_MAX_RECODED - 1000);
    struct payload *p;
    struct rows r;
    platoon_value *v;

    rows_init(&r);
    rows_open_list(&r);
    add_row(&r, 1, huge);
    for (store_task_id i = 2; i <= 6; i++)
        add_row(&r, i, large);
    rows_close_list(&r);
    p = rows_take(&r);
    v = decode(p);
    assert_form(v, 0, "pickle");
    for (size_t i = 1; i < 5; i++)
        assert_form(v, i, "value");
    assert_form(v, 5, "pickle"); /* one reply has a budget too */
    platoon_value_unref(v);
    payload_unref(p);
    payload_unref(huge);
    payload_unref(large);
}

TEST(a_large_pickle_is_shared_not_copied)
{
    size_t len = 1000000;
    uint8_t *data = calloc(1, len);
    const uint8_t head[] = {0x80, 4, 'c', 'm', '\n', 'n', '\n', 'B'};
    struct payload *value, *p;
    struct rows r;
    size_t before;

    memcpy(data, head, sizeof head);
    data[8] = (uint8_t)(len - 14);
    data[9] = (uint8_t)((len - 14) >> 8);
    data[10] = (uint8_t)((len - 14) >> 16);
    data[len - 2] = 0x86;
    data[len - 1] = '.';
    value = payload_of_bytes(data, len);
    before = heap_in_use();
    rows_init(&r);
    rows_open_list(&r);
    add_row(&r, 1, value);
    rows_close_list(&r);
    p = rows_take(&r);
    assert_non_null(p);
    assert_true(heap_in_use() - before < 10000);
    payload_unref(p);
    payload_unref(value);
    free(data);
}

TEST(a_bytearray_of_protocol_5_makes_the_reply_protocol_5)
{
    const char *texts[] = {"80 05 96 0300000000000000 'abc' 2e"};
    struct payload *p;
    platoon_value *v;

    v = rows_of(texts, 1, &p);
    assert_int_equal(p->protocol, 5);
    assert_true(p->flags & SCAN_HAS_PROTO5);
    assert_repr(platoon_dict_get(platoon_item(v, 0), "value"), "bytearray(b'abc')");
    payload_unref(p);
    platoon_value_unref(v);
}

static platoon_value *failure_of(const char *text)
{
    platoon_value *error = platoon_dict(), *v;
    struct payload *value = payload_of(text), *p;
    struct rows r;

    (void)platoon_dict_set(error, "kind", platoon_str("exit"));
    (void)platoon_dict_set(error, "message", platoon_str("it ended with 3"));
    rows_init(&r);
    rows_failure(&r, error, value, 37);
    p = rows_take(&r);
    assert_non_null(p);
    v = decode(p);
    payload_unref(p);
    payload_unref(value);
    platoon_value_unref(error);
    return v;
}

TEST(a_failure_carries_its_task)
{
    platoon_value *v = failure_of("80 04 7d 8c01 'n' 4b 03 73 2e");

    assert_repr(v, "{'platoon_error': {'kind': 'exit', 'message': 'it ended with 3'}, "
                   "'task': {'n': 3}, 'task_id': 37}");
    platoon_value_unref(v);
    v = failure_of("80 04 'c' 'm' 0a 'n' 0a 2e");
    assert_repr(v, "{'platoon_error': {'kind': 'exit', 'message': 'it ended with 3'}, "
                   "'pickle': b'\\x80\\x04cm\\nn\\n.', 'task_id': 37}");
    platoon_value_unref(v);
}

TEST(numbers_of_any_size_are_written)
{
    struct rows r;
    struct payload *p;
    platoon_value *v;

    rows_init(&r);
    rows_open_list(&r);
    rows_int(&r, 0);
    rows_int(&r, -1);
    rows_int(&r, INT32_MAX);
    rows_int(&r, (int64_t)INT32_MAX + 1);
    rows_int(&r, INT64_MAX);
    rows_int(&r, INT64_MIN);
    rows_text(&r, "gone");
    rows_close_list(&r);
    p = rows_take(&r);
    v = decode(p);
    assert_repr(v, "[0, -1, 2147483647, 2147483648, 9223372036854775807, -9223372036854775808, "
                   "'gone']");
    platoon_value_unref(v);
    payload_unref(p);
}

TEST(the_text_of_a_lease_is_read_back_and_nothing_else_is)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "1",
                                      "1-2",
                                      "1-2-",
                                      "-1-2",
                                      "1-2-3-4",
                                      "g-1-1",
                                      "1-g-1",
                                      " 1-2-3",
                                      "1-2-3 ",
                                      "0x1-2-3",
                                      "1--2",
                                      "A-1-1",
                                      "1-1-A",
                                      "12345678901234567-1-1",
                                      "1-1-12345678901234567"};
    const struct store_lease_ref refs[] = {{1, {1, 1}},
                                           {UINT64_MAX, {UINT64_MAX, UINT64_MAX}},
                                           {0, {0, 0}},
                                           {37, {1764036000000001, 77}}};
    struct store_lease_ref ref;
    char text[ROWS_LEASE_TEXT];

    for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++) {
        rows_lease_text(&refs[i], text);
        assert_true(rows_parse_lease(text, strlen(text), &ref));
        assert_memory_equal(&ref, &refs[i], sizeof ref);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (rows_parse_lease(bad[i], strlen(bad[i]), &ref))
            fail_msg("'%s' was read as a lease", bad[i]);
}
