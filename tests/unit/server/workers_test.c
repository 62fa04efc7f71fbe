/* SPDX-License-Identifier: Apache-2.0 */
#include "server/workers.h"

#include "support/test.h"

static struct worker *see(struct workers *all, const char *name, uint64_t now_ns)
{
    struct worker_facts facts = {.name = name, .peer = "10.0.0.1:4000"};
    struct worker *w = workers_see(all, &facts, now_ns);

    assert_non_null(w);
    return w;
}

TEST(a_worker_is_known_by_its_name_and_keeps_what_it_said)
{
    struct workers all;
    struct worker_facts facts = {
        .name = "node7-4242", .host = "node7", .slots = 16, .peer = "10.0.0.7:5123"};
    struct worker *w;

    workers_init(&all);
    w = workers_see(&all, &facts, 100);
    assert_ptr_equal(see(&all, "node7-4242", 200), w);
    assert_string_equal(w->host, "node7");
    assert_int_equal(w->slots, 16);
    assert_string_equal(w->peer, "10.0.0.1:4000");
    assert_int_equal(w->first_ns, 100);
    assert_int_equal(w->last_ns, 200);
    assert_ptr_not_equal(see(&all, "node7-4243", 200), w);
    assert_int_equal(all.n, 2);
    workers_release(&all);
}

TEST(a_lease_is_heard_of_and_ends_once)
{
    struct workers all;
    struct worker *a, *b;

    workers_init(&all);
    assert_null(workers_holder(&all, 1, 5));
    assert_null(workers_end_lease(&all, 1));
    a = see(&all, "a", 1);
    b = see(&all, "b", 2);
    workers_lease(&all, a, 1);
    workers_lease(&all, a, 2);
    workers_lease(&all, b, 3);
    assert_int_equal(a->n_leases, 2);
    assert_ptr_equal(workers_holder(&all, 2, 77), a);
    assert_int_equal(a->last_ns, 77);
    assert_ptr_equal(workers_holder(&all, 3, 0), b);
    assert_int_equal(b->last_ns, 2);
    assert_ptr_equal(workers_end_lease(&all, 2), a);
    assert_null(workers_end_lease(&all, 2));
    assert_null(workers_end_lease(&all, 0));
    assert_int_equal(a->n_leases, 1);
    workers_release(&all);
}

TEST(beyond_the_limit_the_one_silent_longest_without_leases_is_forgotten)
{
    struct workers all;
    struct worker *holder, *parked, *idle;
    char name[32];

    workers_init(&all);
    holder = see(&all, "holder", 1);
    workers_lease(&all, holder, 1);
    parked = see(&all, "parked", 2);
    parked->n_users = 1;
    idle = see(&all, "idle", 3);
    (void)idle;
    for (int i = 3; i < WORKERS_MAX; i++) {
        snprintf(name, sizeof name, "w%d", i);
        (void)see(&all, name, 10);
    }
    assert_int_equal(all.n, WORKERS_MAX);
    (void)see(&all, "one more", 11);
    assert_int_equal(all.n, WORKERS_MAX);
    assert_ptr_equal(see(&all, "holder", 12), holder);
    assert_ptr_equal(see(&all, "parked", 12), parked);
    assert_int_equal(see(&all, "idle", 13)->first_ns, 13); /* it had to be made anew */
    workers_release(&all);
}

TEST(a_long_name_is_cut_between_characters)
{
    struct workers all;
    char name[300];

    workers_init(&all);
    memset(name, 'x', sizeof name);
    memcpy(name + WORKERS_MAX_NAME - 1, "\xc3\xa9", 2); /* the last byte would be half of it */
    name[299] = '\0';
    assert_int_equal(strlen(see(&all, name, 1)->name), WORKERS_MAX_NAME - 1);
    assert_int_equal(all.n, 1);
    (void)see(&all, name, 1);
    assert_int_equal(all.n, 1);
    workers_release(&all);
}
