/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign_crew.h"

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

enum platoon_status campaign_crew_start(struct crew *crew, const struct campaign *c,
                                        const char *folder, unsigned slots, struct platoon_err *err)
{
    platoon_value *words = worker_words(&c->file);
    enum platoon_status st = words ? crew_start_server(crew, folder, err)
                                   : platoon_fail(err, PLATOON_ENOMEM, "out of memory");

    if (st == PLATOON_OK)
        st = crew_start_worker(crew, slots, folder, words, err);
    platoon_value_unref(words);
    return st;
}
