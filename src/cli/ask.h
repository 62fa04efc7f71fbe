/* SPDX-License-Identifier: Apache-2.0 */
/* ask.h - commands that ask a server one thing and show the answer: the server, its key, --json,
 * the typeid `platoon`. Failures are reported here. */
#ifndef PLATOON_CLI_ASK_H
#define PLATOON_CLI_ASK_H

#include <platoon/manager.h>

#include "cli/options.h"
#include "cli/reach.h"

/* Option ids of a command's own begin at ASK_FIRST. */
enum { ASK_SERVER = 1, ASK_KEY_FILE, ASK_JSON, ASK_FIRST };
#define ASK_OPTIONS                                                                                \
    REACH_OPTIONS(ASK_SERVER, ASK_KEY_FILE),                                                       \
    {                                                                                              \
        ASK_JSON, "json", NULL, "for programs: what the server tells, as JSON"                     \
    }

struct ask {
    const struct cmd *cmd;
    const char *server, *key_file;
    bool wants_json;
    struct reach reach;
    platoon_manager *manager; /* NULL: not connected */
    platoon_queue *proxy;
};

void ask_init(struct ask *a, const struct cmd *cmd);
/* One of the options above: taken. False: another one. */
bool ask_take(struct ask *a, const struct options *o, int id);
/* CMD_OK, or an exit code after reporting; ask_end() either way. */
int ask_connect(struct ask *a);
void ask_end(struct ask *a);
/* Call `method` with `args` (taken; NULL is out of memory). CMD_OK and *out (yours), or an exit
 * code after reporting. */
int ask_call(struct ask *a, const char *method, platoon_value *args, platoon_value **out);
/* Print as one line of JSON. An exit code. */
int ask_print_json(const platoon_value *v);

/* What is absent (a newer or older server) counts as 0, -1, or "-". */
int64_t ask_number(const platoon_value *dict, const char *key);
double ask_seconds(const platoon_value *dict, const char *key);
const char *ask_text(const platoon_value *dict, const char *key);
/* Seconds from then (since 1970; -1: unknown) to now; -1 if unknown. */
double ask_age(double then_s);
/* Local time of seconds since 1970, "2026-11-25 02:40:19"; "-" if there is none. Returns `out`. */
enum { ASK_TIME_MAX = 32 };
const char *ask_time(const platoon_value *dict, const char *key, char out[ASK_TIME_MAX]);
/* Operands that are task numbers: "37", or "12-15". A list value, yours, of those read so far is in
 * *list. False: reported. */
bool ask_add_tasks(struct options *o, platoon_value *list);
/* On a terminal ask "... [y/N]"; without one, without `is_sure`, refuse. CMD_OK: go on. */
int ask_confirm(bool is_sure, const char *format, ...) PLATOON_PRINTF(2, 3);

#endif
