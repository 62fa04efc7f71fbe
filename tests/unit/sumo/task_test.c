/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks into plans and command lines: what is taken, what is refused and with which words. */
#include "support/test.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "sumo/command_line.h"
#include "sumo/task.h"

#define CONFIG                                                                                     \
    "<configuration><input><net-file value='n.net.xml'/></input>"                                  \
    "<time><begin value='0'/><end value='01:00:00'/></time></configuration>"

static struct platoon_err err;

/* A root with a few files. */
struct root {
    char path[PATH_MAX];
    struct path_rules rules;
};

static void put(const struct root *root, const char *name, const char *text)
{
    char path[PATH_MAX + 64];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", root->path, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void make_folder(const struct root *root, const char *name)
{
    char path[PATH_MAX + 64];

    snprintf(path, sizeof path, "%s/%s", root->path, name);
    assert_int_equal(mkdir(path, 0777), 0);
}

static void begin(struct root *root)
{
    char template[] = "/tmp/platoon-task-XXXXXX", outside[PATH_MAX + 64], link[PATH_MAX + 64];

    assert_non_null(mkdtemp(template));
    assert_non_null(realpath(template, root->path));
    root->rules = (struct path_rules){.root = root->path};
    make_folder(root, "data");
    put(root, "data/x.sumocfg", CONFIG);
    put(root, "data/y.rou.xml", "<routes/>");
    put(root, "data/a,b.sumocfg", CONFIG);
    /* a neighbour of the root, and a link to it from inside */
    snprintf(outside, sizeof outside, "%s-outside.sumocfg", root->path);
    snprintf(link, sizeof link, "%s/data/link.sumocfg", root->path);
    FILE *file = fopen(outside, "w");
    fputs(CONFIG, file);
    fclose(file);
    assert_int_equal(symlink(outside, link), 0);
}

static void end(struct root *root)
{
    char outside[PATH_MAX + 64];

    snprintf(outside, sizeof outside, "%s-outside.sumocfg", root->path);
    unlink(outside);
    assert_int_equal(remove_tree(root->path), 0);
}

static platoon_value *task_of(const char *filename)
{
    platoon_value *task = platoon_dict();

    platoon_dict_set(task, "filename", platoon_str(filename));
    return task;
}

static platoon_value *with(platoon_value *task, const char *key, platoon_value *value)
{
    assert_int_equal(platoon_dict_set(task, key, value), PLATOON_OK);
    return task;
}

static platoon_value *dict(const char *key, platoon_value *value)
{
    return with(platoon_dict(), key, value);
}

/* Takes `task`. */
static enum platoon_status plan(const struct root *root, platoon_value *task, struct sumo_plan *out)
{
    enum platoon_status st = sumo_plan_make(task, &root->rules, out, &err);

    platoon_value_unref(task);
    return st;
}

static void assert_refused(const struct root *root, platoon_value *task, enum platoon_status wanted,
                           const char *because)
{
    struct sumo_plan p;
    enum platoon_status st = plan(root, task, &p);

    if (st != wanted)
        fail_msg("status %d, not %d: %s", st, wanted, st ? err.message : "");
    if (!strstr(err.message, because))
        fail_msg("\"%s\" is not in: %s", because, err.message);
}

static char *joined(char **argv)
{
    char *text = calloc(1, 1 << 14);

    for (size_t i = 0; argv[i]; i++) {
        strcat(text, argv[i]);
        strcat(text, " ");
    }
    return text;
}

static char *line_of_plan(const struct sumo_plan *p, unsigned port)
{
    const struct sumo_program program = {.path = (char[]){"/bin/sumo"}, .major = 1, .minor = 15};
    char **argv = command_line(p, &program, "/tmp/task-7", port);
    char *text = joined(argv);

    argv_free(argv);
    return text;
}

/* The command line of a task, as text. Takes `task`. */
static char *line_of(const struct root *root, platoon_value *task, unsigned port)
{
    struct sumo_plan p;
    char *text;

    if (plan(root, task, &p) != PLATOON_OK)
        fail_msg("%s", err.message);
    text = line_of_plan(&p, port);
    sumo_plan_release(&p);
    return text;
}

static void assert_line(const struct root *root, platoon_value *task, const char *wanted)
{
    char *line = line_of(root, task, 0);

    if (!strstr(line, wanted))
        fail_msg("\"%s\" is not in: %s", wanted, line);
    free(line);
}

/* --- the file --------------------------------------------------------------------------------- */

TEST(a_task_of_the_tutorial_is_planned)
{
    struct root root;
    struct sumo_plan p;
    char wanted[PATH_MAX + 64];

    begin(&root);
    assert_int_equal(
        plan(&root, with(task_of("data/x.sumocfg"), "control_bool", platoon_bool(false)), &p),
        PLATOON_OK);
    snprintf(wanted, sizeof wanted, "%s/data/x.sumocfg", root.path);
    assert_string_equal(p.config, wanted);
    assert_false(p.is_controlled);
    assert_int_equal(p.seed, 23423); /* SUMO's own */
    assert_false(p.sets_seed);
    assert_true(p.has_end && p.end_s == 3600.0);
    assert_false(p.sets_end);
    sumo_plan_release(&p);
    end(&root);
}

TEST(backslashes_are_read_as_slashes)
{
    struct root root;
    struct sumo_plan p;

    begin(&root);
    assert_int_equal(plan(&root, task_of("data\\x.sumocfg"), &p), PLATOON_OK);
    assert_string_equal(platoon_as_str(platoon_dict_get(p.task, "filename"), NULL),
                        "data\\x.sumocfg"); /* comes back as it was */
    sumo_plan_release(&p);
    assert_int_equal(plan(&root, task_of("data/../data/./x.sumocfg"), &p), PLATOON_OK);
    sumo_plan_release(&p);
    end(&root);
}

TEST(files_outside_the_root_are_refused_however_they_are_reached)
{
    struct root root;
    struct sumo_plan p;
    char beside[PATH_MAX + 64];

    begin(&root);
    snprintf(beside, sizeof beside, "%s-outside.sumocfg", root.path);
    assert_refused(&root, task_of("../x.sumocfg"), PLATOON_EINVAL,
                   "leads out of the worker's --root");
    assert_refused(&root, task_of("data/../../x.sumocfg"), PLATOON_EINVAL, "--allow-any-path");
    assert_refused(&root, task_of("..\\x.sumocfg"), PLATOON_EINVAL, "leads out");
    assert_refused(&root, task_of(beside), PLATOON_EINVAL, "outside the worker's --root");
    assert_refused(&root, task_of("data/link.sumocfg"), PLATOON_EINVAL,
                   "outside the worker's --root");
    assert_refused(&root, task_of("/etc/passwd"), PLATOON_EINVAL, "outside the worker's --root");

    root.rules.allow_any = true;
    assert_int_equal(plan(&root, task_of("data/link.sumocfg"), &p), PLATOON_OK);
    sumo_plan_release(&p);
    assert_int_equal(plan(&root, task_of(beside), &p), PLATOON_OK);
    sumo_plan_release(&p);
    end(&root);
}

TEST(an_absolute_path_inside_the_root_is_fine)
{
    struct root root;
    struct sumo_plan p;
    char inside[PATH_MAX + 64];

    begin(&root);
    snprintf(inside, sizeof inside, "%s/data/x.sumocfg", root.path);
    assert_int_equal(plan(&root, task_of(inside), &p), PLATOON_OK);
    sumo_plan_release(&p);
    end(&root);
}

TEST(a_missing_file_is_not_found_and_its_neighbours_are_listed)
{
    struct root root;

    begin(&root);
    assert_refused(&root, task_of("data/z.sumocfg"), PLATOON_ENOTFOUND,
                   "there is no such file under the worker");
    assert_refused(&root, task_of("data/z.sumocfg"), PLATOON_ENOTFOUND, "that folder holds ");
    assert_refused(&root, task_of("data/z.sumocfg"), PLATOON_ENOTFOUND, "x.sumocfg");
    assert_refused(&root, task_of("nowhere/z.sumocfg"), PLATOON_ENOTFOUND, root.path);
    assert_refused(&root, task_of("data/x.sumocfg/y"), PLATOON_ENOTFOUND, "there is no");
    end(&root);
}

TEST(a_filename_that_is_no_file_name_is_refused)
{
    struct root root;

    begin(&root);
    assert_refused(&root, task_of(""), PLATOON_EINVAL, "filename is empty");
    assert_refused(&root, task_of("data"), PLATOON_EINVAL, "is no file");
    assert_refused(&root, task_of("data/a,b.sumocfg"), PLATOON_EINVAL,
                   "splits file names at commas");
    assert_refused(&root, with(platoon_dict(), "filename", platoon_int(3)), PLATOON_EINVAL,
                   "filename must be a text, not a int");
    assert_refused(&root, with(platoon_dict(), "filename", platoon_str_n("data/x\0y", 8)),
                   PLATOON_EINVAL, "NUL");
    assert_refused(&root, platoon_dict(), PLATOON_EINVAL, "the task has no 'filename'");
    assert_refused(&root, platoon_str("data/x.sumocfg"), PLATOON_EINVAL,
                   "a SUMO task is a dict such as");
    assert_refused(&root, platoon_none(), PLATOON_EINVAL, "not a NoneType");
    end(&root);
}

/* --- seed and times --------------------------------------------------------------------------- */

TEST(seed_and_times_reach_sumo)
{
    struct root root;

    begin(&root);
    assert_line(&root, with(task_of("data/x.sumocfg"), "seed", platoon_int(7)),
                "--random false --seed 7 ");
    assert_line(&root, with(task_of("data/x.sumocfg"), "begin", platoon_float(12.5)),
                "--begin 12.5 ");
    assert_line(&root, with(task_of("data/x.sumocfg"), "end", platoon_int(900)), "--end 900 ");
    assert_line(&root, with(task_of("data/x.sumocfg"), "seed", platoon_int(2147483647)),
                "--seed 2147483647 ");
    end(&root);
}

TEST(without_a_seed_the_configurations_is_reported)
{
    struct root root;
    struct sumo_plan p;
    char *line;

    begin(&root);
    put(&root, "data/x.sumocfg", "<configuration><seed value='99'/></configuration>");
    assert_int_equal(plan(&root, task_of("data/x.sumocfg"), &p), PLATOON_OK);
    assert_int_equal(p.seed, 99);
    assert_false(p.sets_seed);
    sumo_plan_release(&p);
    line = line_of(&root, task_of("data/x.sumocfg"), 0);
    assert_null(strstr(line, "--seed"));
    free(line);
    end(&root);
}

TEST(the_seed_of_a_configuration_that_cannot_be_read_is_not_guessed)
{
    struct root root;
    struct sumo_plan p;

    begin(&root);
    put(&root, "data/x.sumocfg",
        "<?xml version='1.0' encoding='GB18030'?><configuration><seed "
        "value='99'/></configuration>");
    assert_int_equal(plan(&root, task_of("data/x.sumocfg"), &p), PLATOON_OK);
    assert_false(p.knows_seed);
    sumo_plan_release(&p);
    assert_int_equal(plan(&root, with(task_of("data/x.sumocfg"), "seed", platoon_int(5)), &p),
                     PLATOON_OK);
    assert_true(p.knows_seed && p.seed == 5);
    sumo_plan_release(&p);
    end(&root);
}

TEST(a_random_seed_is_drawn_by_us_so_that_it_can_be_told)
{
    struct root root;
    struct sumo_plan p, q;

    begin(&root);
    put(&root, "data/x.sumocfg",
        "<configuration><seed value='99'/><random value='true'/></configuration>");
    assert_int_equal(plan(&root, task_of("data/x.sumocfg"), &p), PLATOON_OK);
    assert_int_equal(plan(&root, task_of("data/x.sumocfg"), &q), PLATOON_OK);
    assert_true(p.sets_seed);
    assert_int_not_equal(p.seed, q.seed);
    sumo_plan_release(&p);
    sumo_plan_release(&q);
    assert_line(&root, task_of("data/x.sumocfg"), "--random false --seed ");
    assert_line(&root, with(task_of("data/x.sumocfg"), "seed", platoon_int(5)),
                "--random false --seed 5 ");
    end(&root);
}

TEST(seeds_and_times_out_of_range_are_refused)
{
    struct root root;

    begin(&root);
    assert_refused(&root, with(task_of("data/x.sumocfg"), "seed", platoon_int(-1)), PLATOON_EINVAL,
                   "seed must be a whole number, 0 to 2147483647");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "seed", platoon_float(1.0)),
                   PLATOON_EINVAL, "seed must");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "seed", platoon_bool(true)),
                   PLATOON_EINVAL, "seed must");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "seed", platoon_int(2147483648)),
                   PLATOON_EINVAL, "seed must");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "end", platoon_str("3600")),
                   PLATOON_EINVAL, "end must be a simulated time");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "end", platoon_float(0.0 / 0.0)),
                   PLATOON_EINVAL, "end must be");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "begin", platoon_int(-5)), PLATOON_EINVAL,
                   "begin must be");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "begin", platoon_int(3600)),
                   PLATOON_EINVAL, "the end (3600 s) is not after the begin (3600 s)");
    end(&root);
}

TEST(none_is_as_absent)
{
    struct root root;
    struct sumo_plan p;
    platoon_value *task = with(task_of("data/x.sumocfg"), "seed", platoon_none());

    begin(&root);
    with(with(with(with(task, "end", platoon_none()), "options", platoon_none()), "control",
              platoon_none()),
         "control_bool", platoon_none());
    assert_int_equal(plan(&root, task, &p), PLATOON_OK);
    assert_false(p.is_controlled || p.sets_seed || p.sets_end);
    sumo_plan_release(&p);
    end(&root);
}

/* --- options ---------------------------------------------------------------------------------- */

static platoon_value *option(const char *name, platoon_value *value)
{
    return with(task_of("data/x.sumocfg"), "options", dict(name, value));
}

TEST(allowed_options_reach_sumo)
{
    struct root root;
    char wanted[2 * PATH_MAX + 128];

    begin(&root);
    assert_line(&root, option("scale", platoon_float(1.2)), "--scale 1.2 ");
    assert_line(&root, option("step-length", platoon_float(0.1)), "--step-length 0.1 ");
    assert_line(&root, option("time-to-teleport", platoon_int(-1)), "--time-to-teleport -1 ");
    assert_line(&root, option("max-depart-delay", platoon_float(900.0)), "--max-depart-delay 900 ");
    snprintf(wanted, sizeof wanted, "--route-files %s/data/y.rou.xml ", root.path);
    assert_line(&root, option("route-files", platoon_str("data/y.rou.xml")), wanted);
    platoon_value *two = platoon_list();
    platoon_append(two, platoon_str("data/y.rou.xml"));
    platoon_append(two, platoon_str("data/x.sumocfg"));
    snprintf(wanted, sizeof wanted, "--additional-files %s/data/y.rou.xml,%s/data/x.sumocfg ",
             root.path, root.path);
    assert_line(&root, option("additional-files", two), wanted);
    assert_line(&root, option("tripinfo-output", platoon_str("trips.xml")),
                "--tripinfo-output trips.xml ");
    end(&root);
}

TEST(options_outside_the_list_are_refused)
{
    static const char *const others[] = {
        "save-configuration",
        "remote-port",
        "output-prefix",
        "log",
        "python-script",
        "net-file",
        "tripinfo-output.write-unfinished",
        "seed",
        "--fcd-output",
        "Fcd-output",
        "fcd-output value",
        "-output",
        "",
        "-x-output",
    };
    struct root root;

    begin(&root);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_refused(&root, option(others[i], platoon_str("x.xml")), PLATOON_EINVAL,
                       "is not among the options that a task may set");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "options", platoon_list()),
                   PLATOON_EINVAL, "options must be a dict, not a list");
    end(&root);
}

TEST(option_values_are_checked)
{
    struct root root;

    begin(&root);
    assert_refused(&root, option("scale", platoon_str("2")), PLATOON_EINVAL,
                   "options.scale must be a number, not a str");
    assert_refused(&root, option("scale", platoon_int(-1)), PLATOON_EINVAL, "must be 0 to 1000");
    assert_refused(&root, option("step-length", platoon_int(0)), PLATOON_EINVAL, "must be 0.001");
    assert_refused(&root, option("route-files", platoon_list()), PLATOON_EINVAL, "holds 0 files");
    assert_refused(&root, option("route-files", platoon_str("../y.rou.xml")), PLATOON_EINVAL,
                   "options.route-files \"../y.rou.xml\" leads out");
    assert_refused(&root, option("route-files", platoon_str("data/z.rou.xml")), PLATOON_ENOTFOUND,
                   "options.route-files \"data/z.rou.xml\": there is no such file");
    end(&root);
}

TEST(outputs_are_plain_names_in_the_tasks_folder)
{
    static const char *const others[] = {
        "../x.xml", "/tmp/x.xml",      "a/x.xml", "a\\x.xml", ".x.xml",  "-x.xml", "x",
        "x.xml.gz", "localhost:1.xml", "stdout",  "",         "a b.xml", "$x.xml", "a\nb.xml",
        ".xml",     "a,b.xml",
    };
    struct root root;
    platoon_value *twice = dict("tripinfo-output", platoon_str("x.xml"));

    begin(&root);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_refused(&root, option("fcd-output", platoon_str(others[i])), PLATOON_EINVAL,
                       "options.fcd-output must be a plain file name that ends in .xml");
    assert_refused(&root, option("fcd-output", platoon_int(1)), PLATOON_EINVAL, "not a int");
    with(twice, "fcd-output", platoon_str("x.xml"));
    assert_refused(&root, with(task_of("data/x.sumocfg"), "options", twice), PLATOON_EINVAL,
                   "would write the same file, x.xml");
    end(&root);
}

TEST(measured_outputs_keep_the_name_that_was_given_to_them)
{
    struct root root;
    struct sumo_plan p;
    char *line;

    begin(&root);
    assert_line(&root, task_of("data/x.sumocfg"), "--statistic-output platoon-statistic.xml ");
    assert_line(&root, task_of("data/x.sumocfg"), "--summary-output platoon-summary.xml ");
    line = line_of(&root, option("statistic-output", platoon_str("mine.xml")), 0);
    assert_non_null(strstr(line, "--statistic-output mine.xml "));
    assert_null(strstr(line, "platoon-statistic"));
    free(line);
    put(&root, "data/x.sumocfg",
        "<configuration><statistic-output value='out/s.xml'/><summary-output value='m.xml.gz'/>"
        "</configuration>");
    assert_int_equal(plan(&root, task_of("data/x.sumocfg"), &p), PLATOON_OK);
    assert_string_equal(p.statistic_file, "s.xml");
    assert_string_equal(p.summary_file, "platoon-summary.xml");
    sumo_plan_release(&p);
    end(&root);
}

TEST(every_output_is_led_into_the_tasks_folder)
{
    struct root root;
    char *line, *prefix;

    begin(&root);
    line = line_of(&root, task_of("data/x.sumocfg"), 0);
    prefix = strstr(line, "--output-prefix ../");
    assert_non_null(prefix);
    assert_non_null(strstr(prefix, "../../../tmp/task-7/ "));
    assert_non_null(strstr(line, "--remote-port 0 "));
    assert_null(strstr(line, "--num-clients"));
    free(line);
    line = line_of(&root, task_of("data/x.sumocfg"), 4711);
    assert_non_null(strstr(line, "--remote-port 4711 --num-clients 1 "));
    free(line);
    end(&root);
}

TEST(an_older_sumo_gets_no_option_that_it_does_not_know)
{
    const struct sumo_program program = {.path = (char[]){"/bin/sumo"}, .major = 1, .minor = 14};
    struct root root;
    struct sumo_plan p;
    char **argv, *line;

    begin(&root);
    assert_line(&root, task_of("data/x.sumocfg"), "--summary-output.period 60 ");
    assert_int_equal(plan(&root, task_of("data/x.sumocfg"), &p), PLATOON_OK);
    argv = command_line(&p, &program, "/tmp/t", 0);
    line = joined(argv);
    assert_null(strstr(line, "summary-output.period"));
    free(line);
    argv_free(argv);
    sumo_plan_release(&p);
    end(&root);
}

/* --- control ---------------------------------------------------------------------------------- */

TEST(control_bool_decides_and_control_alone_means_yes)
{
    struct root root;
    struct sumo_plan p;

    begin(&root);
    assert_int_equal(
        plan(&root, with(task_of("data/x.sumocfg"), "control_bool", platoon_bool(true)), &p),
        PLATOON_OK);
    assert_true(p.is_controlled);
    sumo_plan_release(&p);
    assert_int_equal(plan(&root, with(task_of("data/x.sumocfg"), "control", platoon_dict()), &p),
                     PLATOON_OK);
    assert_true(p.is_controlled);
    sumo_plan_release(&p);
    assert_int_equal(plan(&root,
                          with(with(task_of("data/x.sumocfg"), "control", platoon_dict()),
                               "control_bool", platoon_int(0)),
                          &p),
                     PLATOON_OK);
    assert_false(p.is_controlled);
    sumo_plan_release(&p);
    assert_int_equal(plan(&root, task_of("data/x.sumocfg"), &p), PLATOON_OK);
    assert_false(p.is_controlled);
    sumo_plan_release(&p);
    assert_refused(&root, with(task_of("data/x.sumocfg"), "control_bool", platoon_str("false")),
                   PLATOON_EINVAL, "control_bool must be True or False, not a str");
    end(&root);
}

TEST(settings_beside_the_configuration_are_used_and_the_task_wins)
{
    struct root root;
    struct sumo_plan p;
    platoon_value *control = dict("K_R", platoon_int(30));

    begin(&root);
    put(&root, "data/x.platoon.yaml",
        "control:\n  tls: J7\n  K_R: 90\n  o_target: 20.5\n  occupancy_detectors: [a, b]\n");
    assert_int_equal(plan(&root, with(task_of("data/x.sumocfg"), "control", control), &p),
                     PLATOON_OK);
    assert_string_equal(p.control.places[0].names[0], "J7");
    assert_int_equal(p.control.places[1].n, 2);
    assert_true(p.control.parameters[0] == 30.0);
    assert_true(p.control.parameters[1] == 20.5);
    sumo_plan_release(&p);
    end(&root);
}

TEST(settings_of_one_controller_serve_another_that_the_task_chooses)
{
    struct root root;
    struct sumo_plan p;
    platoon_value *control = dict("type", platoon_str("fixed"));

    begin(&root);
    put(&root, "data/x.platoon.yaml", "control:\n  tls: J7\n  K_R: 90\n  green_s: 3\n");
    assert_int_equal(plan(&root, with(task_of("data/x.sumocfg"), "control", control), &p),
                     PLATOON_OK);
    assert_string_equal(p.control.type->name, "fixed");
    assert_string_equal(p.control.places[0].names[0], "J7");
    assert_true(p.control.parameters[1] == 3.0);
    sumo_plan_release(&p);
    put(&root, "data/x.platoon.yaml", "control:\n  cycle_s: 8\n");
    assert_refused(&root,
                   with(task_of("data/x.sumocfg"), "control", dict("type", platoon_str("fixed"))),
                   PLATOON_EINVAL, "unknown key \"cycle_s\"");
    end(&root);
}

TEST(settings_beside_the_configuration_do_not_turn_control_on)
{
    struct root root;
    struct sumo_plan p;

    begin(&root);
    put(&root, "data/x.platoon.yaml", "control:\n  type: no such controller\n");
    assert_int_equal(plan(&root, task_of("data/x.sumocfg"), &p), PLATOON_OK);
    assert_false(p.is_controlled);
    sumo_plan_release(&p);
    end(&root);
}

TEST(measuring_is_read_without_control_too_and_the_task_wins)
{
    struct root root;
    struct sumo_plan p;
    char *line;

    begin(&root);
    put(&root, "data/x.platoon.yaml",
        "metrics:\n  a: tripinfo/timeLoss mean\n  b: summary/halting max\nmeasure: {from: 900}\n");
    assert_int_equal(plan(&root,
                          with(task_of("data/x.sumocfg"), "metrics",
                               dict("a", platoon_str("e1/merge/occupancy max"))),
                          &p),
                     PLATOON_OK);
    assert_int_equal(p.measure.n_metrics, 2);
    assert_int_equal(p.measure.metrics[0].source, METRIC_E1);
    assert_true(p.measure.has_window && p.measure.from_s == 900.0);
    line = line_of_plan(&p, 0);
    assert_non_null(strstr(line, " --tripinfo-output platoon-tripinfo.xml "));
    free(line);
    sumo_plan_release(&p);
    assert_int_equal(plan(&root,
                          with(with(task_of("data/x.sumocfg"), "measure", platoon_dict()),
                               "metrics", dict("a", platoon_none())),
                          &p),
                     PLATOON_OK);
    assert_int_equal(p.measure.n_metrics, 1);
    assert_false(p.measure.has_window);
    line = line_of_plan(&p, 0); /* nothing needs it */
    assert_null(strstr(line, "--tripinfo-output "));
    free(line);
    sumo_plan_release(&p);
    assert_refused(&root, with(task_of("data/x.sumocfg"), "b", platoon_int(1)), PLATOON_EINVAL,
                   "metrics.b: a result has that key already, as one of the task's");
    put(&root, "data/x.platoon.yaml", "metrics:\n  a: tripinfo/timeLoss\n");
    assert_refused(&root, task_of("data/x.sumocfg"), PLATOON_EINVAL,
                   "data/x.platoon.yaml: metrics.a is \"tripinfo/timeLoss\"");
    put(&root, "data/x.platoon.yaml", "this is: [no YAML");
    assert_refused(&root, task_of("data/x.sumocfg"), PLATOON_EINVAL, "x.platoon.yaml:2:1:");
    end(&root);
}

TEST(a_rule_to_stop_by_is_the_tasks_else_the_files)
{
    struct root root;
    struct sumo_plan p;

    begin(&root);
    assert_int_equal(plan(&root, task_of("data/x.sumocfg"), &p), PLATOON_OK);
    assert_int_equal(p.stop.n_conditions, 0);
    sumo_plan_release(&p);
    put(&root, "data/x.platoon.yaml", "stop_when: waiting > 2000 for 60 s\n");
    assert_int_equal(plan(&root, with(task_of("data/x.sumocfg"), "stop_when", platoon_none()), &p),
                     PLATOON_OK);
    assert_string_equal(p.stop.text, "waiting > 2000 for 60 s");
    sumo_plan_release(&p);
    assert_int_equal(
        plan(&root, with(task_of("data/x.sumocfg"), "stop_when", platoon_str("running > 5")), &p),
        PLATOON_OK);
    assert_string_equal(p.stop.text, "running > 5");
    sumo_plan_release(&p);
    assert_int_equal(
        plan(&root, with(task_of("data/x.sumocfg"), "stop_when", platoon_str("none")), &p),
        PLATOON_OK);
    assert_int_equal(p.stop.n_conditions, 0);
    sumo_plan_release(&p);
    assert_refused(&root, with(task_of("data/x.sumocfg"), "stop_when", platoon_str("queue > 5")),
                   PLATOON_EINVAL, "the task: stop_when: \"queue > 5\", character 1: one of time");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "stop_when", platoon_int(5)),
                   PLATOON_EINVAL, "the task: stop_when must be a text such as");
    assert_refused(&root,
                   with(task_of("data/x.sumocfg"), "stop_when", platoon_str_n("time > 5\0", 9)),
                   PLATOON_EINVAL, "one with a NUL");
    put(&root, "data/x.platoon.yaml", "stop_when: waiting\n");
    assert_refused(&root, task_of("data/x.sumocfg"), PLATOON_EINVAL,
                   "data/x.platoon.yaml: stop_when: \"waiting\" ends where");
    end(&root);
}

TEST(trips_are_read_from_where_they_are_written)
{
    struct root root;
    struct sumo_plan p;
    char *line;

    begin(&root);
    put(&root, "data/t.sumocfg",
        "<configuration><output><tripinfo-output value='out/t.xml'/></output></configuration>");
    assert_int_equal(
        plan(&root, with(task_of("data/t.sumocfg"), "measure", dict("to", platoon_int(9))), &p),
        PLATOON_OK);
    assert_string_equal(p.tripinfo_file, "t.xml");
    sumo_plan_release(&p);
    assert_int_equal(
        plan(&root,
             with(with(task_of("data/t.sumocfg"), "measure", dict("to", platoon_int(9))), "options",
                  dict("tripinfo-output", platoon_str("mine.xml"))),
             &p),
        PLATOON_OK);
    assert_string_equal(p.tripinfo_file, "mine.xml");
    line = line_of_plan(&p, 0);
    assert_non_null(strstr(line, "--tripinfo-output mine.xml "));
    assert_null(strstr(line, "--tripinfo-output t.xml"));
    free(line);
    sumo_plan_release(&p);
    end(&root);
}

TEST(mistakes_in_the_settings_file_are_shown_with_their_place)
{
    struct root root;

    begin(&root);
    put(&root, "data/x.platoon.yaml", "control:\n  o_traget: 18\n");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "control_bool", platoon_bool(true)),
                   PLATOON_EINVAL, "x.platoon.yaml:2:3: unknown key \"o_traget\"");
    put(&root, "data/x.platoon.yaml", "controll: {}\n");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "control_bool", platoon_bool(true)),
                   PLATOON_EINVAL, "did you mean \"control\"?");
    put(&root, "data/x.platoon.yaml", "control: [1]\n");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "control_bool", platoon_bool(true)),
                   PLATOON_EINVAL, "control must be a map, not");
    put(&root, "data/x.platoon.yaml", "control:\n  K_R: yes\n");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "control_bool", platoon_bool(true)),
                   PLATOON_EINVAL, "x.platoon.yaml: control.K_R must be a number");
    put(&root, "data/x.platoon.yaml", "control: {K_R: 1\n");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "control_bool", platoon_bool(true)),
                   PLATOON_EINVAL, "x.platoon.yaml:");
    end(&root);
}

TEST(an_empty_settings_file_is_told)
{
    struct root root;

    begin(&root);
    put(&root, "data/x.platoon.yaml", "# nothing yet\n");
    assert_refused(&root, with(task_of("data/x.sumocfg"), "control_bool", platoon_bool(true)),
                   PLATOON_EINVAL, "x.platoon.yaml:1:1: the file is empty");
    end(&root);
}
