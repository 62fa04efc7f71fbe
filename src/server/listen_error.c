/* SPDX-License-Identifier: Apache-2.0 */
/* listen_error.c - see listen_error.h. */
#include "server/listen_error.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The inode of the socket that listens on `port`, by the kernel's table; 0 if it is not there. A
 * line is "  sl: local_hex:port_hex remote state ... inode ...", and 0A is LISTEN. */
static unsigned long listening_inode(const char *table, uint16_t port)
{
    FILE *f = fopen(table, "re");
    unsigned long inode = 0;
    char line[512];

    if (!f)
        return 0;
    while (!inode && fgets(line, sizeof line, f)) {
        unsigned local_port, state;
        unsigned long found;

        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %lu",
                   &local_port, &state, &found) == 3 &&
            local_port == port && state == 0x0a)
            inode = found;
    }
    fclose(f);
    return inode;
}

static bool holds_socket(const char *pid, const char *wanted)
{
    char path[300], target[64];
    bool found = false;
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    dir = opendir(path);
    if (!dir)
        return false; /* another user's process */
    while (!found && (entry = readdir(dir))) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);

        if (n > 0) {
            target[n] = '\0';
            found = strcmp(target, wanted) == 0;
        }
    }
    closedir(dir);
    return found;
}

/* "python3 (process 1234)" of who has the socket open. */
static bool find_owner(unsigned long inode, char *out, size_t size)
{
    char wanted[40], path[300], name[32] = "";
    bool found = false;
    struct dirent *entry;
    DIR *proc = opendir("/proc");

    if (!proc)
        return false;
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    while (!found && (entry = readdir(proc))) {
        FILE *f;

        if (!isdigit((unsigned char)entry->d_name[0]) || !holds_socket(entry->d_name, wanted))
            continue;
        found = true;
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        f = fopen(path, "re");
        if (f) {
            if (fgets(name, sizeof name, f))
                name[strcspn(name, "\n")] = '\0';
            fclose(f);
        }
        snprintf(out, size, "%s (process %.20s)", *name ? name : "a program", entry->d_name);
    }
    closedir(proc);
    return found;
}

enum platoon_status listen_error_busy(uint16_t port, const char *address, struct platoon_err *err)
{
    unsigned long inode = listening_inode("/proc/net/tcp", port);
    char owner[80];

    if (!inode)
        inode = listening_inode("/proc/net/tcp6", port);
    if (inode && find_owner(inode, owner, sizeof owner))
        return platoon_fail(
            err, PLATOON_EBUSY,
            "cannot listen on %s: %s listens there already; stop it or choose another port",
            address, owner);
    return platoon_fail(
        err, PLATOON_EBUSY,
        "cannot listen on %s: another program, perhaps of another user, has that port; "
        "choose another one",
        address);
}

enum platoon_status listen_error_not_ours(const char *address, struct platoon_err *err)
{
    char list[600] = "", host[INET6_ADDRSTRLEN];
    struct ifaddrs *all = NULL;
    size_t len = 0;

    if (getifaddrs(&all) == 0) {
        for (struct ifaddrs *i = all; i && len + INET6_ADDRSTRLEN + 3 < sizeof list;
             i = i->ifa_next) {
            const void *from = NULL;

            if (!i->ifa_addr)
                continue;
            if (i->ifa_addr->sa_family == AF_INET)
                from = &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
            else if (i->ifa_addr->sa_family == AF_INET6)
                from = &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
            if (from && inet_ntop(i->ifa_addr->sa_family, from, host, sizeof host))
                len +=
                    (size_t)snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "", host);
        }
        freeifaddrs(all);
    }
    return platoon_fail(
        err, PLATOON_EADDR,
        "cannot listen on %s: this machine does not have that address; it has %s (or use "
        "0.0.0.0 for all of them)",
        address, *list ? list : "none that could be listed");
}
