/* SPDX-License-Identifier: Apache-2.0 */
/* data_folder.c - see data_folder.h. */
#include "store/data_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool ask_statfs(const char *path, long *out_type)
{
    struct statfs fs;

    if (statfs(path, &fs) != 0)
        return false;
    *out_type = (long)fs.f_type;
    return true;
}

bool (*data_folder_fs_type)(const char *path, long *out_type) = ask_statfs;

/* From statfs(2). */
static const struct {
    long type;
    const char *name;
} network_file_systems[] = {
    {0x6969, "NFS"},        {0xff534d42, "CIFS"}, {0xfe534d42, "SMB2"}, {0x517b, "SMB"},
    {0x564c, "NCP"},        {0x5346414f, "AFS"},  {0x73757245, "Coda"}, {0x00c36400, "Ceph"},
    {0x0bd00bd0, "Lustre"}, {0x47504653, "GPFS"}, {0x01021997, "9P"},
};

/* What is behind FUSE statfs(2) does not say, but the mount does: "fuse.sshfs". Those of which it
 * is known that the files are on another machine. */
enum { FUSE_TYPE = 0x65735546 };
static const char *const network_fuse[] = {
    "sshfs",    "glusterfs", "ceph",      "ceph-fuse", "mfs",    "moosefs",  "lizardfs",
    "juicefs",  "beegfs",    "orangefs",  "s3fs",      "goofys", "gcsfuse",  "rclone",
    "blobfuse", "blobfuse2", "curlftpfs", "davfs",     "davfs2", "smbnetfs", "gvfsd-fuse",
};

/* The name after "fuse." of the file system that `path` is on, into `out`; false: it has none, or
 * cannot be told. */
static bool find_fuse_name(const char *path, char *out, size_t size)
{
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t cap = 0;
    struct stat st;
    bool is_found = false;

    while (mounts && stat(path, &st) == 0 && !is_found && getline(&line, &cap, mounts) > 0) {
        unsigned from_major, from_minor;
        const char *type = strstr(line, " - fuse.");

        if (!type || sscanf(line, "%*d %*d %u:%u", &from_major, &from_minor) != 2 ||
            makedev(from_major, from_minor) != st.st_dev)
            continue;
        type += strlen(" - fuse.");
        (void)snprintf(out, size, "%.*s", (int)strcspn(type, " "), type); /* cut: none we know */
        is_found = true;
    }
    free(line);
    if (mounts)
        (void)fclose(mounts); /* was only read */
    return is_found;
}

static enum platoon_status refuse(const char *path, const char *name, struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_EINVAL,
                        "the data folder %s is on a network file system (%s), where locks cannot "
                        "be trusted: choose a local folder with --data",
                        path, name);
}

static enum platoon_status refuse_network(const char *path, struct platoon_err *err)
{
    char fuse[64];
    long type;

    if (!data_folder_fs_type(path, &type))
        return PLATOON_OK; /* if it cannot even be asked, opening files will say so */
    if (type == FUSE_TYPE && find_fuse_name(path, fuse, sizeof fuse))
        for (size_t i = 0; i < sizeof network_fuse / sizeof network_fuse[0]; i++)
            if (strcmp(fuse, network_fuse[i]) == 0)
                return refuse(path, fuse, err);
    for (size_t i = 0; i < sizeof network_file_systems / sizeof network_file_systems[0]; i++) {
        if (type == network_file_systems[i].type)
            return refuse(path, network_file_systems[i].name, err);
    }
    return PLATOON_OK;
}

/* mkdir -p, mode 0700. `path` is written to and restored. */
static bool make_folders(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            *slash = '/';
            return false;
        }
        *slash = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* The pid that the holder wrote; 0 if it cannot be read. */
static long holder_of(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    if (n <= 0)
        return 0;
    text[n] = '\0';
    return strtol(text, NULL, 10);
}

enum platoon_status data_folder_open(struct data_folder *f, const char *path,
                                     struct platoon_err *err)
{
    char lock_path[4096], pid[32];
    enum platoon_status st;
    int fd = -1, n;

    f->lock_fd = -1;
    f->path = strdup(path);
    if (!f->path)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    if ((size_t)snprintf(lock_path, sizeof lock_path, "%s/lock", path) >= sizeof lock_path) {
        st = platoon_fail(err, PLATOON_EINVAL, "the path of the data folder is too long");
        goto fail;
    }
    if (!make_folders(f->path)) {
        st = platoon_fail(err, PLATOON_EIO, "cannot make the data folder %s: %s", path,
                          strerror(errno));
        goto fail;
    }
    st = refuse_network(path, err);
    if (st != PLATOON_OK)
        goto fail;
    fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        st = platoon_fail(err, PLATOON_EIO, "cannot open %s: %s", lock_path, strerror(errno));
        goto fail;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        st = errno == EWOULDBLOCK
                 ? platoon_fail(
                       err, PLATOON_EBUSY,
                       "the data folder %s is in use by another server (pid %ld): stop that one, "
                       "or choose another folder with --data",
                       path, holder_of(fd))
                 : platoon_fail(err, PLATOON_EIO, "cannot lock %s: %s", lock_path, strerror(errno));
        goto fail;
    }
    n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    /* Only for the sentence above: a full disk must not keep a server from starting. */
    if (ftruncate(fd, 0) == 0)
        (void)!pwrite(fd, pid, (size_t)n, 0);
    f->lock_fd = fd;
    return PLATOON_OK;

fail:
    if (fd >= 0)
        (void)close(fd); /* nothing was written */
    free(f->path);
    f->path = NULL;
    return st;
}

void data_folder_close(struct data_folder *f)
{
    if (f->lock_fd >= 0)
        (void)close(f->lock_fd); /* ends the lock */
    f->lock_fd = -1;
    free(f->path);
    f->path = NULL;
}

uint64_t data_folder_free_bytes(const struct data_folder *f)
{
    struct statvfs fs;

    if (statvfs(f->path, &fs) != 0)
        return UINT64_MAX;
    return (uint64_t)fs.f_bavail * fs.f_frsize;
}
