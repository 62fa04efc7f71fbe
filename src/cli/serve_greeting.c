/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/serve_greeting.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/host.h"

enum { INFO = 6 };

/* People get the sentence as it is; logs get it as the text of an event. */
static void say(struct log_sink *sink, const char *format, ...) PLATOON_PRINTF(2, 3);
static void say(struct log_sink *sink, const char *format, ...)
{
    static const char event[] = "serve.note ";
    char line[1024];
    va_list args;

    memcpy(line, event, sizeof event);
    va_start(args, format);
    (void)vsnprintf(line + sizeof event - 1, sizeof line - sizeof event + 1, format,
                    args); /* cut */
    va_end(args);
    if (sink->format != LOG_SINK_TEXT)
        log_sink_write(INFO, line, sink);
    else if (INFO <= sink->level)
        fprintf(stderr, "%s\n", line + sizeof event - 1);
}

static bool is_any_address(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

struct command {
    struct log_sink *sink;
    uint16_t port;
    bool has_file;
};

static void say_work(const char *host, void *arg)
{
    const struct command *c = arg;
    char name[ADDRESS_TEXT_MAX];

    say(c->sink, "    platoon work %s%s", address_format(host, c->port, name),
        c->has_file ? " --authkey-file platoon.authkey" : "");
}

static void say_key(struct log_sink *sink, const struct authkey *key)
{
    if (key->path)
        say(sink, "authkey: %s%s", key->path, key->was_made ? " (made now)" : "");
    else
        say(sink, "authkey: from %s; workers and clients need the same key", authkey_origin(key));
}

static void say_store(struct log_sink *sink, const char *folder, struct platoon_server_found found)
{
    if (!folder) {
        say(sink, "store: memory only: tasks and results that are queued when this server ends are "
                  "lost");
        return;
    }
    say(sink, "store: %s", folder);
    if (found.tasks || found.results)
        say(sink, "%llu tasks, %llu results waiting from before (--fresh begins anew)",
            (unsigned long long)found.tasks, (unsigned long long)found.results);
    if (found.abandoned)
        say(sink, "%llu tasks set aside from before: platoon status",
            (unsigned long long)found.abandoned);
}

void serve_greeting(struct log_sink *sink, const struct address *listen, const struct authkey *key,
                    const char *folder, struct platoon_server_found found)
{
    struct command command = {sink, listen->port, key->path != NULL};
    char name[ADDRESS_TEXT_MAX];

    say_store(sink, folder, found);
    say_key(sink, key);
    if (host_is_loopback(listen->host)) {
        say(sink, "open to this machine only; for others: platoon serve --listen 0.0.0.0:%u",
            (unsigned)listen->port);
        say(sink, "to make this machine a worker, run:");
        say(sink, "    platoon work %s%s", address_format(listen->host, listen->port, name),
            key->path ? "" : " --authkey-file FILE");
        return;
    }
    if (key->path)
        say(sink,
            "to make another machine a worker, copy %s to it as platoon.authkey and run there:",
            key->path);
    else
        say(sink,
            "to make another machine a worker, set PLATOON_AUTHKEY to the key and run there:");
    if (!is_any_address(listen->host))
        say_work(listen->host, &command);
    else if (host_each_own(say_work, &command) == 0)
        say_work("THIS-MACHINE", &command);
}
