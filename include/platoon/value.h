/* SPDX-License-Identifier: Apache-2.0 */
/* value.h - Python's plain data in C: what tasks and results are made of.
 *
 * A value is one of the kinds below. Containers may share children and, when they come from a
 * pickle, may contain themselves.
 *
 * Ownership. platoon_xxx() constructors return a reference that is yours: platoon_value_unref() it,
 * or give it away. Functions that put a child into a container TAKE the child: it is consumed
 * whether they succeed or fail, and a NULL child (a constructor that ran out of memory) makes them
 * answer PLATOON_ENOMEM. So a dict is built in a few lines without a leak on any path:
 *
 *     platoon_value *task = platoon_dict();
 *     platoon_dict_set(task, "filename", platoon_str("data/ramp.sumocfg"));
 *     if (platoon_dict_set(task, "seed", platoon_int(7)) != PLATOON_OK) ...
 *
 * Everything that a getter returns (children, text, bytes) is borrowed: it lives as long as the
 * value it was read from.
 *
 * Memory is counted per owner, not per node: all nodes of one decoded pickle are freed together,
 * with their last reference, cycles or not. A program that puts a container into itself through
 * this API must not expect it to be freed.
 *
 * Threads: a value belongs to one thread at a time; hand it over with your own synchronisation. */
#ifndef PLATOON_VALUE_H
#define PLATOON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct platoon_value platoon_value;

enum platoon_kind {
    PLATOON_NONE,
    PLATOON_BOOL,
    PLATOON_INT,    /* fits 64 bits, signed */
    PLATOON_BIGINT, /* does not; two's complement, little endian, any length */
    PLATOON_FLOAT,
    PLATOON_STR, /* UTF-8; lone surrogates as three bytes each (Python's "surrogatepass") */
    PLATOON_BYTES,
    PLATOON_BYTEARRAY,
    PLATOON_LIST,
    PLATOON_TUPLE,
    PLATOON_DICT, /* keeps insertion order */
    PLATOON_SET,
    PLATOON_FROZENSET,
    PLATOON_OPAQUE, /* a pickle that names globals: its bytes, never executed */
    /* only from platoon_pickle_inspect(): "module.name(args), state", never executed */
    PLATOON_OBJECT
};

/* --- making ------------------------------------------------------------------------------------
 * All return NULL when out of memory (or, for text, when it is not UTF-8/surrogatepass). */
PLATOON_API platoon_value *platoon_none(void);
PLATOON_API platoon_value *platoon_bool(bool b);
PLATOON_API platoon_value *platoon_int(int64_t i);
/* From two's complement, little endian; made PLATOON_INT when it fits. `len` 0 is zero. */
PLATOON_API platoon_value *platoon_int_from_bytes(const void *le, size_t len);
PLATOON_API platoon_value *platoon_float(double d);
PLATOON_API platoon_value *platoon_str(const char *text); /* NUL-terminated */
PLATOON_API platoon_value *platoon_str_n(const char *text, size_t len);
PLATOON_API platoon_value *platoon_strf(const char *format, ...) PLATOON_PRINTF(1, 2);
PLATOON_API platoon_value *platoon_bytes(const void *data, size_t len);
PLATOON_API platoon_value *platoon_bytearray(const void *data, size_t len);
PLATOON_API platoon_value *platoon_list(void);
PLATOON_API platoon_value *platoon_tuple(size_t n,
                                         ...); /* n children (platoon_value *), each taken */
PLATOON_API platoon_value *platoon_dict(void);
PLATOON_API platoon_value *platoon_set(void);
PLATOON_API platoon_value *platoon_frozenset(void);
/* A whole pickle, kept as it is (copied). PLATOON_EPICKLE by NULL if it is not well-formed. */
PLATOON_API platoon_value *platoon_opaque(const void *pickle, size_t len);

/* Append to a list, or add to a set or frozenset under construction, or append to a tuple under
 * construction. A set ignores an equal member. Takes `child`. */
PLATOON_API enum platoon_status platoon_append(platoon_value *container, platoon_value *child);
/* Set by text key, or by any key of a hashable kind (ETYPE otherwise); replaces in place. Take key,
 * child. Keys are equal as in Python: 1 == 1.0 == True. */
PLATOON_API enum platoon_status platoon_dict_set(platoon_value *dict, const char *key,
                                                 platoon_value *child);
PLATOON_API enum platoon_status platoon_dict_put(platoon_value *dict, platoon_value *key,
                                                 platoon_value *child);

/* --- keeping
 * ----------------------------------------------------------------------------------- */
PLATOON_API platoon_value *platoon_value_ref(platoon_value *v); /* NULL is fine; returns v */
PLATOON_API void platoon_value_unref(platoon_value *v);         /* NULL is fine */

/* --- reading: never NULL-checked by you, a NULL value has kind PLATOON_NONE
 * -------------------- */
PLATOON_API enum platoon_kind platoon_value_kind(const platoon_value *v);
PLATOON_API const char *
platoon_kind_name(enum platoon_kind kind); /* "int", "str", ... as Python's */
PLATOON_API bool platoon_is_none(const platoon_value *v);
/* ETYPE for another kind; a bool is an int, an int is a float, as in Python; ELIMIT for a
 * BIGINT. */
PLATOON_API enum platoon_status platoon_as_bool(const platoon_value *v, bool *out);
PLATOON_API enum platoon_status platoon_as_int(const platoon_value *v, int64_t *out);
PLATOON_API enum platoon_status platoon_as_float(const platoon_value *v, double *out);
/* The text (NUL-terminated; *out_len may be NULL) of a PLATOON_STR, else NULL. */
PLATOON_API const char *platoon_as_str(const platoon_value *v, size_t *out_len);
/* The bytes of BYTES, BYTEARRAY, BIGINT (two's complement) or OPAQUE (the pickle), else NULL. */
PLATOON_API const void *platoon_as_bytes(const platoon_value *v, size_t *out_len);
/* Number of children of a container (entries of a dict), else 0. */
PLATOON_API size_t platoon_len(const platoon_value *v);
/* Child i of a LIST, TUPLE, SET, FROZENSET (insertion order); NULL outside. Of an OBJECT: 0 module,
 * 1 name, 2 args (a tuple; None for the global itself), 3 state, 4 keyword arguments (dict), 5 what
 * was called where that is more than module.name (another OBJECT; 0 and 1 are None then), 6 items
 * appended or added (list), 7 entries set (dict); each is None where the pickle has none. */
PLATOON_API platoon_value *platoon_item(const platoon_value *v, size_t i);
/* Entry i of a dict; false outside. O(1). */
PLATOON_API bool platoon_dict_entry(const platoon_value *dict, size_t i, platoon_value **out_key,
                                    platoon_value **out_child);
/* By text key; NULL if absent or not a dict. */
PLATOON_API platoon_value *platoon_dict_get(const platoon_value *dict, const char *key);
/* Deep equality as in Python (1 == 1.0 == True; sets without order; nan != nan). Bounded for
 * cycles: two values that can only be told apart below 10,000 levels count as equal. */
PLATOON_API bool platoon_equal(const platoon_value *a, const platoon_value *b);

/* --- showing -----------------------------------------------------------------------------------
 * Both return a malloc()ed NUL-terminated string, NULL when out of memory or when the text would be
 * longer than PLATOON_MAX_TEXT_BYTES (a few bytes of pickle with shared children can unfold to
 * that). Cycles are shown as Python does ("[...]"). Integers of more than 20,000 decimal digits are
 * shown in hexadecimal ("0x..."; text in JSON).
 *
 *   repr   Python's repr(), byte for byte for plain data
 *   json   one line; NaN and infinities as null, bytes as {"base64": ...}, tuples and sets as
 *          arrays, dict
 *          keys that are no text by their repr, lone surrogates as \udXXX, an opaque value as
 *          {"pickle":
 *          base64}; floats as the shortest text that reads back the same */
#define PLATOON_MAX_TEXT_BYTES (1024 * 1024 * 1024)
PLATOON_API char *platoon_repr(const platoon_value *v);
PLATOON_API char *platoon_json(const platoon_value *v);

#ifdef __cplusplus
}
#endif
#endif
