/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/share.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum platoon_status share_program(char **out, struct platoon_err *err)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (n < 0) {
        (void)platoon_fail(err, PLATOON_EIO,
                           "cannot tell where this program lies (/proc/self/exe): %s",
                           strerror(errno)); /* what it returns follows */
        return PLATOON_EIO;
    }
    path[n] = '\0';
    *out = strdup(path);
    if (!*out) {
        (void)platoon_fail(err, PLATOON_ENOMEM, "out of memory"); /* what it returns follows */
        return PLATOON_ENOMEM;
    }
    return PLATOON_OK;
}

enum platoon_status share_find(const char *name, char **out, struct platoon_err *err)
{
    static const char *const places[] = {"/../share/platoon", "/../../.."};
    char *program = NULL, *slash, *path;
    enum platoon_status st = share_program(&program, err);

    if (st != PLATOON_OK)
        return st;
    slash = strrchr(program, '/');
    *slash = '\0'; /* an absolute path always has one */
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (asprintf(&path, "%s%s/%s", program, places[i], name) < 0) {
            free(program);
            return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
        }
        if (access(path, R_OK) == 0) {
            *out = realpath(path, NULL);
            free(path);
            free(program);
            return *out ? PLATOON_OK : platoon_fail(err, PLATOON_ENOMEM, "out of memory");
        }
        free(path);
    }
    st = platoon_fail(err, PLATOON_ENOTFOUND,
                      "%s is neither in %s/../share/platoon nor in the source tree around it; "
                      "install again (make install)",
                      name, program);
    free(program);
    return st;
}
