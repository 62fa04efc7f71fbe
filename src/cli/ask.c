/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/talk.h"

enum { MAX_RANGE = 10000 };

void ask_init(struct ask *a, const struct cmd *cmd)
{
    memset(a, 0, sizeof *a);
    a->cmd = cmd;
}

bool ask_take(struct ask *a, const struct options *o, int id)
{
    switch (id) {
    case ASK_SERVER:
        a->server = o->value;
        return true;
    case ASK_KEY_FILE:
        a->key_file = o->value;
        return true;
    case ASK_JSON:
        a->wants_json = true;
        return true;
    }
    return false;
}

int ask_connect(struct ask *a)
{
    struct platoon_err err;
    int exit_code = reach_init(&a->reach, a->cmd, a->server, a->key_file);

    if (exit_code != CMD_OK)
        return exit_code;
    exit_code = reach_connect(&a->reach, &a->manager);
    if (exit_code != CMD_OK) {
        a->manager = NULL;
        reach_release(&a->reach);
        return exit_code;
    }
    switch (platoon_manager_queue(a->manager, "platoon", NULL, &a->proxy, &err)) {
    case PLATOON_OK:
        return CMD_OK;
    case PLATOON_ENOTFOUND:
        talk_error(
            "the server at %s is not Platoon's: Python's own manager keeps no account of its "
            "tasks",
            a->reach.name);
        break;
    default:
        talk_error("%s", err.message);
    }
    ask_end(a);
    return CMD_FAILED;
}

void ask_end(struct ask *a)
{
    if (!a->manager)
        return;
    platoon_manager_close(a->manager);
    reach_release(&a->reach);
    a->manager = NULL;
}

int ask_call(struct ask *a, const char *method, platoon_value *args, platoon_value **out)
{
    struct platoon_err err;
    enum platoon_status st = args ? platoon_call(a->proxy, method, args, NULL, out, &err)
                                  : platoon_fail(&err, PLATOON_ENOMEM, "out of memory");

    platoon_value_unref(args);
    if (st == PLATOON_OK)
        return CMD_OK;
    talk_error("%s", err.message);
    return st == PLATOON_ECLOSED || st == PLATOON_EUNKNOWN ? CMD_UNREACHABLE : CMD_FAILED;
}

int ask_print_json(const platoon_value *v)
{
    char *json = platoon_json(v);

    if (!json) {
        talk_error("out of memory");
        return CMD_FAILED;
    }
    printf("%s\n", json);
    free(json);
    return CMD_OK;
}

int64_t ask_number(const platoon_value *dict, const char *key)
{
    int64_t n = 0;

    (void)platoon_as_int(platoon_dict_get(dict, key), &n); /* stays 0 */
    return n;
}

double ask_seconds(const platoon_value *dict, const char *key)
{
    double s = -1;

    (void)platoon_as_float(platoon_dict_get(dict, key), &s); /* stays unknown */
    return s;
}

const char *ask_text(const platoon_value *dict, const char *key)
{
    const char *s = platoon_as_str(platoon_dict_get(dict, key), NULL);

    return s && s[0] ? s : "-";
}

double ask_age(double then_s)
{
    double age = (double)clock_wall_ms() / 1e3 - then_s;

    return then_s < 0 ? -1 : age > 0 ? age : 0;
}

const char *ask_time(const platoon_value *dict, const char *key, char out[ASK_TIME_MAX])
{
    double s = ask_seconds(dict, key);
    time_t t = (time_t)s;
    struct tm local;

    if (s < 0 || !localtime_r(&t, &local) ||
        strftime(out, ASK_TIME_MAX, "%Y-%m-%d %H:%M:%S", &local) == 0)
        (void)snprintf(out, ASK_TIME_MAX, "-");
    return out;
}

static bool read_number(const char **at, int64_t *out)
{
    char *end;

    if (**at < '0' || **at > '9')
        return false;
    *out = strtoll(*at, &end, 10);
    *at = end;
    return *out > 0;
}

bool ask_add_tasks(struct options *o, platoon_value *list)
{
    const char *at = o->value;
    int64_t from, to;
    bool is_fine = read_number(&at, &from);

    to = from;
    if (is_fine && *at == '-') {
        at++;
        is_fine = read_number(&at, &to);
    }
    if (!is_fine || *at || to < from || to - from >= MAX_RANGE) {
        options_fail(o,
                     "'%s' is no task: write its number, as 'platoon tasks' shows it, or a range "
                     "like 12-15 of at most %d",
                     o->value, MAX_RANGE);
        return false;
    }
    for (int64_t i = from; i <= to; i++) {
        if (platoon_append(list, platoon_int(i)) != PLATOON_OK) {
            options_fail(o, "out of memory");
            return false;
        }
    }
    return true;
}

int ask_confirm(bool is_sure, const char *format, ...)
{
    char answer[16] = "";
    va_list args;

    if (is_sure)
        return CMD_OK;
    if (!isatty(STDIN_FILENO)) {
        talk_error("this forgets or ends things: say --yes if that is meant");
        return CMD_USAGE;
    }
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs(" [y/N] ", stderr);
    if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return CMD_OK;
    talk("nothing was done");
    return CMD_FAILED;
}
