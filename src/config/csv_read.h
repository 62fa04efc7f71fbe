/* SPDX-License-Identifier: Apache-2.0 */
/* csv_read.h - rows of comma-separated values (RFC 4180): fields may be quoted, quotes in them are
 * doubled, lines end with LF or CRLF. A byte order mark is skipped, so are empty lines; white space
 * around a field is part of it. */
#ifndef PLATOON_CONFIG_CSV_READ_H
#define PLATOON_CONFIG_CSV_READ_H

#include <stddef.h>

#include <platoon/value.h>

enum { CSV_MAX_BYTES = 64 * 1024 * 1024, CSV_MAX_FIELDS = 4096 };

/* One row: `fields` (borrowed) is a list of texts, `line` the row's first line, from 1. Anything but
 * PLATOON_OK ends the reading with that. */
typedef enum platoon_status (*csv_row_fn)(const platoon_value *fields, size_t line, void *arg,
                                          struct platoon_err *err);

/* EIO, ENOTFOUND name the path; EINVAL the path and line of what is wrong (an open quote, text
 * after a closing one, bytes that are no UTF-8); ELIMIT beyond CSV_MAX_BYTES, CSV_MAX_FIELDS or
 * `max_rows`. */
enum platoon_status csv_read_file(const char *path, size_t max_rows, csv_row_fn on_row, void *arg,
                                  struct platoon_err *err);

#endif
