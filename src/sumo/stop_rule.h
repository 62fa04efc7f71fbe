/* SPDX-License-Identifier: Apache-2.0 */
/* stop_rule.h - a rule that ends a hopeless run early: its text, and whether it holds. Pure.
 *
 *     RULE        CONDITION [and|or CONDITION]... [for SECONDS [s]]
 *     CONDITION   QUANTITY >|>=|<|<= NUMBER
 *
 *     waiting > 2000
 *     time >= 3600 and arrived < 100 or teleports > 50 for 300 s
 *
 * `and` binds closer than `or`. `for` is of the whole rule: it must have held at every look of so
 * many simulated seconds. */
#ifndef PLATOON_SUMO_STOP_RULE_H
#define PLATOON_SUMO_STOP_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include <platoon/status.h>

enum stop_quantity {
    STOP_TIME,      /* simulated, s */
    STOP_WAITING,   /* vehicles that wait for room to depart */
    STOP_RUNNING,   /* vehicles that departed and have not arrived */
    STOP_INSERTED,  /* vehicles that departed since the begin, as the next four */
    STOP_ARRIVED,   /* vehicles that ended their trips */
    STOP_TELEPORTS, /* that SUMO began */
    STOP_COLLIDED,  /* vehicles in collisions, anew in each: two for one between two vehicles */
    STOP_N_QUANTITIES
};

enum {
    STOP_RULE_BYTES = 200,
    STOP_RULE_MAX_CONDITIONS = 8,
    STOP_EVENT_TEXT_BYTES = STOP_RULE_BYTES + STOP_N_QUANTITIES * 40 + 1
};

enum stop_comparison { STOP_ABOVE, STOP_AT_LEAST, STOP_BELOW, STOP_AT_MOST };

struct stop_condition {
    enum stop_quantity quantity;
    enum stop_comparison comparison;
    double limit;
    bool begins_alternative; /* `or` stands before it */
};

struct stop_rule {
    char text[STOP_RULE_BYTES + 1]; /* as it was written, less the space around it */
    struct stop_condition conditions[STOP_RULE_MAX_CONDITIONS];
    size_t n_conditions; /* 0: no rule */
    double hold_s;
};

/* `text` into *out. "none" is no rule. EINVAL with a sentence that begins with `where` ("the task:
 * stop_when"), says at which character and what may stand there; then *out is left. */
enum platoon_status stop_rule_parse(const char *text, const char *where, struct stop_rule *out,
                                    struct platoon_err *err);

bool stop_rule_names(const struct stop_rule *rule, enum stop_quantity quantity);

/* Whether it holds of these values, `for` left out. */
bool stop_rule_holds(const struct stop_rule *rule, const double values[STOP_N_QUANTITIES]);

/* A rule in a run. Zero-initialise but for the rule. */
struct stop_watch {
    const struct stop_rule *rule;
    bool holds; /* at the last look */
    double since_s;
    bool has_fired;
    double values[STOP_N_QUANTITIES]; /* of the last look */
};

/* Look at the values, in order of time. True: the run is to end; has_fired stays set. */
bool stop_watch_look(struct stop_watch *w, const double values[STOP_N_QUANTITIES]);

/* "waiting > 2000 (waiting 2013 at 1830 s)": the rule and what was seen at the last look. */
void stop_watch_text(const struct stop_watch *w, char out[STOP_EVENT_TEXT_BYTES]);

#endif
