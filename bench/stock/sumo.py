# SPDX-License-Identifier: Apache-2.0
"""SUMO without Platoon, told what to run: sumo.py CARRIER JOB.

CARRIER   alone    the program, the signal's states as a program of its own
          traci    Python's traci, which comes with SUMO: reads the controller's detectors each step (by subscription:
                   one message a step), sets the signal when its state changes
          libsumo  Python's libsumo, the same by calls
JOB       a JSON file: argv, argv_alone (SUMO's command lines), tls, states (one a step), and the
          detectors occupancy (a list), queue, inflow

`run` on stdin: one run; answers with a JSON object, the CPU seconds (user and system) of this process and its children.
"""
import json
import os
import subprocess
import sys
import time


def alone(job):
    subprocess.run(job["argv_alone"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def traci(job):
    import traci as api
    from traci import constants as tc
    api.start(job["argv"], stdout=subprocess.DEVNULL, doSwitch=True)
    api.simulation.subscribe([tc.VAR_TIME, tc.VAR_MIN_EXPECTED_VEHICLES])
    for detector in job["occupancy"]:
        api.inductionloop.subscribe(detector, [tc.LAST_STEP_OCCUPANCY])
    api.inductionloop.subscribe(job["inflow"], [tc.LAST_STEP_VEHICLE_DATA])
    api.lanearea.subscribe(job["queue"], [tc.LAST_STEP_VEHICLE_NUMBER])
    shown = None
    for wanted in job["states"]:
        if wanted != shown:
            api.trafficlight.setRedYellowGreenState(job["tls"], wanted)
            shown = wanted
        api.simulationStep()
        values = [api.inductionloop.getSubscriptionResults(d)[tc.LAST_STEP_OCCUPANCY] for d in job["occupancy"]]
        values.append(len(api.inductionloop.getSubscriptionResults(job["inflow"])[tc.LAST_STEP_VEHICLE_DATA]))
        values.append(api.lanearea.getSubscriptionResults(job["queue"])[tc.LAST_STEP_VEHICLE_NUMBER])
        if api.simulation.getSubscriptionResults()[tc.VAR_MIN_EXPECTED_VEHICLES] <= 0:
            break
    api.close()


def libsumo(job):
    import libsumo as api
    api.start(job["argv"])
    shown = None
    for wanted in job["states"]:
        if wanted != shown:
            api.trafficlight.setRedYellowGreenState(job["tls"], wanted)
            shown = wanted
        api.simulationStep()
        values = [api.inductionloop.getLastStepOccupancy(d) for d in job["occupancy"]]
        values.append(len(api.inductionloop.getVehicleData(job["inflow"])))
        values.append(api.lanearea.getLastStepVehicleNumber(job["queue"]))
        if api.simulation.getMinExpectedNumber() <= 0:
            break
    api.close()


def cpu_s():
    t = os.times()
    return t.children_user + t.children_system + time.process_time()


def main():
    carrier = {"alone": alone, "traci": traci, "libsumo": libsumo}[sys.argv[1]]
    with open(sys.argv[2]) as f:
        job = json.load(f)
    sys.path.append(os.path.join(os.environ["SUMO_HOME"], "tools"))
    answers = os.fdopen(os.dup(1), "w", 1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    for fd in (1, 2):  # libsumo prints what SUMO prints
        os.dup2(nothing, fd)
    for _ in sys.stdin:
        before = cpu_s()
        carrier(job)
        answers.write(json.dumps({"cpu_s": cpu_s() - before}) + "\n")


if __name__ == "__main__":
    main()
