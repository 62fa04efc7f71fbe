/* SPDX-License-Identifier: Apache-2.0 */
/* store_rig.h - a store under test, called as if it answered at once; tasks are letters.
 *
 * Each call here checks that the callback did not come from inside the call, runs store_turn()
 * until it comes, and repeats the call with the same ids where the store says UNKNOWN (a wrapper
 * that loses answers).
 *
 *     put(r, r->tasks, "abc");
 *     assert_string_equal(claim(r, r->tasks, 2), "ab");
 *     assert_int_equal(release(r, 'a', STORE_TO_FRONT), STORE_RELEASE_OK);
 *
 * The lease of a letter is the one it was claimed with last; an older one is kept by a copy of
 * r->held[letter]. */
#ifndef PLATOON_TEST_STORE_RIG_H
#define PLATOON_TEST_STORE_RIG_H

#include "support/test.h"

#include "store/look.h"
#include "store/store.h"

/* How to get one of the stores that pass the suite. */
struct store_maker {
    const char *name;
    struct store *(*open)(void); /* fresh and empty, with a clock that only pass_ms moves */
    void (*pass_ms)(struct store *s, uint32_t ms); /* the server lives through this time */
    void (*stop_ms)(struct store *s, uint32_t ms); /* the server is stopped for this time */
};

struct rig_lease {
    struct store_lease_ref ref;
    uint32_t attempt;
    bool may_be_repeat;
};

struct rig {
    const struct store_maker *maker;
    struct store *s;
    uint64_t epoch, counter;       /* of leases and keys */
    uint32_t max_attempts;         /* of the next puts; 0: the queue's */
    store_queue_id tasks, results; /* a linked pair */
    store_queue_id plain, small;   /* small: maxsize 3 */
    struct rig_lease held[128];    /* by letter */
    int n_ready[8], n_room[8];     /* hints, by queue id */
    char letters[64];              /* claim's last answer */
    struct store_swept swept[16];  /* sweep's last answer; value is gone */
    size_t n_swept;
};

void rig_open(struct rig *r, const struct store_maker *maker);
/* On a store that is open already; it is the rig's then. */
void rig_open_on(struct rig *r, const struct store_maker *maker, struct store *s);
void rig_close(struct rig *r);
void rig_pass_ms(struct rig *r, uint32_t ms);
void rig_forget_hints(struct rig *r);

struct payload *rig_payload(char letter); /* yours */
char rig_letter(const struct payload *p);
struct store_lease_id rig_next_lease(struct rig *r);

/* All are NEW: OK; all FULL: FULL; else DUP. */
enum store_put_status put(struct rig *r, store_queue_id queue, const char *letters);
enum store_put_status put_limited(struct rig *r, store_queue_id queue, const char *letters,
                                  uint64_t limit);
/* With keys (rig's epoch, first_key), (.., first_key + 1), ...; the ids go to `out` (may be
 * NULL). */
enum store_put_status put_keyed(struct rig *r, store_queue_id queue, const char *letters,
                                uint64_t first_key, uint64_t limit, store_task_id *out);
/* What was taken; up to 16. */
const char *claim(struct rig *r, store_queue_id queue, size_t n);
const char *claim_for(struct rig *r, store_queue_id queue, size_t n, uint32_t lease_ms);
/* By a holder that cannot come back to the next server. */
const char *claim_until_end(struct rig *r, store_queue_id queue, size_t n, uint32_t lease_ms);
enum store_lease_status renew(struct rig *r, char letter, uint32_t lease_ms);
enum store_lease_status renew_ref(struct rig *r, struct store_lease_ref ref, uint32_t lease_ms);
/* By id, with a result (0: none). */
enum store_done_status done(struct rig *r, char letter, char result);
struct store_done_answer done_ref(struct rig *r, struct store_lease_ref ref,
                                  enum store_task_state state, char result, bool counts_unfinished);
enum store_fail_status fail_task(struct rig *r, char letter, uint32_t delay_ms);
enum store_release_status release(struct rig *r, char letter, enum store_release_to to);
enum store_release_status lose(struct rig *r, char letter, enum store_release_to to); /* counted */
enum store_release_status release_item(struct rig *r, const struct store_release_item *item);
size_t sweep(struct rig *r, size_t max);
struct store_counts counts(struct rig *r, store_queue_id queue);
int64_t task_done(struct rig *r, store_queue_id queue);
enum store_retry_status retry(struct rig *r, store_task_id task);
enum store_retry_status retry_again(struct rig *r, store_task_id task); /* done ones too */
enum store_done_status cancel(struct rig *r, store_task_id task, char result);
uint64_t purge(struct rig *r, store_queue_id queue, uint32_t states);
/* The letters of the rows; `filter` asks for values. */
const char *look(struct rig *r, const struct store_filter *filter);
struct store_queue ensure(struct rig *r, const struct store_queue *wanted);

#endif
