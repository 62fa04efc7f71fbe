/* SPDX-License-Identifier: Apache-2.0 */
/* test.h - a test is found because it exists: TEST(name) { ... } registers itself, ctest runs each in a process of its own.
 *
 * Run one by hand: build/dev/tests/<program> NAME; all: no argument; names: --list. Asserts are cmocka's. */
#ifndef PLATOON_TEST_H
#define PLATOON_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct test_node {
    const char *name;
    void (*run)(void **state);
    struct test_node *next;
};
void test_add(struct test_node *node);

#define TEST(fn)                                                                                   \
    static void fn(void **state);                                                                  \
    static struct test_node fn##_node = {#fn, fn, NULL};                                           \
    __attribute__((constructor)) static void fn##_add(void)                                        \
    {                                                                                              \
        test_add(&fn##_node);                                                                      \
    }                                                                                              \
    static void fn(__attribute__((unused)) void **state)

#endif
