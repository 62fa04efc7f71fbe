/* SPDX-License-Identifier: Apache-2.0 */
/* Files as they are, and files that zlib packed, whole and not. */
#include "support/test.h"

#include <unistd.h>
#include <zlib.h>

#include "sumo/xml_source.h"

enum { GZIP = 15 + 16, ZLIB = 15, ROOM = 1 << 20 };

static char path[64];
static struct platoon_err err;

static void put(const void *data, size_t len)
{
    FILE *f;

    if (!*path) {
        strcpy(path, "/tmp/platoon-source-XXXXXX");
        assert_int_equal(close(mkstemp(path)), 0);
    }
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* Appends to `out` what `len` bytes become. */
static size_t pack(int form, const void *data, size_t len, unsigned char *out)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)data,
                  .avail_in = (uInt)len,
                  .next_out = out,
                  .avail_out = ROOM};

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, form, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&z), Z_OK);
    return ROOM - z.avail_out;
}

/* All of the file, in pieces of `piece` bytes; its length is in *out_len also after a failure. */
static enum platoon_status read_all(size_t piece, uint64_t max, char *out, size_t *out_len)
{
    struct xml_source *s;
    enum platoon_status st = xml_source_open(path, max, &s, &err);
    size_t n = 1;

    *out_len = 0;
    if (st != PLATOON_OK)
        return st;
    while (st == PLATOON_OK && n > 0) {
        assert_true(*out_len + piece <= ROOM);
        st = xml_source_read(s, out + *out_len, piece, &n, &err);
        if (st == PLATOON_OK)
            *out_len += n;
    }
    xml_source_close(s);
    return st;
}

static void check_reads(const char *text, size_t len)
{
    static const size_t pieces[] = {1, 7, 100, 70000};
    char *got = malloc(ROOM);
    size_t n;

    assert_non_null(got);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        assert_int_equal(read_all(pieces[i], len, got, &n), PLATOON_OK);
        assert_int_equal(n, len);
        assert_memory_equal(got, text, len);
    }
    free(got);
}

static void check_refused(enum platoon_status status, uint64_t max, const char *part)
{
    char *got = malloc(ROOM);
    size_t n;

    assert_non_null(got);
    assert_int_equal(read_all(4096, max, got, &n), status);
    assert_int_equal(err.status, status);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, part));
    free(got);
}

/* 200 KB that differ all along. */
static char *long_text(size_t *out_len)
{
    char *text = malloc(ROOM);
    size_t n = 0;

    assert_non_null(text);
    for (unsigned i = 0; n < 200000; i++)
        n += (size_t)sprintf(text + n, "<edge id='%u'/>", i * 2654435761u);
    *out_len = n;
    return text;
}

TEST(xml_source_plain_and_packed_files_read_alike)
{
    static const int forms[] = {GZIP, ZLIB};
    unsigned char *packed = malloc(2 * ROOM);
    size_t len, n;
    char *text = long_text(&len);

    assert_non_null(packed);
    put(text, len);
    check_reads(text, len);
    for (size_t i = 0; i < 2; i++) {
        put(packed, pack(forms[i], text, len, packed));
        check_reads(text, len);
    }
    /* as `cat a.gz b.gz` makes them, and pigz; the second is empty */
    n = pack(GZIP, text, 1000, packed);
    n += pack(GZIP, "", 0, packed + n);
    n += pack(GZIP, text + 1000, len - 1000, packed + n);
    put(packed, n);
    check_reads(text, len);
    free(packed);
    free(text);
    (void)unlink(path);
}

TEST(xml_source_short_files_are_plain)
{
    put("", 0);
    check_reads("", 0);
    put("\x1f", 1);
    check_reads("\x1f", 1);
    put("x\x02", 2); /* one bit beside zlib's head */
    check_reads("x\x02", 2);
    (void)unlink(path);
}

TEST(xml_source_packed_files_that_are_cut_off_or_damaged_are_refused)
{
    unsigned char *packed = malloc(ROOM);
    size_t len, n;
    char *text = long_text(&len);

    assert_non_null(packed);
    n = pack(GZIP, text, len, packed);
    for (size_t cut = 2; cut < n; cut += cut < n - 12 ? n / 7 : 1) {
        put(packed, cut);
        check_refused(PLATOON_EPROTO, len, "cut off");
    }
    packed[n - 5] ^= 1; /* of the checksum */
    put(packed, n);
    check_refused(PLATOON_EPROTO, len, "damaged: incorrect data check");
    packed[n - 5] ^= 1;
    packed[2] = 9; /* no method of compression */
    put(packed, n);
    check_refused(PLATOON_EPROTO, len, "damaged: unknown compression method");
    packed[2] = 8;
    memcpy(packed + n, "<net/>", 6);
    put(packed, n + 6);
    check_refused(PLATOON_EPROTO, len, "damaged");
    free(packed);
    free(text);
    (void)unlink(path);
}

TEST(xml_source_a_file_that_unpacks_to_too_much_is_refused)
{
    unsigned char *packed = malloc(ROOM);
    char *zeros = calloc(1, ROOM);
    size_t n;

    assert_non_null(packed);
    assert_non_null(zeros);
    n = pack(GZIP, zeros, ROOM, packed);
    assert_true(n < ROOM / 500); /* a bomb is what it is */
    put(packed, n);
    check_refused(PLATOON_ELIMIT, 100000, "unpacks to more than the 100000 bytes");
    put(zeros, 200000); /* a plain one is as large as it is */
    free(zeros);
    zeros = malloc(ROOM);
    assert_non_null(zeros);
    assert_int_equal(read_all(4096, 100000, zeros, &n), PLATOON_OK);
    assert_int_equal(n, 200000);
    free(zeros);
    free(packed);
    (void)unlink(path);
}

TEST(xml_source_what_cannot_be_opened_is_named)
{
    struct xml_source *s;

    assert_int_equal(xml_source_open("/nowhere/x.xml", 1, &s, &err), PLATOON_ENOTFOUND);
    assert_string_equal(err.message, "/nowhere/x.xml: No such file or directory");
    assert_int_equal(xml_source_open("/", 1, &s, &err), PLATOON_EIO);
    assert_string_equal(err.message, "/: Is a directory");
}
