/* SPDX-License-Identifier: Apache-2.0 */
/* task_folder_test.c - untouched folders stay, used ones go. */
#include "support/test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "worker/task_folder.h"

static char work[] = "/tmp/platoon-test-XXXXXX";

static char *open_folder(struct task_folder *f)
{
    struct stat st;

    assert_int_equal(task_folder_open(f, work, 3), 0);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    return strdup(f->path);
}

static void put(const char *folder, const char *name)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

TEST(untouched_folder_serves_again_and_used_one_is_removed)
{
    struct task_folder f = {.path = NULL};
    char *first, *second, *third;

    strcpy(work + strlen(work) - 6, "XXXXXX");
    assert_non_null(mkdtemp(work));
    umask(0277);
    first = open_folder(&f);
    assert_int_equal(task_folder_settle(&f), 0);
    second = open_folder(&f);
    assert_string_equal(first, second);
    umask(022);
    put(second, ".hidden");
    assert_int_equal(task_folder_settle(&f), 0);
    assert_int_equal(access(second, F_OK), -1);
    third = open_folder(&f);
    assert_string_not_equal(second, third);
    free(first);
    free(second);
    free(third);
    task_folder_release(&f);
    assert_int_equal(rmdir(work), 0);
}

TEST(folder_that_was_removed_replaced_or_closed_is_made_anew)
{
    struct task_folder f = {.path = NULL};
    char *path;

    strcpy(work + strlen(work) - 6, "XXXXXX");
    assert_non_null(mkdtemp(work));
    path = open_folder(&f);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(task_folder_settle(&f), 0);
    assert_null(f.path);
    free(path);
    path = open_folder(&f);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/", path), 0);
    assert_int_equal(task_folder_settle(&f), 0);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
    path = open_folder(&f);
    assert_int_equal(chmod(path, 0500), 0);
    assert_int_equal(task_folder_settle(&f), 0);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
    assert_int_equal(rmdir(work), 0);
}
