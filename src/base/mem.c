/* SPDX-License-Identifier: Apache-2.0 */
/* mem.c - see mem.h. */
#include "base/mem.h"

#include <stdlib.h>

static size_t fail_from; /* 0: never; 1: this call and all that follow */
static int has_failed;

static int must_fail(void)
{
    if (fail_from == 0)
        return 0;
    if (fail_from > 1) {
        fail_from--;
        return 0;
    }
    has_failed = 1;
    return 1;
}

void *mem_alloc(size_t size)
{
    return must_fail() ? NULL : malloc(size ? size : 1);
}

void *mem_zero(size_t size)
{
    return must_fail() ? NULL : calloc(1, size ? size : 1);
}

void *mem_realloc(void *old, size_t size)
{
    return must_fail() ? NULL : realloc(old, size ? size : 1);
}

void mem_fail_from(size_t nth)
{
    fail_from = nth;
    has_failed = 0;
}

int mem_has_failed(void)
{
    return has_failed;
}
