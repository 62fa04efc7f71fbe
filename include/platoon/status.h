/* SPDX-License-Identifier: Apache-2.0 */
/* status.h - how every call of Platoon says what became of it.
 *
 * A call that can fail returns an enum platoon_status: PLATOON_OK is 0, all else is negative. What a
 * person needs beside it (the peer, the path, the errno, Python's own words) goes to an optional
 * struct platoon_err, filled by whoever knew it and never parsed by code. Out-parameters come last
 * but for the error, are named out_x, and are written only on PLATOON_OK. */
#ifndef PLATOON_STATUS_H
#define PLATOON_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PLATOON_API               __attribute__((visibility("default")))
#define PLATOON_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define PLATOON_API
#define PLATOON_PRINTF(fmt, args)
#endif

enum platoon_status {
    PLATOON_OK = 0,
    PLATOON_ENOMEM = -1,    /* no memory */
    PLATOON_EINVAL = -2,    /* an argument outside its documented range */
    PLATOON_ETYPE = -3,     /* a value of another kind than was asked for */
    PLATOON_ELIMIT = -4,    /* larger, deeper or more than a limit allows */
    PLATOON_EPICKLE = -5,   /* bytes that are not a well-formed pickle */
    PLATOON_EOPAQUE = -6,   /* a pickle that names globals where plain data is needed */
    PLATOON_EPROTO = -7,    /* the peer does not speak the manager protocol as it should */
    PLATOON_EAUTH = -8,     /* the authkey was refused, by us or by the peer */
    PLATOON_ECONNECT = -9,  /* no connection could be made; nothing was sent */
    PLATOON_ECLOSED = -10,  /* the peer closed the connection; the call was not sent */
    PLATOON_EUNKNOWN = -11, /* cut off after the call was sent: it may have happened. Never repeated
                               by the library */
    PLATOON_EEMPTY = -12,   /* queue.Empty: nothing to take within the time */
    PLATOON_EFULL = -13,    /* queue.Full: no room within the time */
    PLATOON_EREMOTE = -14,  /* the server raised another exception; platoon_err.type names it */
    PLATOON_ETIMEDOUT = -15, /* a time limit of this side ran out */
    PLATOON_EVERSION = -16,  /* the peer speaks another version of the `platoon` typeid */
    PLATOON_ENOTFOUND = -17, /* no such queue, typeid, file or key */
    PLATOON_EIO = -18,       /* a read, write or other system call failed */
    PLATOON_EADDR = -19,     /* an address that cannot be parsed, resolved or bound */
    PLATOON_EBUSY = -20,     /* in use by somebody else (an address, a data folder) */
    PLATOON_EINTR = -21      /* stopped by the caller's own wish */
};

/* Room for one sentence about a failure. Zero-initialise it, or not: it is always overwritten whole.
 *
 *   type     the class of a remote exception ("ValueError", "queue.Empty"), else ""
 *   message  what happened, where, and where possible what to do next; UTF-8, no final newline */
struct platoon_err {
    enum platoon_status status;
    char type[64];
    char message[960];
};

/* A short lower-case English phrase for a status ("queue is empty"). Never NULL. Static. */
PLATOON_API const char *platoon_status_text(enum platoon_status status);

/* Fill `err` (may be NULL) with `status` and a printf-formatted sentence, cut to fit; returns `status`, so
 * that a function can end with `return platoon_fail(err, PLATOON_EINVAL, "...")`. */
PLATOON_API enum platoon_status platoon_fail(struct platoon_err *err, enum platoon_status status,
                                             const char *format, ...) PLATOON_PRINTF(3, 4);

/* The library's version, as "0.1.0". Static. */
PLATOON_API const char *platoon_version(void);

#ifdef __cplusplus
}
#endif
#endif
