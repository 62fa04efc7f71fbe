/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_table.c - design points from a CSV file, and conditions that leave points out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/campaign_read.h"
#include "config/csv_read.h"

enum { MAX_ROWS = CAMPAIGN_MAX_TASKS };

/* --- table ------------------------------------------------------------------------------------ */

struct reading {
    platoon_value *names, *rows;
};

/* The first row names the parameters, the others are points; a text that is a number counts as
 * one, an empty field leaves the parameter out. */
static enum platoon_status on_row(const platoon_value *fields, size_t line, void *arg,
                                  struct platoon_err *err)
{
    struct reading *r = arg;
    platoon_value *row;

    if (!r->names) {
        for (size_t i = 0; i < platoon_len(fields); i++)
            if (strcmp(platoon_as_str(platoon_item(fields, i), NULL), "seed") == 0)
                return platoon_fail(err, PLATOON_EINVAL, "the seed of a task comes from \"seeds\"");
        r->names = platoon_value_ref((platoon_value *)(uintptr_t)fields);
        return PLATOON_OK;
    }
    if (platoon_len(fields) != platoon_len(r->names))
        return platoon_fail(err, PLATOON_EINVAL, "line %zu has %zu fields, the first has %zu", line,
                            platoon_len(fields), platoon_len(r->names));
    row = platoon_dict();
    for (size_t i = 0; i < platoon_len(fields); i++) {
        const char *text = platoon_as_str(platoon_item(fields, i), NULL);

        if (*text && platoon_dict_set(row, platoon_as_str(platoon_item(r->names, i), NULL),
                                      yaml_scalar_value(text)) != PLATOON_OK) {
            platoon_value_unref(row);
            return campaign_no_memory(err);
        }
    }
    return platoon_append(r->rows, row) == PLATOON_OK ? PLATOON_OK : campaign_no_memory(err);
}

enum platoon_status campaign_read_table(const struct yaml_doc *doc, const struct campaign_file *c,
                                        platoon_value **out, struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "table", NULL);
    struct reading r = {0};
    enum platoon_status st;
    char *path;

    *out = NULL;
    if (!node)
        return PLATOON_OK;
    if (node->kind != YAML_SCALAR || !*node->text)
        return yaml_fail(doc, node, err, "table is a CSV file, relative to this file's folder");
    if (asprintf(&path, "%s%s%s", node->text[0] == '/' ? "" : c->folder,
                 node->text[0] == '/' ? "" : "/", node->text) < 0)
        return campaign_no_memory(err);
    r.rows = platoon_list();
    st = r.rows ? csv_read_file(path, MAX_ROWS + 1, on_row, &r, err) : campaign_no_memory(err);
    if (st == PLATOON_OK && platoon_len(r.rows) == 0)
        st = platoon_fail(err, PLATOON_EINVAL, "%s has no rows below its first", path);
    if (st != PLATOON_OK)
        st = campaign_locate(doc, node, st, err);
    free(path);
    platoon_value_unref(r.names);
    if (st == PLATOON_OK)
        *out = r.rows;
    else
        platoon_value_unref(r.rows);
    return st;
}

/* --- where ------------------------------------------------------------------------------------ */

/* NAME OP VALUE, where a VALUE that begins with a letter and is no true, false or null is another
 * parameter's name. */
static platoon_value *make_condition(const char *text)
{
    char name[128], op[3];
    int at = 0;
    platoon_value *right, *condition;

    if (sscanf(text, " %127[^ <>=!]%*[ ]%2[<>=!] %n", name, op, &at) < 2 &&
        sscanf(text, " %127[^ <>=!]%2[<>=!] %n", name, op, &at) < 2)
        return NULL;
    if (!at || !text[at])
        return NULL;
    right = yaml_scalar_value(text + at);
    if (platoon_as_str(right, NULL)) {
        platoon_value *other = platoon_dict();

        (void)platoon_dict_set(other, "name", right);
        right = other;
    }
    condition = platoon_tuple(3, platoon_str(name), platoon_str(op), right);
    return condition;
}

enum platoon_status campaign_read_where(const struct yaml_doc *doc, platoon_value **out,
                                        struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "where", NULL);
    platoon_value *list;

    *out = NULL;
    if (!node)
        return PLATOON_OK;
    if (node->kind != YAML_LIST || node->n_items == 0)
        return yaml_fail(doc, node, err, "where is a list of conditions, as in [\"a < b\"]");
    list = platoon_list();
    for (size_t i = 0; i < node->n_items; i++) {
        const struct yaml_node *item = node->items[i];
        platoon_value *condition = item->kind == YAML_SCALAR ? make_condition(item->text) : NULL;

        if (!condition) {
            platoon_value_unref(list);
            return yaml_fail(doc, item, err, "a condition is NAME OP VALUE, as in \"K_R >= 50\"");
        }
        if (platoon_append(list, condition) != PLATOON_OK) {
            platoon_value_unref(list);
            return campaign_no_memory(err);
        }
    }
    *out = list;
    return PLATOON_OK;
}
