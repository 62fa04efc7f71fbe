/* SPDX-License-Identifier: Apache-2.0 */
/* listen_error.h - why a socket could not be bound, in words that tell what to do. */
#ifndef PLATOON_SERVER_LISTEN_ERROR_H
#define PLATOON_SERVER_LISTEN_ERROR_H

#include <stdint.h>

#include <platoon/status.h>

/* EBUSY: somebody listens on `port` already; names the process where /proc lets us find it. */
enum platoon_status listen_error_busy(uint16_t port, const char *address, struct platoon_err *err);
/* EADDR: `address` is not one of this machine's; lists those it has. */
enum platoon_status listen_error_not_ours(const char *address, struct platoon_err *err);

#endif
