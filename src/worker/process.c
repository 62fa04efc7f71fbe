/* SPDX-License-Identifier: Apache-2.0 */
/* process.c - pipes to and from a process, written and read as they allow. */
#include "worker/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* At most so much is read in one turn, so that one chatty process cannot hold the others. */
enum { TURN_BYTES = 1024 * 1024, TURN_LOG_BYTES = 64 * 1024 };

#define PROCESS_OF(watch, member)                                                                  \
    ((struct process *)(void *)((char *)(watch)-offsetof(struct process, member)))

/* --- streams ---------------------------------------------------------------------------------- */

/* The stream for it ends. What the pipe holds stays there as long as we have our end of it. */
static void close_input(struct process *p)
{
    int in_pipe = 0;

    if (p->in.fd >= 0 && ioctl(p->in.fd, FIONREAD, &in_pipe) == 0 && in_pipe > 0)
        p->unread += (size_t)in_pipe;
    p->unread += p->input.len;
    p->input.len = 0;
    reactor_close(p->reactor, &p->in);
    p->awaits_room = false;
}

/* Write what the pipe takes now; close it when nothing is left and nothing will come. */
static void write_input(struct process *p)
{
    size_t done = 0;
    bool is_open = true, is_full = false;

    while (done < p->input.len && is_open && !is_full) {
        ssize_t n = write(p->in.fd, p->input.data + done, p->input.len - done);

        if (n >= 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            is_full = true;
        else if (errno != EINTR)
            is_open = false; /* EPIPE: it does not want to know */
    }
    buf_drop(&p->input, done);
    if (!is_open || (p->input.len == 0 && !p->keeps_input)) {
        close_input(p);
    } else if (p->awaits_room && !is_full) {
        reactor_remove(p->reactor, &p->in);
        p->awaits_room = false;
    } else if (!p->awaits_room && is_full) {
        p->awaits_room = reactor_add(p->reactor, &p->in, EPOLLOUT);
    }
}

static void on_in(struct watch *w, uint32_t events)
{
    (void)events;
    write_input(PROCESS_OF(w, in));
}

/* Read what is there, up to `limit`; returns how much that was. The pipe is a blocking one, but it
 * is never asked for more than it holds; that saves a call to make it a non-blocking one, and one
 * to learn that it is empty. */
static size_t read_some(int fd, struct buf *into, size_t limit)
{
    size_t total = 0;
    int ready = 0;

    while (total < limit && ioctl(fd, FIONREAD, &ready) == 0 && ready > 0) {
        ssize_t n;

        if (!buf_reserve(into, (size_t)ready))
            break; /* no memory: what is there is judged as it is */
        n = read(fd, into->data + into->len, (size_t)ready);
        if (n <= 0)
            break;
        into->len += (size_t)n;
        total += (size_t)n;
    }
    return total;
}

/* Returns whether there was anything. */
static bool read_output(struct process *p, size_t limit)
{
    if (read_some(p->out.fd, &p->output, limit) == 0)
        return false;
    p->events->on_output(p);
    return true;
}

static bool read_log(struct process *p, size_t limit)
{
    size_t before = p->tail.len;

    if (read_some(p->log.fd, &p->tail, limit) == 0)
        return false;
    p->events->on_log(p, (const char *)p->tail.data + before, p->tail.len - before);
    if (p->tail.len > (size_t)4 * FAILURE_TAIL_BYTES)
        buf_drop(&p->tail, p->tail.len - FAILURE_TAIL_BYTES);
    return true;
}

static void on_out(struct watch *w, uint32_t events)
{
    struct process *p = PROCESS_OF(w, out);

    if (!read_output(p, TURN_BYTES) && (events & (EPOLLHUP | EPOLLERR))) {
        reactor_close(p->reactor, w);
        p->events->on_output_end(p);
    }
}

static void on_log(struct watch *w, uint32_t events)
{
    struct process *p = PROCESS_OF(w, log);

    if (!read_log(p, TURN_LOG_BYTES) && (events & (EPOLLHUP | EPOLLERR)))
        reactor_close(p->reactor, w);
}

/* --- life ------------------------------------------------------------------------------------- */

void process_init(struct process *p, struct reactor *reactor, struct spawner *spawner,
                  const struct process_events *events)
{
    *p = (struct process){.reactor = reactor,
                          .spawner = spawner,
                          .events = events,
                          .in = {-1, on_in},
                          .out = {-1, on_out},
                          .log = {-1, on_log}};
}

void process_release(struct process *p)
{
    assert(p->id == 0);
    buf_release(&p->input);
    buf_release(&p->output);
    buf_release(&p->tail);
}

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
}

static bool make_pipe(int pair[2])
{
    if (pipe2(pair, O_CLOEXEC) == 0)
        return true;
    pair[0] = pair[1] = -1;
    return false;
}

void process_listen(struct process *p)
{
    if (p->id == 0 || p->is_listening)
        return;
    p->is_listening = true;
    (void)reactor_add(p->reactor, &p->out, EPOLLIN); /* ENOMEM, ENOSPC: read at its end instead */
    (void)reactor_add(p->reactor, &p->log, EPOLLIN);
}

enum platoon_status process_run(struct process *p, const struct process_start *how,
                                struct platoon_err *err)
{
    const bool is_persistent = how->shape == RUNNER_PERSISTENT;
    int in[2] = {-1, -1}, out[2] = {-1, -1}, log[2] = {-1, -1};
    struct spawn_request request = {.id = ++p->spawner->last_id,
                                    .folder = how->folder,
                                    .argv = how->argv,
                                    .env = how->env,
                                    .mark = how->mark,
                                    .n_limits = how->n_limits};
    enum platoon_status st;

    assert(p->id == 0 && p->in.fd < 0 && p->out.fd < 0 && p->log.fd < 0);
    p->input.len = p->output.len = p->tail.len = p->unread = 0;
    p->keeps_input = is_persistent;
    if (!buf_append(&p->input, how->input, how->input_len))
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    /* A new pipe holds PIPE_BUF bytes at least: a short input cannot block. */
    if (!make_pipe(in) || !make_pipe(out) || !make_pipe(log) ||
        ((is_persistent || how->input_len > PIPE_BUF) && fcntl(in[1], F_SETFL, O_NONBLOCK) != 0)) {
        st = platoon_fail(err, PLATOON_EIO, "making pipes for a process: %s", strerror(errno));
        goto fail;
    }
    if (is_persistent) {
        request.n_fds = 4;
        memcpy(request.fds, (int[]){in[0], out[1], log[1], log[1]}, 4 * sizeof(int));
        memcpy(request.fd_targets, (int[]){RUNNER_FD_IN, RUNNER_FD_OUT, 1, 2}, 4 * sizeof(int));
    } else {
        request.n_fds = 3;
        memcpy(request.fds, (int[]){in[0], out[1], log[1]}, 3 * sizeof(int));
        memcpy(request.fd_targets, (int[]){0, 1, 2}, 3 * sizeof(int));
    }
    if (how->n_limits)
        memcpy(request.limits, how->limits, how->n_limits * sizeof *how->limits);
    st = spawner_request(p->spawner, &request, err);
    if (st != PLATOON_OK)
        goto fail;
    close(in[0]);
    close(out[1]);
    close(log[1]);
    p->id = request.id;
    p->in.fd = in[1];
    p->out.fd = out[0];
    p->log.fd = log[0];
    p->is_listening = false;
    write_input(p); /* most tasks fit into the pipe */
    return PLATOON_OK;

fail:
    close_pair(in);
    close_pair(out);
    close_pair(log);
    p->input.len = 0;
    return st;
}

bool process_send(struct process *p, const void *data, size_t len)
{
    if (p->in.fd < 0) {
        p->unread += len;
        return true;
    }
    if (!buf_append(&p->input, data, len))
        return false;
    write_input(p);
    return true;
}

void process_end_input(struct process *p)
{
    p->keeps_input = false;
    if (p->in.fd >= 0)
        write_input(p);
}

void process_signal(struct process *p, int signal)
{
    if (p->id)
        spawner_kill(p->spawner, p->id, signal);
}

void process_ended(struct process *p)
{
    p->id = 0;
    close_input(p);
    /* All that it wrote is in the pipes. A process that outlived it and holds the other ends does
     * not hold us: we read what is there and leave. */
    if (p->log.fd >= 0)
        (void)read_log(p, SIZE_MAX);
    if (p->out.fd >= 0)
        (void)read_output(p, SIZE_MAX);
    reactor_close(p->reactor, &p->out);
    reactor_close(p->reactor, &p->log);
}
