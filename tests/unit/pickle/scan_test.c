/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "pickle/scan.h"
#include "support/pickle_text.h"

/* --- helpers --------------------------------------------------------------------------------- */

/* Feed `len` bytes in pieces of `piece` (0: as a whole). */
static enum scan_state feed(struct scan *s, const uint8_t *data, size_t len, size_t piece,
                            struct platoon_err *err)
{
    enum scan_state state = SCAN_MORE;

    scan_reset(s);
    if (piece == 0)
        piece = len;
    for (size_t at = 0; at < len && state != SCAN_BAD; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        /* A copy of its own, so that a sanitizer sees every read beyond the piece. */
        uint8_t *copy = malloc(n);

        assert_non_null(copy);
        memcpy(copy, data + at, n);
        state = scan_feed(s, copy, n, err);
        free(copy);
    }
    return state;
}

static size_t describe_arg(char *to, size_t cap, const struct scan_arg *a)
{
    switch (a->kind) {
    case SCAN_NONE:
        return (size_t)snprintf(to, cap, "N");
    case SCAN_BOOL:
        assert_int_equal(a->as_int, a->as_bool);
        return (size_t)snprintf(to, cap, "b%d", a->as_bool);
    case SCAN_INT:
        return (size_t)snprintf(to, cap, "i%lld", (long long)a->as_int);
    case SCAN_FLOAT:
        return (size_t)snprintf(to, cap, "f%.15g", a->as_float);
    case SCAN_TEXT:
        assert_int_equal(strlen(a->text), a->text_len);
        return (size_t)snprintf(to, cap, "t%s", a->text);
    case SCAN_LONG_TEXT:
        return (size_t)snprintf(to, cap, "L");
    case SCAN_COMPOUND:
        return (size_t)snprintf(to, cap, "C");
    }
    return 0;
}

/* "ident method (args) {kwds}", as in tests/data/frames/request_stock.txt. */
static const char *describe(const struct scan *s)
{
    static char text[8192];
    struct scan_request r;
    size_t n;

    scan_request(s, &r);
    n = (size_t)snprintf(text, sizeof text, "%s %s (", r.ident_is_none ? "None" : r.ident,
                         r.method);
    for (size_t i = 0; i < r.n_args; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", i ? ", " : "");
        n += describe_arg(text + n, sizeof text - n, &r.args[i]);
    }
    n += (size_t)snprintf(text + n, sizeof text - n, ") {");
    for (size_t i = 0; i < r.n_kwds; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s=", i ? ", " : "", r.kwds[i].name);
        n += describe_arg(text + n, sizeof text - n, &r.kwds[i].value);
    }
    (void)snprintf(text + n, sizeof text - n, "}");
    return text;
}

static bool args_are_equal(const struct scan_arg *a, const struct scan_arg *b)
{
    return a->start == b->start && a->end == b->end && a->flags == b->flags &&
           a->open_marks == b->open_marks && a->memo_before == b->memo_before &&
           a->kind == b->kind && a->as_bool == b->as_bool && a->as_int == b->as_int &&
           memcmp(&a->as_float, &b->as_float, sizeof a->as_float) == 0 &&
           a->text_len == b->text_len && memcmp(a->text, b->text, a->text_len + 1) == 0;
}

/* Both scans are done and found the same. */
static void assert_same_findings(const struct scan *a, const struct scan *b)
{
    struct scan_request x, y;
    struct scan_arg root_x, root_y;
    size_t n_x, n_y;
    bool over_x, over_y;
    const struct scan_gap *gaps_x = scan_gaps(a, &n_x), *gaps_y = scan_gaps(b, &n_y);
    const char *names_x, *names_y;

    assert_int_equal(n_x, n_y);
    if (n_x)
        assert_memory_equal(gaps_x, gaps_y, n_x * sizeof *gaps_x);
    names_x = scan_globals(a, &n_x, &over_x);
    names_y = scan_globals(b, &n_y, &over_y);
    assert_int_equal(n_x, n_y);
    assert_int_equal(over_x, over_y);
    if (n_x)
        assert_memory_equal(names_x, names_y, n_x);
    scan_root(a, &root_x);
    scan_root(b, &root_y);
    assert_true(args_are_equal(&root_x, &root_y));
    scan_request(a, &x);
    scan_request(b, &y);
    assert_int_equal(x.n_args, y.n_args);
    assert_int_equal(x.n_kwds, y.n_kwds);
    assert_string_equal(x.ident, y.ident);
    assert_string_equal(x.method, y.method);
    for (size_t i = 0; i < x.n_args; i++)
        assert_true(args_are_equal(&x.args[i], &y.args[i]));
    for (size_t i = 0; i < x.n_kwds; i++) {
        assert_string_equal(x.kwds[i].name, y.kwds[i].name);
        assert_true(args_are_equal(&x.kwds[i].value, &y.kwds[i].value));
    }
}

/* Scan a request written as text, whole and in every size of piece; the scan, done, is the
 * caller's to free. */
static struct scan *scan_text(const char *text)
{
    struct scan *whole = scan_new(SCAN_REQUEST, NULL), *pieces = scan_new(SCAN_REQUEST, NULL);
    struct platoon_err err = {0};
    size_t len;
    uint8_t *data = pickle_from_text(text, &len);

    if (feed(whole, data, len, 0, &err) != SCAN_DONE)
        fail_msg("%s: %s", text, err.message);
    for (size_t piece = 1; piece < len; piece++) {
        assert_int_equal(feed(pieces, data, len, piece, &err), SCAN_DONE);
        assert_same_findings(whole, pieces);
    }
    scan_free(pieces);
    free(data);
    return whole;
}

static void assert_request(const char *text, const char *expected)
{
    struct scan *s = scan_text(text);

    assert_string_equal(describe(s), expected);
    scan_free(s);
}

/* The text is refused with this status and a sentence that holds `why`, whole and in pieces. */
static void assert_refused(enum scan_mode mode, const char *text, enum platoon_status status,
                           const char *why)
{
    struct scan *s = scan_new(mode, NULL);
    struct platoon_err err = {0};
    size_t len;
    uint8_t *data = pickle_from_text(text, &len);

    for (size_t piece = 0; piece <= len; piece++) {
        if (feed(s, data, len, piece, &err) != SCAN_BAD)
            fail_msg("accepted in pieces of %zu: %s", piece, text);
        if (err.status != status || !strstr(err.message, why))
            fail_msg("%s\n  got status %d, '%s'\n  not %d, '%s'", text, (int)err.status,
                     err.message, (int)status, why);
        /* It stays bad, and says so again. */
        assert_int_equal(scan_feed(s, "N", 1, &err), SCAN_BAD);
        assert_int_equal(err.status, status);
    }
    scan_free(s);
    free(data);
}

/* --- requests of stock clients --------------------------------------------------------------- */

/* Calls `check` for every line of the recorded requests. */
static void each_recorded(void (*check)(const uint8_t *data, size_t len, const char *expected))
{
    FILE *f = fopen(PLATOON_TEST_DATA "/frames/request_stock.txt", "r");
    char line[8192];
    size_t n = 0;

    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char *hex = strchr(line, '\t'), *expected;
        uint8_t *data;
        size_t len;

        if (line[0] == '#')
            continue;
        assert_non_null(hex);
        expected = strchr(hex + 1, '\t');
        assert_non_null(expected);
        *expected++ = '\0';
        expected[strcspn(expected, "\n")] = '\0';
        data = pickle_from_text(hex + 1, &len);
        check(data, len, expected);
        free(data);
        n++;
    }
    (void)fclose(f);
    assert_true(n > 400);
}

static void check_recorded(const uint8_t *data, size_t len, const char *expected)
{
    struct scan *whole = scan_new(SCAN_REQUEST, NULL), *pieces = scan_new(SCAN_REQUEST, NULL);
    struct platoon_err err = {0};

    if (feed(whole, data, len, 0, &err) != SCAN_DONE)
        fail_msg("%s: %s", expected, err.message);
    assert_string_equal(describe(whole), expected);
    for (size_t piece = 1; piece < len; piece += piece < 12 ? 1 : 13) {
        assert_int_equal(feed(pieces, data, len, piece, &err), SCAN_DONE);
        assert_same_findings(whole, pieces);
    }
    scan_free(whole);
    scan_free(pieces);
}

TEST(scan_understands_requests_of_every_stock_client)
{
    each_recorded(check_recorded);
}

static void check_prefixes(const uint8_t *data, size_t len, const char *expected)
{
    struct scan *s = scan_new(SCAN_REQUEST, NULL);
    struct platoon_err err = {0};

    (void)expected;
    for (size_t n = 1; n < len; n++)
        assert_int_equal(feed(s, data, n, 0, &err), SCAN_MORE);
    scan_free(s);
}

TEST(scan_of_a_request_cut_short_asks_for_more)
{
    each_recorded(check_prefixes);
}

static void check_range(const uint8_t *data, size_t len, const char *expected)
{
    struct scan *s = scan_new(SCAN_REQUEST, NULL);
    struct scan_request r;
    struct platoon_err err = {0};
    uint64_t at = 0;

    (void)expected;
    assert_int_equal(feed(s, data, len, 0, &err), SCAN_DONE);
    scan_request(s, &r);
    for (size_t i = 0; i < r.n_args; i++) {
        assert_true(r.args[i].start < r.args[i].end);
        if (i > 0)
            assert_int_equal(r.args[i].start, at);
        at = r.args[i].end;
    }
    for (size_t i = 0; i < r.n_kwds; i++) {
        assert_true(r.kwds[i].value.start > at); /* the name stands between */
        at = r.kwds[i].value.end;
    }
    assert_true(at < len);
    scan_free(s);
}

TEST(scan_gives_ranges_that_touch_each_other)
{
    each_recorded(check_range);
}

/* --- the parts of a request ------------------------------------------------------------------- */

#define HEAD "8004 28 8c02'id'94 8c03'put'94 "
#define TAIL " 7d94 74 94 2e"

TEST(scan_reads_args_built_in_every_way)
{
    assert_request("8002 28 4e 8c05'dummy' 29 7d 74 2e", "None dummy () {}");
    assert_request(HEAD "4b01 85" TAIL, "id put (i1) {}");
    assert_request(HEAD "4b01 88 86" TAIL, "id put (i1, b1) {}");
    assert_request(HEAD "4b01 89 4e 87" TAIL, "id put (i1, b0, N) {}");
    assert_request(HEAD "28 4b01 89 4e 4b02 74 94" TAIL, "id put (i1, b0, N, i2) {}");
    assert_request(HEAD "28 74" TAIL, "id put () {}");
    assert_request(HEAD "28 4b01 74" TAIL, "id put (i1) {}");
    /* a list will do, as it does for f(*args) */
    assert_request(HEAD "5d94" TAIL, "id put () {}");
    assert_request(HEAD "5d94 4b01 61 4b02 61" TAIL, "id put (i1, i2) {}");
    assert_request(HEAD "5d94 28 4b01 4b02 65 4b03 61" TAIL, "id put (i1, i2, i3) {}");
    assert_request(HEAD "28 4b01 4b02 6c" TAIL, "id put (i1, i2) {}");
}

TEST(scan_reads_kwds_built_in_every_way)
{
    assert_request(HEAD "29 7d94 74 2e", "id put () {}");
    assert_request(HEAD "29 7d94 8c01'a' 4b01 73 74 2e", "id put () {a=i1}");
    assert_request(HEAD "29 7d94 28 8c01'a' 4b01 8c01'b' 4b02 75 74 2e", "id put () {a=i1, b=i2}");
    assert_request(HEAD "29 7d94 8c01'a' 4b01 73 8c01'b' 4b02 73 74 2e", "id put () {a=i1, b=i2}");
    assert_request(HEAD "29 28 64 74 2e", "id put () {}");
    assert_request(HEAD "29 28 8c01'a' 4b01 8c01'b' 4b02 64 74 2e", "id put () {a=i1, b=i2}");
    /* the last of two equal keys counts, as in a dict */
    assert_request(HEAD "29 7d94 28 8c01'a' 4b01 8c01'b' 4b02 8c01'a' 4e 75 74 2e",
                   "id put () {a=N, b=i2}");
    /* a value that is itself built at the request's level, out of many operands */
    assert_request(HEAD "29 7d94 8c01'a' 4b01 4b02 4b03 4b04 87 86 4b09 86 73 74 2e",
                   "id put () {a=C}");
}

TEST(scan_reads_nested_tuples_that_stand_at_the_requests_level)
{
    assert_request(HEAD "4b01 85 85" TAIL, "id put (C) {}");
    assert_request(HEAD "4b01 4b02 86 4b03 86 85" TAIL, "id put (C) {}");
    assert_request(HEAD "4b01 4b02 4b03 4b04 4b05 4b06 4b07 86 86 86 86 86 86" TAIL,
                   "id put (i1, C) {}");
    assert_request(HEAD "28 4b01 4b02 4b03 4b04 86 4b05 4b06 74" TAIL,
                   "id put (i1, i2, C, i5, i6) {}");
}

TEST(scan_reads_scalars)
{
    assert_request(HEAD "4aff ff ff ff 85" TAIL, "id put (i-1) {}");
    assert_request(HEAD "4dffff 85" TAIL, "id put (i65535) {}");
    assert_request(HEAD "8a00 85" TAIL, "id put (i0) {}");
    assert_request(HEAD "8a01ff 85" TAIL, "id put (i-1) {}");
    assert_request(HEAD "8a02ff00 85" TAIL, "id put (i255) {}");
    assert_request(HEAD "8a08 00000000 00000080 85" TAIL, "id put (i-9223372036854775808) {}");
    assert_request(HEAD "8a09 00000000 00000080 00 85" TAIL, "id put (L) {}");
    assert_request(HEAD "8b03000000 ffffff 85" TAIL, "id put (i-1) {}");
    assert_request(HEAD "47 4004000000000000 85" TAIL, "id put (f2.5) {}");
    assert_request(HEAD "8c03 e282ac 85" TAIL, "id put (t\xe2\x82\xac) {}");
    assert_request(HEAD "8c03 eda080 85" TAIL, "id put (t\xed\xa0\x80) {}"); /* a lone surrogate */
    assert_request(HEAD "58 04000000 'text' 85" TAIL, "id put (ttext) {}");
    assert_request(HEAD "8d 0400000000000000 'text' 85" TAIL, "id put (ttext) {}");
    assert_request(HEAD "55 04 'text' 85" TAIL, "id put (ttext) {}");
    assert_request(HEAD "54 04000000 'text' 85" TAIL, "id put (ttext) {}");
    assert_request(HEAD "55 02 fffe 85" TAIL, "id put (L) {}"); /* Python 2's bytes */
    assert_request(HEAD "43 04 'text' 85" TAIL, "id put (L) {}");
    assert_request(HEAD "96 0400000000000000 'text' 85" TAIL, "id put (C) {}");
    assert_request(HEAD "8c00 85" TAIL, "id put (t) {}");
}

TEST(scan_reads_text_lines_of_protocol_0)
{
    assert_request(HEAD "'I01' 0a 85" TAIL, "id put (b1) {}");
    assert_request(HEAD "'I00' 0a 85" TAIL, "id put (b0) {}");
    assert_request(HEAD "'I1' 0a 85" TAIL, "id put (i1) {}");
    assert_request(HEAD "'I-17' 0a 85" TAIL, "id put (i-17) {}");
    assert_request(HEAD "'I123456789012345678901' 0a 85" TAIL, "id put (L) {}");
    assert_request(HEAD "'L5L' 0a 85" TAIL, "id put (i5) {}");
    assert_request(HEAD "'L-5' 0a 85" TAIL, "id put (i-5) {}");
    assert_request(HEAD "'L0L' 0a 85" TAIL, "id put (i0) {}");
    assert_request(HEAD "'L123456789012345678901L' 0a 85" TAIL, "id put (L) {}");
    assert_request(HEAD "'F2.5' 0a 85" TAIL, "id put (f2.5) {}");
    assert_request(HEAD "'F-1e-3' 0a 85" TAIL, "id put (f-0.001) {}");
    assert_request(HEAD "'F-inf' 0a 85" TAIL, "id put (f-inf) {}");
    assert_request(HEAD "'F1e-999' 0a 85" TAIL, "id put (f0) {}");
    assert_request(HEAD "'Vtext' 0a 85" TAIL, "id put (ttext) {}");
    assert_request(HEAD "'V\\u20ac\\\\u' e4 '\\' 0a 85" TAIL,
                   "id put (t\xe2\x82\xac\\\\u\xc3\xa4\\) {}");
    assert_request(HEAD "'V\\U0001F600' 0a 85" TAIL, "id put (t\xf0\x9f\x98\x80) {}");
    assert_request(HEAD "53 27 'text' 27 0a 85" TAIL, "id put (ttext) {}");
    assert_request(HEAD "'S\"it' 27 's\\t\\x41\\102\\q\"' 0a 85" TAIL, "id put (tit's\tAB\\q) {}");
    assert_request("28 'Vid' 0a 'p0' 0a 'Vput' 0a 'p1' 0a 28 'g0' 0a 74 'p2' 0a 28 'dp3' 0a "
                   "'Vtimeout' 0a 'I5' 0a 73 74 2e",
                   "id put (tid) {timeout=i5}");
}

TEST(scan_reads_idents_of_up_to_511_bytes)
{
    char text[4096] = "8004 28 58 ff010000 '", *end = text + strlen(text);

    memset(end, 'x', 511);
    strcpy(end + 511, "' 94 8c03'put'94 29 7d 74 2e");
    {
        struct scan *s = scan_text(text);
        struct scan_request r;

        scan_request(s, &r);
        assert_int_equal(strlen(r.ident), 511);
        scan_free(s);
    }
    strcpy(text, "8004 28 58 00020000 '");
    memset(end, 'x', 512);
    strcpy(end + 512, "' 94 8c03'put'94 29 7d 74 2e");
    assert_refused(SCAN_REQUEST, text, PLATOON_EPROTO, "the ident is neither None nor text");
}

/* --- names that are memo references
 * ------------------------------------------------------------ */

TEST(scan_follows_names_into_the_memo)
{
    /* q.put('put'); q.put(ident) */
    assert_request(HEAD "6801 85" TAIL, "id put (tput) {}");
    assert_request(HEAD "6800 85" TAIL, "id put (tid) {}");
    /* a keyword first met deep inside the item */
    assert_request(HEAD "5d94 7d94 8c07'timeout'94 4b01 73 61 85 7d94 6804 4b05 73 74 2e",
                   "id put (C) {timeout=i5}");
    /* any short text will do while it is among the latest */
    assert_request(HEAD "5d94 7d94 8c05'other'94 4b01 73 61 85 7d94 6804 4b05 73 74 2e",
                   "id put (C) {other=i5}");
    /* a number that was set again is no longer that text */
    assert_request("8002 28 5802000000'id'7100 5803000000'put'7101 5801000000'a'7102 "
                   "5801000000'b'7102 6802 87 7d 74 2e",
                   "id put (ta, tb, tb) {}");
    assert_request("8002 28 5802000000'id'7100 5803000000'put'7101 5801000000'a'7102 "
                   "5d7102 6802 87 7d 74 2e",
                   "id put (ta, C, C) {}");
}

TEST(scan_keeps_keywords_that_calls_of_ours_use_however_long_ago)
{
    char text[65536] = HEAD "5d94 5d94 28 8c07'timeout'94 ";
    size_t n = strlen(text);

    for (int i = 0; i < 400; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "8c06'key%03d'94 ", i);
    (void)snprintf(text + n, sizeof text - n, "65 61 85 7d94 6804 4b05 73 74 2e");
    {
        struct scan *s = scan_new(SCAN_REQUEST, NULL);
        struct platoon_err err = {0};
        size_t len;
        uint8_t *data = pickle_from_text(text, &len);

        assert_int_equal(feed(s, data, len, 7, &err), SCAN_DONE);
        assert_string_equal(describe(s), "id put (C) {timeout=i5}");
        scan_free(s);
        free(data);
    }
}

TEST(scan_refuses_a_keyword_that_it_no_longer_knows)
{
    char text[65536] = HEAD "5d94 5d94 28 8c07'unknown'94 ";
    size_t n = strlen(text);

    for (int i = 0; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "8c05'key%02d'94 ", i);
    (void)snprintf(text + n, sizeof text - n, "65 61 85 7d94 6804 4b05 73 74 2e");
    {
        struct scan *s = scan_new(SCAN_REQUEST, NULL);
        struct platoon_err err = {0};
        size_t len;
        uint8_t *data = pickle_from_text(text, &len);

        assert_int_equal(feed(s, data, len, 0, &err), SCAN_BAD);
        assert_int_equal(err.status, PLATOON_EPROTO);
        assert_non_null(strstr(err.message, "keyword argument's name"));
        scan_free(s);
        free(data);
    }
}

/* --- ranges and flags ------------------------------------------------------------------------- */

static struct scan_arg first_arg(const char *text)
{
    struct scan *s = scan_text(text);
    struct scan_request r;
    struct scan_arg a;

    scan_request(s, &r);
    assert_true(r.n_args > 0);
    a = r.args[0];
    scan_free(s);
    return a;
}

TEST(scan_lets_a_value_start_where_its_left_neighbour_ended)
{
    /* t = ([],); t[0].append(t): the list is built, dropped, and the tuple fetched */
    struct scan_arg a = first_arg(HEAD "5d94 6802 85 94 61 30 6803 85" TAIL);

    assert_int_equal(a.start, 14);
    assert_int_equal(a.end, 24);
    assert_int_equal(a.memo_before, 2);
    assert_int_equal(a.open_marks, 1);
    assert_int_equal(a.flags, SCAN_HAS_GET);
    assert_int_equal(a.kind, SCAN_COMPOUND);
    /* the same where a MARK is dropped with it */
    a = first_arg(HEAD "28 5d94 6802 85 94 61 30 30 6803 85" TAIL);
    assert_int_equal(a.start, 14);
    assert_int_equal(a.end, 26);
    assert_int_equal(a.flags, SCAN_HAS_GET);
    a = first_arg(HEAD "28 5d94 6802 85 94 61 31 6803 85" TAIL);
    assert_int_equal(a.start, 14);
    assert_int_equal(a.end, 25);
}

TEST(scan_tells_gets_inside_a_value_from_those_that_leave_it)
{
    assert_int_equal(first_arg(HEAD "5d94 85" TAIL).flags, 0);
    assert_int_equal(first_arg(HEAD "5d94 6802 61 85" TAIL).flags, SCAN_HAS_GET);
    assert_int_equal(first_arg(HEAD "5d94 6801 61 85" TAIL).flags, SCAN_HAS_GET | SCAN_GET_OUTSIDE);
    assert_int_equal(first_arg(HEAD "6801 4b01 86" TAIL).flags, SCAN_HAS_GET | SCAN_GET_OUTSIDE);
    /* deep, and collected through TUPLEs at the request's level */
    assert_int_equal(first_arg(HEAD "4b01 4b02 4b03 4b04 4b05 6801 86 86 86 86 86 85" TAIL).flags,
                     SCAN_HAS_GET | SCAN_GET_OUTSIDE);
    assert_int_equal(first_arg(HEAD "5d94 4b02 4b03 4b04 4b05 6802 86 86 86 86 86 85" TAIL).flags,
                     SCAN_HAS_GET);
    /* numbers that a pickler of Python 2 wrote: rising, with gaps */
    assert_int_equal(
        first_arg("8002 28 5802000000'id'7105 5803000000'put'7109 5d7112 6812 61 85 7d "
                  "74 2e")
            .flags,
        SCAN_HAS_GET | SCAN_HAS_EXPLICIT_PUT);
    /* numbers that do not rise: in doubt it is outside */
    assert_int_equal(
        first_arg("8002 28 5802000000'id'7105 5803000000'put'7103 5d7112 6812 61 85 7d "
                  "74 2e")
            .flags,
        SCAN_HAS_GET | SCAN_GET_OUTSIDE | SCAN_HAS_EXPLICIT_PUT);
}

TEST(scan_collects_flags_of_all_that_is_below_a_value)
{
    assert_int_equal(first_arg(HEAD "5d94 28 'cm' 0a 'n' 0a 65 85" TAIL).flags, SCAN_HAS_GLOBAL);
    assert_int_equal(first_arg(HEAD "28 28 28 'c__builtin__' 0a 'set' 0a 74 74 4b01 74" TAIL).flags,
                     SCAN_HAS_PLAIN_CALL);
    assert_int_equal(first_arg(HEAD "96 0100000000000000 'x' 4b01 86" TAIL).flags, SCAN_HAS_PROTO5);
    assert_int_equal(first_arg(HEAD "5501'x' 4b01 86" TAIL).flags, SCAN_HAS_STRING8);
    assert_int_equal(first_arg(HEAD "4e 7120 4b01 86" TAIL).flags, SCAN_HAS_EXPLICIT_PUT);
    assert_int_equal(first_arg(HEAD "28 4b01 'im' 0a 'n' 0a 85" TAIL).flags, SCAN_HAS_GLOBAL);
    /* what was dropped is part of the bytes */
    assert_int_equal(first_arg(HEAD "'cm' 0a 'n' 0a 30 4b01 85" TAIL).flags, SCAN_HAS_GLOBAL);
    /* and the neighbour's flags are its own */
    assert_int_equal(first_arg(HEAD "4b01 'cm' 0a 'n' 0a 86" TAIL).flags, 0);
}

TEST(scan_reports_protocol_and_frames)
{
    struct scan *s = scan_text("8004 95 1600000000000000 28 8c02'id'94 8c03'put'94 "
                               "95 0700000000000000 95 0000000000000000 4b01 85 7d 94 74 2e");
    const struct scan_gap *gaps;
    struct scan_request r;
    size_t n;

    assert_int_equal(scan_protocol(s), 4);
    gaps = scan_gaps(s, &n);
    assert_int_equal(n, 2);
    assert_int_equal(gaps[0].start, 2);
    assert_int_equal(gaps[0].end, 11);
    assert_int_equal(gaps[1].start, 23);
    assert_int_equal(gaps[1].end, 41); /* two that touch are one */
    scan_request(s, &r);
    assert_int_equal(r.args[0].start, 23);
    assert_int_equal(r.args[0].end, 43);
    scan_free(s);
    s = scan_text("28 4e 8c05'dummy' 29 7d 74 2e");
    assert_int_equal(scan_protocol(s), 0);
    scan_free(s);
}

/* --- globals
 * ----------------------------------------------------------------------------------- */

static void assert_globals(const char *text, const char *expected)
{
    struct scan *s = scan_text(text);
    char joined[8192] = "";
    size_t len, n = 0;
    bool overflow;
    const char *names = scan_globals(s, &len, &overflow);

    for (size_t at = 0; at < len; at += strlen(names + at) + 1)
        n += (size_t)snprintf(joined + n, sizeof joined - n, "%s%s", n ? "; " : "", names + at);
    assert_false(overflow);
    assert_string_equal(joined, expected);
    scan_free(s);
}

TEST(scan_lists_the_globals_that_a_pickle_names)
{
    assert_globals(HEAD "4b01 85" TAIL, "");
    assert_globals(HEAD "'cos.path' 0a 'join' 0a 85" TAIL, "os.path\njoin");
    assert_globals(HEAD "'cm' c3a4 0a 'n' ed9fbf 0a 85" TAIL, "m\xc3\xa4\nn\xed\x9f\xbf");
    assert_globals(HEAD "8c02'os'94 8c06'system'94 93 94 85" TAIL, "os\nsystem");
    /* the module by reference, the name by reference, both */
    assert_globals(HEAD
                   "8c02'os'94 8c06'system'94 93 94 6802 8c05'popen'94 93 6802 6803 93 87" TAIL,
                   "os\nsystem; os\npopen");
    /* the module's name was data first */
    assert_globals(HEAD "8c02'os'94 6802 8c05'popen'94 93 86" TAIL, "os\npopen");
    assert_globals(HEAD "28 4b01 'iold' 0a 'Style' 0a 85" TAIL, "old\nStyle");
    /* constructors of plain data are not among them */
    assert_globals(HEAD "8c08'builtins'94 8c03'set'94 93 5d 85 52 85" TAIL, "");
    assert_globals(HEAD "'c_codecs' 0a 'encode' 0a 85" TAIL, "");
}

TEST(scan_calls_a_global_unknown_where_it_cannot_tell)
{
    /* other values between text and use */
    assert_globals(HEAD "8c01'a' 4b01 30 8c01'b' 93 85" TAIL, "?\n?");
    /* a text set under the number of a module that is already on the stack */
    assert_globals("8002 28 5802000000'id'7100 5803000000'put'7101 5802000000'os'7102 6802 "
                   "580a000000'harmless_x'7102 93 86 7d 74 2e",
                   "?\n?");
    /* names that would not read as one name */
    assert_globals(HEAD "8c03'a' 0a 'b' 8c01'c' 93 85" TAIL, "?\n?");
    assert_globals(HEAD "'ca' 00 'b' 0a 'c' 0a 85" TAIL, "?\n?");
}

TEST(scan_keeps_64_globals_and_says_when_there_were_more)
{
    char text[65536] = HEAD "28 ";
    size_t n = strlen(text), len;
    struct scan *s = scan_new(SCAN_REQUEST, NULL);
    struct platoon_err err = {0};
    uint8_t *data;
    bool overflow;

    for (int i = 0; i < 65; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "'cm' 0a 'name%d' 0a ", i);
    (void)snprintf(text + n, sizeof text - n, "74 85" TAIL);
    data = pickle_from_text(text, &len);
    assert_int_equal(feed(s, data, len, 0, &err), SCAN_DONE);
    (void)scan_globals(s, &n, &overflow);
    assert_true(overflow);
    scan_free(s);
    free(data);
}

/* --- what is refused
 * ---------------------------------------------------------------------------- */

TEST(scan_refuses_what_no_reader_could_load)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"8006", "the protocol is above 5"},
        {"4e 8002", "named after the beginning"},
        {"00", "code of none"},
        {"ff", "code of none"},
        {"2e", "the stack is empty"},
        {"30", "the stack is empty"},
        {"4e 32", "no pickler writes it"},
        {"94", "too few values"},
        {"7101", "too few values"},
        {"31", "no MARK is open"},
        {"74", "no MARK is open"},
        {"65", "no MARK is open"},
        {"4e 28 94", "too few values"},
        {"4e 28 85", "too few values"},
        {"4e 28 4e 86", "too few values"},
        {"4e 28 4e 4e 87", "too few values"},
        {"28 4e 65", "too few values"},
        {"28 4e 4e 75", "too few values"},
        {"28 4e 90", "too few values"},
        {"5d 28 4e 61", "too few values"},
        {"7d 28 4e 4e 73", "too few values"},
        {"4e 28 2e", "a MARK is still open"},
        {"4e 4e 2e", "left over"},
        {"4e 2e 4e", "bytes follow"},
        {"4e 2e 2e", "bytes follow"},
        {"4e 4e 61", "what it appends to is no list"},
        {"7d 4e 61", "what it appends to is no list"},
        {"29 28 4e 65", "what it appends to is no list"},
        {"5d 4e 4e 73", "what it puts items into is no dict"},
        {"5d 28 4e 4e 75", "what it puts items into is no dict"},
        {"7d 28 4e 75", "odd number"},
        {"28 4e 64", "odd number"},
        {"7d 5d 4e 73", "a key is no hashable value"},
        {"7d 28 4e 4e 7d 4e 75", "a key is no hashable value"},
        {"28 5d 4e 64", "a key is no hashable value"},
        {"8f 28 4e 5d 90", "a member is no hashable value"},
        {"28 8f 91", "a member is no hashable value"},
        {"5d 28 4e 90", "what it adds members to is no set"},
        {"4e 29 52", "no class or function"},
        {"'cm' 0a 'n' 0a 5d 52", "the arguments are no tuple"},
        {"'cm' 0a 'n' 0a 29 29 92", "the keyword arguments are no dict"},
        {"4e 29 81", "no class or function"},
        {"4e 4e 93", "module and name are no texts"},
        {"5d 7d 62", "what it sets the state of is no object"},
        {"28 6f", "there is no class above the MARK"},
        {"28 4e 6f", "the first value above the MARK is no class"},
        {"6800", "nothing was stored"},
        {"4e 94 6801", "nothing was stored"},
        {"4e 7105 6804", "nothing was stored"},
        {"4e 7105 94 6805 6800", "nothing was stored"}, /* MEMOIZE set 1, the count */
        {"'g0' 0a", "nothing was stored"},
        {"6a 00000000", "nothing was stored"},
        {"4e 72 ffffff7f", "higher than any pickler"},
        {"'N' 'p-1' 0a", "no decimal number"},
        {"'N' 'p' 0a", "no decimal number"},
        {"'Nx' 'p1x' 0a", "code of none"},
        {"8b ffffffff", "its length is negative"},
        {"54 ffffffff", "its length is negative"},
        {"8d ffffffffffffffff", "its length is negative"},
        {"8c01 80", "no UTF-8"},
        {"8c02 c080", "no UTF-8"},
        {"8c04 f4908080", "no UTF-8"},
        {"8c01 e2", "no UTF-8"},
        {"58 03000000 e28261", "no UTF-8"},
        {"'Ix' 0a", "no decimal number"},
        {"'I' 0a", "no decimal number"},
        {"'I1' 00 0a", "no decimal number"},
        {"'I1 ' 0a", "no decimal number"},
        {"'I007' 0a", "no decimal number"},
        {"'LL' 0a", "no decimal number"},
        {"'L1L2' 0a", "behind its final L"},
        {"'L0x10' 0a", "no decimal number"},
        {"'F' 0a", "no decimal number"},
        {"'F0x1p3' 0a", "no decimal number"},
        {"'F1.5x' 0a", "no decimal number"},
        {"'F1e999' 0a", "too large for a float"},
        {"'Fnan(1)' 0a", "no decimal number"},
        {"'Stext' 0a", "not quoted"},
        {"'S\"' 0a", "not quoted"},
        {"'S\"text' 0a", "not quoted"},
        {"'S\"text\\\"' 0a", "its last escape is incomplete"},
        {"'S\"\\x4\"' 0a", "its last escape is incomplete"},
        {"'S\"\\xzz\"' 0a", "lacks its two digits"},
        {"'V\\u12' 0a", "lacks digits"},
        {"'V\\u12xx' 0a", "lacks digits"},
        {"'V\\U00110000' 0a", "above U+10FFFF"},
        {"'c' 0a 'n' 0a", "a name is empty"},
        {"'cm' 0a 0a", "a name is empty"},
        {"'cm' ff 0a 'n' 0a", "a name is no UTF-8"},
        {"'cm' 0a eda080 0a", "a name is no UTF-8"},
        {"28 'im' c3a4 0a 'n' 0a", "a name is no UTF-8"},
        {"'P1' 0a", "persistent id"},
        {"4e 51", "persistent id"},
        {"8201", "extension code"},
        {"830100", "extension code"},
        {"8401000000", "extension code"},
        {"97", "out of band"},
        {"4e 98", "out of band"},
        {"95 0100000000000000 4e 2e 00", "bytes follow"},
        {"95 ffffffffffffffff", "longer than a pickle may be"},
        {"95 0300000000000000 4e 2e", "a frame promised more bytes"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(SCAN_VALUE, bad[i].text, PLATOON_EPICKLE, bad[i].why);
}

TEST(scan_refuses_pickles_that_are_no_requests)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"8004 4e 2e", "no tuple of four"},
        {"8004 8c05'hello' 2e", "no tuple of four"},
        {"8004 28 4e 8c01'm' 29 74 2e", "no tuple of four"},
        {"8004 28 4e 8c01'm' 29 7d 4e 74 2e", "no tuple of four"},
        {"8004 28 4e 8c01'm' 29 7d 6c 2e", "no tuple of four"},
        {"8004 28 4e 8c01'm' 29 7d 74 85 2e", "no tuple of four"},
        {"8004 28 4e 8c01'm' 29 7d 74 30 4e 2e", "no tuple of four"},
        {"8004 28 4b01 8c01'm' 29 7d 74 2e", "the ident is neither"},
        {"8004 28 8c03'a' 00 'b' 8c01'm' 29 7d 74 2e", "NUL"},
        {"8004 28 4e 4e 29 7d 74 2e", "the method's name is no text"},
        {"8004 28 4e 8c03'a' 00 'b' 29 7d 74 2e", "NUL"},
        {"8004 28 4e 8c01'm' 4e 7d 74 2e", "args is neither"},
        {"8004 28 4e 8c01'm' 7d 7d 74 2e", "args is neither"},
        {"8004 28 4e 8c01'm' 29 29 74 2e", "kwds is no dict"},
        {"8004 28 4e 8c01'm' 29 4e 74 2e", "kwds is no dict"},
        {"8004 28 4e 8c01'm' 29 7d 4b01 4e 73 74 2e", "keyword argument's name"},
        {"8004 28 4e 8c01'm' 29 7d 8c03'a' 00 'b' 4e 73 74 2e", "keyword argument's name"},
        /* args fetched from the memo: what is in it was not written down */
        {"8004 28 4e 8c01'm' 4b01 85 94 30 6800 7d 74 2e", "args is neither"},
        /* args or kwds that contain themselves: an item alone would not have the whole of them */
        {"8004 28 4e 8c01'm' 5d94 6800 61 7d 74 2e", "refers to args"},
        {"8004 28 4e 8c01'm' 5d94 28 4e 6800 65 7d 74 2e", "refers to args"},
        {"8004 28 4e 8c01'm' 29 7d94 8c01'k' 6800 73 74 2e", "refers to args"},
        {"8004 28 4e 8c01'm' 29 7d94 28 8c01'k' 6800 75 74 2e", "refers to args"},
        /* two numbers for one container: no pickler writes that */
        {"8002 28 4e 5501'm' 29 7d 7102 7103 5501'k' 6802 73 74 2e", "refers to args"},
        {"8002 28 4e 5501'm' 5d 7102 7103 6802 61 7d 74 2e", "refers to args"},
        {"8004 28 4e 8c01'm' 29 'cm' 0a 'n' 0a 29 52 74 2e", "kwds is no dict"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(SCAN_REQUEST, bad[i].text, PLATOON_EPROTO, bad[i].why);
}

/* `head` once, `unit` n times, `tail` once. */
static uint8_t *repeat(const char *head, const char *unit, size_t n, const char *tail,
                       size_t *out_len)
{
    size_t head_len, unit_len, tail_len;
    uint8_t *h = pickle_from_text(head, &head_len), *u = pickle_from_text(unit, &unit_len);
    uint8_t *t = pickle_from_text(tail, &tail_len);
    uint8_t *all = malloc(head_len + n * unit_len + tail_len);

    assert_non_null(all);
    memcpy(all, h, head_len);
    for (size_t i = 0; i < n; i++)
        memcpy(all + head_len + i * unit_len, u, unit_len);
    memcpy(all + head_len + n * unit_len, t, tail_len);
    *out_len = head_len + n * unit_len + tail_len;
    free(h);
    free(u);
    free(t);
    return all;
}

static void assert_repeat(const struct scan_limits *limits, const char *head, const char *unit,
                          size_t n, const char *tail, enum platoon_status expected, const char *why)
{
    struct scan *s = scan_new(SCAN_REQUEST, limits);
    struct platoon_err err = {0};
    size_t len;
    uint8_t *data = repeat(head, unit, n, tail, &len);
    enum scan_state state = feed(s, data, len, 1000, &err);

    if (expected == PLATOON_OK) {
        if (state != SCAN_DONE)
            fail_msg("%s x %zu: %s", unit, n, err.message);
        if (why)
            assert_string_equal(describe(s), why);
    } else {
        assert_int_equal(state, SCAN_BAD);
        assert_int_equal(err.status, expected);
        if (!strstr(err.message, why))
            fail_msg("'%s' is not in '%s'", why, err.message);
    }
    scan_free(s);
    free(data);
}

TEST(scan_keeps_to_its_limits)
{
    struct scan_limits depth = {.max_depth = 10}, bytes = {.max_bytes = 100};
    struct scan_limits ranges = {.max_memo_ranges = 10};

    assert_repeat(&depth, HEAD, "28", 8, "31 31 31 31 31 31 31 31 29" TAIL, PLATOON_OK,
                  "id put () {}");
    assert_repeat(&depth, HEAD, "28", 10, "", PLATOON_ELIMIT, "nested too deeply");
    assert_repeat(&bytes, HEAD "29", "4e 30", 40, TAIL, PLATOON_OK, NULL);
    assert_repeat(&bytes, HEAD "29", "4e 30", 41, TAIL, PLATOON_ELIMIT,
                  "longer than a pickle may be");
    assert_repeat(&bytes, HEAD "58 00010000", "'x'", 1, "", PLATOON_ELIMIT, "longer than");
    assert_repeat(&ranges, HEAD "28 5d 710a 710c 710e 7110 7112 7114 7116 7118 711a 74" TAIL, "", 0,
                  "", PLATOON_OK, NULL);
    assert_repeat(&ranges, HEAD "28 5d 710a 710c 710e 7110 7112 7114 7116 7118 711a 711c", "", 0,
                  "", PLATOON_ELIMIT, "too scattered");
}

TEST(scan_takes_at_most_32_args_and_16_keywords)
{
    struct scan *s = scan_new(SCAN_REQUEST, NULL);
    struct platoon_err err = {0};
    size_t len;
    uint8_t *data = repeat(HEAD "28", "4e", 32, "74" TAIL, &len);
    struct scan_request r;
    char text[4096] = HEAD "29 7d 28 ";
    size_t n = strlen(text);

    assert_int_equal(feed(s, data, len, 0, &err), SCAN_DONE);
    scan_request(s, &r);
    assert_int_equal(r.n_args, 32);
    free(data);
    assert_repeat(NULL, HEAD "28", "4e", 33, "74" TAIL, PLATOON_EPROTO, "more than 32");
    assert_repeat(NULL, HEAD "5d", "4e 61", 33, TAIL, PLATOON_EPROTO, "more than 32");
    assert_repeat(NULL, HEAD "5d 28", "4e", 33, "65" TAIL, PLATOON_EPROTO, "more than 32");
    /* as one argument they are fine */
    assert_repeat(NULL, HEAD "28", "4e", 33, "74 85" TAIL, PLATOON_OK, "id put (C) {}");
    assert_repeat(NULL, HEAD "5d", "4e 61", 33, "85" TAIL, PLATOON_OK, "id put (C) {}");

    for (int i = 0; i < 16; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "8c02'k%x' 4b%02x ", i, i);
    (void)snprintf(text + n, sizeof text - n, "75 74 2e");
    data = pickle_from_text(text, &len);
    assert_int_equal(feed(s, data, len, 0, &err), SCAN_DONE);
    scan_request(s, &r);
    assert_int_equal(r.n_kwds, 16);
    assert_int_equal(r.kwds[15].value.as_int, 15);
    free(data);
    (void)snprintf(text + n, sizeof text - n, "8c01'k' 4e 75 74 2e");
    data = pickle_from_text(text, &len);
    assert_int_equal(feed(s, data, len, 0, &err), SCAN_BAD);
    assert_int_equal(err.status, PLATOON_EPROTO);
    assert_non_null(strstr(err.message, "more than 16"));
    free(data);
    scan_free(s);
}

TEST(scan_takes_frames_only_as_many_as_fill_something)
{
    assert_repeat(NULL, HEAD "29", "95 0000000000000000", 5000, TAIL, PLATOON_OK,
                  NULL); /* one gap */
    assert_repeat(NULL, HEAD "29", "95 0000000000000000 4e 30", 5000, TAIL, PLATOON_ELIMIT,
                  "too many frames");
}

TEST(scan_bounds_what_it_keeps_of_a_deep_tuple_at_the_requests_level)
{
    /* (1, (1, (1, ..))) pushes all its ones before it builds anything. */
    size_t len, n = 5000;
    char *tail = malloc(2 * n + 64);
    uint8_t *data;
    struct scan *s = scan_new(SCAN_REQUEST, NULL);
    struct platoon_err err = {0};
    size_t before = heap_in_use();

    for (size_t i = 0; i < n - 1; i++)
        memcpy(tail + 2 * i, "86", 2);
    strcpy(tail + 2 * (n - 1), "89 86" TAIL);
    data = repeat(HEAD, "4b01", n, tail, &len);
    before = heap_in_use();
    assert_int_equal(feed(s, data, len, 1, &err), SCAN_DONE);
    assert_string_equal(describe(s), "id put (C, b0) {}");
    assert_true(heap_in_use() - before < 16384);
    scan_free(s);
    free(data);
    free(tail);
}

/* --- a lone value
 * -------------------------------------------------------------------------------- */

static struct scan_arg root_of(const char *text)
{
    struct scan *s = scan_new(SCAN_VALUE, NULL);
    struct platoon_err err = {0};
    struct scan_arg root, again;
    size_t len;
    uint8_t *data = pickle_from_text(text, &len);

    if (feed(s, data, len, 0, &err) != SCAN_DONE)
        fail_msg("%s: %s", text, err.message);
    scan_root(s, &root);
    for (size_t piece = 1; piece < len; piece++) {
        assert_int_equal(feed(s, data, len, piece, &err), SCAN_DONE);
        scan_root(s, &again);
        assert_true(args_are_equal(&root, &again));
    }
    scan_free(s);
    free(data);
    return root;
}

TEST(scan_describes_a_lone_value)
{
    struct scan_arg root = root_of("8004 8c05'hello'94 2e");

    assert_int_equal(root.kind, SCAN_TEXT);
    assert_string_equal(root.text, "hello");
    assert_int_equal(root.start, 2);
    assert_int_equal(root.end, 10);
    assert_int_equal(root.flags, 0);
    root = root_of("8004 4b07 2e");
    assert_int_equal(root.kind, SCAN_INT);
    assert_int_equal(root.as_int, 7);
    root = root_of("'I01' 0a 2e");
    assert_int_equal(root.kind, SCAN_BOOL);
    assert_int_equal(root.start, 0);
    root = root_of("8004 5d94 28 'cm' 0a 'n' 0a 6800 65 2e");
    assert_int_equal(root.kind, SCAN_COMPOUND);
    assert_int_equal(root.flags, SCAN_HAS_GLOBAL | SCAN_HAS_GET);
    root = root_of("8004 4b01 4b02 4b03 4b04 86 87 85 2e");
    assert_int_equal(root.kind, SCAN_COMPOUND);
    assert_int_equal(root.flags, 0);
    /* the prefix that a payload may begin with */
    root = root_of("8004 28 8c02'id'94 8c03'put'94 31 6801 2e");
    assert_int_equal(root.flags, SCAN_HAS_GET);
}

/* --- memory
 * ------------------------------------------------------------------------------------- */

/* A long pickle that exists a piece at a time. */
struct generator {
    struct scan *s;
    uint8_t piece[65536];
    size_t len;
    uint64_t total;
    size_t heap_before, heap_peak;
};

static void generator_flush(struct generator *g, enum scan_state expected)
{
    struct platoon_err err = {0};
    enum scan_state state = scan_feed(g->s, g->piece, g->len, &err);
    size_t heap = heap_in_use();

    if (state != expected)
        fail_msg("after %llu bytes: %s", (unsigned long long)g->total, err.message);
    if (heap > g->heap_peak)
        g->heap_peak = heap;
    g->total += g->len;
    g->len = 0;
}

static void generate(struct generator *g, const void *bytes, size_t len)
{
    if (g->len + len > sizeof g->piece)
        generator_flush(g, SCAN_MORE);
    memcpy(g->piece + g->len, bytes, len);
    g->len += len;
}

static void generate_text(struct generator *g, const char *text)
{
    size_t len;
    uint8_t *bytes = pickle_from_text(text, &len);

    generate(g, bytes, len);
    free(bytes);
}

static struct generator *generator_new(const char *head)
{
    struct generator *g = calloc(1, sizeof *g);

    assert_non_null(g);
    g->s = scan_new(SCAN_REQUEST, NULL);
    assert_non_null(g->s);
    g->heap_before = g->heap_peak = heap_in_use();
    generate_text(g, head);
    return g;
}

/* Ends the pickle, checks what it was and that the scan never held more than `most` bytes. */
static void generator_end(struct generator *g, const char *tail, uint64_t at_least, size_t most)
{
    generate_text(g, tail);
    generator_flush(g, SCAN_DONE);
    assert_true(g->total >= at_least);
    assert_string_equal(describe(g->s), "id put (C) {}");
    if (g->heap_peak - g->heap_before > most)
        fail_msg("the scan of %llu bytes held %zu", (unsigned long long)g->total,
                 g->heap_peak - g->heap_before);
    scan_free(g->s);
    free(g);
}

enum {
    MILLIONS = 7000000,
    LITTLE = 65536 /* bytes that a scan may hold */
};

static void generate_float(struct generator *g, size_t i)
{
    uint8_t bytes[9] = {0x47, 0x40};

    memcpy(bytes + 2, &i, 7);
    generate(g, bytes, sizeof bytes);
}

TEST(scan_of_a_list_of_seven_million_floats_takes_little_memory)
{
    struct generator *g = generator_new(HEAD "5d94 28");

    for (size_t i = 0; i < MILLIONS; i++) {
        generate_float(g, i);
        if (i % 1000 == 999)
            generate_text(g, i + 1 < MILLIONS ? "65 28" : "");
    }
    generator_end(g, "65 85" TAIL, 63000000, LITTLE);
}

TEST(scan_of_a_tuple_of_seven_million_floats_takes_little_memory)
{
    struct generator *g = generator_new(HEAD "28");

    for (size_t i = 0; i < MILLIONS; i++)
        generate_float(g, i);
    generator_end(g, "74 94 85" TAIL, 63000000, LITTLE);
}

TEST(scan_of_a_list_of_seven_million_memoized_texts_takes_little_memory)
{
    struct generator *g = generator_new(HEAD "5d94 28");
    char text[16] = "\x8c\x08";

    for (size_t i = 0; i < MILLIONS; i++) {
        (void)snprintf(text + 2, sizeof text - 2, "%08zu\x94", i);
        generate(g, text, 11);
        if (i % 1000 == 999)
            generate_text(g, i + 1 < MILLIONS ? "65 28" : "");
    }
    generator_end(g, "65 85" TAIL, 77000000, LITTLE);
}

/* Protocol 2 and 3: X len32 text, then BINPUT or LONG_BINPUT. `skip_every`: leave out a number
 * now and then, as Python 2.7 does. */
static void scan_numbered_texts(size_t skip_every, size_t most)
{
    struct generator *g = generator_new("8002 28 5802000000'id'7101 5803000000'put'7102 5d7103 28");
    char text[24] = "X\x08\0\0\0";
    uint32_t number = 4;

    for (size_t i = 0; i < MILLIONS; i++, number++) {
        (void)snprintf(text + 5, sizeof text - 5, "%08zu", i);
        generate(g, text, 13);
        if (skip_every && i % skip_every == 0)
            number++;
        if (number < 256) {
            uint8_t put[2] = {0x71, (uint8_t)number};

            generate(g, put, sizeof put);
        } else {
            uint8_t put[5] = {0x72, (uint8_t)number, (uint8_t)(number >> 8),
                              (uint8_t)(number >> 16), (uint8_t)(number >> 24)};

            generate(g, put, sizeof put);
        }
        if (i % 1000 == 999)
            generate_text(g, i + 1 < MILLIONS ? "65 28" : "");
    }
    generator_end(g, "65 85 7d 74 2e", 100000000, most);
}

TEST(scan_of_seven_million_numbered_texts_takes_little_memory)
{
    scan_numbered_texts(0, LITTLE);
}

TEST(scan_of_seven_million_texts_numbered_with_gaps_takes_memory_for_the_gaps_only)
{
    scan_numbered_texts(100, 131072 * 16 + LITTLE);
}

TEST(scan_needs_no_allocation_for_a_request_like_the_last)
{
    struct scan *s = scan_new(SCAN_REQUEST, NULL);
    struct platoon_err err = {0};
    size_t len, before;
    uint8_t *data =
        pickle_from_text("8004 95 4900000000000000 28 8c02'id'94 8c03'put'94 7d94 28 8c04'self'94 "
                         "6802 8c05'block'94 "
                         "4b01 8c07'timeout'94 4b02 75 85 94 7d94 28 6804 88 6805 4b05 75 74 94 2e",
                         &len);

    data[3] = (uint8_t)(len - 11);
    assert_int_equal(scan_feed(s, data, len, &err), SCAN_DONE);
    before = heap_in_use();
    for (int i = 0; i < 1000; i++) {
        scan_reset(s);
        assert_int_equal(scan_feed(s, data, len, &err), SCAN_DONE);
    }
    assert_int_equal(heap_in_use(), before);
    assert_string_equal(describe(s), "id put (C) {block=b1, timeout=i5}");
    scan_free(s);
    free(data);
}

TEST(scan_gives_back_what_a_large_request_made_it_hold)
{
    struct scan *s = scan_new(SCAN_REQUEST, NULL);
    struct platoon_err err = {0};
    size_t len, before = heap_in_use();
    uint8_t *data = repeat(HEAD, "28", 9000, "", &len);

    assert_int_equal(scan_feed(s, data, len, &err), SCAN_MORE);
    assert_true(heap_in_use() > before + 9000 * 8);
    free(data);
    scan_reset(s);
    assert_true(heap_in_use() < before + 16384);
    scan_free(s);
}
