/* SPDX-License-Identifier: Apache-2.0 */
/* What SUMO prints, recorded and made up. */
#include "support/test.h"

#include "sumo/console.h"

static void feed_out(struct console *c, const char *text)
{
    console_feed_out(c, text, strlen(text));
}

static void feed_err(struct console *c, const char *text)
{
    console_feed_err(c, text, strlen(text));
}

static char *recorded(const char *name, size_t *out_len)
{
    char path[512], *data = malloc(1 << 16);
    FILE *file;

    snprintf(path, sizeof path, "%s/sumo/%s", PLATOON_TEST_DATA, name);
    file = fopen(path, "r");
    assert_non_null(file);
    *out_len = fread(data, 1, 1 << 16, file);
    fclose(file);
    return data;
}

TEST(console_understands_a_recorded_run_in_pieces_of_any_size)
{
    size_t len;
    char *text = recorded("gridlock.stdout", &len);

    for (size_t piece = 1; piece <= len; piece = piece * 3 + 1) {
        struct console c;

        console_init(&c);
        for (size_t at = 0; at < len; at += piece)
            console_feed_out(&c, text + at, len - at < piece ? len - at : piece);
        console_finish(&c);
        assert_true(c.has_progress);
        assert_true(c.time_s == 9000.0);
        assert_true(c.running == 187.0);
        assert_true(c.waiting == 950.0);
        assert_true(c.has_ended);
        assert_true(c.ended_s == 9000.0);
        assert_int_equal(c.reason, REASON_END_REACHED);
    }
    free(text);
}

TEST(console_knows_why_sumo_ended)
{
    static const struct {
        const char *line;
        enum console_reason reason;
    } cases[] = {
        {"Reason: The final simulation step has been reached.\n", REASON_END_REACHED},
        {"Reason: All vehicles have left the simulation.\n", REASON_NO_VEHICLES_LEFT},
        {"Reason: TraCI requested termination.\n", REASON_CLIENT_FINISHED},
        {"Reason: Interrupted.\n", REASON_INTERRUPTED},
        {"Reason: Too many teleports.\n", REASON_TOO_MANY_TELEPORTS},
        {"Reason: An error occurred (see log).\n", REASON_ERROR},
        {"Reason: of another release.\n", REASON_OTHER},
        {"Reason\n", REASON_UNTOLD},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct console c;

        console_init(&c);
        feed_out(&c, cases[i].line);
        assert_int_equal(c.reason, cases[i].reason);
    }
}

TEST(console_reads_the_step_log_with_and_without_a_client)
{
    struct console c;

    console_init(&c);
    feed_out(&c,
             "Step #450.00 (1ms ~= 1000.00*RT, ~161000.00UPS, vehicles TOT 197 ACT 170 BUF 2)  \r");
    assert_true(c.time_s == 450.0 && c.running == 170.0 && c.waiting == 2.0);
    feed_out(&c,
             "Step #450.50 (0ms ?*RT. ?UPS, TraCI: 12ms, vehicles TOT 198 ACT 171 BUF 0)    \r");
    assert_true(c.time_s == 450.5 && c.running == 171.0 && c.waiting == 0.0);
    feed_out(&c, "Step #451.0");
    assert_true(c.time_s == 450.5); /* not before its end */
    feed_out(&c, "0 (0ms\r");       /* and not without its figures */
    assert_true(c.time_s == 450.5);
}

TEST(console_knows_when_the_port_is_about_to_open)
{
    struct console c;

    console_init(&c);
    feed_out(&c, "Loading net-file from 'x' ... done (1ms).\n");
    assert_false(c.is_listening_soon);
    feed_out(&c, "***Starting server on port 45678 ***\n");
    assert_true(c.is_listening_soon);
}

TEST(console_keeps_the_error_lines_and_their_continuation_only)
{
    struct console c;

    console_init(&c);
    feed_err(&c, "Warning: something small.\n"
                 "Error: equal sign expected\n"
                 " In file 'x.rou.xml'\n"
                 " At line/column 6/70.\n"
                 "\n"
                 "Quitting (on error).\n");
    assert_string_equal(c.errors, "Error: equal sign expected\n"
                                  " In file 'x.rou.xml'\n"
                                  " At line/column 6/70.");
    assert_string_equal(c.tail, "Warning: something small.\n"
                                "Error: equal sign expected\n"
                                " In file 'x.rou.xml'\n"
                                " At line/column 6/70.\n"
                                "Quitting (on error).\n");
}

TEST(console_keeps_a_last_line_without_an_end)
{
    struct console c;

    console_init(&c);
    feed_err(&c, "Error: cut");
    assert_string_equal(c.errors, "");
    console_finish(&c);
    assert_string_equal(c.errors, "Error: cut");
}

TEST(console_stays_small_whatever_sumo_prints)
{
    struct console c;
    char line[64];

    console_init(&c);
    for (int i = 0; i < 100000; i++) {
        snprintf(line, sizeof line, "Warning: Teleporting vehicle 'v%d'; waited too long.\n", i);
        feed_err(&c, line);
    }
    assert_non_null(strstr(c.tail, "'v99999'"));
    assert_null(strstr(c.tail, "'v99000'"));
    assert_true(strlen(c.tail) < CONSOLE_TAIL_BYTES);
    assert_memory_equal(c.tail, "Warning: ", 9); /* whole lines */
    for (int i = 0; i < 1000; i++)
        feed_err(&c, "Error: again and again, with some more words to fill it.\n");
    assert_true(strlen(c.errors) < CONSOLE_ERRORS_BYTES);
    for (int i = 0; i < 100000; i++)
        feed_err(&c, "a line without an end ");
    feed_err(&c, "\n");
    assert_non_null(strstr(c.tail, "a line without an end"));
}

TEST(console_survives_bytes_of_any_kind)
{
    struct console c;
    char noise[4096];

    console_init(&c);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(i * 167 + (i >> 3));
    for (int i = 0; i < 50; i++) {
        console_feed_out(&c, noise, sizeof noise);
        console_feed_err(&c, noise, sizeof noise);
    }
    console_finish(&c);
    assert_true(strlen(c.tail) < CONSOLE_TAIL_BYTES);
}
