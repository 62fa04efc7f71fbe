/* SPDX-License-Identifier: Apache-2.0 */
#include "server/skeleton.h"

#include <platoon/pickle.h>

#include "support/pickle_text.h"
#include "support/test.h"

enum { LARGE = SKELETON_CUT_BYTES, SMALL = SKELETON_CUT_BYTES - 1 };

/* [1, b'L' * LARGE, 'text', b'S' * SMALL, {'k': b'M' * (LARGE + 1)}, 2.5] in protocol 4. */
static void *sample(size_t *out_len)
{
    static char bytes[LARGE + 1];
    platoon_value *list = platoon_list(), *dict = platoon_dict();
    void *data = NULL;

    (void)platoon_append(list, platoon_int(1));
    memset(bytes, 'L', sizeof bytes);
    (void)platoon_append(list, platoon_bytes(bytes, LARGE));
    (void)platoon_append(list, platoon_str("text"));
    memset(bytes, 'S', sizeof bytes);
    (void)platoon_append(list, platoon_bytes(bytes, SMALL));
    memset(bytes, 'M', sizeof bytes);
    (void)platoon_dict_set(dict, "k", platoon_bytes(bytes, LARGE + 1));
    (void)platoon_append(list, dict);
    (void)platoon_append(list, platoon_float(2.5));
    assert_int_equal(platoon_pickle_encode(list, 4, &data, out_len, NULL), PLATOON_OK);
    platoon_value_unref(list);
    return data;
}

static platoon_value *decode(const struct skeleton *s)
{
    platoon_value *v = NULL;

    assert_int_equal(platoon_pickle_decode(s->bytes.data, s->bytes.len, NULL, &v, NULL),
                     PLATOON_OK);
    return v;
}

static const struct skeleton_cut *find(const struct skeleton *s, const platoon_value *v)
{
    size_t len;
    const void *bytes = platoon_as_bytes(v, &len);

    return skeleton_find(s, bytes, len);
}

TEST(large_byte_strings_are_cut_out_and_found_again)
{
    size_t len;
    uint8_t *data = sample(&len);
    struct skeleton s;
    platoon_value *v;
    const struct skeleton_cut *cut;

    assert_true(skeleton_init(&s));
    assert_true(skeleton_feed(&s, data, len));
    assert_int_equal(s.n_cuts, 2);
    assert_true(s.bytes.len < SMALL + 200);
    v = decode(&s);
    cut = find(&s, platoon_item(v, 1));
    assert_non_null(cut);
    assert_int_equal(cut->end - cut->start, LARGE);
    assert_int_equal(data[cut->start], 'L');
    assert_int_equal(data[cut->end - 1], 'L');
    assert_null(find(&s, platoon_item(v, 3)));
    cut = find(&s, platoon_dict_get(platoon_item(v, 4), "k"));
    assert_non_null(cut);
    assert_int_equal(cut->end - cut->start, LARGE + 1);
    assert_int_equal(data[cut->start], 'M');
    assert_string_equal(platoon_as_str(platoon_item(v, 2), NULL), "text");
    assert_true(skeleton_is_in(&s, s.bytes.data, s.bytes.len));
    assert_false(skeleton_is_in(&s, data, len));
    platoon_value_unref(v);
    skeleton_release(&s);
    free(data);
}

TEST(how_the_bytes_are_cut_into_pieces_makes_no_difference)
{
    static const size_t pieces[] = {1, 2, 3, 7, 4096, 100003};
    size_t len;
    uint8_t *data = sample(&len);
    struct skeleton whole;

    assert_true(skeleton_init(&whole));
    assert_true(skeleton_feed(&whole, data, len));
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct skeleton s;

        assert_true(skeleton_init(&s));
        memcpy(s.tag, whole.tag, sizeof s.tag);
        for (size_t at = 0; at < len; at += pieces[i])
            assert_true(skeleton_feed(&s, data + at, len - at < pieces[i] ? len - at : pieces[i]));
        assert_int_equal(s.bytes.len, whole.bytes.len);
        assert_memory_equal(s.bytes.data, whole.bytes.data, s.bytes.len);
        assert_int_equal(s.n_cuts, whole.n_cuts);
        assert_memory_equal(s.cuts, whole.cuts, s.n_cuts * sizeof *s.cuts);
        skeleton_release(&s);
    }
    skeleton_release(&whole);
    free(data);
}

TEST(a_pickle_without_large_byte_strings_stays_as_it_is)
{
    /* Every kind of argument: lines, two lines, numbers, lengths of 1, 4 and 8 bytes, a frame. */
    size_t len;
    uint8_t *data = pickle_from_text(
        "80 05 95 1000000000000000 28 'I12' 0a 'F1.5' 0a 'cmod' 0a 'name' 0a 4a 01000000 4d 0200 "
        "47 3ff8000000000000 8c 03 'abc' 58 02000000 'de' 8d 0100000000000000 'f' 55 01 'g' "
        "54 01000000 'h' 43 01 'i' 42 01000000 'j' 8e 0100000000000000 'k' 96 0100000000000000 'l' "
        "8a 01 05 70 '7' 0a 71 08 72 09000000 94 68 08 74 2e",
        &len);
    struct skeleton s;

    assert_true(skeleton_init(&s));
    assert_true(skeleton_feed(&s, data, len));
    assert_int_equal(s.n_cuts, 0);
    assert_int_equal(s.bytes.len, len);
    assert_memory_equal(s.bytes.data, data, len);
    assert_false(skeleton_is_in(&s, data, len));
    skeleton_release(&s);
    free(data);
}

TEST(nobody_can_make_a_token_that_is_not_ours)
{
    size_t len;
    uint8_t *data = sample(&len);
    struct skeleton a, b;
    uint8_t token[SKELETON_TOKEN_BYTES] = {0};

    assert_true(skeleton_init(&a));
    assert_true(skeleton_init(&b));
    assert_memory_not_equal(a.tag, b.tag, sizeof a.tag);
    assert_true(skeleton_feed(&a, data, len));
    assert_null(skeleton_find(&a, token, sizeof token));
    memcpy(token, a.tag, sizeof a.tag);
    assert_ptr_equal(skeleton_find(&a, token, sizeof token), &a.cuts[0]);
    token[SKELETON_TAG_BYTES] = 2; /* beyond the last cut */
    assert_null(skeleton_find(&a, token, sizeof token));
    assert_null(skeleton_find(&a, token, sizeof token - 1));
    skeleton_release(&a);
    skeleton_release(&b);
    free(data);
}
