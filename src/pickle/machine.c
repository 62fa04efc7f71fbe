/* SPDX-License-Identifier: Apache-2.0 */
/* machine.c - see machine.h. What each opcode does is CPython's Lib/pickle.py and
 * Modules/_pickle.c; where those would accept more than a pickler writes (opcodes below a MARK,
 * values left over at STOP), this refuses. */
#include "pickle/machine_stack.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    KEEP_MARKS = 64 /* a buffer of up to this many marks survives a reset */
};

void machine_init(struct machine *m, bool is_request, size_t max_marks, uint32_t max_memo_ranges)
{
    memset(m, 0, sizeof *m);
    m->max_marks = max_marks;
    memo_init(&m->memo, max_memo_ranges);
    outline_init(&m->outline, is_request, &m->memo);
    machine_reset(m);
}

void machine_reset(struct machine *m)
{
    m->turn = 2; /* no operand was pushed in this or the last one */
    m->count = m->shapes = 0;
    m->n_marks = 0;
    m->operands[0].turn = m->operands[1].turn = 0;
    m->request_turn = 0;
    m->is_stopped = false;
    m->status = PLATOON_OK;
    m->complaint = NULL;
    memo_reset(&m->memo);
    outline_reset(&m->outline);
    globals_reset(&m->globals);
    if (m->cap_marks > KEEP_MARKS) {
        free(m->marks);
        m->marks = NULL;
        m->cap_marks = 0;
    }
}

void machine_release(struct machine *m)
{
    free(m->marks);
    memo_release(&m->memo);
    outline_release(&m->outline);
    globals_release(&m->globals);
}

/* --- the stack ------------------------------------------------------------------------------- */

static void push_scalar(struct machine *m, enum scan_kind kind, int64_t number)
{
    struct entry *e = push(m, SHAPE_SCALAR);

    if (!e)
        return;
    e->arg.kind = kind;
    e->arg.as_int = number;
    e->arg.as_bool = number != 0;
}

static void push_float(struct machine *m, double real)
{
    struct entry *e = push(m, SHAPE_SCALAR);

    if (!e)
        return;
    e->arg.kind = SCAN_FLOAT;
    e->arg.as_float = real;
}

/* The eight bytes behind a BINFLOAT, read as a little-endian number. */
static double float_of(uint64_t number)
{
    double real;

    number = __builtin_bswap64(number);
    memcpy(&real, &number, sizeof real);
    return real;
}

static bool open_mark(struct machine *m)
{
    if (m->n_marks == m->max_marks)
        return refuse(m, PLATOON_ELIMIT, "too many MARKs are open: the value is nested too deeply");
    if (m->n_marks == m->cap_marks) {
        size_t cap = m->cap_marks ? m->cap_marks * 2 : 8;
        struct mark *grown = mem_realloc(m->marks, cap * sizeof *grown);

        if (!grown)
            return refuse(m, PLATOON_ENOMEM, "out of memory");
        m->marks = grown;
        m->cap_marks = cap;
    }
    m->marks[m->n_marks++] = (struct mark){m->count, m->shapes};
    m->turn++;
    if (m->n_marks <= 3) /* above, `now` is NULL and stays so */
        outline_open(&m->outline, m->n_marks, m->count);
    m->count = m->shapes = 0;
    return true;
}

bool machine_close_mark(struct machine *m, struct items *out)
{
    if (m->n_marks == 0)
        return malformed(m, "no MARK is open");
    out->n = m->count;
    out->shapes = m->shapes;
    out->are_kept = m->outline.now == &m->outline.levels[2];
    out->are_level1 = m->outline.now == &m->outline.levels[1];
    m->n_marks--;
    m->count = m->marks[m->n_marks].count;
    m->shapes = m->marks[m->n_marks].shapes;
    m->turn++;
    if (m->n_marks <= 2)
        outline_close(&m->outline, m->n_marks);
    return true;
}

static bool pop(struct machine *m)
{
    struct items dropped;

    if (m->count == 0)
        return m->n_marks > 0 ? machine_close_mark(m, &dropped)
                              : malformed(m, "the stack is empty");
    m->count--;
    m->shapes >>= 4;
    m->turn++;
    if (m->outline.now)
        outline_pop(&m->outline, m->count);
    return true;
}

static bool stop(struct machine *m)
{
    if (m->n_marks > 0)
        return malformed(m, "a MARK is still open");
    if (m->count != 1)
        return malformed(m, m->count ? "values are left over on the stack" : "the stack is empty");
    m->is_stopped = true;
    if (!m->outline.is_request)
        return true;
    if (m->request_turn != m->turn)
        return refuse(m, PLATOON_EPROTO, "it is no tuple of four: (ident, method, args, kwds)");
    return !m->outline.complaint || refuse(m, PLATOON_EPROTO, m->outline.complaint);
}

/* --- one opcode ------------------------------------------------------------------------------ */

static bool execute(struct machine *m, uint8_t code, const struct opcode_value *v, uint64_t start)
{
    struct items dropped;

    switch (code) {
    case OP_MARK:
        return open_mark(m);
    case OP_POP:
        return pop(m);
    case OP_POP_MARK:
        return machine_close_mark(m, &dropped);
    case OP_STOP:
        return stop(m);
    case OP_DUP: /* would make a value out of its neighbour's bytes */
        return malformed(m, "no pickler writes it");
    case OP_NONE:
        push_scalar(m, SCAN_NONE, 0);
        return true;
    case OP_NEWTRUE:
    case OP_NEWFALSE:
        push_scalar(m, SCAN_BOOL, code == OP_NEWTRUE);
        return true;
    case OP_BININT:
        push_scalar(m, SCAN_INT, (int32_t)(uint32_t)v->number);
        return true;
    case OP_BININT1:
    case OP_BININT2:
        push_scalar(m, SCAN_INT, (int64_t)v->number);
        return true;
    case OP_INT:
    case OP_LONG:
    case OP_LONG1:
    case OP_LONG4:
        push_scalar(m, v->kind, v->kind == SCAN_LONG_TEXT ? 0 : (int64_t)v->number);
        return true;
    case OP_FLOAT:
        push_float(m, v->real);
        return true;
    case OP_BINFLOAT:
        push_float(m, float_of(v->number));
        return true;
    case OP_STRING:
    case OP_BINSTRING:
    case OP_SHORT_BINSTRING:
        outline_flag(&m->outline, SCAN_HAS_STRING8);
        machine_push_text(m, v);
        return true;
    case OP_UNICODE:
    case OP_SHORT_BINUNICODE:
    case OP_BINUNICODE:
    case OP_BINUNICODE8:
        machine_push_text(m, v);
        return true;
    case OP_SHORT_BINBYTES:
    case OP_BINBYTES:
    case OP_BINBYTES8:
        push_scalar(m, SCAN_LONG_TEXT, 0);
        return true;
    case OP_BYTEARRAY8:
        outline_flag(&m->outline, SCAN_HAS_PROTO5);
        (void)push(m, SHAPE_BYTEARRAY);
        return true;
    case OP_EMPTY_LIST:
        machine_empty(m, SHAPE_LIST);
        return true;
    case OP_EMPTY_TUPLE:
        machine_empty(m, SHAPE_TUPLE);
        return true;
    case OP_EMPTY_DICT:
        machine_empty(m, SHAPE_DICT);
        return true;
    case OP_EMPTY_SET:
        machine_empty(m, SHAPE_SET);
        return true;
    case OP_APPEND:
        return machine_append(m);
    case OP_APPENDS:
        return machine_appends(m);
    case OP_SETITEM:
        return machine_setitem(m);
    case OP_SETITEMS:
        return machine_setitems(m);
    case OP_ADDITEMS:
        return machine_additems(m);
    case OP_TUPLE:
        return machine_sequence(m, SHAPE_TUPLE);
    case OP_LIST:
        return machine_sequence(m, SHAPE_LIST);
    case OP_DICT:
        return machine_dict(m);
    case OP_FROZENSET:
        return machine_frozenset(m);
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
        return machine_small_tuple(m, (unsigned)(code - OP_TUPLE1) + 1);
    case OP_GET:
    case OP_BINGET:
    case OP_LONG_BINGET:
        return machine_get(m, v->number);
    case OP_PUT:
    case OP_BINPUT:
    case OP_LONG_BINPUT:
        return machine_put(m, v->number, start);
    case OP_MEMOIZE:
        return machine_memoize(m, m->memo.count);
    case OP_GLOBAL:
        machine_note_global(m, v->text, (size_t)v->text_len, v->name, v->name_len);
        (void)push(m, SHAPE_CLASS);
        return true;
    case OP_STACK_GLOBAL:
        return machine_stack_global(m);
    case OP_REDUCE:
    case OP_NEWOBJ:
        return machine_call(m, 2);
    case OP_NEWOBJ_EX:
        return machine_call(m, 3);
    case OP_BUILD:
        return machine_build(m);
    case OP_INST:
        return machine_instance(m, v);
    case OP_OBJ:
        return machine_instance(m, NULL);
    case OP_PERSID:
    case OP_BINPERSID:
        return malformed(m, "a persistent id means nothing to another process");
    case OP_EXT1:
    case OP_EXT2:
    case OP_EXT4:
        return malformed(m, "an extension code means nothing to another process");
    case OP_NEXT_BUFFER:
    case OP_READONLY_BUFFER:
        return malformed(m, "buffers out of band cannot be sent to a manager");
    default:
        return malformed(m, "it is not expected here");
    }
}

bool machine_step(struct machine *m, uint8_t code, const struct opcode_value *value, uint64_t start,
                  uint64_t end)
{
    m->outline.at = end;
    if (!execute(m, code, value, start))
        return false;
    return !(m->outline.is_out_of_memory || m->memo.is_out_of_memory ||
             m->globals.is_out_of_memory) ||
           refuse(m, PLATOON_ENOMEM, "out of memory");
}
