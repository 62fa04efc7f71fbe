/* SPDX-License-Identifier: Apache-2.0 */
#include "server/progress_board.h"

#include <string.h>

#include "support/test.h"

static struct store_lease_ref ref_of(store_task_id task, uint64_t counter)
{
    return (struct store_lease_ref){.task = task, .lease = {.epoch = 1, .counter = counter}};
}

static void tell(struct progress_board *b, store_task_id task, uint64_t counter, double done,
                 uint64_t now_ns)
{
    const struct task_progress p = {.done = done};

    progress_board_tell(b, ref_of(task, counter), "node7-4242", &p, now_ns);
}

TEST(the_last_that_was_told_of_a_task_counts)
{
    struct progress_board b;
    const struct progress_entry *e;

    progress_board_init(&b);
    assert_null(progress_board_find(&b, 7));
    tell(&b, 7, 1, 0.1, 100);
    tell(&b, 7, 1, 0.2, 200);
    e = progress_board_find(&b, 7);
    assert_float_equal(e->progress.done, 0.2, 0);
    assert_int_equal(e->first_ns, 100);
    assert_int_equal(e->told_ns, 200);
    assert_string_equal(e->worker, "node7-4242");
    progress_board_release(&b);
}

TEST(another_lease_begins_anew_and_an_old_one_ends_nothing)
{
    struct progress_board b;

    progress_board_init(&b);
    tell(&b, 7, 1, 0.9, 100);
    tell(&b, 7, 2, 0.1, 300);
    assert_int_equal(progress_board_find(&b, 7)->first_ns, 300);
    progress_board_forget(&b, ref_of(7, 1));
    assert_float_equal(progress_board_find(&b, 7)->progress.done, 0.1, 0);
    progress_board_forget(&b, ref_of(7, 2));
    assert_null(progress_board_find(&b, 7));
    progress_board_forget(&b, ref_of(7, 2));
    progress_board_release(&b);
}

TEST(what_was_told_of_before_is_forgotten_when_asked)
{
    struct progress_board b;

    progress_board_init(&b);
    tell(&b, 1, 1, 0.1, 100);
    tell(&b, 2, 2, 0.1, 200);
    tell(&b, 1, 1, 0.2, 300);
    progress_board_expire(&b, 250);
    assert_non_null(progress_board_find(&b, 1));
    assert_null(progress_board_find(&b, 2));
    progress_board_release(&b);
}

TEST(the_board_is_bounded_and_the_oldest_news_give_way)
{
    struct progress_board b;

    progress_board_init(&b);
    for (uint64_t i = 1; i <= PROGRESS_MAX; i++)
        tell(&b, i, i, 0.1, i);
    tell(&b, 1, 1, 0.2, PROGRESS_MAX + 1);
    tell(&b, PROGRESS_MAX + 1, PROGRESS_MAX + 1, 0.1, PROGRESS_MAX + 2);
    assert_int_equal(b.by_task.n, PROGRESS_MAX);
    assert_non_null(progress_board_find(&b, 1));
    assert_null(progress_board_find(&b, 2));
    assert_non_null(progress_board_find(&b, PROGRESS_MAX + 1));
    progress_board_release(&b);
}

TEST(a_long_name_of_a_worker_is_cut_between_characters)
{
    struct progress_board b;
    const struct task_progress p = {.done = 0.5};
    char name[PROGRESS_MAX_WORKER + 10];

    memset(name, 'x', sizeof name);
    memcpy(name + PROGRESS_MAX_WORKER - 1, "\xc3\xa4", 2); /* stands across the limit */
    name[sizeof name - 1] = '\0';
    progress_board_init(&b);
    progress_board_tell(&b, ref_of(1, 1), name, &p, 1);
    assert_int_equal(strlen(progress_board_find(&b, 1)->worker), PROGRESS_MAX_WORKER - 1);
    progress_board_release(&b);
}
