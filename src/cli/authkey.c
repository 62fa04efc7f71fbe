/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/authkey.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "cli/host.h"
#include "cli/state_dir.h"
#include "cli/talk.h"

void authkey_release(struct authkey *k)
{
    explicit_bzero(k->bytes, sizeof k->bytes);
    k->len = 0;
    free(k->path);
    k->path = NULL;
}

const char *authkey_origin(const struct authkey *k)
{
    return k->path ? k->path : k->origin;
}

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

/* --- reading -----------------------------------------------------------------------------------
 * */

static enum platoon_status read_all(int fd, const char *name, struct authkey *k,
                                    struct platoon_err *err)
{
    uint8_t one_more[2]; /* a trailing newline, and the byte that would be too much */
    size_t len = 0, n_over = 0;

    for (;;) {
        bool is_full = len == AUTHKEY_MAX;
        ssize_t n = read(fd, is_full ? one_more + n_over : k->bytes + len,
                         is_full ? sizeof one_more - n_over : AUTHKEY_MAX - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return platoon_fail(err, PLATOON_EIO, "cannot read the authkey from %s: %s", name,
                                strerror(errno));
        if (n == 0)
            break;
        if (is_full)
            n_over += (size_t)n;
        else
            len += (size_t)n;
        if (n_over == sizeof one_more)
            break;
    }
    if (n_over > 1 || (n_over == 1 && one_more[0] != '\n'))
        return platoon_fail(err, PLATOON_ELIMIT, "the authkey in %s is longer than %d bytes", name,
                            AUTHKEY_MAX);
    if (n_over == 0 && len > 0 && k->bytes[len - 1] == '\n')
        len--;
    if (len == 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "the authkey in %s is empty; a good one: head -c 32 /dev/urandom | "
                            "base64 > FILE",
                            name);
    k->len = len;
    return PLATOON_OK;
}

static enum platoon_status read_terminal(struct authkey *k, struct platoon_err *err)
{
    struct termios was, quiet;
    bool is_quiet = tcgetattr(STDIN_FILENO, &was) == 0;
    enum platoon_status st;

    /* Quiet before it asks: a key typed as soon as it is asked for is neither shown nor flushed. */
    if (is_quiet) {
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        is_quiet = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
    }
    fputs("authkey: ", stderr);
    fflush(stderr);
    /* A terminal answers read() with one line; that is the whole key. */
    {
        ssize_t n;
        do
            n = read(STDIN_FILENO, k->bytes, AUTHKEY_MAX);
        while (n < 0 && errno == EINTR);
        if (n > 0 && k->bytes[n - 1] == '\n')
            n--;
        k->len = n > 0 ? (size_t)n : 0;
        st = k->len ? PLATOON_OK
                    : platoon_fail(err, PLATOON_EINVAL, "no authkey was typed; nothing was done");
    }
    if (is_quiet)
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &was); /* the terminal is gone then */
    fputc('\n', stderr);
    k->origin = "the terminal";
    return st;
}

static enum platoon_status read_file(const char *file, struct authkey *k, struct platoon_err *err)
{
    enum platoon_status st;
    struct stat about;
    int fd;

    if (strcmp(file, "-") == 0) {
        k->origin = "standard input";
        return isatty(STDIN_FILENO) ? read_terminal(k, err)
                                    : read_all(STDIN_FILENO, k->origin, k, err);
    }
    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return platoon_fail(err, errno == ENOENT ? PLATOON_ENOTFOUND : PLATOON_EIO,
                            "cannot read the authkey file %s: %s", file, strerror(errno));
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
        if (about.st_mode & 077)
            talk_warning("%s holds an authkey and can be read by other users; chmod 600 %s", file,
                         file);
        k->path = realpath(file, NULL);
    }
    if (!k->path)
        k->origin = "a pipe";
    st = read_all(fd, file, k, err);
    close(fd);
    return st;
}

/* Take PLATOON_AUTHKEY out of the environment, whether it will be used or not: children and
 * /proc/PID/environ must not have it. False if it is not there. */
static bool take_environment(struct authkey *k, bool *out_too_long)
{
    char *value = getenv("PLATOON_AUTHKEY");
    size_t len;

    *out_too_long = false;
    if (!value)
        return false;
    len = strlen(value);
    *out_too_long = len > AUTHKEY_MAX;
    if (k && !*out_too_long) {
        memcpy(k->bytes, value, len);
        k->len = len;
        k->origin = "PLATOON_AUTHKEY";
    }
    explicit_bzero(value, len);
    unsetenv("PLATOON_AUTHKEY");
    return true;
}

/* The ways that server and client share. ENOTFOUND with an empty message: neither was given. */
static enum platoon_status given(const char *file, struct authkey *k, struct platoon_err *err)
{
    bool is_too_long;
    bool is_there = take_environment(file ? NULL : k, &is_too_long);

    if (file)
        return read_file(file, k, err);
    if (!is_there)
        return platoon_fail(err, PLATOON_ENOTFOUND, "%s", "");
    if (is_too_long)
        return platoon_fail(err, PLATOON_ELIMIT,
                            "the authkey in PLATOON_AUTHKEY is longer than %d "
                            "bytes",
                            AUTHKEY_MAX);
    if (k->len == 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "PLATOON_AUTHKEY is set and empty; unset it, or put a key in it");
    return PLATOON_OK;
}

/* --- a server's own key ------------------------------------------------------------------------
 * */

static enum platoon_status make_key(struct authkey *k, struct platoon_err *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t random[32 + 1] = {0}; /* the last one stays 0: padding for the last digit */

    if (getrandom(random, 32, 0) != 32)
        return platoon_fail(err, PLATOON_EIO, "no random bytes for an authkey: %s",
                            strerror(errno));
    for (size_t i = 0; i < AUTHKEY_MADE_LEN; i++) {
        size_t bit = i * 6;
        unsigned two = (unsigned)random[bit / 8] << 8 | random[bit / 8 + 1];
        k->bytes[i] = (uint8_t)digits[two >> (10 - bit % 8) & 63];
    }
    k->len = AUTHKEY_MADE_LEN;
    k->was_made = true;
    explicit_bzero(random, sizeof random);
    return PLATOON_OK;
}

/* Write a file that must not exist, 0600. It appears whole or not at all: written under another
 * name, then linked, which like O_EXCL fails if somebody else was first (*out_exists). */
static enum platoon_status write_new(const char *path, const void *data, size_t len,
                                     bool *out_exists, struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;
    char *draft = NULL;
    int fd = -1, why = 0;

    *out_exists = false;
    if (asprintf(&draft, "%s.%ld", path, (long)getpid()) < 0)
        return no_memory(err);
    unlink(draft); /* of a process that had our number and was killed here */
    fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        st = platoon_fail(err, PLATOON_EIO, "cannot make %s: %s", draft, strerror(errno));
        free(draft);
        return st;
    }
    /* Keys and paths are short: one write takes them whole, or the disk is full. */
    errno = ENOSPC;
    if (write(fd, data, len) != (ssize_t)len || fsync(fd) != 0)
        why = errno;
    if (close(fd) != 0 && !why)
        why = errno;
    if (!why && link(draft, path) != 0)
        why = errno;
    *out_exists = why == EEXIST;
    if (why)
        st = platoon_fail(err, PLATOON_EIO, "cannot write %s: %s", path, strerror(why));
    unlink(draft);
    free(draft);
    return st;
}

/* The folder's key: read it, or make it. Two servers that start at once agree on one. */
static enum platoon_status own_key(const char *folder, struct authkey *k, struct platoon_err *err)
{
    enum platoon_status st;
    bool exists = false;
    char *path = state_dir_join(folder, "authkey");

    if (!path)
        return no_memory(err);
    st = state_dir_make(folder, err);
    if (st == PLATOON_OK && access(path, F_OK) != 0) {
        st = make_key(k, err);
        if (st == PLATOON_OK)
            st = write_new(path, k->bytes, k->len, &exists, err);
        if (st == PLATOON_OK)
            k->path = realpath(path, NULL);
    } else {
        exists = true;
    }
    if (exists) {
        k->was_made = false;
        st = read_file(path, k, err);
    }
    free(path);
    return st;
}

enum platoon_status authkey_for_server(const char *file, const char *data, uint16_t port,
                                       struct authkey *out, struct platoon_err *err)
{
    struct authkey k = {0};
    char *folder = NULL;
    enum platoon_status st = given(file, &k, err);

    if (st != PLATOON_ENOTFOUND || file)
        goto done;
    if (!data && port == 0) { /* the folder is named after the port it will get */
        st = make_key(&k, err);
        goto done;
    }
    if (data)
        st = (folder = strdup(data)) ? PLATOON_OK : no_memory(err);
    else
        st = state_dir(port, &folder, err);
    if (st == PLATOON_OK)
        st = own_key(folder, &k, err);
done:
    free(folder);
    if (st == PLATOON_OK)
        *out = k;
    else
        authkey_release(&k);
    explicit_bzero(&k, sizeof k);
    return st;
}

static enum platoon_status write_pointer(const char *folder, const char *target,
                                         struct platoon_err *err)
{
    enum platoon_status st;
    char *path = state_dir_join(folder, "keyfile");
    bool exists;

    if (!path)
        return no_memory(err);
    st = state_dir_make(folder, err);
    if (st == PLATOON_OK) {
        unlink(path); /* of a server that was killed */
        st = write_new(path, target, strlen(target), &exists, err);
    }
    free(path);
    return st;
}

static void remove_pointer(const char *folder)
{
    char *path = state_dir_join(folder, "keyfile");

    if (path)
        unlink(path);
    free(path);
}

enum platoon_status authkey_server_listens(struct authkey *k, uint16_t port,
                                           struct platoon_err *err)
{
    char *folder = NULL, *own = NULL;
    bool exists;
    enum platoon_status st = state_dir(port, &folder, err);

    if (st != PLATOON_OK) { /* no home: fine for a key from elsewhere, nobody will look there */
        if (k->was_made && !k->path)
            return st;
        return PLATOON_OK;
    }
    own = state_dir_join(folder, "authkey");
    if (!own) {
        st = no_memory(err);
        goto done;
    }
    if (k->was_made && !k->path) {
        st = state_dir_make(folder, err);
        if (st != PLATOON_OK)
            goto done;
        unlink(own); /* of another server that once had this port by chance */
        st = write_new(own, k->bytes, k->len, &exists, err);
        if (st == PLATOON_OK)
            k->path = realpath(own, NULL);
    }
    if (st == PLATOON_OK && k->path) {
        char *real_own = realpath(own, NULL);

        if (real_own && strcmp(real_own, k->path) == 0)
            remove_pointer(folder);
        else
            st = write_pointer(folder, k->path, err);
        free(real_own);
    } else if (st == PLATOON_OK) {
        remove_pointer(folder); /* of a server that was killed */
    }
done:
    free(own);
    free(folder);
    return st;
}

void authkey_server_ended(const struct authkey *k, uint16_t port)
{
    char *folder = NULL;

    (void)k;
    if (state_dir(port, &folder, NULL) == PLATOON_OK)
        remove_pointer(folder);
    free(folder);
}

/* --- a client's --------------------------------------------------------------------------------
 * */

/* The key of the server on this machine that listens, or last listened, on `port`. */
static enum platoon_status local_key(uint16_t port, struct authkey *k, struct platoon_err *err)
{
    char *folder = NULL, *pointer = NULL, *path = NULL, target[PATH_MAX];
    enum platoon_status st = state_dir(port, &folder, err);
    ssize_t n = -1;
    int fd;

    if (st != PLATOON_OK)
        return st;
    pointer = state_dir_join(folder, "keyfile");
    path = state_dir_join(folder, "authkey");
    if (!pointer || !path) {
        st = no_memory(err);
        goto done;
    }
    fd = open(pointer, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, target, sizeof target - 1);
        close(fd);
    }
    if (n > 0) {
        target[n] = '\0';
        st = read_file(target, k, err);
    } else {
        st = read_file(path, k, err);
    }
done:
    free(path);
    free(pointer);
    free(folder);
    return st;
}

enum platoon_status authkey_for_client(const char *file, const char *host, uint16_t port,
                                       struct authkey *out, struct platoon_err *err)
{
    struct authkey k = {0};
    bool is_here;
    enum platoon_status st = given(file, &k, err);

    if (st != PLATOON_ENOTFOUND || file)
        goto done;
    is_here = host_is_here(host);
    if (is_here) {
        st = local_key(port, &k, err);
        if (st != PLATOON_ENOTFOUND)
            goto done;
    }
    if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
        st = read_terminal(&k, err);
    else if (is_here)
        st = platoon_fail(
            err, PLATOON_ENOTFOUND,
            "no server of yours has run on %s:%u, for no key was made for it; start one "
            "with 'platoon serve', or give another's key with --authkey-file FILE or "
            "in PLATOON_AUTHKEY",
            host, (unsigned)port);
    else
        st = platoon_fail(err, PLATOON_ENOTFOUND,
                          "no authkey for the server at %s:%u: give the server's key file with "
                          "--authkey-file FILE, or the key in PLATOON_AUTHKEY",
                          host, (unsigned)port);
done:
    if (st == PLATOON_OK)
        *out = k;
    else
        authkey_release(&k);
    explicit_bzero(&k, sizeof k);
    return st;
}

/* --- judging -----------------------------------------------------------------------------------
 * */

bool authkey_is_weak(const struct authkey *k, const char **out_why)
{
    static const char *const known[] = {"correct horse battery staple",
                                        "secret password",
                                        "passwordpassword",
                                        "multiprocessing",
                                        "0123456789abcdef",
                                        "1234567890123456"};
    bool is_one_byte = true;

    if (k->len < AUTHKEY_SHORT) {
        *out_why = "short";
        return true;
    }
    for (size_t i = 1; i < k->len; i++)
        is_one_byte = is_one_byte && k->bytes[i] == k->bytes[0];
    if (is_one_byte) {
        *out_why = "one byte repeated";
        return true;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (k->len == strlen(known[i]) && memcmp(k->bytes, known[i], k->len) == 0) {
            *out_why = "well known";
            return true;
        }
    }
    return false;
}
