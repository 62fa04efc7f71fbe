/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a run reads: which they are, what they are called, when they are read again. */
#include "support/test.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "sumo/inputs/inputs.h"

/* FIPS 180-2's example: the SHA-256 of "abc"; and of no bytes at all. */
#define SHA_OF_ABC     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct platoon_err err;

struct root {
    char path[PATH_MAX];
    struct path_rules rules;
};

static char *path_of(const struct root *root, const char *name)
{
    static char path[PATH_MAX + 64];

    snprintf(path, sizeof path, "%s/%s", root->path, name);
    return path;
}

static void put(const struct root *root, const char *name, const char *text)
{
    FILE *file = fopen(path_of(root, name), "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void begin(struct root *root)
{
    char template[] = "/tmp/platoon-inputs-XXXXXX";

    assert_non_null(mkdtemp(template));
    assert_non_null(realpath(template, root->path));
    root->rules = (struct path_rules){.root = root->path};
    assert_int_equal(mkdir(path_of(root, "data"), 0777), 0);
    assert_int_equal(mkdir(path_of(root, "data/sub"), 0777), 0);
}

static void end(struct root *root)
{
    assert_int_equal(remove_tree(root->path), 0);
}

static void plan_of(const struct root *root, platoon_value *options, struct sumo_plan *out)
{
    platoon_value *task = platoon_dict();

    assert_int_equal(platoon_dict_set(task, "filename", platoon_str("data/x.sumocfg")), PLATOON_OK);
    if (options)
        assert_int_equal(platoon_dict_set(task, "options", options), PLATOON_OK);
    if (sumo_plan_make(task, &root->rules, out, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    platoon_value_unref(task);
}

/* The names of a plan's inputs, with a blank behind each; "!" behind those that are unread. */
static void assert_names(const struct root *root, platoon_value *options, const char *wanted)
{
    struct input_cache cache = {0};
    struct inputs inputs;
    struct sumo_plan plan;
    char names[4096] = "";

    plan_of(root, options, &plan);
    assert_int_equal(inputs_collect(&plan, &cache, &inputs, &err), PLATOON_OK);
    for (size_t i = 0; i < inputs.n; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s ", inputs.files[i].name,
                 *inputs.files[i].sha256 ? "" : "!");
    assert_string_equal(names, wanted);
    inputs_release(&inputs);
    input_cache_release(&cache);
    sumo_plan_release(&plan);
}

TEST(names_are_relative_to_a_folder)
{
    static const struct {
        const char *from, *path, *wanted;
    } cases[] = {
        {"/a/b", "/a/b/c", "c"},
        {"/a/b", "/a/b/c/d.xml", "c/d.xml"},
        {"/a/b", "/a/c", "../c"},
        {"/a/b", "/a/bc/d", "../bc/d"},
        {"/a/bc", "/a/b/d", "../b/d"},
        {"/a/b", "/x/y", "../../x/y"},
        {"/a/b", "/a/b/./c/../d//e", "d/e"},
        {"/a/b", "/a/b/../../../q", "../../q"},
        {"", "/x", "x"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *name = inputs_relative_name(cases[i].from, cases[i].path);

        assert_string_equal(name, cases[i].wanted);
        free(name);
    }
}

TEST(every_file_that_is_named_is_found)
{
    struct root root;

    begin(&root);
    put(&root, "data/x.sumocfg",
        "<configuration><input><net value='n.xml'/><route-files value=' r.xml , sub/s.xml;r.xml'/>"
        "<a v='sub/a.xml'/><gui-settings-file value='g.xml'/></input>"
        "<output><tripinfo-output value='t.xml'/></output></configuration>");
    put(&root, "data/x.platoon.yaml", "measure: {from: 1}\n");
    put(&root, "data/n.xml", "<net/>");
    put(&root, "data/r.xml", "<routes><vehicle id='include'/></routes>");
    put(&root, "data/sub/s.xml", "<routes><include href='deep.xml'/></routes>");
    put(&root, "data/sub/deep.xml", "<routes><include href='../up.xml'/><include href='s.xml'/>");
    put(&root, "data/up.xml", "");
    put(&root, "data/sub/a.xml",
        "<additional><rerouter file='re.xml'/><variableSpeedSign file='vss.xml'/>"
        "<calibrator file='c.xml'/><inductionLoop file='out.xml'/></additional>");
    put(&root, "data/sub/re.xml", "<rerouter/>");
    put(&root, "data/sub/vss.xml", "<vss/>");
    assert_names(&root, NULL,
                 "n.xml r.xml sub/a.xml sub/c.xml! sub/deep.xml sub/re.xml sub/s.xml sub/vss.xml "
                 "up.xml x.platoon.yaml x.sumocfg ");
    put(&root, "other.xml", "<routes/>");
    {
        platoon_value *options = platoon_dict();

        platoon_dict_set(options, "route-files", platoon_str("other.xml"));
        platoon_dict_set(options, "tripinfo-output", platoon_str("t.xml"));
        assert_names(&root, options,
                     "../other.xml n.xml sub/a.xml sub/c.xml! sub/re.xml sub/vss.xml "
                     "x.platoon.yaml x.sumocfg ");
    }
    put(&root, "data/x.sumocfg", "<configuration><net-file value='n.xml'/> cut off");
    assert_names(&root, NULL, "n.xml x.platoon.yaml x.sumocfg ");
    end(&root);
}

TEST(a_pipe_is_not_waited_for)
{
    struct root root;

    begin(&root);
    put(&root, "data/x.sumocfg", "<configuration><net-file value='pipe'/></configuration>");
    assert_int_equal(mkfifo(path_of(&root, "data/pipe"), 0600), 0);
    assert_names(&root, NULL, "pipe! x.sumocfg ");
    end(&root);
}

TEST(a_file_is_read_again_only_when_it_has_changed)
{
    struct input_cache cache = {0};
    const struct input_known *first, *second;
    struct input_identity was;
    struct root root;

    begin(&root);
    put(&root, "a", "abc");
    put(&root, "b", "");
    assert_int_equal(input_cache_get(&cache, path_of(&root, "a"), &first, &err), PLATOON_OK);
    assert_string_equal(first->sha256, SHA_OF_ABC);
    was = first->identity;
    assert_int_equal(input_cache_get(&cache, path_of(&root, "b"), &second, &err), PLATOON_OK);
    assert_string_equal(second->sha256, SHA_OF_NOTHING);
    assert_int_equal(input_cache_get(&cache, path_of(&root, "a"), &second, &err), PLATOON_OK);
    assert_ptr_equal(first, second);
    assert_int_equal(cache.n, 2);
    assert_true(input_is_unchanged(path_of(&root, "a"), &was));
    put(&root, "a", "abcd");
    assert_false(input_is_unchanged(path_of(&root, "a"), &was));
    assert_int_equal(input_cache_get(&cache, path_of(&root, "a"), &second, &err), PLATOON_OK);
    assert_string_not_equal(second->sha256, SHA_OF_ABC);
    assert_int_equal(unlink(path_of(&root, "a")), 0);
    assert_false(input_is_unchanged(path_of(&root, "a"), &was));
    assert_int_equal(input_cache_get(&cache, path_of(&root, "a"), &second, &err),
                     PLATOON_ENOTFOUND);
    input_cache_release(&cache);
    end(&root);
}

TEST(words_that_lead_on_are_seen_where_chunks_meet)
{
    enum { CHUNK = 256 << 10 };
    struct input_cache cache = {0};
    const struct input_known *known;
    struct root root;

    begin(&root);
    for (int before = CHUNK - 12; before <= CHUNK + 1; before++) {
        FILE *file = fopen(path_of(&root, "a"), "w");

        assert_non_null(file);
        fprintf(file, "<routes>%*s<include href='b.xml'/></routes>", before - 8, "");
        assert_int_equal(fclose(file), 0);
        assert_int_equal(input_cache_get(&cache, path_of(&root, "a"), &known, &err), PLATOON_OK);
        assert_int_equal(known->n_references, 1);
        assert_string_equal(known->references[0], "b.xml");
    }
    input_cache_release(&cache);
    end(&root);
}

TEST(too_many_files_are_an_error)
{
    struct input_cache cache = {0};
    struct inputs inputs;
    struct sumo_plan plan;
    struct root root;
    FILE *file;

    begin(&root);
    put(&root, "data/x.sumocfg", "<configuration><r value='many.xml'/></configuration>");
    for (int n = INPUT_MAX_REFERENCES - 3; n <= INPUT_MAX_REFERENCES + 1; n += 2) {
        file = fopen(path_of(&root, "data/many.xml"), "w");
        assert_non_null(file);
        fputs("<routes>", file);
        for (int i = 0; i < n; i++)
            fprintf(file, "<include href='%d.xml'/>", i);
        fputs("</routes>", file);
        assert_int_equal(fclose(file), 0);
        plan_of(&root, NULL, &plan);
        if (n + 2 <= INPUTS_MAX_FILES) {
            assert_int_equal(inputs_collect(&plan, &cache, &inputs, &err), PLATOON_OK);
            assert_int_equal(inputs.n, n + 2);
            inputs_release(&inputs);
        } else {
            assert_int_equal(inputs_collect(&plan, &cache, &inputs, &err), PLATOON_ELIMIT);
        }
        sumo_plan_release(&plan);
    }
    input_cache_release(&cache);
    end(&root);
}
