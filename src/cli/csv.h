/* SPDX-License-Identifier: Apache-2.0 */
/* csv.h - fields of comma-separated values (RFC 4180). */
#ifndef PLATOON_CLI_CSV_H
#define PLATOON_CLI_CSV_H

#include <stdio.h>

#include <platoon/value.h>

/* One field: text as it is, numbers in full precision, None (or NULL) empty, anything else as JSON;
 * quoted where needed. */
void csv_value(FILE *out, const platoon_value *v);
void csv_text(FILE *out, const char *text);

#endif
