/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_explain.c - `platoon explain TASK`: the whole history of one task, in sentences. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/human.h"
#include "cli/progress_view.h"
#include "cli/talk.h"

static const struct cmd_option option_table[] = {ASK_OPTIONS, {0}};

static int run(int argc, char **argv);

const struct cmd cmd_explain = {
    .name = "explain",
    .summary = "tell the history of one task",
    .usage = "TASK [OPTION]...",
    .about = "Tell what a task is, when it came, who had it, how each attempt ended, and what it "
             "waits for\n"
             "or who holds it now.\n",
    .options = option_table,
    .run = run,
};

static void explain_now(const platoon_value *t)
{
    const char *state = ask_text(t, "state");
    const platoon_value *holder = platoon_dict_get(t, "holder");
    const platoon_value *attempts = platoon_dict_get(t, "attempts");
    const platoon_value *last =
        platoon_len(attempts) ? platoon_item(attempts, platoon_len(attempts) - 1) : NULL;
    double changed = ask_seconds(t, "changed");
    char since[HUMAN_MAX];

    human_duration(ask_age(changed), since);
    if (strcmp(state, "queued") == 0)
        printf("It waits for a worker of %s, since %s.\n", ask_text(t, "queue"), since);
    else if (strcmp(state, "leased") == 0 && !platoon_is_none(holder))
        printf("It is held by %s (%s), %s, since %s; if that never ends: platoon release %" PRId64
               "\n",
               ask_text(holder, "name"), ask_text(holder, "peer"), ask_text(holder, "state"), since,
               ask_number(t, "task"));
    else if (strcmp(state, "leased") == 0)
        printf("It is held by %s since %s.\n",
               strcmp(ask_text(last, "worker"), "-") != 0 ? ask_text(last, "worker")
                                                          : ask_text(last, "client"),
               since);
    else if (strcmp(state, "abandoned") == 0)
        printf("It was set aside %s ago and is not run by itself: platoon retry %" PRId64 "\n",
               since, ask_number(t, "task"));
    else if (strcmp(state, "dead") == 0)
        printf("It was given up %s ago, after %" PRId64 " lost workers: platoon retry %" PRId64
               "\n",
               since, ask_number(t, "attempts_lost"), ask_number(t, "task"));
    else
        printf("It is %s since %s.\n", state, since);
    progress_view_sentence(platoon_dict_get(t, "progress"));
    if (ask_number(t, "result"))
        printf("Its result is entry %" PRId64 ".\n", ask_number(t, "result"));
}

static void explain(const platoon_value *t)
{
    const platoon_value *attempts = platoon_dict_get(t, "attempts");
    const platoon_value *events = platoon_dict_get(t, "events");
    const platoon_value *value = platoon_dict_get(t, "value");
    char *shown = value ? platoon_repr(value) : NULL;
    char at[ASK_TIME_MAX];

    printf("task %" PRId64 " of %s: %s\n", ask_number(t, "task"), ask_text(t, "queue"),
           ask_text(t, "state"));
    printf("%s\n\n", shown ? shown : "(not plain data)");
    free(shown);
    printf("%s  it was put on %s\n", ask_time(t, "created", at), ask_text(t, "queue"));
    for (size_t i = 0; i < platoon_len(attempts); i++) {
        const platoon_value *a = platoon_item(attempts, i);
        const char *worker = ask_text(a, "worker");

        printf("%s  attempt %" PRId64 ": taken by %s%s%s\n", ask_time(a, "taken", at),
               ask_number(a, "number"), strcmp(worker, "-") ? worker : "",
               strcmp(worker, "-") ? " at " : "", ask_text(a, "client"));
        if (ask_seconds(a, "ended") >= 0)
            printf("%s  that ended: %s\n", ask_time(a, "ended", at), ask_text(a, "ending"));
    }
    for (size_t i = 0; i < platoon_len(events); i++) {
        const platoon_value *e = platoon_item(events, i);

        printf("%s  %s: %s\n", ask_time(e, "at", at), ask_text(e, "what"), ask_text(e, "why"));
    }
    printf("\n");
    explain_now(t);
}

static int run(int argc, char **argv)
{
    platoon_value *tasks = platoon_list(), *t = NULL;
    struct options o;
    struct ask a;
    int exit_code = CMD_OK;

    ask_init(&a, &cmd_explain);
    options_init(&o, &cmd_explain, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        if (id == OPTION_EXIT || (id == OPTION_OPERAND && !ask_add_tasks(&o, tasks))) {
            exit_code = o.exit_code;
            goto out;
        }
        (void)ask_take(&a, &o, id); /* what is left is its own */
    }
    if (platoon_len(tasks) != 1) {
        options_fail(&o, "name one task by its number; 'platoon tasks' lists them");
        exit_code = o.exit_code;
        goto out;
    }
    exit_code = ask_connect(&a);
    if (exit_code != CMD_OK)
        goto out;
    exit_code =
        ask_call(&a, "explain", platoon_tuple(1, platoon_value_ref(platoon_item(tasks, 0))), &t);
    if (exit_code == CMD_OK && a.wants_json)
        exit_code = ask_print_json(t);
    else if (exit_code == CMD_OK)
        explain(t);
    ask_end(&a);
out:
    platoon_value_unref(t);
    platoon_value_unref(tasks);
    return exit_code;
}
