/* SPDX-License-Identifier: Apache-2.0 */
/* pickle_text.c - see pickle_text.h. */
#include "support/pickle_text.h"

#include <ctype.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

uint8_t *pickle_from_text(const char *text, size_t *out_len)
{
    uint8_t *bytes = malloc(strlen(text) + 1);
    size_t n = 0;

    assert_non_null(bytes);
    while (*text) {
        char digits[3] = "";

        if (isspace((unsigned char)*text)) {
            text++;
        } else if (*text == '\'') {
            const char *end = strchr(text + 1, '\'');

            assert_non_null(end);
            memcpy(bytes + n, text + 1, (size_t)(end - text - 1));
            n += (size_t)(end - text - 1);
            text = end + 1;
        } else {
            assert_true(isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1]));
            memcpy(digits, text, 2);
            bytes[n++] = (uint8_t)strtoul(digits, NULL, 16);
            text += 2;
        }
    }
    *out_len = n;
    return bytes;
}

size_t heap_in_use(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return __sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
#endif
}
