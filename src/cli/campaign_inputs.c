/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign_inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "campaign/identity.h"
#include "sumo/input_files.h"

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
        .file = file, .shared = platoon_dict(), .by_configuration = platoon_dict()};
    if (platoon_dict_set(in->shared, ":platoon", platoon_str(platoon_version())) != PLATOON_OK ||
        platoon_dict_set(in->shared, ":runner", platoon_value_ref(file->worker_words)) !=
            PLATOON_OK ||
        !in->by_configuration)
        return no_memory(err);
    for (size_t i = 0; st == PLATOON_OK && i < platoon_len(file->inputs); i++)
        st = add_file(file, in->shared, platoon_as_str(platoon_item(file->inputs, i), NULL), err);
    return st == PLATOON_OK ? add_runner_files(file, in->shared, err) : st;
}

void campaign_inputs_release(struct campaign_inputs *in)
{
    platoon_value_unref(in->shared);
    platoon_value_unref(in->by_configuration);
    *in = (struct campaign_inputs){0};
}

/* The shared recipe and the files of one configuration. One that cannot be read is left to the run,
 * which says what is wrong with it. */
static enum platoon_status make_recipe(struct campaign_inputs *in, const char *configuration,
                                       platoon_value *recipe, struct platoon_err *err)
{
    platoon_value *files = platoon_list();
    char *whole = below_root(in->file, configuration);
    enum platoon_status st = files && whole ? PLATOON_OK : no_memory(err);

    if (st == PLATOON_OK &&
        platoon_dict_set(recipe, ":shared", platoon_value_ref(in->shared)) != PLATOON_OK)
        st = no_memory(err);
    if (st == PLATOON_OK) {
        enum platoon_status listed = input_files_of(whole, files, err);

        st = listed == PLATOON_ENOMEM || listed == PLATOON_ELIMIT ? listed : PLATOON_OK;
    }
    for (size_t i = 0; st == PLATOON_OK && i < platoon_len(files); i++)
        st = add_file(in->file, recipe, platoon_as_str(platoon_item(files, i), NULL), err);
    free(whole);
    platoon_value_unref(files);
    return st;
}

enum platoon_status campaign_inputs_of(struct campaign_inputs *in, const platoon_value *task,
                                       const platoon_value **out, struct platoon_err *err)
{
    const char *name = strcmp(in->file->runner, "sumo") == 0
                           ? platoon_as_str(platoon_dict_get(task, "filename"), NULL)
                           : NULL;
    platoon_value *recipe = name ? platoon_dict_get(in->by_configuration, name) : in->shared;
    enum platoon_status st;

    *out = recipe;
    if (recipe)
        return PLATOON_OK;
    recipe = platoon_dict();
    st = recipe ? make_recipe(in, name, recipe, err) : no_memory(err);
    if (st != PLATOON_OK) {
        platoon_value_unref(recipe);
        return st;
    }
    *out = recipe;
    return platoon_dict_set(in->by_configuration, name, recipe) == PLATOON_OK ? PLATOON_OK
                                                                              : no_memory(err);
}
