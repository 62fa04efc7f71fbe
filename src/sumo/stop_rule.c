/* SPDX-License-Identifier: Apache-2.0 */
/* stop_rule.c - a reader of words, and comparisons. */
#include "sumo/stop_rule.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/suggest.h"

#define SPACE       " \t"
#define SIGNS       "<>="
#define MAX_LIMIT   1e9
#define TOLERANCE_S 1e-6 /* differences of times are not exact */
#define QUANTITIES  "time, waiting, running, inserted, arrived, teleports and collided"
#define COMPARISONS "> >= < <="

enum { WORD_SHOWN = 40, WORD_BYTES = 63 };

static const char *const names[STOP_N_QUANTITIES] = {
    [STOP_TIME] = "time",         [STOP_WAITING] = "waiting", [STOP_RUNNING] = "running",
    [STOP_INSERTED] = "inserted", [STOP_ARRIVED] = "arrived", [STOP_TELEPORTS] = "teleports",
    [STOP_COLLIDED] = "collided",
};

static const char *const comparisons[] = {
    [STOP_ABOVE] = ">",
    [STOP_AT_LEAST] = ">=",
    [STOP_BELOW] = "<",
    [STOP_AT_MOST] = "<=",
};
enum { N_COMPARISONS = sizeof comparisons / sizeof comparisons[0] };

/* --- words ------------------------------------------------------------------------------------ */

/* Where the reader is: at a word, which ends at a space, or where signs begin or end. */
struct reader {
    const char *text, *where;
    const char *word;
    size_t len; /* 0: the end */
};

static void read_word(struct reader *r, const char *from)
{
    r->word = from + strspn(from, SPACE);
    r->len = strspn(r->word, SIGNS);
    if (r->len == 0)
        r->len = strcspn(r->word, SIGNS SPACE);
}

static void next(struct reader *r)
{
    read_word(r, r->word + r->len);
}

static bool is_word(const struct reader *r, const char *word)
{
    return strlen(word) == r->len && memcmp(r->word, word, r->len) == 0;
}

/* "..., at character 9: what is expected, not what is there" */
static enum platoon_status expected(const struct reader *r, const char *what,
                                    struct platoon_err *err)
{
    int shown = r->len > WORD_SHOWN ? WORD_SHOWN : (int)r->len;

    if (r->len == 0)
        return platoon_fail(err, PLATOON_EINVAL, "%s: \"%s\" ends where %s must stand", r->where,
                            r->text, what);
    return platoon_fail(err, PLATOON_EINVAL,
                        "%s: \"%s\", character %zu: %s must stand here, not \"%.*s\"", r->where,
                        r->text, (size_t)(r->word - r->text) + 1, what, shown, r->word);
}

/* --- parts ------------------------------------------------------------------------------------ */

static enum platoon_status no_quantity(const struct reader *r, struct platoon_err *err)
{
    char word[WORD_BYTES + 1] = "", what[160];
    struct suggest s;

    if (r->len <= WORD_BYTES)
        memcpy(word, r->word, r->len);
    suggest_init(&s, word);
    for (size_t i = 0; *word && i < STOP_N_QUANTITIES; i++)
        suggest_offer(&s, names[i]);
    (void)snprintf(what, sizeof what, "%s%sone of " QUANTITIES, s.best ? s.best : "",
                   s.best ? ", or another " : "");
    return expected(r, what, err);
}

static enum platoon_status read_quantity(struct reader *r, enum stop_quantity *out,
                                         struct platoon_err *err)
{
    for (int i = 0; i < STOP_N_QUANTITIES; i++)
        if (is_word(r, names[i])) {
            *out = (enum stop_quantity)i;
            next(r);
            return PLATOON_OK;
        }
    return no_quantity(r, err);
}

static enum platoon_status read_comparison(struct reader *r, enum stop_comparison *out,
                                           struct platoon_err *err)
{
    for (int i = 0; i < N_COMPARISONS; i++)
        if (is_word(r, comparisons[i])) {
            *out = (enum stop_comparison)i;
            next(r);
            return PLATOON_OK;
        }
    return expected(r, "one of " COMPARISONS, err);
}

static enum platoon_status read_number(struct reader *r, double *out, struct platoon_err *err)
{
    double number;

    if (r->len == 0 || !num_double_parse(r->word, r->len, &number) ||
        !(number >= 0.0 && number <= MAX_LIMIT))
        return expected(r, "a number from 0 to 1e9", err);
    *out = number;
    next(r);
    return PLATOON_OK;
}

static enum platoon_status read_condition(struct reader *r, struct stop_rule *rule,
                                          bool begins_alternative, struct platoon_err *err)
{
    struct stop_condition c = {.begins_alternative = begins_alternative};
    enum platoon_status st;

    if (rule->n_conditions == STOP_RULE_MAX_CONDITIONS)
        return platoon_fail(err, PLATOON_EINVAL, "%s: \"%s\" has more than %d conditions", r->where,
                            r->text, STOP_RULE_MAX_CONDITIONS);
    if ((st = read_quantity(r, &c.quantity, err)) == PLATOON_OK &&
        (st = read_comparison(r, &c.comparison, err)) == PLATOON_OK &&
        (st = read_number(r, &c.limit, err)) == PLATOON_OK)
        rule->conditions[rule->n_conditions++] = c;
    return st;
}

static enum platoon_status read_conditions(struct reader *r, struct stop_rule *rule,
                                           struct platoon_err *err)
{
    enum platoon_status st = read_condition(r, rule, false, err);

    while (st == PLATOON_OK && (is_word(r, "and") || is_word(r, "or"))) {
        bool is_or = is_word(r, "or");

        next(r);
        st = read_condition(r, rule, is_or, err);
    }
    return st;
}

static enum platoon_status read_hold(struct reader *r, struct stop_rule *rule,
                                     struct platoon_err *err)
{
    size_t len;
    enum platoon_status st;

    next(r);
    /* "300s" is "300 s". */
    len = r->len;
    if (len > 1 && r->word[len - 1] == 's')
        r->len--;
    if ((st = read_number(r, &rule->hold_s, err)) != PLATOON_OK)
        return st;
    if (is_word(r, "s"))
        next(r);
    return PLATOON_OK;
}

/* The text less the space around it, if it is one that could be a rule. */
static enum platoon_status copy_text(const char *text, const char *where, struct stop_rule *out,
                                     struct platoon_err *err)
{
    size_t len;

    text += strspn(text, SPACE);
    len = strlen(text);
    while (len > 0 && strchr(SPACE, text[len - 1]))
        len--;
    if (len > STOP_RULE_BYTES)
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s is %zu bytes long; a rule to stop by has at most %d", where, len,
                            STOP_RULE_BYTES);
    if (len == 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s is empty; a rule to stop by is written as in \"waiting > 2000\"",
                            where);
    memcpy(out->text, text, len);
    out->text[len] = '\0';
    return PLATOON_OK;
}

enum platoon_status stop_rule_parse(const char *text, const char *where, struct stop_rule *out,
                                    struct platoon_err *err)
{
    struct stop_rule rule = {.n_conditions = 0};
    struct reader r = {.where = where};
    enum platoon_status st = copy_text(text, where, &rule, err);

    if (st != PLATOON_OK)
        return st;
    r.text = rule.text;
    read_word(&r, r.text);
    if (strcmp(rule.text, "none") != 0) {
        if ((st = read_conditions(&r, &rule, err)) == PLATOON_OK && is_word(&r, "for"))
            st = read_hold(&r, &rule, err);
        if (st == PLATOON_OK && r.len > 0)
            st = expected(&r, rule.hold_s > 0.0 ? "the end" : "and, or, for SECONDS, or the end",
                          err);
    }
    if (st == PLATOON_OK)
        *out = rule;
    return st;
}

/* --- looking ---------------------------------------------------------------------------------- */

bool stop_rule_names(const struct stop_rule *rule, enum stop_quantity quantity)
{
    for (size_t i = 0; i < rule->n_conditions; i++)
        if (rule->conditions[i].quantity == quantity)
            return true;
    return false;
}

static bool condition_holds(const struct stop_condition *c, double value)
{
    switch (c->comparison) {
    case STOP_ABOVE:
        return value > c->limit;
    case STOP_AT_LEAST:
        return value >= c->limit;
    case STOP_BELOW:
        return value < c->limit;
    case STOP_AT_MOST:
        return value <= c->limit;
    }
    return false;
}

bool stop_rule_holds(const struct stop_rule *rule, const double values[STOP_N_QUANTITIES])
{
    bool any = false, all = rule->n_conditions > 0;

    for (size_t i = 0; i < rule->n_conditions; i++) {
        const struct stop_condition *c = &rule->conditions[i];

        if (c->begins_alternative) {
            any |= all;
            all = true;
        }
        all &= condition_holds(c, values[c->quantity]);
    }
    return any || all;
}

bool stop_watch_look(struct stop_watch *w, const double values[STOP_N_QUANTITIES])
{
    double time_s = values[STOP_TIME];
    bool holds = stop_rule_holds(w->rule, values);

    if (holds && !w->holds)
        w->since_s = time_s;
    w->holds = holds;
    memcpy(w->values, values, sizeof w->values);
    w->has_fired |= holds && time_s - w->since_s >= w->rule->hold_s - TOLERANCE_S;
    return w->has_fired;
}

void stop_watch_text(const struct stop_watch *w, char out[STOP_EVENT_TEXT_BYTES])
{
    size_t at = (size_t)snprintf(out, STOP_EVENT_TEXT_BYTES, "%s (", w->rule->text);
    const char *comma = "";

    for (int i = STOP_TIME + 1; i < STOP_N_QUANTITIES; i++) {
        if (!stop_rule_names(w->rule, (enum stop_quantity)i))
            continue;
        at += (size_t)snprintf(out + at, STOP_EVENT_TEXT_BYTES - at, "%s%s %.10g", comma, names[i],
                               w->values[i]);
        comma = ", ";
    }
    (void)snprintf(out + at, STOP_EVENT_TEXT_BYTES - at, "%sat %.10g s)", *comma ? " " : "",
                   w->values[STOP_TIME]); /* the sizes of all parts are in the constant */
}
