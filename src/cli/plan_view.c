/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan_view.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/table.h"
#include "cli/talk.h"

enum { SHOWN_TASKS = 20 };

static int out_of_memory(void)
{
    talk_error("out of memory");
    return CMD_FAILED;
}

static char *task_line(const struct campaign_file *c, size_t index)
{
    struct plan_place at = plan_place_of(c->plan, index);
    int64_t seed = c->seeds[at.replication];
    platoon_value *line = platoon_dict();
    char *text = NULL;

    if (line && platoon_dict_set(line, "index", platoon_int((int64_t)index)) == PLATOON_OK &&
        platoon_dict_set(line, "point", plan_copy(plan_point(c->plan, at.point))) == PLATOON_OK &&
        platoon_dict_set(line, "arm", platoon_str(plan_arm_name(c->plan, at.arm))) == PLATOON_OK &&
        platoon_dict_set(line, "seed", platoon_int(seed)) == PLATOON_OK &&
        platoon_dict_set(line, "task", plan_task(c->plan, at.point, at.arm, seed)) == PLATOON_OK)
        text = platoon_json(line);
    platoon_value_unref(line);
    return text;
}

int plan_view_json(const struct campaign_file *c, const size_t *indexes, size_t n)
{
    for (size_t i = 0; i < n && !ferror(stdout); i++) {
        char *text = task_line(c, indexes ? indexes[i] : i);

        if (!text)
            return out_of_memory();
        puts(text);
        free(text);
    }
    return CMD_OK; /* a full disk is told by main() */
}

int plan_view_table(const struct campaign_file *c, const size_t *indexes, size_t n)
{
    static const struct table_column columns[] = {
        {"TASK", true, false}, {"ARM", false, false}, {"PARAMETERS", false, true}};
    struct table *t = table_new(columns, 3);
    bool is_whole = t != NULL;

    for (size_t i = 0; is_whole && i < n && i < SHOWN_TASKS; i++) {
        size_t index = indexes ? indexes[i] : i;
        struct plan_place at = plan_place_of(c->plan, index);
        platoon_value *task = plan_task(c->plan, at.point, at.arm, c->seeds[at.replication]);
        char *text = task ? platoon_json(task) : NULL;

        is_whole = text != NULL;
        if (is_whole) {
            table_row(t);
            table_cell(t, 0, "%zu", index);
            table_cell(t, 1, "%s", plan_arm_name(c->plan, at.arm));
            table_cell(t, 2, "%s", text);
        }
        free(text);
        platoon_value_unref(task);
    }
    is_whole = is_whole && table_print(t, stdout);
    table_free(t);
    if (is_whole && n > SHOWN_TASKS)
        printf("and %zu more; --json prints all\n", n - SHOWN_TASKS);
    return is_whole ? CMD_OK : out_of_memory();
}
