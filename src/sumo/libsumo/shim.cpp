/* SPDX-License-Identifier: Apache-2.0 */
/* shim.cpp - libsumo's calls, with exceptions turned into statuses. */
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <vector>

#include <libsumo/libsumo.h>

extern "C" {
#include "sumo/libsumo/shim.h"
}

namespace {

std::string last_error, last_text;

/* Runs `body`. What SUMO throws for a wrong call is a TraCIException; everything else comes out of
 * the simulation itself. */
template <typename Body> libsumo_status guarded(Body body)
{
    try {
        return body();
    } catch (const libsumo::TraCIException &e) {
        last_error = e.what();
        return LIBSUMO_REFUSED;
    } catch (const std::bad_alloc &) {
        return LIBSUMO_NO_MEMORY;
    } catch (const std::exception &e) {
        last_error = e.what();
        return LIBSUMO_FATAL;
    } catch (...) {
        last_error = "an exception of unknown type";
        return LIBSUMO_FATAL;
    }
}

template <typename Body> libsumo_status ran(Body body)
{
    return guarded([&] {
        body();
        return LIBSUMO_OK;
    });
}

const char *sumo_version()
{
    static const char prefix[] = "SUMO ";

    (void)ran([] { last_text = libsumo::Simulation::getVersion().second; });
    if (last_text.compare(0, sizeof prefix - 1, prefix) == 0)
        last_text.erase(0, sizeof prefix - 1);
    return last_text.c_str();
}

const char *error()
{
    return last_error.c_str();
}

libsumo_status start(size_t n, const char *const *argv)
{
    /* Before a simulation is there every exception ends it. */
    libsumo_status st =
        ran([&] { libsumo::Simulation::start(std::vector<std::string>(argv, argv + n)); });

    return st == LIBSUMO_REFUSED ? LIBSUMO_FATAL : st;
}

libsumo_status now(libsumo_now *out)
{
    return ran([&] {
        out->time_s = libsumo::Simulation::getTime();
        out->expected = libsumo::Simulation::getMinExpectedNumber();
    });
}

libsumo_status times(double *out_end_s, double *out_step_s)
{
    return ran([&] {
        *out_end_s = libsumo::Simulation::getEndTime();
        *out_step_s = libsumo::Simulation::getDeltaT();
    });
}

libsumo_status option(const char *name, const char **out)
{
    return ran([&] {
        last_text = libsumo::Simulation::getOption(name);
        *out = last_text.c_str();
    });
}

std::vector<std::string> list_of(libsumo_objects what)
{
    switch (what) {
    case LIBSUMO_SIGNALS:
        return libsumo::TrafficLight::getIDList();
    case LIBSUMO_E1:
        return libsumo::InductionLoop::getIDList();
    case LIBSUMO_EDGES:
        return libsumo::Edge::getIDList();
    default:
        return libsumo::LaneArea::getIDList();
    }
}

/* The pointers, then the texts that they point to, in one block. */
libsumo_status ids(libsumo_objects what, char ***out)
{
    return guarded([&] {
        const std::vector<std::string> list = list_of(what);
        size_t bytes = (list.size() + 1) * sizeof(char *);

        for (const std::string &id : list)
            bytes += id.size() + 1;
        char **block = static_cast<char **>(std::malloc(bytes));
        if (!block)
            return LIBSUMO_NO_MEMORY;
        char *text = reinterpret_cast<char *>(block + list.size() + 1);
        for (size_t i = 0; i < list.size(); i++) {
            block[i] = text;
            std::memcpy(text, list[i].c_str(), list[i].size() + 1);
            text += list[i].size() + 1;
        }
        block[list.size()] = nullptr;
        *out = block;
        return LIBSUMO_OK;
    });
}

libsumo_status signal_state(const char *id, const char **out)
{
    return ran([&] {
        last_text = libsumo::TrafficLight::getRedYellowGreenState(id);
        *out = last_text.c_str();
    });
}

libsumo_status set_signal(const char *id, const char *state)
{
    return ran([&] { libsumo::TrafficLight::setRedYellowGreenState(id, state); });
}

libsumo_status e1_occupancy(const char *id, double *out_percent)
{
    return ran([&] { *out_percent = libsumo::InductionLoop::getLastStepOccupancy(id); });
}

libsumo_status e1_left(const char *id, double *out)
{
    return ran([&] {
        double left = 0;

        for (const auto &vehicle : libsumo::InductionLoop::getVehicleData(id))
            left += vehicle.leaveTime >= 0; /* -1: it is still there */
        *out = left;
    });
}

libsumo_status e1_speed(const char *id, double *out_mps)
{
    return ran([&] { *out_mps = libsumo::InductionLoop::getLastStepMeanSpeed(id); });
}

libsumo_status e2_vehicles(const char *id, double *out)
{
    return ran([&] { *out = libsumo::LaneArea::getLastStepVehicleNumber(id); });
}

libsumo_status e2_halting(const char *id, double *out)
{
    return ran([&] { *out = libsumo::LaneArea::getLastStepHaltingNumber(id); });
}

libsumo_status edge_vehicles(const char *id, double *out)
{
    return ran([&] { *out = libsumo::Edge::getLastStepVehicleNumber(id); });
}

libsumo_status edge_speed(const char *id, double *out_mps)
{
    return ran([&] { *out_mps = libsumo::Edge::getLastStepMeanSpeed(id); });
}

libsumo_status vehicles(double *out_running, double *out_waiting)
{
    return ran([&] {
        *out_running = libsumo::Vehicle::getIDCount();
        *out_waiting = static_cast<double>(libsumo::Simulation::getPendingVehicles().size());
    });
}

libsumo_status teleports(double *out)
{
    return ran([&] { *out = libsumo::Simulation::getStartingTeleportNumber(); });
}

libsumo_status events(double *out_departed, double *out_arrived, double *out_collided)
{
    return ran([&] {
        *out_departed = libsumo::Simulation::getDepartedNumber();
        *out_arrived = libsumo::Simulation::getArrivedNumber();
        *out_collided = libsumo::Simulation::getCollidingVehiclesNumber();
    });
}

libsumo_status step()
{
    return ran([] { libsumo::Simulation::step(); });
}

libsumo_status close(const char *reason)
{
    return ran([&] {
        libsumo::Simulation::close(reason);
        std::cout.flush();
    });
}

} // namespace

extern "C" __attribute__((visibility("default"))) const struct libsumo_table platoon_libsumo_table;
const struct libsumo_table platoon_libsumo_table = {
    LIBSUMO_TABLE_VERSION,
    sumo_version,
    error,
    start,
    now,
    times,
    option,
    ids,
    signal_state,
    set_signal,
    e1_occupancy,
    e1_left,
    e1_speed,
    e2_vehicles,
    e2_halting,
    edge_vehicles,
    edge_speed,
    vehicles,
    teleports,
    events,
    step,
    close,
};
