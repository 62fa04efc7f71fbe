/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_folder.h - where a campaign's runs are kept: one folder, ./platoon-data/NAME unless
 * another was named.
 *
 *     runs.jsonl       one run a line, as it ended: the campaign's memory
 *     submitted.jsonl  which numbers its tasks have at a server
 *     lock             held by the command that works on it
 *     server/, *.log   of an embedded server and its worker
 *
 * A line counts once it is whole: what a crash cut off is dropped when the file is opened again. */
#ifndef PLATOON_CLI_CAMPAIGN_FOLDER_H
#define PLATOON_CLI_CAMPAIGN_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <platoon/value.h>

struct campaign_folder {
    char *path; /* absolute */
    int lock_fd;
};

/* Make the folder if `is_writing`, and take its lock then (EBUSY: another command has it). ENOTFOUND
 * when it is only to be read and is not there. Release `f` also after a failure. */
enum platoon_status campaign_folder_open(struct campaign_folder *f, const char *path,
                                         bool is_writing, struct platoon_err *err);
/* The same for `path`, or ./platoon-data/NAME if it is NULL; what a folder's name cannot hold
 * becomes '-'. For reading and writing, without the lock. */
enum platoon_status campaign_folder_named(struct campaign_folder *f, const char *path,
                                          const char *name, struct platoon_err *err);
/* ./platoon-data/NAME, malloc()ed. */
char *campaign_folder_default(const char *name);
void campaign_folder_release(struct campaign_folder *f); /* opened once, in whatever way */

/* "PATH/NAME", malloc()ed; NULL when out of memory. */
char *campaign_folder_join(const struct campaign_folder *f, const char *name);

/* Write FOLDER/NAME anew; its path is *out_path, malloc()ed. EIO. */
enum platoon_status campaign_folder_write(const struct campaign_folder *f, const char *name,
                                          const char *text, char **out_path,
                                          struct platoon_err *err);

/* A file of lines, each a JSON object. */
struct ledger {
    char *path;
    FILE *file;
};

/* Called for each line with the object (borrowed); anything but PLATOON_OK ends the reading. */
typedef enum platoon_status (*ledger_fn)(const platoon_value *line, void *arg,
                                         struct platoon_err *err);
/* Read all whole lines of FOLDER/NAME; a file that is not there has none. EINVAL names the line that
 * is no JSON object; EIO. Lines have at most LEDGER_MAX_LINE bytes. */
enum { LEDGER_MAX_LINE = 64 * 1024 * 1024 };
enum platoon_status ledger_read(const struct campaign_folder *f, const char *name, ledger_fn fn,
                                void *arg, struct platoon_err *err);
/* Open FOLDER/NAME for adding lines; cuts off a last line that is not whole. */
enum platoon_status ledger_open(const struct campaign_folder *f, const char *name,
                                struct ledger *out, struct platoon_err *err);
/* Add one line (`line` is taken; NULL is out of memory). It survives the end of this program, not
 * of the machine. EIO: the disk is full, or worse. */
enum platoon_status ledger_add(struct ledger *l, platoon_value *line, struct platoon_err *err);
/* Sync, then close. Zeroed is fine. */
void ledger_close(struct ledger *l);

#endif
