/* SPDX-License-Identifier: Apache-2.0 */
/* xml_scan.h - walk through an XML file of any size in constant memory (expat). Files of SUMO's:
 * flat lists of elements whose data are attributes, so an element's start is all that callers
 * see. */
#ifndef PLATOON_SUMO_XML_SCAN_H
#define PLATOON_SUMO_XML_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include <platoon/status.h>

/* An element begins. `attributes` is name, value, name, value, ..., NULL; all borrowed for the
 * call. `depth` is 0 for the root. Answer false to stop reading: enough was seen. */
typedef bool (*xml_element_fn)(const char *name, const char *const *attributes, unsigned depth,
                               void *arg);

/* Read `path` to its end, or to where on_element has seen enough; unpacked, if it is compressed
 * (xml_source.h).
 *
 * ENOTFOUND if there is no such file, EIO if it cannot be read, EPROTO if it is not well-formed to
 * its end (cut off, for example): `err` then says at which line and column; also if it is compressed
 * and damaged. ELIMIT if it unpacks to more than XML_SOURCE_MAX_UNPACKED; ENOMEM. */
enum platoon_status xml_scan(const char *path, xml_element_fn on_element, void *arg,
                             struct platoon_err *err);

/* The value of attribute `name`, or NULL. Borrowed. */
const char *xml_attribute(const char *const *attributes, const char *name);
/* Its value as a number, or `absent` if it is not there or no number. Decimal point whatever the
 * locale. */
double xml_number(const char *const *attributes, const char *name, double absent);

/* Whether the XML file at `path` is whole: it has a root element and ends with that element's end.
 * Looks at its first and last bytes only. EPROTO with a sentence when it is not. */
enum platoon_status xml_check_end(const char *path, struct platoon_err *err);

#endif
