/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_writer.c - see sqlite_writer.h. */
#include "store/sqlite_writer.h"

#include <string.h>

enum { CHECKPOINT_PAGES = 8000 };

static void give_back(struct sqlite_writer *w, struct batch *first)
{
    *w->finished_end = first;
    while (*w->finished_end)
        w->finished_end = &(*w->finished_end)->next;
}

static enum store_status worst(const struct batch *first)
{
    for (; first; first = first->next)
        if (first->status != STORE_OK)
            return first->status;
    return STORE_OK;
}

static void refuse(struct batch *first, enum store_status why)
{
    for (; first; first = first->next)
        first->status = why;
}

/* A checkpoint lets the file grow, by the whole log at most. It must not be what fills the disk:
 * the room is needed for the log. Only where nothing can be written anyway it is tried, since it
 * frees the log. */
static bool has_room(const struct sqlite_writer *w)
{
    return data_folder_free_bytes(w->folder) / SQLITE_DB_PAGE_BYTES >
           (uint64_t)sqlite_db_log_pages(w->db);
}

/* One round without the lock. */
static void work_on(struct sqlite_writer *w, struct batch *group, bool is_last_resort,
                    enum store_status blocked_by)
{
    if (group && blocked_by == STORE_OK)
        sqlite_db_write_group(w->db, group);
    else
        refuse(group, blocked_by);
    if (is_last_resort || (sqlite_db_log_pages(w->db) >= CHECKPOINT_PAGES && has_room(w)))
        sqlite_db_checkpoint(w->db);
}

static void *thread_main(void *arg)
{
    struct sqlite_writer *w = arg;

    pthread_mutex_lock(&w->lock);
    while (!w->is_ending || w->jobs || w->wants_checkpoint) {
        struct batch *group = w->jobs;
        bool is_checkpoint = w->wants_checkpoint;
        bool is_last_resort = is_checkpoint && w->is_last_resort;
        enum store_status blocked_by = w->blocked_by;

        if (!group && !is_checkpoint) {
            pthread_cond_wait(&w->work, &w->lock);
            continue;
        }
        w->jobs = NULL;
        w->jobs_end = &w->jobs;
        w->wants_checkpoint = false;
        pthread_mutex_unlock(&w->lock);
        work_on(w, group, is_last_resort, blocked_by);
        pthread_mutex_lock(&w->lock);
        if (w->blocked_by == STORE_OK)
            w->blocked_by = worst(group);
        give_back(w, group);
        if (is_checkpoint)
            w->n_handed--;
        pthread_cond_signal(&w->idle);
        if (w->wake)
            w->wake(w->wake_arg);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

bool sqlite_writer_start(struct sqlite_writer *w, struct sqlite_db *db,
                         const struct data_folder *folder)
{
    memset(w, 0, sizeof *w);
    w->db = db;
    w->folder = folder;
    w->jobs_end = &w->jobs;
    w->finished_end = &w->finished;
    w->blocked_by = STORE_OK;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->idle, NULL);
    w->has_thread = pthread_create(&w->thread, NULL, thread_main, w) == 0;
    return w->has_thread;
}

void sqlite_writer_on_wake(struct sqlite_writer *w, void (*wake)(void *), void *arg)
{
    pthread_mutex_lock(&w->lock);
    w->wake = wake;
    w->wake_arg = arg;
    pthread_mutex_unlock(&w->lock);
}

void sqlite_writer_stop(struct sqlite_writer *w)
{
    if (!w->has_thread)
        return;
    pthread_mutex_lock(&w->lock);
    w->is_ending = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL); /* it is ours and was not joined before */
    w->has_thread = false;
    batch_free_chain(w->finished);
    w->finished = NULL;
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->idle);
    pthread_mutex_destroy(&w->lock);
}

void sqlite_writer_hand(struct sqlite_writer *w, struct batch *b)
{
    pthread_mutex_lock(&w->lock);
    if (w->n_handed == 0)
        w->blocked_by = STORE_OK;
    b->next = NULL;
    *w->jobs_end = b;
    w->jobs_end = &b->next;
    w->n_handed++;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

void sqlite_writer_checkpoint(struct sqlite_writer *w, bool is_last_resort)
{
    pthread_mutex_lock(&w->lock);
    if (w->n_handed == 0 && sqlite_db_log_pages(w->db) >= (is_last_resort ? 1 : CHECKPOINT_PAGES) &&
        (is_last_resort || has_room(w))) {
        w->is_last_resort = is_last_resort;
        w->wants_checkpoint = true;
        w->n_handed++;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->lock);
}

bool sqlite_writer_is_busy(struct sqlite_writer *w)
{
    bool is_busy;

    pthread_mutex_lock(&w->lock);
    is_busy = w->n_handed > 0;
    pthread_mutex_unlock(&w->lock);
    return is_busy;
}

struct batch *sqlite_writer_take(struct sqlite_writer *w)
{
    struct batch *first;

    pthread_mutex_lock(&w->lock);
    first = w->finished;
    w->finished = NULL;
    w->finished_end = &w->finished;
    for (const struct batch *b = first; b; b = b->next)
        w->n_handed--;
    pthread_mutex_unlock(&w->lock);
    return first;
}

void sqlite_writer_wait(struct sqlite_writer *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->finished && w->n_handed > 0)
        pthread_cond_wait(&w->idle, &w->lock);
    pthread_mutex_unlock(&w->lock);
}
