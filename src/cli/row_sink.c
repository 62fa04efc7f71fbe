/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/row_sink.h"

#include <stdlib.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "cli/csv.h"

/* --- csv -------------------------------------------------------------------------------------- */

static bool csv_row(struct row_sink *s, const platoon_value *values)
{
    for (size_t i = 0; i < platoon_len(values); i++) {
        if (i)
            putc(',', s->out);
        csv_value(s->out, platoon_item(values, i));
    }
    fputs("\r\n", s->out);
    return true; /* a full disk is told by main() */
}

static bool csv_begin(struct row_sink *s, const char *table, const platoon_value *names)
{
    (void)table;
    return csv_row(s, names);
}

/* --- json lines ------------------------------------------------------------------------------- */

static bool jsonl_begin(struct row_sink *s, const char *table, const platoon_value *names)
{
    (void)table;
    s->names = names;
    return true;
}

static bool jsonl_row(struct row_sink *s, const platoon_value *values)
{
    platoon_value *line = platoon_dict();
    char *text;

    for (size_t i = 0; i < platoon_len(values); i++)
        (void)platoon_dict_set(line, platoon_as_str(platoon_item(s->names, i), NULL),
                               platoon_value_ref(platoon_item(values, i)));
    text = platoon_len(line) == platoon_len(values) ? platoon_json(line) : NULL;
    platoon_value_unref(line);
    if (text)
        fprintf(s->out, "%s\n", text);
    free(text);
    return text != NULL;
}

/* --- sqlite ----------------------------------------------------------------------------------- */

static void put_name(struct buf *b, const char *name)
{
    buf_byte(b, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_byte(b, '"');
        buf_byte(b, (uint8_t)*name);
    }
    buf_byte(b, '"');
}

static bool sqlite_begin(struct row_sink *s, const char *table, const platoon_value *names)
{
    struct buf create, insert;
    char *text;
    bool is_fine;

    buf_init(&create);
    buf_init(&insert);
    buf_printf(&create, "CREATE TABLE %s(", table);
    buf_printf(&insert, "INSERT INTO %s VALUES(", table);
    for (size_t i = 0; i < platoon_len(names); i++) {
        buf_text(&create, i ? ", " : "");
        put_name(&create, platoon_as_str(platoon_item(names, i), NULL));
        buf_text(&insert, i ? ", ?" : "?");
    }
    buf_text(&create, ")");
    buf_text(&insert, ")");
    text = buf_take_text(&create, NULL);
    is_fine = text && sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK;
    free(text);
    sqlite3_finalize(s->insert);
    s->insert = NULL;
    text = buf_take_text(&insert, NULL);
    is_fine = is_fine && text && sqlite3_prepare_v2(s->db, text, -1, &s->insert, NULL) == SQLITE_OK;
    free(text);
    return is_fine;
}

static int bind_value(sqlite3_stmt *insert, int column, const platoon_value *v)
{
    int64_t i;
    double x;
    char *text;
    int rc;

    switch (platoon_value_kind(v)) {
    case PLATOON_NONE:
        return sqlite3_bind_null(insert, column);
    case PLATOON_BOOL:
    case PLATOON_INT:
        return platoon_as_int(v, &i) == PLATOON_OK ? sqlite3_bind_int64(insert, column, i)
                                                   : SQLITE_RANGE;
    case PLATOON_FLOAT:
        return platoon_as_float(v, &x) == PLATOON_OK ? sqlite3_bind_double(insert, column, x)
                                                     : SQLITE_RANGE;
    case PLATOON_STR:
        return sqlite3_bind_text(insert, column, platoon_as_str(v, NULL), -1, SQLITE_TRANSIENT);
    default:
        text = platoon_json(v);
        rc = text ? sqlite3_bind_text(insert, column, text, -1, SQLITE_TRANSIENT) : SQLITE_NOMEM;
        free(text);
        return rc;
    }
}

static bool sqlite_row(struct row_sink *s, const platoon_value *values)
{
    bool is_fine = true;

    for (size_t i = 0; is_fine && i < platoon_len(values); i++)
        is_fine = bind_value(s->insert, (int)i + 1, platoon_item(values, i)) == SQLITE_OK;
    is_fine = is_fine && sqlite3_step(s->insert) == SQLITE_DONE;
    return sqlite3_reset(s->insert) == SQLITE_OK && is_fine;
}

/* --- making ----------------------------------------------------------------------------------- */

struct row_sink row_sink_csv(FILE *out)
{
    return (struct row_sink){.begin = csv_begin, .row = csv_row, .out = out};
}

struct row_sink row_sink_jsonl(FILE *out)
{
    return (struct row_sink){.begin = jsonl_begin, .row = jsonl_row, .out = out};
}

static enum platoon_status sqlite_failed(const struct row_sink *s, struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_EIO, "cannot write the database: %s",
                        s->db ? sqlite3_errmsg(s->db) : "out of memory");
}

enum platoon_status row_sink_open_sqlite(struct row_sink *s, const char *path,
                                         struct platoon_err *err)
{
    *s = (struct row_sink){.begin = sqlite_begin, .row = sqlite_row};
    if (sqlite3_open(path, &s->db) != SQLITE_OK ||
        sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_failed(s, err);
    return PLATOON_OK;
}

enum platoon_status row_sink_close(struct row_sink *s, enum platoon_status st,
                                   struct platoon_err *err)
{
    int rc = s->db ? sqlite3_errcode(s->db) : SQLITE_NOMEM;

    if (st == PLATOON_ENOMEM && rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
        st = sqlite_failed(s, err);
    sqlite3_finalize(s->insert);
    if (st == PLATOON_OK && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        st = sqlite_failed(s, err);
    sqlite3_close(s->db);
    return st;
}
