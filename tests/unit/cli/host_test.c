/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "cli/host.h"

TEST(host_reads_what_options_say)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } cases[] = {
        {"192.168.1.5:6000", "192.168.1.5", 6000},
        {"node7", "node7", 5000},
        {"6000", "127.0.0.1", 6000},
        {":6000", "127.0.0.1", 6000},
        {"*:0", "0.0.0.0", 0},
        {"*", "0.0.0.0", 5000},
        {"[::1]:7", "::1", 7},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address a;
        assert_int_equal(host_read(cases[i].text, &a, NULL), PLATOON_OK);
        assert_string_equal(a.host, cases[i].host);
        assert_int_equal(a.port, cases[i].port);
    }
}

TEST(host_refuses_the_rest_and_quotes_it)
{
    static const char *const bad[] = {"", "host:65536", "99999", "tcp://a:1", "[::1"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct address a = {.port = 77};
        struct platoon_err err;
        assert_int_equal(host_read(bad[i], &a, &err), PLATOON_EADDR);
        assert_non_null(strstr(err.message, bad[i]));
        assert_int_equal(a.port, 77);
    }
}

TEST(host_knows_loopback)
{
    assert_true(host_is_loopback("127.0.0.1"));
    assert_true(host_is_loopback("127.9.9.9"));
    assert_true(host_is_loopback("localhost"));
    assert_false(host_is_loopback("0.0.0.0"));
    assert_false(host_is_loopback("192.0.2.1"));
    assert_true(host_is_here("127.0.0.1"));
    assert_false(host_is_here("192.0.2.1"));
}

static void check_own(const char *host, void *arg)
{
    (void)arg;
    assert_true(host_is_here(host));
    assert_false(host_is_loopback(host));
}

TEST(host_lists_only_addresses_of_its_own)
{
    (void)host_each_own(check_own, NULL); /* a machine without network has none */
}
