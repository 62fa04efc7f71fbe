/* SPDX-License-Identifier: Apache-2.0 */
/* traci.c - requests out, answers in. An answer holds, for each command of the request in its
 * order, a status (result and text) and, for some commands, one or more commands with what was
 * asked for. */
#include "sumo/traci/traci.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RESULT_OK = 0x00, RESULT_NOT_IMPLEMENTED = 0x01, FIRST_ANSWER_BYTES = 16 << 10 };

/* The interval of a subscription: SUMO's own "always". */
#define SUBSCRIBE_ALWAYS (-1073741824.0)

struct traci {
    int fd;
    traci_wait_fn wait;
    void *wait_arg;
    struct traci_request request; /* between steps: what traci_set_signal() put there */
    unsigned n_set;               /* commands in it */
    uint8_t *answer;
    size_t answer_cap;
    traci_value_fn on_value;
    void *on_value_arg;
    char version[64];
};

static enum platoon_status wait_on_socket_alone(int fd, short events, void *arg,
                                                struct platoon_err *err)
{
    struct pollfd p = {.fd = fd, .events = events};

    (void)arg;
    while (poll(&p, 1, -1) < 0) {
        if (errno != EINTR)
            return platoon_fail(err, PLATOON_EIO, "poll on SUMO's socket: %s", strerror(errno));
    }
    return PLATOON_OK;
}

static enum platoon_status hung_up(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ECLOSED, "SUMO closed its TraCI connection");
}

static bool is_would_block(int code)
{
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

static enum platoon_status send_all(struct traci *t, const uint8_t *data, size_t len,
                                    struct platoon_err *err)
{
    while (len > 0) {
        ssize_t n = send(t->fd, data, len, MSG_NOSIGNAL);

        if (n > 0) {
            data += n;
            len -= (size_t)n;
            continue;
        }
        if (errno == EPIPE || errno == ECONNRESET)
            return hung_up(err);
        if (!is_would_block(errno))
            return platoon_fail(err, PLATOON_EIO, "send to SUMO: %s", strerror(errno));
        enum platoon_status st = t->wait(t->fd, POLLOUT, t->wait_arg, err);
        if (st != PLATOON_OK)
            return st;
    }
    return PLATOON_OK;
}

static enum platoon_status grow_answer(struct traci *t, size_t at_least, struct platoon_err *err)
{
    size_t cap = t->answer_cap ? t->answer_cap * 2 : FIRST_ANSWER_BYTES;
    uint8_t *grown;

    if (cap > at_least && at_least > t->answer_cap)
        cap = at_least;
    if (!(grown = realloc(t->answer, cap)))
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for an answer of SUMO");
    t->answer = grown;
    t->answer_cap = cap;
    return PLATOON_OK;
}

/* Reads one whole message. The buffer doubles with the bytes that came, never with the length that
 * was announced; SUMO sends nothing that was not asked for, so bytes behind the message are an
 * error. */
static enum platoon_status receive(struct traci *t, struct traci_reader *out_answer,
                                   struct platoon_err *err)
{
    size_t have = 0, want = 4;
    bool knows_length = false;

    while (have < want || !knows_length) {
        enum platoon_status st;
        ssize_t n;

        if (have >= 4 && !knows_length) {
            struct traci_reader head;

            traci_reader_init(&head, t->answer, 4);
            want = (uint32_t)traci_get_int(&head);
            knows_length = true;
            if (want < 4 || want > TRACI_MAX_ANSWER_BYTES)
                return platoon_fail(err, PLATOON_EPROTO,
                                    "an answer of SUMO announces %zu bytes (4 to %d are possible); "
                                    "is it SUMO that listens there?",
                                    want, TRACI_MAX_ANSWER_BYTES);
            continue;
        }
        if (have == t->answer_cap && (st = grow_answer(t, want, err)) != PLATOON_OK)
            return st;
        if ((st = t->wait(t->fd, POLLIN, t->wait_arg, err)) != PLATOON_OK)
            return st;
        n = recv(t->fd, t->answer + have, t->answer_cap - have, 0);
        if (n > 0)
            have += (size_t)n;
        else if (n == 0 || errno == ECONNRESET)
            return hung_up(err);
        else if (!is_would_block(errno))
            return platoon_fail(err, PLATOON_EIO, "receive from SUMO: %s", strerror(errno));
    }
    if (have > want)
        return platoon_fail(err, PLATOON_EPROTO, "%zu bytes too many in an answer of SUMO",
                            have - want);
    traci_reader_init(out_answer, t->answer + 4, want - 4);
    return PLATOON_OK;
}

static enum platoon_status malformed(const char *what, struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_EPROTO, "SUMO's answer to %s is malformed", what);
}

/* The status of one command. */
static enum platoon_status read_status(struct traci_reader *answer, unsigned command,
                                       const char *what, struct platoon_err *err)
{
    struct traci_reader content;
    unsigned id = traci_get_command(answer, &content), result = traci_get_byte(&content);
    struct traci_text text = traci_get_text(&content);

    if (content.failed || id != command)
        return malformed(what, err);
    if (result == RESULT_OK)
        return PLATOON_OK;
    if (text.len == 0)
        return platoon_fail(err, PLATOON_EREMOTE, "SUMO refused %s (%s)", what,
                            result == RESULT_NOT_IMPLEMENTED ? "not implemented"
                                                             : "no reason given");
    return platoon_fail(err, PLATOON_EREMOTE, "SUMO refused %s: %.*s", what,
                        text.len > 500 ? 500 : (int)text.len, text.data);
}

/* Of signals that were set with the request. */
static enum platoon_status read_set(struct traci_reader *answer, unsigned n_set,
                                    struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;

    for (; n_set > 0 && st == PLATOON_OK; n_set--)
        st = read_status(answer, TRACI_SET + TRACI_SIGNAL, "a signal's state", err);
    return st;
}

/* Sends the request, and reads the answer up to what the last command of it has. */
static enum platoon_status exchange(struct traci *t, struct traci_reader *out_answer,
                                    struct platoon_err *err)
{
    size_t len = 0;
    const uint8_t *bytes = traci_request_bytes(&t->request, &len);
    unsigned n_set = t->n_set;
    enum platoon_status st;

    if (!bytes)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a request to SUMO");
    st = send_all(t, bytes, len, err);
    traci_request_reset(&t->request);
    t->n_set = 0;
    if (st == PLATOON_OK)
        st = receive(t, out_answer, err);
    return st == PLATOON_OK ? read_set(out_answer, n_set, err) : st;
}

/* --- one variable ----------------------------------------------------------------------------- */

static enum platoon_status get(struct traci *t, enum traci_domain domain, unsigned variable,
                               const char *id, struct traci_value *out, struct platoon_err *err)
{
    struct traci_reader answer, content;
    enum platoon_status st;
    unsigned command;

    traci_begin(&t->request, TRACI_GET + domain);
    traci_put_byte(&t->request, variable);
    traci_put_string(&t->request, id);
    traci_end(&t->request);
    if ((st = exchange(t, &answer, err)) != PLATOON_OK ||
        (st = read_status(&answer, TRACI_GET + domain, "a query", err)) != PLATOON_OK)
        return st;
    command = traci_get_command(&answer, &content);
    if (command != TRACI_GET_ANSWER + (unsigned)domain || traci_get_byte(&content) != variable ||
        !traci_text_is(traci_get_text(&content), id) || !traci_get_value(&content, out))
        return malformed("a query", err);
    return PLATOON_OK;
}

enum platoon_status traci_number(struct traci *t, enum traci_domain domain, unsigned variable,
                                 const char *id, double *out, struct platoon_err *err)
{
    struct traci_value value;
    enum platoon_status st = get(t, domain, variable, id, &value, err);

    if (st != PLATOON_OK)
        return st;
    if (!traci_is_number(&value))
        return platoon_fail(err, PLATOON_ETYPE, "variable 0x%02x of SUMO's is no number", variable);
    *out = value.number;
    return PLATOON_OK;
}

enum platoon_status traci_text(struct traci *t, enum traci_domain domain, unsigned variable,
                               const char *id, char **out, struct platoon_err *err)
{
    struct traci_value value;
    enum platoon_status st = get(t, domain, variable, id, &value, err);
    char *copy;

    if (st != PLATOON_OK)
        return st;
    if (value.type != TRACI_STRING)
        return platoon_fail(err, PLATOON_ETYPE, "variable 0x%02x of SUMO's is no text", variable);
    if (!(copy = strndup(value.text.data, value.text.len)))
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a text of SUMO");
    *out = copy;
    return PLATOON_OK;
}

enum platoon_status traci_ids(struct traci *t, enum traci_domain domain, char ***out_ids,
                              struct platoon_err *err)
{
    struct traci_value value;
    struct traci_reader list;
    enum platoon_status st = get(t, domain, TRACI_IDS, "", &value, err);
    size_t n, raw_bytes;
    char **ids, *text;

    if (st != PLATOON_OK)
        return st;
    if (value.type != TRACI_STRING_LIST)
        return malformed("a query for ids", err);
    /* The parser counted the strings in the bytes, so n is at most a quarter of them. */
    raw_bytes = (size_t)(value.raw.end - value.raw.at);
    n = (uint32_t)traci_get_int(&value.raw);
    if (!(ids = malloc((n + 1) * sizeof *ids + raw_bytes)))
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for %zu ids of SUMO", n);
    list = value.raw;
    text = (char *)(ids + n + 1);
    for (size_t i = 0; i < n; i++) {
        struct traci_text id = traci_get_text(&list);

        memcpy(text, id.data, id.len);
        text[id.len] = '\0';
        ids[i] = text;
        text += id.len + 1;
    }
    ids[n] = NULL;
    *out_ids = ids;
    return PLATOON_OK;
}

enum platoon_status traci_list_length(struct traci *t, enum traci_domain domain, unsigned variable,
                                      const char *id, size_t *out, struct platoon_err *err)
{
    struct traci_value value;
    enum platoon_status st = get(t, domain, variable, id, &value, err);

    if (st != PLATOON_OK)
        return st;
    if (value.type != TRACI_STRING_LIST)
        return malformed("a query for a list", err);
    *out = (uint32_t)traci_get_int(&value.raw); /* the parser counted them */
    return PLATOON_OK;
}

/* --- subscriptions and steps ------------------------------------------------------------------ */

/* One object's subscribed values: id, a count, and for each its number, a status and the value (or,
 * with another status, the reason as a string). */
static enum platoon_status read_subscribed(struct traci_reader *answer, traci_value_fn on_value,
                                           void *arg, struct platoon_err *err)
{
    struct traci_reader content;
    unsigned command = traci_get_command(answer, &content), n;
    enum traci_domain domain = (enum traci_domain)(command & 0x0f);
    struct traci_text id = traci_get_text(&content);

    if (content.failed || (command & 0xf0) != TRACI_SUBSCRIBE_ANSWER)
        return malformed("a step", err);
    for (n = traci_get_byte(&content); n > 0; n--) {
        unsigned variable = traci_get_byte(&content), result = traci_get_byte(&content);
        struct traci_value value;
        enum platoon_status st;

        if (!traci_get_value(&content, &value))
            return malformed("a step", err);
        if (result != RESULT_OK)
            return platoon_fail(err, PLATOON_EREMOTE,
                                "SUMO cannot deliver variable 0x%02x of \"%.*s\": %.*s", variable,
                                id.len > 200 ? 200 : (int)id.len, id.data,
                                value.text.len > 500 ? 500 : (int)value.text.len, value.text.data);
        if (on_value && (st = on_value(domain, id, variable, &value, arg, err)) != PLATOON_OK)
            return st;
    }
    return content.failed ? malformed("a step", err) : PLATOON_OK;
}

enum platoon_status traci_subscribe(struct traci *t, enum traci_domain domain, const char *id,
                                    const uint8_t *variables, size_t n_variables,
                                    struct platoon_err *err)
{
    struct traci_reader answer;
    enum platoon_status st;

    traci_begin(&t->request, TRACI_SUBSCRIBE + domain);
    traci_put_double(&t->request, SUBSCRIBE_ALWAYS);
    traci_put_double(&t->request, SUBSCRIBE_ALWAYS);
    traci_put_string(&t->request, id);
    traci_put_byte(&t->request, (unsigned)n_variables);
    for (size_t i = 0; i < n_variables; i++)
        traci_put_byte(&t->request, variables[i]);
    traci_end(&t->request);
    if ((st = exchange(t, &answer, err)) != PLATOON_OK ||
        (st = read_status(&answer, TRACI_SUBSCRIBE + domain, "a subscription", err)) != PLATOON_OK)
        return st;
    return read_subscribed(&answer, t->on_value, t->on_value_arg, err);
}

void traci_on_value(struct traci *t, traci_value_fn on_value, void *arg)
{
    t->on_value = on_value;
    t->on_value_arg = arg;
}

enum platoon_status traci_set_signal(struct traci *t, const char *id, const char *state,
                                     struct platoon_err *err)
{
    traci_begin(&t->request, TRACI_SET + TRACI_SIGNAL);
    traci_put_byte(&t->request, TRACI_SIGNAL_STATE);
    traci_put_string(&t->request, id);
    traci_put_byte(&t->request, TRACI_STRING);
    traci_put_string(&t->request, state);
    traci_end(&t->request);
    if (t->request.failed)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a request to SUMO");
    t->n_set++;
    return PLATOON_OK;
}

enum platoon_status traci_read_step(struct traci_reader *answer, unsigned n_set,
                                    traci_value_fn on_value, void *arg, struct platoon_err *err)
{
    enum platoon_status st = read_set(answer, n_set, err);
    uint32_t n;

    if (st != PLATOON_OK || (st = read_status(answer, TRACI_CMD_STEP, "a step", err)) != PLATOON_OK)
        return st;
    for (n = (uint32_t)traci_get_int(answer); n > 0; n--) {
        if ((st = read_subscribed(answer, on_value, arg, err)) != PLATOON_OK)
            return st;
    }
    if (answer->failed || answer->at != answer->end)
        return malformed("a step", err);
    return PLATOON_OK;
}

enum platoon_status traci_step(struct traci *t, struct platoon_err *err)
{
    struct traci_reader answer;
    enum platoon_status st;

    traci_begin(&t->request, TRACI_CMD_STEP);
    traci_put_double(&t->request, 0.0); /* one step of the simulation's own length */
    traci_end(&t->request);
    st = exchange(t, &answer, err);
    return st == PLATOON_OK ? traci_read_step(&answer, 0, t->on_value, t->on_value_arg, err) : st;
}

/* --- beginning and end ------------------------------------------------------------------------ */

static enum platoon_status ask_version(struct traci *t, struct platoon_err *err)
{
    struct traci_reader answer, content;
    struct traci_text name;
    enum platoon_status st;
    unsigned command;
    int32_t api;

    traci_begin(&t->request, TRACI_CMD_VERSION);
    traci_end(&t->request);
    if ((st = exchange(t, &answer, err)) != PLATOON_OK ||
        (st = read_status(&answer, TRACI_CMD_VERSION, "the version query", err)) != PLATOON_OK)
        return st;
    command = traci_get_command(&answer, &content);
    api = traci_get_int(&content);
    name = traci_get_text(&content);
    if (content.failed || command != TRACI_CMD_VERSION)
        return malformed("the version query", err);
    if (name.len > sizeof t->version - 1)
        name.len = sizeof t->version - 1;
    memcpy(t->version, name.data, name.len);
    if (api < TRACI_API_MIN || api > TRACI_API_MAX)
        return platoon_fail(
            err, PLATOON_EVERSION,
            "\"%s\" speaks TraCI %d, Platoon speaks %d to %d; use another version of "
            "one of them",
            t->version, (int)api, TRACI_API_MIN, TRACI_API_MAX);
    return PLATOON_OK;
}

enum platoon_status traci_open(int fd, traci_wait_fn wait, void *wait_arg, struct traci **out,
                               struct platoon_err *err)
{
    struct traci *t = calloc(1, sizeof *t);
    enum platoon_status st;
    int flags;

    if (!t) {
        (void)close(fd); /* nothing was written to it */
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a TraCI connection");
    }
    t->fd = fd;
    t->wait = wait ? wait : wait_on_socket_alone;
    t->wait_arg = wait_arg;
    traci_request_reset(&t->request);
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        st = platoon_fail(err, PLATOON_EIO, "fcntl on SUMO's socket: %s", strerror(errno));
    else
        st = ask_version(t, err);
    if (st != PLATOON_OK) {
        traci_free(t);
        return st;
    }
    *out = t;
    return PLATOON_OK;
}

enum platoon_status traci_finish(struct traci *t, struct platoon_err *err)
{
    struct traci_reader answer;
    enum platoon_status st;

    traci_request_reset(&t->request); /* a state that was set for a step that never comes */
    t->n_set = 0;
    traci_begin(&t->request, TRACI_CMD_CLOSE);
    traci_end(&t->request);
    st = exchange(t, &answer, err);
    return st == PLATOON_OK ? read_status(&answer, TRACI_CMD_CLOSE, "the end", err) : st;
}

void traci_free(struct traci *t)
{
    if (!t)
        return;
    (void)close(t->fd); /* what matters was answered before */
    traci_request_release(&t->request);
    free(t->answer);
    free(t);
}

const char *traci_version(const struct traci *t)
{
    return t->version;
}
