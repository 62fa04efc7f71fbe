/* SPDX-License-Identifier: Apache-2.0 */
/* machine_memo.c - the opcodes of the memo, of text, and of globals: everything that has to do
 * with names. */
#include "pickle/machine_stack.h"

#include <string.h>

/* A stock reader keeps its memo in an array as long as the highest number. A pickler cannot have
 * numbered more objects than it wrote bytes; somewhat more is let through. */
enum { MEMO_AHEAD = 65536 };

void machine_push_text(struct machine *m, const struct opcode_value *v)
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

/* --- the memo -------------------------------------------------------------------------------- */

/* Is this a keyword of the calls that this system knows? Where such a text stands deep inside a
 * task, Python's interning makes the keyword itself a memo reference to it. Asked for every
 * short text: decide by the length first. */
static bool is_known_keyword(const char *text, size_t len)
{
    static const char *const keywords[][4] = {
        [1] = {"n"},
        [4] = {"item", "rows"},
        [5] = {"block", "queue"},
        [6] = {"leases", "values", "wait_s", "worker"},
        [7] = {"timeout"},
        [9] = {"immediate"},
    };

    if (len >= sizeof keywords / sizeof *keywords)
        return false;
    for (size_t i = 0; i < 4 && keywords[len][i]; i++)
        if (memcmp(keywords[len][i], text, len) == 0)
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
bool machine_memoize(struct machine *m, uint64_t number)
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
        outline_memoize(&m->outline, m->count - 1, number);
    if (last->turn == m->turn && !last->is_reference && last->len > 0 &&
        last->len <= MEMO_MAX_NAME) {
        last->is_memoized = true;
        last->number = number;
        memo_name_set(&m->memo, number, last->text, last->len,
                      m->outline.now || is_known_keyword(last->text, last->len));
    }
    return true;
}

bool machine_put(struct machine *m, uint64_t number, uint64_t start)
{
    if (number > start + MEMO_AHEAD)
        return malformed(m, "its memo number is higher than any pickler would have come by now");
    outline_flag(&m->outline, SCAN_HAS_EXPLICIT_PUT);
    return machine_memoize(m, number);
}

bool machine_get(struct machine *m, uint64_t number)
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

void machine_note_global(struct machine *m, const char *module, size_t module_len, const char *name,
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

bool machine_stack_global(struct machine *m)
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
    machine_note_global(m, module, module_len, name, name_len);
    replace(m, 2, SHAPE_CLASS);
    return true;
}
