/* SPDX-License-Identifier: Apache-2.0 */
/* intake.c - see intake.h. A request's intake hangs on its scratch while it is read. */
#include "server/intake.h"

#include <stdlib.h>
#include <string.h>

#include "server/globals_policy.h"
#include "server/rows.h"
#include "server/server.h"

enum {
    TURN_COST =
        64 * 1024,     /* bytes decoded or encoded for one call in a turn: about a millisecond */
    SCANS_FOR_ONE = 4, /* bytes scanned for the price of one decoded */
    ROW_COST = 64,
    VALUE_PROTOCOL =
        4 /* plain values are written anew in this; readers of less get what they can read */
};

enum intake_step { INTAKE_MORE, INTAKE_READ, INTAKE_REFUSED };

void intake_free(struct intake *in)
{
    if (!in)
        return;
    deadline_clear(&in->srv->deadlines, &in->again);
    for (size_t i = 0; in->rows && i < in->n; i++) {
        payload_unref(in->rows[i].value);
        platoon_value_unref(in->rows[i].error);
    }
    free(in->rows);
    payload_unref(in->source);
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

/* --- decoding the list ------------------------------------------------------------------------ */

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
    payload_unref(in->source);
    in->source = NULL;
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
    return in->rows ? INTAKE_MORE : no_memory(in);
}

static enum intake_step decode_slice(struct intake *in)
{
    const struct rope_segment *s = &in->source->pickle.segments[in->segment];
    size_t len = s->len - in->offset < TURN_COST ? s->len - in->offset : TURN_COST;
    struct platoon_err err;

    in->spent += len;

    switch (decoder_feed(in->decoder, s->block->data + s->offset + in->offset, len, &err)) {
    case DECODER_DONE:
        return take_list(in);
    case DECODER_FAILED:
        err.status = decoder_status(in->decoder);
        return refuse_list(in, &err);
    case DECODER_MORE:
        break;
    }
    in->offset += len;
    if (in->offset == s->len) {
        in->segment++;
        in->offset = 0;
    }
    /* The scanner saw the STOP of this pickle, so a decoder that wants more is wrong. */
    if (in->segment == in->source->pickle.n_segments) {
        (void)platoon_fail(&err, PLATOON_EPICKLE, "the list has no end");
        return refuse_list(in, &err);
    }
    return INTAKE_MORE;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Check the next slice of a value under 'pickle'; INTAKE_READ: row->value is there. */
static enum intake_step scan_slice(struct intake *in, struct intake_row *row,
                                   const platoon_value *pickle)
{
    size_t len, at = (size_t)in->bytes.len;
    const uint8_t *data = platoon_as_bytes(pickle, &len);
    size_t slice = (size_t)SCANS_FOR_ONE * TURN_COST;
    size_t part = len - at < slice ? len - at : slice;
    enum platoon_globals policy = in->srv->globals;
    enum scan_state state;
    struct scan_arg root;
    struct platoon_err err;
    char text[sizeof err.message + 64], named[300];

    in->spent += part / SCANS_FOR_ONE;

    if (!in->scan && !(in->scan = scan_new(SCAN_VALUE, NULL)))
        return no_memory(in);
    state = scan_feed(in->scan, data + at, part, &err);
    if (state == SCAN_BAD || (state == SCAN_MORE && at + part == len)) {
        snprintf(text, sizeof text, "'pickle' holds no whole pickle: %s",
                 state == SCAN_BAD ? err.message : "it ends before its STOP");
        return refuse_row(in, "ValueError", text);
    }
    if (!rope_append_copy(&in->bytes, data + at, part))
        return no_memory(in);
    if (state == SCAN_MORE)
        return INTAKE_MORE;
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
    return INTAKE_READ;
}

static enum intake_step encode(struct intake *in, struct intake_row *row, const platoon_value *v)
{
    enum platoon_status st = payload_from_value(v, VALUE_PROTOCOL, &row->value);

    if (st == PLATOON_OK) {
        in->spent += payload_bytes(row->value);
        return INTAKE_READ;
    }
    if (st == PLATOON_ENOMEM)
        return no_memory(in);
    return refuse_row(in, "ValueError", platoon_status_text(st));
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

/* What is wrong with the parts of a failure; NULL: nothing. */
static const char *failure_fault(const platoon_value *from)
{
    const platoon_value *tail = platoon_dict_get(from, "stderr_tail");
    enum platoon_kind exit_kind = platoon_value_kind(platoon_dict_get(from, "exit"));

    if (!platoon_as_str(platoon_dict_get(from, "kind"), NULL) ||
        !platoon_as_str(platoon_dict_get(from, "message"), NULL))
        return "'kind' and 'message' must be texts";
    if (exit_kind != PLATOON_NONE && exit_kind != PLATOON_INT)
        return "'exit' must be an int or None";
    if (!platoon_is_none(tail) && !platoon_as_str(tail, NULL))
        return "'stderr_tail' must be a text";
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
    bool ok = true;

    if (fault)
        return refuse_row(in, "TypeError", fault);
    row->error = platoon_dict();
    for (size_t i = 0; row->error && i < 4; i++) {
        platoon_value *v = platoon_dict_get(from, keys[i]);

        v = v ? platoon_value_ref(v) : i == 3 ? platoon_str("") : platoon_none();
        ok = platoon_dict_set(row->error, keys[i], v) == PLATOON_OK && ok;
    }
    return row->error && ok ? INTAKE_READ : no_memory(in);
}

static enum intake_step read_row(struct intake *in)
{
    struct intake_row *row = &in->rows[in->n_read];
    const platoon_value *item = platoon_item(in->list, in->n_read);
    enum platoon_kind kind = platoon_value_kind(item);
    bool is_pair = (kind == PLATOON_TUPLE || kind == PLATOON_LIST) && platoon_len(item) == 2;
    bool is_lease = kind == PLATOON_DICT || kind == PLATOON_STR || is_pair;
    enum intake_step step;

    in->spent += ROW_COST;
    if (in->kind == INTAKE_VALUES)
        return encode(in, row, item);
    if (in->kind == INTAKE_LEASES && !is_lease)
        return refuse_row(in, "TypeError", "the text of a lease, or a row that has it, is needed");
    if (in->kind != INTAKE_LEASES && kind != PLATOON_DICT)
        return refuse_row(in, "TypeError", "a dict is needed");
    if (in->kind == INTAKE_ROWS)
        return read_value(in, row, item);
    step = read_ref(in, row, item);
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

    if (!in->list)
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
    platoon_value_unref(in->list);
    in->list = NULL;
    in->on_read(in);
}

void intake_begin(struct request *rq, const struct scan_arg *arg, enum intake_kind kind,
                  const char *method, void (*on_read)(struct intake *in), void *arg_of_method)
{
    static const struct platoon_pickle_limits limits = {.max_nodes = INTAKE_MAX_NODES};
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
    in->decoder = decoder_new(&limits, (size_t)payload_bytes(in->source));
    if (!in->decoder) {
        (void)no_memory(in);
        intake_free(in);
        return;
    }
    *slot_of(rq) = in;
    request_on_cancel(rq, on_cancel);
    go_on(in);
}
