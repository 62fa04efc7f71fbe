/* SPDX-License-Identifier: Apache-2.0 */
/* keep.h - what becomes of the files that a run wrote: mostly nothing, or they are kept, compressed,
 * in a folder of the run's own. */
#ifndef PLATOON_SUMO_KEEP_H
#define PLATOON_SUMO_KEEP_H

#include <stdbool.h>

#include <platoon/value.h>

enum keep_policy {
    KEEP_NONE,
    KEEP_FAILED, /* of runs that have a failure in place of a result */
    KEEP_ALL
};

/* "none", "failed" or "all"; false: none of them. */
bool keep_policy_parse(const char *text, enum keep_policy *out);

/* Keep the files in `task_dir` (those right in it; folders and links are left out) as FILE.gz in
 * `keep_dir`/`name`, with `manifest` beside them. If there is such a folder already (from another
 * server, which numbered its tasks anew), it is `name`-2, `name`-3, and so on. The folder has its
 * name only once it is whole; what could not be kept whole is removed again.
 *
 * EIO with a sentence (a full disk, for example), ENOMEM. Blocks as long as compressing takes, some
 * 60 MB/s. */
enum platoon_status keep_outputs(const char *task_dir, const char *keep_dir, const char *name,
                                 const platoon_value *manifest, struct platoon_err *err);

#endif
