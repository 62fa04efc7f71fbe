/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_change.c - `platoon retry`, `release` and `cancel`: what an operator does to tasks by number.
 * */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/campaign_drive.h"
#include "cli/cmd.h"
#include "cli/talk.h"

enum { OPT_ALL = ASK_FIRST, OPT_YES, OPT_AGAIN, OPT_CAMPAIGN, OPT_FOLDER, OPT_QUEUE };
enum { BATCH = 10000 };

static int run_retry(int argc, char **argv);
static int run_release(int argc, char **argv);
static int run_cancel(int argc, char **argv);

static const struct cmd_option retry_options[] = {
    {OPT_ALL, "all", "STATE", "every task that is abandoned, dead or failed instead of numbers"},
    {OPT_AGAIN, "again", NULL, "tasks that are done, too: whoever waits gets a second result"},
    ASK_OPTIONS,
    {0},
};
const struct cmd cmd_retry = {
    .name = "retry",
    .summary = "run tasks again that are set aside, dead or failed",
    .usage = "[--again] TASK... | --all abandoned|dead|failed",
    .about = "Put tasks back to the front of their queue, with all their attempts again. Results "
             "and\n"
             "failures that they gave before stay where they are. A task that is done is refused "
             "without\n"
             "--again, unless only its worker's behaviour said that it is done.\n",
    .options = retry_options,
    .after = "examples:\n  platoon retry 37 40-42\n  platoon retry --all abandoned\n",
    .run = run_retry,
};

static const struct cmd_option release_options[] = {ASK_OPTIONS, {0}};
const struct cmd cmd_release = {
    .name = "release",
    .summary = "take a task from a stock worker that keeps it for ever",
    .usage = "TASK...",
    .about = "A thread of a Python worker that died while its process lives on holds its task "
             "until the\n"
             "process ends. This gives the task to the next worker, marked as perhaps a repeat.\n",
    .options = release_options,
    .run = run_release,
};

static const struct cmd_option cancel_options[] = {
    {OPT_YES, "yes", NULL, "do not ask"},
    {OPT_CAMPAIGN, "campaign", "FILE.yaml",
     "what was submitted of this campaign and has not ended"},
    {OPT_FOLDER, "folder", "DIR",
     "where the campaign's runs are kept (default:\n"
     "./platoon-data/NAME)"},
    {OPT_QUEUE, "queue", "TASK",
     "the queue that it was submitted to (default:\n"
     "get_task_queue)"},
    ASK_OPTIONS,
    {0}};
const struct cmd cmd_cancel = {
    .name = "cancel",
    .summary = "end tasks that have not ended",
    .usage = "[--yes] TASK... | --campaign FILE.yaml",
    .about = "End tasks wherever they are. Whoever waits for their results gets a failure of kind\n"
             "'cancelled' for each; a worker of 'platoon work' stops the running ones.\n",
    .options = cancel_options,
    .run = run_cancel,
};

/* "37 retried" each; CMD_FAILED if one was not. */
static int report(const platoon_value *tasks, const platoon_value *answers, const char *wanted)
{
    int exit_code = CMD_OK;

    for (size_t i = 0; i < platoon_len(answers); i++) {
        const char *word = platoon_as_str(platoon_item(answers, i), NULL);
        int64_t task = 0;

        (void)platoon_as_int(platoon_item(tasks, i), &task); /* they are ints: we sent them */
        if (word && strcmp(word, wanted) == 0) {
            printf("%" PRId64 " %s\n", task, word);
            continue;
        }
        talk_error("task %" PRId64 ": %s", task,
                   !word                           ? "no answer"
                   : strcmp(word, "not-now") == 0  ? "it waits or runs already"
                   : strcmp(word, "not-held") == 0 ? "no stock worker holds it"
                   : strcmp(word, "already") == 0  ? "it has ended already"
                   : strcmp(word, "gone") == 0     ? "the server has no such task"
                   : strcmp(word, "done") == 0
                       ? "it is done, and its result recorded; 'platoon retry --again' runs it "
                         "once more, and whoever waits for results gets a second one"
                       : word);
        exit_code = CMD_FAILED;
    }
    return exit_code;
}

/* All tasks in a state, page by page. */
static int gather(struct ask *a, const char *state, platoon_value *tasks)
{
    int64_t after = 0;

    for (;;) {
        platoon_value *filter = platoon_dict(), *rows = NULL;
        int exit_code;

        (void)platoon_dict_set(filter, "states", platoon_str(state)); /* told by the server */
        (void)platoon_dict_set(filter, "limit", platoon_int(1000));
        (void)platoon_dict_set(filter, "after", platoon_int(after));
        exit_code = ask_call(a, "tasks", platoon_tuple(1, filter), &rows);
        if (exit_code != CMD_OK)
            return exit_code;
        if (platoon_len(rows) == 0) {
            platoon_value_unref(rows);
            return CMD_OK;
        }
        for (size_t i = 0; i < platoon_len(rows); i++) {
            after = ask_number(platoon_item(rows, i), "task");
            if (platoon_append(tasks, platoon_int(after)) != PLATOON_OK) {
                platoon_value_unref(rows);
                talk_error("out of memory");
                return CMD_FAILED;
            }
        }
        platoon_value_unref(rows);
    }
}

/* What the server takes at a time. CMD_FAILED if one was not done. */
static int call_in_batches(struct ask *a, const char *method, const platoon_value *tasks,
                           bool again, const char *wanted)
{
    int exit_code = CMD_OK;

    for (size_t from = 0; from < platoon_len(tasks); from += BATCH) {
        platoon_value *batch = platoon_list(), *answers = NULL;
        int told = CMD_OK;

        for (size_t i = from; i < from + BATCH && i < platoon_len(tasks); i++)
            (void)platoon_append(batch, platoon_value_ref(platoon_item(tasks, i)));
        told = ask_call(a, method,
                        again ? platoon_tuple(2, platoon_value_ref(batch), platoon_bool(true))
                              : platoon_tuple(1, platoon_value_ref(batch)),
                        &answers);
        if (told == CMD_OK)
            told = a->wants_json ? ask_print_json(answers) : report(batch, answers, wanted);
        platoon_value_unref(answers);
        platoon_value_unref(batch);
        if (told != CMD_OK)
            exit_code = told;
    }
    return exit_code;
}

struct campaign_args {
    const char *file, *folder, *queue;
};

/* The tasks of a campaign that have not ended here. */
static int gather_campaign(struct ask *a, const struct campaign_args *args, platoon_value *tasks)
{
    struct campaign c = {0};
    struct platoon_err err;
    enum platoon_status st = campaign_open(&c, args->file, args->folder, CAMPAIGN_READ, &err);

    if (st == PLATOON_OK)
        st = campaign_unfinished(&c, a->manager, args->queue, tasks, &err);
    campaign_release(&c);
    if (st != PLATOON_OK)
        talk_error("%s", err.message);
    return st == PLATOON_OK ? CMD_OK : CMD_FAILED;
}

/* Never done ones: what that would run again is a slip of the hand more often than a wish. */
static bool can_be_all(const char *state)
{
    return strcmp(state, "abandoned") == 0 || strcmp(state, "dead") == 0 ||
           strcmp(state, "failed") == 0;
}

static int change(const struct cmd *cmd, int argc, char **argv, const char *method,
                  const char *wanted, bool must_confirm)
{
    platoon_value *tasks = platoon_list();
    struct campaign_args campaign = {.queue = "get_task_queue"};
    const char *all = NULL;
    struct options o;
    struct ask a;
    bool is_sure = !must_confirm, again = false;
    int exit_code = CMD_OK;

    ask_init(&a, cmd);
    options_init(&o, cmd, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        bool is_fine = id != OPTION_EXIT;

        if (id == OPTION_OPERAND)
            is_fine = ask_add_tasks(&o, tasks);
        else if (id == OPT_ALL && !can_be_all(o.value))
            is_fine = options_fail(&o, "--all takes abandoned, dead or failed, not '%s'",
                                   o.value) != OPTION_EXIT;
        else if (id == OPT_ALL)
            all = o.value;
        else if (id == OPT_AGAIN)
            again = true;
        else if (id == OPT_YES)
            is_sure = true;
        else if (id == OPT_CAMPAIGN)
            campaign.file = o.value;
        else if (id == OPT_FOLDER)
            campaign.folder = o.value;
        else if (id == OPT_QUEUE)
            campaign.queue = o.value;
        else if (is_fine)
            (void)ask_take(&a, &o, id); /* what is left is its own */
        if (!is_fine) {
            exit_code = o.exit_code;
            goto out;
        }
    }
    if (platoon_len(tasks) == 0 && !all && !campaign.file) {
        options_fail(&o, "name the tasks by their numbers; 'platoon tasks' lists them");
        exit_code = o.exit_code;
        goto out;
    }
    if (!campaign.file)
        exit_code = ask_confirm(is_sure, "End %zu tasks?", platoon_len(tasks));
    if (exit_code == CMD_OK)
        exit_code = ask_connect(&a);
    if (exit_code != CMD_OK)
        goto out;
    if (all)
        exit_code = gather(&a, all, tasks);
    if (campaign.file) {
        exit_code = gather_campaign(&a, &campaign, tasks);
        if (exit_code == CMD_OK && platoon_len(tasks))
            exit_code = ask_confirm(is_sure, "End %zu tasks?", platoon_len(tasks));
    }
    if (exit_code == CMD_OK && platoon_len(tasks) == 0)
        talk(campaign.file ? "no task of the campaign waits or runs at %s" : "no task is %s",
             campaign.file ? a.reach.name : all);
    else if (exit_code == CMD_OK)
        exit_code = call_in_batches(&a, method, tasks, again, wanted);
    ask_end(&a);
out:
    platoon_value_unref(tasks);
    return exit_code;
}

static int run_retry(int argc, char **argv)
{
    return change(&cmd_retry, argc, argv, "retry", "retried", false);
}

static int run_release(int argc, char **argv)
{
    return change(&cmd_release, argc, argv, "free", "freed", false);
}

static int run_cancel(int argc, char **argv)
{
    return change(&cmd_cancel, argc, argv, "cancel", "cancelled", true);
}
