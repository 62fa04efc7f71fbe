/* SPDX-License-Identifier: Apache-2.0 */
/* platoon.h - everything of libplatoon: values, pickles, the client of a manager server, and SUMO. */
#ifndef PLATOON_PLATOON_H
#define PLATOON_PLATOON_H

#include <platoon/manager.h>
#include <platoon/pickle.h>
#include <platoon/status.h>
#include <platoon/sumo.h>
#include <platoon/traci.h>
#include <platoon/value.h>

#endif
