/* SPDX-License-Identifier: Apache-2.0 */
/* TraCI bytes, against what SUMO 1.15 sent and took. */
#include "support/test.h"

#include "sumo/traci/message.h"
#include "sumo/traci/traci.h"

static void assert_bytes(struct traci_request *r, const char *wanted, size_t wanted_len)
{
    size_t len = 0;
    const uint8_t *bytes = traci_request_bytes(r, &len);

    assert_non_null(bytes);
    assert_int_equal(len, wanted_len);
    assert_memory_equal(bytes, wanted, wanted_len);
}
#define ASSERT_BYTES(r, text) assert_bytes(r, text, sizeof text - 1)
#define READER(text)          reader_of(text, sizeof text - 1)

static struct traci_reader reader_of(const char *data, size_t len)
{
    struct traci_reader r;

    traci_reader_init(&r, data, len);
    return r;
}

TEST(request_of_one_step)
{
    struct traci_request r = {0};

    traci_request_reset(&r);
    traci_begin(&r, TRACI_CMD_STEP);
    traci_put_double(&r, 0.0);
    traci_end(&r);
    ASSERT_BYTES(&r, "\x00\x00\x00\x0e\x0a\x02\0\0\0\0\0\0\0\0");
    traci_request_release(&r);
}

TEST(request_of_a_signal_state_and_a_step_in_one_message)
{
    struct traci_request r = {0};

    traci_request_reset(&r);
    traci_begin(&r, TRACI_SET + TRACI_SIGNAL);
    traci_put_byte(&r, TRACI_SIGNAL_STATE);
    traci_put_string(&r, "meter");
    traci_put_byte(&r, TRACI_STRING);
    traci_put_string(&r, "r");
    traci_end(&r);
    traci_begin(&r, TRACI_CMD_STEP);
    traci_put_double(&r, 1.5);
    traci_end(&r);
    ASSERT_BYTES(&r, "\0\0\0\x20"
                     "\x12\xc2\x20\0\0\0\x05meter\x0c\0\0\0\x01r"
                     "\x0a\x02\x3f\xf8\0\0\0\0\0\0");
    traci_request_release(&r);
}

TEST(request_over_255_bytes_takes_the_long_form)
{
    char text[251], wanted[4 + 6 + 4 + 250];
    struct traci_request r = {0};

    memset(text, 'x', 250);
    text[250] = '\0';
    traci_request_reset(&r);
    traci_begin(&r, 0xa2);
    traci_put_string(&r, text);
    traci_end(&r);
    memset(wanted, 'x', sizeof wanted);
    memcpy(wanted, "\0\0\x01\x08\0\0\0\x01\x04\xa2\0\0\0\xfa", 14);
    assert_bytes(&r, wanted, sizeof wanted);

    /* 249 bytes still fit: 2 of head, 4 of length. */
    traci_request_reset(&r);
    traci_begin(&r, 0xa2);
    text[249] = '\0';
    traci_put_string(&r, text);
    traci_end(&r);
    size_t len;
    assert_int_equal(traci_request_bytes(&r, &len)[4], 255);
    assert_int_equal(len, 4 + 255);
    traci_request_release(&r);
}

TEST(command_of_both_forms_is_read)
{
    struct traci_reader r = READER("\x07\x02\0\0\0\0\0"
                                   "\0\0\0\0\x08\xe2"
                                   "ab"),
                        content;

    assert_int_equal(traci_get_command(&r, &content), 0x02);
    assert_int_equal(content.end - content.at, 5);
    assert_int_equal(traci_get_command(&r, &content), 0xe2);
    assert_int_equal(content.end - content.at, 2);
    assert_false(r.failed);
    assert_int_equal(traci_get_command(&r, &content), 0);
    assert_true(r.failed);
}

TEST(command_whose_length_lies_is_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"", 0},
        {"\x01", 1}, /* shorter than its own head */
        {"\x01\x02", 2},
        {"\x08\x02\0\0\0\0\0", 7}, /* one byte more than there is */
        {"\0\0\0\0\x05\x02", 6},   /* the long form, shorter than its head */
        {"\0\xff\xff\xff\xff\x02", 6},
        {"\0\0\0", 3},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct traci_reader r = reader_of(bad[i].bytes, bad[i].len), content;

        assert_int_equal(traci_get_command(&r, &content), 0);
        assert_true(r.failed);
        assert_true(content.failed);
        assert_int_equal(traci_get_int(&content), 0);
    }
}

TEST(values_of_every_scalar_type_are_read)
{
    struct traci_reader r = READER("\x07\xff"
                                   "\x08\xff"
                                   "\x09\xff\xff\xff\xfe"
                                   "\x0b\xc0\x29\0\0\0\0\0\0"
                                   "\x0c\0\0\0\x03"
                                   "rGr");
    struct traci_value v;

    assert_true(traci_get_value(&r, &v));
    assert_true(v.number == 255.0);
    assert_true(traci_get_value(&r, &v));
    assert_true(v.number == -1.0);
    assert_true(traci_get_value(&r, &v));
    assert_true(v.number == -2.0);
    assert_true(traci_get_value(&r, &v));
    assert_true(v.number == -12.5);
    assert_true(traci_get_value(&r, &v));
    assert_true(traci_text_is(v.text, "rGr"));
    assert_false(traci_text_is(v.text, "rG"));
    assert_ptr_equal(r.at, r.end);
}

TEST(values_of_every_other_type_are_passed_over)
{
    struct traci_reader r = READER("\x01"
                                   "0123456701234567"
                                   "\x03"
                                   "012345670123456701234567"
                                   "\x04\0\0\0\x02"
                                   "e1"
                                   "01234567"
                                   "\x01"
                                   "\x06\x02"
                                   "01234567012345670123456701234567"
                                   "\x06\0\0\0\0\x01"
                                   "0123456701234567"
                                   "\x0e\0\0\0\x02\0\0\0\x01"
                                   "a"
                                   "\0\0\0\0"
                                   "\x10\0\0\0\x01"
                                   "01234567"
                                   "\x11"
                                   "rgba"
                                   "\x0f\0\0\0\x02\x07\x01\x0f\0\0\0\x01\x07\x02");
    struct traci_value v;

    for (int i = 0; i < 9; i++)
        assert_true(traci_get_value(&r, &v));
    assert_ptr_equal(r.at, r.end);
}

TEST(values_that_announce_more_than_there_is_are_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\x0c\xff\xff\xff\xff"
         "x",
         6},
        {"\x0e\xff\xff\xff\xff\0\0\0\0", 9},
        {"\x10\x20\0\0\0\0\0\0\0\0\0\0\0", 13}, /* 2^29 doubles: 2^32 bytes */
        {"\x06\0\x10\0\0\0\0\0", 8},
        {"\x0f\xff\xff\xff\xff", 5},
        {"\x0f\xff\xff\xff\xff\x0f\xff\xff\xff\xff", 10},
        {"\x0b\0\0\0", 4},
        {"\x7a", 1}, /* no such type */
        {"", 0},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct traci_reader r = reader_of(bad[i].bytes, bad[i].len);
        struct traci_value v;

        assert_false(traci_get_value(&r, &v));
        assert_true(r.failed);
    }
}

TEST(compounds_nested_a_million_deep_need_no_stack)
{
    enum { N = 1000000 };
    char *bytes = malloc(N * 5 + 2);
    struct traci_reader r;
    struct traci_value v;

    for (int i = 0; i < N; i++)
        memcpy(bytes + (size_t)i * 5, "\x0f\0\0\0\x01", 5);
    memcpy(bytes + N * 5, "\x07\x01", 2);
    traci_reader_init(&r, bytes, N * 5 + 2);
    assert_true(traci_get_value(&r, &v));
    assert_ptr_equal(r.at, r.end);
    free(bytes);
}

/* Two vehicles on a loop, as SUMO 1.15 tells it: one has left, one is still on it. */
#define VEHICLE_DATA                                                                               \
    "\x0f\0\0\0\x0b\x09\0\0\0\x02"                                                                 \
    "\x0c\0\0\0\x02v1\x0b\x40\x14\0\0\0\0\0\0\x0b\x40\x59\0\0\0\0\0\0\x0b\x40\x59\x20\0\0\0\0\0"   \
    "\x0c\0\0\0\x03"                                                                               \
    "car"                                                                                          \
    "\x0c\0\0\0\x02v2\x0b\x40\x14\0\0\0\0\0\0\x0b\x40\x59\0\0\0\0\0\0\x0b\xbf\xf0\0\0\0\0\0\0"     \
    "\x0c\0\0\0\x03"                                                                               \
    "car"

TEST(vehicles_that_left_a_loop_are_counted)
{
    struct traci_reader r = READER(VEHICLE_DATA), none = READER("\x0f\0\0\0\x01\x09\0\0\0\0");
    struct traci_value v;

    assert_true(traci_get_value(&r, &v));
    assert_int_equal(traci_count_left(&v), 1);
    assert_true(traci_get_value(&none, &v));
    assert_int_equal(traci_count_left(&v), 0);
}

TEST(vehicle_data_in_another_form_are_refused)
{
    struct traci_reader number = READER("\x09\0\0\0\x01"),
                        other = READER("\x0f\0\0\0\x01\x0c\0\0\0\0"),
                        short_of_parts = READER("\x0f\0\0\0\x02\x09\0\0\0\x01\x0c\0\0\0\x01v"),
                        too_many = READER("\x0f\0\0\0\x01\x09\x7f\xff\xff\xff");
    struct traci_value v;

    assert_true(traci_get_value(&number, &v));
    assert_int_equal(traci_count_left(&v), -1);
    assert_true(traci_get_value(&other, &v));
    assert_int_equal(traci_count_left(&v), -1);
    assert_true(traci_get_value(&short_of_parts, &v));
    assert_int_equal(traci_count_left(&v), -1);
    assert_true(traci_get_value(&too_many, &v));
    assert_int_equal(traci_count_left(&v), -1);
}

/* --- whole answers ---------------------------------------------------------------------------- */

struct seen {
    char text[400];
    enum platoon_status answer;
};

static enum platoon_status note(enum traci_domain domain, struct traci_text id, unsigned variable,
                                const struct traci_value *value, void *arg, struct platoon_err *err)
{
    struct seen *seen = arg;
    size_t len = strlen(seen->text);

    (void)err;
    snprintf(seen->text + len, sizeof seen->text - len, "%x/%.*s/%x=%g ", domain, (int)id.len,
             id.data, variable, value->number);
    return seen->answer;
}

#define OK_SET  "\x07\xc2\0\0\0\0\0"
#define OK_STEP "\x07\x02\0\0\0\0\0"
#define LOOP    "\x15\xe0\0\0\0\x03mg1\x01\x13\0\x0b\x40\x24\0\0\0\0\0\0"
#define TIME    "\x19\xeb\0\0\0\0\x02\x66\0\x0b\x40\x59\0\0\0\0\0\0\x7d\0\x09\0\0\0\x07"

TEST(step_hands_over_what_was_subscribed)
{
    struct traci_reader answer = READER(OK_SET OK_STEP "\0\0\0\x02" LOOP TIME);
    struct seen seen = {"", PLATOON_OK};
    struct platoon_err err;

    assert_int_equal(traci_read_step(&answer, 1, note, &seen, &err), PLATOON_OK);
    assert_string_equal(seen.text, "0/mg1/13=10 b//66=100 b//7d=7 ");
}

TEST(step_passes_on_what_its_reader_answers)
{
    struct traci_reader answer = READER(OK_STEP "\0\0\0\x01" LOOP);
    struct seen seen = {"", PLATOON_EINTR};

    assert_int_equal(traci_read_step(&answer, 0, note, &seen, NULL), PLATOON_EINTR);
}

TEST(step_tells_what_sumo_refused_in_its_words)
{
    struct traci_reader set = READER("\x16\xc2\xff\0\0\0\x0f"
                                     "no such signal!" OK_STEP "\0\0\0\0"),
                        step = READER("\x0c\x02\xff\0\0\0\x05"
                                      "boom!"),
                        silent = READER("\x07\x02\x01\0\0\0\0"),
                        value =
                            READER(OK_STEP "\0\0\0\x01"
                                           "\x15\xe0\0\0\0\x03mg1\x01\x13\xff\x0c\0\0\0\x04gone");
    struct platoon_err err;

    assert_int_equal(traci_read_step(&set, 1, NULL, NULL, &err), PLATOON_EREMOTE);
    assert_non_null(strstr(err.message, "no such signal!"));
    assert_int_equal(traci_read_step(&step, 0, NULL, NULL, &err), PLATOON_EREMOTE);
    assert_non_null(strstr(err.message, "boom!"));
    assert_int_equal(traci_read_step(&silent, 0, NULL, NULL, &err), PLATOON_EREMOTE);
    assert_non_null(strstr(err.message, "not implemented"));
    assert_int_equal(traci_read_step(&value, 0, NULL, NULL, &err), PLATOON_EREMOTE);
    assert_non_null(strstr(err.message, "variable 0x13 of \"mg1\": gone"));
}

TEST(step_refuses_every_answer_that_is_cut_or_too_long)
{
    static const char whole[] = OK_SET OK_STEP "\0\0\0\x02" LOOP TIME;

    for (size_t len = 0; len < sizeof whole + 3; len++) {
        /* Exactly as long as it is said to be, so that the sanitizer sees a read beyond. */
        char *copy = calloc(1, len ? len : 1);
        struct traci_reader answer;
        struct platoon_err err;

        memcpy(copy, whole, len < sizeof whole - 1 ? len : sizeof whole - 1);
        traci_reader_init(&answer, copy, len);
        assert_int_equal(traci_read_step(&answer, 1, NULL, NULL, &err),
                         len == sizeof whole - 1 ? PLATOON_OK : PLATOON_EPROTO);
        free(copy);
    }
}

TEST(step_refuses_answers_to_something_else)
{
    struct traci_reader other = READER("\x07\x03\0\0\0\0\0\0\0\0\0"),
                        no_subscription = READER(OK_STEP "\0\0\0\x01\x03\xb0\x00");

    assert_int_equal(traci_read_step(&other, 0, NULL, NULL, NULL), PLATOON_EPROTO);
    assert_int_equal(traci_read_step(&no_subscription, 0, NULL, NULL, NULL), PLATOON_EPROTO);
}
