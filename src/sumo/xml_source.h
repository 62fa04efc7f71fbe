/* SPDX-License-Identifier: Apache-2.0 */
/* xml_source.h - the bytes of an XML file, unpacked if it is compressed: SUMO goes by a file's first
 * bytes, not by its name, and reads gzip (also several in a row) and zlib's own form. So does
 * this. */
#ifndef PLATOON_SUMO_XML_SOURCE_H
#define PLATOON_SUMO_XML_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

/* What a compressed file may unpack to. A thousandth of it on the disk can hold so much; a country's
 * network is a tenth of it. */
#define XML_SOURCE_MAX_UNPACKED ((uint64_t)16 << 30)

struct xml_source;

/* Open `path` (borrowed until the end) for reading from its beginning.
 *
 *   max_unpacked   bytes; of what is compressed alone: a plain file's size is its own limit
 *
 * ENOTFOUND, EIO, ENOMEM, with a sentence that begins with the path. May block, on a pipe. */
enum platoon_status xml_source_open(const char *path, uint64_t max_unpacked,
                                    struct xml_source **out, struct platoon_err *err);
/* Up to `cap` (at least 1) bytes; *out_n is 0 at the end alone.
 *
 * EIO; EPROTO when compressed data are damaged or cut off; ELIMIT beyond max_unpacked; ENOMEM. As
 * above. */
enum platoon_status xml_source_read(struct xml_source *s, void *data, size_t cap, size_t *out_n,
                                    struct platoon_err *err);
bool xml_source_is_packed(const struct xml_source *s);
void xml_source_close(struct xml_source *s); /* NULL is fine */

#endif
