/* SPDX-License-Identifier: Apache-2.0 */
/* template_test.c - arguments of the command runner. */
#include "support/test.h"

#include "config/json_read.h"
#include "worker/template.h"

static platoon_value *task_of(const char *json)
{
    platoon_value *v = NULL;

    assert_int_equal(json_read(json, strlen(json), &v, NULL), PLATOON_OK);
    return v;
}

/* The expansion, or "!" and the error's sentence. malloc()ed. */
static char *expand(const char *source, const char *json, bool is_operand)
{
    platoon_value *task = task_of(json);
    struct template t;
    struct platoon_err err;
    char *out = NULL;

    assert_int_equal(template_parse(source, &t, &err), PLATOON_OK);
    if (template_expand(&t, task, is_operand, &out, &err) != PLATOON_OK)
        assert_true(asprintf(&out, "!%s", err.message) > 0);
    template_release(&t);
    platoon_value_unref(task);
    return out;
}

static void check(const char *source, const char *json, const char *wanted)
{
    char *got = expand(source, json, false);

    assert_string_equal(got, wanted);
    free(got);
}

static void check_refused(const char *source, const char *json, const char *part)
{
    char *got = expand(source, json, false);

    if (got[0] != '!' || !strstr(got, part))
        fail_msg("%s with %s gave: %s", source, json, got);
    free(got);
}

TEST(keys_become_text_or_json)
{
    check("plain", "{}", "plain");
    check("{a}", "{\"a\": \"text with spaces; $HOME `x`\"}", "text with spaces; $HOME `x`");
    check("--seed={seed}", "{\"seed\": 7}", "--seed=7");
    check("{a}-{b}", "{\"a\": 1, \"b\": 2.5}", "1-2.5");
    check("{a}", "{\"a\": true}", "true");
    check("{a}", "{\"a\": null}", "null");
    check("{a}", "{\"a\": [1, \"x\", {\"k\": 0.1}]}", "[1, \"x\", {\"k\": 0.1}]");
    check("{a}", "{\"a\": \"\"}", "");
    check("{key with spaces}", "{\"key with spaces\": 1}", "1");
    check("{a}{a}", "{\"a\": \"{b}\"}", "{b}{b}"); /* what was filled in is not looked at again */
}

TEST(task_is_the_whole_as_json_whatever_it_is)
{
    check("{task}", "{\"a\": 1}", "{\"a\": 1}");
    check("{task}", "5", "5");
    check("{task}", "\"text\"", "\"text\"");
    check("x{task}", "{\"task\": 1}", "x{\"task\": 1}");
}

TEST(doubled_braces_are_braces)
{
    check("{{}}", "{}", "{}");
    check("{{a}}", "{\"a\": 1}", "{a}");
    check("{{{a}}}", "{\"a\": 1}", "{1}");
    check("a{{b", "{}", "a{b");
}

TEST(single_braces_are_refused_at_start)
{
    static const char *const sources[] = {"{", "}", "a{b", "a}b", "{}", "{a{b}", "{{}", "{a}}"};
    struct platoon_err err;
    struct template t;

    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        assert_int_equal(template_parse(sources[i], &t, &err), PLATOON_EINVAL);
        assert_non_null(strstr(err.message, sources[i]));
    }
}

TEST(task_that_does_not_fit_is_refused_with_a_reason)
{
    check_refused("{b}", "{\"a\": 1, \"c\": 2}", "has no such key; it has 'a', 'c'");
    check_refused("{b}", "{}", "it has none");
    check_refused("{b}", "[1]", "the task is of type list, not a dict");
    check_refused("{a}", "{\"a\": \"x\\u0000y\"}", "NUL");
}

TEST(value_that_looks_like_an_option_is_refused_where_an_option_could_stand)
{
    check_refused("{a}", "{\"a\": \"-rf\"}", "begins with '-'");
    check_refused("{a}", "{\"a\": -5}", "--name={a}");
    check_refused("{task}", "-5", "begins with '-'");
    check_refused("{a}{b}", "{\"a\": \"\", \"b\": \"-x\"}", "'b' of the task");
    check("--n={a}", "{\"a\": \"-rf\"}", "--n=-rf");
    check("./{a}", "{\"a\": \"-rf\"}", "./-rf");
    check("-{a}", "{\"a\": \"x\"}", "-x");
    check("{a}-x", "{\"a\": \"\"}", "-x"); /* the operator wrote that dash */
    {
        char *got = expand("{a}", "{\"a\": \"-rf\"}", true);

        assert_string_equal(got, "-rf");
        free(got);
    }
}
