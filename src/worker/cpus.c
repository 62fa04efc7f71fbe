/* SPDX-License-Identifier: Apache-2.0 */
/* cpus.c - affinity from the kernel, quotas from the cgroup files of versions 1 and 2. */
#include "worker/cpus.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_text(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    size_t n;

    if (!f)
        return false;
    n = fread(out, 1, size - 1, f);
    (void)fclose(f);
    out[n] = '\0';
    return n > 0;
}

double cpus_parse_max(const char *text)
{
    double quota, period;
    char *end;

    quota = strtod(text, &end);
    if (end == text || quota <= 0)
        return 0;
    period = strtod(end, NULL);
    return period > 0 ? quota / period : 0;
}

/* The quota of one cgroup's folder, whichever version it is; 0: none. */
static double folder_quota(const char *folder)
{
    char path[PATH_MAX], quota[64], period[64], both[160];

    if (snprintf(path, sizeof path, "%s/cpu.max", folder) < (int)sizeof path &&
        read_text(path, both, sizeof both))
        return cpus_parse_max(both);
    if (snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder) >= (int)sizeof path ||
        !read_text(path, quota, sizeof quota) ||
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder) >= (int)sizeof path ||
        !read_text(path, period, sizeof period))
        return 0;
    (void)snprintf(both, sizeof both, "%s %s", quota, period);
    return cpus_parse_max(both);
}

static double smaller_quota(double a, double b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The quotas of the cgroup `name` under `mount`, and of those around it up to the mount. Inside a
 * container the name may be that of the host, which is not there: then only the mount itself
 * counts. */
static double quota_up_from(const char *mount, const char *name)
{
    char folder[PATH_MAX];
    size_t mount_len = strlen(mount);
    double quota = 0;

    if (snprintf(folder, sizeof folder, "%s%s", mount, name) >= (int)sizeof folder)
        return 0;
    for (;;) {
        char *slash;

        quota = smaller_quota(quota, folder_quota(folder));
        slash = strrchr(folder, '/');
        if (!slash || strlen(folder) <= mount_len || (size_t)(slash - folder) < mount_len)
            return quota;
        *slash = '\0';
    }
}

static bool has_controller(const char *list, const char *wanted)
{
    size_t len = strlen(wanted);

    for (const char *at = list; (at = strstr(at, wanted)); at += len)
        if ((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
            return true;
    return false;
}

double cpus_quota(const char *root)
{
    static const char *const v2_mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    static const char *const v1_mounts[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"};
    char path[PATH_MAX], line[PATH_MAX];
    double quota = 0;
    FILE *f;

    if (snprintf(path, sizeof path, "%s/proc/self/cgroup", root) >= (int)sizeof path)
        return 0;
    f = fopen(path, "re");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        /* "ID:CONTROLLERS:NAME"; version 2 has no controllers here. */
        char *controllers = strchr(line, ':');
        char *name = controllers ? strchr(controllers + 1, ':') : NULL;
        const char *const *mounts;

        if (!name)
            continue;
        *name++ = '\0';
        controllers++;
        name[strcspn(name, "\n")] = '\0';
        if (*controllers == '\0')
            mounts = v2_mounts;
        else if (has_controller(controllers, "cpu"))
            mounts = v1_mounts;
        else
            continue;
        for (int i = 0; i < 2; i++)
            if (snprintf(path, sizeof path, "%s%s", root, mounts[i]) < (int)sizeof path)
                quota = smaller_quota(quota, quota_up_from(path, strcmp(name, "/") ? name : ""));
    }
    (void)fclose(f);
    return quota;
}

static unsigned affinity_count(void)
{
    /* The mask of a machine with more CPUs than cpu_set_t holds is refused with EINVAL: try larger.
     */
    for (size_t n = 1024; n <= 65536; n *= 2) {
        cpu_set_t *set = CPU_ALLOC(n);
        int count = 0, error = ENOMEM;

        if (set) {
            error = sched_getaffinity(0, CPU_ALLOC_SIZE(n), set) == 0 ? 0 : errno;
            count = error ? 0 : CPU_COUNT_S(CPU_ALLOC_SIZE(n), set);
            CPU_FREE(set);
        }
        if (count > 0)
            return (unsigned)count;
        if (error != EINVAL)
            break;
    }
    {
        long online = sysconf(_SC_NPROCESSORS_ONLN);

        return online > 0 ? (unsigned)online : 1;
    }
}

unsigned cpus_usable(void)
{
    unsigned n = affinity_count();
    double quota = cpus_quota("");

    if (quota > 0 && ceil(quota) < n)
        n = (unsigned)ceil(quota);
    return n ? n : 1;
}
