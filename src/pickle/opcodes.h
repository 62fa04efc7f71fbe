/* SPDX-License-Identifier: Apache-2.0 */
/* opcodes.h - the one table of pickle's opcodes, protocols 0 to 5: scanner, decoder and encoder all
 * use it.
 *
 * Source: the pickle module of CPython (Lib/pickle.py, Lib/pickletools.py), which is the format's
 * only specification. A code that is not in the table is no opcode: opcode_info() answers NULL. */
#ifndef PLATOON_PICKLE_OPCODES_H
#define PLATOON_PICKLE_OPCODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opcode {
    OP_MARK = 0x28,
    OP_EMPTY_TUPLE = 0x29,
    OP_STOP = 0x2e,
    OP_POP = 0x30,
    OP_POP_MARK = 0x31,
    OP_DUP = 0x32,
    OP_BINBYTES = 0x42,
    OP_SHORT_BINBYTES = 0x43,
    OP_FLOAT = 0x46,
    OP_BINFLOAT = 0x47,
    OP_INT = 0x49,
    OP_BININT = 0x4a,
    OP_BININT1 = 0x4b,
    OP_LONG = 0x4c,
    OP_BININT2 = 0x4d,
    OP_NONE = 0x4e,
    OP_PERSID = 0x50,
    OP_BINPERSID = 0x51,
    OP_REDUCE = 0x52,
    OP_STRING = 0x53,
    OP_BINSTRING = 0x54,
    OP_SHORT_BINSTRING = 0x55,
    OP_UNICODE = 0x56,
    OP_BINUNICODE = 0x58,
    OP_EMPTY_LIST = 0x5d,
    OP_APPEND = 0x61,
    OP_BUILD = 0x62,
    OP_GLOBAL = 0x63,
    OP_DICT = 0x64,
    OP_APPENDS = 0x65,
    OP_GET = 0x67,
    OP_BINGET = 0x68,
    OP_INST = 0x69,
    OP_LONG_BINGET = 0x6a,
    OP_LIST = 0x6c,
    OP_OBJ = 0x6f,
    OP_PUT = 0x70,
    OP_BINPUT = 0x71,
    OP_LONG_BINPUT = 0x72,
    OP_SETITEM = 0x73,
    OP_TUPLE = 0x74,
    OP_SETITEMS = 0x75,
    OP_EMPTY_DICT = 0x7d,
    OP_PROTO = 0x80,
    OP_NEWOBJ = 0x81,
    OP_EXT1 = 0x82,
    OP_EXT2 = 0x83,
    OP_EXT4 = 0x84,
    OP_TUPLE1 = 0x85,
    OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87,
    OP_NEWTRUE = 0x88,
    OP_NEWFALSE = 0x89,
    OP_LONG1 = 0x8a,
    OP_LONG4 = 0x8b,
    OP_SHORT_BINUNICODE = 0x8c,
    OP_BINUNICODE8 = 0x8d,
    OP_BINBYTES8 = 0x8e,
    OP_EMPTY_SET = 0x8f,
    OP_ADDITEMS = 0x90,
    OP_FROZENSET = 0x91,
    OP_NEWOBJ_EX = 0x92,
    OP_STACK_GLOBAL = 0x93,
    OP_MEMOIZE = 0x94,
    OP_FRAME = 0x95,
    OP_BYTEARRAY8 = 0x96,
    OP_NEXT_BUFFER = 0x97,
    OP_READONLY_BUFFER = 0x98
};

/* What follows the code. Numbers are little endian, but for the float. */
enum opcode_arg {
    OPARG_NONE,
    OPARG_U1,       /* one unsigned byte */
    OPARG_U2,       /* two, unsigned */
    OPARG_U4,       /* four, unsigned */
    OPARG_I4,       /* four, two's complement */
    OPARG_U8,       /* eight, unsigned (FRAME) */
    OPARG_F8,       /* eight, IEEE 754, BIG endian */
    OPARG_DATA1,    /* U1 length, then that many bytes */
    OPARG_DATA4,    /* U4 length, then that many bytes */
    OPARG_DATA4I,   /* I4 length (negative is an error), then that many bytes */
    OPARG_DATA8,    /* U8 length, then that many bytes */
    OPARG_LINE,     /* text up to and including \n */
    OPARG_TWO_LINES /* module \n name \n */
};

/* The effect on the stack: `pops` entries are taken off and `pushes` put on. With `to_mark`,
 * everything above the topmost MARK and the MARK itself go too, before the `pops` entries below it.
 * Three opcodes do not fit and have pops = pushes = 0 here: MARK pushes a mark; POP takes off one
 * entry, or a mark where that is on top; STOP ends with the one entry left. */
struct opcode_info {
    const char *name; /* as in pickletools: "SHORT_BINUNICODE" */
    uint8_t code;
    uint8_t protocol;    /* the first that has it */
    uint8_t arg;         /* enum opcode_arg */
    uint8_t fixed_bytes; /* opcode_fixed_bytes(arg) */
    uint8_t pops;
    uint8_t pushes;
    bool to_mark;
};

/* By code; `name` is NULL where a byte is no opcode. */
extern const struct opcode_info opcode_table[256];

/* NULL for a byte that is no opcode. Static. */
static inline const struct opcode_info *opcode_info(uint8_t code)
{
    return opcode_table[code].name ? &opcode_table[code] : NULL;
}

/* How many bytes of number stand between the code and what it counts or is: 0 for OPARG_NONE and
 * lines. */
unsigned opcode_fixed_bytes(enum opcode_arg arg);

/* The whole length of the opcode at `p`, its argument included; 0 if it is none or does not end
 * within `len` bytes. */
size_t opcode_length(const uint8_t *p, size_t len);

#endif
