/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/csv.h"

#include <stdlib.h>
#include <string.h>

void csv_text(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

void csv_value(FILE *out, const platoon_value *v)
{
    char *text;

    switch (platoon_value_kind(v)) {
    case PLATOON_NONE:
        return;
    case PLATOON_STR:
        csv_text(out, platoon_as_str(v, NULL));
        return;
    case PLATOON_FLOAT: /* repr: nan and inf have no JSON */
    case PLATOON_BOOL:
        text = platoon_repr(v);
        break;
    default:
        text = platoon_json(v);
    }
    if (text)
        csv_text(out, text);
    free(text);
}
