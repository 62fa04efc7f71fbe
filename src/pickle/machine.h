/* SPDX-License-Identifier: Apache-2.0 */
/* machine.h - the stack machine of the scanner: one call an opcode, no values.
 *
 * CPython's unpickler keeps a stack of objects and a stack of marks. Of the first this machine
 * keeps the number of values above each open MARK and, in one word, the shapes of the topmost
 * sixteen of them: enough to refuse underflow and the errors of type that no pickler makes (an
 * APPEND to a number, an odd number of items for a dict, a list as a key). Whatever may be part
 * of the request is also written down in the outline. */
#ifndef PLATOON_PICKLE_MACHINE_H
#define PLATOON_PICKLE_MACHINE_H

#include "pickle/globals.h"
#include "pickle/memo.h"
#include "pickle/opcodes.h"
#include "pickle/outline.h"

/* What can be known of a value without keeping it. */
enum shape {
    SHAPE_UNKNOWN, /* from the memo, from a call, or forgotten; 0, so that shifts bring it in */
    SHAPE_SCALAR,  /* None, bool, numbers, bytes */
    SHAPE_TEXT,
    SHAPE_TUPLE,
    SHAPE_LIST,
    SHAPE_DICT,
    SHAPE_SET,
    SHAPE_FROZENSET,
    SHAPE_BYTEARRAY,
    SHAPE_CLASS /* a global: a class or a function */
};

/* The argument of one opcode, as far as it matters. Opcodes without data or a text line have the
 * number only, the rest is not initialised. */
struct opcode_value {
    /* Little endian, not extended; that of a text line; of BINFLOAT the bytes as they are. */
    uint64_t number;
    double real; /* of FLOAT */
    /* Of an integer with data or a line: SCAN_BOOL, SCAN_INT, over 64 bits SCAN_LONG_TEXT. */
    enum scan_kind kind;
    /* UTF-8, NULL where longer than was gathered; of GLOBAL and INST the module. */
    const char *text;
    uint64_t text_len;
    const char *name; /* of GLOBAL and INST */
    size_t name_len;
};

/* A MARK, and what stands below it. */
struct mark {
    uint64_t count, shapes;
};

/* One of the two values pushed last, if it can be half of a STACK_GLOBAL. */
struct operand {
    uint64_t turn; /* machine.turn when it was pushed */
    bool is_reference;
    bool is_memoized;
    uint64_t number; /* its memo number, if either of the above */
    size_t len;
    char text[256]; /* not terminated */
};

struct machine {
    uint64_t turn;   /* opcodes so far, those that touch no stack not counted */
    uint64_t count;  /* values above the topmost MARK */
    uint64_t shapes; /* of the topmost 16 of them, 4 bits each, the topmost lowest */
    struct mark *marks;
    size_t n_marks, cap_marks, max_marks;
    struct memo memo;
    struct outline outline;
    struct globals globals;
    struct operand operands[2];
    unsigned last_operand;
    uint64_t request_turn; /* the turn in which the outer tuple was built */
    bool is_stopped;
    enum platoon_status status; /* why a step failed */
    const char *complaint;      /* static; completes "SETITEM: ..." */
};

void machine_init(struct machine *m, bool is_request, size_t max_marks, uint32_t max_memo_ranges);
void machine_reset(struct machine *m);
void machine_release(struct machine *m);

/* Execute one opcode whose first byte is at offset `start` and whose argument ends before `end`.
 * false: refused, see status and complaint. */
bool machine_step(struct machine *m, uint8_t code, const struct opcode_value *value, uint64_t start,
                  uint64_t end);

/* Is a scalar that is pushed now of no interest to the outline? Then this will do for it. */
static inline bool machine_needs_no_entry(const struct machine *m)
{
    return !m->outline.now || m->count >= m->outline.now->keep;
}

static inline void machine_push_untold(struct machine *m, enum shape shape)
{
    m->shapes = m->shapes << 4 | (uint64_t)shape;
    m->turn++;
    m->count++;
}

#endif
