/* SPDX-License-Identifier: Apache-2.0 */
/* reply.h - for handlers in this folder that build a reply's bytes themselves; the others are in
 * dispatch.h. */
#ifndef PLATOON_SERVER_REPLY_H
#define PLATOON_SERVER_REPLY_H

struct request;
struct message;

/* Send a message that was begun and filled; ends and releases it, and ends the request. */
void reply_message(struct request *rq, struct message *m);

#endif
