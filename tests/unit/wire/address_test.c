/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "wire/address.h"

TEST(address_reads_every_form)
{
    static const struct {
        const char *text, *host;
        int port;
    } rows[] = {
        {"127.0.0.1:5000", "127.0.0.1", 5000},
        {"lab-pc.example:1", "lab-pc.example", 1},
        {"localhost", "localhost", 4321},
        {":5000", "", 5000},
        {":0", "", 0},
        {"0.0.0.0:65535", "0.0.0.0", 65535},
        {"[::1]:5000", "::1", 5000},
        {"[fe80::1%eth0]:5000", "fe80::1%eth0", 5000},
        {"[::]", "::", 4321},
        {"::1", "::1", 4321},
        {"2001:db8::7", "2001:db8::7", 4321},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address a;
        struct platoon_err err = {PLATOON_OK, "", ""};

        if (address_parse(rows[i].text, 4321, &a, &err) != PLATOON_OK)
            fail_msg("%s: %s", rows[i].text, err.message);
        assert_string_equal(a.host, rows[i].host);
        assert_int_equal(a.port, rows[i].port);
    }
}

TEST(address_refuses_what_is_none)
{
    static const char *const rows[] = {"",           "host:",       "host:http",     "host:70000",
                                       "host:65536", "host:-1",     "host:+5",       "host: 50",
                                       "host:0x10",  "host:000123", "[::1",          "[]:5000",
                                       "[::1]5000",  "[::1]:",      "[::1]:5000000", "a b:5000",
                                       "host/x:1",   "me@host:1",   "a\nb:1"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address a = {"unchanged", 1};
        struct platoon_err err;

        if (address_parse(rows[i], 5000, &a, &err) != PLATOON_EADDR)
            fail_msg("accepted `%s`", rows[i]);
        assert_int_equal(err.status, PLATOON_EADDR);
        assert_string_equal(a.host, "unchanged");
        assert_int_equal(a.port, 1);
    }
}

TEST(address_refuses_a_host_longer_than_the_dns_allows)
{
    char text[400];
    struct address a;

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text + 255, ":5000", 6);
    assert_int_equal(address_parse(text, 0, &a, NULL), PLATOON_OK);
    memcpy(text + 256, ":5000", 6);
    text[255] = 'a';
    assert_int_equal(address_parse(text, 0, &a, NULL), PLATOON_EADDR);
}

TEST(address_ports_are_digits_only)
{
    uint16_t port = 7;
    struct platoon_err err;

    (void)state;
    assert_int_equal(address_parse_port("65535", &port, &err), PLATOON_OK);
    assert_int_equal(port, 65535);
    assert_int_equal(address_parse_port("5000 ", &port, &err), PLATOON_EADDR);
    assert_non_null(strstr(err.message, "5000 "));
    assert_int_equal(address_parse_port("", &port, &err), PLATOON_EADDR);
    assert_int_equal(port, 65535);
}

TEST(address_writes_what_it_reads)
{
    static const char *const rows[] = {"127.0.0.1:5000", "[::1]:5000", "lab:1"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address a;
        char text[ADDRESS_TEXT_MAX];

        assert_int_equal(address_parse(rows[i], 0, &a, NULL), PLATOON_OK);
        assert_string_equal(address_format(a.host, a.port, text), rows[i]);
    }
}
