/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h - tell the service manager (systemd, Type=notify) how far we are. */
#ifndef PLATOON_CLI_NOTIFY_H
#define PLATOON_CLI_NOTIFY_H

/* Send e.g. "READY=1" to $NOTIFY_SOCKET. Does nothing where there is none; failures are not ours to
 * report. */
void notify_service_manager(const char *message);

#endif
