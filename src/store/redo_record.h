/* SPDX-License-Identifier: Apache-2.0 */
/* redo_record.h - records of a batch as bytes of the redo log, and back.
 *
 * A record is its kind and, in the order of a table in redo_record.c, the fields that this kind
 * has: numbers as LEB128, strings and values with their length before them. What is decoded comes
 * from a file: every length is checked against what is there. */
#ifndef PLATOON_STORE_REDO_RECORD_H
#define PLATOON_STORE_REDO_RECORD_H

#include "base/buf.h"
#include "store/batch.h"

/* Can it be told by bytes? What reads the database, or deletes from it in slices, cannot. */
bool redo_record_is_plain(enum record_kind kind);
/* Append one plain record of `b`. False when out of memory. */
bool redo_record_encode(const struct batch *b, const struct record *r, struct buf *out);
/* Append the record at `*at` to `b` and move `*at` behind it. False: `len` bytes hold no whole and
 * sensible record there, or out of memory; `b` is to be freed. */
bool redo_record_decode(const uint8_t *bytes, size_t len, size_t *at, struct batch *b);

#endif
