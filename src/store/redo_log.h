/* SPDX-License-Identifier: Apache-2.0 */
/* redo_log.h - what stands in front of the database: what each turn of the loop has to keep,
 * appended to a file in one write, until the database has it too.
 *
 * Two files of a fixed size beside the database, "-redo0" and "-redo1", room for both set aside
 * when they are made. One is written until it is full, then the other, as soon as the database has
 * all of what that one holds. A file is a head and frames:
 *
 *     head    "PLTNREDO", version, life, salt, checksum
 *     frame   length, checksum (of the salt too), number, time, records (redo_record.h)
 *
 * Numbers of frames count on from 1 for as long as a store exists, without a gap; the database says
 * which one it has last. Each start of a server begins a life, which the database names too: files
 * of another one are not its. A new salt makes whatever a file held before unreadable, so what
 * follows the last whole frame is never taken for one.
 *
 * Files go through SQLite's own layer (sqlite3_vfs): what tests do to the database's files, they do
 * to these. Nothing here locks: one thread appends; another may sync (redo_log_sync) meanwhile. */
#ifndef PLATOON_STORE_REDO_LOG_H
#define PLATOON_STORE_REDO_LOG_H

#include "store/batch.h"

#include <platoon/status.h>

enum { REDO_LOG_FRAME_BYTES = 256 * 1024 }; /* a frame of more values belongs into the database */

struct redo_log;

/* What the files of the database `db_path` hold beyond frame `applied` of the life `life`, in
 * order, into *out, each chained batch with its number; yours. NULL: nothing. Nothing is
 * written, and a server may be writing: then it is what they held when this was called, or later.
 * EINVAL: a file of that name is none of ours; EVERSION: a newer Platoon's; EIO; ENOMEM. */
enum platoon_status redo_log_read(const char *db_path, uint64_t life, uint64_t applied,
                                  struct batch **out, struct platoon_err *err);

/* Begin a log behind frame `applied`, in new files of at most `file_bytes` each, with the mode of
 * the database, which must be there; what they held is gone. Where there is no room for them, or
 * `file_bytes` is 0, redo_log_end() says NOSPACE from the first frame on (redo_log_is_on()). NULL
 * when out of memory. */
struct redo_log *redo_log_start(const char *db_path, uint64_t life, uint64_t applied,
                                uint64_t file_bytes);
bool redo_log_is_on(const struct redo_log *l);
/* Where the database has everything that was appended (`is_done`) the files are removed. NULL is
 * fine. */
void redo_log_close(struct redo_log *l, bool is_done);
/* Remove the files of `db_path`, of a store that is closed. */
void redo_log_remove(const char *db_path);

/* Begin the next frame; add the records of a turn; end it: one write. `number` is that of the frame
 * before plus 1, or more where the database was told the frames between by other ways and
 * redo_log_has_applied() said so. `wall_ms`: when. */
void redo_log_begin(struct redo_log *l);
void redo_log_add(struct redo_log *l, const struct batch *b, const struct record *r);
/* OK: a killed process does not lose it. NOSPACE: no room for it here; NOMEM; DOWN: the medium
 * failed. But for OK nothing of it is there. */
enum store_status redo_log_end(struct redo_log *l, uint64_t number, int64_t wall_ms);
/* The database has all up to frame `number`. */
void redo_log_has_applied(struct redo_log *l, uint64_t number);

/* Which file the last frame is in (0, 1), and: have all writes to it on the medium. False: it
 * failed. Any thread; blocks. */
int redo_log_file(const struct redo_log *l);
bool redo_log_sync(struct redo_log *l, int file);

#endif
