/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <unistd.h>

#include "config/csv_read.h"

struct seen {
    char text[512]; /* "1:a|b;2:c|d;" */
    size_t n_rows;
};

static enum platoon_status on_row(const platoon_value *fields, size_t line, void *arg,
                                  struct platoon_err *err)
{
    struct seen *s = arg;
    size_t len = strlen(s->text);

    (void)err;
    s->n_rows++;
    len += (size_t)snprintf(s->text + len, sizeof s->text - len, "%zu:", line);
    for (size_t i = 0; i < platoon_len(fields); i++)
        len += (size_t)snprintf(s->text + len, sizeof s->text - len, "%s%s", i ? "|" : "",
                                platoon_as_str(platoon_item(fields, i), NULL));
    snprintf(s->text + len, sizeof s->text - len, ";");
    return PLATOON_OK;
}

static enum platoon_status read_text(const char *text, size_t len, size_t max_rows,
                                     struct seen *seen, struct platoon_err *err)
{
    char path[] = "/tmp/platoon-csv-XXXXXX";
    int fd = mkstemp(path);
    enum platoon_status st;

    *seen = (struct seen){0};
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
    st = csv_read_file(path, max_rows, on_row, seen, err);
    unlink(path);
    return st;
}

TEST(rows_of_every_notation)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"a,b\n1,2\n", "1:a|b;2:1|2;"},
        {"a,b\r\n1,2\r\n", "1:a|b;2:1|2;"},
        {"a,b\n1,2", "1:a|b;2:1|2;"},
        {"\"a,b\",\"c \"\"d\"\"\"\n", "1:a,b|c \"d\";"},
        {"\"two\nlines\",x\ny,z\n", "1:two\nlines|x;3:y|z;"},
        {"a,,\n,\n", "1:a||;2:|;"},
        {"a\n\n\nb\n", "1:a;4:b;"},
        {"\xef\xbb\xbfname\n", "1:name;"},
        {" a , b\n", "1: a | b;"},
        {"a\rb\n", "1:a\rb;"},
        {"", ""},
        {"\"\"\n", "1:;"},
        {"\xe5\x90\x8d,\xc3\xa9\n", "1:\xe5\x90\x8d|\xc3\xa9;"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct platoon_err err;
        struct seen seen;

        assert_int_equal(read_text(cases[i].text, strlen(cases[i].text), 10, &seen, &err),
                         PLATOON_OK);
        assert_string_equal(seen.text, cases[i].wanted);
    }
}

TEST(what_is_wrong_is_told_with_its_line)
{
    static const struct {
        const char *text;
        size_t len;
        const char *place, *why;
    } cases[] = {
        {"a\n\"b\n", 5, ":3:", "not closed"},
        {"a\nb\n\"c\"d\n", 9, ":3:", "after a closing quote"},
        {"a\n\xff\n", 4, ":2:", "not text"},
        {"a\nb\0c\n", 6, ":2:", "not text"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct platoon_err err;
        struct seen seen;

        assert_int_equal(read_text(cases[i].text, cases[i].len, 10, &seen, &err), PLATOON_EINVAL);
        assert_non_null(strstr(err.message, cases[i].place));
        assert_non_null(strstr(err.message, cases[i].why));
    }
}

TEST(limits_hold)
{
    char *wide = calloc(1, CSV_MAX_FIELDS + 2);
    struct platoon_err err;
    struct seen seen;

    assert_int_equal(read_text("a\nb\nc\n", 6, 2, &seen, &err), PLATOON_ELIMIT);
    assert_int_equal(seen.n_rows, 2);
    assert_int_equal(read_text("a\nb\n\n", 5, 2, &seen, &err), PLATOON_OK);
    memset(wide, ',', CSV_MAX_FIELDS);
    assert_int_equal(read_text(wide, CSV_MAX_FIELDS, 2, &seen, &err), PLATOON_ELIMIT);
    free(wide);
    assert_int_equal(csv_read_file("/nowhere/at/all", 1, on_row, &seen, &err), PLATOON_ENOTFOUND);
}
