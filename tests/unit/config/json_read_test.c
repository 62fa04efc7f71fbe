/* SPDX-License-Identifier: Apache-2.0 */
/* json_read_test.c - JSON as Python's json.loads() reads it. */
#include "support/test.h"

#include "config/json_read.h"

static void check(const char *json, const char *repr)
{
    struct platoon_err err;
    platoon_value *v = NULL;
    char *got;

    if (json_read(json, strlen(json), &v, &err) != PLATOON_OK)
        fail_msg("%s: %s", json, err.message);
    got = platoon_repr(v);
    assert_string_equal(got, repr);
    free(got);
    platoon_value_unref(v);
}

static void check_bad(const char *json, size_t len, const char *part)
{
    struct platoon_err err;
    platoon_value *v = NULL;

    assert_int_equal(json_read(json, len, &v, &err), PLATOON_EINVAL);
    assert_null(v);
    if (!strstr(err.message, part))
        fail_msg("%.40s: %s", json, err.message);
}

TEST(values_read_as_python_reads_them)
{
    check("null", "None");
    check(" true ", "True");
    check("false\n", "False");
    check("0", "0");
    check("-0", "0");
    check("-12", "-12");
    check("1.5", "1.5");
    check("1e3", "1000.0");
    check("-1.5E-2", "-0.015");
    check("1e999", "inf");
    check("0.1", "0.1");
    check("\"\"", "''");
    check("\"a\\\"b\\\\c\\/d\\n\\t\\u0041\"", "'a\"b\\\\c/d\\n\\tA'");
    check("[]", "[]");
    check("{}", "{}");
    check("[1, [2, []], {\"a\": {}}]", "[1, [2, []], {'a': {}}]");
    check("{\"a\": [1, 2], \"b\": {\"c\": null}}", "{'a': [1, 2], 'b': {'c': None}}");
    check("\t[\r\n1 ,\n2 ]\n", "[1, 2]");
}

TEST(what_pythons_dumps_writes_beyond_the_standard_is_read)
{
    check("NaN", "nan");
    check("[Infinity, -Infinity]", "[inf, -inf]");
    check("{\"a\": 1, \"b\": 2, \"a\": 3}", "{'a': 3, 'b': 2}");
}

TEST(integers_have_any_length)
{
    char digits[4302];
    platoon_value *v;

    check("9223372036854775807", "9223372036854775807");
    check("9223372036854775808", "9223372036854775808");
    check("-9223372036854775808", "-9223372036854775808");
    check("-9223372036854775809", "-9223372036854775809");
    check("123456789012345678901234567890", "123456789012345678901234567890");
    check("-340282366920938463463374607431768211456", "-340282366920938463463374607431768211456");
    memset(digits, '9', 4301);
    assert_int_equal(json_read(digits, 4300, &v, NULL), PLATOON_OK);
    assert_int_equal(platoon_value_kind(v), PLATOON_BIGINT);
    platoon_value_unref(v);
    check_bad(digits, 4301, "4300 digits");
}

TEST(surrogate_pairs_are_one_character_and_lone_ones_stay)
{
    check("\"\\ud83d\\ude00\"", "'\xf0\x9f\x98\x80'");
    check("\"\\ud83d\"", "'\\ud83d'");
    check("\"\\ude00\\ud83d\"", "'\\ude00\\ud83d'");
    check("\"\xc2\xb2\"", "'\xc2\xb2'");
}

TEST(what_is_no_json_is_refused_with_its_place)
{
    static const struct {
        const char *json, *part;
    } cases[] = {
        {"", "missing at byte 0"},
        {"  ", "missing at byte 2"},
        {"hello", "not a JSON value at byte 0"},
        {"1 2", "something follows the value at byte 2"},
        {"[1,]", "not a JSON value at byte 3"},
        {"[1", "',' or ']' is missing at byte 2"},
        {"{\"a\":1,}", "a key in double quotes is missing"},
        {"{\"a\"}", "':' is missing"},
        {"{\"a\":1", "',' or '}' is missing"},
        {"{a:1}", "a key in double quotes is missing"},
        {"{'a':1}", "a key in double quotes is missing"},
        {"01", "not a number"},
        {"-", "not a number"},
        {"1.", "something follows"},
        {"1e", "something follows"},
        {".5", "not a JSON value"},
        {"+1", "not a JSON value"},
        {"\"abc", "without its end"},
        {"\"\\x\"", "an escape that JSON does not have"},
        {"\"\\u12g4\"", "four hexadecimal digits"},
        {"\"a\nb\"", "a control character"},
        {"nul", "not a JSON value"},
        {"// x\n1", "not a JSON value"},
        {"\xff", "not UTF-8 at byte 0"},
        {"\"\xed\xa0\x80\"", "not UTF-8 at byte 1"},
        {"]", "not a JSON value"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_bad(cases[i].json, strlen(cases[i].json), cases[i].part);
}

TEST(depth_is_limited_and_costs_no_stack)
{
    enum { DEEP = 1000000 };
    char *deep = malloc(DEEP);
    platoon_value *v;
    char fits[2 * JSON_MAX_DEPTH];

    memset(deep, '[', DEEP);
    check_bad(deep, DEEP, "nested too deep");
    memset(fits, '[', JSON_MAX_DEPTH);
    memset(fits + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
    assert_int_equal(json_read(fits, sizeof fits, &v, NULL), PLATOON_OK);
    platoon_value_unref(v);
    free(deep);
}

TEST(every_prefix_of_a_text_is_refused_without_leak)
{
    const char *json = "{\"a\": [1, {\"b\": \"c\\u00e9\"}, [[]]], \"d\": -1.5e3}";
    platoon_value *v;

    for (size_t len = 0; len < strlen(json); len++)
        assert_int_equal(json_read(json, len, &v, NULL), PLATOON_EINVAL);
    assert_int_equal(json_read(json, strlen(json), &v, NULL), PLATOON_OK);
    platoon_value_unref(v);
}
