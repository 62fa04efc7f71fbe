/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign_crew.h"

#include <sys/wait.h>

#include "base/clock.h"
#include "cli/talk.h"

enum { DEFAULT_ATTEMPTS = 5 }; /* the server's */

static bool add_word(platoon_value *words, const char *word)
{
    return platoon_append(words, platoon_str(word)) == PLATOON_OK;
}

/* --root, the controllers and the campaign's own words, which may end with a program's. */
static platoon_value *worker_words(const struct campaign_file *f)
{
    platoon_value *words = platoon_list();
    bool is_fine = add_word(words, "--root") && add_word(words, f->root);

    for (size_t i = 0; is_fine && i < platoon_len(f->controllers); i++)
        is_fine = add_word(words, "--controller") &&
                  add_word(words, platoon_as_str(platoon_item(f->controllers, i), NULL));
    for (size_t i = 0; is_fine && i < platoon_len(f->worker_words); i++)
        is_fine = platoon_append(words, platoon_value_ref(platoon_item(f->worker_words, i))) ==
                  PLATOON_OK;
    if (is_fine)
        return words;
    platoon_value_unref(words);
    return NULL;
}

enum platoon_status campaign_crew_start(struct campaign_crew *crew, const struct campaign *c,
                                        const char *folder, unsigned slots, struct platoon_err *err)
{
    enum platoon_status st;

    *crew = (struct campaign_crew){
        .campaign = c, .folder = folder, .slots = slots, .words = worker_words(&c->file)};
    st = crew->words ? crew_start_server(&crew->crew, folder, err)
                     : platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    if (st == PLATOON_OK)
        st = crew_start_worker(&crew->crew, slots, folder, crew->words, err);
    return st;
}

/* The worker was just found to have been killed. */
static enum platoon_status note_loss(struct campaign_crew *crew, struct platoon_err *err)
{
    const struct campaign *c = crew->campaign;
    unsigned limit = c->file.attempts ? c->file.attempts : DEFAULT_ATTEMPTS;
    size_t n_ended = c->n_done + c->n_failed;
    char how[64];

    if (crew->n_lost_in_row && n_ended != crew->n_ended)
        crew->n_lost_in_row = 0;
    crew->n_ended = n_ended;
    if (++crew->n_lost_in_row > limit)
        return crew_check(&crew->crew, err);
    crew->lost_ns = clock_mono_ns();
    talk_warning("the worker %s; another one is started when its tasks have come back, in %d s",
                 child_describe_end(&crew->crew.workers[0], how), CREW_LOST_MS / 1000);
    return PLATOON_OK;
}

enum platoon_status campaign_crew_check(struct campaign_crew *crew, struct platoon_err *err)
{
    struct child *worker = &crew->crew.workers[0];

    if (child_has_ended(&crew->crew.server) || !child_has_ended(worker) ||
        !WIFSIGNALED(worker->status))
        return crew_check(&crew->crew, err);
    if (!crew->lost_ns)
        return note_loss(crew, err);
    if (clock_mono_ns() - crew->lost_ns < CREW_LOST_MS * UINT64_C(1000000))
        return PLATOON_OK;
    crew->lost_ns = 0;
    return crew_restart_worker(&crew->crew, crew->slots, crew->folder, crew->words, err);
}

bool campaign_crew_wind_down(struct campaign_crew *crew)
{
    if (!crew->asked_ns) {
        crew->asked_ns = clock_mono_ns();
        crew_ask_to_stop(&crew->crew);
    }
    return !child_has_ended(&crew->crew.workers[0]) &&
           clock_mono_ns() - crew->asked_ns < CREW_WORKER_GRACE_MS * UINT64_C(1000000);
}

void campaign_crew_stop(struct campaign_crew *crew)
{
    crew_stop(&crew->crew);
    platoon_value_unref(crew->words);
    *crew = (struct campaign_crew){0};
}
