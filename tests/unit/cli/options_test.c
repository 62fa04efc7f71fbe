/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "cli/options.h"

enum { LISTEN = 1, QUIET, SIZE };
static const struct cmd_option table[] = {
    {LISTEN, "listen", "A:P", "where"},
    {QUIET, "quiet", NULL, "less"},
    {SIZE, "size", "N", "how much"},
    {0},
};
static const struct cmd cmd = {.name = "x", .usage = "", .about = "\n", .options = table};

#define READ(o, ...)                                                                               \
    char *argv[] = {(char *)"x", __VA_ARGS__, NULL};                                               \
    struct options o;                                                                              \
    options_init(&o, &cmd, (int)(sizeof argv / sizeof *argv) - 1, argv)

TEST(options_reads_values_in_both_forms_among_operands)
{
    READ(o, (char *)"--listen", (char *)"a:1", (char *)"in", (char *)"--listen=b:2",
         (char *)"--quiet");
    assert_int_equal(options_next(&o), LISTEN);
    assert_string_equal(o.value, "a:1");
    assert_int_equal(options_next(&o), OPTION_OPERAND);
    assert_string_equal(o.value, "in");
    assert_int_equal(options_next(&o), LISTEN);
    assert_string_equal(o.value, "b:2");
    assert_int_equal(options_next(&o), QUIET);
    assert_int_equal(options_next(&o), OPTION_END);
}

TEST(options_leaves_everything_after_dashes_alone)
{
    READ(o, (char *)"--", (char *)"prog", (char *)"--quiet", (char *)"--help", (char *)"--");
    assert_int_equal(options_next(&o), OPTION_OPERAND);
    assert_true(o.after_dashes);
    assert_string_equal(o.value, "prog");
    assert_string_equal(o.argv[o.at], "--quiet");
    for (int i = 0; i < 3; i++)
        assert_int_equal(options_next(&o), OPTION_OPERAND);
    assert_string_equal(o.value, "--");
    assert_int_equal(options_next(&o), OPTION_END);
}

TEST(options_refuses_what_it_does_not_know_with_exit_code_2)
{
    static const char *const bad[] = {"--quite", "--listen", "--quiet=1", "-q", "--=", "---quiet"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        READ(o, (char *)bad[i]);
        assert_int_equal(options_next(&o), OPTION_EXIT);
        assert_int_equal(o.exit_code, CMD_USAGE);
    }
}

TEST(options_takes_a_single_dash_as_an_operand)
{
    READ(o, (char *)"-");
    assert_int_equal(options_next(&o), OPTION_OPERAND);
    assert_string_equal(o.value, "-");
}

TEST(options_integer_is_strict)
{
    static const char *const bad[] = {
        "", "1x", " 1", "+1", "0x1", "-1", "101", "1.0", "99999999999999999999"};
    int64_t n = -7;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        READ(o, (char *)"--size", (char *)bad[i]);
        assert_int_equal(options_next(&o), SIZE);
        assert_false(options_integer(&o, 0, 100, &n));
        assert_int_equal(o.exit_code, CMD_USAGE);
        assert_int_equal(n, -7);
    }
    READ(o, (char *)"--size", (char *)"100");
    assert_int_equal(options_next(&o), SIZE);
    assert_true(options_integer(&o, 0, 100, &n));
    assert_int_equal(n, 100);
}

TEST(options_bytes_knows_units_and_overflow)
{
    static const struct {
        const char *text;
        bool is_good;
        uint64_t bytes;
    } cases[] = {
        {"4096", true, 4096},       {"64K", true, 65536}, {"1G", true, 1u << 30},
        {"3MiB", true, 3u << 20},   {"", false, 0},       {"M", false, 0},
        {"1T", false, 0},           {"1KB", false, 0},    {"-1", false, 0},
        {"17179869184G", false, 0}, {"1.5M", false, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t n = 0;
        READ(o, (char *)"--size", (char *)cases[i].text);
        assert_int_equal(options_next(&o), SIZE);
        assert_int_equal(options_bytes(&o, 0, UINT64_MAX, &n), cases[i].is_good);
        assert_int_equal(n, cases[i].bytes);
    }
}

TEST(options_seconds_takes_fractions_only)
{
    static const char *const bad[] = {"", "-1", "inf", "nan", "0x10", "1e9", "11", "1..5", "."};
    double s = -7;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        READ(o, (char *)"--size", (char *)bad[i]);
        assert_int_equal(options_next(&o), SIZE);
        assert_false(options_seconds(&o, 10, &s));
    }
    READ(o, (char *)"--size", (char *)"2.5");
    assert_int_equal(options_next(&o), SIZE);
    assert_true(options_seconds(&o, 10, &s));
    assert_true(s == 2.5);
}
