/* SPDX-License-Identifier: Apache-2.0 */
#include "config/csv_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

struct reader {
    const char *path;
    const char *at, *end;
    size_t line; /* of `at`, from 1 */
    struct buf field;
    platoon_value *row;
};

static enum platoon_status fail(const struct reader *r, struct platoon_err *err, const char *why)
{
    return platoon_fail(err, PLATOON_EINVAL, "%s:%zu: %s", r->path, r->line, why);
}

static bool is_line_end(const struct reader *r)
{
    return r->at == r->end || *r->at == '\n' ||
           (*r->at == '\r' && r->at + 1 < r->end && r->at[1] == '\n');
}

/* What stands between quotes; `at` is behind the first. */
static enum platoon_status read_quoted(struct reader *r, struct platoon_err *err)
{
    for (; r->at < r->end; r->at++) {
        if (*r->at == '"') {
            if (r->at + 1 == r->end || r->at[1] != '"')
                break;
            r->at++;
        }
        r->line += *r->at == '\n';
        buf_byte(&r->field, (uint8_t)*r->at);
    }
    if (r->at == r->end)
        return fail(r, err, "a quote is not closed");
    r->at++;
    return is_line_end(r) || *r->at == ','
               ? PLATOON_OK
               : fail(r, err, "after a closing quote a comma or the line's end follows");
}

static enum platoon_status read_field(struct reader *r, struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;

    buf_reset(&r->field);
    if (r->at < r->end && *r->at == '"') {
        r->at++;
        st = read_quoted(r, err);
    } else {
        const char *start = r->at;

        while (!is_line_end(r) && *r->at != ',')
            r->at++;
        buf_append(&r->field, start, (size_t)(r->at - start));
    }
    if (st != PLATOON_OK)
        return st;
    if (platoon_len(r->row) == CSV_MAX_FIELDS)
        return platoon_fail(err, PLATOON_ELIMIT, "%s:%zu: more than %d fields", r->path, r->line,
                            CSV_MAX_FIELDS);
    if (text_valid_prefix(r->field.data, r->field.len) != r->field.len ||
        (r->field.len && memchr(r->field.data, 0, r->field.len)))
        return fail(r, err, "a field is not text (UTF-8)");
    if (r->field.has_failed ||
        platoon_append(r->row, platoon_str_n(r->field.len ? (const char *)r->field.data : "",
                                             r->field.len)) != PLATOON_OK)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    return PLATOON_OK;
}

static enum platoon_status read_row(struct reader *r, struct platoon_err *err)
{
    enum platoon_status st;

    while ((st = read_field(r, err)) == PLATOON_OK && r->at < r->end && *r->at == ',')
        r->at++;
    return st;
}

static enum platoon_status read_rows(struct reader *r, size_t max_rows, csv_row_fn on_row,
                                     void *arg, struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;
    size_t n_rows = 0;

    while (st == PLATOON_OK && r->at < r->end) {
        size_t line = r->line;
        bool is_empty = is_line_end(r);

        if (!is_empty && n_rows++ == max_rows)
            return platoon_fail(err, PLATOON_ELIMIT, "%s has more than %zu rows", r->path,
                                max_rows);
        r->row = platoon_list();
        if (!is_empty)
            st = read_row(r, err);
        if (st == PLATOON_OK && !is_empty)
            st = on_row(r->row, line, arg, err);
        platoon_value_unref(r->row);
        if (r->at < r->end && *r->at == '\r')
            r->at++;
        if (r->at < r->end)
            r->at++;
        r->line++;
    }
    return st;
}

static enum platoon_status read_whole(const char *path, struct buf *out, struct platoon_err *err)
{
    FILE *f = fopen(path, "re");
    char chunk[16 * 1024];
    size_t n;
    enum platoon_status st = PLATOON_OK;

    if (!f)
        return platoon_fail(err, errno == ENOENT ? PLATOON_ENOTFOUND : PLATOON_EIO,
                            "cannot read %s: %s", path, strerror(errno));
    out->max = CSV_MAX_BYTES;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && buf_append(out, chunk, n))
        continue;
    if (ferror(f))
        st = platoon_fail(err, PLATOON_EIO, "cannot read %s: %s", path, strerror(errno));
    else if (out->is_full)
        st = platoon_fail(err, PLATOON_ELIMIT, "%s is larger than %d bytes", path, CSV_MAX_BYTES);
    else if (out->has_failed)
        st = platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    fclose(f);
    return st;
}

enum platoon_status csv_read_file(const char *path, size_t max_rows, csv_row_fn on_row, void *arg,
                                  struct platoon_err *err)
{
    struct reader r = {.path = path, .line = 1};
    struct buf text;
    enum platoon_status st;

    buf_init(&text);
    buf_init(&r.field);
    st = read_whole(path, &text, err);
    if (st == PLATOON_OK && text.len) {
        r.at = (const char *)text.data;
        r.end = r.at + text.len;
        if (text.len >= 3 && memcmp(r.at, "\xef\xbb\xbf", 3) == 0)
            r.at += 3;
        st = read_rows(&r, max_rows, on_row, arg, err);
    }
    buf_release(&text);
    buf_release(&r.field);
    return st;
}
