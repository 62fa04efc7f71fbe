/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting by <platoon/traci.h>: what is refused, and how long is waited. Against a real SUMO:
 * tests/integration/sumo_traci.py. */
#include "support/test.h"

#include <math.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <platoon/traci.h>

/* A socket that is bound and, if asked, listens; nobody ever answers there. */
static int hold_port(bool listens, uint16_t *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    assert_true(!listens || listen(fd, 1) == 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

static void check_refused(const struct platoon_traci_options *options, enum platoon_status status,
                          const char *part)
{
    struct platoon_err err;
    platoon_traci *t = NULL;

    assert_int_equal(platoon_traci_connect(options, &t, &err), status);
    assert_null(t);
    assert_int_equal(err.status, status);
    assert_non_null(strstr(err.message, part));
}

TEST(traci_client_wrong_options_are_refused)
{
    check_refused(&(struct platoon_traci_options){0}, PLATOON_EINVAL, "options.port is 0");
    check_refused(&(struct platoon_traci_options){.port = 1, .connect_timeout_s = -1.0},
                  PLATOON_EINVAL, "no number of seconds");
    check_refused(&(struct platoon_traci_options){.port = 1, .answer_timeout_s = NAN},
                  PLATOON_EINVAL, "no number of seconds");
    check_refused(&(struct platoon_traci_options){.port = 1, .host = "no such host"}, PLATOON_EADDR,
                  "no such host");
}

TEST(traci_client_nobody_that_listens_is_waited_for_until_the_limit)
{
    struct platoon_traci_options options = {.connect_timeout_s = 0.1};
    int fd = hold_port(false, &options.port);

    check_refused(&options, PLATOON_ECONNECT, "within 0.1 s; does it run, with --remote-port");
    assert_int_equal(close(fd), 0);
}

TEST(traci_client_somebody_that_is_silent_is_given_up)
{
    struct platoon_traci_options options = {.connect_timeout_s = 5.0, .answer_timeout_s = 0.1};
    int fd = hold_port(true, &options.port);

    check_refused(&options, PLATOON_ETIMEDOUT,
                  "did not answer the version query within 0.1 s; does it serve another client?");
    assert_int_equal(close(fd), 0);
}

TEST(traci_client_nothing_is_freed_without_harm)
{
    platoon_traci_free(NULL);
}
