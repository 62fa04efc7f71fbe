/* SPDX-License-Identifier: Apache-2.0 */
/* remote_error.h - Python's exceptions, as statuses and sentences. */
#ifndef PLATOON_MANAGER_REMOTE_ERROR_H
#define PLATOON_MANAGER_REMOTE_ERROR_H

#include <platoon/value.h>

/* An exception instance, as platoon_pickle_inspect() shows it. Its class goes to err->type, in the
 * way Python prints it (`ValueError`, `decimal.Overflow`; `queue.Empty` whatever the version calls
 * its module); what str() would say to err->message.
 *
 * EEMPTY, EFULL, EREMOTE; EPROTO if it is no exception. */
enum platoon_status remote_error_from_exception(const platoon_value *exception,
                                                struct platoon_err *err);

/* The text of a traceback, of which the last exception counts: the same two fields. EREMOTE. */
enum platoon_status remote_error_from_traceback(const char *text, struct platoon_err *err);

/* The text that came in place of an answer that could not be pickled. EREMOTE. */
enum platoon_status remote_error_unserializable(const char *text, struct platoon_err *err);

#endif
