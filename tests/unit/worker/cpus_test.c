/* SPDX-License-Identifier: Apache-2.0 */
/* cpus_test.c - affinity and quotas, the latter from a copy of the cgroup files in a folder. */
#include "support/test.h"

#include <math.h>
#include <sched.h>
#include <sys/stat.h>

#include "base/remove_tree.h"
#include "worker/cpus.h"

static char root[] = "/tmp/platoon-test-XXXXXX";

static void put(const char *path, const char *text)
{
    char full[256];
    FILE *f;

    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(full, 0700);
        *at = '/';
    }
    f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void check(double wanted)
{
    assert_true(fabs(cpus_quota(root) - wanted) < 1e-9);
    remove_tree(root);
}

static void begin(void)
{
    strcpy(root, "/tmp/platoon-test-XXXXXX");
    assert_non_null(mkdtemp(root));
}

TEST(cpu_max_texts)
{
    assert_true(cpus_parse_max("max 100000\n") == 0);
    assert_true(cpus_parse_max("200000 100000\n") == 2);
    assert_true(cpus_parse_max("150000 100000") == 1.5);
    assert_true(cpus_parse_max("-1 100000") == 0);
    assert_true(cpus_parse_max("") == 0);
    assert_true(cpus_parse_max("5 0") == 0);
    assert_true(cpus_parse_max("5") == 0);
}

TEST(quota_of_version_2_is_the_smallest_up_the_tree)
{
    begin();
    put("/proc/self/cgroup", "0::/a/b\n");
    put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/a/cpu.max", "250000 100000\n");
    check(2.5);
    begin();
    put("/proc/self/cgroup", "0::/a/b\n");
    put("/sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
    put("/sys/fs/cgroup/a/cpu.max", "250000 100000\n");
    check(0.5);
}

TEST(quota_of_version_1)
{
    begin();
    put("/proc/self/cgroup", "12:cpuset:/x\n4:cpu,cpuacct:/docker/abc\n");
    put("/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "300000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
    check(3);
}

TEST(in_a_container_the_mount_is_the_cgroup)
{
    begin();
    put("/proc/self/cgroup", "4:cpu:/docker/of-the-host\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    check(2);
}

TEST(no_quota_no_limit)
{
    begin();
    put("/proc/self/cgroup", "4:cpu:/\n0::/\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    check(0);
    begin();
    check(0);
}

TEST(affinity_counts)
{
    cpu_set_t before, one;
    size_t first = 0;

    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(cpus_usable(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_true(cpus_usable() <= (unsigned)CPU_COUNT(&before));
    assert_true(cpus_usable() >= 1);
}
