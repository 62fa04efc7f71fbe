/* SPDX-License-Identifier: Apache-2.0 */
/* inputs.c - a list that grows while it is walked: each file may name more. */
#include "sumo/inputs/inputs.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sumo/xml_scan.h"

/* --- names ------------------------------------------------------------------------------------ */

/* Where the folder of `path` ends: the length of "/a" in "/a/b". */
static size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) : 0;
}

/* "." and ".." out of an absolute path, in place; no slash at the end. */
static void normalize(char *path)
{
    size_t len = 0;

    for (const char *at = path; *at;) {
        size_t n;

        at += strspn(at, "/");
        n = strcspn(at, "/");
        if (n == 2 && strncmp(at, "..", 2) == 0) {
            while (len > 0 && path[--len] != '/')
                ;
        } else if (n > 0 && !(n == 1 && *at == '.')) {
            path[len++] = '/';
            memmove(path + len, at, n);
            len += n;
        }
        at += n;
    }
    path[len] = '\0';
}

char *inputs_relative_name(const char *from, const char *path)
{
    char *base = strdup(from), *file = strdup(path), *name = NULL;
    size_t common = 0, n_up = 0, i;

    if (!base || !file)
        goto out;
    normalize(base);
    normalize(file);
    for (i = 0; base[i] && base[i] == file[i]; i++)
        if (base[i] == '/')
            common = i;
    if ((!base[i] && file[i] == '/') || (!base[i] && !file[i]))
        common = i;
    for (i = common; base[i]; i++)
        n_up += base[i] == '/';
    name = malloc(3 * n_up + strlen(file + common) + 1);
    if (!name)
        goto out;
    *name = '\0';
    for (i = 0; i < n_up; i++)
        memcpy(name + 3 * i, "../", 4);
    strcpy(name + 3 * n_up, file + common + (file[common] == '/'));
out:
    free(base);
    free(file);
    return name;
}

/* --- the list --------------------------------------------------------------------------------- */

struct collecting {
    const struct sumo_plan *plan;
    struct inputs *inputs;
    char folder[PATH_MAX]; /* of the configuration */
    enum platoon_status st;
};

void inputs_release(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->n; i++) {
        free(inputs->files[i].path);
        free(inputs->files[i].name);
    }
    free(inputs->files);
    *inputs = (struct inputs){0};
}

static bool is_listed(const struct inputs *inputs, const char *name)
{
    for (size_t i = 0; i < inputs->n; i++)
        if (strcmp(inputs->files[i].name, name) == 0)
            return true;
    return false;
}

static bool grow(struct inputs *inputs)
{
    size_t cap = inputs->cap ? inputs->cap * 2 : 16;
    struct input_file *grown = realloc(inputs->files, cap * sizeof *grown);

    if (!grown)
        return false;
    inputs->files = grown;
    inputs->cap = cap;
    return true;
}

/* Takes `path`, absolute; NULL is out of memory. */
static void add_path(struct collecting *c, char *path)
{
    struct inputs *inputs = c->inputs;
    char *name = path ? inputs_relative_name(c->folder, path) : NULL;

    if (!name || (inputs->n == inputs->cap && !grow(inputs)))
        c->st = PLATOON_ENOMEM;
    else if (inputs->n == INPUTS_MAX_FILES)
        c->st = PLATOON_ELIMIT;
    if (c->st != PLATOON_OK || is_listed(inputs, name)) {
        free(path);
        free(name);
        return;
    }
    inputs->files[inputs->n++] = (struct input_file){.path = path, .name = name};
}

/* The file that `name`, of `len` bytes, means in a file at `referrer`. */
static void add_reference(struct collecting *c, const char *referrer, const char *name, size_t len)
{
    char *path;

    if (asprintf(&path, "%.*s%s%.*s", *name == '/' ? 0 : (int)folder_len(referrer), referrer,
                 *name == '/' ? "" : "/", (int)len, name) < 0)
        path = NULL;
    add_path(c, path);
}

/* "a.xml, b.xml" */
static void add_references(struct collecting *c, const char *referrer, const char *names)
{
    while (*names && c->st == PLATOON_OK) {
        size_t len = strcspn(names, ",;"), first = strspn(names, " \t\r\n"), last = len;

        while (last > first && strchr(" \t\r\n", names[last - 1]))
            last--;
        if (first < last)
            add_reference(c, referrer, names + first, last - first);
        names += len;
        names += *names != '\0';
    }
}

/* --- the configuration ------------------------------------------------------------------------ */

static bool is_one_of(const char *name, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(*words, name) == 0)
            return true;
    return false;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

/* Whether an option names files that SUMO reads. */
static bool is_input_option(const char *name)
{
    static const char *const words[] = {"n", "net",        "r",       "routes",     "a",
                                        "w", "additional", "weights", "load-state", NULL};
    static const char *const no_inputs[] = {"gui-settings-file", "configuration-file", NULL};

    return is_one_of(name, words) ||
           ((ends_with(name, "-file") || ends_with(name, "-files")) && !is_one_of(name, no_inputs));
}

/* Whether the task has files of its own in place of those that an option names. */
static bool is_replaced(const struct sumo_plan *plan, const char *option)
{
    static const char *const routes[] = {"r", "routes", "route-files", NULL};
    static const char *const additional[] = {"a", "additional", "additional-files", NULL};

    for (size_t i = 0; i < plan->n_options; i += 2)
        if ((strcmp(plan->options[i], "--route-files") == 0 && is_one_of(option, routes)) ||
            (strcmp(plan->options[i], "--additional-files") == 0 && is_one_of(option, additional)))
            return true;
    return false;
}

static bool on_option(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    struct collecting *c = arg;
    const char *value = xml_attribute(attributes, "value");

    (void)depth;
    if (!value)
        value = xml_attribute(attributes, "v"); /* SUMO takes both */
    if (value && is_input_option(name) && !is_replaced(c->plan, name))
        add_references(c, c->plan->config, value);
    return c->st == PLATOON_OK;
}

static void add_named_files(struct collecting *c)
{
    const struct sumo_plan *plan = c->plan;
    char *settings = task_settings_path(plan->config);

    add_path(c, strdup(plan->config));
    if (!settings)
        c->st = PLATOON_ENOMEM;
    else if (access(settings, F_OK) == 0)
        add_path(c, strdup(settings));
    free(settings);
    if (plan->is_controlled && controller_origin(plan->control.type))
        add_path(c, strdup(controller_origin(plan->control.type)));
    if (c->st == PLATOON_OK)
        (void)xml_scan(plan->config, on_option, c,
                       NULL); /* a bad one is SUMO's to complain about */
    for (size_t i = 0; i < plan->n_options && c->st == PLATOON_OK; i += 2)
        if (is_input_option(plan->options[i] + 2))
            add_references(c, plan->config, plan->options[i + 1]);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void look_into(struct collecting *c, size_t i, struct input_cache *cache)
{
    const struct input_known *known;
    enum platoon_status st = input_cache_get(cache, c->inputs->files[i].path, &known, NULL);
    const char *path = c->inputs->files[i].path; /* stays where it is while the list grows */

    if (st == PLATOON_ENOMEM || st == PLATOON_ELIMIT)
        c->st = st;
    if (st != PLATOON_OK)
        return;
    c->inputs->files[i].identity = known->identity;
    memcpy(c->inputs->files[i].sha256, known->sha256, sizeof known->sha256);
    for (size_t j = 0; j < known->n_references && c->st == PLATOON_OK; j++)
        add_reference(c, path, known->references[j], strlen(known->references[j]));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct input_file *)a)->name, ((const struct input_file *)b)->name);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool hash_lines(char **lines, size_t n, char out[INPUT_SHA256_TEXT])
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    unsigned len = 0;
    bool ok = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;

    for (size_t i = 0; ok && i < n; i++)
        ok = EVP_DigestUpdate(digest, lines[i], strlen(lines[i])) == 1;
    ok = ok && EVP_DigestFinal_ex(digest, raw, &len) == 1;
    for (unsigned i = 0; ok && i < len && i < INPUT_SHA256_TEXT / 2; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", raw[i]);
    EVP_MD_CTX_free(digest);
    return ok;
}

static enum platoon_status hash_all(struct inputs *inputs)
{
    char **lines = calloc(inputs->n + 1, sizeof *lines);
    enum platoon_status st = lines ? PLATOON_OK : PLATOON_ENOMEM;

    for (size_t i = 0; st == PLATOON_OK && i < inputs->n; i++) {
        const struct input_file *f = &inputs->files[i];

        if (asprintf(&lines[i], "%s  %s\n", *f->sha256 ? f->sha256 : "unread", f->name) < 0) {
            lines[i] = NULL;
            st = PLATOON_ENOMEM;
        }
    }
    if (st == PLATOON_OK) {
        qsort(lines, inputs->n, sizeof *lines, by_text);
        st = hash_lines(lines, inputs->n, inputs->sha256) ? PLATOON_OK : PLATOON_ENOMEM;
    }
    for (size_t i = 0; lines && i < inputs->n; i++)
        free(lines[i]);
    free(lines);
    return st;
}

enum platoon_status inputs_collect(const struct sumo_plan *plan, struct input_cache *cache,
                                   struct inputs *out, struct platoon_err *err)
{
    struct inputs inputs = {0};
    struct collecting c = {.plan = plan, .inputs = &inputs, .st = PLATOON_OK};

    (void)snprintf(c.folder, sizeof c.folder, "%.*s", (int)folder_len(plan->config), plan->config);
    add_named_files(&c);
    for (size_t i = 0; i < inputs.n && c.st == PLATOON_OK; i++)
        look_into(&c, i, cache);
    if (c.st == PLATOON_OK) {
        qsort(inputs.files, inputs.n, sizeof *inputs.files, by_name);
        c.st = hash_all(&inputs);
    }
    if (c.st == PLATOON_OK) {
        *out = inputs;
        return PLATOON_OK;
    }
    inputs_release(&inputs);
    return platoon_fail(err, c.st,
                        c.st == PLATOON_ELIMIT ? "%s reads more files than can be listed"
                                               : "no memory for the input files of %s",
                        plan->config);
}

bool inputs_are_unchanged(const struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->n; i++) {
        const struct input_file *f = &inputs->files[i];

        if (*f->sha256 && !input_is_unchanged(f->path, &f->identity))
            return false;
    }
    return true;
}
