/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c - the store that forgets everything at close: the task table without a journal.
 *
 * What it keeps. Waiting and leased tasks with their values; abandoned and dead ones; of an ended
 * task only that its number was given, which is enough to answer ALREADY for as long as the process
 * lives. A result without a result queue to go to is counted and dropped; an entry of a result
 * queue lives until it was taken. */
#include <stdlib.h>

#include "base/clock.h"
#include "store/table_store.h"

static void memory_end(struct table_store *t)
{
    table_store_release(t);
    free(t);
}

enum platoon_status store_memory_open(struct store **out, struct platoon_err *err)
{
    struct table_store *t = calloc(1, sizeof *t);

    if (!t || !table_store_init(t, memory_end)) {
        if (t)
            table_store_release(t);
        free(t);
        return platoon_fail(err, PLATOON_ENOMEM, "no memory to open the store");
    }
    /* Nothing survives a close, but clients keep leases of an earlier server on this address:
     * epochs must differ from its. Microseconds of wall time do, and rise. */
    t->last_epoch = (uint64_t)clock_wall_ms() * 1000;
    *out = &t->store;
    return PLATOON_OK;
}
