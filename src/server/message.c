/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - see message.h. */
#include "server/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pickle/opcodes.h"

static bool grow(struct message *m, size_t len)
{
    size_t cap = m->cap;
    uint8_t *grown;

    if (m->failed)
        return false;
    while (cap - m->len < len)
        cap *= 2;
    grown = m->bytes == m->small ? mem_alloc(cap) : mem_realloc(m->bytes, cap);
    if (!grown) {
        m->failed = true;
        return false;
    }
    if (m->bytes == m->small)
        memcpy(grown, m->small, m->len);
    m->bytes = grown;
    m->cap = cap;
    return true;
}

void message_raw(struct message *m, const void *bytes, size_t len)
{
    if (m->cap - m->len < len && !grow(m, len))
        return;
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

static void put_byte(struct message *m, uint8_t byte)
{
    if (m->cap == m->len && !grow(m, 1))
        return;
    m->bytes[m->len++] = byte;
}

static void put_le32(struct message *m, uint32_t n)
{
    uint8_t bytes[4] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)};

    message_raw(m, bytes, sizeof bytes);
}

static void put_unicode(struct message *m, const char *text, size_t len)
{
    put_byte(m, OP_BINUNICODE);
    put_le32(m, (uint32_t)len);
    message_raw(m, text, len);
}

static void put_string8(struct message *m, const char *text, size_t len)
{
    put_byte(m, OP_BINSTRING);
    put_le32(m, (uint32_t)len);
    message_raw(m, text, len);
}

static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

void message_begin(struct message *m, int reader_protocol, const char *kind)
{
    m->bytes = m->small;
    m->len = MESSAGE_HEADER;
    m->cap = sizeof m->small;
    m->failed = false;
    m->reader_protocol = reader_protocol;
    put_byte(m, OP_PROTO);
    put_byte(m, reader_protocol <= 2 ? 2 : 3);
    put_unicode(m, kind, strlen(kind));
}

bool message_end(struct message *m)
{
    uint32_t len;

    put_byte(m, OP_TUPLE2);
    put_byte(m, OP_STOP);
    if (m->failed || m->len - MESSAGE_HEADER > INT32_MAX)
        return false;
    len = (uint32_t)(m->len - MESSAGE_HEADER);
    m->bytes[0] = (uint8_t)(len >> 24);
    m->bytes[1] = (uint8_t)(len >> 16);
    m->bytes[2] = (uint8_t)(len >> 8);
    m->bytes[3] = (uint8_t)len;
    return true;
}

void message_release(struct message *m)
{
    if (m->bytes != m->small)
        free(m->bytes);
    m->bytes = m->small;
    m->len = 0;
    m->cap = sizeof m->small;
}

void message_none(struct message *m)
{
    put_byte(m, OP_NONE);
}

void message_bool(struct message *m, bool b)
{
    put_byte(m, b ? OP_NEWTRUE : OP_NEWFALSE);
}

void message_int(struct message *m, int64_t i)
{
    if (i >= 0 && i < 256) {
        put_byte(m, OP_BININT1);
        put_byte(m, (uint8_t)i);
    } else if (i >= INT32_MIN && i <= INT32_MAX) {
        put_byte(m, OP_BININT);
        put_le32(m, (uint32_t)i);
    } else {
        put_byte(m, OP_LONG1);
        put_byte(m, 8);
        put_le32(m, (uint32_t)(uint64_t)i);
        put_le32(m, (uint32_t)((uint64_t)i >> 32));
    }
}

void message_text(struct message *m, const char *text, size_t len)
{
    if (m->reader_protocol <= 2 && is_ascii(text, len))
        put_string8(m, text, len);
    else
        put_unicode(m, text, len);
}

void message_traceback(struct message *m, const char *text, size_t len)
{
    size_t start;

    message_text(m, text, len);
    if (m->reader_protocol > 2 || m->failed || is_ascii(text, len))
        return;
    start = m->len - len;
    m->bytes[start - 5] = OP_BINSTRING;
    for (size_t i = start; i < m->len; i++)
        if (m->bytes[i] >= 0x80)
            m->bytes[i] = '?';
}

void message_open_tuple(struct message *m)
{
    put_byte(m, OP_MARK);
}

void message_close_tuple(struct message *m)
{
    put_byte(m, OP_TUPLE);
}

void message_class(struct message *m, const char *class_name)
{
    bool is_old = m->reader_protocol <= 2;
    const char *module = is_old ? "exceptions" : "builtins";

    if (strncmp(class_name, "queue.", 6) == 0) {
        /* Not `_queue`, which only 3.7 and newer have: `queue.Empty` is the same class there. */
        module = is_old ? "Queue" : "queue";
        class_name += 6;
    }
    put_byte(m, OP_GLOBAL);
    message_raw(m, module, strlen(module));
    put_byte(m, '\n');
    message_raw(m, class_name, strlen(class_name));
    put_byte(m, '\n');
}

void message_call(struct message *m)
{
    put_byte(m, OP_REDUCE);
}
