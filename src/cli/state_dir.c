/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state_dir.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum platoon_status state_dir(uint16_t port, char **out, struct platoon_err *err)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const struct passwd *user;
    char *path;
    int n;

    /* The XDG rule: a relative path there is to be ignored. */
    if (state && state[0] == '/') {
        n = asprintf(&path, "%s/platoon/%u", state, (unsigned)port);
    } else {
        if (!home || home[0] != '/')
            home = (user = getpwuid(getuid())) ? user->pw_dir : NULL;
        if (!home || home[0] != '/')
            return platoon_fail(err, PLATOON_ENOTFOUND,
                                "there is no home folder to keep the authkey in; set HOME or "
                                "XDG_STATE_HOME, or name a folder with --data");
        n = asprintf(&path, "%s/.local/state/platoon/%u", home, (unsigned)port);
    }
    if (n < 0)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    *out = path;
    return PLATOON_OK;
}

char *state_dir_join(const char *folder, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

enum platoon_status state_dir_make(const char *path, struct platoon_err *err)
{
    char *copy = strdup(path);
    enum platoon_status st = PLATOON_OK;

    if (!copy)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    for (char *at = copy + 1; st == PLATOON_OK; at++) {
        char was = *at;
        struct stat there;

        if (was != '/' && was != '\0')
            continue;
        *at = '\0';
        if (mkdir(copy, 0700) != 0 &&
            (errno != EEXIST || stat(copy, &there) != 0 || !S_ISDIR(there.st_mode)))
            st = platoon_fail(err, PLATOON_EIO, "cannot make the folder %s: %s", copy,
                              strerror(errno == EEXIST ? ENOTDIR : errno));
        *at = was;
        if (was == '\0')
            break;
    }
    free(copy);
    return st;
}
