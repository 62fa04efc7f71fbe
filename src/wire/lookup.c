/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/lookup.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int lookup_host(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    int rc = getaddrinfo(host, service, hints, out);
    struct addrinfo own = *hints;

    if (rc == 0 || rc == EAI_MEMORY || strcasecmp(host, "localhost") != 0 ||
        (hints->ai_flags & AI_NUMERICHOST))
        return rc;
    own.ai_flags &= ~AI_PASSIVE; /* without it, no name means loopback */
    return getaddrinfo(NULL, service ? service : "0", &own, out) == 0 ? 0 : rc;
}

/* --- with a deadline -------------------------------------------------------------------------- */

/* A question that is asked on a thread of its own. Whoever leaves last frees it. */
struct question {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool is_answered, is_abandoned;
    char *host, *service; /* service: NULL is none */
    struct addrinfo hints;
    int code, error; /* of getaddrinfo(), errno */
    struct addrinfo *found;
};

static void free_question(struct question *q)
{
    if (q->found)
        freeaddrinfo(q->found);
    (void)pthread_cond_destroy(&q->answered);
    (void)pthread_mutex_destroy(&q->lock);
    free(q->host);
    free(q->service);
    free(q);
}

static struct question *new_question(const char *host, const char *service,
                                     const struct addrinfo *hints)
{
    struct question *q = calloc(1, sizeof *q);

    if (!q)
        return NULL;
    (void)pthread_mutex_init(&q->lock, NULL); /* without attributes these two do not fail */
    (void)pthread_cond_init(&q->answered, NULL);
    q->hints = *hints;
    q->host = strdup(host);
    q->service = service ? strdup(service) : NULL;
    if (q->host && (q->service || !service))
        return q;
    free_question(q);
    return NULL;
}

static void *ask(void *arg)
{
    struct question *q = arg;
    struct addrinfo *found = NULL;
    int code = lookup_host(q->host, q->service, &q->hints, &found), error = errno;
    bool is_abandoned;

    (void)pthread_mutex_lock(&q->lock);
    q->found = code == 0 ? found : NULL;
    q->code = code;
    q->error = error;
    q->is_answered = true;
    is_abandoned = q->is_abandoned;
    (void)pthread_cond_signal(&q->answered);
    (void)pthread_mutex_unlock(&q->lock);
    if (is_abandoned)
        free_question(q);
    return NULL;
}

/* Detached, and deaf to signals: those are for the program's own threads. */
static bool start_asking(struct question *q)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    bool ok;

    if (pthread_attr_init(&attr) != 0)
        return false;
    (void)sigfillset(&all);
    ok = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
         pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
    if (ok) {
        ok = pthread_create(&thread, &attr, ask, q) == 0;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    (void)pthread_attr_destroy(&attr);
    return ok;
}

static int await_answer(struct question *q, uint64_t deadline_ns, struct addrinfo **out)
{
    const struct timespec until = {.tv_sec = (time_t)(deadline_ns / 1000000000u),
                                   .tv_nsec = (long)(deadline_ns % 1000000000u)};
    int code = 0, error = 0;

    (void)pthread_mutex_lock(&q->lock);
    while (!q->is_answered && code == 0)
        code = pthread_cond_clockwait(&q->answered, &q->lock, CLOCK_MONOTONIC, &until);
    if (!q->is_answered) {
        q->is_abandoned = true;
        (void)pthread_mutex_unlock(&q->lock);
        return LOOKUP_TIMEOUT;
    }
    code = q->code;
    error = q->error;
    if (code == 0)
        *out = q->found;
    q->found = NULL;
    (void)pthread_mutex_unlock(&q->lock);
    free_question(q);
    errno = error;
    return code;
}

int lookup_host_until(const char *host, const char *service, const struct addrinfo *hints,
                      uint64_t deadline_ns, struct addrinfo **out)
{
    struct question *q;

    if (!deadline_ns)
        return lookup_host(host, service, hints, out);
    q = new_question(host, service, hints);
    if (!q)
        return EAI_MEMORY;
    if (start_asking(q))
        return await_answer(q, deadline_ns, out);
    free_question(q);
    return lookup_host(host, service, hints, out);
}
