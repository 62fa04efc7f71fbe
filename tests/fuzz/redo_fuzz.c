/* SPDX-License-Identifier: Apache-2.0 */
/* redo_fuzz.c - bytes as records of the redo log: refused, or read; and what is read is written and read
 * again as the same. */
#include <stdlib.h>
#include <string.h>

#include "store/redo_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim)
        abort();
}

/* NULL: not all of it are records. */
static struct batch *decode(const uint8_t *data, size_t size)
{
    struct batch *b = batch_new();
    size_t at = 0;

    must(b != NULL);
    while (at < size) {
        size_t before = at;

        if (!redo_record_decode(data, size, &at, b)) {
            batch_free(b);
            return NULL;
        }
        must(at > before && at <= size);
    }
    return b;
}

static void encode(const struct batch *b, struct buf *out)
{
    buf_init(out);
    for (size_t i = 0; i < b->n; i++)
        must(redo_record_encode(b, &b->records[i], out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct batch *b = decode(data, size), *again;
    struct buf first, second;

    if (!b)
        return 0;
    encode(b, &first);
    again = decode(first.data, first.len);
    must(again != NULL && again->n == b->n);
    encode(again, &second);
    must(second.len == first.len &&
         (first.len == 0 || memcmp(first.data, second.data, first.len) == 0));
    buf_release(&first);
    buf_release(&second);
    batch_free(b);
    batch_free(again);
    return 0;
}
