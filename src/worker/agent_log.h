/* SPDX-License-Identifier: Apache-2.0 */
/* agent_log.h - what the agent says: sentences with a level, to whoever started it. */
#ifndef PLATOON_WORKER_AGENT_LOG_H
#define PLATOON_WORKER_AGENT_LOG_H

#include <platoon/status.h>

enum agent_log_level {
    AGENT_ERROR = 3,
    AGENT_WARNING = 4,
    AGENT_INFO = 6,
    AGENT_DEBUG = 7 /* what runners print */
};

/* `write` gets one line without its newline, from any thread, several at once. */
struct agent_log {
    void (*write)(int level, const char *line, void *arg); /* NULL: silent */
    void *arg;
    int level; /* lines of higher levels are not made */
};

/* Cut at 2 KB; control characters become '?', newlines blanks. */
void agent_log(const struct agent_log *log, enum agent_log_level level, const char *format, ...)
    PLATOON_PRINTF(3, 4);

#endif
