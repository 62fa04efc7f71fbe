/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/state_dir.h"
#include "config/json_read.h"

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

/* --- the folder ------------------------------------------------------------------------------- */

static enum platoon_status make_parents(const char *path, struct platoon_err *err)
{
    char *copy = strdup(path);

    for (char *at = copy; at && (at = strchr(at + 1, '/'));) {
        *at = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
            enum platoon_status st =
                platoon_fail(err, PLATOON_EIO, "cannot make %s: %s", copy, strerror(errno));

            free(copy);
            return st;
        }
        *at = '/';
    }
    if (!copy)
        return no_memory(err);
    free(copy);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return platoon_fail(err, PLATOON_EIO, "cannot make %s: %s", path, strerror(errno));
    return PLATOON_OK;
}

static enum platoon_status take_lock(struct campaign_folder *f, struct platoon_err *err)
{
    char *path = campaign_folder_join(f, "lock");

    if (!path)
        return no_memory(err);
    f->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    free(path);
    if (f->lock_fd < 0)
        return platoon_fail(err, PLATOON_EIO, "cannot write in %s: %s", f->path, strerror(errno));
    if (flock(f->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return platoon_fail(err, PLATOON_EBUSY,
                            "another command works on the campaign in %s; wait for it, or name "
                            "another --folder",
                            f->path);
    return PLATOON_OK;
}

enum platoon_status campaign_folder_open(struct campaign_folder *f, const char *path,
                                         bool is_writing, struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;

    *f = (struct campaign_folder){.lock_fd = -1};
    if (is_writing)
        st = make_parents(path, err);
    if (st != PLATOON_OK)
        return st;
    f->path = realpath(path, NULL);
    if (!f->path && errno == ENOENT)
        return platoon_fail(err, PLATOON_ENOTFOUND, "there is no folder %s; platoon run makes it",
                            path);
    if (!f->path)
        return platoon_fail(err, PLATOON_EIO, "cannot use %s: %s", path, strerror(errno));
    return is_writing ? take_lock(f, err) : PLATOON_OK;
}

char *campaign_folder_default(const char *name)
{
    char *path;

    if (asprintf(&path, "platoon-data/%s", name) < 0)
        return NULL;
    for (char *start = path + strlen("platoon-data/"), *at = start; *at; at++)
        if (*at == '/' || (unsigned char)*at < ' ' || (*at == '.' && at == start))
            *at = '-';
    return path;
}

enum platoon_status campaign_folder_named(struct campaign_folder *f, const char *path,
                                          const char *name, struct platoon_err *err)
{
    char *chosen = path ? strdup(path) : campaign_folder_default(name);
    enum platoon_status st = chosen ? make_parents(chosen, err) : no_memory(err);

    *f = (struct campaign_folder){.lock_fd = -1};
    if (st == PLATOON_OK)
        st = campaign_folder_open(f, chosen, false, err);
    free(chosen);
    return st;
}

enum platoon_status campaign_folder_write(const struct campaign_folder *f, const char *name,
                                          const char *text, char **out_path,
                                          struct platoon_err *err)
{
    char *path = campaign_folder_join(f, name);
    FILE *file = path ? fopen(path, "we") : NULL;
    enum platoon_status st = path ? PLATOON_OK : no_memory(err);
    bool is_written = file && fputs(text, file) >= 0;

    if (path && ((file && fclose(file) != 0) || !is_written))
        st = platoon_fail(err, PLATOON_EIO, "cannot write %s: %s", path, strerror(errno));
    if (st == PLATOON_OK)
        *out_path = path;
    else
        free(path);
    return st;
}

void campaign_folder_release(struct campaign_folder *f)
{
    if (f->lock_fd >= 0)
        close(f->lock_fd);
    free(f->path);
    *f = (struct campaign_folder){.lock_fd = -1};
}

char *campaign_folder_join(const struct campaign_folder *f, const char *name)
{
    return state_dir_join(f->path, name);
}

/* --- ledgers ---------------------------------------------------------------------------------- */

enum platoon_status ledger_read(const struct campaign_folder *f, const char *name, ledger_fn fn,
                                void *arg, struct platoon_err *err)
{
    char *path = campaign_folder_join(f, name), *line = NULL;
    FILE *file = path ? fopen(path, "re") : NULL;
    enum platoon_status st = path ? PLATOON_OK : no_memory(err);
    size_t cap = 0;
    ssize_t len;

    if (path && !file && errno != ENOENT)
        st = platoon_fail(err, PLATOON_EIO, "cannot read %s: %s", path, strerror(errno));
    for (size_t n = 1; file && st == PLATOON_OK && (len = getline(&line, &cap, file)) > 0; n++) {
        platoon_value *v = NULL;
        struct platoon_err why;

        if (line[len - 1] != '\n')
            break; /* cut off */
        if (len > LEDGER_MAX_LINE || json_read(line, (size_t)len, &v, &why) != PLATOON_OK ||
            platoon_value_kind(v) != PLATOON_DICT)
            st = platoon_fail(err, PLATOON_EINVAL, "%s:%zu is no line of a campaign's", path, n);
        else
            st = fn(v, arg, err);
        platoon_value_unref(v);
    }
    if (st == PLATOON_OK && file && ferror(file))
        st = platoon_fail(err, PLATOON_EIO, "cannot read %s: %s", path, strerror(errno));
    if (file)
        fclose(file);
    free(line);
    free(path);
    return st;
}

/* Where the last whole line ends; -1 with errno. */
static off_t end_of_lines(int fd)
{
    struct stat s;
    char byte;

    if (fstat(fd, &s) != 0)
        return -1;
    for (off_t at = s.st_size; at > 0; at--) {
        if (pread(fd, &byte, 1, at - 1) != 1)
            return -1;
        if (byte == '\n')
            return at;
    }
    return 0;
}

enum platoon_status ledger_open(const struct campaign_folder *f, const char *name,
                                struct ledger *out, struct platoon_err *err)
{
    off_t end;

    *out = (struct ledger){.path = campaign_folder_join(f, name)};
    if (!out->path)
        return no_memory(err);
    out->file = fopen(out->path, "a+e");
    end = out->file ? end_of_lines(fileno(out->file)) : -1;
    if (end < 0 || ftruncate(fileno(out->file), end) != 0)
        return platoon_fail(err, PLATOON_EIO, "cannot write %s: %s", out->path, strerror(errno));
    return PLATOON_OK;
}

enum platoon_status ledger_add(struct ledger *l, platoon_value *line, struct platoon_err *err)
{
    char *text = line ? platoon_json(line) : NULL;
    bool is_written;

    platoon_value_unref(line);
    if (!text)
        return no_memory(err);
    is_written = fputs(text, l->file) >= 0 && fputc('\n', l->file) != EOF && fflush(l->file) == 0;
    free(text);
    if (!is_written)
        return platoon_fail(err, PLATOON_EIO, "cannot write %s: %s", l->path, strerror(errno));
    return PLATOON_OK;
}

void ledger_close(struct ledger *l)
{
    if (l->file) {
        (void)fdatasync(fileno(l->file)); /* each line was given to the kernel before */
        fclose(l->file);
    }
    free(l->path);
    *l = (struct ledger){0};
}
