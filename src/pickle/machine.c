/* SPDX-License-Identifier: Apache-2.0 */
/* machine.c - see machine.h. What each opcode does is CPython's Lib/pickle.py and Modules/_pickle.c; where those would
 * accept more than a pickler writes (opcodes below a MARK, values left over at STOP), this refuses. */
#include "pickle/machine.h"

#include <stdlib.h>
#include <string.h>

/* What can be known of a value without keeping it. */
enum shape {
    SHAPE_UNKNOWN, /* from the memo, made by a call, or pushed too long ago: 0, so that shifts bring it in */
    SHAPE_SCALAR, /* None, bool, numbers, bytes */
    SHAPE_TEXT,
    SHAPE_TUPLE,
    SHAPE_LIST,
    SHAPE_DICT,
    SHAPE_SET,
    SHAPE_FROZENSET,
    SHAPE_BYTEARRAY,
    SHAPE_CLASS /* a global: a class or a function */
};

enum {
    SHAPES_KEPT = 16,
    KEEP_MARKS = 64, /* buffers up to this many marks survive a reset */
    /* A stock reader keeps its memo in an array as long as the highest number. A pickler cannot have numbered more
     * objects than it wrote bytes; somewhat more is let through. */
    MEMO_AHEAD = 65536
};

#define ONE_OF(shape, set) (((set) >> (shape)) & 1u)
#define BIT(shape)         (1u << (shape))
static const unsigned unhashable =
    BIT(SHAPE_LIST) | BIT(SHAPE_DICT) | BIT(SHAPE_SET) | BIT(SHAPE_BYTEARRAY);
static const unsigned callable = BIT(SHAPE_UNKNOWN) | BIT(SHAPE_CLASS);

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

static bool refuse(struct machine *m, enum platoon_status status, const char *complaint)
{
    m->status = status;
    m->complaint = complaint;
    return false;
}

static bool malformed(struct machine *m, const char *complaint)
{
    return refuse(m, PLATOON_EPICKLE, complaint);
}

/* --- the stack ------------------------------------------------------------------------------- */

static unsigned shape_at(uint64_t shapes, unsigned depth)
{
    return (unsigned)(shapes >> (4 * depth)) & 15u;
}

static bool need(struct machine *m, uint64_t n)
{
    return m->count >= n || malformed(m, "the stack holds too few values above the last MARK");
}

static bool is_level1_at(const struct machine *m, uint64_t position)
{
    return m->outline.now == &m->outline.levels[1] && m->count == position + 1;
}

/* The entry of the new value, or NULL where none is kept. */
static inline struct entry *push(struct machine *m, enum shape shape)
{
    m->shapes = m->shapes << 4 | (uint64_t)shape;
    m->turn++;
    m->count++;
    return m->outline.now ? outline_push(&m->outline, m->count - 1) : NULL;
}

static void push_scalar(struct machine *m, enum scan_kind kind, int64_t number)
{
    struct entry *e = push(m, SHAPE_SCALAR);

    if (!e)
        return;
    e->arg.kind = kind;
    e->arg.as_int = number;
    e->arg.as_bool = number != 0;
}

static void push_float(struct machine *m, uint64_t bits)
{
    struct entry *e = push(m, SHAPE_SCALAR);

    if (!e)
        return;
    e->arg.kind = SCAN_FLOAT;
    memcpy(&e->arg.as_float, &bits, sizeof bits);
}

static void push_text(struct machine *m, const struct opcode_value *v)
{
    struct entry *e = push(m, SHAPE_TEXT);
    struct operand *operand;

    if (e)
        outline_text(&m->outline, e, m->count - 1, v->text, v->text_len);
    if (!v->text || v->text_len >= sizeof operand->text)
        return;
    m->last_operand ^= 1;
    operand = &m->operands[m->last_operand];
    operand->turn = m->turn;
    operand->is_reference = operand->is_memoized = false;
    operand->len = (size_t)v->text_len;
    memcpy(operand->text, v->text, operand->len);
}

/* The topmost `n` values become one. */
static void replace(struct machine *m, unsigned n, enum shape shape)
{
    uint64_t old_count = m->count;

    m->shapes = m->shapes >> (4 * n) << 4 | (uint64_t)shape;
    m->turn++;
    m->count -= n - 1;
    if (m->outline.now)
        (void)outline_merge(&m->outline, m->count - 1, old_count);
}

/* The topmost `n` values went into the one below them. */
static void put_into(struct machine *m, unsigned n)
{
    uint64_t old_count = m->count;

    m->shapes >>= 4 * n;
    m->turn++;
    m->count -= n;
    if (m->outline.now)
        outline_touch(&m->outline, m->count - 1, old_count);
}

static bool open_mark(struct machine *m)
{
    if (m->n_marks == m->max_marks)
        return refuse(m, PLATOON_ELIMIT, "too many MARKs are open: the value is nested too deeply");
    if (m->n_marks == m->cap_marks) {
        size_t cap = m->cap_marks ? m->cap_marks * 2 : 8;
        struct mark *grown = realloc(m->marks, cap * sizeof *grown);

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

/* What was above a MARK that is closed. */
struct items {
    uint64_t n, shapes;
    bool are_kept; /* in level 2 of the outline */
    bool are_level1;
};

static bool close_mark(struct machine *m, struct items *out)
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
        return m->n_marks > 0 ? close_mark(m, &dropped) : malformed(m, "the stack is empty");
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

/* --- the memo -------------------------------------------------------------------------------- */

/* Keywords of the calls that this system knows. Where such a text stands deep inside a task, Python's interning makes
 * the keyword itself a memo reference to it. */
static bool is_known_keyword(const char *text, size_t len)
{
    static const char *const keywords[] = {"n",      "item",    "rows",     "block",
                                           "queue",  "leases",  "values",   "wait_s",
                                           "worker", "timeout", "immediate"};

    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (keywords[i][0] == text[0] && strlen(keywords[i]) == len &&
            memcmp(keywords[i], text, len) == 0)
            return true;
    return false;
}

/* `number` was set again: what references to it on the stack stand for is no longer known. */
static void forget_reference(struct machine *m, uint64_t number)
{
    for (size_t i = 0; i < 2; i++)
        if (m->operands[i].is_reference && m->operands[i].number == number)
            m->operands[i].turn = 0;
}

/* memo[number] = the topmost value. */
static bool memoize(struct machine *m, uint64_t number)
{
    struct operand *last = &m->operands[m->last_operand];
    enum platoon_status st;

    if (!need(m, 1))
        return false;
    st = memo_set(&m->memo, number);
    if (st == PLATOON_ELIMIT)
        return refuse(m, st, "memo numbers are too scattered");
    if (st != PLATOON_OK)
        return refuse(m, st, "out of memory");
    if (m->memo.was_reset)
        forget_reference(m, number);
    if (m->outline.now)
        outline_touch(&m->outline, m->count - 1, m->count);
    if (last->turn == m->turn && !last->is_reference && last->len > 0 &&
        last->len <= MEMO_MAX_NAME) {
        last->is_memoized = true;
        last->number = number;
        memo_name_set(&m->memo, number, last->text, last->len,
                      m->outline.now || is_known_keyword(last->text, last->len));
    }
    return true;
}

static bool put(struct machine *m, uint64_t number, uint64_t start)
{
    if (number > start + MEMO_AHEAD)
        return malformed(m, "its memo number is higher than any pickler would have come by now");
    outline_flag(&m->outline, SCAN_HAS_EXPLICIT_PUT);
    return memoize(m, number);
}

static bool get(struct machine *m, uint64_t number)
{
    struct operand *operand;
    struct entry *e;

    if (!memo_has(&m->memo, number))
        return malformed(m, "nothing was stored under its memo number");
    outline_flag_get(&m->outline, number);
    e = push(m, SHAPE_UNKNOWN);
    m->last_operand ^= 1;
    operand = &m->operands[m->last_operand];
    operand->turn = m->turn;
    operand->is_reference = true;
    operand->number = number;
    if (e) {
        const struct memo_name *name = memo_name_get(&m->memo, number);

        if (name)
            outline_text(&m->outline, e, m->count - 1, name->text, name->len);
    }
    return true;
}

/* --- globals --------------------------------------------------------------------------------- */

static void note_global(struct machine *m, const char *module, size_t module_len, const char *name,
                        size_t name_len)
{
    if (module && name && global_is_plain(module, module_len, name, name_len)) {
        outline_flag(&m->outline, SCAN_HAS_PLAIN_CALL);
        return;
    }
    outline_flag(&m->outline, SCAN_HAS_GLOBAL);
    if (!module || !name || memchr(module, '\0', module_len) || memchr(name, '\0', name_len) ||
        memchr(module, '\n', module_len) || memchr(name, '\n', name_len))
        globals_add(&m->globals, "?", 1, "?", 1);
    else
        globals_add(&m->globals, module, module_len, name, name_len);
}

/* The text that `operand` is, if it was pushed in `turn` and is known; else NULL. */
static const char *operand_text(struct machine *m, const struct operand *operand, uint64_t turn,
                                size_t *out_len)
{
    const struct memo_name *name;

    if (operand->turn != turn)
        return NULL;
    if (operand->is_reference || operand->is_memoized)
        memo_name_pin(&m->memo, operand->number); /* a module that was named once is named again */
    if (!operand->is_reference) {
        *out_len = operand->len;
        return operand->text;
    }
    if (!(name = memo_name_get(&m->memo, operand->number)))
        return NULL;
    *out_len = name->len;
    return name->text;
}

static bool stack_global(struct machine *m)
{
    unsigned texts = BIT(SHAPE_TEXT) | BIT(SHAPE_UNKNOWN);
    const struct operand *last = &m->operands[m->last_operand];
    const struct operand *before = &m->operands[m->last_operand ^ 1];
    const char *module, *name;
    size_t module_len = 0, name_len = 0;

    if (!need(m, 2))
        return false;
    if (!ONE_OF(shape_at(m->shapes, 0), texts) || !ONE_OF(shape_at(m->shapes, 1), texts))
        return malformed(m, "module and name are no texts");
    name = operand_text(m, last, m->turn, &name_len);
    module = operand_text(m, before, m->turn - 1, &module_len);
    note_global(m, module, module_len, name, name_len);
    replace(m, 2, SHAPE_CLASS);
    return true;
}

/* --- containers ------------------------------------------------------------------------------ */

/* `step` 2: of keys and values, the values on top; 1: of the members of a set. Only the topmost are known. */
static bool keys_are_hashable(struct machine *m, uint64_t shapes, uint64_t n, unsigned step)
{
    for (unsigned i = step - 1; i < n && i < SHAPES_KEPT; i += step)
        if (ONE_OF(shape_at(shapes, i), unhashable))
            return malformed(m, step == 2 ? "a key is no hashable value"
                                          : "a member is no hashable value");
    return true;
}

static bool is_target(struct machine *m, unsigned depth, unsigned allowed, const char *complaint)
{
    return ONE_OF(shape_at(m->shapes, depth), allowed | BIT(SHAPE_UNKNOWN)) ||
           malformed(m, complaint);
}

static bool are_pairs(struct machine *m, const struct items *items)
{
    if (items->n % 2 != 0)
        return malformed(m, "an odd number of keys and values");
    return keys_are_hashable(m, items->shapes, items->n, 2);
}

static const char no_list[] = "what it appends to is no list";
static const char no_dict[] = "what it puts items into is no dict";
static const char no_set[] = "what it adds members to is no set";

static bool append(struct machine *m)
{
    if (!need(m, 2) || !is_target(m, 1, BIT(SHAPE_LIST) | BIT(SHAPE_BYTEARRAY), no_list))
        return false;
    if (is_level1_at(m, AT_ARGS + 1) && m->outline.args_form == FORM_LIST)
        outline_args_append(&m->outline);
    put_into(m, 1);
    return true;
}

static bool appends(struct machine *m)
{
    struct items items;

    if (!close_mark(m, &items) || !need(m, 1) ||
        !is_target(m, 0, BIT(SHAPE_LIST) | BIT(SHAPE_BYTEARRAY), no_list))
        return false;
    if (items.are_kept && is_level1_at(m, AT_ARGS) && m->outline.args_form == FORM_LIST)
        outline_args_append_items(&m->outline, items.n);
    put_into(m, 0);
    return true;
}

static bool setitem(struct machine *m)
{
    if (!need(m, 3) || !is_target(m, 2, BIT(SHAPE_DICT), no_dict) ||
        !keys_are_hashable(m, m->shapes, 2, 2))
        return false;
    if (is_level1_at(m, AT_KEY_VALUE) && m->outline.kwds_form == FORM_DICT)
        outline_kwds_set(&m->outline);
    put_into(m, 2);
    return true;
}

static bool setitems(struct machine *m)
{
    struct items items;

    if (!close_mark(m, &items) || !need(m, 1) || !is_target(m, 0, BIT(SHAPE_DICT), no_dict) ||
        !are_pairs(m, &items))
        return false;
    if (items.are_kept && is_level1_at(m, AT_KWDS) && m->outline.kwds_form == FORM_DICT)
        outline_kwds_set_items(&m->outline, items.n);
    put_into(m, 0);
    return true;
}

static bool additems(struct machine *m)
{
    struct items items;

    if (!close_mark(m, &items) || !need(m, 1) || !is_target(m, 0, BIT(SHAPE_SET), no_set) ||
        !keys_are_hashable(m, items.shapes, items.n, 1))
        return false;
    put_into(m, 0);
    return true;
}

static void empty(struct machine *m, enum shape shape)
{
    (void)push(m, shape);
    if (is_level1_at(m, AT_ARGS) && shape == SHAPE_TUPLE)
        outline_args_new(&m->outline, FORM_TUPLE, 0);
    else if (is_level1_at(m, AT_ARGS) && shape == SHAPE_LIST)
        outline_args_new(&m->outline, FORM_LIST, 0);
    else if (is_level1_at(m, AT_KWDS) && shape == SHAPE_DICT)
        outline_kwds_new(&m->outline);
}

/* MARK .. TUPLE or LIST. */
static bool sequence(struct machine *m, enum shape shape)
{
    struct items items;

    if (!close_mark(m, &items))
        return false;
    (void)push(m, shape);
    if (items.are_level1 && shape == SHAPE_TUPLE) {
        outline_complete(&m->outline, items.n);
        m->request_turn = m->turn;
    } else if (items.are_kept && is_level1_at(m, AT_ARGS)) {
        outline_args_new(&m->outline, shape == SHAPE_TUPLE ? FORM_TUPLE : FORM_LIST, items.n);
    }
    return true;
}

static bool small_tuple(struct machine *m, unsigned n)
{
    uint64_t old_count = m->count;

    if (!need(m, n))
        return false;
    m->shapes = m->shapes >> (4 * n) << 4 | SHAPE_TUPLE;
    m->turn++;
    m->count -= n - 1;
    if (m->outline.now)
        (void)outline_tuple(&m->outline, m->count - 1, old_count);
    return true;
}

static bool dict(struct machine *m)
{
    struct items items;

    if (!close_mark(m, &items) || !are_pairs(m, &items))
        return false;
    (void)push(m, SHAPE_DICT);
    if (items.are_kept && is_level1_at(m, AT_KWDS)) {
        outline_kwds_new(&m->outline);
        outline_kwds_set_items(&m->outline, items.n);
    }
    return true;
}

static bool frozenset(struct machine *m)
{
    struct items items;

    if (!close_mark(m, &items) || !keys_are_hashable(m, items.shapes, items.n, 1))
        return false;
    (void)push(m, SHAPE_FROZENSET);
    return true;
}

/* --- objects --------------------------------------------------------------------------------- */

static bool call(struct machine *m, unsigned n)
{
    unsigned tuple = BIT(SHAPE_TUPLE) | BIT(SHAPE_UNKNOWN);

    if (!need(m, n))
        return false;
    if (!ONE_OF(shape_at(m->shapes, n - 1), callable))
        return malformed(m, "what it calls is no class or function");
    if (!ONE_OF(shape_at(m->shapes, n - 2), tuple))
        return malformed(m, "the arguments are no tuple");
    if (n == 3 && !ONE_OF(shape_at(m->shapes, 0), BIT(SHAPE_DICT) | BIT(SHAPE_UNKNOWN)))
        return malformed(m, "the keyword arguments are no dict");
    replace(m, n, SHAPE_UNKNOWN);
    return true;
}

static bool build(struct machine *m)
{
    if (!need(m, 2) || !is_target(m, 1, BIT(SHAPE_CLASS), "what it sets the state of is no object"))
        return false;
    replace(m, 2, SHAPE_UNKNOWN);
    return true;
}

static bool instance(struct machine *m, const struct opcode_value *v)
{
    struct items items;

    if (!close_mark(m, &items))
        return false;
    if (v)
        note_global(m, v->text, (size_t)v->text_len, v->name, v->name_len);
    else if (items.n == 0)
        return malformed(m, "there is no class above the MARK");
    else if (items.n <= SHAPES_KEPT &&
             !ONE_OF(shape_at(items.shapes, (unsigned)items.n - 1), callable))
        return malformed(m, "the first value above the MARK is no class");
    (void)push(m, SHAPE_UNKNOWN);
    return true;
}

static bool execute(struct machine *m, uint8_t code, const struct opcode_value *v, uint64_t start)
{
    struct items dropped;

    switch (code) {
    case OP_MARK:
        return open_mark(m);
    case OP_POP:
        return pop(m);
    case OP_POP_MARK:
        return close_mark(m, &dropped);
    case OP_STOP:
        return stop(m);
    case OP_DUP:
        if (!need(m, 1))
            return false;
        (void)push(m, shape_at(m->shapes, 0));
        return true;
    case OP_NONE:
        push_scalar(m, SCAN_NONE, 0);
        return true;
    case OP_NEWTRUE:
    case OP_NEWFALSE:
        push_scalar(m, SCAN_BOOL, code == OP_NEWTRUE);
        return true;
    case OP_BININT:
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
    case OP_BINFLOAT:
        push_float(m, v->number);
        return true;
    case OP_STRING:
    case OP_BINSTRING:
    case OP_SHORT_BINSTRING:
        outline_flag(&m->outline, SCAN_HAS_STRING8);
        push_text(m, v);
        return true;
    case OP_UNICODE:
    case OP_SHORT_BINUNICODE:
    case OP_BINUNICODE:
    case OP_BINUNICODE8:
        push_text(m, v);
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
        empty(m, SHAPE_LIST);
        return true;
    case OP_EMPTY_TUPLE:
        empty(m, SHAPE_TUPLE);
        return true;
    case OP_EMPTY_DICT:
        empty(m, SHAPE_DICT);
        return true;
    case OP_EMPTY_SET:
        empty(m, SHAPE_SET);
        return true;
    case OP_APPEND:
        return append(m);
    case OP_APPENDS:
        return appends(m);
    case OP_SETITEM:
        return setitem(m);
    case OP_SETITEMS:
        return setitems(m);
    case OP_ADDITEMS:
        return additems(m);
    case OP_TUPLE:
        return sequence(m, SHAPE_TUPLE);
    case OP_LIST:
        return sequence(m, SHAPE_LIST);
    case OP_DICT:
        return dict(m);
    case OP_FROZENSET:
        return frozenset(m);
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
        return small_tuple(m, (unsigned)(code - OP_TUPLE1) + 1);
    case OP_GET:
    case OP_BINGET:
    case OP_LONG_BINGET:
        return get(m, v->number);
    case OP_PUT:
    case OP_BINPUT:
    case OP_LONG_BINPUT:
        return put(m, v->number, start);
    case OP_MEMOIZE:
        return memoize(m, m->memo.count);
    case OP_GLOBAL:
        note_global(m, v->text, (size_t)v->text_len, v->name, v->name_len);
        (void)push(m, SHAPE_CLASS);
        return true;
    case OP_STACK_GLOBAL:
        return stack_global(m);
    case OP_REDUCE:
    case OP_NEWOBJ:
        return call(m, 2);
    case OP_NEWOBJ_EX:
        return call(m, 3);
    case OP_BUILD:
        return build(m);
    case OP_INST:
        return instance(m, v);
    case OP_OBJ:
        return instance(m, NULL);
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

bool machine_step(struct machine *m, const struct opcode_info *op, const struct opcode_value *value,
                  uint64_t start, uint64_t end)
{
    m->outline.at = end;
    if (!execute(m, op->code, value, start))
        return false;
    return !m->outline.is_out_of_memory || refuse(m, PLATOON_ENOMEM, "out of memory");
}
