/* SPDX-License-Identifier: Apache-2.0 */
/* controller.c - the list of controllers. */
#include "sumo/control/controller.h"

#include <string.h>

const struct controller_type *const controllers[] = {&controller_alinea, &controller_fixed, NULL};

const struct controller_type *controller_find(const char *name)
{
    for (size_t i = 0; controllers[i]; i++) {
        if (strcmp(controllers[i]->name, name) == 0)
            return controllers[i];
    }
    return NULL;
}
