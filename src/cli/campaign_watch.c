/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign_watch.h"

#include <inttypes.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/talk.h"

static const platoon_value *find_queue(const platoon_value *stats, const char *name)
{
    const platoon_value *queues = platoon_dict_get(stats, "queues");

    for (size_t i = 0; i < platoon_len(queues); i++)
        if (strcmp(ask_text(platoon_item(queues, i), "name"), name) == 0)
            return platoon_item(queues, i);
    return NULL;
}

void campaign_watch_read(struct campaign_watch *w, const platoon_value *stats, const char *queue)
{
    const platoon_value *q = find_queue(stats, queue);

    w->n_running = ask_number(q, "leased");
    w->n_abandoned = ask_number(q, "abandoned");
    w->n_dead = ask_number(q, "dead");
    w->is_empty = q && ask_number(q, "queued") + ask_number(q, "delayed") + w->n_running +
                               w->n_abandoned + w->n_dead ==
                           0;
}

/* Has an agent been heard of within its lease time, or does some stock client wait for an item?
 * Which queue it waits at is not known. */
static bool has_worker(const platoon_value *stats)
{
    const platoon_value *workers = platoon_dict_get(stats, "workers");
    const platoon_value *clients = platoon_dict_get(stats, "clients");
    size_t n_waiting = 0;

    for (size_t i = 0; i < platoon_len(workers); i++)
        if (ask_seconds(platoon_item(workers, i), "last_seen_s") <=
            ask_seconds(stats, "worker_lease_s"))
            return true;
    for (size_t i = 0; i < platoon_len(clients); i++) {
        bool waits = false;

        (void)platoon_as_bool(platoon_dict_get(platoon_item(clients, i), "waits"), &waits);
        n_waiting += waits;
    }
    return n_waiting > 1; /* one waits for this very answer: we */
}

void campaign_watch_tell(struct campaign_watch *w, const platoon_value *stats, const char *queue)
{
    if (!w->said_no_worker && w->n_running == 0 && !has_worker(stats)) {
        talk_warning("the tasks wait on %s, and no worker is there to take them", queue);
        talk_hint("platoon plan shows the command of a worker that can run them");
        w->said_no_worker = true;
    }
    if (w->n_abandoned > w->said_abandoned)
        talk_warning("%" PRId64 " task%s of %s %s set aside: nobody can tell whether %s done "
                     "(platoon tasks --state abandoned; platoon retry or platoon cancel)",
                     w->n_abandoned, w->n_abandoned == 1 ? "" : "s", queue,
                     w->n_abandoned == 1 ? "is" : "are",
                     w->n_abandoned == 1 ? "it was" : "they were");
    w->said_abandoned = w->n_abandoned;
}
