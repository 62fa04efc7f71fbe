/* SPDX-License-Identifier: Apache-2.0 */
/* calendar.c - a wall clock that a test can set, for one program: LD_PRELOAD this, and the clock is
 * ahead by the days that stand in the file named by CALENDAR_FILE. Time that passes stays true.
 * (libfaketime will not do: it also moves timerfd's monotonic timers.) */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static time_t ahead_s(void)
{
    const char *path = getenv("CALENDAR_FILE");
    char days[32] = "";
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        if (read(fd, days, sizeof days - 1) < 0)
            days[0] = '\0';
        close(fd);
    }
    return (time_t)strtol(days, NULL, 10) * 86400;
}

EXPORTED int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += ahead_s();
    return result;
}

EXPORTED int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact) != 0)
        return -1;
    *now = (struct timeval){exact.tv_sec, exact.tv_nsec / 1000};
    return 0;
}

EXPORTED time_t time(time_t *out)
{
    struct timespec exact;

    if (clock_gettime(CLOCK_REALTIME, &exact) != 0)
        return (time_t)-1;
    if (out)
        *out = exact.tv_sec;
    return exact.tv_sec;
}
