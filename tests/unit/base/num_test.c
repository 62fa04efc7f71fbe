/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <locale.h>
#include <math.h>

#include "base/num.h"

static void assert_double(double d, const char *text)
{
    char out[NUM_DOUBLE_ROOM];
    double back = 0;

    assert_int_equal(num_double_text(d, out), strlen(text));
    assert_string_equal(out, text);
    assert_true(num_double_parse(text, strlen(text), &back));
    assert_true(memcmp(&back, &d, sizeof d) == 0 || isnan(d));
}

TEST(doubles_are_written_as_python_writes_them)
{
    assert_double(0.0, "0.0");
    assert_double(-0.0, "-0.0");
    assert_double(1.0, "1.0");
    assert_double(-1.5, "-1.5");
    assert_double(0.1, "0.1");
    assert_double(1.0 / 3, "0.3333333333333333");
    assert_double(0.0001, "0.0001");
    assert_double(0.00001, "1e-05");
    assert_double(123456789012345.0, "123456789012345.0");
    assert_double(1e15, "1000000000000000.0");
    assert_double(9999999999999998.0, "9999999999999998.0");
    assert_double(1e16, "1e+16");
    assert_double(1.5e16, "1.5e+16");
    assert_double(1e22, "1e+22");
    assert_double(1e23, "1e+23");
    assert_double(9.999999999999997e22, "9.999999999999997e+22");
    assert_double(5e-324, "5e-324");
    assert_double(2.2250738585072014e-308, "2.2250738585072014e-308");
    assert_double(1.7976931348623157e308, "1.7976931348623157e+308");
    assert_double(INFINITY, "inf");
    assert_double(-INFINITY, "-inf");
    assert_double(NAN, "nan");
}

TEST(powers_of_two_are_written_with_the_fewest_digits)
{
    /* The nearest decimal of 16 digits does not read back; the one above it does. */
    assert_double(ldexp(1, -44), "5.684341886080802e-14");
    assert_double(ldexp(1, 89), "6.189700196426902e+26");
    assert_double(ldexp(1, -1022), "2.2250738585072014e-308");
}

TEST(doubles_do_not_depend_on_the_locale)
{
    char out[NUM_DOUBLE_ROOM];
    double d = 0;

    char dir[] = "/tmp/platoon-locale-XXXXXX", command[256];
    bool has_locale;

    /* A locale with a decimal comma, made here: few machines have one installed. */
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof command, "localedef -c -i de_DE -f UTF-8 %s/de_DE.utf8 2>/dev/null",
             dir);
    has_locale = system(command) >= 0 && setenv("LOCPATH", dir, 1) == 0 &&
                 setlocale(LC_NUMERIC, "de_DE.utf8");
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
    if (!has_locale)
        skip(); /* no localedef, or no sources for it */
    assert_string_equal(localeconv()->decimal_point, ",");
    (void)num_double_text(2.75, out);
    assert_string_equal(out, "2.75");
    assert_true(num_double_parse("2.75", 4, &d));
    assert_true(d == 2.75);
    setlocale(LC_NUMERIC, "C");
}

TEST(text_that_is_no_double_is_refused)
{
    static const char *const bad[] = {"",   "+",   ".",   "e5",   "1e",  "1e+",   "1 ",
                                      " 1", "0x1", "1,5", "nano", "--1", "1.5.2", "infinit"};
    double d = 7;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(num_double_parse(bad[i], strlen(bad[i]), &d));
    assert_true(d == 7);
    assert_true(num_double_parse("1e999999999", 11, &d));
    assert_true(isinf(d));
    assert_true(num_double_parse("-1e-999999999", 13, &d));
    assert_true(d == 0 && signbit(d));
    assert_true(num_double_parse("+Infinity", 9, &d));
    assert_true(isinf(d));
}

static void assert_integer(const char *text, const char *hex_le)
{
    struct buf bytes, back;
    char hex[512] = "";

    buf_init(&bytes);
    buf_init(&back);
    assert_int_equal(num_int_parse(text, strlen(text), &bytes), NUM_OK);
    for (size_t i = 0; i < bytes.len; i++)
        sprintf(hex + 2 * i, "%02x", bytes.data[i]);
    assert_string_equal(hex, hex_le);
    num_int_text(&back, bytes.data, bytes.len);
    assert_int_equal(back.len, strlen(text));
    assert_memory_equal(back.data, text, back.len);
    buf_release(&bytes);
    buf_release(&back);
}

TEST(integers_of_any_size_are_read_and_written)
{
    assert_integer("0", "");
    assert_integer("1", "01");
    assert_integer("-1", "ff");
    assert_integer("127", "7f");
    assert_integer("128", "8000");
    assert_integer("-128", "80");
    assert_integer("-129", "7fff");
    assert_integer("9223372036854775807", "ffffffffffffff7f");
    assert_integer("-9223372036854775808", "0000000000000080");
    assert_integer("9223372036854775808", "000000000000008000");
    assert_integer("18446744073709551616", "000000000000000001");
    assert_integer("-18446744073709551616", "0000000000000000ff");
    assert_integer("1000000000000000000000000000000", "00000040eaed7446d09c2c9f0c");
    assert_integer("1000000000000000000", "000064a7b3b6e00d");
}

TEST(integers_too_long_for_decimal_are_hexadecimal)
{
    static uint8_t le[10001];
    struct buf out;

    buf_init(&out);
    le[10000] = 1;
    num_int_text(&out, le, sizeof le);
    assert_int_equal(out.len, 2 + 20001);
    assert_memory_equal(out.data, "0x1000", 6);
    buf_reset(&out);
    le[10000] = 0xff; /* -(2 ** 80000) */
    num_int_text(&out, le, sizeof le);
    assert_memory_equal(out.data, "-0x1000", 7);
    buf_release(&out);
}

TEST(too_many_digits_are_refused)
{
    size_t len = NUM_MAX_DIGITS_READ + 1;
    char *text = malloc(len);
    struct buf out;

    assert_non_null(text);
    memset(text, '9', len);
    buf_init(&out);
    assert_int_equal(num_int_parse(text, len, &out), NUM_TOO_LONG);
    assert_int_equal(num_int_parse(text, len - 1, &out), NUM_OK);
    buf_release(&out);
    free(text);
}

TEST(integral_doubles_become_integers)
{
    uint8_t le[136];
    int64_t i = 1;

    assert_int_equal(num_int_from_double(0, le), 0);
    assert_true(num_int_to_i64(le, num_int_from_double(-1, le), &i));
    assert_int_equal(i, -1);
    assert_true(num_int_to_i64(le, num_int_from_double(-9223372036854775808.0, le), &i));
    assert_true(i == INT64_MIN);
    assert_false(num_int_to_i64(le, num_int_from_double(9223372036854775808.0, le), &i));
    assert_int_equal(num_int_from_double(1.7976931348623157e308, le), 129);
}
