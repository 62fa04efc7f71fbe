/* SPDX-License-Identifier: Apache-2.0 */
/* stop_rule_fuzz.c - any text as a rule to stop by. What is taken is within its limits, is the same
 * when it is read again from its own text, and can be looked at and told. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sumo/stop_rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim)
        abort();
}

static void check_rule(const struct stop_rule *rule)
{
    double values[STOP_N_QUANTITIES] = {0};
    struct stop_watch watch = {.rule = rule};
    char text[STOP_EVENT_TEXT_BYTES];
    struct stop_rule again;

    must(rule->n_conditions <= STOP_RULE_MAX_CONDITIONS && strlen(rule->text) <= STOP_RULE_BYTES);
    must(rule->hold_s >= 0.0 && rule->hold_s <= 1e9);
    must(stop_rule_parse(rule->text, "x", &again, NULL) == PLATOON_OK);
    must(again.n_conditions == rule->n_conditions && again.hold_s == rule->hold_s);
    for (size_t i = 0; i < rule->n_conditions; i++) {
        const struct stop_condition *a = &rule->conditions[i], *b = &again.conditions[i];

        must(a->quantity == b->quantity && a->comparison == b->comparison);
        must(a->limit == b->limit && a->begins_alternative == b->begins_alternative);
        values[a->quantity] = a->limit;
    }
    must(stop_watch_look(&watch, values) ==
         (stop_rule_holds(rule, values) && rule->hold_s <= 1e-6));
    stop_watch_text(&watch, text);
    must(strncmp(text, rule->text, strlen(rule->text)) == 0 && text[strlen(text) - 1] == ')');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size); /* to its first NUL */
    struct platoon_err err;
    struct stop_rule rule;

    must(text != NULL);
    if (stop_rule_parse(text, "the task: stop_when", &rule, &err) == PLATOON_OK)
        check_rule(&rule);
    else
        must(err.status == PLATOON_EINVAL && strncmp(err.message, "the task: stop_when", 19) == 0);
    free(text);
    return 0;
}
