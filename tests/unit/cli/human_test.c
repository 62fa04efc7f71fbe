/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "cli/human.h"

TEST(human_duration_has_two_units_at_most_and_no_60)
{
    static const struct {
        double s;
        const char *text;
    } cases[] = {{0, "0.0s"},     {3.2, "3.2s"},      {9.94, "9.9s"},    {9.96, "10s"},
                 {59.4, "59s"},   {59.6, "1m00s"},    {245, "4m05s"},    {3599.6, "1h00m"},
                 {7980, "2h13m"}, {86399.6, "1d00h"}, {273600, "3d04h"}, {-1, "-"},
                 {0.0 / 0.0, "-"}};
    char out[HUMAN_MAX];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(human_duration(cases[i].s, out), cases[i].text);
}

TEST(human_bytes_uses_powers_of_1024)
{
    char out[HUMAN_MAX];

    assert_string_equal(human_bytes(0, out), "0");
    assert_string_equal(human_bytes(1023, out), "1023");
    assert_string_equal(human_bytes(1536, out), "1.5 KiB");
    assert_string_equal(human_bytes(64u << 20, out), "64 MiB");
    assert_string_equal(human_bytes((1u << 20) - 1, out), "1.0 MiB");
    assert_string_equal(human_bytes(UINT64_MAX, out), "16 EiB");
}
