/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "base/idmap.h"

enum { N_IDS = 5000 };

TEST(idmap_agrees_with_an_array_under_random_operations)
{
    static void *model[N_IDS];
    struct idmap m;
    uint64_t seed = 1;
    size_t n = 0;

    (void)state;
    idmap_init(&m);
    for (int step = 0; step < 200000; step++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t id = 1 + (seed >> 33) % (N_IDS - 1);

        if ((seed >> 20) % 2) {
            n += !model[id];
            model[id] = &model[id];
            assert_true(idmap_set(&m, id, model[id]));
        } else {
            assert_ptr_equal(idmap_remove(&m, id), model[id]);
            n -= model[id] != NULL;
            model[id] = NULL;
        }
        assert_int_equal(m.n, n);
        assert_ptr_equal(idmap_get(&m, id), model[id]);
    }
    for (uint64_t id = 1; id < N_IDS; id++)
        assert_ptr_equal(idmap_get(&m, id), model[id]);
    idmap_release(&m);
}
