/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "base/utf8.h"

/* What RFC 3629 says, and surrogates, written without looking at utf8.c: decode one character,
 * compare with how it would be written. */
static bool is_well_formed(const uint8_t *p, size_t len)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};

    while (len > 0) {
        size_t n = p[0] < 0x80             ? 1
                   : (p[0] & 0xe0) == 0xc0 ? 2
                   : (p[0] & 0xf0) == 0xe0 ? 3
                   : (p[0] & 0xf8) == 0xf0 ? 4
                                           : 0;
        uint32_t c = n == 0 ? 0 : n == 1 ? p[0] : p[0] & (0x7fu >> n);

        if (n == 0 || n > len)
            return false;
        for (size_t i = 1; i < n; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return false;
            c = c << 6 | (p[i] & 0x3f);
        }
        if (c < lowest[n] || c > 0x10ffff)
            return false;
        p += n;
        len -= n;
    }
    return true;
}

static bool checks_in_pieces(const uint8_t *p, size_t len, size_t piece)
{
    struct utf8_check c = {0};

    for (size_t at = 0; at < len; at += piece)
        if (!utf8_check_feed(&c, p + at, len - at < piece ? len - at : piece))
            return false;
    return utf8_check_is_whole(&c);
}

static void assert_agrees(const uint8_t *p, size_t len)
{
    bool expected = is_well_formed(p, len);

    assert_int_equal(utf8_is_valid(p, len), expected);
    for (size_t piece = 1; piece < len && piece < 20; piece++)
        assert_int_equal(checks_in_pieces(p, len, piece), expected);
}

TEST(utf8_agrees_with_the_standard_on_all_short_sequences)
{
    uint8_t p[4];

    for (unsigned a = 0; a < 256; a++) {
        p[0] = (uint8_t)a;
        assert_agrees(p, 1);
        for (unsigned b = 0; b < 256; b++) {
            p[1] = (uint8_t)b;
            assert_agrees(p, 2);
            if (b % 16 != 15 && b % 16 != 0) /* the edges of all ranges are among these */
                continue;
            for (unsigned c = 0x7f; c < 0xc1; c++) {
                p[2] = (uint8_t)c;
                assert_agrees(p, 3);
                p[3] = 0x80;
                assert_agrees(p, 4);
                p[3] = 0xc0;
                assert_agrees(p, 4);
            }
        }
    }
}

TEST(utf8_lets_surrogates_pass)
{
    assert_true(utf8_is_valid("\xed\xa0\x80", 3));
    assert_true(utf8_is_valid("\xed\xbf\xbf", 3));
    assert_false(utf8_is_valid("\xf4\x90\x80\x80", 4));
}

/* One bad byte, or one character cut off, anywhere in a text of any mixture. */
TEST(utf8_finds_a_bad_byte_wherever_it_stands)
{
    static const char *const mixtures[] = {"a",
                                           "ab\xc3\xa9 ",
                                           "\xe4\xb8\xad",
                                           "\xe4\xb8\xad\xc3\xa9x",
                                           "\xf0\x9f\x98\x80",
                                           "12345678901234567890\xe2\x82\xac",
                                           "\xed\xa0\x80z"};

    for (size_t m = 0; m < sizeof mixtures / sizeof *mixtures; m++) {
        uint8_t text[100];
        size_t n = 0, unit = strlen(mixtures[m]);

        for (; n + unit <= sizeof text; n += unit)
            memcpy(text + n, mixtures[m], unit);
        assert_agrees(text, n);
        assert_true(utf8_is_valid(text, n));
        for (size_t i = 0; i < n; i++) {
            uint8_t was = text[i];

            assert_agrees(text, i);
            text[i] = 0xff;
            assert_false(utf8_is_valid(text, n));
            assert_agrees(text, n);
            text[i] = was ^ 0x80;
            assert_agrees(text, n);
            text[i] = was;
        }
    }
}

TEST(utf8_is_ascii_looks_at_every_byte)
{
    char text[70];

    memset(text, 'x', sizeof text);
    for (size_t len = 0; len <= sizeof text; len++) {
        assert_true(utf8_is_ascii(text, len));
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)0x80;
            assert_false(utf8_is_ascii(text, len));
            text[i] = 'x';
        }
    }
}
