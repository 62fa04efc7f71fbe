/* SPDX-License-Identifier: Apache-2.0 */
/* clean_text.c - character by character. */
#include "sumo/clean_text.h"

#include <string.h>

#include "base/utf8.h"

enum { MAX_CHARACTER_BYTES = 4 };

void clean_text(char *text)
{
    while (*text) {
        size_t left = strnlen(text, MAX_CHARACTER_BYTES), len = 1;

        while (len <= left && !utf8_is_valid(text, len))
            len++;
        if (len > left) {
            *text = '?';
            len = 1;
        }
        text += len;
    }
}
