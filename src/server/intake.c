/* SPDX-License-Identifier: Apache-2.0 */
/* intake.c - see intake.h. A request's intake hangs on its scratch while it is read.
 *
 *     CUTTING    a long list loses its large byte strings (skeleton.h), which are never copied
 *     DECODING   what is left is decoded
 *     READING    one row after another becomes what the store takes
 *
 * A large byte string that turns out to stand somewhere else than under 'pickle' is part of a plain
 * value: then the list is decoded again, whole. */
#include "server/intake.h"

#include <stdlib.h>
#include <string.h>

#include "server/globals_policy.h"
#include "server/rows.h"
#include "server/server.h"

enum {
    TURN_COST = 64 * 1024, /* bytes decoded or encoded for one call in a turn: a millisecond */
    SCANS_FOR_ONE = 4,     /* bytes scanned or cut for the price of one decoded */
    SCAN_SLICE = SCANS_FOR_ONE * TURN_COST,
    ROW_COST = 64,
    VALUE_PROTOCOL = 4 /* of plain values; readers of less get what they can read */
};

enum intake_step { INTAKE_MORE, INTAKE_READ, INTAKE_REFUSED };

static void free_rows(struct intake *in)
{
    for (size_t i = 0; in->rows && i < in->n; i++) {
        payload_unref(in->rows[i].value);
        platoon_value_unref(in->rows[i].error);
        free(in->rows[i].progress);
    }
    free(in->rows);
    in->rows = NULL;
    in->n = in->n_read = 0;
}

void intake_free(struct intake *in)
{
    if (!in)
        return;
    deadline_clear(&in->srv->deadlines, &in->again);
    free_rows(in);
    payload_unref(in->source);
    skeleton_release(&in->skeleton);
    decoder_free(in->decoder);
    platoon_value_unref(in->list);
    scan_free(in->scan);
    rope_release(&in->bytes);
    free(in);
}

/* --- refusals: the reply is made, the request is gone ----------------------------------------- */

static enum intake_step no_memory(struct intake *in)
{
    reply_error(in->rq, "MemoryError", "%s: the server has no memory left for this call",
                in->method);
    return INTAKE_REFUSED;
}

static enum intake_step refuse_row(struct intake *in, const char *class_name, const char *what)
{
    reply_error(in->rq, class_name, "%s: item %zu: %s", in->method, in->n_read, what);
    return INTAKE_REFUSED;
}

static enum intake_step refuse_list(struct intake *in, const struct platoon_err *err)
{
    switch (err->status) {
    case PLATOON_ENOMEM:
        return no_memory(in);
    case PLATOON_ELIMIT:
        reply_error(in->rq, "ValueError",
                    "%s: more than %d values in one call: send fewer items at a time, and a large "
                    "value as pickle.dumps(value) under 'pickle'",
                    in->method, INTAKE_MAX_NODES);
        return INTAKE_REFUSED;
    default:
        reply_error(in->rq, "ValueError", "%s: %s", in->method, err->message);
        return INTAKE_REFUSED;
    }
}

/* --- the list --------------------------------------------------------------------------------- */

/* The next bytes of a rope, at most `max`, all in one place; 0: its end. */
static size_t next_piece(const struct rope *r, struct intake_place *at, size_t max,
                         const uint8_t **out)
{
    const struct rope_segment *s;
    size_t n;

    if (at->segment == r->n_segments)
        return 0;
    s = &r->segments[at->segment];
    n = s->len - at->offset < max ? s->len - at->offset : max;
    *out = s->block->data + s->offset + at->offset;
    at->offset += n;
    if (at->offset == s->len)
        *at = (struct intake_place){at->segment + 1, 0};
    return n;
}

static enum intake_step cut_slice(struct intake *in)
{
    const uint8_t *data;
    size_t n = next_piece(&in->source->pickle, &in->at, SCAN_SLICE, &data);

    in->spent += n / SCANS_FOR_ONE;
    if (n > 0)
        return skeleton_feed(&in->skeleton, data, n) ? INTAKE_MORE : no_memory(in);
    if (!in->skeleton.n_cuts)
        skeleton_release(&in->skeleton);
    in->at = (struct intake_place){0, 0};
    in->phase = INTAKE_DECODING;
    return INTAKE_MORE;
}

/* The next bytes to decode. */
static size_t next_to_decode(struct intake *in, const uint8_t **out)
{
    const struct buf *b = &in->skeleton.bytes;
    size_t n = b->len - in->at.offset;

    if (!in->skeleton.n_cuts)
        return next_piece(&in->source->pickle, &in->at, TURN_COST, out);
    if (n > TURN_COST)
        n = TURN_COST;
    *out = b->data + in->at.offset;
    in->at.offset += n;
    return n;
}

static enum intake_step take_list(struct intake *in)
{
    enum platoon_kind kind;

    if (decoder_names_global(in->decoder)) {
        reply_error(in->rq, "TypeError",
                    "%s: an item names a class or function. Send such a value as bytes, "
                    "{'pickle': pickle.dumps(value), ...}",
                    in->method);
        return INTAKE_REFUSED;
    }
    in->list = decoder_take(in->decoder);
    decoder_free(in->decoder);
    in->decoder = NULL;
    if (!in->list)
        return no_memory(in);
    kind = platoon_value_kind(in->list);
    if (kind != PLATOON_LIST && kind != PLATOON_TUPLE) {
        reply_error(in->rq, "TypeError", "%s: a list is needed, not %s", in->method,
                    platoon_kind_name(kind));
        return INTAKE_REFUSED;
    }
    in->n = platoon_len(in->list);
    in->rows = calloc(in->n ? in->n : 1, sizeof *in->rows);
    in->phase = INTAKE_READING;
    return in->rows ? INTAKE_MORE : no_memory(in);
}

static struct decoder *new_decoder(const struct intake *in)
{
    static const struct platoon_pickle_limits limits = {.max_nodes = INTAKE_MAX_NODES};
    uint64_t len = payload_bytes(in->source);

    return decoder_new(&limits, len < SKELETON_CUT_BYTES ? (size_t)len : SKELETON_CUT_BYTES);
}

static enum intake_step decode_slice(struct intake *in)
{
    const uint8_t *data;
    size_t n = next_to_decode(in, &data);
    struct platoon_err err;

    in->spent += n;
    if (!in->decoder && !(in->decoder = new_decoder(in)))
        return no_memory(in);
    if (n == 0) { /* the scanner saw a STOP, so a decoder that wants more is wrong */
        (void)platoon_fail(&err, PLATOON_EPICKLE, "the list has no end");
        return refuse_list(in, &err);
    }
    switch (decoder_feed(in->decoder, data, n, &err)) {
    case DECODER_DONE:
        return take_list(in);
    case DECODER_FAILED:
        err.status = decoder_status(in->decoder);
        return refuse_list(in, &err);
    case DECODER_MORE:
        break;
    }
    return INTAKE_MORE;
}

/* Decode once more, with nothing cut out. */
static enum intake_step decode_whole(struct intake *in)
{
    free_rows(in);
    skeleton_release(&in->skeleton);
    platoon_value_unref(in->list);
    in->list = NULL;
    in->at = (struct intake_place){0, 0};
    in->phase = INTAKE_DECODING;
    return INTAKE_MORE;
}

/* --- rows ------------------------------------------------------------------------------------- */

static enum intake_step refuse_pickle(struct intake *in, const char *why)
{
    char text[sizeof((struct platoon_err *)0)->message + 64];

    snprintf(text, sizeof text, "'pickle' holds no whole pickle: %s", why);
    return refuse_row(in, "ValueError", text);
}

/* The value under 'pickle' is in in->bytes, and scanned. */
static enum intake_step take_pickle(struct intake *in, struct intake_row *row)
{
    enum platoon_globals policy = in->srv->globals;
    char named[300], text[400];
    struct scan_arg root;

    scan_root(in->scan, &root);
    if (root.flags & SCAN_HAS_GLOBAL && !globals_may_pass(policy, in->scan, named, sizeof named)) {
        snprintf(text, sizeof text,
                 "this server passes no value that names %s (it was started with --globals=%s)",
                 named, globals_policy_name(policy));
        return refuse_row(in, "ValueError", text);
    }
    if (payload_from_pickle(in->scan, &in->bytes, &row->value) != PLATOON_OK)
        return no_memory(in);
    rope_release(&in->bytes);
    scan_reset(in->scan);
    in->scanned = (struct intake_place){0, 0};
    return INTAKE_READ;
}

/* The next bytes of the value under 'pickle': where they were cut out, the source's own, shared;
 * else a copy, which grows with what was checked. False when out of memory. */
static bool next_to_scan(struct intake *in, const platoon_value *pickle, const uint8_t **out,
                         size_t *out_n)
{
    size_t len;
    const uint8_t *data = platoon_as_bytes(pickle, &len);
    const struct skeleton_cut *cut = skeleton_find(&in->skeleton, data, len);

    if (cut) {
        if (!in->bytes.len &&
            !rope_append_range(&in->bytes, &in->source->pickle, cut->start, cut->end))
            return false;
        *out_n = next_piece(&in->bytes, &in->scanned, SCAN_SLICE, out);
        return true;
    }
    *out = data + in->bytes.len;
    *out_n = len - (size_t)in->bytes.len < SCAN_SLICE ? len - (size_t)in->bytes.len : SCAN_SLICE;
    return rope_append_copy(&in->bytes, *out, *out_n);
}

/* Check the next slice of a value under 'pickle'; INTAKE_READ: row->value is there. */
static enum intake_step scan_slice(struct intake *in, struct intake_row *row,
                                   const platoon_value *pickle)
{
    const uint8_t *data;
    size_t n;
    struct platoon_err err;

    if (!in->scan && !(in->scan = scan_new(SCAN_VALUE, NULL)))
        return no_memory(in);
    if (!next_to_scan(in, pickle, &data, &n))
        return no_memory(in);
    in->spent += n / SCANS_FOR_ONE;
    if (n == 0)
        return refuse_pickle(in, "it ends before its STOP");
    switch (scan_feed(in->scan, data, n, &err)) {
    case SCAN_MORE:
        return INTAKE_MORE;
    case SCAN_BAD:
        return refuse_pickle(in, err.message);
    case SCAN_DONE:
        break;
    }
    return take_pickle(in, row);
}

/* Did a large byte string of this value stay behind? */
static bool has_token(const struct intake *in, const struct payload *p)
{
    for (size_t i = 0; i < p->pickle.n_segments; i++) {
        const struct rope_segment *s = &p->pickle.segments[i];

        if (skeleton_is_in(&in->skeleton, s->block->data + s->offset, s->len))
            return true;
    }
    return false;
}

static enum intake_step encode(struct intake *in, struct intake_row *row, const platoon_value *v)
{
    enum platoon_status st = payload_from_value(v, VALUE_PROTOCOL, &row->value);

    if (st == PLATOON_ENOMEM)
        return no_memory(in);
    if (st != PLATOON_OK)
        return refuse_row(in, "ValueError", platoon_status_text(st));
    in->spent += payload_bytes(row->value);
    return has_token(in, row->value) ? decode_whole(in) : INTAKE_READ;
}

static enum intake_step read_value(struct intake *in, struct intake_row *row,
                                   const platoon_value *item)
{
    const platoon_value *value = platoon_dict_get(item, "value");
    const platoon_value *pickle = platoon_dict_get(item, "pickle");
    enum platoon_kind kind = platoon_value_kind(pickle);

    if (!value == !pickle)
        return refuse_row(in, "ValueError", "either 'value' or 'pickle' is needed");
    if (value)
        return encode(in, row, value);
    if (kind != PLATOON_BYTES && kind != PLATOON_BYTEARRAY)
        return refuse_row(in, "TypeError", "'pickle' must be bytes, as pickle.dumps() makes them");
    return scan_slice(in, row, pickle);
}

/* The lease's text says which task it is; a task beside it must be the same. */
static enum intake_step read_ref(struct intake *in, struct intake_row *row,
                                 const platoon_value *item)
{
    bool is_dict = platoon_value_kind(item) == PLATOON_DICT;
    bool is_text = platoon_value_kind(item) == PLATOON_STR;
    const platoon_value *task = is_dict ? platoon_dict_get(item, "task") : platoon_item(item, 0);
    const platoon_value *lease = is_text   ? item
                                 : is_dict ? platoon_dict_get(item, "lease")
                                           : platoon_item(item, 1);
    int64_t id = 0;
    size_t len = 0;
    const char *text = platoon_as_str(lease, &len);

    if (!text || !rows_parse_lease(text, len, &row->ref))
        return refuse_row(in, "ValueError", "'lease' must be the text that lease() gave");
    if (!task)
        return INTAKE_READ;
    if (platoon_value_kind(task) != PLATOON_INT || platoon_as_int(task, &id) != PLATOON_OK)
        return refuse_row(in, "TypeError", "'task' must be a task's number, as lease() gave it");
    if ((store_task_id)id != row->ref.task)
        return refuse_row(in, "ValueError", "'lease' is the lease of another task");
    return INTAKE_READ;
}

static enum intake_step read_progress(struct intake *in, struct intake_row *row,
                                      const platoon_value *item)
{
    const platoon_value *progress = platoon_dict_get(item, "progress");
    const char *fault;
    char text[160];

    if (platoon_is_none(progress))
        return INTAKE_READ;
    if (!(row->progress = malloc(sizeof *row->progress)))
        return no_memory(in);
    if (task_progress_read(progress, row->progress, &fault))
        return INTAKE_READ;
    snprintf(text, sizeof text, "'progress': %s", fault);
    return refuse_row(in, "ValueError", text);
}

/* What is wrong with the parts of a failure; NULL: nothing. */
static const char *failure_fault(const platoon_value *from)
{
    const platoon_value *tail = platoon_dict_get(from, "stderr_tail");
    const platoon_value *outcome = platoon_dict_get(from, "outcome");
    enum platoon_kind exit_kind = platoon_value_kind(platoon_dict_get(from, "exit"));

    if (!platoon_as_str(platoon_dict_get(from, "kind"), NULL) ||
        !platoon_as_str(platoon_dict_get(from, "message"), NULL))
        return "'kind' and 'message' must be texts";
    if (exit_kind != PLATOON_NONE && exit_kind != PLATOON_INT)
        return "'exit' must be an int or None";
    if (!platoon_is_none(tail) && !platoon_as_str(tail, NULL))
        return "'stderr_tail' must be a text";
    if (!platoon_is_none(outcome) && !platoon_as_str(outcome, NULL))
        return "'outcome' must be a text";
    return NULL;
}

/* The parts of a failure, in this order whatever theirs was. They stand in the row itself, or
 * together under 'error'. */
static enum intake_step read_failure(struct intake *in, struct intake_row *row,
                                     const platoon_value *item)
{
    static const char *const keys[] = {"kind", "message", "exit", "stderr_tail"};
    const platoon_value *together = platoon_dict_get(item, "error");
    const platoon_value *from = platoon_value_kind(together) == PLATOON_DICT ? together : item;
    const char *fault = failure_fault(from);
    platoon_value *outcome = platoon_dict_get(from, "outcome");
    bool ok = true;

    if (fault)
        return refuse_row(in, "TypeError", fault);
    row->error = platoon_dict();
    for (size_t i = 0; row->error && i < 4; i++) {
        platoon_value *v = platoon_dict_get(from, keys[i]);

        v = v ? platoon_value_ref(v) : i == 3 ? platoon_str("") : platoon_none();
        ok = platoon_dict_set(row->error, keys[i], v) == PLATOON_OK && ok;
    }
    if (row->error && outcome && !platoon_is_none(outcome))
        ok =
            platoon_dict_set(row->error, "outcome", platoon_value_ref(outcome)) == PLATOON_OK && ok;
    return row->error && ok ? INTAKE_READ : no_memory(in);
}

/* 'attempts' of a row to be put. */
static enum intake_step read_attempts(struct intake *in, struct intake_row *row,
                                      const platoon_value *item)
{
    const platoon_value *attempts = platoon_dict_get(item, "attempts");
    enum platoon_kind kind = platoon_value_kind(attempts);
    int64_t n = 0;

    if (platoon_is_none(attempts))
        return INTAKE_READ;
    if (kind != PLATOON_INT && kind != PLATOON_BIGINT)
        return refuse_row(in, "TypeError", "'attempts' must be an int");
    if (platoon_as_int(attempts, &n) != PLATOON_OK || n < 1 || n > INTAKE_MAX_ATTEMPTS)
        return refuse_row(in, "ValueError", "'attempts' is a number from 1 to 65535");
    row->max_attempts = (uint32_t)n;
    return INTAKE_READ;
}

static enum intake_step read_row(struct intake *in)
{
    struct intake_row *row = &in->rows[in->n_read];
    const platoon_value *item = platoon_item(in->list, in->n_read);
    enum platoon_kind kind = platoon_value_kind(item);
    bool is_pair = (kind == PLATOON_TUPLE || kind == PLATOON_LIST) && platoon_len(item) == 2;
    bool is_lease = kind == PLATOON_DICT || kind == PLATOON_STR || is_pair;
    bool wants_leases = in->kind == INTAKE_LEASES || in->kind == INTAKE_RENEWALS;
    enum intake_step step;

    in->spent += ROW_COST;
    if (in->kind == INTAKE_VALUES)
        return encode(in, row, item);
    if (wants_leases && !is_lease)
        return refuse_row(in, "TypeError", "the text of a lease, or a row that has it, is needed");
    if (!wants_leases && kind != PLATOON_DICT)
        return refuse_row(in, "TypeError", "a dict is needed");
    if (in->kind == INTAKE_ROWS) {
        step = read_attempts(in, row, item);
        return step == INTAKE_READ ? read_value(in, row, item) : step;
    }
    step = read_ref(in, row, item);
    if (step == INTAKE_READ && in->kind == INTAKE_RENEWALS && kind == PLATOON_DICT)
        step = read_progress(in, row, item);
    if (step == INTAKE_READ && in->kind == INTAKE_RESULTS)
        step = read_value(in, row, item);
    if (step == INTAKE_READ && in->kind == INTAKE_FAILURES)
        step = read_failure(in, row, item);
    return step;
}

/* --- turns ------------------------------------------------------------------------------------ */

static void go_on(struct intake *in);

static void on_again(struct deadline *d)
{
    go_on(DEADLINE_ENTRY(d, struct intake, again));
}

static struct intake **slot_of(struct request *rq)
{
    return request_scratch(rq);
}

static void on_cancel(struct request *rq)
{
    intake_free(*slot_of(rq));
    request_drop(rq);
}

/* One step; INTAKE_READ when the last row is read. */
static enum intake_step take_step(struct intake *in)
{
    enum intake_step step;

    if (in->phase == INTAKE_CUTTING)
        return cut_slice(in);
    if (in->phase == INTAKE_DECODING)
        return decode_slice(in);
    if (in->n_read == in->n)
        return INTAKE_READ;
    step = read_row(in);
    if (step != INTAKE_READ)
        return step;
    in->n_read++;
    return INTAKE_MORE;
}

static void go_on(struct intake *in)
{
    enum intake_step step = INTAKE_MORE;

    for (in->spent = 0; step == INTAKE_MORE && in->spent < TURN_COST;)
        step = take_step(in);
    if (step == INTAKE_MORE) {
        /* In the next turn, after whatever else has come meanwhile. */
        if (deadline_set(&in->srv->deadlines, &in->again, in->srv->now_ns + 1, on_again)) {
            server_want_turn(in->srv);
            return;
        }
        step = no_memory(in);
    }
    if (step == INTAKE_REFUSED) {
        intake_free(in);
        return;
    }
    request_on_cancel(in->rq, NULL);
    *slot_of(in->rq) = NULL;
    payload_unref(in->source);
    in->source = NULL;
    platoon_value_unref(in->list);
    in->list = NULL;
    in->on_read(in);
}

void intake_begin(struct request *rq, const struct scan_arg *arg, enum intake_kind kind,
                  const char *method, void (*on_read)(struct intake *in), void *arg_of_method)
{
    struct intake *in = calloc(1, sizeof *in);

    if (!in) {
        reply_error(rq, "MemoryError", "%s: the server has no memory left for this call", method);
        return;
    }
    *in = (struct intake){.srv = request_server(rq),
                          .rq = rq,
                          .method = method,
                          .kind = kind,
                          .on_read = on_read,
                          .arg = arg_of_method};
    rope_init(&in->bytes);
    if (request_cut(rq, arg, &in->source) != PLATOON_OK) {
        in->source = NULL;
        intake_free(in);
        return;
    }
    /* Without randomness nothing is cut: it only takes longer then. */
    if (payload_bytes(in->source) < SKELETON_CUT_BYTES || !skeleton_init(&in->skeleton))
        in->phase = INTAKE_DECODING;
    *slot_of(rq) = in;
    request_on_cancel(rq, on_cancel);
    go_on(in);
}
