/* SPDX-License-Identifier: Apache-2.0 */
#include "store/heap.h"

#include "support/test.h"

struct member {
    uint64_t key;
    struct heap_seat seat;
    bool is_in;
};

enum { N_MEMBERS = 300 };

static const struct member *smallest(const struct member *members)
{
    const struct member *best = NULL;

    for (size_t i = 0; i < N_MEMBERS; i++)
        if (members[i].is_in && (!best || members[i].key < best->key))
            best = &members[i];
    return best;
}

TEST(the_smallest_is_first_after_any_change)
{
    struct heap h = {0};
    struct member members[N_MEMBERS] = {0};
    uint32_t random = 1;

    assert_true(heap_reserve(&h, N_MEMBERS));
    for (int step = 0; step < 20000; step++) {
        struct member *m;
        struct heap_seat *first;
        uint64_t key = 0;

        random = random * 1664525 + 1013904223;
        m = &members[(random >> 8) % N_MEMBERS];
        if (!m->is_in) {
            m->key = (random >> 4) % 1000;
            heap_add(&h, m->key, &m->seat);
            m->is_in = true;
        } else if (random >> 31) {
            m->key = (random >> 4) % 1000;
            heap_move(&h, m->key, &m->seat);
        } else {
            heap_remove(&h, &m->seat);
            m->is_in = false;
        }
        first = heap_first(&h, &key);
        if (!smallest(members)) {
            assert_null(first);
            continue;
        }
        assert_int_equal(key, smallest(members)->key);
        assert_int_equal(HEAP_OWNER(first, struct member, seat)->key, key);
    }
    heap_release(&h);
}

TEST(reserved_room_is_kept)
{
    struct heap h = {0};

    assert_true(heap_reserve(&h, 1));
    assert_true(h.cap >= 1);
    assert_true(heap_reserve(&h, 1000));
    assert_true(h.cap >= 1000);
    assert_true(heap_reserve(&h, 10));
    assert_true(h.cap >= 1000);
    assert_false(heap_reserve(&h, (size_t)UINT32_MAX + 1));
    heap_release(&h);
}
