/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_watch.h - what a server's state means for a campaign that waits there: how many tasks run,
 * and what it would wait for in vain. Says on stderr what needs somebody, once. */
#ifndef PLATOON_CLI_CAMPAIGN_WATCH_H
#define PLATOON_CLI_CAMPAIGN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <platoon/value.h>

struct campaign_watch {
    int64_t n_running;   /* of the queue; others' tasks may be among them */
    int64_t n_abandoned; /* the same */
    int64_t n_dead;      /* the same */
    bool is_empty;       /* the queue holds no task that could still end */
    bool said_no_worker;
    int64_t said_abandoned;
};

/* Take in what stats() of the typeid `platoon` answered. */
void campaign_watch_read(struct campaign_watch *w, const platoon_value *stats, const char *queue);
/* Say, if it is news: that nobody works at `queue` (the tasks wait), that tasks were set aside. */
void campaign_watch_tell(struct campaign_watch *w, const platoon_value *stats, const char *queue);

#endif
