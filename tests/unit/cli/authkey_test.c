/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "cli/authkey.h"

static char folder[64];

static void enter_empty_home(void)
{
    int nothing;

    strcpy(folder, "/tmp/platoon-authkey-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(setenv("XDG_STATE_HOME", folder, 1), 0);
    unsetenv("PLATOON_AUTHKEY");
    /* No terminal, wherever the test is run from. */
    nothing = open("/dev/null", O_RDONLY);
    assert_int_equal(dup2(nothing, STDIN_FILENO), STDIN_FILENO);
    close(nothing);
}

static void leave(void)
{
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(remove_tree(folder), 0);
}

static void write_file(const char *name, const char *text, size_t len)
{
    FILE *f = fopen(name, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(name, 0600), 0);
}

static void assert_key(const struct authkey *k, const char *text)
{
    assert_int_equal(k->len, strlen(text));
    assert_memory_equal(k->bytes, text, k->len);
}

TEST(authkey_file_is_its_bytes_less_one_trailing_newline)
{
    static const struct {
        const char *content;
        size_t len;
        const char *key;
    } cases[] = {{"secret", 6, "secret"},
                 {"secret\n", 7, "secret"},
                 {"secret\n\n", 8, "secret\n"},
                 {" s \r\n", 5, " s \r"},
                 {"\nx", 2, "\nx"}};

    enter_empty_home();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct authkey k;
        write_file("k", cases[i].content, cases[i].len);
        assert_int_equal(authkey_for_client("k", "x", 1, &k, NULL), PLATOON_OK);
        assert_key(&k, cases[i].key);
        assert_non_null(strstr(authkey_origin(&k), "/k"));
        authkey_release(&k);
    }
    leave();
}

TEST(authkey_refuses_empty_missing_and_huge_files)
{
    struct authkey k;
    static char huge[AUTHKEY_MAX + 2];

    enter_empty_home();
    memset(huge, 'k', sizeof huge);
    write_file("empty", "", 0);
    write_file("newline", "\n", 1);
    write_file("huge", huge, sizeof huge);
    assert_int_equal(authkey_for_server("empty", NULL, 1, &k, NULL), PLATOON_EINVAL);
    assert_int_equal(authkey_for_server("newline", NULL, 1, &k, NULL), PLATOON_EINVAL);
    assert_int_equal(authkey_for_server("absent", NULL, 1, &k, NULL), PLATOON_ENOTFOUND);
    assert_int_equal(authkey_for_server("huge", NULL, 1, &k, NULL), PLATOON_ELIMIT);
    huge[AUTHKEY_MAX] = '\n';
    write_file("full", huge, AUTHKEY_MAX + 1); /* the longest key there is, and its newline */
    assert_int_equal(authkey_for_server("full", NULL, 1, &k, NULL), PLATOON_OK);
    assert_int_equal(k.len, AUTHKEY_MAX);
    authkey_release(&k);
    leave();
}

TEST(authkey_from_the_environment_is_wiped_there)
{
    struct authkey k;
    const char *place;

    enter_empty_home();
    assert_int_equal(setenv("PLATOON_AUTHKEY", "hunter2", 1), 0);
    place = getenv("PLATOON_AUTHKEY");
    assert_int_equal(authkey_for_server(NULL, NULL, 1, &k, NULL), PLATOON_OK);
    assert_key(&k, "hunter2");
    assert_string_equal(authkey_origin(&k), "PLATOON_AUTHKEY");
    assert_null(getenv("PLATOON_AUTHKEY"));
    assert_int_equal(place[0], '\0');
    authkey_release(&k);

    /* A file wins, and still nothing is left for children to inherit. */
    assert_int_equal(setenv("PLATOON_AUTHKEY", "hunter2", 1), 0);
    write_file("k", "from-file", 9);
    assert_int_equal(authkey_for_client("k", "x", 1, &k, NULL), PLATOON_OK);
    assert_key(&k, "from-file");
    assert_null(getenv("PLATOON_AUTHKEY"));
    authkey_release(&k);
    leave();
}

TEST(authkey_made_by_a_server_is_private_kept_and_found_by_clients)
{
    struct authkey made, again, client;
    struct stat about;

    enter_empty_home();
    assert_int_equal(authkey_for_server(NULL, NULL, 5001, &made, NULL), PLATOON_OK);
    assert_true(made.was_made);
    assert_int_equal(made.len, AUTHKEY_MADE_LEN);
    for (size_t i = 0; i < made.len; i++)
        assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                               made.bytes[i]));
    assert_int_equal(stat("platoon/5001/authkey", &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(about.st_size, AUTHKEY_MADE_LEN);
    assert_int_equal(stat("platoon/5001", &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(authkey_server_listens(&made, 5001, NULL), PLATOON_OK);

    assert_int_equal(authkey_for_server(NULL, NULL, 5001, &again, NULL), PLATOON_OK);
    assert_false(again.was_made);
    assert_int_equal(again.len, made.len);
    assert_memory_equal(again.bytes, made.bytes, made.len);
    assert_int_equal(authkey_for_client(NULL, "127.0.0.1", 5001, &client, NULL), PLATOON_OK);
    assert_memory_equal(client.bytes, made.bytes, made.len);
    authkey_release(&client);
    authkey_release(&again);
    authkey_release(&made);
    leave();
}

TEST(authkey_of_a_server_elsewhere_is_not_looked_for_here)
{
    struct authkey made, client;
    struct platoon_err err;

    enter_empty_home();
    assert_int_equal(authkey_for_server(NULL, NULL, 5001, &made, NULL), PLATOON_OK);
    assert_int_equal(authkey_for_client(NULL, "192.0.2.1", 5001, &client, &err), PLATOON_ENOTFOUND);
    assert_non_null(strstr(err.message, "--authkey-file"));
    assert_non_null(strstr(err.message, "PLATOON_AUTHKEY"));
    assert_non_null(strstr(err.message, "192.0.2.1:5001"));
    assert_int_equal(authkey_for_client(NULL, "127.0.0.1", 5002, &client, NULL), PLATOON_ENOTFOUND);
    authkey_release(&made);
    leave();
}

TEST(authkey_in_a_data_folder_is_found_through_the_pointer_while_the_server_runs)
{
    struct authkey usual, data, client;

    enter_empty_home();
    assert_int_equal(authkey_for_server(NULL, NULL, 5001, &usual, NULL), PLATOON_OK);
    assert_int_equal(authkey_for_server(NULL, "farm", 5001, &data, NULL), PLATOON_OK);
    assert_int_equal(access("farm/authkey", F_OK), 0);
    assert_memory_not_equal(usual.bytes, data.bytes, AUTHKEY_MADE_LEN);
    assert_int_equal(authkey_server_listens(&data, 5001, NULL), PLATOON_OK);
    assert_int_equal(authkey_for_client(NULL, "localhost", 5001, &client, NULL), PLATOON_OK);
    assert_memory_equal(client.bytes, data.bytes, AUTHKEY_MADE_LEN);
    authkey_release(&client);

    authkey_server_ended(&data, 5001);
    assert_int_equal(authkey_for_client(NULL, "localhost", 5001, &client, NULL), PLATOON_OK);
    assert_memory_equal(client.bytes, usual.bytes, AUTHKEY_MADE_LEN);
    authkey_release(&client);

    /* One that was killed leaves its pointer; the next server at that port takes it away. */
    assert_int_equal(authkey_server_listens(&data, 5001, NULL), PLATOON_OK);
    assert_int_equal(authkey_server_listens(&usual, 5001, NULL), PLATOON_OK);
    assert_int_equal(authkey_for_client(NULL, "localhost", 5001, &client, NULL), PLATOON_OK);
    assert_memory_equal(client.bytes, usual.bytes, AUTHKEY_MADE_LEN);
    authkey_release(&client);
    authkey_release(&data);
    authkey_release(&usual);
    leave();
}

TEST(authkey_for_port_0_is_written_when_the_port_is_known)
{
    struct authkey made, client;

    enter_empty_home();
    assert_int_equal(authkey_for_server(NULL, NULL, 0, &made, NULL), PLATOON_OK);
    assert_true(made.was_made);
    assert_null(made.path);
    assert_int_equal(authkey_server_listens(&made, 40123, NULL), PLATOON_OK);
    assert_non_null(strstr(authkey_origin(&made), "/platoon/40123/authkey"));
    assert_int_equal(authkey_for_client(NULL, "127.0.0.1", 40123, &client, NULL), PLATOON_OK);
    assert_memory_equal(client.bytes, made.bytes, AUTHKEY_MADE_LEN);
    authkey_release(&client);
    authkey_release(&made);
    leave();
}

TEST(authkey_weakness_is_length_repetition_or_fame)
{
    static const char *const weak[] = {"abc", "", "123456789012345", "aaaaaaaaaaaaaaaaaaaa",
                                       "correct horse battery staple"};
    const char *why;
    struct authkey k = {0};

    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
        k.len = strlen(weak[i]);
        memcpy(k.bytes, weak[i], k.len);
        why = NULL;
        assert_true(authkey_is_weak(&k, &why));
        assert_non_null(why);
    }
    k.len = 16;
    memcpy(k.bytes, "q8Zk2mVb71xNwP0s", 16);
    assert_false(authkey_is_weak(&k, &why));
}
