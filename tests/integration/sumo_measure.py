# SPDX-License-Identifier: Apache-2.0
"""What users have measured: windows and metrics, against an independent reading of the files that SUMO wrote."""
import json
import statistics
from xml.etree import ElementTree

import support
from support import check, check_equal, check_in, test
from support_sumo import METRICS, scenario, sumo_env

TIME_LIMIT_S = 300

END_S = 1200
FROM_S, TO_S = 300, 1180  # the last interval of the detectors that fits ends at 1140
# so much traffic that vehicles wait for room to depart until the end
CROWDED = ("data/ramp_metering.sumocfg", "--seed", "5", "--set", "end=%d" % END_S, "--set", "scale=2",
           "--set", "tripinfo-output=trips.xml")
OWN = {
    "delay_s": "tripinfo/timeLoss mean",
    "delay_sd_s": "tripinfo/timeLoss std",
    "delay_p95_s": "tripinfo/timeLoss p95",
    "slowest_s": "tripinfo/duration max",
    "stops": "tripinfo/waitingCount sum",
    "depart_delay_s": "tripinfo/departDelay sum",
    "trips": "tripinfo/id count",
    "last_arrival_s": "tripinfo/arrival max",
    "standing": "summary/halting max",
    "merge_percent": "e1/merge_1/occupancy mean",
    "merge_speed_mps": "e1/merge_1/speed mean",
    "passed": "e1/nVehContrib sum",
    "ramp_veh": "e2/ramp_queue/meanVehicleNumber p50",
}


def sumo(t, *arguments, exit_code=0):
    return t.platoon("sumo", *arguments, cwd=scenario(), exit_code=exit_code, timeout=120, env=sumo_env())


def with_own_metrics():
    for name, text in OWN.items():
        yield "--set"
        yield "metrics.%s=%s" % (name, text)


def elements(path, tag):
    return [element.attrib for element in ElementTree.parse(path).getroot() if element.tag == tag]


def check_near(got, wanted, what, tolerance=1e-9):
    check(abs(got - wanted) <= tolerance * max(1.0, abs(wanted)), "%s is %r, not %r" % (what, got, wanted))


def quantile(values, q):
    """By linear interpolation, as the inclusive method of Python's statistics."""
    return statistics.quantiles(values, n=100, method="inclusive")[round(q * 100) - 1]


def of_window(folder):
    """Every figure of the window, from SUMO's own files."""
    inside = lambda time: FROM_S <= time < TO_S
    trips = elements(folder / "trips.xml", "tripinfo")
    departed = [trip for trip in trips if inside(float(trip["depart"]))]
    waiting = [trip for trip in trips if float(trip["depart"]) < 0 and inside(END_S - float(trip["departDelay"]))]
    column = lambda name, of=departed: [float(trip[name]) for trip in of]
    arrived = [time for time in column("arrival") if time >= 0]
    intervals = [i for i in elements(folder / "detectors.out.xml", "interval")
                 if float(i["begin"]) >= FROM_S and float(i["end"]) <= TO_S]
    merge = [i for i in intervals if i["id"] == "merge_1"]
    check(len(departed) > 300 and waiting and len(arrived) < len(departed) and len(merge) == 14, "a poor example")
    delay = sum(column("departDelay")) + sum(column("departDelay", waiting))
    return {
        "vehicles_inserted": len(departed),
        "vehicles_arrived": len(arrived),
        "vehicles_running": len(departed) - len(arrived),
        "vehicles_waiting": len(waiting),
        "total_travel_time_h": sum(column("duration")) / 3600,
        "total_time_spent_h": (sum(column("duration")) + delay) / 3600,
        "mean_delay_s": (sum(column("timeLoss")) + delay) / (len(departed) + len(waiting)),
        "mean_speed_kmh": statistics.fmean(float(t["routeLength"]) / float(t["duration"]) for t in departed) * 3.6,
        "delay_s": statistics.fmean(column("timeLoss")),
        "delay_sd_s": statistics.stdev(column("timeLoss")),
        "delay_p95_s": quantile(column("timeLoss"), 0.95),
        "slowest_s": max(column("duration")),
        "stops": sum(column("waitingCount")),
        "depart_delay_s": delay,
        "trips": len(departed),
        "last_arrival_s": max(arrived),
        "standing": max(int(s["halting"]) for s in elements(folder / "platoon-summary.xml", "step")
                        if inside(float(s["time"]))),
        "merge_percent": statistics.fmean(float(i["occupancy"]) for i in merge),
        "merge_speed_mps": statistics.fmean(float(i["speed"]) for i in merge if i["speed"] != "-1.00"),
        "passed": sum(int(i["nVehContrib"]) for i in intervals if "nVehContrib" in i),
        "ramp_veh": statistics.median(float(i["meanVehicleNumber"]) for i in intervals if i["id"] == "ramp_queue"),
    }


@test(timeout=120)
def figures_of_a_window_are_those_of_its_vehicles_and_intervals(t):
    kept = t.tmp / "kept"
    result = json.loads(sumo(t, *CROWDED, "--set", "measure.from=%d" % FROM_S, "--set", "measure.to=%d" % TO_S,
                             *with_own_metrics(), "--json", "--output-dir", str(kept)).stdout)
    wanted = of_window(kept)
    check(set(OWN) < set(wanted), "a metric without a figure to compare with")
    for name, value in wanted.items():
        check_near(result[name], value, name)
    check_equal((result["measure_from_s"], result["measure_to_s"]), (FROM_S, TO_S), "the window")
    check_equal(result["metrics"], OWN, "the task's own keys")


@test(timeout=120)
def a_window_of_the_whole_run_has_the_figures_of_sumos_statistics(t):
    plain = json.loads(sumo(t, *CROWDED, "--json").stdout)
    # by another carrier: it must know as well when the run ended
    measured = json.loads(sumo(t, *CROWDED, "--set", "measure.to=1000000", "--sumo-backend", "traci", "--json").stdout)
    for name in METRICS:
        if name == "mean_delay_s":
            check_near(measured[name], plain[name], name, 0.005)
        elif name == "mean_speed_kmh":
            check(abs(measured[name] - plain[name]) <= 0.005 * 3.6, "%s: %r" % (name, (measured[name], plain[name])))
        elif name.startswith("total_"):
            check(abs(measured[name] - plain[name]) <= 0.01 / 3600, "%s: %r" % (name, (measured[name], plain[name])))
        elif name != "wall_s":
            check_equal(measured[name], plain[name], name)
    check(plain["vehicles_waiting"] > 0 and plain["vehicles_running"] > 0, "a poor example: %r" % plain)
    check("measure_to_s" not in plain, "a window that nobody asked for")


@test(timeout=60)
def a_settings_file_measures_too_and_the_table_has_units(t):
    root = scenario(t)
    (root / "data" / "ramp_metering.platoon.yaml").write_text(
        "metrics:\n  longest_queue_m: e2/ramp_queue/maxJamLengthInMeters max\n  nobody: tripinfo/timeLoss mean\n"
        "measure: {from: 50, to: 50.5}\n")
    p = t.platoon("sumo", "data/ramp_metering.sumocfg", "--set", "end=60", "--set", "metrics.started=tripinfo/id count",
                  cwd=root, timeout=60, env=sumo_env())
    rows = {line.split()[0]: line.split()[1:] for line in p.stdout.splitlines()}
    check_equal(rows["longest_queue_m"], ["-", "m"], "of a window without a whole interval")
    check_equal(rows["nobody"], ["-"], "a mean of no vehicles")
    check_equal(rows["started"], ["0.00"], "a count of no vehicles")
    check_equal(rows["vehicles_inserted"], ["0", "veh"], "vehicles in the window")


@test(timeout=60)
def what_cannot_be_measured_is_told_with_what_can(t):
    short = ("data/ramp_metering.sumocfg", "--set", "end=60")
    for text, parts in (("tripinfo/timelos mean", ("metrics.x", "timelos", 'did you mean "timeLoss"?', "departDelay")),
                        ("e1/merge_3/occupancy mean", ("merge_3", "There is:", "merge_1", "ramp_out")),
                        ("e2/merge_1/meanSpeed max", ("merge_1", "There is: ramp_queue")),
                        ("summary/vType max", ("summary output has no attribute vType", "halting")),
                        ("e1/flow median", ("median", "p50"))):
        told = json.loads(sumo(t, *short, "--set", "metrics.x=" + text, "--json", exit_code=1).stdout)
        check_equal((told["platoon_error"]["kind"], told["platoon_error"]["outcome"]), ("bad-task", "failed"), text)
        for part in parts:
            check_in(part, told["platoon_error"]["message"])
    for name in METRICS:
        check_in("metrics.%s: a result has that key already" % name,
                 sumo(t, *short, "--set", "metrics.%s=tripinfo/id count" % name, exit_code=1).stderr)
    check_in("not before the simulation's end", sumo(t, *short, "--set", "measure.from=60", exit_code=1).stderr)


if __name__ == "__main__":
    support.main()
