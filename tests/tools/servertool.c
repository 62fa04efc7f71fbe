/* SPDX-License-Identifier: Apache-2.0 */
/* servertool - the embeddable server as a program, for black-box tests of libplatoon-server itself.
 *
 *     servertool [-l HOST] [-p PORT] [-k AUTHKEY] [-n] [-g any|list|none] [-t HANDSHAKE_MS]
 *                [-h MAX_HANDSHAKES]
 *                [-f MAX_FRAME_BYTES] [-w WORKER_LEASE_MS] [-s] [-d] [QUEUE_SPEC...]
 *
 * -n: no default queues; -s: HMAC-SHA256 only; -d: debug log. Prints `listening on PORT`; its log
 * goes to stderr; ends on SIGTERM or SIGINT, or when a client asks for it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <platoon/server.h>

static platoon_server *server;

static void stop(int number)
{
    (void)number;
    platoon_server_stop(server);
}

static void log_line(int level, const char *line, void *arg)
{
    (void)arg;
    fprintf(stderr, "%d %s\n", level, line);
}

int main(int argc, char **argv)
{
    struct platoon_server_options options = {.authkey = "abc", .authkey_len = 3, .log = log_line};
    struct sigaction action = {.sa_handler = stop};
    struct platoon_err err;
    int c;

    while ((c = getopt(argc, argv, "l:p:k:ng:t:h:f:w:sd")) != -1) {
        switch (c) {
        case 'l':
            options.host = optarg;
            break;
        case 'p':
            options.port = (uint16_t)strtoul(optarg, NULL, 10);
            break;
        case 'k':
            options.authkey = optarg;
            options.authkey_len = strlen(optarg);
            break;
        case 'n':
            options.no_default_queues = true;
            break;
        case 'g':
            options.globals = *optarg == 'a'   ? PLATOON_GLOBALS_ANY
                              : *optarg == 'l' ? PLATOON_GLOBALS_LIST
                                               : PLATOON_GLOBALS_NONE;
            break;
        case 't':
            options.handshake_ms = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'h':
            options.max_handshakes = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'f':
            options.max_frame_bytes = strtoull(optarg, NULL, 10);
            break;
        case 'w':
            options.worker_lease_ms = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 's':
            options.auth_sha256_only = true;
            break;
        case 'd':
            options.log_level = 7;
            break;
        default:
            return 2;
        }
    }
    options.queues = (const char *const *)argv + optind;
    options.n_queues = (size_t)(argc - optind);
    if (platoon_server_start(&options, &server, &err) != PLATOON_OK) {
        fprintf(stderr, "servertool: %s\n", err.message);
        return 1;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    printf("listening on %u\n", platoon_server_port(server));
    fflush(stdout);
    platoon_server_wait(server);
    platoon_server_free(server);
    return 0;
}
