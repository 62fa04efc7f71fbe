/* SPDX-License-Identifier: Apache-2.0 */
/* controller.c - the list of controllers. */
#include "sumo/control/controller.h"

#include <string.h>

static const struct platoon_controller *const own[] = {&controller_alinea, &controller_fixed};

enum { N_OWN = sizeof own / sizeof own[0] };

/* Filled while a process starts, from its command line; only read afterwards. */
static struct {
    const struct platoon_controller *controller;
    const char *origin;
} added[CONTROLLER_MAX_ADDED];
static size_t n_added;

const struct platoon_controller *controller_at(size_t i)
{
    if (i < N_OWN)
        return own[i];
    return i - N_OWN < n_added ? added[i - N_OWN].controller : NULL;
}

const struct platoon_controller *controller_find(const char *name)
{
    const struct platoon_controller *c;

    for (size_t i = 0; (c = controller_at(i)); i++) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

const char *controller_origin(const struct platoon_controller *c)
{
    for (size_t i = 0; i < n_added; i++) {
        if (added[i].controller == c)
            return added[i].origin;
    }
    return NULL;
}

enum platoon_status controller_add(const struct platoon_controller *c, const char *origin,
                                   struct platoon_err *err)
{
    const struct platoon_controller *same = controller_find(c->name);

    if (same) {
        const char *whose = controller_origin(same);

        return platoon_fail(err, PLATOON_EINVAL,
                            "%s: the name \"%s\" is that of a controller of %s; give this one "
                            "another",
                            origin, c->name, whose ? whose : "Platoon itself");
    }
    if (n_added == CONTROLLER_MAX_ADDED)
        return platoon_fail(err, PLATOON_ELIMIT,
                            "%s: %d controllers are loaded already, and there may be no more",
                            origin, CONTROLLER_MAX_ADDED);
    added[n_added].controller = c;
    added[n_added++].origin = origin;
    return PLATOON_OK;
}
