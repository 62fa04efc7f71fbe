/* SPDX-License-Identifier: Apache-2.0 */
/* decode_ops.c - what each opcode does to the decoder's stack, marks and memo. Containers, memo and
 * control stand here; scalars and text are in decode_scalar.c, globals and objects in
 * decode_object.c. */
#include "pickle/decode_ops.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

enum { HIGHEST_PROTOCOL = 5 };

bool decoder_charge(struct decoder *d, uint64_t n)
{
    d->n_nodes += n;
    if (d->n_nodes > d->limits.max_nodes)
        return decoder_fail(d, PLATOON_ELIMIT, "more than %zu values, the limit for a pickle",
                            d->limits.max_nodes);
    return true;
}

static bool push(struct decoder *d, platoon_value *v)
{
    if (d->n_stack == d->cap_stack) {
        size_t cap = d->cap_stack * 2;
        platoon_value **grown = mem_realloc(d->stack, cap * sizeof(platoon_value *));

        if (!grown)
            return decoder_no_memory(d);
        d->stack = grown;
        d->cap_stack = cap;
    }
    d->stack[d->n_stack++] = v;
    return true;
}

bool decoder_push_new(struct decoder *d, platoon_value *v)
{
    if (!v)
        return decoder_no_memory(d);
    return decoder_charge(d, 1) && push(d, v);
}

platoon_value *decoder_pop(struct decoder *d)
{
    return d->stack[--d->n_stack];
}

/* Objects noticed as parts of something are globals that matter: not the callable of a plain
 * call. */
static void notice(struct decoder *d, const platoon_value *child)
{
    if (child->kind == PLATOON_OBJECT)
        d->names_global = true;
}

static bool check_depth(struct decoder *d, const platoon_value *v)
{
    if (v->height > d->limits.max_depth)
        return decoder_fail(d, PLATOON_ELIMIT, "nested more than %zu deep, the limit for a pickle",
                            d->limits.max_depth);
    return true;
}

bool decoder_append(struct decoder *d, platoon_value *v, platoon_value *const *children, size_t n)
{
    if (!node_append(v, children, n))
        return decoder_no_memory(d);
    for (size_t i = 0; i < n; i++)
        notice(d, children[i]);
    return check_depth(d, v);
}

bool decoder_table_put(struct decoder *d, platoon_value *table, platoon_value *key,
                       platoon_value *child)
{
    switch (table_put(table, key, child)) {
    case TABLE_ADDED:
    case TABLE_THERE:
        break;
    case TABLE_UNHASHABLE:
        return decoder_fail(d, PLATOON_EPICKLE,
                            "a key or member holds a value of type %s, which cannot be one",
                            table_unhashable(key));
    case TABLE_NO_MEMORY:
        return decoder_no_memory(d);
    }
    notice(d, key);
    if (child)
        notice(d, child);
    return check_depth(d, table);
}

/* Where the values above the topmost MARK begin; the MARK goes. */
static size_t pop_mark(struct decoder *d)
{
    return d->marks[--d->n_marks];
}

static size_t fence(const struct decoder *d)
{
    return d->n_marks ? d->marks[d->n_marks - 1] : 0;
}

/* Are the values there that the opcode takes off? A MARK hides what is below it. */
static bool check_stack(struct decoder *d)
{
    size_t top = d->n_stack, floor = fence(d);

    if (d->op->to_mark) {
        if (d->n_marks == 0)
            return decoder_fail(d, PLATOON_EPICKLE, "no MARK on the stack");
        top = floor;
        floor = d->n_marks > 1 ? d->marks[d->n_marks - 2] : 0;
    }
    if (top - floor < d->op->pops)
        return decoder_fail(d, PLATOON_EPICKLE, "the stack is empty");
    return true;
}

static bool push_mark(struct decoder *d)
{
    if (d->n_marks >= d->limits.max_depth)
        return decoder_fail(d, PLATOON_ELIMIT, "nested more than %zu deep, the limit for a pickle",
                            d->limits.max_depth);
    if (d->n_marks == d->cap_marks) {
        size_t cap = d->cap_marks ? d->cap_marks * 2 : 32;
        size_t *grown = mem_realloc(d->marks, cap * sizeof *grown);

        if (!grown)
            return decoder_no_memory(d);
        d->marks = grown;
        d->cap_marks = cap;
    }
    d->marks[d->n_marks++] = d->n_stack;
    return true;
}

static bool pop_one(struct decoder *d)
{
    if (d->n_stack > fence(d))
        d->n_stack--;
    else if (d->n_marks > 0)
        d->n_marks--;
    else
        return decoder_fail(d, PLATOON_EPICKLE, "the stack is empty");
    return true;
}

static bool stop(struct decoder *d)
{
    if (d->n_marks > 0 || d->n_stack != 1)
        return decoder_fail(d, PLATOON_EPICKLE,
                            "%zu values and %zu marks are left where one value should be",
                            d->n_stack, d->n_marks);
    d->root = d->stack[0];
    notice(d, d->root);
    d->is_done = true;
    return true;
}

/* A tuple or list of the values from `start` on, in their place. */
static bool collect(struct decoder *d, enum platoon_kind kind, size_t start)
{
    size_t n = d->n_stack - start;
    platoon_value *v = node_container(d->owner, kind, n);

    if (!v)
        return decoder_no_memory(d);
    if (!decoder_append(d, v, n ? d->stack + start : NULL, n))
        return false;
    d->n_stack = start;
    return decoder_push_new(d, v);
}

static bool wrong_target(struct decoder *d, const platoon_value *v, const char *wanted)
{
    return decoder_fail(d, PLATOON_EPICKLE, "the value below is of type %s, not %s",
                        platoon_kind_name((enum platoon_kind)v->kind), wanted);
}

/* The values from `start` on become items of the one below. */
static bool append_from(struct decoder *d, size_t start)
{
    platoon_value *v = d->stack[start - 1];
    size_t n = d->n_stack - start;

    if (v->kind == PLATOON_OBJECT) {
        if (!decode_object_append(d, v, d->stack + start, n))
            return false;
    } else if (v->kind != PLATOON_LIST) {
        return wrong_target(d, v, "list");
    } else if (!decoder_append(d, v, n ? d->stack + start : NULL, n)) {
        return false;
    }
    d->n_stack = start;
    return true;
}

/* Put the pairs from `start` on into `table`. */
static bool put_pairs(struct decoder *d, platoon_value *table, size_t start)
{
    if ((d->n_stack - start) % 2 != 0)
        return decoder_fail(d, PLATOON_EPICKLE, "a key without a value");
    for (size_t i = start; i < d->n_stack; i += 2)
        if (!decoder_table_put(d, table, d->stack[i], d->stack[i + 1]))
            return false;
    d->n_stack = start;
    return true;
}

static bool set_from(struct decoder *d, size_t start)
{
    platoon_value *v = d->stack[start - 1];

    if (v->kind == PLATOON_OBJECT) {
        v = decode_object_entries(d, v);
        if (!v)
            return false;
    } else if (v->kind != PLATOON_DICT) {
        return wrong_target(d, v, "dict");
    }
    return put_pairs(d, v, start);
}

static bool put_members(struct decoder *d, platoon_value *set, size_t start)
{
    for (size_t i = start; i < d->n_stack; i++)
        if (!decoder_table_put(d, set, d->stack[i], NULL))
            return false;
    d->n_stack = start;
    return true;
}

static bool add_from(struct decoder *d, size_t start)
{
    platoon_value *v = d->stack[start - 1];

    if (v->kind == PLATOON_OBJECT) {
        if (!decode_object_append(d, v, d->stack + start, d->n_stack - start))
            return false;
        d->n_stack = start;
        return true;
    }
    if (v->kind != PLATOON_SET)
        return wrong_target(d, v, "set");
    return put_members(d, v, start);
}

static bool make_dict(struct decoder *d, size_t start)
{
    platoon_value *dict = node_container(d->owner, PLATOON_DICT, 0);

    if (!dict)
        return decoder_no_memory(d);
    return put_pairs(d, dict, start) && decoder_push_new(d, dict);
}

static bool make_frozenset(struct decoder *d, size_t start)
{
    platoon_value *set = node_container(d->owner, PLATOON_FROZENSET, 0);

    if (!set)
        return decoder_no_memory(d);
    return put_members(d, set, start) && decoder_push_new(d, set);
}

static bool recall(struct decoder *d, uint64_t number)
{
    platoon_value *v = decode_memo_get(&d->memo, number);

    if (!v)
        return decoder_fail(d, PLATOON_EPICKLE, "memo entry %llu was never set",
                            (unsigned long long)number);
    return push(d, v);
}

static bool remember(struct decoder *d, uint64_t number)
{
    return decode_memo_put(&d->memo, number, d->stack[d->n_stack - 1]) || decoder_no_memory(d);
}

/* The number of a GET or PUT in text. */
static bool memo_number(struct decoder *d, const uint8_t *line, size_t len, uint64_t *out)
{
    uint64_t number = 0;

    len--; /* the end of the line */
    if (len == 0 || len > 18)
        return decoder_fail(d, PLATOON_EPICKLE, "a memo number has 1 to 18 digits");
    for (size_t i = 0; i < len; i++) {
        if (line[i] < '0' || line[i] > '9')
            return decoder_fail(d, PLATOON_EPICKLE, "a memo number is no decimal number");
        number = number * 10 + (uint64_t)(line[i] - '0');
    }
    *out = number;
    return true;
}

static bool run_memo(struct decoder *d, const uint8_t *arg, size_t len)
{
    uint64_t number = 0;

    switch (d->op->code) {
    case OP_GET:
        return memo_number(d, arg, len, &number) && recall(d, number);
    case OP_PUT:
        return memo_number(d, arg, len, &number) && remember(d, number);
    case OP_BINGET:
    case OP_LONG_BINGET:
        return recall(d, decode_number(arg, len));
    case OP_BINPUT:
    case OP_LONG_BINPUT:
        return remember(d, decode_number(arg, len));
    default: /* MEMOIZE */
        return remember(d, d->memo.n);
    }
}

/* NOLINTNEXTLINE(readability-function-size): one opcode, one case */
bool decoder_run(struct decoder *d, const uint8_t *arg, size_t len)
{
    if (!check_stack(d))
        return false;
    switch ((enum opcode)d->op->code) {
    case OP_PROTO:
        return arg[0] <= HIGHEST_PROTOCOL ||
               decoder_fail(d, PLATOON_EPICKLE, "protocol %u; the highest known is %d", arg[0],
                            HIGHEST_PROTOCOL);
    case OP_FRAME: /* a hint for readers of files */
        return true;
    case OP_STOP:
        return stop(d);
    case OP_MARK:
        return push_mark(d);
    case OP_POP:
        return pop_one(d);
    case OP_POP_MARK:
        d->n_stack = pop_mark(d);
        return true;
    case OP_DUP:
        return push(d, d->stack[d->n_stack - 1]);

    case OP_EMPTY_LIST:
        return decoder_push_new(d, node_container(d->owner, PLATOON_LIST, 0));
    case OP_EMPTY_TUPLE:
        return decoder_push_new(d, node_container(d->owner, PLATOON_TUPLE, 0));
    case OP_EMPTY_DICT:
        return decoder_push_new(d, node_container(d->owner, PLATOON_DICT, 0));
    case OP_EMPTY_SET:
        return decoder_push_new(d, node_container(d->owner, PLATOON_SET, 0));
    case OP_LIST:
        return collect(d, PLATOON_LIST, pop_mark(d));
    case OP_TUPLE:
        return collect(d, PLATOON_TUPLE, pop_mark(d));
    case OP_TUPLE1:
        return collect(d, PLATOON_TUPLE, d->n_stack - 1);
    case OP_TUPLE2:
        return collect(d, PLATOON_TUPLE, d->n_stack - 2);
    case OP_TUPLE3:
        return collect(d, PLATOON_TUPLE, d->n_stack - 3);
    case OP_DICT:
        return make_dict(d, pop_mark(d));
    case OP_FROZENSET:
        return make_frozenset(d, pop_mark(d));
    case OP_APPEND:
        return append_from(d, d->n_stack - 1);
    case OP_APPENDS:
        return append_from(d, pop_mark(d));
    case OP_SETITEM:
        return set_from(d, d->n_stack - 2);
    case OP_SETITEMS:
        return set_from(d, pop_mark(d));
    case OP_ADDITEMS:
        return add_from(d, pop_mark(d));

    case OP_GET:
    case OP_BINGET:
    case OP_LONG_BINGET:
    case OP_PUT:
    case OP_BINPUT:
    case OP_LONG_BINPUT:
    case OP_MEMOIZE:
        return run_memo(d, arg, len);

    case OP_GLOBAL:
    case OP_STACK_GLOBAL:
    case OP_REDUCE:
    case OP_BUILD:
    case OP_INST:
    case OP_OBJ:
    case OP_NEWOBJ:
    case OP_NEWOBJ_EX:
        return decode_object(d, arg, len, d->op->to_mark ? pop_mark(d) : 0);

    case OP_EXT1:
    case OP_EXT2:
    case OP_EXT4:
        return decoder_fail(d, PLATOON_EPICKLE,
                            "extension codes need copyreg's registry, which no peer shares");
    case OP_PERSID:
    case OP_BINPERSID:
        return decoder_fail(d, PLATOON_EPICKLE, "persistent ids have no meaning on a connection");
    case OP_NEXT_BUFFER:
    case OP_READONLY_BUFFER:
        return decoder_fail(d, PLATOON_EPICKLE,
                            "out-of-band buffers cannot come over a connection");

    case OP_NONE:
    case OP_NEWTRUE:
    case OP_NEWFALSE:
    case OP_INT:
    case OP_BININT:
    case OP_BININT1:
    case OP_BININT2:
    case OP_LONG:
    case OP_LONG1:
    case OP_LONG4:
    case OP_FLOAT:
    case OP_BINFLOAT:
    case OP_STRING:
    case OP_BINSTRING:
    case OP_SHORT_BINSTRING:
    case OP_UNICODE:
    case OP_BINUNICODE:
    case OP_SHORT_BINUNICODE:
    case OP_BINUNICODE8:
    case OP_BINBYTES:
    case OP_SHORT_BINBYTES:
    case OP_BINBYTES8:
    case OP_BYTEARRAY8:
        return decode_scalar(d, arg, len);
    }
    return decoder_fail(d, PLATOON_EPICKLE, "unknown opcode");
}
