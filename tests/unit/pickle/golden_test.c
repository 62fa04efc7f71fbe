/* SPDX-License-Identifier: Apache-2.0 */
/* golden_test.c - pickles recorded from every Python (tests/data/pickles/README.md) decode to what
 * Python says they are, however they are cut, and survive being encoded again. */
#include "support/test.h"

#include <platoon/pickle.h>

#include "pickle/decode.h"

struct golden {
    char *line, *next; /* fields are cut out of the line */
    const char *protocol, *kind, *shown;
    unsigned char *bytes;
    size_t len;
};

static char *field(struct golden *g)
{
    char *start = g->next, *end = strpbrk(start, "\t\n");

    assert_non_null(end);
    *end = '\0';
    g->next = end + 1;
    return start;
}

/* The next pickle of the file; false at its end. */
static bool read_golden(FILE *f, struct golden *g)
{
    size_t cap = 0;
    const char *hex;

    memset(g, 0, sizeof *g);
    do {
        if (getline(&g->line, &cap, f) < 0) {
            free(g->line);
            return false;
        }
    } while (g->line[0] == '#');
    g->next = g->line;
    (void)field(g); /* the Pythons */
    g->protocol = field(g);
    g->kind = field(g);
    hex = field(g);
    g->shown = field(g);
    g->len = strlen(hex) / 2;
    g->bytes = malloc(g->len + 1);
    assert_non_null(g->bytes);
    for (size_t i = 0; i < g->len; i++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        g->bytes[i] = (unsigned char)byte;
    }
    return true;
}

static void for_each_golden(void (*check)(const struct golden *g))
{
    FILE *f = fopen(PLATOON_TEST_DATA "/pickles/golden.txt", "r");
    struct golden g;
    int n = 0;

    assert_non_null(f);
    for (; read_golden(f, &g); n++) {
        check(&g);
        free(g.bytes);
        free(g.line);
    }
    fclose(f);
    assert_true(n > 600);
}

static bool is_opaque(const struct golden *g)
{
    return strcmp(g->kind, "opaque") == 0;
}

static void assert_shown(const platoon_value *v, const char *shown)
{
    char *text = platoon_repr(v);

    assert_non_null(text);
    assert_string_equal(text, shown);
    free(text);
}

static platoon_value *decode(const void *data, size_t len)
{
    platoon_value *v = NULL;
    struct platoon_err err;

    if (platoon_pickle_decode(data, len, NULL, &v, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    return v;
}

static void decodes(const struct golden *g)
{
    platoon_value *v = decode(g->bytes, g->len);
    platoon_value *seen = NULL;

    assert_int_equal(platoon_value_kind(v) == PLATOON_OPAQUE, is_opaque(g));
    assert_int_equal(platoon_pickle_inspect(g->bytes, g->len, NULL, &seen, NULL), PLATOON_OK);
    assert_shown(seen, g->shown);
    if (!is_opaque(g))
        assert_shown(v, g->shown);
    platoon_value_unref(seen);
    platoon_value_unref(v);
}

TEST(recorded_pickles_are_shown_as_python_shows_them)
{
    for_each_golden(decodes);
}

static void decodes_byte_by_byte(const struct golden *g)
{
    struct decoder *d = decoder_new(NULL, 0);
    struct platoon_err err;
    platoon_value *v;

    assert_non_null(d);
    for (size_t i = 0; i < g->len; i++)
        assert_int_equal(decoder_feed(d, g->bytes + i, 1, &err),
                         i + 1 < g->len ? DECODER_MORE : DECODER_DONE);
    assert_int_equal(decoder_names_global(d), is_opaque(g));
    v = decoder_take(d);
    decoder_free(d);
    assert_shown(v, g->shown);
    platoon_value_unref(v);
}

TEST(recorded_pickles_decode_byte_by_byte)
{
    for_each_golden(decodes_byte_by_byte);
}

static void survives_encoding(const struct golden *g)
{
    platoon_value *v = decode(g->bytes, g->len), *back;

    for (int protocol = 2; protocol <= 4; protocol++) {
        void *data = NULL;
        size_t len = 0;

        assert_int_equal(platoon_pickle_encode(v, protocol, &data, &len, NULL), PLATOON_OK);
        if (is_opaque(g)) {
            assert_int_equal(len, g->len);
            assert_memory_equal(data, g->bytes, len);
        } else {
            back = decode(data, len);
            assert_shown(back, g->shown);
            assert_true(platoon_equal(v, back) || strcmp(g->shown, "nan") == 0);
            platoon_value_unref(back);
        }
        free(data);
    }
    platoon_value_unref(v);
}

TEST(recorded_pickles_survive_encoding)
{
    for_each_golden(survives_encoding);
}

static void fails_when_cut_short(const struct golden *g)
{
    platoon_value *v = NULL;

    for (size_t len = 0; len < g->len; len += 1 + len / 16)
        assert_int_equal(platoon_pickle_decode(g->bytes, len, NULL, &v, NULL), PLATOON_EPICKLE);
    assert_null(v);
}

TEST(a_pickle_that_is_cut_short_is_refused_at_any_byte)
{
    for_each_golden(fails_when_cut_short);
}
