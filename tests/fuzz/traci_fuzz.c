/* SPDX-License-Identifier: Apache-2.0 */
/* traci_fuzz.c - SUMO's side of a TraCI connection, made up.
 *
 * The first byte chooses: an answer to a step, for the parser alone; or a whole stream of messages, which a
 * client gets from a socket while it makes each of its calls. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sumo/traci/traci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum platoon_status look_at(enum traci_domain domain, struct traci_text id,
                                   unsigned variable, const struct traci_value *value, void *arg,
                                   struct platoon_err *err)
{
    volatile size_t *sum = arg;

    (void)domain;
    (void)variable;
    (void)err;
    for (size_t i = 0; i < id.len; i++)
        *sum += (unsigned char)id.data[i];
    for (size_t i = 0; i < value->text.len; i++)
        *sum += (unsigned char)value->text.data[i];
    *sum += (size_t)traci_count_left(value);
    return PLATOON_OK;
}

static void parse_step(const uint8_t *data, size_t size)
{
    struct traci_reader answer;
    volatile size_t sum = 0;
    struct platoon_err err;

    if (size == 0)
        return;
    traci_reader_init(&answer, data + 1, size - 1);
    (void)traci_read_step(&answer, data[0] & 3, look_at, (void *)(uintptr_t)&sum, &err);
}

static void talk(const uint8_t *data, size_t size)
{
    static const uint8_t variables[] = {TRACI_OCCUPANCY, TRACI_VEHICLE_DATA};
    volatile size_t sum = 0;
    struct platoon_err err;
    struct traci *t;
    char **ids, *text;
    double number;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        abort();
    /* All at once, then the end: the client never waits. What does not fit is left out. */
    (void)!send(ends[1], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(ends[1], SHUT_WR);
    if (traci_open(ends[0], NULL, NULL, &t, &err) == PLATOON_OK) {
        traci_on_value(t, look_at, (void *)(uintptr_t)&sum);
        if (traci_ids(t, TRACI_E1, &ids, &err) == PLATOON_OK)
            free(ids);
        if (traci_text(t, TRACI_SIGNAL, TRACI_SIGNAL_STATE, "meter", &text, &err) == PLATOON_OK)
            free(text);
        (void)traci_number(t, TRACI_SIMULATION, TRACI_SIMULATION_END, "", &number, &err);
        (void)traci_subscribe(t, TRACI_E1, "mg1", variables, sizeof variables, &err);
        (void)traci_set_signal(t, "meter", "r", &err);
        while (traci_step(t, &err) == PLATOON_OK)
            ;
        (void)traci_finish(t, &err);
        traci_free(t);
    }
    close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 1)
        talk(data + 1, size - 1);
    else
        parse_step(data + 1, size - 1);
    return 0;
}
