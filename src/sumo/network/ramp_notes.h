/* SPDX-License-Identifier: Apache-2.0 */
/* ramp_notes.h - what a ramp lacks to be metered by alinea and how to add it, and what to know about
 * it, a sentence each. */
#ifndef PLATOON_SUMO_NETWORK_RAMP_NOTES_H
#define PLATOON_SUMO_NETWORK_RAMP_NOTES_H

#include "base/buf.h"
#include "sumo/network/ramps.h"

/* What a sentence is about: a key of `control` each. */
enum ramp_subject { RAMP_TLS, RAMP_OCCUPANCY, RAMP_QUEUE, RAMP_INFLOW, RAMP_N_SUBJECTS };

struct ramp_notes {
    /* NULL where nothing is missing, or nothing is to be said. Without final newline. */
    char *missing[RAMP_N_SUBJECTS];
    char *remark[RAMP_N_SUBJECTS];
};

/* "tls", "occupancy_detectors", "queue_detector", "ramp_inflow_detector". */
const char *ramp_subject_key(enum ramp_subject subject);

/* ENOMEM: *out is empty. */
enum platoon_status ramp_notes_make(const struct network *network, const struct ramp *ramp,
                                    struct ramp_notes *out, struct platoon_err *err);
void ramp_notes_release(struct ramp_notes *notes);

/* Whether `text` (not empty) begins with a character that ends a line or may not stand in YAML: its
 * bytes, and the character; else 0. */
size_t ramp_unprintable(const char *text, unsigned *out_character);
/* Append an id in double quotes, one line whatever it holds; the same escapes as in YAML and
 * JSON. */
void ramp_quote(struct buf *b, const char *id);

#endif
