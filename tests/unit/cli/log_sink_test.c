/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <jansson.h>
#include <time.h>

#include "cli/log_sink.h"

static const int64_t at_ms = 1700000000123; /* 2023-11-14T22:13:20.123Z */

static json_t *as_json(const char *line)
{
    struct log_sink sink = {LOG_SINK_JSON, 6};
    char text[4096];
    size_t len = log_sink_render(&sink, 4, line, at_ms, text, sizeof text);
    json_t *object;

    assert_int_equal(text[len - 1], '\n');
    object = json_loads(text, 0, NULL);
    assert_non_null(object);
    return object;
}

static void assert_member(const json_t *object, const char *key, const char *wanted)
{
    assert_string_equal(json_string_value(json_object_get(object, key)), wanted);
}

TEST(log_text_has_time_zone_level_and_the_line)
{
    struct log_sink sink = {LOG_SINK_TEXT, 6};
    char text[256];

    assert_int_equal(setenv("TZ", "UTC-8", 1), 0);
    tzset();
    log_sink_render(&sink, 6, "session.open peer=127.0.0.1:7", at_ms, text, sizeof text);
    assert_string_equal(text,
                        "2023-11-15T06:13:20.123+0800 info    session.open peer=127.0.0.1:7\n");
}

TEST(log_under_the_journal_has_only_its_priority)
{
    struct log_sink sink = {LOG_SINK_JOURNAL, 6};
    char text[256];

    log_sink_render(&sink, 3, "store.full", at_ms, text, sizeof text);
    assert_string_equal(text, "<3>store.full\n");
}

TEST(log_json_takes_pairs_and_quoted_values_apart)
{
    json_t *o =
        as_json("auth.refused peer=[::1]:7 why=\"wrong \\\"key\\\" \\\\ x=y\" n=3 empty= q=\"\"");

    assert_member(o, "level", "warning");
    assert_member(o, "event", "auth.refused");
    assert_member(o, "peer", "[::1]:7");
    assert_member(o, "why", "wrong \"key\" \\ x=y");
    assert_member(o, "n", "3");
    assert_member(o, "empty", "");
    assert_member(o, "q", "");
    assert_int_equal(json_object_size(o), 8);
    json_decref(o);
}

TEST(log_json_keeps_prose_and_control_characters)
{
    json_t *o = as_json("stop a sentence with\ttab and = signs");

    assert_member(o, "event", "stop");
    assert_member(o, "text", "a sentence with\ttab and = signs");
    json_decref(o);
}

TEST(log_json_is_whole_at_any_size)
{
    struct log_sink sink = {LOG_SINK_JSON, 6};
    char line[400], text[1024];

    memset(line, '"', sizeof line);
    memcpy(line, "event key=", 10);
    line[sizeof line - 1] = '\0';
    for (size_t size = 160; size <= sizeof text; size++) {
        size_t len = log_sink_render(&sink, 6, line, at_ms, text, size);
        json_t *object = json_loads(text, 0, NULL);
        assert_true(len < size);
        assert_non_null(object);
        json_decref(object);
    }
}
