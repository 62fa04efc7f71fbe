/* SPDX-License-Identifier: Apache-2.0 */
/* scan.h - reads a pickle as it arrives, to find where things stand in it. Builds no values,
 * executes nothing.
 *
 * The server must pass a value from one client to another byte for byte. This scanner is a stack
 * machine that walks the opcodes of a request (ident, method, args, kwds) and reports which
 * bytes each argument occupies, with small scalars decoded; everything below an argument costs a
 * counter per open MARK and no entry per value. It is fed in pieces of any size (down to one
 * byte) and costs the caller what it feeds: the caller's budget is the length of a piece.
 *
 * Of the memo it keeps the count of sequential entries and at most `max_memo_ranges` ranges of
 * others (more is refused), enough to refuse a GET of an entry that was never set, and the
 * number of a few short strings, so that a method or keyword that is a memo reference is still
 * understood.
 *
 * It refuses: unknown opcodes, PROTO above 5 or not at the beginning, stack underflow, a GET of
 * an unset entry, bytes after STOP, values left over at STOP, more than `max_depth` open marks,
 * text that is no UTF-8, numbers that are none, PERSID/BINPERSID/EXT (no stock peer can read
 * them), NEXT_BUFFER/READONLY_BUFFER (out-of-band), DUP (no pickler writes it, and a value would
 * depend on its neighbour's bytes), errors of type that can be seen without keeping values. All
 * these are PLATOON_EPICKLE, limits PLATOON_ELIMIT. A sound pickle that is no request, a 4-tuple
 * of (None | str, str, tuple | list, dict) with at most SCAN_MAX_ARGS and SCAN_MAX_KWDS in them,
 * is PLATOON_EPROTO, said when STOP has come. */
#ifndef PLATOON_PICKLE_SCAN_H
#define PLATOON_PICKLE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

struct scan;

struct scan_limits {
    uint64_t max_bytes;       /* 0: 1 GiB */
    uint32_t max_depth;       /* open MARKs; 0: 10,000 */
    uint32_t max_memo_ranges; /* 0: 100,000 */
};

enum scan_mode {
    SCAN_REQUEST, /* (ident, method, args, kwds) */
    SCAN_VALUE    /* any one value */
};

enum scan_state { SCAN_MORE, SCAN_DONE, SCAN_BAD };

/* A value as seen from outside. Text of up to 255 bytes is decoded, longer text is
 * SCAN_LONG_TEXT. */
enum scan_kind {
    SCAN_NONE,
    SCAN_BOOL,
    SCAN_INT, /* in 64 bits */
    SCAN_FLOAT,
    SCAN_TEXT,
    SCAN_LONG_TEXT, /* also a BIGINT or bytes: a plain message that is not decoded */
    SCAN_COMPOUND   /* containers, objects: what "looks like work" */
};

/* Facts about the bytes of one value. */
enum scan_flags {
    SCAN_HAS_GET = 1,           /* some GET opcode: position and prefix matter */
    SCAN_GET_OUTSIDE = 2,       /* a GET of what was set before the value began, or "in doubt" */
    SCAN_HAS_GLOBAL = 4,        /* names a global that is no constructor of plain data */
    SCAN_HAS_PLAIN_CALL = 8,    /* names one that is (builtins.set, _codecs.encode, ...) */
    SCAN_HAS_PROTO5 = 16,       /* BYTEARRAY8 */
    SCAN_HAS_EXPLICIT_PUT = 32, /* PUT, BINPUT, LONG_BINPUT: numbers of its own */
    SCAN_HAS_STRING8 = 64       /* STRING, BINSTRING, SHORT_BINSTRING (Python 2 text) */
};

struct scan_arg {
    /* Byte range in the pickle, FRAME opcodes included; starts where its left neighbour ended. */
    uint64_t start, end;
    uint32_t flags;       /* enum scan_flags */
    uint32_t open_marks;  /* marks open at `start`, for replaying the prefix */
    uint64_t memo_before; /* entries set before `start` */
    enum scan_kind kind;
    bool as_bool;
    int64_t as_int; /* also of a bool */
    double as_float;
    char text[256]; /* NUL-terminated */
    size_t text_len;
};

struct scan_kwd {
    char name[64];
    struct scan_arg value;
};

/* At most this many args and kwds; a request with more is refused. */
enum { SCAN_MAX_ARGS = 32, SCAN_MAX_KWDS = 16 };

struct scan_request {
    bool ident_is_none;
    char ident[512];
    char method[128];
    size_t n_args, n_kwds;
    const struct scan_arg *args; /* owned by the scan */
    const struct scan_kwd *kwds;
};

/* The byte ranges that FRAME opcodes occupy, in order: to be cut out of what is passed on. */
struct scan_gap {
    uint64_t start, end;
};

/* `limits` is copied, may be NULL. NULL when out of memory. Reuse with scan_reset(): no
 * allocation a request. */
struct scan *scan_new(enum scan_mode mode, const struct scan_limits *limits);
void scan_reset(struct scan *s);
void scan_free(struct scan *s); /* NULL is fine */

/* Read the next `len` bytes. SCAN_DONE: STOP was the last of them. SCAN_BAD: *err says what and
 * at which offset; the scan stays bad until reset. */
enum scan_state scan_feed(struct scan *s, const void *data, size_t len, struct platoon_err *err);

/* After SCAN_DONE. `out` points into the scan, valid until reset. SCAN_REQUEST only. */
void scan_request(const struct scan *s, struct scan_request *out);
/* After SCAN_DONE, of the whole value (SCAN_VALUE) or any request: its flags; the protocol
 * written (0 if no PROTO opcode); the gaps. For SCAN_VALUE `out_root` describes the value. */
int scan_protocol(const struct scan *s);
const struct scan_gap *scan_gaps(const struct scan *s, size_t *out_n);
void scan_root(const struct scan *s, struct scan_arg *out_root);
/* For --globals=list: the globals named so far but for the constructors of plain data, as
 * "module\nname\0" strings one after another, at most 64 distinct ones; *out_overflow if there
 * were more. A name that cannot be told (it came from far back in the memo, or holds a newline)
 * is "?\n?". Pointer valid until the next feed or reset. */
const char *scan_globals(const struct scan *s, size_t *out_len, bool *out_overflow);

#endif
