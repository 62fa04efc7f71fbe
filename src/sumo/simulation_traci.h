/* SPDX-License-Identifier: Apache-2.0 */
/* simulation_traci.h - a SUMO child process, driven over its TraCI socket.
 *
 * SUMO 1.15 takes only a port number, listens on all addresses of the machine, and asks its client
 * for nothing. So it gets a network of its own where that is allowed (private_net.h), in which there
 * is nobody else. Where it is not, and for a sumo-gui, whose display may be on the network, three
 * things keep strangers out as far as that allows:
 *
 *   - the port is one that the kernel gave us, and stays bound by us (not listening) until SUMO has
 *     it, so that no other program can be given it in between;
 *   - we connect the moment SUMO listens, and SUMO closes its listening socket once a client is
 *     there;
 *   - a peer that does not answer the version query as SUMO does is an error.
 *
 * What stays open is the time between SUMO's listen() and our connect(), a few milliseconds:
 * whoever connects first steers that simulation, and our own connection then gets no answer until
 * SUMO ends (ANSWER_TIME_LIMIT_S). */
#ifndef PLATOON_SUMO_SIMULATION_TRACI_H
#define PLATOON_SUMO_SIMULATION_TRACI_H

#include <stdbool.h>
#include <stdint.h>

#include <platoon/status.h>

#include "sumo/console.h"
#include "sumo/sumo_child.h"
#include "sumo/simulation.h"

/* A port for one SUMO, bound by us so that nobody else gets it. */
struct held_port {
    int fd; /* -1: not held */
    uint16_t number;
    int private_fd; /* a socket in SUMO's own network to connect with; -1: it has none */
};

enum platoon_status held_port_open(struct held_port *port, struct platoon_err *err);
void held_port_close(struct held_port *port); /* idempotent */

/* Whether `program` (a path) is one to give a network of its own. */
bool simulation_traci_may_be_private(const char *program);

/* Connect to the SUMO that `child` is (started with --remote-port) as soon as it listens, and
 * release the port.
 *
 *   child, console   kept until free(): waiting watches the child; the console tells when it
 *                    listens
 *
 * ECLOSED if SUMO ended before (its console tells why); ETIMEDOUT, EINTR as sumo_child.h says. */
enum platoon_status simulation_traci_open(struct sumo_child *child, const struct console *console,
                                          struct held_port *port, struct simulation **out,
                                          struct platoon_err *err);

#endif
