/* SPDX-License-Identifier: Apache-2.0 */
/* environment.c - the list of names that pass. What is not here may be a secret. */
#include "worker/environment.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name, or the beginning of names, with '*' for the rest. */
static const char *const passing[] = {
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_*",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "CONDA_*",
    "SUMO_HOME",
    "OMP_NUM_THREADS",
};

static bool passes(const char *entry, size_t name_len)
{
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        size_t len = strlen(passing[i]);

        if (passing[i][len - 1] == '*'
                ? name_len >= len - 1 && strncmp(entry, passing[i], len - 1) == 0
                : name_len == len && strncmp(entry, passing[i], len) == 0)
            return true;
    }
    return false;
}

/* Takes `entry` (NULL: no memory); replaces one of the same name. */
static enum platoon_status put(struct environment *e, char *entry, struct platoon_err *err)
{
    size_t name_len;
    char **grown;

    if (!entry)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    name_len = strcspn(entry, "=") + 1;
    for (size_t i = 0; i < e->n_entries; i++)
        if (strncmp(e->entries[i], entry, name_len) == 0) {
            free(e->entries[i]);
            e->entries[i] = entry;
            return PLATOON_OK;
        }
    grown = realloc(e->entries, (e->n_entries + 1) * sizeof *grown);
    if (!grown) {
        free(entry);
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    }
    e->entries = grown;
    e->entries[e->n_entries++] = entry;
    return PLATOON_OK;
}

static const char *find(char *const *entries, const char *name, size_t name_len)
{
    for (; *entries; entries++)
        if (strncmp(*entries, name, name_len) == 0 && (*entries)[name_len] == '=')
            return *entries;
    return NULL;
}

static enum platoon_status put_extra(struct environment *e, char *const *from, const char *extra,
                                     struct platoon_err *err)
{
    static const char *const ours[] = {"PLATOON_TASK_ID", "PLATOON_TASK_DIR", "PLATOON_ATTEMPT",
                                       "PLATOON_SLOT"};
    size_t name_len = strcspn(extra, "=");
    const char *entry = extra;

    if (name_len == 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "--env %s: a name is missing; write --env NAME or --env NAME=VALUE",
                            extra);
    if (strncmp(extra, "PLATOON_AUTHKEY", name_len) == 0 && name_len == strlen("PLATOON_AUTHKEY"))
        return platoon_fail(err, PLATOON_EINVAL,
                            "--env PLATOON_AUTHKEY: the authkey is not for tasks to see");
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strlen(ours[i]) == name_len && strncmp(extra, ours[i], name_len) == 0)
            return platoon_fail(err, PLATOON_EINVAL,
                                "--env %s: the worker sets %s itself, for each task", extra,
                                ours[i]);
    if (extra[name_len] != '=') {
        entry = find(from, extra, name_len);
        if (!entry)
            return platoon_fail(err, PLATOON_EINVAL,
                                "--env %s: it is not set here; give its value with --env %s=VALUE",
                                extra, extra);
    }
    return put(e, strdup(entry), err);
}

enum platoon_status environment_init(struct environment *e, char *const *from,
                                     const char *const *extra, size_t n_extra,
                                     struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;

    *e = (struct environment){.entries = NULL};
    for (char *const *entry = from; *entry && st == PLATOON_OK; entry++)
        if (passes(*entry, strcspn(*entry, "=")))
            st = put(e, strdup(*entry), err);
    for (size_t i = 0; i < n_extra && st == PLATOON_OK; i++)
        st = put_extra(e, from, extra[i], err);
    if (st != PLATOON_OK)
        environment_release(e);
    return st;
}

void environment_release(struct environment *e)
{
    for (size_t i = 0; i < e->n_entries; i++)
        free(e->entries[i]);
    free(e->entries);
    *e = (struct environment){.entries = NULL};
}

const char *environment_get(const struct environment *e, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < e->n_entries; i++)
        if (strncmp(e->entries[i], name, len) == 0 && e->entries[i][len] == '=')
            return e->entries[i] + len + 1;
    return NULL;
}

char **environment_for(const struct environment *e, unsigned slot, const struct task *task,
                       const char *task_dir, size_t *out_mark)
{
    enum { OURS = 4, NUMBER = 48 }; /* NUMBER holds the longest name and a 64-bit number */
    const size_t dir_bytes = task ? strlen("PLATOON_TASK_DIR=") + strlen(task_dir) + 1 : 0;
    const size_t n_pointers = e->n_entries + OURS + 1;
    char **env = malloc(n_pointers * sizeof *env + (size_t)3 * NUMBER + dir_bytes);
    char *text = (char *)(env + n_pointers);
    size_t n = e->n_entries;

    if (!env)
        return NULL;
    if (n > 0)
        memcpy(env, e->entries, n * sizeof *env);
    *out_mark = n;
    env[n++] = text;
    (void)snprintf(text, NUMBER, "PLATOON_SLOT=%u", slot);
    if (task) {
        text += NUMBER;
        env[n++] = text;
        (void)snprintf(text, NUMBER, "PLATOON_TASK_ID=%" PRIu64, task_number(task));
        text += NUMBER;
        env[n++] = text;
        (void)snprintf(text, NUMBER, "PLATOON_ATTEMPT=%" PRId64, task->attempt);
        text += NUMBER;
        env[n++] = text;
        (void)snprintf(text, dir_bytes, "PLATOON_TASK_DIR=%s", task_dir);
    }
    env[n] = NULL;
    return env;
}
