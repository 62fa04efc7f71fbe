/* SPDX-License-Identifier: Apache-2.0 */
/* pickle.h - values to bytes and back, in Python's pickle format. Nothing here executes a pickle.
 *
 * Decoding reads protocols 0 to 5, encoding writes 2 to 4. Shared children and cycles survive both
 * ways. No call recurses on the C stack, whatever the input. */
#ifndef PLATOON_PICKLE_H
#define PLATOON_PICKLE_H

#include <platoon/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What one decode may cost. Zero in a field means its default. */
struct platoon_pickle_limits {
    size_t max_depth; /* nesting of containers; default 10,000 */
    size_t max_nodes; /* values made; default 64 million */
    size_t max_bytes; /* length of the pickle; default 1 GiB */
};

/* Decode one whole pickle; bytes after its end are an error. A pickle that names a global other
 * than the constructors of plain data (set, frozenset, list, dict, bytes, bytearray,
 * _codecs.encode, called as Python writes them) becomes one PLATOON_OPAQUE value holding all of
 * `data`. Python 2's 8-bit text becomes str where it is ASCII, else bytes.
 *
 *   limits   may be NULL
 *
 * PLATOON_OK and *out (yours); EPICKLE with the offset in `err`; ELIMIT; ENOMEM. */
PLATOON_API enum platoon_status platoon_pickle_decode(const void *data, size_t len,
                                                      const struct platoon_pickle_limits *limits,
                                                      platoon_value **out, struct platoon_err *err);

/* As decode, but globals become PLATOON_OBJECT nodes that can be looked at and shown, not
 * encoded. */
PLATOON_API enum platoon_status platoon_pickle_inspect(const void *data, size_t len,
                                                       const struct platoon_pickle_limits *limits,
                                                       platoon_value **out,
                                                       struct platoon_err *err);

/* Encode `v` as a pickle of `protocol` (2, 3 or 4). Memo opcodes are written only where a node is
 * shared. *out_data is malloc()ed and yours. An OPAQUE value that is the root is copied as it is;
 * elsewhere, and for PLATOON_OBJECT, ETYPE. ELIMIT for what the format has no room for (text of 4
 * GiB before protocol 4; a tuple in itself with no list or dict between); EINVAL for another
 * protocol; ENOMEM. */
PLATOON_API enum platoon_status platoon_pickle_encode(const platoon_value *v, int protocol,
                                                      void **out_data, size_t *out_len,
                                                      struct platoon_err *err);

#ifdef __cplusplus
}
#endif
#endif
