/* SPDX-License-Identifier: Apache-2.0 */
/* message.h - the bytes of the server's own replies: (kind, payload) as a pickle that any stock
 * reader takes.
 *
 * No memo opcode and no FRAME is ever written (reference: both are optional everywhere), so bodies
 * of payloads may follow. A reader whose own messages use protocol 2 or less gets PROTO 2, with
 * Python 2's module names and 8-bit text where it is ASCII; all others get PROTO 3, which 3.6 and
 * newer read. */
#ifndef PLATOON_SERVER_MESSAGE_H
#define PLATOON_SERVER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A frame under construction, header first. Grows from `small` to the heap; out of memory is
 * remembered and told by message_end(). */
struct message {
    uint8_t *bytes; /* MESSAGE_HEADER of header, then the pickle */
    size_t len, cap;
    int reader_protocol;
    bool failed;
    uint8_t small[512];
};

enum { MESSAGE_HEADER = 4 };

/* Start `("#KIND", ...`. `kind` has its '#': "#RETURN". */
void message_begin(struct message *m, int reader_protocol, const char *kind);
/* Finish `...)` and fill the header in. false when memory ran out on the way, or it became 2
 * GiB. */
bool message_end(struct message *m);
void message_release(struct message *m);

void message_none(struct message *m);
void message_bool(struct message *m, bool b);
void message_int(struct message *m, int64_t i);
/* UTF-8 (or surrogatepass). For a reader of protocol 2: 8-bit text when it is ASCII. */
void message_text(struct message *m, const char *text, size_t len);
/* The same, but what is not ASCII becomes '?' for such a reader, which insists on 8-bit text in
 * tracebacks. */
void message_traceback(struct message *m, const char *text, size_t len);
/* `(a, b, ...)` of what is written between; any number. */
void message_open_tuple(struct message *m);
void message_close_tuple(struct message *m);
/* `class(args)`: call message_class, then write the arguments as a tuple, then message_call. The
 * class is one of queue ("queue.Empty") or a builtin ("ValueError"). */
void message_class(struct message *m, const char *class_name);
void message_call(struct message *m);
/* Any bytes: a pickled value without memo. */
void message_raw(struct message *m, const void *bytes, size_t len);

#endif
