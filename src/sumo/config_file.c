/* SPDX-License-Identifier: Apache-2.0 */
/* config_file.c - option names as element names, whatever section they stand in. */
#include "sumo/config_file.h"

#include <stdlib.h>
#include <string.h>

#include "sumo/xml_scan.h"

bool config_time_parse(const char *text, double *out_s)
{
    static const double next_unit[] = {60.0, 60.0, 24.0}; /* seconds from the right: min, h, days */
    double parts[4], total, unit = 1.0;
    size_t n = 0;

    for (;; text++) {
        char *end;

        if (n == 4)
            return false;
        parts[n++] = strtod(text, &end);
        if (end == text)
            return false;
        text = end;
        if (*text != ':')
            break;
    }
    if (*text != '\0' || n == 2)
        return false;
    total = parts[n - 1];
    for (size_t i = 1; i < n; i++) {
        unit *= next_unit[i - 1];
        total += parts[n - 1 - i] * unit;
    }
    *out_s = total;
    return true;
}

static bool is_true(const char *text)
{
    static const char *const words[] = {"true", "1", "yes", "on", "x", "t"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0)
            return true;
    }
    return false;
}

/* "out/sum.xml" is written as sum.xml into the task's folder (command_line.c). */
static void take_file_name(char out[PATH_PLAIN_NAME_BYTES + 1], const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t len = strlen(name);

    out[0] = '\0';
    if (path_is_plain_name(name) && len > 4 && strcmp(name + len - 4, ".xml") == 0)
        strcpy(out, name);
}

static bool on_option(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    struct config_file *c = arg;
    const char *value = xml_attribute(attributes, "value");

    (void)depth;
    if (!value)
        value = xml_attribute(attributes, "v"); /* SUMO takes both */
    if (!value)
        return true;
    if (strcmp(name, "seed") == 0) {
        c->has_seed = true;
        c->seed = strtoll(value, NULL, 10);
    } else if (strcmp(name, "random") == 0) {
        c->is_random = is_true(value);
    } else if (strcmp(name, "begin") == 0 || strcmp(name, "b") == 0) {
        c->has_begin = config_time_parse(value, &c->begin_s);
    } else if (strcmp(name, "end") == 0 || strcmp(name, "e") == 0) {
        c->has_end = config_time_parse(value, &c->end_s) && c->end_s >= 0.0; /* -1: none */
    } else if (strncmp(name, "xml-validation", 14) == 0 || strcmp(name, "X") == 0) {
        c->sets_validation = true;
    } else if (strcmp(name, "summary-output.period") == 0) {
        c->sets_summary_period = true;
    } else if (strcmp(name, "statistic-output") == 0) {
        take_file_name(c->statistic_file, value);
    } else if (strcmp(name, "summary-output") == 0) {
        take_file_name(c->summary_file, value);
    } else if (strcmp(name, "tripinfo-output") == 0) {
        take_file_name(c->tripinfo_file, value);
    }
    return true;
}

void config_file_read(const char *path, struct config_file *out)
{
    *out = (struct config_file){0};
    out->was_read = xml_scan(path, on_option, out, NULL) == PLATOON_OK;
}
