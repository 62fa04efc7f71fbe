/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <jansson.h>

#include "base/remove_tree.h"
#include "cli/demo_results.h"

static char folder[64];

static char *read_whole(const char *name)
{
    char path[128], *text = calloc(1, 65536);
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(text);
    assert_true(fread(text, 1, 65535, f) > 0);
    fclose(f);
    return text;
}

static platoon_value *result(bool control, int64_t seed, double tts)
{
    platoon_value *v = platoon_dict();

    platoon_dict_set(v, "filename", platoon_str("data/a,b.sumocfg"));
    platoon_dict_set(v, "control_bool", platoon_bool(control));
    platoon_dict_set(v, "seed", platoon_int(seed));
    platoon_dict_set(v, "total_time_spent_h", platoon_float(tts));
    platoon_dict_set(v, "total_travel_time_h", platoon_float(tts - 1));
    platoon_dict_set(v, "mean_delay_s", platoon_float(0.1));
    platoon_dict_set(v, "mean_speed_kmh", platoon_float(60));
    assert_int_equal(platoon_dict_set(v, "outcome", platoon_str("ok")), PLATOON_OK);
    return v;
}

static platoon_value *failure(void)
{
    platoon_value *v = platoon_dict(), *error = platoon_dict(), *task = platoon_dict();

    platoon_dict_set(error, "kind", platoon_str("exit"));
    platoon_dict_set(error, "message", platoon_str("sumo said \"no\""));
    platoon_dict_set(task, "control_bool", platoon_bool(false));
    platoon_dict_set(v, "platoon_error", error);
    platoon_dict_set(v, "task", task);
    assert_int_equal(platoon_dict_set(v, "task_id", platoon_int(3)), PLATOON_OK);
    return v;
}

static void add(struct demo_results *r, platoon_value *v)
{
    struct platoon_err err = {.message = ""};

    assert_int_equal(demo_results_add(r, v, &err), PLATOON_OK);
    platoon_value_unref(v);
}

static void begin(struct demo_results *r)
{
    strcpy(folder, "/tmp/platoon-demo-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(demo_results_open(r, folder, NULL), PLATOON_OK);
}

static void end(struct demo_results *r)
{
    demo_results_release(r);
    assert_int_equal(remove_tree(folder), 0);
}

static char *table(const struct demo_results *r)
{
    FILE *out = tmpfile();
    char *text = calloc(1, 4096);

    assert_non_null(out);
    assert_non_null(text);
    assert_true(demo_results_print(r, out));
    rewind(out);
    assert_true(fread(text, 1, 4095, out) > 0);
    fclose(out);
    return text;
}

TEST(demo_pairs_runs_by_seed_whatever_order_they_come_in)
{
    struct demo_results r;
    char *text;

    begin(&r);
    add(&r, result(true, 1, 450));
    add(&r, result(false, 2, 620));
    add(&r, result(false, 1, 500));
    add(&r, result(true, 2, 520));
    add(&r, result(false, 3,
                   560)); /* its partner is missing: counts for the mean, not for the difference */
    text = table(&r);
    assert_non_null(
        strstr(text, "n (runs, runs, pairs)              3      2                 2\n"));
    assert_non_null(
        strstr(text, "total time spent (veh h)       560.0  485.0             -75.0\n"));
    free(text);
    end(&r);
}

TEST(demo_files_have_a_row_a_run_with_full_precision)
{
    struct demo_results r;
    char *csv, *jsonl;
    json_t *row;

    begin(&r);
    add(&r, result(true, 1, 0.1 + 0.2));
    add(&r, failure());
    csv = read_whole("results.csv");
    jsonl = read_whole("results.jsonl");
    assert_non_null(strstr(csv, "\r\nALINEA,\"data/a,b.sumocfg\",True,1,0.30000000000000004,"));
    assert_non_null(strstr(csv, "\r\nno control,,False,,"));
    assert_non_null(strstr(csv, ",\"sumo said \"\"no\"\"\"\r\n"));
    *strchr(jsonl, '\n') = '\0';
    row = json_loads(jsonl, 0, NULL);
    assert_non_null(row);
    assert_true(json_real_value(json_object_get(row, "total_time_spent_h")) == 0.1 + 0.2);
    json_decref(row);
    assert_int_equal(r.n_failed, 1);
    assert_string_equal(r.first_failure, "sumo said \"no\"");
    free(csv);
    free(jsonl);
    end(&r);
}

TEST(demo_refuses_a_result_that_is_not_its_own)
{
    struct demo_results r;
    platoon_value *stranger = platoon_int(7);

    begin(&r);
    assert_int_equal(demo_results_add(&r, stranger, NULL), PLATOON_EPROTO);
    platoon_value_unref(stranger);
    end(&r);
}

TEST(demo_counts_a_run_without_figures_as_failed)
{
    struct demo_results r;
    platoon_value *v = platoon_dict();
    char *text;

    begin(&r);
    assert_int_equal(platoon_dict_set(v, "control_bool", platoon_bool(true)), PLATOON_OK);
    add(&r, v);
    assert_int_equal(r.n_failed, 1);
    text = table(&r);
    assert_non_null(
        strstr(text, "total time spent (veh h)           -      -                 -\n"));
    free(text);
    end(&r);
}
