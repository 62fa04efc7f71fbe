/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <platoon/pickle.h>

#include "pickle/encode.h"

static platoon_value *round_trip(const platoon_value *v, int protocol)
{
    void *data = NULL;
    size_t len = 0;
    platoon_value *back = NULL;
    struct platoon_err err;

    assert_int_equal(platoon_pickle_encode(v, protocol, &data, &len, &err), PLATOON_OK);
    if (platoon_pickle_decode(data, len, NULL, &back, &err) != PLATOON_OK)
        fail_msg("protocol %d: %s", protocol, err.message);
    free(data);
    return back;
}

static platoon_value *sample(void)
{
    platoon_value *task = platoon_dict(), *list = platoon_list(), *set = platoon_set();

    (void)platoon_dict_set(task, "filename", platoon_str("data/r\xc3\xa4mp.sumocfg"));
    (void)platoon_dict_set(task, "control_bool", platoon_bool(false));
    (void)platoon_dict_set(task, "seed", platoon_int(INT64_MIN));
    (void)platoon_dict_set(task, "x", platoon_float(0.1));
    (void)platoon_dict_put(task, platoon_int(5000), platoon_bytes("a\0\xff", 3));
    (void)platoon_append(list, platoon_tuple(2, platoon_none(), platoon_bytearray("zz", 2)));
    (void)platoon_append(list, platoon_tuple(0));
    (void)platoon_append(set, platoon_int(1));
    (void)platoon_append(set, platoon_str("one"));
    (void)platoon_append(list, set);
    (void)platoon_append(list, platoon_frozenset());
    (void)platoon_dict_set(task, "list", platoon_value_ref(list));
    (void)platoon_dict_set(task, "again", list);
    assert_int_equal(platoon_len(task), 7);
    return task;
}

TEST(what_is_encoded_is_decoded_to_an_equal_value_in_every_protocol)
{
    platoon_value *v = sample();

    for (int protocol = 2; protocol <= 4; protocol++) {
        platoon_value *back = round_trip(v, protocol);

        assert_true(platoon_equal(v, back));
        assert_ptr_equal(platoon_dict_get(back, "list"), platoon_dict_get(back, "again"));
        platoon_value_unref(back);
    }
    platoon_value_unref(v);
}

TEST(protocols_that_are_not_written_are_refused)
{
    void *data;
    size_t len;
    struct platoon_err err;

    assert_int_equal(platoon_pickle_encode(NULL, 1, &data, &len, &err), PLATOON_EINVAL);
    assert_int_equal(platoon_pickle_encode(NULL, 5, &data, &len, &err), PLATOON_EINVAL);
}
