/* SPDX-License-Identifier: Apache-2.0 */
/* environment_test.c - what passes to runners and what does not. */
#include "support/test.h"

#include "worker/environment.h"

static char *const ours[] = {(char *)"PATH=/bin",
                             (char *)"SECRET_TOKEN=x",
                             (char *)"LC_TIME=C",
                             (char *)"LC_",
                             (char *)"CONDA_PREFIX=/conda",
                             (char *)"PLATOON_AUTHKEY=key",
                             (char *)"HOMEWORK=x",
                             (char *)"HOME=/home/me",
                             (char *)"MODE=a=b",
                             NULL};

TEST(listed_names_pass_and_nothing_else)
{
    struct environment e;

    assert_int_equal(environment_init(&e, ours, NULL, 0, NULL), PLATOON_OK);
    assert_string_equal(environment_get(&e, "PATH"), "/bin");
    assert_string_equal(environment_get(&e, "LC_TIME"), "C");
    assert_string_equal(environment_get(&e, "CONDA_PREFIX"), "/conda");
    assert_string_equal(environment_get(&e, "HOME"), "/home/me");
    assert_null(environment_get(&e, "SECRET_TOKEN"));
    assert_null(environment_get(&e, "PLATOON_AUTHKEY"));
    assert_null(environment_get(&e, "HOMEWORK"));
    assert_null(environment_get(&e, "MODE"));
    environment_release(&e);
}

TEST(extra_entries_add_and_replace)
{
    const char *const extra[] = {"MODE", "PATH=/opt/bin", "EMPTY="};
    struct environment e;

    assert_int_equal(environment_init(&e, ours, extra, 3, NULL), PLATOON_OK);
    assert_string_equal(environment_get(&e, "MODE"), "a=b");
    assert_string_equal(environment_get(&e, "PATH"), "/opt/bin");
    assert_string_equal(environment_get(&e, "EMPTY"), "");
    environment_release(&e);
}

TEST(extra_entries_that_cannot_be_are_refused)
{
    static const char *const bad[] = {
        "", "=x", "NOT_SET_HERE", "PLATOON_AUTHKEY", "PLATOON_AUTHKEY=x", "PLATOON_SLOT=9"};
    struct environment e;
    struct platoon_err err;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(environment_init(&e, ours, &bad[i], 1, &err), PLATOON_EINVAL);
        assert_non_null(strstr(err.message, "--env"));
    }
}

TEST(task_entries_come_last_and_the_slot_is_the_mark)
{
    struct task task = {.id = 37, .serial = 3, .attempt = 2};
    struct environment e;
    size_t mark, n = 0;
    char **env;

    assert_int_equal(environment_init(&e, ours, NULL, 0, NULL), PLATOON_OK);
    env = environment_for(&e, 4, &task, "/t/task-3", &mark);
    assert_non_null(env);
    while (env[n])
        n++;
    assert_int_equal(n, mark + 4);
    assert_string_equal(env[mark], "PLATOON_SLOT=4");
    assert_string_equal(env[mark + 1], "PLATOON_TASK_ID=37");
    assert_string_equal(env[mark + 2], "PLATOON_ATTEMPT=2");
    assert_string_equal(env[mark + 3], "PLATOON_TASK_DIR=/t/task-3");
    free(env);
    env = environment_for(&e, 4, NULL, NULL, &mark);
    assert_string_equal(env[mark], "PLATOON_SLOT=4");
    assert_null(env[mark + 1]);
    free(env);
    environment_release(&e);
}
