/* SPDX-License-Identifier: Apache-2.0 */
/* Small pure pieces: versions, text, frames. */
#include "support/test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "sumo/clean_text.h"
#include "sumo/command_line.h"
#include "sumo/program.h"
#include "sumo/runner_io.h"

static struct platoon_err err;

TEST(versions_of_releases_and_of_builds_between_them)
{
    static const struct {
        const char *line, *version;
        int major, minor;
    } cases[] = {
        {"Eclipse SUMO sumo Version 1.15.0", "1.15.0", 1, 15},
        {"Eclipse SUMO sumo Version v1_19_0+0123-abcdef", "1_19_0+0123-abcdef", 1, 19},
        {"Eclipse SUMO GUI Version 1.20.0", "1.20.0", 1, 20},
        {"SUMO sumo Version 0.32.0", "0.32.0", 0, 32},
    };
    static const char *const others[] = {
        "", "Python 3.11", "SUMO", "SUMO Version ", "SUMO Version x.y", "gcc Version 1.15"};
    char version[32];
    int major, minor;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(sumo_version_parse(cases[i].line, version, &major, &minor));
        assert_string_equal(version, cases[i].version);
        assert_int_equal(major, cases[i].major);
        assert_int_equal(minor, cases[i].minor);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(sumo_version_parse(others[i], version, &major, &minor));
}

TEST(a_program_that_is_no_sumo_is_refused_and_an_absent_one_not_found)
{
    struct sumo_program program = {0};

    assert_int_equal(sumo_program_find(&program, "/bin/true", &err), PLATOON_EPROTO);
    assert_non_null(strstr(err.message, "/bin/true --version does not answer like SUMO"));
    assert_int_equal(sumo_program_find(&program, "/nowhere/sumo", &err), PLATOON_ENOTFOUND);
    assert_int_equal(sumo_program_find(&program, "no-such-sumo", &err), PLATOON_ENOTFOUND);
    assert_non_null(strstr(err.message, "no-such-sumo in PATH"));
    char *path = strdup(getenv("PATH"));
    setenv("PATH", "/nowhere", 1);
    setenv("SUMO_HOME", "/elsewhere", 1);
    assert_int_equal(sumo_program_find(&program, NULL, &err), PLATOON_ENOTFOUND);
    assert_non_null(strstr(err.message, "SUMO is not on this machine"));
    assert_non_null(strstr(err.message, "/elsewhere"));
    unsetenv("SUMO_HOME");
    setenv("PATH", path, 1);
    free(path);
    sumo_program_release(&program);
}

/* A script that answers as SUMO does, with the version it is told. */
static void write_sumo(const char *path, const char *version)
{
    FILE *file = fopen(path, "w");

    fprintf(file, "#!/bin/sh\necho Eclipse SUMO sumo Version %s\necho \"home $SUMO_HOME\" >&2\n",
            version);
    fclose(file);
    assert_int_equal(access(path, F_OK), 0);
}

TEST(a_program_is_asked_again_only_when_it_changed)
{
    char folder[] = "/tmp/platoon-program-XXXXXX", path[64];
    struct sumo_program program = {0};

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/sumo", folder);
    write_sumo(path, "1.18.0");
    assert_int_equal(sumo_program_find(&program, path, &err), PLATOON_ENOTFOUND); /* no x bit */
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(sumo_program_find(&program, path, &err), PLATOON_OK);
    assert_string_equal(program.version, "1.18.0");
    char **envp = program.envp;
    assert_int_equal(sumo_program_find(&program, path, &err), PLATOON_OK);
    assert_ptr_equal(program.envp, envp); /* nothing was done */
    write_sumo(path, "1.9.2 or so");
    assert_int_equal(sumo_program_find(&program, path, &err), PLATOON_EVERSION);
    assert_non_null(strstr(err.message, "is SUMO 1.9.2; Platoon needs 1.10 or later"));
    assert_string_equal(program.version, "1.18.0"); /* as before */
    sumo_program_release(&program);
    unlink(path);
    rmdir(folder);
}

TEST(sumo_speaks_english_and_finds_its_home)
{
    char folder[] = "/tmp/platoon-home-XXXXXX", path[128];
    struct sumo_program program = {0};
    bool has_home = false, has_language = false;

    assert_non_null(mkdtemp(folder));
    for (const char *const *part = (const char *const[]){"bin", "data", "data/xsd", NULL}; *part;
         part++) {
        snprintf(path, sizeof path, "%s/%s", folder, *part);
        assert_int_equal(mkdir(path, 0777), 0);
    }
    snprintf(path, sizeof path, "%s/bin/sumo", folder);
    write_sumo(path, "1.15.0");
    assert_int_equal(chmod(path, 0755), 0);
    unsetenv("SUMO_HOME");
    setenv("LANGUAGE", "zh_CN", 1);
    assert_int_equal(sumo_program_find(&program, path, &err), PLATOON_OK);
    for (char **e = program.envp; *e; e++) {
        has_home |= strncmp(*e, "SUMO_HOME=", 10) == 0 && strstr(*e, "platoon-home-");
        has_language |= strcmp(*e, "LANGUAGE=en") == 0;
        assert_string_not_equal(*e, "LANGUAGE=zh_CN");
    }
    assert_true(has_home);
    assert_true(has_language);
    sumo_program_release(&program);
    snprintf(path, sizeof path, "rm -r %s", folder);
    assert_int_equal(system(path), 0);
}

TEST(numbers_of_a_command_line)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {{7.0, "7"},         {-1.0, "-1"}, {0.1, "0.1"},
                 {1.5, "1.5"},       {0.0, "0"},   {2147483647.0, "2147483647"},
                 {1e9, "1000000000"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = argv_number(cases[i].number);

        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

TEST(text_of_any_kind_becomes_utf8)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"plain", "plain"},
        {"Zürich 场景 \xf0\x9f\x9a\x97", "Zürich 场景 \xf0\x9f\x9a\x97"},
        {"\xb3\xa1\xbe\xb0", "????"}, /* GBK */
        {"cut \xe5\x9c", "cut ??"},
        {"\xc0\xaf\xff", "???"},
        {"", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];

        strcpy(text, cases[i].from);
        clean_text(text);
        assert_string_equal(text, cases[i].to);
    }
}

TEST(frames_go_through_a_pipe)
{
    platoon_value *message = platoon_dict(), *back;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    platoon_dict_set(message, "result", platoon_str("x"));
    assert_int_equal(runner_write(fds[1], platoon_value_ref(message), &err), PLATOON_OK);
    assert_int_equal(runner_read(fds[0], &back, &err), PLATOON_OK);
    assert_true(platoon_equal(message, back));
    platoon_value_unref(message);
    platoon_value_unref(back);
    assert_int_equal(runner_write(fds[1], NULL, &err), PLATOON_ENOMEM);
    close(fds[1]);
    assert_int_equal(runner_read(fds[0], &back, &err), PLATOON_ECLOSED);
    close(fds[0]);
}

TEST(frames_that_are_none_are_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"\0\0", 2},             /* ends within its length */
        {"\0\0\0\x05N", 5},      /* ends within its body */
        {"\x7f\xff\xff\xff", 4}, /* too long */
        {"\x40\0\0\0", 4},       /* as long as is allowed, and then nothing: no memory for it */
        {"\0\0\0\x02N.extra", 6 + 5}, /* a good one; what follows is the next frame's */
    };
    static const enum platoon_status wanted[] = {PLATOON_EPROTO, PLATOON_EPROTO, PLATOON_EPROTO,
                                                 PLATOON_EPROTO, PLATOON_OK};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        platoon_value *value = NULL;
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        assert_int_equal(write(fds[1], cases[i].bytes, cases[i].len), (ssize_t)cases[i].len);
        close(fds[1]);
        assert_int_equal(runner_read(fds[0], &value, &err), wanted[i]);
        platoon_value_unref(value);
        close(fds[0]);
    }
}
