/* SPDX-License-Identifier: Apache-2.0 */
/* traci.h - a client of one SUMO over its TraCI socket, in plain C.
 *
 * What it is for: step a simulation, read detectors, set signals, at one round trip a step: what is
 * read in every step is subscribed to once and comes with the step's answer, what is set is sent
 * with the next step.
 *
 * Blocking: every call but traci_set_signal() waits for SUMO's answer. How it waits is the
 * caller's: a hook is asked whenever the socket is not ready, so that one that started SUMO itself
 * can watch the child and drain its output meanwhile.
 *
 * Errors: EREMOTE is SUMO's own refusal, in its words; the connection goes on. After any other
 * failure it is of no more use: free it. EPROTO says that the peer's bytes are no TraCI, ECLOSED
 * that it hung up. One thread. Depends on nothing but the socket. */
#ifndef PLATOON_SUMO_TRACI_TRACI_H
#define PLATOON_SUMO_TRACI_TRACI_H

#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

#include "sumo/traci/message.h"

/* The versions of the protocol that this client knows: SUMO speaks 20 from 1.5 on and 22 in 1.27,
 * and what is used here is the same in them. A greater number may mean that something changed its
 * meaning. */
enum { TRACI_API_MIN = 20, TRACI_API_MAX = 22, TRACI_MAX_ANSWER_BYTES = 64 << 20 };

struct traci;

/* Wait until `fd` has one of `events` (POLLIN, POLLOUT). Anything but PLATOON_OK ends the call
 * that waits, with that status and `err`. */
typedef enum platoon_status (*traci_wait_fn)(int fd, short events, void *arg,
                                             struct platoon_err *err);

/* A subscribed value that came with a step. `value` and `id` are borrowed for the call. Anything
 * but PLATOON_OK ends the step. */
typedef enum platoon_status (*traci_value_fn)(enum traci_domain domain, struct traci_text id,
                                              unsigned variable, const struct traci_value *value,
                                              void *arg, struct platoon_err *err);

/* Take over `fd`, a connected socket (set to non-blocking; closed by traci_free(), or here on
 * failure), and ask for the version.
 *
 *   wait   NULL: poll() without a time limit
 *
 * EVERSION if the protocol's number is not one of those above; its message names both. */
enum platoon_status traci_open(int fd, traci_wait_fn wait, void *wait_arg, struct traci **out,
                               struct platoon_err *err);
/* Tell SUMO to finish (it writes its outputs and ends) and wait for its answer. Still to be
 * freed. */
enum platoon_status traci_finish(struct traci *t, struct platoon_err *err);
/* Close the socket and free. SUMO without traci_finish() before ends with an error. NULL is
 * fine. */
void traci_free(struct traci *t);

/* "SUMO 1.15.0"; borrowed. */
const char *traci_version(const struct traci *t);

/* The ids of a domain, as a NULL-terminated array that one free() releases. */
enum platoon_status traci_ids(struct traci *t, enum traci_domain domain, char ***out_ids,
                              struct platoon_err *err);
/* One variable now. `id` is "" for the simulation. The number: of type double, int, byte, ubyte.
 * The text: malloc()ed. ETYPE if the answer is of another type. */
enum platoon_status traci_number(struct traci *t, enum traci_domain domain, unsigned variable,
                                 const char *id, double *out, struct platoon_err *err);
enum platoon_status traci_text(struct traci *t, enum traci_domain domain, unsigned variable,
                               const char *id, char **out, struct platoon_err *err);
/* How many texts a list of them has. EPROTO if the answer is of another type. */
enum platoon_status traci_list_length(struct traci *t, enum traci_domain domain, unsigned variable,
                                      const char *id, size_t *out, struct platoon_err *err);

/* Have `variable` of `id` delivered with each step from now on, for the whole run. A second
 * subscription of the same object replaces its first: name all its variables at once. */
enum platoon_status traci_subscribe(struct traci *t, enum traci_domain domain, const char *id,
                                    const uint8_t *variables, size_t n_variables,
                                    struct platoon_err *err);
/* Where subscribed values go. */
void traci_on_value(struct traci *t, traci_value_fn on_value, void *arg);

/* Show `state`, one letter a link, from the next step on. Nothing is sent before the next call that
 * asks something, which then has the refusal; SUMO
 * 1.15 takes a wrong length without a word, so the caller checks it. ENOMEM. */
enum platoon_status traci_set_signal(struct traci *t, const char *id, const char *state,
                                     struct platoon_err *err);
/* One step: sends what was set, advances, and hands over what was subscribed. */
enum platoon_status traci_step(struct traci *t, struct platoon_err *err);

/* Parse a step's answer (the message without its length) as traci_step() does: `n_set` results of
 * what was set, then the step's own. For the fuzzer and tests. */
enum platoon_status traci_read_step(struct traci_reader *answer, unsigned n_set,
                                    traci_value_fn on_value, void *arg, struct platoon_err *err);

#endif
