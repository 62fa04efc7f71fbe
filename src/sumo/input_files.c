/* SPDX-License-Identifier: Apache-2.0 */
#include "sumo/input_files.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sumo/xml_scan.h"

struct listing {
    const char *configuration;
    int folder_len; /* with its slash */
    platoon_value *list;
    bool has_failed;
};

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool is_input_option(const char *name)
{
    return ends_with(name, "-file") || ends_with(name, "-files") || strcmp(name, "n") == 0 ||
           strcmp(name, "r") == 0 || strcmp(name, "a") == 0 || strcmp(name, "w") == 0;
}

static void add_path(struct listing *l, const char *name, size_t len)
{
    char *path;

    while (len && *name == ' ')
        name++, len--;
    while (len && name[len - 1] == ' ')
        len--;
    if (len == 0)
        return;
    if (asprintf(&path, "%.*s%.*s", *name == '/' ? 0 : l->folder_len, l->configuration, (int)len,
                 name) < 0 ||
        platoon_len(l->list) >= INPUT_FILES_MAX ||
        platoon_append(l->list, platoon_str(path)) != PLATOON_OK) {
        l->has_failed = true;
        return;
    }
    free(path);
}

static bool on_option(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    struct listing *l = arg;
    const char *value = xml_attribute(attributes, "value");

    (void)depth;
    if (!value)
        value = xml_attribute(attributes, "v"); /* SUMO takes both */
    if (!value || !is_input_option(name))
        return true;
    for (size_t len; *value; value += len + (value[len] == ','))
        add_path(l, value, len = strcspn(value, ","));
    return !l->has_failed;
}

enum platoon_status input_files_of(const char *configuration, platoon_value *list,
                                   struct platoon_err *err)
{
    const char *slash = strrchr(configuration, '/');
    struct listing l = {.configuration = configuration,
                        .folder_len = slash ? (int)(slash - configuration) + 1 : 0,
                        .list = list};
    enum platoon_status st;

    if (platoon_append(list, platoon_str(configuration)) != PLATOON_OK)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    st = xml_scan(configuration, on_option, &l, err);
    if (l.has_failed)
        return platoon_fail(err, PLATOON_ELIMIT, "%s names more than %d files, or memory is short",
                            configuration, INPUT_FILES_MAX);
    return st;
}
