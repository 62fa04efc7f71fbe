/* SPDX-License-Identifier: Apache-2.0 */
/* spawn_test.c - platoon-spawn itself, through the agent's side of it: what children get, and that
 * none is left. */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/spawner.h"

#define PROGRAM PLATOON_BIN_DIR "/platoon-spawn"

static char *const plain_env[] = {(char *)"PATH=/usr/bin:/bin", (char *)"PLATOON_SLOT=1", NULL};

struct ends {
    struct spawn_ended last;
    int n;
};

static void on_ended(const struct spawn_ended *ended, void *arg)
{
    struct ends *e = arg;

    e->last = *ended;
    e->n++;
}

static void start(struct spawner *s)
{
    struct platoon_err err;

    if (spawner_start(s, PROGRAM, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
}

/* Wait for the next end. */
static struct spawn_ended wait_end(struct spawner *s)
{
    struct ends e = {.n = 0};

    while (e.n == 0) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};

        assert_true(poll(&p, 1, 60000) == 1);
        assert_true(spawner_read(s, on_ended, &e));
    }
    assert_int_equal(e.n, 1);
    return e.last;
}

static void ask(struct spawner *s, uint64_t id, const char *folder, char *const *argv,
                char *const *env, int out_fd)
{
    struct spawn_request r = {.id = id,
                              .folder = folder,
                              .argv = argv,
                              .env = env,
                              .mark = 1,
                              .fds = {out_fd},
                              .fd_targets = {1},
                              .n_fds = out_fd >= 0};
    struct platoon_err err;

    if (spawner_request(s, &r, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
}

/* Start `sh -c script`; *out_fd reads what it prints. */
static void ask_shell(struct spawner *s, uint64_t id, const char *script, int *out_fd)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
    int p[2];

    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    ask(s, id, "/", argv, plain_env, p[1]);
    close(p[1]);
    *out_fd = p[0];
}

static void read_all(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while ((n = read(fd, out + len, size - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    close(fd);
}

/* Read one line that holds a number. */
static pid_t read_pid(int fd)
{
    char text[32];
    size_t len = 0;

    while (len < sizeof text - 1 && read(fd, text + len, 1) == 1 && text[len] != '\n')
        len++;
    text[len] = '\0';
    return (pid_t)atoi(text);
}

static void assert_ends(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};

    assert_true(pid > 1);
    if (fd < 0) {
        assert_int_equal(errno, ESRCH);
        return;
    }
    assert_int_equal(poll(&p, 1, 30000), 1);
    close(fd);
}

TEST(exit_code_output_and_usage_come_back)
{
    struct spawner s;
    struct spawn_ended e;
    char text[64];
    int out;

    start(&s);
    ask_shell(&s, 7, "echo hello; exit 3", &out);
    e = wait_end(&s);
    assert_int_equal(e.id, 7);
    assert_int_equal(e.step, SPAWN_STEP_NONE);
    assert_true(WIFEXITED(e.status));
    assert_int_equal(WEXITSTATUS(e.status), 3);
    assert_true(e.max_rss_kib > 0);
    read_all(out, text, sizeof text);
    assert_string_equal(text, "hello\n");
    spawner_stop(&s);
}

TEST(program_that_is_not_there_is_told_with_its_errno)
{
    char *const nowhere[] = {(char *)"no-such-program-here", NULL};
    char *const folder[] = {(char *)"/", NULL};
    char *const true_argv[] = {(char *)"true", NULL};
    struct spawner s;
    struct spawn_ended e;

    start(&s);
    ask(&s, 1, "/", nowhere, plain_env, -1);
    e = wait_end(&s);
    assert_int_equal(e.step, SPAWN_STEP_EXEC);
    assert_int_equal(e.error, ENOENT);
    ask(&s, 2, "/", folder, plain_env, -1);
    e = wait_end(&s);
    assert_int_equal(e.step, SPAWN_STEP_EXEC);
    assert_int_equal(e.error, EACCES);
    ask(&s, 3, "/no/such/folder", true_argv, plain_env, -1);
    e = wait_end(&s);
    assert_int_equal(e.step, SPAWN_STEP_FOLDER);
    assert_int_equal(e.error, ENOENT);
    spawner_stop(&s);
}

TEST(path_of_the_childs_environment_is_searched_in_order)
{
    char folder[] = "/tmp/platoon-test-XXXXXX", path[64], program[96], text[32];
    char *const argv[] = {(char *)"prog", NULL};
    char *env[] = {path, (char *)"PLATOON_SLOT=1", NULL};
    struct spawner s;
    int p[2];
    FILE *f;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "PATH=/nowhere:%s:/bin", folder);
    snprintf(program, sizeof program, "%s/prog", folder);
    f = fopen(program, "w");
    fputs("#!/bin/sh\necho mine\n", f);
    fclose(f);
    chmod(program, 0755);
    start(&s);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    ask(&s, 1, folder, argv, env, p[1]);
    close(p[1]);
    (void)wait_end(&s);
    read_all(p[0], text, sizeof text);
    assert_string_equal(text, "mine\n");
    spawner_stop(&s);
    unlink(program);
    rmdir(folder);
}

TEST(child_has_only_the_descriptors_it_was_given)
{
    struct spawner s;
    char text[512];
    int out;

    start(&s);
    /* Builtins only: a pipe of the shell's own would be seen. */
    ask_shell(&s, 1,
              "n=0; while [ $n -lt 300 ]; do [ -e /proc/$$/fd/$n ] && echo $n; n=$((n + 1)); done",
              &out);
    (void)wait_end(&s);
    read_all(out, text, sizeof text);
    assert_string_equal(text, "0\n1\n2\n");
    spawner_stop(&s);
}

TEST(extra_descriptors_arrive_under_their_numbers)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"read line <&3; echo \"$line!\" >&4",
                          NULL};
    struct spawn_request r = {.id = 1,
                              .folder = "/",
                              .argv = argv,
                              .env = plain_env,
                              .mark = 1,
                              .fd_targets = {3, 4},
                              .n_fds = 2};
    struct spawner s;
    char text[32];
    int in[2], out[2];

    start(&s);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    r.fds[0] = in[0];
    r.fds[1] = out[1];
    assert_int_equal(spawner_request(&s, &r, NULL), PLATOON_OK);
    close(in[0]);
    close(out[1]);
    assert_int_equal(write(in[1], "hi\n", 3), 3);
    close(in[1]);
    assert_int_equal(wait_end(&s).status, 0);
    read_all(out[0], text, sizeof text);
    assert_string_equal(text, "hi!\n");
    spawner_stop(&s);
}

TEST(child_has_default_signals_and_a_session_of_its_own)
{
    struct spawner s;
    char text[512];
    int out;

    signal(SIGPIPE, SIG_IGN); /* as the agent does */
    start(&s);
    ask_shell(
        &s, 1,
        "sed -n 's/^Sig[BI][lg][kn]:.//p' /proc/self/status; cut -d' ' -f6 /proc/$$/stat; echo $$",
        &out);
    (void)wait_end(&s);
    read_all(out, text, sizeof text);
    {
        unsigned long long blocked, ignored;
        int session, pid;

        assert_int_equal(sscanf(text, "%llx %llx %d %d", &blocked, &ignored, &session, &pid), 4);
        assert_int_equal(blocked, 0);
        assert_int_equal(ignored & 0x7fffffff, 0); /* 32 and 33 are libc's own, beyond signal() */
        assert_int_equal(session, pid);
    }
    spawner_stop(&s);
}

TEST(limits_are_set)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"ulimit -v; ulimit -c", NULL};
    struct spawn_request r = {.id = 1,
                              .folder = "/",
                              .argv = argv,
                              .env = plain_env,
                              .mark = 1,
                              .fd_targets = {1},
                              .n_fds = 1,
                              .limits = {{RLIMIT_AS, 0, 512u << 20}, {RLIMIT_CORE, 0, 0}},
                              .n_limits = 2};
    struct spawner s;
    char text[64];
    int out[2];

    start(&s);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    r.fds[0] = out[1];
    assert_int_equal(spawner_request(&s, &r, NULL), PLATOON_OK);
    close(out[1]);
    assert_int_equal(wait_end(&s).status, 0);
    read_all(out[0], text, sizeof text);
    assert_string_equal(text, "524288\n0\n");
    spawner_stop(&s);
}

TEST(arguments_longer_than_a_socket_buffer_arrive)
{
    enum { LEN = 100 * 1000, N = 8 };
    char *argv[N + 5] = {(char *)"sh", (char *)"-c", (char *)"echo ${#9} $#", (char *)"sh"};
    struct spawner s;
    char text[64];
    int out[2];

    for (int i = 0; i < N; i++) {
        argv[4 + i] = malloc(LEN + 1);
        memset(argv[4 + i], 'x', LEN);
        argv[4 + i][LEN] = '\0';
    }
    argv[4 + N] = NULL;
    start(&s);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    ask(&s, 1, "/", argv, plain_env, out[1]);
    close(out[1]);
    assert_int_equal(wait_end(&s).status, 0);
    read_all(out[0], text, sizeof text);
    assert_string_equal(text, "0 8\n");
    for (int i = 0; i < N; i++)
        free(argv[4 + i]);
    spawner_stop(&s);
}

TEST(too_long_arguments_are_refused_and_the_next_start_works)
{
    const size_t len = 5u << 20;
    char *huge = malloc(len + 1);
    char *const argv[] = {(char *)"true", huge, NULL};
    char *const true_argv[] = {(char *)"true", NULL};
    struct spawn_request r = {.id = 1, .folder = "/", .argv = argv, .env = plain_env};
    struct platoon_err err;
    struct spawner s;

    memset(huge, 'x', len);
    huge[len] = '\0';
    start(&s);
    assert_int_equal(spawner_request(&s, &r, &err), PLATOON_ELIMIT);
    huge[3u << 20] = '\0'; /* fits our message, but not the kernel's limit */
    ask(&s, 2, "/", argv, plain_env, -1);
    assert_int_equal(wait_end(&s).error, E2BIG);
    ask(&s, 3, "/", true_argv, plain_env, -1);
    assert_int_equal(wait_end(&s).status, 0);
    free(huge);
    spawner_stop(&s);
}

TEST(kill_reaches_the_whole_group)
{
    struct spawner s;
    struct spawn_ended e;
    pid_t background;
    int out;

    start(&s);
    ask_shell(&s, 1, "sleep 300 & echo $!; wait", &out);
    background = read_pid(out);
    spawner_kill(&s, 1, SIGKILL);
    e = wait_end(&s);
    assert_true(WIFSIGNALED(e.status));
    assert_int_equal(WTERMSIG(e.status), SIGKILL);
    assert_ends(background);
    spawner_kill(&s, 1, SIGKILL); /* it is gone: no harm */
    close(out);
    spawner_stop(&s);
}

TEST(what_a_process_leaves_behind_is_killed_when_it_ends)
{
    struct spawner s;
    pid_t background, daemon;
    int out;

    start(&s);
    ask_shell(&s, 1, "sleep 300 & echo $!; setsid sleep 301 & echo $!; exit 0", &out);
    background = read_pid(out);
    daemon = read_pid(out);
    assert_int_equal(wait_end(&s).status, 0);
    assert_ends(background);
    assert_ends(daemon);
    close(out);
    spawner_stop(&s);
}

/* A process of another slot runs, and ends. */
static void end_another(struct spawner *s, uint64_t id)
{
    static char *const other_env[] = {(char *)"PATH=/usr/bin:/bin", (char *)"PLATOON_SLOT=2", NULL};
    char *const true_argv[] = {(char *)"true", NULL};

    ask(s, id, "/", true_argv, other_env, -1);
    (void)wait_end(s);
}

TEST(daemon_of_a_living_process_lives)
{
    struct spawner s;
    pid_t daemon;
    int out;

    start(&s);
    /* The subshell ends, so that its child becomes a stray; the shell itself goes on. */
    ask_shell(&s, 1, "(setsid sleep 300 & echo $!); read line < /dev/null; sleep 302", &out);
    daemon = read_pid(out);
    end_another(&s, 2);
    assert_int_equal(kill(daemon, 0), 0);
    spawner_kill(&s, 1, SIGKILL);
    (void)wait_end(&s);
    assert_ends(daemon);
    close(out);
    spawner_stop(&s);
}

/* In the middle of an exec a process has no environment to be known by. */
TEST(daemon_that_starts_programs_all_the_time_lives)
{
    char path[] = "/tmp/platoon-test-XXXXXX", command[128];
    int fd = mkstemp(path), out;
    struct spawner s;
    pid_t daemon;

    assert_true(fd >= 0);
    assert_int_equal(dprintf(fd, "exec /bin/sh %s\n", path), strlen(path) + 14);
    close(fd);
    snprintf(command, sizeof command, "(setsid /bin/sh %s & echo $!); sleep 302", path);
    start(&s);
    ask_shell(&s, 1, command, &out);
    daemon = read_pid(out);
    for (unsigned i = 0; i < 300; i++) {
        end_another(&s, 2 + i);
        assert_int_equal(kill(daemon, 0), 0);
    }
    spawner_kill(&s, 1, SIGKILL);
    (void)wait_end(&s);
    assert_ends(daemon);
    close(out);
    spawner_stop(&s);
    assert_int_equal(unlink(path), 0);
}

TEST(death_of_the_agent_kills_everything_and_removes_its_folder)
{
    char folder[] = "/tmp/platoon-test-XXXXXX", inside[64];
    pid_t agent, leader, daemon;
    int out, to_test[2], hold[2];
    FILE *f;

    assert_non_null(mkdtemp(folder));
    snprintf(inside, sizeof inside, "%s/sub", folder);
    mkdir(inside, 0700);
    snprintf(inside, sizeof inside, "%s/sub/file", folder);
    f = fopen(inside, "w");
    fclose(f);
    assert_int_equal(pipe2(to_test, O_CLOEXEC), 0);
    assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
    agent = fork();
    if (agent == 0) {
        struct spawner s;
        pid_t pids[3];
        char c;

        if (spawner_start(&s, PROGRAM, NULL) != PLATOON_OK ||
            spawner_folder(&s, folder, NULL) != PLATOON_OK)
            _exit(1);
        ask_shell(&s, 1, "echo $$; setsid sleep 300 & echo $!; wait", &out);
        pids[0] = read_pid(out);
        pids[1] = read_pid(out);
        pids[2] = s.pid;
        if (write(to_test[1], pids, sizeof pids) != sizeof pids)
            _exit(1);
        close(hold[1]);
        (void)!read(hold[0], &c, 1); /* until killed */
        _exit(0);
    }
    {
        pid_t pids[3];

        assert_int_equal(read(to_test[0], pids, sizeof pids), sizeof pids);
        leader = pids[0];
        daemon = pids[1];
        kill(agent, SIGKILL);
        assert_int_equal(waitpid(agent, NULL, 0), agent);
        assert_ends(pids[2]);
        assert_ends(leader);
        assert_ends(daemon);
    }
    assert_int_equal(access(folder, F_OK), -1);
    close(to_test[0]);
    close(to_test[1]);
    close(hold[0]);
    close(hold[1]);
}

TEST(death_of_the_spawner_kills_what_it_started)
{
    struct spawner s;
    struct ends e = {.n = 0};
    struct pollfd p;
    pid_t leader;
    int out;

    start(&s);
    ask_shell(&s, 1, "echo $$; exec sleep 300", &out);
    leader = read_pid(out);
    kill(s.pid, SIGKILL);
    assert_ends(leader);
    p = (struct pollfd){.fd = s.fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 30000), 1);
    assert_false(spawner_read(&s, on_ended, &e));
    assert_int_equal(e.n, 0);
    close(out);
    spawner_stop(&s);
}

TEST(malformed_requests_end_in_an_answer_or_in_its_end_never_in_a_hang)
{
    static const struct {
        uint32_t type, body_bytes;
    } cases[] = {{99, 0}, {SPAWN_KILL, 3}, {SPAWN_HELLO, 0}, {SPAWN_START, SPAWN_MAX_BODY + 1}};
    struct spawner s;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct spawn_header h = {cases[i].type, cases[i].body_bytes};
        char c;

        start(&s);
        assert_int_equal(write(s.fd, &h, sizeof h), sizeof h);
        if (cases[i].body_bytes == 3)
            assert_int_equal(write(s.fd, "abc", 3), 3);
        assert_int_equal(recv(s.fd, &c, 1, 0), 0);
        spawner_stop(&s);
    }
    /* Counts that point outside the body. */
    start(&s);
    {
        struct {
            struct spawn_header h;
            struct spawn_start start;
            char text[8];
        } m = {{SPAWN_START, sizeof m.start + sizeof m.text},
               {.id = 5, .n_argv = 3, .n_env = 2},
               "/\0sh\0x"};

        assert_int_equal(write(s.fd, &m, 8 + m.h.body_bytes), 8 + m.h.body_bytes);
        assert_int_equal(wait_end(&s).step, SPAWN_STEP_REQUEST);
    }
    spawner_stop(&s);
}

TEST(thousand_starts_leave_nothing)
{
    char *const argv[] = {(char *)"true", NULL};
    char path[64];
    struct spawner s;
    struct ends e = {.n = 0};
    int asked = 0;
    ssize_t n;
    int fd;
    char text[64];

    start(&s);
    while (e.n < 1000) {
        struct pollfd p = {.fd = s.fd, .events = POLLIN};

        while (asked < 1000 && asked < e.n + 4)
            ask(&s, (uint64_t)++asked, "/", argv, plain_env, -1);
        assert_true(poll(&p, 1, 60000) == 1);
        assert_true(spawner_read(&s, on_ended, &e));
        assert_int_equal(e.last.status, 0);
    }
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", s.pid, s.pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, text, sizeof text);
        assert_int_equal(n, 0);
        close(fd);
    }
    spawner_stop(&s);
}
