/* SPDX-License-Identifier: Apache-2.0 */
/* odd.c - a controller that is right, unless one thing is changed on the compiler's command line:
 * -DNAME='"x"', -DCREATE=NULL, -DABI='{2, 0, 0, 0}' and so on; tests/integration/sumo_controller.py
 * has them all. Its parameter `when_s` is when it does what -DDEED says. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <platoon/controller.h>

#ifndef ABI
#define ABI PLATOON_CONTROLLER_ABI
#endif
#ifndef NAME
#define NAME "odd"
#endif
#ifndef HELP
#define HELP "does something odd"
#endif
#ifndef PARAMETER /* name, unit, preset, min, max, is_switch, help */
#define PARAMETER "when_s", "s", 0.0, 0.0, 3600.0, false, "when it is odd"
#endif
#ifndef MORE_PARAMETERS
#define MORE_PARAMETERS
#endif
#ifndef N_PARAMETERS
#define N_PARAMETERS (sizeof parameters / sizeof parameters[0])
#endif
#ifndef PARAMETERS
#define PARAMETERS parameters
#endif
#ifndef PRESET
#define PRESET                                                                                     \
    {                                                                                              \
        "meter", NULL                                                                              \
    }
#endif
#ifndef PLACE /* key, kind, may_be_many, preset, help */
#define PLACE "tls", PLATOON_PLACE_SIGNAL, false, preset, "a signal"
#endif
#ifndef MORE_PLACES
#define MORE_PLACES
#endif
#ifndef N_PLACES
#define N_PLACES (sizeof places / sizeof places[0])
#endif
#ifndef CREATE
#define CREATE create
#endif
#ifndef OBSERVE
#define OBSERVE observe
#endif
#ifndef DESTROY
#define DESTROY free
#endif
#ifndef AT_CHECK
#define AT_CHECK
#endif
#ifndef AT_CREATE
#define AT_CREATE
#endif
#ifndef DEED
#define DEED
#endif
#ifndef LETTER
#define LETTER 'G'
#endif

#ifdef AT_LOADING
__attribute__((constructor)) static void at_loading(void)
{
    AT_LOADING;
}
#endif

static const char *const preset[] = PRESET;
static const struct platoon_controller_parameter parameters[] = {{PARAMETER}, MORE_PARAMETERS};
static const struct platoon_controller_place places[] = {{PLACE}, MORE_PLACES};

static bool check(const double *p, char *why, size_t why_bytes)
{
    (void)p, (void)why, (void)why_bytes;
    AT_CHECK;
    return true;
}

static void *create(const struct platoon_controller_run *run, char *why, size_t why_bytes)
{
    double *when_s = malloc(sizeof *when_s);

    (void)why, (void)why_bytes;
    AT_CREATE;
    if (when_s)
        *when_s = run->parameters[0];
    return when_s;
}

static void actuate(void *self, double time_s, const struct platoon_controller_signal *signal)
{
    memset(signal->state, time_s >= *(double *)self ? LETTER : 'G', signal->n_links);
}

static bool observe(void *self, double time_s, const struct platoon_controller_reading *readings,
                    char *why, size_t why_bytes)
{
    (void)readings, (void)why, (void)why_bytes;
    if (time_s >= *(double *)self) {
        DEED;
    }
    return true;
}

#ifndef NO_TABLE
const struct platoon_controller platoon_controller_plugin = {
    .abi = ABI,
    .name = NAME,
    .help = HELP,
    .parameters = PARAMETERS,
    .n_parameters = N_PARAMETERS,
    .places = places,
    .n_places = N_PLACES,
    .check = check,
    .create = CREATE,
    .actuate = actuate,
    .observe = OBSERVE,
    .destroy = DESTROY,
};
#endif
