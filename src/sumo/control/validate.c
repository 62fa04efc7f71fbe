/* SPDX-License-Identifier: Apache-2.0 */
/* validate.c - a table from outside, field by field. Names are told only once they are known to be
 * texts. */
#include "sumo/control/validate.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"

enum { MAX_HELP_BYTES = 256 };

/* --- texts ------------------------------------------------------------------------------------ */

/* A text that can be printed in a line: UTF-8, no control characters, at most `max` bytes. */
static bool is_line(const char *text, size_t max)
{
    size_t len = text ? strnlen(text, max + 1) : max + 1;

    if (len > max || !utf8_is_valid(text, len))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (iscntrl((unsigned char)text[i]))
            return false;
    }
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A letter, then letters, digits and what is in `more`. */
static bool is_name(const char *text, const char *more)
{
    if (!is_line(text, PLATOON_CONTROLLER_MAX_NAME_BYTES) || !is_letter(*text))
        return false;
    for (; *text; text++) {
        if (!is_letter(*text) && !(*text >= '0' && *text <= '9') && !strchr(more, *text))
            return false;
    }
    return true;
}

/* Keys that mean something else in a task's `control` or to `platoon sumo --set`. */
static bool is_reserved(const char *key)
{
    static const char *const reserved[] = {"type", "begin", "end", "seed", "scale"};

    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (strcmp(key, reserved[i]) == 0)
            return true;
    }
    return false;
}

static enum platoon_status check_key(const char *key, const char *what, size_t i,
                                     struct platoon_err *err)
{
    if (!is_name(key, "_"))
        return platoon_fail(err, PLATOON_EINVAL,
                            "the name of %s %zu must be a letter, then letters, digits and '_', "
                            "at most %d",
                            what, i, PLATOON_CONTROLLER_MAX_NAME_BYTES);
    if (is_reserved(key))
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s %zu is named \"%s\", which means something else in a task; rename "
                            "it",
                            what, i, key);
    return PLATOON_OK;
}

/* --- parameters ------------------------------------------------------------------------------- */

static enum platoon_status check_numbers(const struct platoon_controller_parameter *p,
                                         struct platoon_err *err)
{
    if (!isfinite(p->preset) || !isfinite(p->min) || !isfinite(p->max))
        return platoon_fail(err, PLATOON_EINVAL,
                            "parameter \"%s\": preset, min and max must be finite numbers (they "
                            "are %g, %g, %g)",
                            p->name, p->preset, p->min, p->max);
    if (!(p->min <= p->preset && p->preset <= p->max))
        return platoon_fail(err, PLATOON_EINVAL,
                            "parameter \"%s\": min <= preset <= max must hold (min %g, preset %g, "
                            "max %g)",
                            p->name, p->min, p->preset, p->max);
    if (p->is_switch && (p->min != 0.0 || p->max != 1.0 || (p->preset != 0.0 && p->preset != 1.0)))
        return platoon_fail(err, PLATOON_EINVAL,
                            "parameter \"%s\" is a switch: its min must be 0, its max 1, its "
                            "preset one of them",
                            p->name);
    return PLATOON_OK;
}

static enum platoon_status check_parameter(const struct platoon_controller *c, size_t i,
                                           struct platoon_err *err)
{
    const struct platoon_controller_parameter *p = &c->parameters[i];
    enum platoon_status st = check_key(p->name, "parameter", i, err);

    if (st != PLATOON_OK)
        return st;
    if (!is_line(p->unit, MAX_HELP_BYTES) || !is_line(p->help, MAX_HELP_BYTES))
        return platoon_fail(err, PLATOON_EINVAL,
                            "parameter \"%s\": unit and help must each be a line of UTF-8, at most "
                            "%d bytes (\"\" for none)",
                            p->name, MAX_HELP_BYTES);
    for (size_t j = 0; j < i; j++) {
        if (strcmp(c->parameters[j].name, p->name) == 0)
            return platoon_fail(err, PLATOON_EINVAL, "two parameters are named \"%s\"; rename one",
                                p->name);
    }
    return check_numbers(p, err);
}

/* --- places ----------------------------------------------------------------------------------- */

static enum platoon_status check_preset(const struct platoon_controller_place *place,
                                        struct platoon_err *err)
{
    size_t most = place->may_be_many ? PLATOON_CONTROLLER_MAX_IDS : 1, n = 0;

    if (!place->preset)
        return PLATOON_OK;
    for (; n <= most && place->preset[n]; n++) {
        if (!*place->preset[n] || !is_line(place->preset[n], PLATOON_CONTROLLER_MAX_ID_BYTES))
            return platoon_fail(err, PLATOON_EINVAL,
                                "place \"%s\": id %zu of its preset must be a line of UTF-8, 1 to "
                                "%d bytes",
                                place->key, n, PLATOON_CONTROLLER_MAX_ID_BYTES);
    }
    if (n == 0 || n > most)
        return platoon_fail(err, PLATOON_EINVAL,
                            "place \"%s\": its preset must hold 1%s and then NULL (or be NULL: "
                            "tasks must name it)",
                            place->key, most > 1 ? " to 32 ids" : " id");
    return PLATOON_OK;
}

static enum platoon_status check_place(const struct platoon_controller *c, size_t i,
                                       struct platoon_err *err)
{
    const struct platoon_controller_place *place = &c->places[i];
    enum platoon_status st = check_key(place->key, "place", i, err);

    if (st != PLATOON_OK)
        return st;
    if ((int)place->kind < 0 || (int)place->kind >= PLATOON_PLACE_N_KINDS)
        return platoon_fail(err, PLATOON_EINVAL,
                            "place \"%s\": there is no kind %d; take a PLATOON_PLACE_...",
                            place->key, (int)place->kind);
    if (!is_line(place->help, MAX_HELP_BYTES))
        return platoon_fail(err, PLATOON_EINVAL,
                            "place \"%s\": help must be a line of UTF-8, at most %d bytes (\"\" "
                            "for none)",
                            place->key, MAX_HELP_BYTES);
    for (size_t j = 0; j < c->n_parameters + i; j++) {
        const char *other =
            j < c->n_parameters ? c->parameters[j].name : c->places[j - c->n_parameters].key;

        if (strcmp(other, place->key) == 0)
            return platoon_fail(err, PLATOON_EINVAL,
                                "a place and something before it are both named \"%s\"; rename one",
                                place->key);
    }
    return check_preset(place, err);
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum platoon_status check_abi(const struct platoon_controller_abi *abi,
                                     struct platoon_err *err)
{
    static const struct platoon_controller_abi here = PLATOON_CONTROLLER_ABI;

    if (abi->version != here.version)
        return platoon_fail(err, PLATOON_EVERSION,
                            "it was compiled for version %u of the interface, and this Platoon "
                            "(%s) has version %u; compile it with this Platoon's "
                            "<platoon/controller.h>, and write .abi = PLATOON_CONTROLLER_ABI",
                            (unsigned)abi->version, PLATOON_VERSION, (unsigned)here.version);
    if (memcmp(abi, &here, sizeof here) != 0)
        return platoon_fail(err, PLATOON_EVERSION,
                            "its structs have %u, %u and %u bytes in place of %u, %u and %u; "
                            "compile it for this machine with this Platoon's "
                            "<platoon/controller.h>, and write .abi = PLATOON_CONTROLLER_ABI",
                            (unsigned)abi->controller_bytes, (unsigned)abi->parameter_bytes,
                            (unsigned)abi->place_bytes, (unsigned)here.controller_bytes,
                            (unsigned)here.parameter_bytes, (unsigned)here.place_bytes);
    return PLATOON_OK;
}

static enum platoon_status check_head(const struct platoon_controller *c, struct platoon_err *err)
{
    if (!is_name(c->name, "_-"))
        return platoon_fail(err, PLATOON_EINVAL,
                            "its name must be a letter, then letters, digits, '_' and '-', at most "
                            "%d",
                            PLATOON_CONTROLLER_MAX_NAME_BYTES);
    if (strcmp(c->name, "none") == 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "the name \"none\" stands for no controller; take another");
    if (!is_line(c->help, MAX_HELP_BYTES))
        return platoon_fail(err, PLATOON_EINVAL,
                            "its help must be a line of UTF-8, at most %d bytes (\"\" for none)",
                            MAX_HELP_BYTES);
    if (!c->create || !c->actuate || !c->observe || !c->destroy)
        return platoon_fail(err, PLATOON_EINVAL,
                            "it has no %s; create, actuate, observe and destroy are all needed",
                            !c->create    ? "create"
                            : !c->actuate ? "actuate"
                            : !c->observe ? "observe"
                                          : "destroy");
    if (c->n_parameters > PLATOON_CONTROLLER_MAX_PARAMETERS)
        return platoon_fail(err, PLATOON_ELIMIT, "it has %zu parameters; there may be %d",
                            c->n_parameters, PLATOON_CONTROLLER_MAX_PARAMETERS);
    if (c->n_places > PLATOON_CONTROLLER_MAX_PLACES)
        return platoon_fail(err, PLATOON_ELIMIT, "it has %zu places; there may be %d", c->n_places,
                            PLATOON_CONTROLLER_MAX_PLACES);
    if ((c->n_parameters > 0 && !c->parameters) || (c->n_places > 0 && !c->places))
        return platoon_fail(err, PLATOON_EINVAL, "its %s are NULL, and their number is %zu",
                            c->n_parameters > 0 && !c->parameters ? "parameters" : "places",
                            c->n_parameters > 0 && !c->parameters ? c->n_parameters : c->n_places);
    return PLATOON_OK;
}

enum platoon_status controller_validate(const struct platoon_controller *c, struct platoon_err *err)
{
    enum platoon_status st = check_abi(&c->abi, err);
    bool has_signal = false;

    if (st == PLATOON_OK)
        st = check_head(c, err);
    for (size_t i = 0; st == PLATOON_OK && i < c->n_parameters; i++)
        st = check_parameter(c, i, err);
    for (size_t i = 0; st == PLATOON_OK && i < c->n_places; i++) {
        st = check_place(c, i, err);
        has_signal |= c->places[i].kind == PLATOON_PLACE_SIGNAL;
    }
    if (st == PLATOON_OK && !has_signal)
        return platoon_fail(err, PLATOON_EINVAL,
                            "none of its places is a PLATOON_PLACE_SIGNAL, so that there is "
                            "nothing for it to set");
    return st;
}
