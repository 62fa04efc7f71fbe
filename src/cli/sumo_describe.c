/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_describe.c - read, print, write. */
#include "cli/sumo_describe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/describe_view.h"
#include "cli/talk.h"
#include "sumo/network/draft.h"
#include "sumo/network/network_read.h"
#include "sumo/network/ramps.h"
#include "sumo/task.h"

static int report(const struct platoon_err *err)
{
    talk_error("%s", err->message);
    return CMD_FAILED;
}

/* The configuration's path by the rules of a run. */
static int find_config(const struct sumo_describe *w, char **out)
{
    struct path_rules rules = {.allow_any = !w->root};
    platoon_value *name;
    struct platoon_err err;
    char root[PATH_MAX];
    enum platoon_status st;

    if (!realpath(w->root ? w->root : ".", root)) {
        talk_error("--root %s: %m", w->root ? w->root : ".");
        return CMD_USAGE;
    }
    rules.root = root;
    name = platoon_str(w->file);
    st = path_resolve(&rules, name, "filename", out, &err);
    platoon_value_unref(name);
    return st == PLATOON_OK ? CMD_OK : report(&err);
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static int save(const struct sumo_describe *w, const char *path, const struct buf *text)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (w->replaces ? O_TRUNC : O_EXCL);
    int fd = open(path, flags, 0666), code;

    if (fd < 0 && errno == EEXIST) {
        talk_error("%s is there already and stays as it is", path);
        talk_hint("--force replaces it");
        return CMD_FAILED;
    }
    if (fd < 0) {
        talk_error("%s: %m", path);
        return CMD_FAILED;
    }
    code = write_all(fd, text->data, text->len) ? 0 : errno;
    if (close(fd) < 0 && code == 0)
        code = errno;
    if (code == 0)
        return CMD_OK;
    (void)unlink(path); /* half a file would be taken for settings; told below either way */
    talk_error("%s: %s; nothing is left of it", path, strerror(code));
    return CMD_FAILED;
}

static void tell_written(const char *path, const struct network *network, const struct ramps *ramps)
{
    const struct ramp *best = ramps->n ? &ramps->list[0] : NULL;

    if (!best)
        talk("wrote %s; no ramp was found, so all of it is yours to fill in", path);
    else
        talk("wrote %s, for the ramp %s%s", path, network_edge_id(network, best->edge),
             ramp_is_complete(best) ? ""
                                    : ", which lacks something; what and why stands in the file");
}

static int write_draft(const struct sumo_describe *w, const char *config,
                       const struct network *network, const struct ramps *ramps)
{
    const char *slash = strrchr(config, '/');
    char *path = task_settings_path(config);
    struct platoon_err err;
    int exit_code = CMD_FAILED;
    struct buf text;

    buf_init(&text);
    if (!path)
        talk_error("out of memory");
    else if (draft_settings(&text, slash ? slash + 1 : config, network,
                            ramps->n ? &ramps->list[0] : NULL, &err) != PLATOON_OK)
        exit_code = report(&err);
    else if ((exit_code = save(w, path, &text)) == CMD_OK)
        tell_written(path, network, ramps);
    buf_release(&text);
    free(path);
    return exit_code;
}

static int print(const struct sumo_describe *w, const struct network *network,
                 const struct ramps *ramps)
{
    platoon_value *value;
    int exit_code;

    if (w->wants_json) {
        if (!(value = describe_view_value(network, ramps))) {
            talk_error("out of memory");
            return CMD_FAILED;
        }
        exit_code = ask_print_json(value);
        platoon_value_unref(value);
        return exit_code;
    }
    if (describe_view_print(network, ramps))
        return CMD_OK;
    talk_error("out of memory");
    return CMD_FAILED;
}

int sumo_describe(const struct sumo_describe *wanted)
{
    struct network network = {0};
    struct ramps ramps = {0};
    struct platoon_err err;
    char *config = NULL;
    int exit_code = find_config(wanted, &config);

    if (exit_code != CMD_OK)
        return exit_code;
    if (network_read(config, &network_limits_default, &network, &err) != PLATOON_OK ||
        ramps_find(&network, &ramps, &err) != PLATOON_OK)
        exit_code = report(&err);
    else
        exit_code = print(wanted, &network, &ramps);
    if (exit_code == CMD_OK && wanted->writes)
        exit_code = write_draft(wanted, config, &network, &ramps);
    ramps_release(&ramps);
    network_release(&network);
    free(config);
    return exit_code;
}
