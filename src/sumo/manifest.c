/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.c - facts to a dict, a dict to a file. */
#include "sumo/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "sumo/command_line.h"
#include "sumo/dict_of.h"

/* "2026-11-25T02:40:19.123Z" */
static platoon_value *time_value(int64_t wall_ms)
{
    time_t seconds = wall_ms / 1000;
    struct tm utc;
    char text[32];

    if (!gmtime_r(&seconds, &utc) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc) == 0)
        return platoon_none();
    return platoon_strf("%s.%03dZ", text, (int)(wall_ms % 1000));
}

static platoon_value *text_or_none(const char *text)
{
    return text && *text ? platoon_str(text) : platoon_none();
}

static platoon_value *host_value(void)
{
    struct utsname name;

    if (uname(&name) < 0)
        return platoon_none();
    return dict_of(
        (struct dict_entry[]){
            {"name", platoon_str(name.nodename)},
            {"system", platoon_strf("%s %s", name.sysname, name.release)},
            {"machine", platoon_str(name.machine)},
        },
        3);
}

static platoon_value *file_value(const struct input_file *f)
{
    return dict_of(
        (struct dict_entry[]){
            {"name", platoon_str(f->name)},
            {"bytes", *f->sha256 ? platoon_int(f->identity.size) : platoon_none()},
            {"sha256", text_or_none(f->sha256)},
        },
        3);
}

/* Appends `child`, which is taken; false when out of memory, `list` freed. */
static bool append(platoon_value **list, platoon_value *child)
{
    if (*list && platoon_append(*list, child) == PLATOON_OK)
        return true;
    if (!*list)
        platoon_value_unref(child);
    platoon_value_unref(*list);
    *list = NULL;
    return false;
}

static platoon_value *inputs_value(const struct inputs *inputs)
{
    platoon_value *list = platoon_list();

    for (size_t i = 0; i < inputs->n; i++)
        if (!append(&list, file_value(&inputs->files[i])))
            break;
    return list;
}

/* What SUMO was started with; a TraCI port is not part of it. */
static platoon_value *arguments_value(const struct manifest_facts *m)
{
    char **argv = command_line(m->plan, m->program, m->task_dir, 0);
    platoon_value *list = argv ? platoon_list() : NULL;

    for (size_t i = 0; argv && argv[i]; i++)
        if (!append(&list, platoon_str(argv[i])))
            break;
    argv_free(argv);
    return list;
}

platoon_value *manifest_make(const struct manifest_facts *m)
{
    const struct sumo_plan *plan = m->plan;
    const struct inputs *inputs = m->inputs;
    const struct dict_entry entries[] = {
        {"manifest", platoon_int(1)}, /* the version of this form */
        {"platoon_version", platoon_str(PLATOON_VERSION)},
        {"sumo_version", platoon_str(m->program->version)},
        {"carrier", platoon_str(m->carrier)},
        {"host", host_value()},
        {"started", time_value(m->started_ms)},
        {"ended", time_value(m->ended_ms)},
        {"wall_s", platoon_float(m->wall_s)},
        {"outcome", platoon_str(m->outcome)},
        {"stopped_by", text_or_none(m->stopped_by)},
        {"failure", text_or_none(m->failure)},
        {"stderr_tail", text_or_none(m->stderr_tail)},
        {"task", platoon_value_ref(plan->task)},
        {"seed", plan->knows_seed ? platoon_int(plan->seed) : platoon_none()},
        {"control", plan->is_controlled ? platoon_str(plan->control.type->name) : platoon_none()},
        {"stop_when", text_or_none(plan->stop.n_conditions > 0 ? plan->stop.text : NULL)},
        {"arguments", arguments_value(m)},
        {"config", platoon_str(plan->config)},
        {"inputs_sha256", text_or_none(inputs && !m->inputs_changed ? inputs->sha256 : NULL)},
        {"inputs_changed", platoon_bool(m->inputs_changed)},
        {"inputs", inputs ? inputs_value(inputs) : platoon_none()},
    };

    return dict_of(entries, sizeof entries / sizeof entries[0]);
}

/* --- the file --------------------------------------------------------------------------------- */

static bool write_entries(const platoon_value *manifest, FILE *file)
{
    platoon_value *key, *value;

    fputc('{', file);
    for (size_t i = 0; platoon_dict_entry(manifest, i, &key, &value); i++) {
        char *json = platoon_json(value);

        if (!json)
            return false;
        fprintf(file, "%s\n \"%s\": %s", i ? "," : "", platoon_as_str(key, NULL), json);
        free(json);
    }
    fputs("\n}\n", file);
    return true;
}

enum platoon_status manifest_write(const platoon_value *manifest, const char *folder,
                                   struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;
    char *path;
    FILE *file;

    if (asprintf(&path, "%s/" MANIFEST_NAME, folder) < 0)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a path");
    file = fopen(path, "we");
    if (!file) {
        st = platoon_fail(err, PLATOON_EIO, "%s: %s", path, strerror(errno));
    } else {
        bool has_memory = write_entries(manifest, file), is_bad = ferror(file);

        if ((fclose(file) != 0 || is_bad) && has_memory)
            st = platoon_fail(err, PLATOON_EIO, "%s: %s", path, strerror(errno));
        else if (!has_memory)
            st = platoon_fail(err, PLATOON_ENOMEM, "no memory for %s", path);
    }
    free(path);
    return st;
}
