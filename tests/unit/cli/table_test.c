/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <locale.h>

#include "cli/table.h"

static const struct table_column columns[] = {{"NAME", false, true}, {"N", true, false}};

static char *print(struct table *t)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = tmpfile();

    assert_non_null(out);
    assert_true(table_print(t, out));
    len = (size_t)ftell(out);
    text = calloc(1, len + 1);
    rewind(out);
    assert_int_equal(fread(text, 1, len, out), len);
    fclose(out);
    table_free(t);
    return text;
}

TEST(table_aligns_wide_characters_and_numbers)
{
    struct table *t = table_new(columns, 2);
    char *text;

    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    table_row(t);
    table_cell(t, 0, "%s", "匝道");
    table_cell(t, 1, "%d", 7);
    table_row(t);
    table_cell(t, 0, "%s", "ramp");
    table_cell(t, 1, "%d", 1234);
    text = print(t);
    assert_string_equal(text, "NAME    N\n匝道    7\nramp 1234\n");
    free(text);
}

TEST(table_shows_control_characters_escaped_and_does_not_cut_into_a_pipe)
{
    struct table *t = table_new(columns, 2);
    char name[301], *text;

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    name[0] = '\033';
    table_row(t);
    table_cell(t, 0, "%s", name);
    table_cell(t, 1, "%d", 1);
    text = print(t);
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, name + 1));
    free(text);
}

TEST(table_in_the_c_locale_ends)
{
    struct table *t = table_new(columns, 2);
    char *text;

    assert_non_null(setlocale(LC_CTYPE, "C"));
    table_row(t);
    table_cell(t, 0, "%s", "匝道");
    text = print(t);
    assert_non_null(strstr(text, "\\x"));
    free(text);
}
