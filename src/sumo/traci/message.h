/* SPDX-License-Identifier: Apache-2.0 */
/* message.h - TraCI messages as bytes: writing requests, reading answers. Pure: no socket, no SUMO.
 *
 * A message is a 4-byte length (of the whole, itself included) and a run of commands; all numbers
 * are big endian. A command is
 *
 *     length   1 byte, this byte included; or 0 and then 4 bytes, these five included
 *     id       1 byte
 *     content  the rest
 *
 * A string is a 4-byte length and its bytes; a typed value is a type byte and the value. The format
 * is that of SUMO's "TraCI/Protocol" page; the numbers are those of libsumo's TraCIConstants.h.
 *
 * Errors are sticky, so that a caller writes or reads a whole command and asks once: a writer that
 * ran out of memory and a reader that ran off its end give nothing (zeros, empty strings) from
 * there on. */
#ifndef PLATOON_SUMO_TRACI_MESSAGE_H
#define PLATOON_SUMO_TRACI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Commands that are no variable of a domain. */
enum { TRACI_CMD_VERSION = 0x00, TRACI_CMD_STEP = 0x02, TRACI_CMD_CLOSE = 0x7f };

/* What a variable belongs to. The commands of a domain are its number plus one of the offsets
 * below. */
enum traci_domain {
    TRACI_E1 = 0x00, /* induction loop */
    TRACI_SIGNAL = 0x02,
    TRACI_EDGE = 0x0a,
    TRACI_SIMULATION = 0x0b,
    TRACI_E2 = 0x0d /* lane area detector */
};
enum {
    TRACI_GET = 0xa0,
    TRACI_GET_ANSWER = 0xb0,
    TRACI_SET = 0xc0,
    TRACI_SUBSCRIBE = 0xd0,
    TRACI_SUBSCRIBE_ANSWER = 0xe0
};

/* Variables; a number means different things in different domains. */
enum {
    TRACI_IDS = 0x00,               /* string list; every domain but the simulation */
    TRACI_VEHICLES = 0x10,          /* int; E1, E2, edge: vehicles on it in the last step */
    TRACI_MEAN_SPEED = 0x11,        /* double; E1, E2, edge: m/s in the last step */
    TRACI_OCCUPANCY = 0x13,         /* double; E1, E2: % of the last step */
    TRACI_HALTING = 0x14,           /* int; E2, edge: vehicles that stand */
    TRACI_VEHICLE_DATA = 0x17,      /* compound; E1: who passed and when */
    TRACI_SIGNAL_STATE = 0x20,      /* string; signal: one letter a link */
    TRACI_SIMULATION_END = 0x1d,    /* double; s, or -1 where none is set */
    TRACI_SIMULATION_TIME = 0x66,   /* double; s, of the step that comes next */
    TRACI_DEPARTED = 0x73,          /* int; vehicles, in the last step; as the next three */
    TRACI_TELEPORTS_BEGUN = 0x75,   /* int */
    TRACI_ARRIVED = 0x79,           /* int */
    TRACI_COLLIDING = 0x80,         /* int; vehicles whose collision began */
    TRACI_STEP_LENGTH = 0x7b,       /* double; s */
    TRACI_VEHICLES_EXPECTED = 0x7d, /* int; running, waiting, or yet to be loaded */
    TRACI_VEHICLES_PENDING = 0x94   /* string list; waiting for room to depart */
};

enum traci_type {
    TRACI_POSITION_LON_LAT = 0x00,
    TRACI_POSITION_2D = 0x01,
    TRACI_POSITION_LON_LAT_ALT = 0x02,
    TRACI_POSITION_3D = 0x03,
    TRACI_POSITION_ROADMAP = 0x04,
    TRACI_POLYGON = 0x06,
    TRACI_UBYTE = 0x07,
    TRACI_BYTE = 0x08,
    TRACI_INT = 0x09,
    TRACI_DOUBLE = 0x0b,
    TRACI_STRING = 0x0c,
    TRACI_STRING_LIST = 0x0e,
    TRACI_COMPOUND = 0x0f,
    TRACI_DOUBLE_LIST = 0x10,
    TRACI_COLOR = 0x11
};

/* --- writing ---------------------------------------------------------------------------------- */

/* One request message under construction. Zero-initialise; traci_request_release() frees. */
struct traci_request {
    uint8_t *data; /* bytes 0..3 are the length, filled in by traci_request_bytes() */
    size_t len, cap;
    size_t command_at;
    bool failed; /* out of memory, or a command over 2 GiB */
};

void traci_request_reset(struct traci_request *r); /* empty, ready for the first command */
void traci_request_release(struct traci_request *r);
/* Everything that is put between begin and end is the content of one command. */
void traci_begin(struct traci_request *r, unsigned id);
void traci_end(struct traci_request *r);
void traci_put_byte(struct traci_request *r, unsigned value);
void traci_put_int(struct traci_request *r, int32_t value);
void traci_put_double(struct traci_request *r, double value);
void traci_put_string(struct traci_request *r, const char *text);
/* The finished message, borrowed until the next change; NULL if it failed. */
const uint8_t *traci_request_bytes(struct traci_request *r, size_t *out_len);

/* --- reading ---------------------------------------------------------------------------------- */

struct traci_reader {
    const uint8_t *at, *end; /* borrowed */
    bool failed;
};

/* A string inside the message: not NUL-terminated, borrowed from it. */
struct traci_text {
    const char *data;
    size_t len;
};

bool traci_text_is(struct traci_text text, const char *other);

void traci_reader_init(struct traci_reader *r, const void *data, size_t len);
uint8_t traci_get_byte(struct traci_reader *r);
int32_t traci_get_int(struct traci_reader *r);
double traci_get_double(struct traci_reader *r);
struct traci_text traci_get_text(struct traci_reader *r);
/* The next command: its id, and a reader of its content alone. `r` goes on behind it. */
uint8_t traci_get_command(struct traci_reader *r, struct traci_reader *out_content);

/* A typed value. `raw` reads the value's bytes behind its type; for the scalar types and
 * strings the matching field is filled too. */
struct traci_value {
    enum traci_type type;
    double number; /* UBYTE, BYTE, INT, DOUBLE */
    struct traci_text text;
    struct traci_reader raw;
};
/* False (and `r` failed) for an unknown type or a value that does not fit. Compounds may be nested
 * to any depth; the work is linear in the bytes. */
bool traci_get_value(struct traci_reader *r, struct traci_value *out);

/* Is it of a type that `number` holds? */
bool traci_is_number(const struct traci_value *value);

/* Vehicles that an E1's VEHICLE_DATA says left the detector in the last step. -1 if it is not in
 * that form. */
int traci_count_left(const struct traci_value *vehicle_data);

#endif
