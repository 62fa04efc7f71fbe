/* SPDX-License-Identifier: Apache-2.0 */
/* controller.h - the controllers that this process knows: those of Platoon, and those that were
 * loaded from shared objects (plugin.h). What a controller is, and what its functions promise, is
 * in <platoon/controller.h>: one interface for both.
 *
 * The list is of the process. It grows before the first simulation and not after it; one thread. */
#ifndef PLATOON_SUMO_CONTROL_CONTROLLER_H
#define PLATOON_SUMO_CONTROL_CONTROLLER_H

#include <platoon/controller.h>
#include <platoon/status.h>

enum { CONTROLLER_MAX_ADDED = 16, CONTROLLER_WHY_BYTES = 512 };

/* Controller `i`, from 0; NULL after the last. The first is the one of a task that names none. */
const struct platoon_controller *controller_at(size_t i);
/* NULL if there is none of that name. */
const struct platoon_controller *controller_find(const char *name);
/* Where it was loaded from; NULL: it is one of Platoon's own. Borrowed. */
const char *controller_origin(const struct platoon_controller *c);

/* Add one, valid (controller_validate()), with an `origin` for messages: both stay where they are.
 * EINVAL with a sentence when the name is another's, ELIMIT when there are too many. */
enum platoon_status controller_add(const struct platoon_controller *c, const char *origin,
                                   struct platoon_err *err);

extern const struct platoon_controller controller_alinea;
extern const struct platoon_controller controller_fixed;

#endif
