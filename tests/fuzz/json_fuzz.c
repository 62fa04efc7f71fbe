/* SPDX-License-Identifier: Apache-2.0 */
/* json_fuzz.c - what a command printed, read as JSON. What was read can be encoded and decoded again,
 * and is the same then. */
#include <stdint.h>
#include <stdlib.h>

#include <platoon/pickle.h>

#include "config/json_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    platoon_value *v = NULL, *again = NULL;
    void *pickle = NULL;
    size_t len;

    if (json_read((const char *)data, size, &v, NULL) != PLATOON_OK)
        return 0;
    if (platoon_pickle_encode(v, 4, &pickle, &len, NULL) != PLATOON_OK ||
        platoon_pickle_decode(pickle, len, NULL, &again, NULL) != PLATOON_OK)
        abort();
    {
        char *a = platoon_repr(v), *b = platoon_repr(again);
        size_t i = 0;

        while (a[i] && a[i] == b[i])
            i++;
        if (a[i] != b[i])
            abort();
        free(a);
        free(b);
    }
    free(pickle);
    platoon_value_unref(again);
    platoon_value_unref(v);
    return 0;
}
