/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - which controller a run has, with which parameters, at which places of the network.
 *
 * They come from, the later the stronger: the controller's presets, `<name>.platoon.yaml` beside
 * the .sumocfg, the task's `control`. Each is a dict of the same form:
 *
 *     {'type': 'alinea', 'K_R': 70, ..., 'tls': 'meter', 'occupancy_detectors': [...]}
 *
 * Use: init, take for each source, finish; then, when the network is loaded, check against it. */
#ifndef PLATOON_SUMO_CONTROL_SETTINGS_H
#define PLATOON_SUMO_CONTROL_SETTINGS_H

#include <stdbool.h>

#include <platoon/value.h>

#include "sumo/control/controller.h"

enum {
    CONTROL_SETTINGS_MAX_KEYS =
        1 + PLATOON_CONTROLLER_MAX_PARAMETERS + PLATOON_CONTROLLER_MAX_PLACES
};

struct control_place {
    char **names; /* NULL-terminated; NULL: not used in this run */
    size_t n;
    bool is_preset; /* nobody named it */
};

struct control_settings {
    const struct platoon_controller *type;
    double parameters[PLATOON_CONTROLLER_MAX_PARAMETERS];
    struct control_place places[PLATOON_CONTROLLER_MAX_PLACES];
};

/* Every key that `control` may have for a controller, `type` first; returns how many. */
size_t control_settings_keys(const struct platoon_controller *type,
                             const char *out[CONTROL_SETTINGS_MAX_KEYS]);

/* The controller `control` asks for (a dict with an optional `type`; or NULL), with its presets.
 * EINVAL names the controllers there are. */
enum platoon_status control_settings_init(struct control_settings *s, const platoon_value *control,
                                          const char *origin, struct platoon_err *err);
void control_settings_release(struct control_settings *s);

/* The controller that `control` (as above) asks for. EINVAL names those there are. */
enum platoon_status control_settings_type(const platoon_value *control, const char *origin,
                                          const struct platoon_controller **out,
                                          struct platoon_err *err);

/* Take over what `control` sets. `origin` names the source in messages ("the task", a file). EINVAL
 * with a sentence for an unknown key (with those there are), a value of the wrong kind, or one
 * outside its range; `s` may then be half changed. */
enum platoon_status control_settings_take(struct control_settings *s, const platoon_value *control,
                                          const char *origin, struct platoon_err *err);
/* The same of a source that was written for another controller: keys that `s` does not have are
 * passed over. */
enum platoon_status control_settings_take_shared(struct control_settings *s,
                                                 const platoon_value *control, const char *origin,
                                                 struct platoon_err *err);
/* Fill in the places that are needed and not named, and check the parameters against each other. */
enum platoon_status control_settings_finish(struct control_settings *s, struct platoon_err *err);

/* Ids of the network by kind of place: NULL-terminated lists, NULL where the kind is not asked
 * for. */
struct network_ids {
    char *const *of_kind[PLATOON_PLACE_N_KINDS];
};
/* Whether the network has all that is named; EINVAL with a sentence that says what is missing, what
 * there is, and where to name it. */
enum platoon_status control_settings_check(const struct control_settings *s,
                                           const struct network_ids *network,
                                           struct platoon_err *err);

#endif
