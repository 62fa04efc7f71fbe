/* SPDX-License-Identifier: Apache-2.0 */
/* What is read out of a .sumocfg beforehand. */
#include "support/test.h"

#include <unistd.h>

#include "sumo/config_file.h"

static struct config_file read_text(const char *text)
{
    char path[] = "/tmp/platoon-config-XXXXXX";
    int fd = mkstemp(path);
    struct config_file c;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    config_file_read(path, &c);
    unlink(path);
    return c;
}

TEST(config_options_are_read_in_any_section_and_spelling)
{
    struct config_file c = read_text("<configuration><time><b v='60'/><end value='1:00:00'/></time>"
                                     "<random_number><seed value='7'/></random_number>"
                                     "<report><xml-validation.net value='auto'/></report>"
                                     "</configuration>");

    assert_true(c.was_read);
    assert_true(c.has_begin && c.begin_s == 60.0);
    assert_true(c.has_end && c.end_s == 3600.0);
    assert_true(c.has_seed && c.seed == 7);
    assert_false(c.is_random);
    assert_true(c.sets_validation);
}

TEST(config_without_an_end_has_none)
{
    struct config_file none = read_text("<configuration/>");
    struct config_file minus = read_text("<configuration><end value='-1'/></configuration>");

    assert_true(none.was_read && !none.has_end && !none.has_begin && !none.has_seed);
    assert_true(minus.was_read && !minus.has_end);
}

TEST(config_that_cannot_be_read_is_left_to_sumo)
{
    assert_false(read_text("<configuration><end value='5'").was_read);
    assert_false(read_text("").was_read);
    assert_false(read_text("<?xml version='1.0' encoding='GB18030'?><configuration/>").was_read);
}

TEST(config_outputs_lose_their_folder)
{
    struct config_file c = read_text("<configuration><statistic-output value='../out/s.xml'/>"
                                     "<summary-output value='/abs/m.txt'/></configuration>");

    assert_string_equal(c.statistic_file, "s.xml");
    assert_string_equal(c.summary_file, "");
}

TEST(times_are_seconds_or_clock_times)
{
    static const struct {
        const char *text;
        double s; /* < 0: refused */
    } cases[] = {
        {"0", 0},           {"3600", 3600},     {"0.5", 0.5}, {"00:00:10", 10}, {"01:30:00", 5400},
        {"1:0:0:0", 86400}, {"0:00:00.5", 0.5}, {"", -1},     {"12:30", -1},    {"1:2:3:4:5", -1},
        {"x", -1},          {"5 s", -1},        {":", -1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double got = -1.0;
        bool ok = config_time_parse(cases[i].text, &got);

        if (ok != (cases[i].s >= 0.0) || (ok && got != cases[i].s))
            fail_msg("\"%s\" gives %g", cases[i].text, got);
    }
}
