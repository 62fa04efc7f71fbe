/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_words.h - a campaign that is written on the command line: its words become a campaign
 * file, so that there is one way to read a campaign, and one to change or run again what was tried.
 *
 *     --sumo FILE.sumocfg --set K_R=40..100 step 20 --seeds 1..10
 *
 * A --set of one value is a parameter of all tasks. Of several values, the first one whose values
 * are not all numbers names the arms ("control_bool=false" is the baseline of
 * --set control_bool=false,true); every other one is a factor. */
#ifndef PLATOON_CLI_CAMPAIGN_WORDS_H
#define PLATOON_CLI_CAMPAIGN_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

enum { CAMPAIGN_WORDS_MAX_SETS = 128, CAMPAIGN_WORDS_MAX_CONTROLLERS = 16 };

struct campaign_words {
    const char *name;         /* NULL: of the configuration, the function or the program */
    const char *sumo;         /* a configuration; NULL: the runner below */
    const char *runner;       /* "python" or "command"; NULL: sumo */
    const char *const *words; /* the function; the program and its arguments */
    size_t n_words;
    const char *controllers[CAMPAIGN_WORDS_MAX_CONTROLLERS];
    size_t n_controllers;
    const char *stop_when; /* of all tasks; NULL: none */
    const char *seeds;     /* a range; NULL: 1 */
    int64_t attempts;      /* 0: not said */
    const char *sets[CAMPAIGN_WORDS_MAX_SETS];
    size_t n_sets;
};

/* The text of the campaign file, malloc()ed; its root is the current folder. EINVAL with a sentence
 * that names the word; ENOMEM. */
enum platoon_status campaign_words_text(const struct campaign_words *w, char **out_text,
                                        struct platoon_err *err);
/* The campaign's name, malloc()ed. NULL when out of memory. */
char *campaign_words_name(const struct campaign_words *w);

#endif
