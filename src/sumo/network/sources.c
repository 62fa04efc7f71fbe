/* SPDX-License-Identifier: Apache-2.0 */
/* sources.c - option names as element names, with their short forms, whatever section they stand
 * in, as SUMO takes them. */
#include "sumo/network/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sumo/xml_scan.h"

struct reading {
    const char *config;
    size_t max;
    struct sources *out;
    enum platoon_status st;
};

char *sources_path(const char *in, const char *name, size_t len)
{
    const char *slash = strrchr(in, '/');
    int folder = slash && *name != '/' ? (int)(slash + 1 - in) : 0;
    char *path;

    return asprintf(&path, "%.*s%.*s", folder, in, (int)len, name) < 0 ? NULL : path;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

static enum platoon_status add(struct reading *r, const char *name, size_t len)
{
    struct sources *s = r->out;
    char **grown;

    if (s->n_additional >= r->max)
        return PLATOON_ELIMIT;
    grown = mem_realloc(s->additional, (s->n_additional + 1) * sizeof *grown);
    if (!grown)
        return PLATOON_ENOMEM;
    s->additional = grown;
    if (!(grown[s->n_additional] = sources_path(r->config, name, len)))
        return PLATOON_ENOMEM;
    s->n_additional++;
    return PLATOON_OK;
}

/* "a.xml, b.xml": SUMO takes commas and semicolons. */
static enum platoon_status add_all(struct reading *r, const char *list)
{
    enum platoon_status st = PLATOON_OK;

    while (*list && st == PLATOON_OK) {
        size_t whole = strcspn(list, ",;"), skip = strspn(list, " \t\r\n"), len;

        if (skip < whole) {
            for (len = whole - skip; strchr(" \t\r\n", list[skip + len - 1]); len--)
                ;
            st = add(r, list + skip, len);
        }
        list += whole + (list[whole] != '\0');
    }
    return st;
}

static bool on_option(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    static const char *const net_names[] = {"net-file", "net", "n", NULL};
    static const char *const additional_names[] = {"additional-files", "additional", "a", NULL};
    struct reading *r = arg;
    const char *value = xml_attribute(attributes, "value");

    (void)depth;
    if (!value)
        value = xml_attribute(attributes, "v"); /* SUMO takes both */
    if (!value || !*value)
        return true;
    if (is_one_of(name, net_names)) {
        free(r->out->net);
        if (!(r->out->net = sources_path(r->config, value, strlen(value))))
            r->st = PLATOON_ENOMEM;
    } else if (is_one_of(name, additional_names)) {
        r->st = add_all(r, value);
    }
    return r->st == PLATOON_OK;
}

enum platoon_status sources_read(const char *config, size_t max, struct sources *out,
                                 struct platoon_err *err)
{
    struct sources s = {0};
    struct reading r = {.config = config, .max = max, .out = &s};
    enum platoon_status st = xml_scan(config, on_option, &r, err);

    if (st == PLATOON_OK && r.st == PLATOON_ELIMIT)
        st = platoon_fail(err, PLATOON_ELIMIT, "%s names more than %zu additional files", config,
                          max);
    else if (st == PLATOON_OK && r.st != PLATOON_OK)
        st = platoon_fail(err, r.st, "no memory to read %s", config);
    else if (st == PLATOON_OK && !s.net)
        st = platoon_fail(err, PLATOON_EINVAL,
                          "%s names no net-file, so there is no network to describe; give it "
                          "<input><net-file value=\"...\"/></input>",
                          config);
    if (st == PLATOON_OK)
        *out = s;
    else
        sources_release(&s);
    return st;
}

void sources_release(struct sources *s)
{
    for (size_t i = 0; i < s->n_additional; i++)
        free(s->additional[i]);
    free(s->additional);
    free(s->net);
    *s = (struct sources){0};
}
