/* SPDX-License-Identifier: Apache-2.0 */
#include "pickle/scan.h"
#include "server/globals_policy.h"
#include "support/test.h"

/* A request (None, 'm', ([GLOBALS...],), {}) that names `globals`, "module name" each. */
static struct scan *scan_naming(const char *const *globals, size_t n)
{
    char bytes[4000] = "\x80\x02(NX\x01\0\0\0m](";
    size_t len = 12;
    struct scan *s = scan_new(SCAN_REQUEST, NULL);
    struct platoon_err err;

    for (size_t i = 0; i < n; i++) {
        const char *space = strchr(globals[i], ' ');

        len += (size_t)snprintf(bytes + len, sizeof bytes - len, "c%.*s\n%s\n",
                                (int)(space - globals[i]), globals[i], space + 1);
    }
    memcpy(bytes + len, "e\x85}t.", 5);
    assert_int_equal(scan_feed(s, bytes, len + 5, &err), SCAN_DONE);
    return s;
}

static bool may_pass(enum platoon_globals policy, const char *a, const char *b, char refused[100])
{
    const char *const names[] = {a, b};
    struct scan *s = scan_naming(names, b ? 2 : 1);
    bool ok = globals_may_pass(policy, s, refused, 100);

    scan_free(s);
    return ok;
}

TEST(exact_pairs_are_listed_and_nothing_else)
{
    static const char *const listed[][2] = {{"builtins", "ValueError"},
                                            {"exceptions", "IOError"},
                                            {"collections", "OrderedDict"},
                                            {"datetime", "datetime"},
                                            {"decimal", "Decimal"},
                                            {"numpy", "ndarray"},
                                            {"numpy.core.multiarray", "_reconstruct"},
                                            {"numpy._core.multiarray", "scalar"}};
    static const char *const not_listed[][2] = {{"builtins", "eval"},
                                                {"builtins", "getattr"},
                                                {"os", "system"},
                                                {"datetime", "sys"},
                                                {"builtins", "ValueErro"},
                                                {"builtins", "ValueError KeyError"},
                                                {"builtins", ""},
                                                {"numpy", "ndarray.tofile"},
                                                {"collections", "namedtuple"},
                                                {"builtins", "alueError"},
                                                {"builtin", "ValueError"},
                                                {"numpy.core.multiarray", "fromfile"}};

    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        if (!globals_is_listed(listed[i][0], listed[i][1]))
            fail_msg("%s.%s is not listed", listed[i][0], listed[i][1]);
    for (size_t i = 0; i < sizeof not_listed / sizeof *not_listed; i++)
        if (globals_is_listed(not_listed[i][0], not_listed[i][1]))
            fail_msg("%s.%s is listed", not_listed[i][0], not_listed[i][1]);
}

TEST(a_policy_refuses_by_name_what_it_does_not_know)
{
    char refused[100] = "";

    assert_true(may_pass(PLATOON_GLOBALS_ANY, "os system", NULL, refused));
    assert_false(may_pass(PLATOON_GLOBALS_NONE, "decimal Decimal", NULL, refused));
    assert_string_equal(refused, "decimal.Decimal");
    assert_true(may_pass(PLATOON_GLOBALS_LIST, "decimal Decimal", "numpy dtype", refused));
    assert_false(may_pass(PLATOON_GLOBALS_LIST, "decimal Decimal", "os system", refused));
    assert_string_equal(refused, "os.system");
}

TEST(more_distinct_globals_than_are_kept_are_refused)
{
    char names[100][40], refused[100];
    const char *pointers[100];
    struct scan *s;

    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "decimal Decimal");
        pointers[i] = names[i];
    }
    s = scan_naming(pointers, 100);
    assert_true(globals_may_pass(PLATOON_GLOBALS_LIST, s, refused, sizeof refused));
    scan_free(s);
    for (int i = 0; i < 100; i++)
        snprintf(names[i], sizeof names[i], "builtins Listed%d", i);
    s = scan_naming(pointers, 100);
    assert_false(globals_may_pass(PLATOON_GLOBALS_LIST, s, refused, sizeof refused));
    scan_free(s);
}
