/* SPDX-License-Identifier: Apache-2.0 */
/* redo_syncer.c - see redo_syncer.h. */
#include "store/redo_syncer.h"

#include <string.h>

/* One round without the lock. */
static bool sync_files(struct redo_log *log, const bool is_dirty[2])
{
    bool ok = true;

    for (int i = 0; i < 2; i++)
        if (is_dirty[i])
            ok = redo_log_sync(log, i) && ok;
    return ok;
}

static void *thread_main(void *arg)
{
    struct redo_syncer *y = arg;

    pthread_mutex_lock(&y->lock);
    while (!y->is_ending) {
        uint64_t number = y->wanted;
        bool is_dirty[2] = {y->is_dirty[0], y->is_dirty[1]}, ok;

        if (number == y->synced || y->has_failed) {
            pthread_cond_wait(&y->work, &y->lock);
            continue;
        }
        y->is_dirty[0] = y->is_dirty[1] = false;
        pthread_mutex_unlock(&y->lock);
        ok = sync_files(y->log, is_dirty);
        pthread_mutex_lock(&y->lock);
        if (ok)
            y->synced = number;
        else
            y->has_failed = true; /* a second try would say that all is well, and it is not */
        if (y->wake)
            y->wake(y->wake_arg);
    }
    pthread_mutex_unlock(&y->lock);
    return NULL;
}

bool redo_syncer_start(struct redo_syncer *y, struct redo_log *log, uint64_t synced)
{
    memset(y, 0, sizeof *y);
    y->log = log;
    y->wanted = y->synced = synced;
    pthread_mutex_init(&y->lock, NULL);
    pthread_cond_init(&y->work, NULL);
    y->has_thread = pthread_create(&y->thread, NULL, thread_main, y) == 0;
    return y->has_thread;
}

void redo_syncer_on_wake(struct redo_syncer *y, void (*wake)(void *), void *arg)
{
    if (!y->has_thread)
        return;
    pthread_mutex_lock(&y->lock);
    y->wake = wake;
    y->wake_arg = arg;
    pthread_mutex_unlock(&y->lock);
}

void redo_syncer_stop(struct redo_syncer *y)
{
    if (!y->has_thread)
        return;
    pthread_mutex_lock(&y->lock);
    y->is_ending = true;
    pthread_cond_signal(&y->work);
    pthread_mutex_unlock(&y->lock);
    (void)pthread_join(y->thread, NULL); /* it is ours and was not joined before */
    y->has_thread = false;
    pthread_cond_destroy(&y->work);
    pthread_mutex_destroy(&y->lock);
}

void redo_syncer_want(struct redo_syncer *y, uint64_t number, int file)
{
    pthread_mutex_lock(&y->lock);
    y->wanted = number;
    y->is_dirty[file] = true;
    pthread_cond_signal(&y->work);
    pthread_mutex_unlock(&y->lock);
}

uint64_t redo_syncer_synced(struct redo_syncer *y, bool *has_failed)
{
    uint64_t synced;

    pthread_mutex_lock(&y->lock);
    synced = y->synced;
    *has_failed = y->has_failed;
    pthread_mutex_unlock(&y->lock);
    return synced;
}
