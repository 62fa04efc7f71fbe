/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - names of statuses, and the one way to fill an error. */
#include <platoon/status.h>

#include <stdarg.h>
#include <stdio.h>

const char *platoon_status_text(enum platoon_status status)
{
    switch (status) {
    case PLATOON_OK:
        return "ok";
    case PLATOON_ENOMEM:
        return "out of memory";
    case PLATOON_EINVAL:
        return "invalid argument";
    case PLATOON_ETYPE:
        return "wrong kind of value";
    case PLATOON_ELIMIT:
        return "over a limit";
    case PLATOON_EPICKLE:
        return "malformed pickle";
    case PLATOON_EOPAQUE:
        return "the pickle names globals";
    case PLATOON_EPROTO:
        return "protocol error";
    case PLATOON_EAUTH:
        return "authkey refused";
    case PLATOON_ECONNECT:
        return "cannot connect";
    case PLATOON_ECLOSED:
        return "connection closed";
    case PLATOON_EUNKNOWN:
        return "cut off, outcome unknown";
    case PLATOON_EEMPTY:
        return "queue is empty";
    case PLATOON_EFULL:
        return "queue is full";
    case PLATOON_EREMOTE:
        return "the server raised an exception";
    case PLATOON_ETIMEDOUT:
        return "timed out";
    case PLATOON_EVERSION:
        return "version mismatch";
    case PLATOON_ENOTFOUND:
        return "not found";
    case PLATOON_EIO:
        return "input/output error";
    case PLATOON_EADDR:
        return "bad address";
    case PLATOON_EBUSY:
        return "in use";
    case PLATOON_EINTR:
        return "interrupted";
    }
    return "unknown status";
}

enum platoon_status platoon_fail(struct platoon_err *err, enum platoon_status status,
                                 const char *format, ...)
{
    va_list args;

    if (!err)
        return status;
    err->status = status;
    err->type[0] = '\0';
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args); /* cut to fit, as promised */
    va_end(args);
    return status;
}

const char *platoon_version(void)
{
    return PLATOON_VERSION;
}
