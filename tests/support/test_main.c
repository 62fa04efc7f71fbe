/* SPDX-License-Identifier: Apache-2.0 */
/* test_main.c - main of every unit test program: --list, one NAME, or all. Counts descriptors before and after. */
#include "support/test.h"

#include <dirent.h>

static struct test_node *first;

void test_add(struct test_node *node)
{
    struct test_node **at = &first;

    while (*at)
        at = &(*at)->next;
    *at = node;
}

static int count_open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    if (!dir)
        return -1;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static int run_one(const struct test_node *node)
{
    struct CMUnitTest test = {node->name, node->run, NULL, NULL, NULL};
    int before = count_open_descriptors();
    int failed = _cmocka_run_group_tests(node->name, &test, 1, NULL, NULL);
    int after = count_open_descriptors();

    if (before != after) {
        fprintf(stderr, "%s: %d descriptors before, %d after\n", node->name, before, after);
        failed++;
    }
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0, ran = 0;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (const struct test_node *t = first; t; t = t->next)
            puts(t->name);
        return 0;
    }
    for (const struct test_node *t = first; t; t = t->next) {
        if (argc >= 2 && strcmp(argv[1], t->name) != 0)
            continue;
        failed += run_one(t);
        ran++;
    }
    if (!ran) {
        fprintf(stderr, "no such test\n");
        return 2;
    }
    return failed != 0;
}
