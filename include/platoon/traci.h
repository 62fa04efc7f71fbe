/* SPDX-License-Identifier: Apache-2.0 */
/* traci.h - steer a running SUMO over its TraCI socket, from C: what Platoon's own controllers use.
 *
 *     sumo -c x.sumocfg --remote-port 8813 &
 *
 *     platoon_traci *t;
 *     must(platoon_traci_connect(&(struct platoon_traci_options){.port = 8813}, &t, &err));
 *     platoon_traci_on_value(t, on_value, NULL);
 *     must(platoon_traci_subscribe(t, PLATOON_TRACI_E1, "loop", variables, 1, &err));
 *     while (...) {
 *         must(platoon_traci_set_signal(t, "meter", "G", &err));
 *         must(platoon_traci_step(t, &err));       // on_value() is called from here
 *     }
 *     must(platoon_traci_finish(t, &err));
 *     platoon_traci_free(t);
 *
 * A step costs one message each way, whatever is read and set: what is read in every step is
 * subscribed to once and comes with the step's answer, what is set goes along with the next step.
 * examples/traci_meter.c is a whole program.
 *
 * Blocking: every call waits for SUMO's answer, but for on_value() and set_signal(). One thread at a
 * time may use a connection; SIGPIPE is never raised.
 *
 * Errors, beside what each call names: EREMOTE is SUMO's own refusal, in its words ("... is not
 * known"), and the connection goes on. After any other the connection is of no more use, and only
 * free() is left: ECLOSED (SUMO hung up: it ended, or was killed), ETIMEDOUT (it did not answer in
 * time), EPROTO (it sent what is no TraCI), EIO, ENOMEM.
 *
 * SUMO's TraCI port has no password, and listens on every address of its machine. */
#ifndef PLATOON_TRACI_H
#define PLATOON_TRACI_H

#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct platoon_traci platoon_traci;

/* What a variable belongs to: the low digit of the commands in SUMO's TraCIConstants.h (0xa0 + it
 * gets, 0xd0 + it subscribes). */
enum platoon_traci_domain {
    PLATOON_TRACI_E1 = 0x00, /* induction loop */
    PLATOON_TRACI_E3 = 0x01, /* multi-entry-exit detector */
    PLATOON_TRACI_SIGNAL = 0x02,
    PLATOON_TRACI_LANE = 0x03,
    PLATOON_TRACI_VEHICLE = 0x04,
    PLATOON_TRACI_JUNCTION = 0x09,
    PLATOON_TRACI_EDGE = 0x0a,
    PLATOON_TRACI_SIMULATION = 0x0b, /* its id is "" */
    PLATOON_TRACI_E2 = 0x0d          /* lane area detector */
};

/* The variables that Platoon's controllers need. Any other of TraCIConstants.h does as well, as its
 * number there; the same number means different things in different domains. */
enum {
    PLATOON_TRACI_VEHICLES = 0x10,          /* E1, E2, edge: vehicles on it in the last step */
    PLATOON_TRACI_MEAN_SPEED = 0x11,        /* E1, E2, edge: m/s in the last step */
    PLATOON_TRACI_OCCUPANCY = 0x13,         /* E1, E2: % of the last step */
    PLATOON_TRACI_HALTING = 0x14,           /* E2, edge: vehicles that stand */
    PLATOON_TRACI_PASSED = 0x17,            /* E1, subscribed: vehicles that left it in the step */
    PLATOON_TRACI_END = 0x1d,               /* simulation: s, as configured; -1: none */
    PLATOON_TRACI_SIGNAL_STATE = 0x20,      /* signal: text, a letter a link */
    PLATOON_TRACI_TIME = 0x66,              /* simulation: s */
    PLATOON_TRACI_STEP_LENGTH = 0x7b,       /* simulation: s */
    PLATOON_TRACI_VEHICLES_EXPECTED = 0x7d, /* simulation: running, waiting, or yet to be loaded */

    PLATOON_TRACI_MAX_VARIABLES = 255 /* of one subscription */
};

/* Zero-initialise, then set what differs. Borrowed for the call. */
struct platoon_traci_options {
    const char *host;         /* name or address; NULL: 127.0.0.1 */
    uint16_t port;            /* 1 to 65535: SUMO's --remote-port */
    double connect_timeout_s; /* SUMO listens once it has loaded its input; 0: 60 s */
    double answer_timeout_s;  /* how long one answer may take; 0: any time */
};

/* Connect, as soon as SUMO listens, and ask for its version.
 *
 * EINVAL (no port, a timeout that is none), EADDR (no such host), ECONNECT (nobody listened within
 * connect_timeout_s), ETIMEDOUT (somebody did, and does not answer: SUMO serves another client),
 * EVERSION (it speaks another version of the protocol; the message names both), EPROTO. */
PLATOON_API enum platoon_status platoon_traci_connect(const struct platoon_traci_options *options,
                                                      platoon_traci **out, struct platoon_err *err);
/* Tell SUMO to end in good order: it writes its outputs. The connection is still to be freed. */
PLATOON_API enum platoon_status platoon_traci_finish(platoon_traci *t, struct platoon_err *err);
/* Close and free. SUMO without finish() before ends with an error. NULL is fine. */
PLATOON_API void platoon_traci_free(platoon_traci *t);

/* "SUMO 1.15.0"; borrowed until free(). */
PLATOON_API const char *platoon_traci_version(const platoon_traci *t);

/* The ids of a domain, ended by NULL; one free() releases all. */
PLATOON_API enum platoon_status platoon_traci_ids(platoon_traci *t,
                                                  enum platoon_traci_domain domain, char ***out_ids,
                                                  struct platoon_err *err);
/* One variable now: a number (TraCI's double, int, byte, ubyte), or a text (malloc()ed). ETYPE if it
 * is of another kind; the connection goes on. */
PLATOON_API enum platoon_status platoon_traci_number(platoon_traci *t,
                                                     enum platoon_traci_domain domain,
                                                     unsigned variable, const char *id, double *out,
                                                     struct platoon_err *err);
PLATOON_API enum platoon_status platoon_traci_text(platoon_traci *t,
                                                   enum platoon_traci_domain domain,
                                                   unsigned variable, const char *id, char **out,
                                                   struct platoon_err *err);

/* A value that was subscribed to. Borrowed for the call, with all in it. */
struct platoon_traci_value {
    enum platoon_traci_domain domain;
    unsigned variable;
    const char *id;
    const char *text; /* NULL: it is no text */
    double number;    /* of a number, and of PASSED; else NAN */
};
/* Anything but PLATOON_OK ends the call that it is called from, with that status and `err`. Must not
 * use the connection. */
typedef enum platoon_status (*platoon_traci_value_fn)(const struct platoon_traci_value *value,
                                                      void *arg, struct platoon_err *err);
/* Where subscribed values go from now on. NULL: nowhere. */
PLATOON_API void platoon_traci_on_value(platoon_traci *t, platoon_traci_value_fn on_value,
                                        void *arg);
/* Have n_variables (1 to PLATOON_TRACI_MAX_VARIABLES) of `id` delivered with each step from now on,
 * and once at once. A second subscription of the same object replaces its first. EINVAL. */
PLATOON_API enum platoon_status
platoon_traci_subscribe(platoon_traci *t, enum platoon_traci_domain domain, const char *id,
                        const uint8_t *variables, size_t n_variables, struct platoon_err *err);

/* Show `state`, a letter for each link of the signal, from the next step on. It is sent with the next
 * call that asks SUMO something, mostly step(), which then has SUMO's refusal, if any (EREMOTE). SUMO
 * 1.15 takes a state that is too short without a word: compare with SIGNAL_STATE. ENOMEM. */
PLATOON_API enum platoon_status platoon_traci_set_signal(platoon_traci *t, const char *id,
                                                         const char *state,
                                                         struct platoon_err *err);
/* Advance by one step, of the simulation's own length, and hand over what was subscribed. EREMOTE
 * with a signal's refusal: the step was made all the same, its values are lost. */
PLATOON_API enum platoon_status platoon_traci_step(platoon_traci *t, struct platoon_err *err);

#ifdef __cplusplus
}
#endif
#endif
