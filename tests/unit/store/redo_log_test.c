/* SPDX-License-Identifier: Apache-2.0 */
/* redo_log_test.c - frames of the redo log: what is read is what was written, up to the first frame
 * that is not whole. What a crash leaves of it is tested with the store: sqlite_crash_test.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/redo_log.h"
#include "store/redo_record.h"
#include "support/store_rig.h"

enum { LIFE = 7, FILE_BYTES = 64 * 1024 };

static char db_path[64];

static void remove_all(void)
{
    redo_log_remove(db_path);
    (void)unlink(db_path);
}

/* The files have the mode of the database, which must be there. */
static void new_path(void)
{
    FILE *f;

    if (!db_path[0])
        (void)atexit(remove_all);
    snprintf(db_path, sizeof db_path, "/tmp/platoon-redo-%d", (int)getpid());
    remove_all();
    f = fopen(db_path, "w");
    assert_non_null(f);
    fclose(f);
}

static FILE *open_redo(int which)
{
    char path[80];
    FILE *f;

    snprintf(path, sizeof path, "%s-redo%d", db_path, which);
    f = fopen(path, "r+");
    assert_non_null(f);
    return f;
}

/* A frame with one put, of a value of `bytes` bytes. */
static enum store_status append(struct redo_log *l, uint64_t number, size_t bytes)
{
    struct batch *b = batch_new();
    struct record *r;
    enum store_status st;

    assert_non_null(b);
    assert_true(batch_reserve(b, 1, 16));
    r = batch_add(b, RECORD_PUT);
    r->task = number;
    r->queue = 1;
    r->value = rig_payload('v');
    while (r->value->pickle.len < bytes)
        assert_true(rope_append_copy(&r->value->pickle, "0123456789abcdef", 16));
    redo_log_begin(l);
    redo_log_add(l, b, r);
    st = redo_log_end(l, number, 1000 + (int64_t)number);
    batch_free(b);
    return st;
}

/* The numbers that are read, as "3 4 5"; each frame holds what append() made. */
static const char *numbers(uint64_t life, uint64_t applied)
{
    static char text[4096];
    struct batch *first;
    struct platoon_err err;
    size_t len = 0;

    if (redo_log_read(db_path, life, applied, &first, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    text[0] = '\0';
    while (first) {
        struct batch *next = first->next;

        assert_int_equal(first->n, 1);
        assert_int_equal(first->records[0].kind, RECORD_PUT);
        assert_int_equal(first->records[0].task, first->number);
        assert_int_equal(first->records[0].wall_ms, 1000 + (int64_t)first->number);
        if (first->records[0].value->pickle.len < 16) /* nothing was added to it */
            assert_int_equal(rig_letter(first->records[0].value), 'v');
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%llu", len ? " " : "",
                                (unsigned long long)first->number);
        batch_free(first);
        first = next;
    }
    return text;
}

static struct redo_log *start(uint64_t applied)
{
    struct redo_log *l;

    new_path();
    l = redo_log_start(db_path, LIFE, applied, FILE_BYTES);
    assert_non_null(l);
    assert_true(redo_log_is_on(l));
    return l;
}

TEST(what_was_appended_is_read_from_where_the_database_ends)
{
    struct redo_log *l = start(2);

    for (uint64_t i = 3; i <= 6; i++)
        assert_int_equal(append(l, i, 0), STORE_OK);
    assert_string_equal(numbers(LIFE, 2), "3 4 5 6");
    assert_string_equal(numbers(LIFE, 4), "5 6");
    assert_string_equal(numbers(LIFE, 6), "");
    redo_log_close(l, false);
    assert_string_equal(numbers(LIFE, 2), "3 4 5 6");
    redo_log_remove(db_path);
    assert_string_equal(numbers(LIFE, 2), "");
}

TEST(a_log_that_is_done_is_removed)
{
    struct redo_log *l = start(0);
    char path[80];

    assert_int_equal(append(l, 1, 0), STORE_OK);
    redo_log_close(l, true);
    snprintf(path, sizeof path, "%s-redo0", db_path);
    assert_int_not_equal(access(path, F_OK), 0);
}

TEST(frames_of_another_life_are_not_its)
{
    struct redo_log *l = start(0);

    assert_int_equal(append(l, 1, 0), STORE_OK);
    redo_log_close(l, false);
    assert_string_equal(numbers(LIFE + 1, 0), "");
    redo_log_remove(db_path);
}

TEST(what_stands_behind_a_gap_is_not_taken)
{
    struct redo_log *l = start(0);

    assert_int_equal(append(l, 1, 0), STORE_OK);
    assert_int_equal(append(l, 3, 0), STORE_OK); /* 2 was to go straight into the database */
    assert_string_equal(numbers(LIFE, 0), "1");
    assert_string_equal(numbers(LIFE, 2), "3");
    redo_log_close(l, false);
}

TEST(the_files_take_turns_as_the_database_follows)
{
    struct redo_log *l = start(0);
    uint64_t number = 0, first_full;

    while (append(l, number + 1, 1000) == STORE_OK)
        number++;
    first_full = number;
    assert_in_range(first_full, 2 * FILE_BYTES / 1200, 2 * FILE_BYTES / 1000);
    assert_int_equal(append(l, number + 1, 1000), STORE_NOSPACE);
    redo_log_has_applied(l, number / 2 - 1); /* not all of the first file */
    assert_int_equal(append(l, number + 1, 1000), STORE_NOSPACE);
    redo_log_has_applied(l, number / 2 + 1);
    for (int i = 0; i < 500; i++) { /* many turns */
        assert_int_equal(append(l, ++number, 1000), STORE_OK);
        redo_log_has_applied(l, number - first_full / 2);
    }
    assert_int_equal(atoll(numbers(LIFE, number - first_full / 2)), number - first_full / 2 + 1);
    redo_log_close(l, false);
}

TEST(a_frame_larger_than_the_files_is_refused_and_harms_nothing)
{
    struct redo_log *l = start(0);

    assert_int_equal(append(l, 1, 0), STORE_OK);
    assert_int_equal(append(l, 2, FILE_BYTES), STORE_NOSPACE);
    redo_log_has_applied(l, 2);
    assert_int_equal(append(l, 3, 0), STORE_OK);
    assert_string_equal(numbers(LIFE, 2), "3");
    redo_log_close(l, false);
}

/* As a crash leaves it: the last write in part. */
TEST(reading_ends_at_the_first_byte_that_is_wrong)
{
    struct redo_log *l = start(0);
    long end = 0, begin = 0;
    unsigned char was;
    FILE *f;

    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(append(l, i, 0), STORE_OK);
    redo_log_close(l, false);
    f = open_redo(0);
    /* The third frame: its length is behind the two before it, each as long. */
    begin = 40;
    for (int i = 0; i < 2; i++) {
        fseek(f, begin, SEEK_SET);
        begin += fgetc(f) + 256 * fgetc(f);
    }
    fseek(f, begin, SEEK_SET);
    end = begin + fgetc(f);
    for (long at = begin; at < end; at++) {
        fseek(f, at, SEEK_SET);
        was = (unsigned char)fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(was ^ 0x20, f);
        fflush(f);
        assert_string_equal(numbers(LIFE, 0), "1 2");
        fseek(f, at, SEEK_SET);
        fputc(was, f);
        fflush(f);
    }
    assert_string_equal(numbers(LIFE, 0), "1 2 3");
    fclose(f);
}

static void assert_refused(enum platoon_status expected, const char *part)
{
    struct batch *first = NULL;
    struct platoon_err err;

    assert_int_equal(redo_log_read(db_path, LIFE, 0, &first, &err), expected);
    if (!strstr(err.message, part))
        fail_msg("%s", err.message);
}

TEST(files_of_others_are_refused)
{
    struct redo_log *l = start(0);
    FILE *f;

    assert_int_equal(append(l, 1, 0), STORE_OK);
    redo_log_close(l, false);
    f = open_redo(0);
    fputs("somebody's shopping list", f);
    fclose(f);
    assert_refused(PLATOON_EINVAL, "is no file of Platoon's");
}

TEST(a_disk_without_room_has_no_log)
{
    struct redo_log *l;

    new_path();
    l = redo_log_start(db_path, LIFE, 0, 0);
    assert_non_null(l);
    assert_false(redo_log_is_on(l));
    assert_int_equal(append(l, 1, 0), STORE_NOSPACE);
    redo_log_close(l, false);
    assert_string_equal(numbers(LIFE, 0), "");
}

/* --- records ---------------------------------------------------------------------------------- */

static struct record *add(struct batch *b, enum record_kind kind)
{
    struct record *r;

    assert_true(batch_reserve(b, 1, 64));
    r = batch_add(b, kind);
    r->task = UINT64_MAX;
    r->lease = (struct store_lease_id){1u << 31, 300};
    r->state = STORE_DEAD;
    r->place = 128;
    r->attempt = 16384;
    r->lease_ms = 60000;
    r->queue = 127;
    r->other = 1;
    r->may_be_repeat = true;
    r->text = batch_text(b, "first");
    r->detail = batch_text(b, "second");
    return r;
}

static struct batch *all_kinds(void)
{
    struct batch *b = batch_new();
    struct record *r;

    assert_non_null(b);
    add(b, RECORD_EPOCH);
    r = add(b, RECORD_QUEUE);
    r->options = (struct store_queue){.maxsize = 1000, .result_queue = 2, .max_attempts = 5};
    add(b, RECORD_COUNTS)->counts =
        (struct store_counts){.unfinished = 1, .done = 200, .failed = 3, .cancelled = 4};
    r = add(b, RECORD_PUT);
    r->value = rig_payload('p');
    r->value->flags = 129;
    add(b, RECORD_CLAIM);
    add(b, RECORD_STATE);
    add(b, RECORD_END)->text = 0;
    add(b, RECORD_METRIC)->number = -0.1;
    return b;
}

static void encode_all(const struct batch *b, struct buf *out)
{
    buf_init(out);
    for (size_t i = 0; i < b->n; i++)
        assert_true(redo_record_encode(b, &b->records[i], out));
}

TEST(records_of_every_kind_come_back_as_they_were)
{
    struct batch *b = all_kinds(), *back = batch_new();
    struct buf bytes, again;
    const struct record *r;
    size_t at = 0;

    encode_all(b, &bytes);
    while (at < bytes.len)
        assert_true(redo_record_decode(bytes.data, bytes.len, &at, back));
    assert_int_equal(back->n, b->n);
    encode_all(back, &again);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.data, bytes.data, bytes.len);

    r = &back->records[0];
    assert_int_equal(r->lease.epoch, 1u << 31);
    r = &back->records[1];
    assert_int_equal(r->queue, 127);
    assert_int_equal(r->options.maxsize, 1000);
    assert_int_equal(r->options.result_queue, 2);
    assert_int_equal(r->options.max_attempts, 5);
    assert_string_equal(batch_text_at(back, r->text), "first");
    r = &back->records[2];
    assert_int_equal(r->counts.unfinished, 1);
    assert_int_equal(r->counts.done, 200);
    assert_int_equal(r->counts.failed, 3);
    assert_int_equal(r->counts.cancelled, 4);
    r = &back->records[3];
    assert_true(r->task == UINT64_MAX);
    assert_int_equal(r->place, 128);
    assert_int_equal(r->other, 1);
    assert_int_equal(r->attempt, 16384);
    assert_int_equal(r->value->flags, 129);
    assert_int_equal(rig_letter(r->value), 'p');
    r = &back->records[4];
    assert_int_equal(r->lease.counter, 300);
    assert_int_equal(r->lease_ms, 60000);
    assert_string_equal(batch_text_at(back, r->text), "first");
    assert_string_equal(batch_text_at(back, r->detail), "second");
    r = &back->records[5];
    assert_int_equal(r->state, STORE_DEAD);
    assert_true(r->may_be_repeat);
    assert_string_equal(batch_text_at(back, back->records[6].text), "");
    assert_true(back->records[7].number == -0.1);
    buf_release(&bytes);
    buf_release(&again);
    batch_free(b);
    batch_free(back);
}

TEST(bytes_that_end_too_early_are_no_record)
{
    struct batch *b = all_kinds();

    for (size_t i = 0; i < b->n; i++) {
        struct buf bytes;

        buf_init(&bytes);
        assert_true(redo_record_encode(b, &b->records[i], &bytes));
        for (size_t len = 0; len < bytes.len; len++) {
            struct batch *back = batch_new();
            size_t at = 0;

            assert_false(redo_record_decode(bytes.data, len, &at, back));
            batch_free(back);
        }
        buf_release(&bytes);
    }
    batch_free(b);
}

TEST(what_reads_the_database_is_nothing_for_the_log)
{
    assert_false(redo_record_is_plain(RECORD_LOAD));
    assert_false(redo_record_is_plain(RECORD_PURGE));
    assert_false(redo_record_is_plain(RECORD_REVIVE));
    assert_false(redo_record_is_plain(RECORD_LOOK));
    assert_true(redo_record_is_plain(RECORD_EPOCH));
    assert_true(redo_record_is_plain(RECORD_PUT));
}
