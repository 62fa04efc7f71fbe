/* SPDX-License-Identifier: Apache-2.0 */
/* machine_build.c - the opcodes that make containers and objects of what is on the stack. */
#include "pickle/machine_stack.h"

static const unsigned unhashable =
    BIT(SHAPE_LIST) | BIT(SHAPE_DICT) | BIT(SHAPE_SET) | BIT(SHAPE_BYTEARRAY);
static const unsigned callable = BIT(SHAPE_UNKNOWN) | BIT(SHAPE_CLASS);

/* --- containers ------------------------------------------------------------------------------ */

/* `step` 2: of keys and values, the values on top; 1: of the members of a set. Only the topmost
 * are known. */
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

bool machine_append(struct machine *m)
{
    if (!need(m, 2) || !is_target(m, 1, BIT(SHAPE_LIST) | BIT(SHAPE_BYTEARRAY), no_list))
        return false;
    if (is_level1_at(m, AT_ARGS + 1) && m->outline.args_form == FORM_LIST)
        outline_args_append(&m->outline);
    put_into(m, 1);
    return true;
}

bool machine_appends(struct machine *m)
{
    struct items items;

    if (!machine_close_mark(m, &items) || !need(m, 1) ||
        !is_target(m, 0, BIT(SHAPE_LIST) | BIT(SHAPE_BYTEARRAY), no_list))
        return false;
    if (items.are_kept && is_level1_at(m, AT_ARGS) && m->outline.args_form == FORM_LIST)
        outline_args_append_items(&m->outline, items.n);
    put_into(m, 0);
    return true;
}

bool machine_setitem(struct machine *m)
{
    if (!need(m, 3) || !is_target(m, 2, BIT(SHAPE_DICT), no_dict) ||
        !keys_are_hashable(m, m->shapes, 2, 2))
        return false;
    if (is_level1_at(m, AT_KEY_VALUE) && m->outline.kwds_form == FORM_DICT)
        outline_kwds_set(&m->outline);
    put_into(m, 2);
    return true;
}

bool machine_setitems(struct machine *m)
{
    struct items items;

    if (!machine_close_mark(m, &items) || !need(m, 1) ||
        !is_target(m, 0, BIT(SHAPE_DICT), no_dict) || !are_pairs(m, &items))
        return false;
    if (items.are_kept && is_level1_at(m, AT_KWDS) && m->outline.kwds_form == FORM_DICT)
        outline_kwds_set_items(&m->outline, items.n);
    put_into(m, 0);
    return true;
}

bool machine_additems(struct machine *m)
{
    struct items items;

    if (!machine_close_mark(m, &items) || !need(m, 1) || !is_target(m, 0, BIT(SHAPE_SET), no_set) ||
        !keys_are_hashable(m, items.shapes, items.n, 1))
        return false;
    put_into(m, 0);
    return true;
}

void machine_empty(struct machine *m, enum shape shape)
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
bool machine_sequence(struct machine *m, enum shape shape)
{
    struct items items;

    if (!machine_close_mark(m, &items))
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

bool machine_small_tuple(struct machine *m, unsigned n)
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

bool machine_dict(struct machine *m)
{
    struct items items;

    if (!machine_close_mark(m, &items) || !are_pairs(m, &items))
        return false;
    (void)push(m, SHAPE_DICT);
    if (items.are_kept && is_level1_at(m, AT_KWDS)) {
        outline_kwds_new(&m->outline);
        outline_kwds_set_items(&m->outline, items.n);
    }
    return true;
}

bool machine_frozenset(struct machine *m)
{
    struct items items;

    if (!machine_close_mark(m, &items) || !keys_are_hashable(m, items.shapes, items.n, 1))
        return false;
    (void)push(m, SHAPE_FROZENSET);
    return true;
}

/* --- objects --------------------------------------------------------------------------------- */

bool machine_call(struct machine *m, unsigned n)
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

bool machine_build(struct machine *m)
{
    if (!need(m, 2) || !is_target(m, 1, BIT(SHAPE_CLASS), "what it sets the state of is no object"))
        return false;
    replace(m, 2, SHAPE_UNKNOWN);
    return true;
}

bool machine_instance(struct machine *m, const struct opcode_value *v)
{
    struct items items;

    if (!machine_close_mark(m, &items))
        return false;
    if (v)
        machine_note_global(m, v->text, (size_t)v->text_len, v->name, v->name_len);
    else if (items.n == 0)
        return malformed(m, "there is no class above the MARK");
    else if (items.n <= SHAPES_KEPT &&
             !ONE_OF(shape_at(items.shapes, (unsigned)items.n - 1), callable))
        return malformed(m, "the first value above the MARK is no class");
    (void)push(m, SHAPE_UNKNOWN);
    return true;
}
