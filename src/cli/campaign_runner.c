/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_runner.c - what runs a campaign's tasks, and where. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/campaign_read.h"
#include "sumo/stop_rule.h"

static enum platoon_status add_word(struct campaign_file *c, const char *word,
                                    struct platoon_err *err)
{
    return platoon_append(c->worker_words, platoon_str(word)) == PLATOON_OK
               ? PLATOON_OK
               : campaign_no_memory(err);
}

static enum platoon_status add_option(struct campaign_file *c, const char *option,
                                      const char *value, struct platoon_err *err)
{
    enum platoon_status st = add_word(c, option, err);

    return st == PLATOON_OK ? add_word(c, value, err) : st;
}

enum platoon_status campaign_read_words(const struct yaml_doc *doc, const struct yaml_node *node,
                                        const char *what, platoon_value **out,
                                        struct platoon_err *err)
{
    platoon_value *words;
    enum platoon_status st = PLATOON_OK;

    if (node->kind != YAML_LIST || node->n_items == 0)
        return yaml_fail(doc, node, err, "%s", what);
    words = platoon_list();
    for (size_t i = 0; st == PLATOON_OK && i < node->n_items; i++) {
        if (node->items[i]->kind != YAML_SCALAR)
            st = yaml_fail(doc, node->items[i], err, "expected text here, not %s",
                           yaml_describe(node->items[i]));
        else if (platoon_append(words, platoon_str(node->items[i]->text)) != PLATOON_OK)
            st = campaign_no_memory(err);
    }
    if (st == PLATOON_OK)
        *out = words;
    else
        platoon_value_unref(words);
    return st;
}

/* --- limits and environment ------------------------------------------------------------------- */

/* A whole number from 1 to `max`; false: it is none. */
static bool read_count(const struct yaml_node *node, int64_t max, int64_t *out)
{
    platoon_value *v = node->kind == YAML_SCALAR ? yaml_scalar_value(node->text) : NULL;
    bool is_fine = platoon_value_kind(v) == PLATOON_INT && platoon_as_int(v, out) == PLATOON_OK &&
                   *out >= 1 && *out <= max;

    platoon_value_unref(v);
    return is_fine;
}

/* No option of the worker's, but how many slots it gets. */
static enum platoon_status read_cpus(const struct yaml_doc *doc, const struct yaml_node *limits,
                                     struct campaign_file *c, struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(limits, "cpus", NULL);
    int64_t n = 1;

    if (node && !read_count(node, CAMPAIGN_MAX_CPUS, &n))
        return yaml_fail(doc, node, err,
                         "cpus is how many a task keeps busy, a whole number from 1 to %d",
                         CAMPAIGN_MAX_CPUS);
    c->cpus = (unsigned)n;
    return PLATOON_OK;
}

/* The worker checks the values; what it says names its option. */
static enum platoon_status read_limits(const struct yaml_doc *doc, struct campaign_file *c,
                                       struct platoon_err *err)
{
    static const char *const known[] = {"timeout_s", "memory", "cpus"};
    static const char *const options[] = {"--timeout", "--memory"};
    const struct yaml_node *node = yaml_get(doc->root, "limits", NULL);
    enum platoon_status st = PLATOON_OK;

    if (node && node->kind != YAML_MAP)
        return yaml_fail(doc, node, err, "limits are a map of timeout_s, memory and cpus");
    if (node)
        st = yaml_only_keys(doc, node, known, 3, err);
    if (st == PLATOON_OK)
        st = read_cpus(doc, node, c, err);
    for (size_t i = 0; st == PLATOON_OK && i < 2; i++) {
        const struct yaml_node *value = yaml_get(node, known[i], NULL);

        if (value && (value->kind != YAML_SCALAR || strspn(value->text, "0123456789") == 0))
            st = yaml_fail(doc, value, err, "%s is a number%s", known[i],
                           i ? " of bytes, as in 4G" : " of seconds");
        else if (value)
            st = add_option(c, options[i], value->text, err);
    }
    return st;
}

static enum platoon_status read_env(const struct yaml_doc *doc, struct campaign_file *c,
                                    struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "env", NULL);
    enum platoon_status st = PLATOON_OK;

    if (node && node->kind != YAML_MAP)
        return yaml_fail(doc, node, err, "env is a map of names and values");
    for (size_t i = 0; node && st == PLATOON_OK && i < node->n_items; i++) {
        const struct yaml_node *name = node->items[2 * i], *value = node->items[2 * i + 1];
        char *setting;

        if (value->kind != YAML_SCALAR || !*name->text || strchr(name->text, '='))
            return yaml_fail(doc, name, err, "env is a map of names and values");
        if (asprintf(&setting, "%s=%s", name->text, value->text) < 0)
            return campaign_no_memory(err);
        st = add_option(c, "--env", setting, err);
        free(setting);
    }
    return st;
}

/* A path of the file, absolute: one that is relative is meant from the file's folder. */
static char *own_path(const struct campaign_file *c, const char *path)
{
    char *whole;

    if (*path == '/')
        return strdup(path);
    return asprintf(&whole, "%s/%s", c->folder, path) < 0 ? NULL : whole;
}

/* `controllers`: shared objects, for SUMO. */
static enum platoon_status read_controllers(const struct yaml_doc *doc, struct campaign_file *c,
                                            struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "controllers", NULL);
    platoon_value *names = NULL;
    enum platoon_status st = PLATOON_OK;

    c->controllers = platoon_list();
    if (!c->controllers)
        return campaign_no_memory(err);
    if (node)
        st = campaign_read_words(doc, node, "controllers is a list of FILE.so", &names, err);
    for (size_t i = 0; st == PLATOON_OK && i < platoon_len(names); i++) {
        char *path = own_path(c, platoon_as_str(platoon_item(names, i), NULL));

        if (!path || platoon_append(c->controllers, platoon_str(path)) != PLATOON_OK)
            st = campaign_no_memory(err);
        free(path);
    }
    platoon_value_unref(names);
    return st;
}

/* `worker`: more words for `platoon work`, as they stand. */
static enum platoon_status read_worker(const struct yaml_doc *doc, struct campaign_file *c,
                                       struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "worker", NULL);
    platoon_value *words = NULL;
    enum platoon_status st = PLATOON_OK;

    if (node)
        st = campaign_read_words(doc, node, "worker is a list of options of platoon work", &words,
                                 err);
    for (size_t i = 0; st == PLATOON_OK && i < platoon_len(words); i++)
        st = add_word(c, platoon_as_str(platoon_item(words, i), NULL), err);
    platoon_value_unref(words);
    return st;
}

static enum platoon_status read_attempts(const struct yaml_doc *doc, struct campaign_file *c,
                                         struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "attempts", NULL);
    int64_t n = 0;

    if (node && !read_count(node, CAMPAIGN_MAX_ATTEMPTS, &n))
        return yaml_fail(doc, node, err,
                         "attempts is how often a task may lose its worker, a whole number from 1 "
                         "to %d",
                         CAMPAIGN_MAX_ATTEMPTS);
    c->attempts = (uint32_t)n;
    return PLATOON_OK;
}

/* --- runner ----------------------------------------------------------------------------------- */

static enum platoon_status read_command(const struct yaml_doc *doc, const struct yaml_node *node,
                                        struct campaign_file *c, struct platoon_err *err)
{
    platoon_value *words = NULL;
    enum platoon_status st = campaign_read_words(
        doc, node, "a command is a list: the program and its arguments", &words, err);

    c->runner = "command";
    if (st == PLATOON_OK)
        st = add_option(c, "--runner", "command", err);
    if (st == PLATOON_OK)
        st = add_word(c, "--", err);
    for (size_t i = 0; st == PLATOON_OK && i < platoon_len(words); i++)
        st = add_word(c, platoon_as_str(platoon_item(words, i), NULL), err);
    platoon_value_unref(words);
    return st;
}

static enum platoon_status read_runner_key(const struct yaml_doc *doc, struct campaign_file *c,
                                           struct platoon_err *err)
{
    static const char *const known[] = {"command", "python"};
    const struct yaml_node *node = yaml_get(doc->root, "runner", NULL), *value;
    enum platoon_status st;

    c->runner = "sumo";
    if (!node || (node->kind == YAML_SCALAR && strcmp(node->text, "sumo") == 0))
        return add_option(c, "--runner", "sumo", err);
    st = yaml_only_keys(doc, node, known, 2, err);
    if (st != PLATOON_OK)
        return st;
    if (node->kind != YAML_MAP || node->n_items != 1)
        return yaml_fail(doc, node, err,
                         "a runner is sumo, {command: [PROGRAM, ARG...]} or "
                         "{python: FILE.py:FUNCTION}");
    value = node->items[1];
    if (strcmp(node->items[0]->text, "command") == 0)
        return read_command(doc, value, c, err);
    if (value->kind != YAML_SCALAR || !strchr(value->text, ':'))
        return yaml_fail(doc, value, err, "a function is written FILE.py:FUNCTION");
    c->runner = "python";
    st = add_option(c, "--runner", "python", err);
    return st == PLATOON_OK ? add_word(c, value->text, err) : st;
}

static enum platoon_status read_root(const struct yaml_doc *doc, struct campaign_file *c,
                                     struct platoon_err *err)
{
    const struct yaml_node *node = yaml_get(doc->root, "root", NULL);

    if (node && (node->kind != YAML_SCALAR || !*node->text))
        return yaml_fail(doc, node, err, "root is a folder, relative to this file's");
    c->root = node ? own_path(c, node->text) : strdup(c->folder);
    return c->root ? PLATOON_OK : campaign_no_memory(err);
}

/* --- rules to stop by ------------------------------------------------------------------------- */

/* `stop_when` of a map of parameters: here, because all its runs would say the same. What is no
 * text is the worker's to refuse. */
static enum platoon_status check_rule(const struct yaml_doc *doc, const struct yaml_node *params,
                                      struct platoon_err *err)
{
    const struct yaml_node *node = params ? yaml_get(params, "stop_when", NULL) : NULL;
    enum platoon_status st = PLATOON_OK;
    struct stop_rule rule;
    size_t n = !node ? 0 : node->kind == YAML_LIST ? node->n_items : 1;

    for (size_t i = 0; st == PLATOON_OK && i < n; i++) {
        const struct yaml_node *item = node->kind == YAML_LIST ? node->items[i] : node;
        platoon_value *value = yaml_value(item);
        const char *text = platoon_as_str(value, NULL);

        if (text && (st = stop_rule_parse(text, "stop_when", &rule, err)) != PLATOON_OK)
            st = campaign_locate(doc, item, st, err);
        platoon_value_unref(value);
    }
    return st;
}

static enum platoon_status check_rules(const struct yaml_doc *doc, struct platoon_err *err)
{
    const struct yaml_node *arms = yaml_get(doc->root, "arms", NULL);
    enum platoon_status st = check_rule(doc, yaml_get(doc->root, "base", NULL), err);

    if (st == PLATOON_OK)
        st = check_rule(doc, yaml_get(doc->root, "factors", NULL), err);
    for (size_t i = 0; st == PLATOON_OK && arms && arms->kind == YAML_MAP && i < arms->n_items; i++)
        st = check_rule(doc, arms->items[2 * i + 1], err);
    return st;
}

enum platoon_status campaign_read_runner(const struct yaml_doc *doc, struct campaign_file *c,
                                         struct platoon_err *err)
{
    const struct yaml_node *prepare = yaml_get(doc->root, "prepare", NULL);
    const struct yaml_node *inputs = yaml_get(doc->root, "inputs", NULL);
    enum platoon_status st = read_root(doc, c, err);

    c->worker_words = platoon_list();
    if (st == PLATOON_OK && !c->worker_words)
        st = campaign_no_memory(err);
    if (st == PLATOON_OK && prepare)
        st = campaign_read_words(doc, prepare, "prepare is a list: a program and its arguments",
                                 &c->prepare, err);
    if (st == PLATOON_OK && inputs)
        st = campaign_read_words(doc, inputs, "inputs is a list of files", &c->inputs, err);
    if (st == PLATOON_OK)
        st = read_limits(doc, c, err);
    if (st == PLATOON_OK)
        st = read_env(doc, c, err);
    if (st == PLATOON_OK)
        st = read_controllers(doc, c, err);
    if (st == PLATOON_OK)
        st = read_worker(doc, c, err);
    if (st == PLATOON_OK)
        st = read_attempts(doc, c, err);
    if (st == PLATOON_OK)
        st = read_runner_key(doc, c, err); /* last of these: a command ends the words */
    return st == PLATOON_OK && strcmp(c->runner, "sumo") == 0 ? check_rules(doc, err) : st;
}
