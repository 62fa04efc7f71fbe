/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "config/yaml.h"

static struct yaml_doc *read_ok(const char *text)
{
    struct yaml_doc *doc = NULL;
    struct platoon_err err;

    if (yaml_read_text("x.yaml", text, strlen(text), &doc, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    return doc;
}

static void assert_refused(const char *text, const char *message)
{
    struct yaml_doc *doc = NULL;
    struct platoon_err err;

    assert_int_not_equal(yaml_read_text("x.yaml", text, strlen(text), &doc, &err), PLATOON_OK);
    if (!strstr(err.message, message))
        fail_msg("said \"%s\", wanted \"%s\"", err.message, message);
    assert_null(doc);
}

TEST(scalars_follow_the_core_schema)
{
    static const char *const pairs[][2] = {
        {"true", "True"},  {"yes", "'yes'"},     {"off", "'off'"},
        {"null", "None"},  {"~", "None"},        {"12", "12"},
        {"-3", "-3"},      {"08", "'08'"},       {"0x1F", "31"},
        {"0o17", "15"},    {"1e3", "1000.0"},    {"1.", "1.0"},
        {".5", "0.5"},     {"12:30", "'12:30'"}, {".inf", "inf"},
        {"-.inf", "-inf"}, {".nan", "nan"},      {"1..3", "'1..3'"},
        {"", "None"},      {"+7", "7"},          {"99999999999999999999", "'99999999999999999999'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        platoon_value *v = yaml_scalar_value(pairs[i][0]);
        char *text = platoon_repr(v);

        assert_string_equal(text, pairs[i][1]);
        free(text);
        platoon_value_unref(v);
    }
}

TEST(a_file_becomes_plain_data_and_keeps_its_places)
{
    struct yaml_doc *doc = read_ok("a: 1\nb:\n  - x\n  - \"2\"\n  - {c: 0.5}\n名: 匝道\n");
    platoon_value *v = yaml_value(doc->root);
    char *text = platoon_repr(v);
    const struct yaml_node *key, *b = yaml_get(doc->root, "b", &key);

    (void)state;
    assert_string_equal(text, "{'a': 1, 'b': ['x', '2', {'c': 0.5}], '名': '匝道'}");
    assert_int_equal(key->line, 2);
    assert_int_equal(b->items[2]->line, 5);
    assert_int_equal(b->items[2]->column, 5);
    free(text);
    platoon_value_unref(v);
    yaml_free(doc);
}

TEST(what_is_refused_is_named_with_line_and_column)
{
    char deep[256] = "a: ";

    (void)state;
    assert_refused("a: 1\na: 2\n", "x.yaml:2:1: the key \"a\" stands here twice");
    assert_refused("a: &x 1\nb: *x\n", "x.yaml:1:4: tags and anchors");
    assert_refused("b: !!str 1\n", "x.yaml:1:4: tags");
    assert_refused("a: [1, 2\n", "x.yaml:2:1: did not find");
    assert_refused("--- 1\n--- 2\n", "x.yaml:2:1: only one document");
    assert_refused("", "empty");
    assert_refused("[1]: 2\n", "a key must be text");
    memset(deep + 3, '[', 100);
    deep[103] = '\0';
    assert_refused(deep, "nested deeper than 64");
}

TEST(an_unknown_key_is_named_with_the_nearest)
{
    static const char *const known[] = {"seeds", "base"};
    struct yaml_doc *doc = read_ok("base: 1\nsedes: 2\n");
    struct platoon_err err;

    (void)state;
    assert_int_equal(yaml_only_keys(doc, doc->root, known, 2, &err), PLATOON_EINVAL);
    assert_string_equal(err.message, "x.yaml:2:1: unknown key \"sedes\" (did you mean \"seeds\"?)");
    yaml_free(doc);
}
