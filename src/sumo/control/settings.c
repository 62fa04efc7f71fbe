/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - dicts to settings, and settings against a network. */
#include "sumo/control/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "base/utf8.h"

/* A list of words in a fixed buffer; the first that does not fit ends it with "...". */
struct phrase {
    char text[640];
    size_t len;
    bool is_full;
};

static void say(struct phrase *p, const char *separator, const char *word)
{
    size_t need = (p->len ? strlen(separator) : 0) + strlen(word);

    if (p->is_full)
        return;
    p->is_full = p->len + need + sizeof " ..." > sizeof p->text;
    if (p->is_full) {
        separator = " ";
        word = "...";
    }
    p->len += (size_t)snprintf(p->text + p->len, sizeof p->text - p->len, "%s%s",
                               p->len ? separator : "", word);
}

static const char *const kind_words[PLATOON_PLACE_N_KINDS] = {
    [PLATOON_PLACE_SIGNAL] = "signal (tlLogic)",
    [PLATOON_PLACE_E1_OCCUPANCY] = "induction loop (E1)",
    [PLATOON_PLACE_E1_PASSED] = "induction loop (E1)",
    [PLATOON_PLACE_E1_SPEED] = "induction loop (E1)",
    [PLATOON_PLACE_E2_VEHICLES] = "lane area detector (E2)",
    [PLATOON_PLACE_E2_HALTING] = "lane area detector (E2)",
    [PLATOON_PLACE_EDGE_VEHICLES] = "edge",
    [PLATOON_PLACE_EDGE_SPEED] = "edge",
};

/* --- names ------------------------------------------------------------------------------------ */

static void free_place(struct control_place *place)
{
    for (size_t i = 0; i < place->n; i++)
        free(place->names[i]);
    free(place->names);
    *place = (struct control_place){0};
}

static bool add_name(struct control_place *place, const char *name, size_t len)
{
    char **grown = realloc(place->names, (place->n + 2) * sizeof *grown);

    if (!grown)
        return false;
    place->names = grown;
    if (!(grown[place->n] = strndup(name, len)))
        return false;
    grown[++place->n] = NULL;
    return true;
}

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "no memory for the control settings");
}

static enum platoon_status take_name(struct control_place *place, const platoon_value *value,
                                     const char *origin, const char *key, struct platoon_err *err)
{
    size_t len;
    const char *name = platoon_as_str(value, &len);

    if (!name || len == 0 || len > PLATOON_CONTROLLER_MAX_ID_BYTES || strlen(name) != len)
        return platoon_fail(
            err, PLATOON_EINVAL,
            "%s: control.%s must be the id of a detector or signal (a text of 1 to %d "
            "bytes), not %s",
            origin, key, PLATOON_CONTROLLER_MAX_ID_BYTES,
            name ? "this one" : platoon_kind_name(platoon_value_kind(value)));
    for (size_t i = 0; i < place->n; i++) {
        if (strcmp(place->names[i], name) == 0)
            return platoon_fail(err, PLATOON_EINVAL, "%s: control.%s names \"%s\" twice", origin,
                                key, name);
    }
    return add_name(place, name, len) ? PLATOON_OK : no_memory(err);
}

static enum platoon_status take_place(struct control_place *place,
                                      const struct platoon_controller_place *table,
                                      const platoon_value *value, const char *origin,
                                      struct platoon_err *err)
{
    enum platoon_kind kind = platoon_value_kind(value);
    bool is_list = kind == PLATOON_LIST || kind == PLATOON_TUPLE;
    size_t n = is_list ? platoon_len(value) : 1;
    struct control_place taken = {0};
    enum platoon_status st = PLATOON_OK;

    if (n == 0 || n > (table->may_be_many ? PLATOON_CONTROLLER_MAX_IDS : 1))
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s: control.%s holds %zu names, which must be 1%s", origin, table->key,
                            n, table->may_be_many ? " to 32" : "");
    for (size_t i = 0; i < n && st == PLATOON_OK; i++)
        st = take_name(&taken, is_list ? platoon_item(value, i) : value, origin, table->key, err);
    if (st != PLATOON_OK) {
        free_place(&taken);
        return st;
    }
    free_place(place);
    *place = taken;
    return PLATOON_OK;
}

/* --- parameters ------------------------------------------------------------------------------- */

static enum platoon_status take_parameter(double *out,
                                          const struct platoon_controller_parameter *table,
                                          const platoon_value *value, const char *origin,
                                          struct platoon_err *err)
{
    enum platoon_kind kind = platoon_value_kind(value);
    double number;
    bool flag;

    if (table->is_switch) {
        if (kind == PLATOON_BOOL && platoon_as_bool(value, &flag) == PLATOON_OK) {
            *out = flag ? 1.0 : 0.0;
            return PLATOON_OK;
        }
        if (kind == PLATOON_INT && platoon_as_float(value, &number) == PLATOON_OK &&
            (number == 0.0 || number == 1.0)) {
            *out = number;
            return PLATOON_OK;
        }
        return platoon_fail(err, PLATOON_EINVAL, "%s: control.%s must be true or false, not a %s",
                            origin, table->name, platoon_kind_name(kind));
    }
    if ((kind != PLATOON_INT && kind != PLATOON_FLOAT) ||
        platoon_as_float(value, &number) != PLATOON_OK)
        return platoon_fail(err, PLATOON_EINVAL, "%s: control.%s must be a number (%s), not a %s",
                            origin, table->name, table->unit, platoon_kind_name(kind));
    if (!(number >= table->min && number <= table->max))
        return platoon_fail(err, PLATOON_EINVAL, "%s: control.%s is %g; it must be %g to %g %s",
                            origin, table->name, number, table->min, table->max, table->unit);
    *out = number;
    return PLATOON_OK;
}

/* --- dicts ------------------------------------------------------------------------------------ */

static enum platoon_status check_is_dict(const platoon_value *control, const char *origin,
                                         struct platoon_err *err)
{
    if (platoon_value_kind(control) == PLATOON_DICT)
        return PLATOON_OK;
    return platoon_fail(err, PLATOON_EINVAL, "%s: control must be a dict, not a %s", origin,
                        platoon_kind_name(platoon_value_kind(control)));
}

enum platoon_status control_settings_type(const platoon_value *control, const char *origin,
                                          const struct platoon_controller **out,
                                          struct platoon_err *err)
{
    const platoon_value *type = control ? platoon_dict_get(control, "type") : NULL;
    const char *name = type ? platoon_as_str(type, NULL) : controller_at(0)->name;
    const struct platoon_controller *found = name ? controller_find(name) : NULL;
    struct phrase known = {.len = 0};

    if (found) {
        *out = found;
        return PLATOON_OK;
    }
    for (size_t i = 0; (found = controller_at(i)); i++)
        say(&known, ", ", found->name);
    (void)platoon_fail(err, PLATOON_EINVAL,
                       "%s: control.type is \"%.64s\"; there is: %s (others are loaded by "
                       "--controller FILE.so of platoon work and platoon sumo)",
                       origin, name ? name : platoon_kind_name(platoon_value_kind(type)),
                       known.text);
    return PLATOON_EINVAL;
}

enum platoon_status control_settings_init(struct control_settings *s, const platoon_value *control,
                                          const char *origin, struct platoon_err *err)
{
    enum platoon_status st = control ? check_is_dict(control, origin, err) : PLATOON_OK;
    const struct platoon_controller *type;

    if (st != PLATOON_OK || (st = control_settings_type(control, origin, &type, err)) != PLATOON_OK)
        return st;
    *s = (struct control_settings){.type = type};
    for (size_t i = 0; i < type->n_parameters; i++)
        s->parameters[i] = type->parameters[i].preset;
    return PLATOON_OK;
}

void control_settings_release(struct control_settings *s)
{
    for (size_t i = 0; i < PLATOON_CONTROLLER_MAX_PLACES; i++)
        free_place(&s->places[i]);
    *s = (struct control_settings){0};
}

size_t control_settings_keys(const struct platoon_controller *type,
                             const char *out[CONTROL_SETTINGS_MAX_KEYS])
{
    size_t n = 0;

    out[n++] = "type";
    for (size_t i = 0; i < type->n_places; i++)
        out[n++] = type->places[i].key;
    for (size_t i = 0; i < type->n_parameters; i++)
        out[n++] = type->parameters[i].name;
    return n;
}

static enum platoon_status unknown_key(const struct platoon_controller *type, const char *key,
                                       const char *origin, struct platoon_err *err)
{
    const char *keys[CONTROL_SETTINGS_MAX_KEYS];
    size_t n = control_settings_keys(type, keys);
    struct phrase known = {.len = 0};
    struct suggest nearest;

    suggest_init(&nearest, key);
    for (size_t i = 0; i < n; i++) {
        say(&known, ", ", keys[i]);
        suggest_offer(&nearest, keys[i]);
    }
    return platoon_fail(err, PLATOON_EINVAL, "%s: %s has no control.%.64s%s%s%s; it has: %s",
                        origin, type->name, key, nearest.best ? " (did you mean \"" : "",
                        nearest.best ? nearest.best : "", nearest.best ? "\"?)" : "", known.text);
}

static enum platoon_status take_entry(struct control_settings *s, const char *key,
                                      const platoon_value *value, const char *origin,
                                      struct platoon_err *err)
{
    const struct platoon_controller *type = s->type;

    for (size_t i = 0; i < type->n_parameters; i++) {
        if (strcmp(type->parameters[i].name, key) == 0)
            return take_parameter(&s->parameters[i], &type->parameters[i], value, origin, err);
    }
    for (size_t i = 0; i < type->n_places; i++) {
        if (strcmp(type->places[i].key, key) == 0)
            return take_place(&s->places[i], &type->places[i], value, origin, err);
    }
    if (strcmp(key, "type") == 0)
        return PLATOON_OK; /* seen by init */
    return unknown_key(type, key, origin, err);
}

static bool has_key(const struct platoon_controller *type, const char *key)
{
    const char *keys[CONTROL_SETTINGS_MAX_KEYS];
    size_t n = control_settings_keys(type, keys);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(keys[i], key) == 0)
            return true;
    }
    return false;
}

static enum platoon_status take_all(struct control_settings *s, const platoon_value *control,
                                    const char *origin, bool is_shared, struct platoon_err *err)
{
    enum platoon_status st = check_is_dict(control, origin, err);
    platoon_value *key, *value;

    for (size_t i = 0; st == PLATOON_OK && platoon_dict_entry(control, i, &key, &value); i++) {
        const char *name = platoon_as_str(key, NULL);

        if (!name)
            return platoon_fail(err, PLATOON_EINVAL, "%s: a key of control is a %s, not a text",
                                origin, platoon_kind_name(platoon_value_kind(key)));
        if (!is_shared || has_key(s->type, name))
            st = take_entry(s, name, value, origin, err);
    }
    return st;
}

enum platoon_status control_settings_take(struct control_settings *s, const platoon_value *control,
                                          const char *origin, struct platoon_err *err)
{
    return take_all(s, control, origin, false, err);
}

enum platoon_status control_settings_take_shared(struct control_settings *s,
                                                 const platoon_value *control, const char *origin,
                                                 struct platoon_err *err)
{
    return take_all(s, control, origin, true, err);
}

/* The values against each other, in the controller's own words. */
static enum platoon_status check_together(const struct control_settings *s, struct platoon_err *err)
{
    char why[CONTROLLER_WHY_BYTES] = "";

    if (!s->type->check || s->type->check(s->parameters, why, sizeof why))
        return PLATOON_OK;
    why[sizeof why - 1] = '\0';
    if (!*why || !utf8_is_valid(why, strlen(why)))
        snprintf(why, sizeof why, "%s takes no such parameters together", s->type->name);
    return platoon_fail(err, PLATOON_EINVAL, "control: %s", why);
}

enum platoon_status control_settings_finish(struct control_settings *s, struct platoon_err *err)
{
    enum platoon_status st = check_together(s, err);

    if (st != PLATOON_OK)
        return st;
    for (size_t i = 0; i < s->type->n_places; i++) {
        const char *const *preset = s->type->places[i].preset;
        struct control_place *place = &s->places[i];

        if (place->n > 0 || (s->type->needs && !s->type->needs(s->parameters, i)))
            continue;
        if (!preset)
            return platoon_fail(
                err, PLATOON_EINVAL, "control.%s is not set, and %s needs it: set the id of its %s",
                s->type->places[i].key, s->type->name, kind_words[s->type->places[i].kind]);
        place->is_preset = true;
        for (; *preset; preset++) {
            if (!add_name(place, *preset, strlen(*preset)))
                return no_memory(err);
        }
    }
    return PLATOON_OK;
}

/* --- against the network ---------------------------------------------------------------------- */

static bool has_id(char *const *ids, const char *name)
{
    for (; ids && *ids; ids++) {
        if (strcmp(*ids, name) == 0)
            return true;
    }
    return false;
}

static enum platoon_status tell_missing(const struct control_settings *s, size_t i_place,
                                        const char *name, char *const *ids, struct platoon_err *err)
{
    const struct platoon_controller_place *table = &s->type->places[i_place];
    struct phrase there = {.len = 0};
    const char *what = kind_words[table->kind];

    for (char *const *id = ids; id && *id; id++)
        say(&there, ", ", *id);
    if (!s->places[i_place].is_preset)
        return platoon_fail(err, PLATOON_EINVAL,
                            "control.%s: the network has no %s \"%s\"; it has: %s", table->key,
                            what, name, there.len ? there.text : "none");
    return platoon_fail(
        err, PLATOON_EINVAL,
        "control.%s is not set, and the network has no %s \"%s\", which is the name "
        "tried without it; it has: %s. Set it in the task's 'control' or in "
        "<name>.platoon.yaml beside the .sumocfg",
        table->key, what, name, there.len ? there.text : "none");
}

enum platoon_status control_settings_check(const struct control_settings *s,
                                           const struct network_ids *network,
                                           struct platoon_err *err)
{
    for (size_t i = 0; i < s->type->n_places; i++) {
        char *const *ids = network->of_kind[s->type->places[i].kind];

        for (size_t j = 0; j < s->places[i].n; j++) {
            if (!has_id(ids, s->places[i].names[j]))
                return tell_missing(s, i, s->places[i].names[j], ids, err);
        }
    }
    return PLATOON_OK;
}
