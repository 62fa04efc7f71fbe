/* SPDX-License-Identifier: Apache-2.0 */
/* frame_fuzz.c - a header fed in any pieces is read as when fed whole, never beyond its limit, and
 * writes back. */
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t limits[] = {0, 256, 65536, 1u << 30, UINT64_MAX};
    uint8_t header[FRAME_HEADER_MAX];
    struct frame whole, pieces;
    struct platoon_err err;
    enum frame_result first, second = FRAME_NEED_MORE;
    size_t used, fed = 0, piece;

    if (size < 2)
        return 0;
    frame_init(&whole, limits[data[0] % 5]);
    frame_init(&pieces, whole.max_body_bytes);
    piece = data[1] % 13 + 1u;
    data += 2;
    size -= 2;
    first = frame_feed(&whole, data, size, &used, &err);
    must(used <= size && used <= FRAME_HEADER_MAX);
    while (second == FRAME_NEED_MORE && fed < size) {
        size_t n = size - fed < piece ? size - fed : piece, taken;

        second = frame_feed(&pieces, data + fed, n, &taken, NULL);
        must(taken <= n && (taken == n || second != FRAME_NEED_MORE));
        fed += taken;
    }
    must(first == second && used == fed);
    if (first == FRAME_BAD)
        must(err.status == PLATOON_ELIMIT || err.status == PLATOON_EPROTO);
    if (first != FRAME_READY)
        return 0;
    must(whole.body_bytes == pieces.body_bytes && whole.body_bytes <= whole.max_body_bytes);
    if (frame_put_header(header, whole.body_bytes) ==
        used) /* the large form may hold a small length */
        must(memcmp(header, data, used) == 0);
    return 0;
}
