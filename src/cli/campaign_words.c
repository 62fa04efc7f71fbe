/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign_words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <platoon/value.h>

#include "base/buf.h"
#include "config/range.h"

/* One --set, read. */
struct set {
    const char *text;
    size_t key_len;
    platoon_value *values;
};

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

/* JSON is YAML. */
static void put_json(struct buf *b, const platoon_value *v)
{
    char *text = platoon_json(v);

    if (text)
        buf_text(b, text);
    else
        b->has_failed = true;
    free(text);
}

static void put_text(struct buf *b, const char *text, size_t len)
{
    platoon_value *v = platoon_str_n(text, len);

    put_json(b, v);
    platoon_value_unref(v);
}

static enum platoon_status read_set(const char *text, struct set *out, struct platoon_err *err)
{
    const char *equals = strchr(text, '=');
    struct platoon_err why;
    enum platoon_status st;

    if (!equals || equals == text || !equals[1])
        return platoon_fail(err, PLATOON_EINVAL, "--set is KEY=VALUE[,VALUE...], not '%s'", text);
    *out = (struct set){text, (size_t)(equals - text), platoon_list()};
    if (!out->values)
        return no_memory(err);
    st = range_append_words(equals + 1, out->values, &why);
    return st == PLATOON_OK ? st : platoon_fail(err, st, "--set %s: %s", text, why.message);
}

static bool is_all_numbers(const platoon_value *values)
{
    for (size_t i = 0; i < platoon_len(values); i++) {
        enum platoon_kind kind = platoon_value_kind(platoon_item(values, i));

        if (kind != PLATOON_INT && kind != PLATOON_FLOAT && kind != PLATOON_BIGINT)
            return false;
    }
    return true;
}

/* The --set that names the arms; n: none. */
static size_t find_arms(const struct set *sets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (platoon_len(sets[i].values) > 1 && !is_all_numbers(sets[i].values))
            return i;
    return n;
}

/* arms: {"control_bool=false": {"control_bool": false}, ...} */
static void put_arms(struct buf *b, const struct set *s)
{
    buf_text(b, "arms:\n");
    for (size_t i = 0; i < platoon_len(s->values); i++) {
        const platoon_value *v = platoon_item(s->values, i);
        char *shown = platoon_as_str(v, NULL) ? strdup(platoon_as_str(v, NULL)) : platoon_json(v);
        platoon_value *name =
            shown ? platoon_strf("%.*s=%s", (int)s->key_len, s->text, shown) : NULL;

        buf_text(b, "  ");
        put_json(b, name);
        buf_text(b, ": {");
        put_text(b, s->text, s->key_len);
        buf_text(b, ": ");
        put_json(b, v);
        buf_text(b, "}\n");
        platoon_value_unref(name);
        free(shown);
    }
}

static void put_entry(struct buf *b, bool *has_title, const char *title, const char *key,
                      size_t key_len)
{
    if (!*has_title)
        buf_printf(b, "%s:\n", title);
    *has_title = true;
    buf_text(b, "  ");
    put_text(b, key, key_len);
    buf_text(b, ": ");
}

/* `base` of those with one value, `factors` of those with several; nothing if there are none. */
static void put_map(struct buf *b, const struct campaign_words *w, const struct set *sets,
                    size_t arms, bool is_factors)
{
    const char *title = is_factors ? "factors" : "base";
    bool has_title = false;

    if (w->sumo && !is_factors) {
        put_entry(b, &has_title, title, "filename", strlen("filename"));
        put_text(b, w->sumo, strlen(w->sumo));
        buf_byte(b, '\n');
    }
    if (w->stop_when && !is_factors) {
        put_entry(b, &has_title, title, "stop_when", strlen("stop_when"));
        put_text(b, w->stop_when, strlen(w->stop_when));
        buf_byte(b, '\n');
    }
    for (size_t i = 0; i < w->n_sets; i++) {
        if (i == arms || (platoon_len(sets[i].values) > 1) != is_factors)
            continue;
        put_entry(b, &has_title, title, sets[i].text, sets[i].key_len);
        put_json(b, is_factors ? sets[i].values : platoon_item(sets[i].values, 0));
        buf_byte(b, '\n');
    }
}

static void put_runner(struct buf *b, const struct campaign_words *w)
{
    buf_text(b, "runner: ");
    if (!w->runner) {
        buf_text(b, "sumo\n");
        return;
    }
    buf_printf(b, "{%s: ", w->runner);
    if (strcmp(w->runner, "command") == 0)
        buf_text(b, "[");
    for (size_t i = 0; i < w->n_words; i++) {
        buf_text(b, i ? ", " : "");
        put_text(b, w->words[i], strlen(w->words[i]));
    }
    buf_text(b, strcmp(w->runner, "command") == 0 ? "]}\n" : "}\n");
}

/* Absolute: the file is written elsewhere. One that is not there is the worker's to tell. */
static void put_controllers(struct buf *b, const struct campaign_words *w)
{
    if (w->n_controllers)
        buf_text(b, "controllers: [");
    for (size_t i = 0; i < w->n_controllers; i++) {
        char *path = realpath(w->controllers[i], NULL);
        const char *shown = path ? path : w->controllers[i];

        buf_text(b, i ? ", " : "");
        put_text(b, shown, strlen(shown));
        free(path);
    }
    if (w->n_controllers)
        buf_text(b, "]\n");
}

char *campaign_words_name(const struct campaign_words *w)
{
    const char *whole = w->name      ? w->name
                        : w->sumo    ? w->sumo
                        : w->n_words ? w->words[0]
                                     : "campaign";
    const char *slash = w->name ? NULL : strrchr(whole, '/');
    const char *name = slash ? slash + 1 : whole;
    size_t len = w->name ? strlen(name) : strcspn(name, ".:");

    return strndup(len ? name : "campaign", len ? len : 8);
}

static void put_all(struct buf *b, const struct campaign_words *w, const struct set *sets,
                    const char *root)
{
    size_t arms = find_arms(sets, w->n_sets);
    char *name = campaign_words_name(w);

    buf_text(b, "# Written by platoon run from its command line.\nname: ");
    put_text(b, name ? name : "", name ? strlen(name) : 0);
    buf_text(b, "\nroot: ");
    put_text(b, root, strlen(root));
    buf_byte(b, '\n');
    put_runner(b, w);
    put_controllers(b, w);
    buf_printf(b, "seeds: [%s]\n", w->seeds ? w->seeds : "1");
    if (w->attempts)
        buf_printf(b, "attempts: %" PRId64 "\n", w->attempts);
    put_map(b, w, sets, arms, false);
    put_map(b, w, sets, arms, true);
    if (arms < w->n_sets)
        put_arms(b, &sets[arms]);
    free(name);
}

enum platoon_status campaign_words_text(const struct campaign_words *w, char **out_text,
                                        struct platoon_err *err)
{
    struct set sets[CAMPAIGN_WORDS_MAX_SETS] = {0};
    char *root = getcwd(NULL, 0);
    enum platoon_status st = PLATOON_OK;
    struct buf b;

    buf_init(&b);
    if (!root)
        st = platoon_fail(err, PLATOON_EIO, "cannot tell the current folder: %s", strerror(errno));
    for (size_t i = 0; st == PLATOON_OK && i < w->n_sets; i++)
        st = read_set(w->sets[i], &sets[i], err);
    if (st == PLATOON_OK) {
        put_all(&b, w, sets, root);
        *out_text = buf_take_text(&b, NULL);
        st = *out_text ? PLATOON_OK : no_memory(err);
    }
    for (size_t i = 0; i < w->n_sets; i++)
        platoon_value_unref(sets[i].values);
    free(root);
    buf_release(&b);
    return st;
}
