/* SPDX-License-Identifier: Apache-2.0 */
/* opcodes.c - see opcodes.h. */
#include "pickle/opcodes.h"

#include <string.h>

/* Bytes of number behind the code, for each kind of argument. */
enum {
    FIXED_NONE = 0,
    FIXED_U1 = 1,
    FIXED_U2 = 2,
    FIXED_U4 = 4,
    FIXED_I4 = 4,
    FIXED_U8 = 8,
    FIXED_F8 = 8,
    FIXED_DATA1 = 1,
    FIXED_DATA4 = 4,
    FIXED_DATA4I = 4,
    FIXED_DATA8 = 8,
    FIXED_LINE = 0,
    FIXED_TWO_LINES = 0
};

#define OP(name, protocol, arg, pops, pushes, to_mark)                                             \
    [OP_##name] = {#name, OP_##name, protocol, OPARG_##arg, FIXED_##arg, pops, pushes, to_mark}

/* Columns: name, protocol, argument, pops, pushes, down to a MARK. */
const struct opcode_info opcode_table[256] = {
    /* the frame of it all */
    OP(PROTO, 2, U1, 0, 0, false),
    OP(FRAME, 4, U8, 0, 0, false),
    OP(STOP, 0, NONE, 0, 0, false),
    OP(MARK, 0, NONE, 0, 0, false),
    OP(POP, 0, NONE, 0, 0, false),
    OP(POP_MARK, 1, NONE, 0, 0, true),
    OP(DUP, 0, NONE, 1, 2, false),
    /* scalars */
    OP(NONE, 0, NONE, 0, 1, false),
    OP(NEWTRUE, 2, NONE, 0, 1, false),
    OP(NEWFALSE, 2, NONE, 0, 1, false),
    OP(INT, 0, LINE, 0, 1, false),
    OP(BININT, 1, I4, 0, 1, false),
    OP(BININT1, 1, U1, 0, 1, false),
    OP(BININT2, 1, U2, 0, 1, false),
    OP(LONG, 0, LINE, 0, 1, false),
    OP(LONG1, 2, DATA1, 0, 1, false),
    OP(LONG4, 2, DATA4I, 0, 1, false),
    OP(FLOAT, 0, LINE, 0, 1, false),
    OP(BINFLOAT, 1, F8, 0, 1, false),
    /* text and bytes */
    OP(STRING, 0, LINE, 0, 1, false),
    OP(BINSTRING, 1, DATA4I, 0, 1, false),
    OP(SHORT_BINSTRING, 1, DATA1, 0, 1, false),
    OP(UNICODE, 0, LINE, 0, 1, false),
    OP(SHORT_BINUNICODE, 4, DATA1, 0, 1, false),
    OP(BINUNICODE, 1, DATA4, 0, 1, false),
    OP(BINUNICODE8, 4, DATA8, 0, 1, false),
    OP(SHORT_BINBYTES, 3, DATA1, 0, 1, false),
    OP(BINBYTES, 3, DATA4, 0, 1, false),
    OP(BINBYTES8, 4, DATA8, 0, 1, false),
    OP(BYTEARRAY8, 5, DATA8, 0, 1, false),
    OP(NEXT_BUFFER, 5, NONE, 0, 1, false),
    OP(READONLY_BUFFER, 5, NONE, 1, 1, false),
    /* containers */
    OP(EMPTY_LIST, 1, NONE, 0, 1, false),
    OP(APPEND, 0, NONE, 2, 1, false),
    OP(APPENDS, 1, NONE, 1, 1, true),
    OP(LIST, 0, NONE, 0, 1, true),
    OP(EMPTY_TUPLE, 1, NONE, 0, 1, false),
    OP(TUPLE, 0, NONE, 0, 1, true),
    OP(TUPLE1, 2, NONE, 1, 1, false),
    OP(TUPLE2, 2, NONE, 2, 1, false),
    OP(TUPLE3, 2, NONE, 3, 1, false),
    OP(EMPTY_DICT, 1, NONE, 0, 1, false),
    OP(DICT, 0, NONE, 0, 1, true),
    OP(SETITEM, 0, NONE, 3, 1, false),
    OP(SETITEMS, 1, NONE, 1, 1, true),
    OP(EMPTY_SET, 4, NONE, 0, 1, false),
    OP(ADDITEMS, 4, NONE, 1, 1, true),
    OP(FROZENSET, 4, NONE, 0, 1, true),
    /* the memo */
    OP(GET, 0, LINE, 0, 1, false),
    OP(BINGET, 1, U1, 0, 1, false),
    OP(LONG_BINGET, 1, U4, 0, 1, false),
    OP(PUT, 0, LINE, 1, 1, false),
    OP(BINPUT, 1, U1, 1, 1, false),
    OP(LONG_BINPUT, 1, U4, 1, 1, false),
    OP(MEMOIZE, 4, NONE, 1, 1, false),
    /* globals and objects */
    OP(GLOBAL, 0, TWO_LINES, 0, 1, false),
    OP(STACK_GLOBAL, 4, NONE, 2, 1, false),
    OP(REDUCE, 0, NONE, 2, 1, false),
    OP(BUILD, 0, NONE, 2, 1, false),
    OP(INST, 0, TWO_LINES, 0, 1, true),
    OP(OBJ, 1, NONE, 0, 1, true),
    OP(NEWOBJ, 2, NONE, 2, 1, false),
    OP(NEWOBJ_EX, 4, NONE, 3, 1, false),
    OP(EXT1, 2, U1, 0, 1, false),
    OP(EXT2, 2, U2, 0, 1, false),
    OP(EXT4, 2, I4, 0, 1, false),
    OP(PERSID, 0, LINE, 0, 1, false),
    OP(BINPERSID, 1, NONE, 1, 1, false),
};

unsigned opcode_fixed_bytes(enum opcode_arg arg)
{
    static const uint8_t fixed[] = {[OPARG_NONE] = FIXED_NONE,
                                    [OPARG_U1] = FIXED_U1,
                                    [OPARG_U2] = FIXED_U2,
                                    [OPARG_U4] = FIXED_U4,
                                    [OPARG_I4] = FIXED_I4,
                                    [OPARG_U8] = FIXED_U8,
                                    [OPARG_F8] = FIXED_F8,
                                    [OPARG_DATA1] = FIXED_DATA1,
                                    [OPARG_DATA4] = FIXED_DATA4,
                                    [OPARG_DATA4I] = FIXED_DATA4I,
                                    [OPARG_DATA8] = FIXED_DATA8,
                                    [OPARG_LINE] = FIXED_LINE,
                                    [OPARG_TWO_LINES] = FIXED_TWO_LINES};

    return fixed[arg];
}

size_t opcode_length(const uint8_t *p, size_t len)
{
    const struct opcode_info *op = len > 0 ? opcode_info(p[0]) : NULL;
    uint64_t n = 0;
    size_t fixed;

    if (!op)
        return 0;
    if (op->arg == OPARG_LINE || op->arg == OPARG_TWO_LINES) {
        const uint8_t *end = memchr(p, '\n', len);

        if (end && op->arg == OPARG_TWO_LINES)
            end = memchr(end + 1, '\n', len - (size_t)(end + 1 - p));
        return end ? (size_t)(end + 1 - p) : 0;
    }
    fixed = 1 + (size_t)op->fixed_bytes;
    if (fixed > len)
        return 0;
    if (op->arg >= OPARG_DATA1 && op->arg <= OPARG_DATA8)
        for (size_t i = fixed; i-- > 1;)
            n = n << 8 | p[i];
    return n > len - fixed ? 0 : fixed + (size_t)n;
}
