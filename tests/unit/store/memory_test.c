/* SPDX-License-Identifier: Apache-2.0 */
/* memory_test.c - the memory store passes the suite of all stores, with a clock that stands still
 * unless told. */
#include "store/table_store.h"

#include "support/store_suite.h"

static uint64_t now_ns;

static uint64_t read_clock(void *arg)
{
    (void)arg;
    return now_ns;
}

static struct store *open_memory(void)
{
    struct store *s = NULL;

    now_ns = 1000000000;
    assert_int_equal(store_memory_open(&s, NULL), PLATOON_OK);
    table_store_set_clock(s, read_clock, NULL);
    return s;
}

static void pass_ms(struct store *s, uint32_t ms)
{
    while (ms) {
        uint32_t step = ms < 1000 ? ms : 1000;

        now_ns += (uint64_t)step * 1000000;
        (void)store_turn(s);
        ms -= step;
    }
}

static void stop_ms(struct store *s, uint32_t ms)
{
    now_ns += (uint64_t)ms * 1000000;
    (void)store_turn(s);
}

static const struct store_maker maker = {"memory", open_memory, pass_ms, stop_ms};

#define X(name)                                                                                    \
    TEST(name)                                                                                     \
    {                                                                                              \
        store_suite_##name(&maker);                                                                \
    }
STORE_SUITE(X)
