/* SPDX-License-Identifier: Apache-2.0 */
/* encode_write.c - the second pass of the encoder: containers, the memo, and the loop that walks a
 * value.
 *
 * Lists, dicts and (protocol 4) sets are put into the memo before their items, so that a cycle
 * finds them there. A tuple can only be made when it has its items, and one that contains itself,
 * through a list or dict, cannot wait for itself. Where the survey found such a tuple, every list
 * and dict below a tuple that is being written is written empty, put into the memo and queued; when
 * no tuple is open any more, each is fetched, filled (by now the tuple can be had from the memo)
 * and dropped from the stack. So everything is written once. (CPython begins such a tuple again
 * below itself, and all its items with it, which costs their square.) */
#include "pickle/encoder.h"

#include "base/mem.h"

enum {
    BATCH = 1000 /* as CPython: what a reader must hold on its stack at once */
};

static bool write_get(struct encoder *e, uint32_t number)
{
    return number <= UINT8_MAX ? encode_number(e, OP_BINGET, number, 1)
                               : encode_number(e, OP_LONG_BINGET, number, 4);
}

/* Put what is on top of the reader's stack into the memo as `v`. */
static bool write_put(struct encoder *e, const platoon_value *v)
{
    struct encode_note note = encoder_note(e, v);
    uint32_t number = e->next_memo;

    if (number == UINT32_MAX)
        return encoder_fail(e, PLATOON_ELIMIT, "more than 4 billion shared values");
    e->next_memo++;
    e->n_memoized++;
    note.memo = number + 1;
    if (!encoder_set_note(e, v, note))
        return false;
    return number <= UINT8_MAX ? encode_number(e, OP_BINPUT, number, 1)
                               : encode_number(e, OP_LONG_BINPUT, number, 4);
}

/* What comes before the items of a container. */
static bool open_container(struct encoder *e, const struct encode_frame *f)
{
    bool is_early = true; /* into the memo before the items */

    switch ((enum platoon_kind)f->kind) {
    case PLATOON_LIST:
        if (!encode_op(e, OP_EMPTY_LIST))
            return false;
        break;
    case PLATOON_DICT:
        if (!encode_op(e, OP_EMPTY_DICT))
            return false;
        break;
    case PLATOON_SET:
        if (e->protocol >= 4) {
            if (!encode_op(e, OP_EMPTY_SET))
                return false;
            break;
        }
        is_early = false;
        if (!encode_global(e, "set") || !encode_op(e, OP_EMPTY_LIST))
            return false;
        break;
    case PLATOON_FROZENSET:
        is_early = false;
        if (e->protocol >= 4 ? !encode_op(e, OP_MARK)
                             : !encode_global(e, "frozenset") || !encode_op(e, OP_EMPTY_LIST))
            return false;
        break;
    default: /* TUPLE */
        is_early = false;
        if (f->width == 0 ? !encode_op(e, OP_EMPTY_TUPLE) : f->width > 3 && !encode_op(e, OP_MARK))
            return false;
        break;
    }
    return !f->is_noted || !is_early || write_put(e, f->v);
}

/* How a batch of items is added to what stands below it: one item, and several after a MARK. 0: not
 * at all. */
static void batch_ops(const struct encoder *e, const struct encode_frame *f, uint8_t *out_one,
                      uint8_t *out_many)
{
    *out_one = 0;
    *out_many = 0;
    switch ((enum platoon_kind)f->kind) {
    case PLATOON_LIST:
        *out_one = OP_APPEND;
        *out_many = OP_APPENDS;
        break;
    case PLATOON_DICT:
        *out_one = OP_SETITEM;
        *out_many = OP_SETITEMS;
        break;
    case PLATOON_SET:
    case PLATOON_FROZENSET:
        if (e->protocol < 4) {
            *out_one = OP_APPEND;
            *out_many = OP_APPENDS;
        } else if (f->kind == PLATOON_SET) {
            *out_one = OP_ADDITEMS; /* needs its MARK always */
            *out_many = OP_ADDITEMS;
        }
        break;
    default:
        break;
    }
}

/* At the border between two batches, or at either end: end one, begin the next. */
static bool batch_border(struct encoder *e, const struct encode_frame *f)
{
    size_t one = f->kind == PLATOON_DICT ? 2 : 1, batch = BATCH * one, left;
    uint8_t op_one, op_many;

    batch_ops(e, f, &op_one, &op_many);
    if (op_many == 0)
        return true;
    if (f->next > 0) {
        size_t in_last = f->next % batch ? f->next % batch : batch;

        if (!encode_op(e, in_last == one ? op_one : op_many))
            return false;
    }
    left = f->width - f->next;
    if (left > one || (left == one && op_one == op_many))
        return encode_op(e, OP_MARK);
    return true;
}

static bool close_tuple(struct encoder *e, const struct encode_frame *f)
{
    static const enum opcode small[] = {0, OP_TUPLE1, OP_TUPLE2, OP_TUPLE3};

    e->n_open_tuples--;
    if (f->width == 0)
        return true;
    if (!encode_op(e, f->width > 3 ? OP_TUPLE : small[f->width]))
        return false;
    return !f->is_noted || write_put(e, f->v);
}

/* What comes after the items. */
static bool close_container(struct encoder *e, const struct encode_frame *f)
{
    if (f->is_filling)
        return encode_op(e, OP_POP);
    switch ((enum platoon_kind)f->kind) {
    case PLATOON_SET:
    case PLATOON_FROZENSET:
        if (e->protocol >= 4 && f->kind == PLATOON_SET)
            return true;
        if (e->protocol >= 4 ? !encode_op(e, OP_FROZENSET)
                             : !encode_op(e, OP_TUPLE1) || !encode_op(e, OP_REDUCE))
            return false;
        return !f->is_noted || write_put(e, f->v);
    case PLATOON_TUPLE:
        return close_tuple(e, f);
    default:
        return true;
    }
}

/* Fill `v` when no tuple is open any more. */
static bool defer(struct encoder *e, const platoon_value *v)
{
    if (e->n_deferred == e->cap_deferred) {
        size_t cap = e->cap_deferred ? e->cap_deferred * 2 : 16;
        const platoon_value **grown = mem_realloc(e->deferred, cap * sizeof(platoon_value *));

        if (!grown)
            return encoder_no_memory(e);
        e->deferred = grown;
        e->cap_deferred = cap;
    }
    e->deferred[e->n_deferred++] = v;
    return true;
}

/* The next deferred one goes on the stack, to be filled. */
static bool begin_filling(struct encoder *e)
{
    const platoon_value *v = e->deferred[--e->n_deferred];
    struct encode_frame *f;

    if (!write_get(e, encoder_note(e, v).memo - 1))
        return false;
    f = encoder_push(e, v, v->kind);
    if (!f)
        return false;
    f->is_filling = true;
    e->is_filling = true;
    return true;
}

/* Tuples and sets that are shared are marked while they are open: met again below themselves with
 * no list or dict in between they would have no end. */
static bool mark_open(struct encoder *e, const platoon_value *v, struct encode_note note,
                      bool is_open)
{
    if (is_open && note.is_open)
        return encoder_fail(e, PLATOON_ELIMIT,
                            "a tuple or set contains itself with no list or dict in between");
    note.is_open = is_open;
    return encoder_set_note(e, v, note);
}

/* Write a leaf or a reference; a container goes on the stack with its opening written. */
static bool begin(struct encoder *e, const platoon_value *v, uint8_t kind)
{
    bool can_wait = kind == PLATOON_LIST || kind == PLATOON_DICT;
    struct encode_note note = {0, false, 0};
    struct encode_frame *f;

    if (v->flags & NODE_SHARED && kind == v->kind) {
        note = encoder_note(e, v);
        if (note.memo)
            return write_get(e, note.memo - 1);
    }
    if (!node_is_container(v)) {
        if (!encode_leaf(e, v))
            return false;
        return note.n_visits < 2 || write_put(e, v);
    }
    if (e->has_recursive_tuple && can_wait && e->n_open_tuples > 0 && v->u.items->n > 0)
        return encode_op(e, kind == PLATOON_LIST ? OP_EMPTY_LIST : OP_EMPTY_DICT) &&
               write_put(e, v) && defer(e, v);
    f = encoder_push(e, v, kind);
    if (!f)
        return false;
    f->is_noted = note.n_visits >= 2;
    if (f->is_noted && !can_wait && !mark_open(e, v, note, true))
        return false;
    e->n_open_tuples += kind == PLATOON_TUPLE;
    return open_container(e, f);
}

static bool end(struct encoder *e)
{
    /* stays readable until the next push */
    const struct encode_frame *f = &e->frames[--e->n_frames];

    if (f->is_noted && f->kind != PLATOON_LIST && f->kind != PLATOON_DICT &&
        !mark_open(e, f->v, encoder_note(e, f->v), false))
        return false;
    if (f->is_filling)
        e->is_filling = false;
    return close_container(e, f);
}

/* The root is written, and lists below it wait to be filled: off the stack with it until it is
 * whole. What would be written behind it would not be among its bytes for whoever cuts an argument
 * out of a message. */
static bool park_root(struct encoder *e, const platoon_value *v)
{
    return (encoder_note(e, v).memo || write_put(e, v)) && encode_op(e, OP_POP);
}

bool encode_write(struct encoder *e, const platoon_value *v, uint8_t kind)
{
    bool is_parked = false;

    if (!begin(e, v, kind))
        return false;
    for (;;) {
        struct encode_frame *f = e->n_frames > 0 ? &e->frames[e->n_frames - 1] : NULL;
        const platoon_value *child;
        size_t batch;

        if (e->n_deferred > 0 && e->n_open_tuples == 0 && !e->is_filling) {
            if (!f && !is_parked && !(is_parked = park_root(e, v)))
                return false;
            if (!begin_filling(e))
                return false;
            continue;
        }
        if (!f)
            return !is_parked || write_get(e, encoder_note(e, v).memo - 1);
        batch = f->kind == PLATOON_DICT ? BATCH * 2 : BATCH;
        if (f->width > 0 && (f->next % batch == 0 || f->next == f->width) && !batch_border(e, f))
            return false;
        if (f->next == f->width) {
            if (!end(e))
                return false;
            continue;
        }
        child = f->v->u.items->at[f->next++];
        if (!begin(e, child, child->kind))
            return false;
    }
}
