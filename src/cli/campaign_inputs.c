/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign_inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "campaign/identity.h"
#include "sumo/task.h"

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

static char *below_root(const struct campaign_file *file, const char *path)
{
    char *whole;

    if (*path == '/')
        return strdup(path);
    return asprintf(&whole, "%s/%s", file->root, path) < 0 ? NULL : whole;
}

bool campaign_inputs_has(const struct campaign_file *file, const char *path)
{
    char *whole = below_root(file, path);
    struct stat s;
    bool is_there = whole && stat(whole, &s) == 0 && S_ISREG(s.st_mode);

    free(whole);
    return is_there;
}

/* recipe[path] = hash, "" for a file that is not there. Called by its own name, whatever the root
 * is called: the same campaign in another folder is the same. */
static enum platoon_status add_file(const struct campaign_file *file, platoon_value *recipe,
                                    const char *path, struct platoon_err *err)
{
    char *whole = below_root(file, path), hash[IDENTITY_FILE_TEXT] = "";
    size_t root_len = strlen(file->root);
    enum platoon_status st = whole ? PLATOON_OK : no_memory(err);
    struct stat s;

    if (st == PLATOON_OK && stat(whole, &s) == 0 && S_ISREG(s.st_mode))
        st = identity_of_file(whole, hash, err);
    if (st == PLATOON_OK && strncmp(path, file->root, root_len) == 0 && path[root_len] == '/')
        path += root_len + 1;
    if (st == PLATOON_OK && platoon_dict_set(recipe, path, platoon_str(hash)) != PLATOON_OK)
        st = no_memory(err);
    free(whole);
    return st;
}

/* What the runner's words name: FILE.py of FILE.py:FUNCTION, the program and other words of a
 * command that are files below the root. */
static enum platoon_status add_runner_files(const struct campaign_file *file, platoon_value *recipe,
                                            struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;

    for (size_t i = 0; st == PLATOON_OK && i < platoon_len(file->worker_words); i++) {
        const char *word = platoon_as_str(platoon_item(file->worker_words, i), NULL);
        const char *colon = strcmp(file->runner, "python") == 0 ? strrchr(word, ':') : NULL;
        char *name = colon ? strndup(word, (size_t)(colon - word)) : strdup(word);
        char *whole = name && *name ? below_root(file, name) : NULL;
        struct stat s;

        if (!name)
            st = no_memory(err);
        else if (whole && *name != '/' && stat(whole, &s) == 0 && S_ISREG(s.st_mode))
            st = add_file(file, recipe, name, err);
        free(whole);
        free(name);
    }
    return st;
}

enum platoon_status campaign_inputs_init(struct campaign_inputs *in,
                                         const struct campaign_file *file, struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;

    *in = (struct campaign_inputs){
        .file = file, .shared = platoon_dict(), .by_reading = platoon_dict()};
    if (platoon_dict_set(in->shared, ":platoon", platoon_str(platoon_version())) != PLATOON_OK ||
        platoon_dict_set(in->shared, ":runner", platoon_value_ref(file->worker_words)) !=
            PLATOON_OK ||
        !in->by_reading)
        return no_memory(err);
    for (size_t i = 0; st == PLATOON_OK && i < platoon_len(file->inputs); i++)
        st = add_file(file, in->shared, platoon_as_str(platoon_item(file->inputs, i), NULL), err);
    for (size_t i = 0; st == PLATOON_OK && i < platoon_len(file->controllers); i++)
        st = add_file(file, in->shared, platoon_as_str(platoon_item(file->controllers, i), NULL),
                      err);
    return st == PLATOON_OK ? add_runner_files(file, in->shared, err) : st;
}

void campaign_inputs_release(struct campaign_inputs *in)
{
    platoon_value_unref(in->shared);
    platoon_value_unref(in->by_reading);
    input_cache_release(&in->cache);
    *in = (struct campaign_inputs){0};
}

/* What of a task decides which files SUMO reads; a controller's are the worker's words. */
static platoon_value *reading_part(const platoon_value *task)
{
    static const char *const keys[] = {"filename", "options"};
    platoon_value *part = platoon_dict();

    for (size_t i = 0; part && i < sizeof keys / sizeof *keys; i++) {
        platoon_value *v = platoon_dict_get(task, keys[i]);

        if (v && platoon_dict_set(part, keys[i], platoon_value_ref(v)) != PLATOON_OK) {
            platoon_value_unref(part);
            part = NULL;
        }
    }
    return part;
}

/* The shared recipe and the hash of all files of the configuration. A task that is wrong, or whose
 * files are not here, has none: the run says what is wrong with it. */
static enum platoon_status make_recipe(struct campaign_inputs *in, platoon_value *part,
                                       platoon_value *recipe, struct platoon_err *err)
{
    char *root = realpath(in->file->root, NULL);
    const struct path_rules rules = {.root = root ? root : in->file->root, .allow_any = true};
    struct sumo_plan plan = {0};
    struct inputs inputs = {0};
    enum platoon_status st = sumo_plan_make(part, &rules, &plan, err);

    if (st == PLATOON_OK)
        st = inputs_collect(&plan, &in->cache, &inputs, err);
    if (st == PLATOON_OK &&
        platoon_dict_set(recipe, ":inputs", platoon_str(inputs.sha256)) != PLATOON_OK)
        st = PLATOON_ENOMEM;
    if (st != PLATOON_ENOMEM &&
        platoon_dict_set(recipe, ":shared", platoon_value_ref(in->shared)) != PLATOON_OK)
        st = PLATOON_ENOMEM;
    inputs_release(&inputs);
    sumo_plan_release(&plan);
    free(root);
    return st == PLATOON_ENOMEM ? no_memory(err) : PLATOON_OK;
}

static enum platoon_status find_or_make(struct campaign_inputs *in, platoon_value *part,
                                        const platoon_value **out, struct platoon_err *err)
{
    char *name = platoon_json(part);
    platoon_value *recipe = name ? platoon_dict_get(in->by_reading, name) : NULL;
    enum platoon_status st = name ? PLATOON_OK : no_memory(err);

    if (st == PLATOON_OK && !recipe) {
        recipe = platoon_dict();
        st = recipe ? make_recipe(in, part, recipe, err) : no_memory(err);
        if (st != PLATOON_OK)
            platoon_value_unref(recipe);
        else if (platoon_dict_set(in->by_reading, name, recipe) != PLATOON_OK)
            st = no_memory(err);
    }
    *out = recipe;
    free(name);
    return st;
}

enum platoon_status campaign_inputs_of(struct campaign_inputs *in, const platoon_value *task,
                                       const platoon_value **out, struct platoon_err *err)
{
    platoon_value *part;
    enum platoon_status st;

    *out = in->shared;
    if (strcmp(in->file->runner, "sumo") != 0)
        return PLATOON_OK;
    part = reading_part(task);
    st = part ? find_or_make(in, part, out, err) : no_memory(err);
    platoon_value_unref(part);
    return st;
}
