/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "report/html.h"

static char *escaped(const char *text, size_t max_columns)
{
    struct buf b;

    buf_init(&b);
    html_text_cut(&b, text, max_columns);
    buf_text(&b, "");
    return buf_take_text(&b, NULL);
}

static void check(const char *text, size_t max_columns, const char *wanted)
{
    char *got = escaped(text, max_columns);

    assert_non_null(got);
    assert_string_equal(got, wanted);
    free(got);
}

TEST(markup_becomes_text)
{
    check("<script>alert(\"x\")</script> & 'y'", SIZE_MAX,
          "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;");
    check("&amp;", SIZE_MAX, "&amp;amp;");
    check("", SIZE_MAX, "");
    check(NULL, SIZE_MAX, "");
    check("排队 – é", SIZE_MAX, "排队 – é");
    check("two\nlines\tand a tab", SIZE_MAX, "two\nlines\tand a tab");
}

TEST(what_is_no_text_is_replaced)
{
    check("a\x01\x1b[31mb\x7f", SIZE_MAX, "a\xef\xbf\xbd\xef\xbf\xbd[31mb\xef\xbf\xbd");
    check("a\xff"
          "b\xc3",
          SIZE_MAX,
          "a\xef\xbf\xbd"
          "b\xef\xbf\xbd");
    check("\xed\xa0\x80x", SIZE_MAX,
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx"); /* a lone surrogate */
    check("abc\xe2\x80\xae"
          "fed",
          SIZE_MAX,
          "abc\xef\xbf\xbd"
          "fed");                                    /* right to left from here */
    check("\xef\xbf\xbe", SIZE_MAX, "\xef\xbf\xbd"); /* U+FFFE is no character */
}

TEST(long_texts_are_cut_where_they_fit)
{
    check("12345", 5, "12345");
    check("123456", 5, "1234…");
    check("<<<<<<", 3, "&lt;&lt;…");
    check("排队长度", 8, "排队长度");
    check("排队长度", 7, "排队长…");
    check("排队长度", 6, "排队…"); /* five columns: three characters and the dots are seven */
    check("排队", 1, "…");
}

TEST(formats_are_escaped_after_they_are_filled)
{
    struct buf b;
    char *got;

    buf_init(&b);
    html_textf(&b, "<%s> %d%%", "&", 5);
    got = buf_take_text(&b, NULL);
    assert_string_equal(got, "&lt;&amp;&gt; 5%");
    free(got);
}
