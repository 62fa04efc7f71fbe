/* SPDX-License-Identifier: Apache-2.0 */
/* validate.h - whether a controller's table is what <platoon/controller.h> asks for. Pure. What it
 * cannot see is whether a pointer leads anywhere: following one that does not ends the process. */
#ifndef PLATOON_SUMO_CONTROL_VALIDATE_H
#define PLATOON_SUMO_CONTROL_VALIDATE_H

#include <platoon/controller.h>
#include <platoon/status.h>

/* Looks at `abi` first, and at nothing else if that is another version's. EVERSION, EINVAL or ELIMIT
 * with a sentence that says what is wrong and what to write instead. */
enum platoon_status controller_validate(const struct platoon_controller *c,
                                        struct platoon_err *err);

#endif
