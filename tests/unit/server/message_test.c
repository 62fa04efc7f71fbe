/* SPDX-License-Identifier: Apache-2.0 */
#include "server/message.h"
#include "support/test.h"

static void check_bytes(struct message *m, const char *wanted, size_t len)
{
    assert_true(message_end(m));
    assert_int_equal(m->len, len);
    assert_memory_equal(m->bytes, wanted, len);
    message_release(m);
}
#define CHECK_BYTES(m, text) check_bytes(m, text, sizeof text - 1)

/* The wanted bytes are the minimal replies that Python 2.7 and 3.6 to 3.13 were seen to accept. */
TEST(control_replies_are_the_minimal_ones)
{
    struct message m;

    message_begin(&m, 2, "#RETURN");
    message_none(&m);
    CHECK_BYTES(&m, "\0\0\0\x11\x80\x02X\x07\0\0\0#RETURNN\x86.");
    message_begin(&m, 4, "#RETURN");
    message_bool(&m, true);
    CHECK_BYTES(&m, "\0\0\0\x11\x80\x03X\x07\0\0\0#RETURN\x88\x86.");
    message_begin(&m, 3, "#RETURN");
    message_bool(&m, false);
    CHECK_BYTES(&m, "\0\0\0\x11\x80\x03X\x07\0\0\0#RETURN\x89\x86.");
    message_begin(&m, 5, "#RETURN");
    message_int(&m, 255);
    CHECK_BYTES(&m, "\0\0\0\x12\x80\x03X\x07\0\0\0#RETURNK\xff\x86.");
    message_begin(&m, 5, "#RETURN");
    message_int(&m, -2);
    CHECK_BYTES(&m, "\0\0\0\x15\x80\x03X\x07\0\0\0#RETURNJ\xfe\xff\xff\xff\x86.");
    message_begin(&m, 5, "#RETURN");
    message_int(&m, INT64_C(1) << 32);
    CHECK_BYTES(&m, "\0\0\0\x1a\x80\x03X\x07\0\0\0#RETURN\x8a\x08\0\0\0\0\x01\0\0\0\x86.");
}

TEST(exceptions_are_named_as_their_readers_know_them)
{
    struct message m;

    message_begin(&m, 4, "#ERROR");
    message_class(&m, "queue.Empty");
    message_open_tuple(&m);
    message_close_tuple(&m);
    message_call(&m);
    CHECK_BYTES(&m, "\0\0\0\x1f\x80\x03X\x06\0\0\0#ERRORcqueue\nEmpty\n(tR\x86.");
    message_begin(&m, 2, "#ERROR");
    message_class(&m, "queue.Full");
    message_open_tuple(&m);
    message_close_tuple(&m);
    message_call(&m);
    CHECK_BYTES(&m, "\0\0\0\x1e\x80\x02X\x06\0\0\0#ERRORcQueue\nFull\n(tR\x86.");
    message_begin(&m, 3, "#ERROR");
    message_class(&m, "ValueError");
    message_open_tuple(&m);
    message_text(&m, "no", 2);
    message_close_tuple(&m);
    message_call(&m);
    CHECK_BYTES(&m,
                "\0\0\0\x2e\x80\x03X\x06\0\0\0#ERRORcbuiltins\nValueError\n(X\x02\0\0\0notR\x86.");
    message_begin(&m, 2, "#ERROR");
    message_class(&m, "ValueError");
    message_open_tuple(&m);
    message_text(&m, "no", 2);
    message_close_tuple(&m);
    message_call(&m);
    CHECK_BYTES(
        &m, "\0\0\0\x30\x80\x02X\x06\0\0\0#ERRORcexceptions\nValueError\n(T\x02\0\0\0notR\x86.");
}

TEST(a_traceback_for_python_2_is_eight_bit_text_without_what_is_not_ascii)
{
    struct message m;

    message_begin(&m, 2, "#TRACEBACK");
    message_traceback(&m, "\xc3\xbc!", 3);
    CHECK_BYTES(&m, "\0\0\0\x1b\x80\x02X\x0a\0\0\0#TRACEBACKT\x03\0\0\0?\x3f!\x86.");
    message_begin(&m, 3, "#TRACEBACK");
    message_traceback(&m, "\xc3\xbc!", 3);
    CHECK_BYTES(&m, "\0\0\0\x1b\x80\x03X\x0a\0\0\0#TRACEBACKX\x03\0\0\0\xc3\xbc!\x86.");
    message_begin(&m, 2, "#RETURN");
    message_text(&m, "\xc3\xbc", 2);
    CHECK_BYTES(&m, "\0\0\0\x17\x80\x02X\x07\0\0\0#RETURNX\x02\0\0\0\xc3\xbc\x86.");
}

TEST(a_long_message_moves_to_the_heap_unharmed)
{
    struct message m;
    char text[5000];

    memset(text, 'x', sizeof text);
    message_begin(&m, 4, "#RETURN");
    for (int i = 0; i < 20; i++)
        message_raw(&m, text, sizeof text);
    assert_true(message_end(&m));
    assert_int_equal(m.len, 4 + 2 + 12 + 20 * sizeof text + 2);
    assert_int_equal(m.bytes[1] << 16 | m.bytes[2] << 8 | m.bytes[3], m.len - 4);
    assert_memory_equal(m.bytes + 6, "X\x07\0\0\0#RETURNxx", 14);
    message_release(&m);
}
