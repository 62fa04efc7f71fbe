/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - the writer and the bounded reader. */
#include "sumo/traci/message.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    MESSAGE_HEAD = 4,
    LONG_COMMAND_HEAD = 6, /* 0, four bytes of length, id */
};

/* --- writing ---------------------------------------------------------------------------------- */

static bool reserve(struct traci_request *r, size_t more)
{
    size_t cap = r->cap ? r->cap : 256;
    uint8_t *grown;

    if (r->failed)
        return false;
    if (more > INT_MAX / 2 || r->len + more > INT_MAX / 2) {
        r->failed = true;
        return false;
    }
    if (r->len + more <= r->cap)
        return true;
    while (cap < r->len + more)
        cap *= 2;
    grown = realloc(r->data, cap);
    if (!grown) {
        r->failed = true;
        return false;
    }
    r->data = grown;
    r->cap = cap;
    return true;
}

static void store_int(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

void traci_request_reset(struct traci_request *r)
{
    r->len = 0;
    r->failed = false;
    if (reserve(r, MESSAGE_HEAD))
        r->len = MESSAGE_HEAD;
}

void traci_request_release(struct traci_request *r)
{
    free(r->data);
    *r = (struct traci_request){0};
}

/* Commands are begun in the long form, which has room for any length; traci_end() closes the gap
 * when the short form does. */
void traci_begin(struct traci_request *r, unsigned id)
{
    if (!reserve(r, LONG_COMMAND_HEAD))
        return;
    r->command_at = r->len;
    r->data[r->len + LONG_COMMAND_HEAD - 1] = (uint8_t)id;
    r->len += LONG_COMMAND_HEAD;
}

void traci_end(struct traci_request *r)
{
    size_t len;
    uint8_t *head;

    if (r->failed)
        return;
    head = r->data + r->command_at;
    len = r->len - r->command_at;
    if (len - 4 <= UINT8_MAX) {
        memmove(head + 1, head + 5, len - 5);
        r->len -= 4;
        head[0] = (uint8_t)(len - 4);
        return;
    }
    head[0] = 0;
    store_int(head + 1, (uint32_t)len);
}

void traci_put_byte(struct traci_request *r, unsigned value)
{
    if (reserve(r, 1))
        r->data[r->len++] = (uint8_t)value;
}

void traci_put_int(struct traci_request *r, int32_t value)
{
    if (!reserve(r, 4))
        return;
    store_int(r->data + r->len, (uint32_t)value);
    r->len += 4;
}

void traci_put_double(struct traci_request *r, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    traci_put_int(r, (int32_t)(uint32_t)(bits >> 32));
    traci_put_int(r, (int32_t)(uint32_t)bits);
}

void traci_put_string(struct traci_request *r, const char *text)
{
    size_t len = strlen(text);

    if (!reserve(r, len + 4))
        return;
    traci_put_int(r, (int32_t)len);
    memcpy(r->data + r->len, text, len);
    r->len += len;
}

const uint8_t *traci_request_bytes(struct traci_request *r, size_t *out_len)
{
    if (r->failed)
        return NULL;
    store_int(r->data, (uint32_t)r->len);
    *out_len = r->len;
    return r->data;
}

/* --- reading ---------------------------------------------------------------------------------- */

bool traci_text_is(struct traci_text text, const char *other)
{
    return strlen(other) == text.len && memcmp(text.data, other, text.len) == 0;
}

void traci_reader_init(struct traci_reader *r, const void *data, size_t len)
{
    r->at = data;
    r->end = r->at + len;
    r->failed = false;
}

/* The next `n` bytes, or NULL. */
static const uint8_t *take(struct traci_reader *r, size_t n)
{
    const uint8_t *at = r->at;

    if (r->failed || n > (size_t)(r->end - r->at)) {
        r->failed = true;
        return NULL;
    }
    r->at += n;
    return at;
}

uint8_t traci_get_byte(struct traci_reader *r)
{
    const uint8_t *at = take(r, 1);

    return at ? at[0] : 0;
}

static uint32_t get_u32(struct traci_reader *r)
{
    const uint8_t *at = take(r, 4);

    return at ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3] : 0;
}

int32_t traci_get_int(struct traci_reader *r)
{
    return (int32_t)get_u32(r);
}

double traci_get_double(struct traci_reader *r)
{
    uint64_t high = get_u32(r), bits = high << 32 | get_u32(r);
    double value;

    if (r->failed)
        return 0.0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

struct traci_text traci_get_text(struct traci_reader *r)
{
    struct traci_text text = {"", 0};
    uint32_t len = get_u32(r);
    const uint8_t *at = take(r, len);

    if (at) {
        text.data = (const char *)at;
        text.len = len;
    }
    return text;
}

uint8_t traci_get_command(struct traci_reader *r, struct traci_reader *out_content)
{
    size_t len = traci_get_byte(r), head = 2;
    const uint8_t *content;
    uint8_t id;

    traci_reader_init(out_content, r->at, 0);
    if (len == 0) {
        len = get_u32(r);
        head = LONG_COMMAND_HEAD;
    }
    id = traci_get_byte(r);
    if (len < head)
        r->failed = true;
    content = r->failed ? NULL : take(r, len - head);
    if (!content) {
        out_content->failed = true;
        return 0;
    }
    traci_reader_init(out_content, content, len - head);
    return id;
}

/* Bytes that follow a type of fixed size; -1 for the others. */
static int fixed_size(unsigned type)
{
    switch (type) {
    case TRACI_UBYTE:
    case TRACI_BYTE:
        return 1;
    case TRACI_INT:
    case TRACI_COLOR:
        return 4;
    case TRACI_DOUBLE:
        return 8;
    case TRACI_POSITION_2D:
    case TRACI_POSITION_LON_LAT:
        return 16;
    case TRACI_POSITION_3D:
    case TRACI_POSITION_LON_LAT_ALT:
        return 24;
    default:
        return -1;
    }
}

static void skip_items(struct traci_reader *r, uint32_t n, size_t item_bytes)
{
    if (n > (size_t)(r->end - r->at) / item_bytes)
        r->failed = true;
    else
        (void)take(r, n * item_bytes);
}

/* Passes over one value of `type`. A compound adds its parts to *pending, which the caller works
 * off. */
static void skip_value(struct traci_reader *r, unsigned type, uint64_t *pending)
{
    int size = fixed_size(type);
    uint32_t n;

    if (size >= 0) {
        (void)take(r, (size_t)size);
        return;
    }
    switch (type) {
    case TRACI_STRING:
        (void)traci_get_text(r);
        return;
    case TRACI_STRING_LIST:
        n = get_u32(r);
        while (n-- > 0 && !r->failed)
            (void)traci_get_text(r);
        return;
    case TRACI_DOUBLE_LIST:
        skip_items(r, get_u32(r), sizeof(double));
        return;
    case TRACI_POSITION_ROADMAP: /* edge, position, lane */
        (void)traci_get_text(r);
        (void)take(r, sizeof(double) + 1);
        return;
    case TRACI_POLYGON: /* a count of one byte; 0 announces one of four */
        n = traci_get_byte(r);
        skip_items(r, n ? n : get_u32(r), 2 * sizeof(double));
        return;
    case TRACI_COMPOUND:
        *pending += get_u32(r);
        return;
    default:
        r->failed = true;
    }
}

bool traci_get_value(struct traci_reader *r, struct traci_value *out)
{
    struct traci_value value = {.type = traci_get_byte(r), .text = {"", 0}};
    const uint8_t *start = r->at;
    struct traci_reader copy;
    uint64_t pending = 0;

    skip_value(r, value.type, &pending);
    /* Each part takes at least its type byte, so the loop ends with the bytes. */
    for (; pending > 0 && !r->failed; pending--)
        skip_value(r, traci_get_byte(r), &pending);
    if (r->failed)
        return false;

    traci_reader_init(&value.raw, start, (size_t)(r->at - start));
    copy = value.raw;
    switch (value.type) {
    case TRACI_UBYTE:
        value.number = traci_get_byte(&copy);
        break;
    case TRACI_BYTE:
        value.number = (int8_t)traci_get_byte(&copy);
        break;
    case TRACI_INT:
        value.number = traci_get_int(&copy);
        break;
    case TRACI_DOUBLE:
        value.number = traci_get_double(&copy);
        break;
    case TRACI_STRING:
        value.text = traci_get_text(&copy);
        break;
    default:
        break;
    }
    *out = value;
    return true;
}

bool traci_is_number(const struct traci_value *value)
{
    return value->type == TRACI_UBYTE || value->type == TRACI_BYTE || value->type == TRACI_INT ||
           value->type == TRACI_DOUBLE;
}

static bool get_typed(struct traci_reader *r, enum traci_type type, struct traci_value *out)
{
    return traci_get_value(r, out) && out->type == type;
}

/* VEHICLE_DATA: a count of parts, an int (the number of vehicles), and five parts a vehicle: id,
 * length, time of entry, time of leaving (-1 while it is still there), type. */
int traci_count_left(const struct traci_value *vehicle_data)
{
    struct traci_reader r = vehicle_data->raw;
    struct traci_value part;
    int n_left = 0;
    double n_vehicles;

    if (vehicle_data->type != TRACI_COMPOUND)
        return -1;
    (void)traci_get_int(&r);
    if (!get_typed(&r, TRACI_INT, &part))
        return -1;
    n_vehicles = part.number;
    for (double i = 0; i < n_vehicles; i++) {
        if (!get_typed(&r, TRACI_STRING, &part) || !get_typed(&r, TRACI_DOUBLE, &part) ||
            !get_typed(&r, TRACI_DOUBLE, &part) || !get_typed(&r, TRACI_DOUBLE, &part))
            return -1;
        if (part.number != -1.0)
            n_left++;
        if (!get_typed(&r, TRACI_STRING, &part))
            return -1;
    }
    return n_left;
}
