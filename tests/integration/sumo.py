# SPDX-License-Identifier: Apache-2.0
"""The sumo runner against a real SUMO: results, identity with SUMO alone, and every way to fail."""
import os
import pickle
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import support
from support import SLOWDOWN, check, check_equal, check_in, skip, test
from support_sumo import METRICS, has_libsumo, relay, scenario, sumo_env, sumo_program

TIME_LIMIT_S = 900

PLAIN = {"filename": "data/ramp_metering.sumocfg", "control_bool": False, "seed": 3}
LIBSUMO = ("--sumo-backend", "libsumo")
N_RUNS = int(os.environ.get("PLATOON_TEST_SUMO_RUNS") or 200)
METERED = {"filename": "data/ramp_metering2.sumocfg", "control_bool": True, "seed": 3}


# --- the scenario and plain SUMO
# -----------------------------------------------------------------


def plain_sumo(t, root, *options):
    """Run SUMO itself in a folder of its own; returns that folder."""
    folder = Path(tempfile.mkdtemp(dir=t.tmp, prefix="plain-"))
    t.run([sumo_program(), "-c", root / "data" / "ramp_metering.sumocfg", "--output-prefix", "../" * 40 + "%s/" % folder,
           "--statistic-output", "statistic.xml", "--tripinfo-output", "trips.xml",
           "--tripinfo-output.write-unfinished", "--tripinfo-output.write-undeparted", "--no-step-log", *options],
          env=sumo_env(), cwd=folder, timeout=120)
    return folder


def without_header(path):
    """An output of SUMO less the comment that holds the date and the command line."""
    return re.sub(rb"<!--.*?-->", b"", Path(path).read_bytes(), count=1, flags=re.S)


def totals(statistic):
    trips = ElementTree.parse(statistic).getroot().find("vehicleTripStatistics")
    return float(trips.get("totalTravelTime")), float(trips.get("totalDepartDelay"))


# --- the runner
# ----------------------------------------------------------------------------------


class Runner(support.Process):
    """`platoon _sumo-runner` with its two pipes, used as the agent uses it."""

    def __init__(self, t, *options, root=None, env=None):
        env = dict(env or support.clean_env())
        if "--sumo-backend" not in options:
            # Most tests here have a SUMO process in view; libsumo has its own, sumo_libsumo.py.
            env["PLATOON_LIBSUMO"] = "/no/libsumo/for/this/test"
        in_read, self.tasks = os.pipe()
        self.answers, out_write = os.pipe()

        def place():
            # By way of numbers that are not taken, since 3 and 4 may be among those to move.
            os.dup2(in_read, 103)
            os.dup2(out_write, 104)
            os.dup2(103, 3)
            os.dup2(104, 4)

        super().__init__(t, [support.program("platoon"), "_sumo-runner", "--root", root or scenario(), *options],
                         env=env, preexec_fn=place, pass_fds=(3, 4), start_new_session=True)
        os.close(in_read)
        os.close(out_write)
        self.progress = []
        self.task_dir = None

    def warm_up(self):
        """Have it ask SUMO for its version, so that the next process it starts is a simulation."""
        self.result(dict(PLAIN, end=1))
        return self

    def send(self, task, **more):
        """Give it a task; returns the task's folder."""
        self.task_dir = Path(tempfile.mkdtemp(dir=self.t.tmp, prefix="task-"))
        message = {"task": task, "task_id": 1, "attempt": 1, "slot": 0, "task_dir": str(self.task_dir)}
        message.update(more)
        data = pickle.dumps(message, 2)
        os.write(self.tasks, struct.pack(">I", len(data)) + data)
        return self.task_dir

    def message(self):
        head = self._read_exactly(4)
        return pickle.loads(self._read_exactly(struct.unpack(">I", head)[0]))

    def _read_exactly(self, n):
        data = b""
        while len(data) < n:
            chunk = os.read(self.answers, n - len(data))
            if not chunk:
                raise support.Failure("the runner closed descriptor 4; stderr: %s" % self.stderr[-600:])
            data += chunk
        return data

    def answer(self):
        """The message that ends the task; progress goes to self.progress."""
        while True:
            message = self.message()
            check_equal(len(message), 1, "number of keys in a message")
            if "progress" not in message:
                return message
            self.progress.append(message["progress"])

    def result(self, task, **more):
        self.send(task, **more)
        message = self.answer()
        check("result" in message, "no result: %r" % message)
        return message["result"]

    def error(self, task, **more):
        self.send(task, **more)
        message = self.answer()
        check("error" in message, "no error: %r" % message)
        check_equal(sorted(message["error"]), ["exit", "kind", "message", "outcome", "stderr_tail"], "keys of error")
        return message["error"]

    def sumo_pid(self):
        """Its SUMO, as soon as it is one and not a copy of the runner about to become it."""
        def find():
            for pid in self.children():
                try:
                    if os.path.basename(os.readlink("/proc/%d/exe" % pid)).startswith(("sumo", "python")):
                        return pid
                except OSError:
                    pass
            return None
        return self.t.eventually(find, "the runner starts SUMO")

    def wait_for_output(self, size, name="detectors.out.xml"):
        """Until the running simulation has written so many bytes: it is in the middle of its steps."""
        path = self.task_dir / name
        self.t.eventually(lambda: path.exists() and path.stat().st_size >= size, "%s holds %d bytes" % (name, size),
                          timeout=60)

    def hang_up(self):
        os.close(self.tasks)
        self.tasks = -1

    def close(self):
        for fd in (self.tasks, self.answers):
            if fd >= 0:
                os.close(fd)
        self.tasks = self.answers = -1
        super().close()


def is_gone(pid):
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def check_error(error, kind, outcome, *parts):
    check_equal(error["kind"], kind, "kind (%s)" % error["message"])
    check_equal(error["outcome"], outcome, "outcome (%s)" % error["message"])
    for part in parts:
        check_in(part, error["message"], "message")


# --- results
# -------------------------------------------------------------------------------------


@test(timeout=240)
def both_tasks_of_the_tutorial_run_to_their_end_and_metering_helps(t):
    runner = Runner(t)
    free = runner.result(PLAIN)
    metered = runner.result(METERED)
    for result, task in ((free, PLAIN), (metered, METERED)):
        check_equal(list(result), list(task) + [m for m in METRICS if m not in task], "keys of the result")
        check_equal({k: result[k] for k in task}, task, "the task's own keys")
        check_equal(result["outcome"], "ok", "outcome")
        check_equal(result["vehicles_arrived"], result["vehicles_inserted"], "vehicles that arrived")
        check_equal((result["vehicles_running"], result["vehicles_waiting"]), (0, 0), "vehicles left")
        check(5000 < result["vehicles_inserted"] < 5800, "%d vehicles" % result["vehicles_inserted"])
        check(result["total_time_spent_h"] >= result["total_travel_time_h"], "time spent below travel time")
        check(isinstance(result["teleports"], int) and isinstance(result["end_time_s"], float), "types")
    check(metered["total_time_spent_h"] < 0.95 * free["total_time_spent_h"],
          "total time spent %g h metered, %g h free" % (metered["total_time_spent_h"], free["total_time_spent_h"]))
    check(metered["mean_delay_s"] < free["mean_delay_s"], "metering does not lower the delay")
    check(metered["mean_speed_kmh"] > free["mean_speed_kmh"], "metering does not raise the speed")


@test(timeout=180)
def a_run_without_control_is_sumo_alone_to_the_bit(t):
    alone = plain_sumo(t, scenario(), "--seed", "7", "--end", "1500")
    travel, delay = totals(alone / "statistic.xml")
    for options in [(), ("--sumo-backend", "traci")] + ([LIBSUMO] if has_libsumo() else []):
        runner = Runner(t, *options)
        result = runner.result({"filename": "data/ramp_metering.sumocfg", "seed": 7, "end": 1500,
                                "options": {"tripinfo-output": "trips.xml"}})
        check_equal(without_header(runner.task_dir / "trips.xml"), without_header(alone / "trips.xml"),
                    "trip output with %s" % (options,))
        check_equal(result["total_travel_time_h"], travel / 3600, "total travel time")
        check_equal(result["total_time_spent_h"], (travel + delay) / 3600, "total time spent")
        check_equal(result["outcome"], "ok", "outcome of a run that was cut off while traffic flowed")
        check(result["vehicles_running"] > 0, "nobody is left on the road")
        check_equal(result["end_time_s"], 1500.0, "end time")


@test(timeout=180)
def a_metered_run_is_sumo_alone_with_the_recorded_signal_to_the_bit(t):
    root = scenario(t)
    record = (root / "data" / "detectors.add.xml").read_text().replace(
        "</additional>", '<timedEvent type="SaveTLSStates" source="meter" dest="states.xml"/></additional>')
    (root / "data" / "record.add.xml").write_text(record)
    runner = Runner(t, root=root)
    runner.result(dict(METERED, end=2400, control={"o_target": 14}, options={
        "additional-files": "data/record.add.xml", "tripinfo-output": "trips.xml"}))
    phases, states = [], ElementTree.parse(runner.task_dir / "states.xml").getroot().iter("tlsState")
    for state in states:
        if phases and phases[-1][0] == state.get("state"):
            phases[-1][1] += 1
        else:
            phases.append([state.get("state"), 1])
    check(sum(1 for state, _ in phases if state == "r") > 20, "the signal was hardly ever red: %r" % phases[:20])
    check(all(n == 2 for state, n in phases[1:-1] if state == "G" and n < 30), "a green that is not 2 s: %r" % phases)
    program = "".join('<phase duration="%d" state="%s"/>' % (n, state) for state, n in phases)
    replay = record.replace("<timedEvent", '<tlLogic id="meter" type="static" programID="replay" offset="0">%s</tlLogic>'
                                           "<timedEvent" % program)
    (root / "data" / "replay.add.xml").write_text(replay)
    alone = plain_sumo(t, root, "--seed", "3", "--end", "2400",
                       "--additional-files", root / "data" / "replay.add.xml")
    check_equal(without_header(runner.task_dir / "trips.xml"), without_header(alone / "trips.xml"), "trip output")


@test(timeout=180)
def a_fixed_cycle_is_sumos_own_program_of_that_cycle_to_the_bit(t):
    root = scenario(t)
    program = ('<tlLogic id="meter" type="static" programID="cycle" offset="0"><phase duration="7" state="r"/>'
               '<phase duration="3" state="G"/></tlLogic></additional>')
    (root / "data" / "cycle.add.xml").write_text(
        (root / "data" / "detectors.add.xml").read_text().replace("</additional>", program))
    alone = plain_sumo(t, root, "--seed", "3", "--end", "900", "--additional-files", root / "data" / "cycle.add.xml")
    for options in [("--sumo-backend", "traci")] + ([LIBSUMO] if has_libsumo() else []):
        runner = Runner(t, *options, root=root)
        result = runner.result(dict(METERED, seed=3, end=900, options={"tripinfo-output": "trips.xml"},
                                    control={"type": "fixed", "cycle_s": 10, "green_s": 3}))
        check_equal(without_header(runner.task_dir / "trips.xml"), without_header(alone / "trips.xml"),
                    "trip output with %s" % (options,))
        check(result["vehicles_running"] > 0, "nobody is on the road")
    check_error(runner.error(dict(METERED, control={"type": "fixed", "cycle_s": 2})), "bad-task", "failed", "no red")


@test(timeout=120)
def the_same_seed_gives_the_same_result_and_another_another(t):
    first, second = Runner(t), Runner(t)
    task = dict(METERED, end=900)
    one, two, other = first.result(task), second.result(task), first.result(dict(task, seed=4))
    for metric in METRICS:
        if metric != "wall_s":
            check_equal(one[metric], two[metric], metric)
    check(one["total_time_spent_h"] != other["total_time_spent_h"], "the seed has no effect")


@test(timeout=120)
def two_runs_of_one_configuration_at_a_time_do_not_meet(t):
    runners = [Runner(t), Runner(t)]
    tasks = [dict(METERED, end=900, seed=seed, options={"tripinfo-output": "trips.xml"}) for seed in (5, 6)]
    for runner, task in zip(runners, tasks):
        runner.send(task)
    together = [runner.answer()["result"] for runner in runners]
    for runner, task, result in zip(runners, tasks, together):
        trips = without_header(runner.task_dir / "trips.xml")
        alone = runner.result(task)
        check_equal(alone["total_time_spent_h"], result["total_time_spent_h"], "total time spent")
        check_equal(without_header(runner.task_dir / "trips.xml"), trips, "trip output")


@test(timeout=120)
def a_random_seed_is_told_and_repeats_the_run(t):
    root = scenario(t)
    config = root / "data" / "random.sumocfg"
    config.write_text((root / "data" / "ramp_metering.sumocfg").read_text().replace(
        "<processing>", '<random_number><random value="true"/></random_number><processing>'))
    runner = Runner(t, root=root)
    drawn = runner.result({"filename": "data/random.sumocfg", "end": 600})
    again = runner.result({"filename": "data/random.sumocfg", "end": 600, "seed": drawn["seed"]})
    check_equal(again["total_time_spent_h"], drawn["total_time_spent_h"], "total time spent of the repeated run")
    default = runner.result({"filename": "data/ramp_metering.sumocfg", "end": 60})
    check_equal(default["seed"], 23423, "SUMO's own seed")


@test(timeout=120)
def begin_end_and_options_reach_sumo(t):
    runner = Runner(t)
    usual = runner.result(dict(PLAIN, end=600))
    half = runner.result(dict(PLAIN, end=600, options={"scale": 0.5}))
    check(half["vehicles_inserted"] < 0.7 * usual["vehicles_inserted"], "scale has no effect")
    later = runner.result(dict(PLAIN, begin=300, end=600))
    check(later["vehicles_inserted"] < 0.7 * usual["vehicles_inserted"], "begin has no effect")
    finer = runner.result(dict(METERED, end=300, options={"step-length": 0.5}))
    check_equal(finer["end_time_s"], 300.0, "end time with steps of half a second")


@test(timeout=120)
def settings_beside_the_configuration_are_used(t):
    root = scenario(t)
    task = dict(METERED, end=1800, options={"tripinfo-output": "trips.xml"})
    runner = Runner(t, root=root)
    runner.result(task)
    usual = without_header(runner.task_dir / "trips.xml")
    (root / "data" / "ramp_metering2.platoon.yaml").write_text("control:\n  o_target: 5\n")
    runner.result(task)
    lower = without_header(runner.task_dir / "trips.xml")
    check(lower != usual, "the file has no effect")
    runner.result(dict(task, control={"o_target": 18}))
    check_equal(without_header(runner.task_dir / "trips.xml"), usual, "trip output when the task wins")
    (root / "data" / "ramp_metering2.platoon.yaml").write_text("control:\n  o_target: 500\n")
    check_error(runner.error(task), "bad-task", "failed", "ramp_metering2.platoon.yaml", "it must be 1 to 100 %")


@test(timeout=120)
def folders_with_spaces_and_other_scripts_work(t):
    root = t.tmp / "高速 公路"
    shutil.copytree(scenario(), root)
    shutil.move(str(root / "data"), str(root / "数据"))
    runner = Runner(t, root=root, env=support.clean_env(LANG=None, LC_ALL=None))
    for control in (False, True):
        result = runner.result({"filename": "数据\\ramp_metering.sumocfg", "control_bool": control, "end": 100})
        check_equal(result["outcome"], "ok", "outcome")


@test(timeout=120)
def progress_tells_how_far_a_run_is(t):
    runner = Runner(t)
    runner.send(dict(METERED, end=7200))
    while len(runner.progress) < 2:
        message = runner.message()
        check("progress" in message, "the run ended before it told twice how far it is: %r" % message)
        runner.progress.append(message["progress"])
    runner.send_signal(signal.SIGKILL)
    first, second = runner.progress[:2]
    check_equal(sorted(first), ["begin_s", "done", "end_s", "left_s", "real_time_factor", "running", "time_s", "waiting",
                                "wall_s"], "keys of progress")
    check(0 < first["time_s"] < second["time_s"] <= 7200, "simulated time %r, %r" % (first, second))
    check(0 < first["wall_s"] < second["wall_s"], "wall time %r, %r" % (first, second))
    check_equal((first["begin_s"], first["end_s"]), (0.0, 7200.0), "begin and end")
    for told in (first, second):
        check_equal(told["done"], told["time_s"] / 7200, "the part that is done")
        check_equal(round(told["left_s"], 6), round((7200 - told["time_s"]) / told["real_time_factor"], 6), "time left")
    check(abs(second["real_time_factor"] - second["time_s"] / second["wall_s"]) < 1e-6, "pace: %r" % second)


# --- where files go
# ------------------------------------------------------------------------------


def snapshot(folder):
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(Path(folder).rglob("*"))}


@test(timeout=120)
def all_outputs_land_in_the_tasks_folder_whoever_named_them(t):
    root = scenario(t)
    (root / "data" / "out").mkdir()
    config = (root / "data" / "ramp_metering.sumocfg").read_text()
    (root / "data" / "writes.sumocfg").write_text(config.replace("<time>", """<output>
        <tripinfo-output value="out/trips.xml"/><summary-output value="../summary.xml"/>
        <queue-output value="%s/absolute.xml"/></output><time>""" % root))
    before = snapshot(root)
    runner = Runner(t, root=root)
    for control in (False, True):
        result = runner.result({"filename": "data/writes.sumocfg", "control_bool": control, "end": 120,
                                "options": {"fcd-output": "fcd.xml"}})
        check_equal(result["outcome"], "ok", "outcome")
        check_equal(sorted(os.listdir(runner.task_dir)),
                    ["absolute.xml", "detectors.out.xml", "fcd.xml", "platoon-statistic.xml", "summary.xml",
                     "trips.xml"], "files in the task's folder")
    check_equal(snapshot(root), before, "the scenario's folder")


@test(timeout=120)
def folders_that_sumo_cannot_write_to_are_told(t):
    runner = Runner(t)
    for name in ("some TIME ago", "${HOME}"):
        folder = t.tmp / name
        folder.mkdir()
        check_error(runner.error(PLAIN, task_dir=str(folder)), "internal", "failed", "TIME or ${ stands in the path")
    check_error(runner.error(PLAIN, task_dir=str(t.tmp / "absent")), "internal", "failed", "no absolute path of a folder")
    check_error(runner.error(PLAIN, task_dir="relative"), "internal", "failed", "no absolute path of a folder")


@test(timeout=120)
def a_task_cannot_read_or_write_elsewhere(t):
    root = scenario(t)
    outside = t.file("outside.sumocfg", (root / "data" / "ramp_metering.sumocfg").read_text())
    (root / "data" / "link.sumocfg").symlink_to(outside)
    runner = Runner(t, root=root)
    for name in ("../outside.sumocfg", "data/../../outside.sumocfg", "..\\outside.sumocfg", outside, "data/link.sumocfg"):
        check_error(runner.error({"filename": name}), "bad-task", "failed", "--root")
    for name, value in (("tripinfo-output", "../x.xml"), ("tripinfo-output", outside), ("route-files", "../x.rou.xml"),
                        ("fcd-output", "localhost:4711"), ("save-configuration", "x.xml"), ("remote-port", 1),
                        ("output-prefix", "x")):
        error = runner.error(dict(PLAIN, options={name: value}))
        check_error(error, "bad-task", "failed", "options.%s" % name)
    shutil.copy(root / "data" / "network.net.xml", t.tmp)
    for name in ("demand.rou.xml", "detectors.add.xml"):
        shutil.copy(root / "data" / name, t.tmp)
    free = Runner(t, "--allow-any-path", root=root)
    check_equal(free.result({"filename": outside, "end": 60})["outcome"], "ok", "outcome with --allow-any-path")


@test(timeout=180)
def many_runs_leave_nothing_behind(t):
    runner = Runner(t).warm_up()
    tasks = [dict(PLAIN, end=30), dict(METERED, end=30), {"filename": "data/none.sumocfg"},
             dict(METERED, end=30, control={"tls": "none"})]
    files, temporary = runner.open_files(), set(os.listdir("/tmp"))
    memory_kb = None
    for i in range(10):
        for task in tasks:
            runner.send(task)
            runner.answer()
        if i == 2:
            memory_kb = runner.memory_kb()
    check_equal(runner.open_files(), files, "descriptors after 40 tasks")
    check_equal(runner.children(), [], "children")
    if SLOWDOWN == 1:  # a sanitizer keeps freed memory for a while, and reports leaks itself
        check(runner.memory_kb() < memory_kb + 1024, "memory grew from %d to %d KB" % (memory_kb, runner.memory_kb()))
    left = {name for name in set(os.listdir("/tmp")) - temporary if not name.startswith("platoon-")}
    check(not [name for name in left if "sumo" in name.lower()], "left in /tmp: %r" % left)
    runner.hang_up()
    check_equal(runner.wait(), 0, "exit code at the end of tasks")


# --- tasks and files that are wrong
# --------------------------------------------------------------


@test(timeout=120)
def files_that_are_wrong_fail_in_sumos_own_words(t):
    root = scenario(t)
    data = root / "data"
    config = (data / "ramp_metering.sumocfg").read_text()
    routes = (data / "demand.rou.xml").read_text()
    (data / "malformed.sumocfg").write_text(config.replace("</input>", ""))
    (data / "no_network.sumocfg").write_text(config.replace("network.net.xml", "absent.net.xml"))
    (data / "bad_option.sumocfg").write_text(config.replace("<begin ", "<beginn "))
    (data / "malformed.rou.xml").write_text(routes[:700])
    (data / "bad_edge.rou.xml").write_text(routes.replace('"main_upstream merge', '"main_upstream mergge'))
    (data / "bad_lane.add.xml").write_text(
        (data / "detectors.add.xml").read_text().replace('lane="merge_1"', 'lane="merge_9"'))
    cases = [
        ({"filename": "data/malformed.sumocfg"}, "Could not load configuration"),
        ({"filename": "data/no_network.sumocfg"}, "absent.net.xml' is not accessible"),
        ({"filename": "data/bad_option.sumocfg"}, "beginn"),
        (dict(PLAIN, options={"route-files": "data/malformed.rou.xml"}), "malformed.rou.xml"),
        (dict(PLAIN, options={"route-files": "data/bad_edge.rou.xml"}), "The edge 'mergge' within the route"),
        (dict(PLAIN, options={"additional-files": "data/bad_lane.add.xml"}), "The lane with the id 'merge_9' is not known"),
    ]
    for runner in [Runner(t, root=root)] + ([Runner(t, *LIBSUMO, root=root)] if has_libsumo() else []):
        for task, words in cases:
            for control in (False, True):
                error = runner.error(dict(task, control_bool=control))
                check_error(error, "exit", "failed", "SUMO ended with exit code 1: Error: ", words)
                check_equal(error["exit"], 1, "exit")
                check_in("Quitting (on error).", error["stderr_tail"], "stderr_tail")
        check_equal(runner.result(dict(PLAIN, end=60))["outcome"], "ok", "outcome of the task after them")


@test
def tasks_that_are_wrong_are_refused_before_anything_runs(t):
    runner = Runner(t)
    for task, words in (
            ({"filename": "data/absent.sumocfg"}, "that folder holds ramp_metering"),
            ({"filename": "nowhere/x.sumocfg"}, "there is no such file under the worker"),
    ):
        check_error(runner.error(task), "not-found", "failed", words)
    for task, words in (
            (42, "a SUMO task is a dict such as"),
            (None, "not a NoneType"),
            ({}, "no 'filename'"),
            ({"filename": 7}, "filename must be a text, not a int"),
            (dict(PLAIN, seed="7"), "seed must be a whole number"),
            (dict(PLAIN, seed=2 ** 70), "seed must be a whole number"),
            (dict(PLAIN, end=-1), "end must be"),
            (dict(PLAIN, begin=20000), "is not after the begin"),
            (dict(PLAIN, control_bool="no"), "control_bool must be True or False"),
            (dict(METERED, control={"K_R": 1e9}), "it must be 0 to 1000 veh/h/%"),
            (dict(METERED, control={"o_traget": 18}), "did you mean \"o_target\"?"),
            (dict(METERED, control={"r_max_vph": 1800}), "leaves no red"),
            (dict(METERED, control=[1]), "control must be a dict"),
            (dict(PLAIN, options={"scale": "big"}), "options.scale must be a number"),
    ):
        error = runner.error(task)
        check_error(error, "bad-task", "failed", words)
        check_equal((error["exit"], os.listdir(runner.task_dir)), (None, []), "exit, files")


@test(timeout=120)
def names_that_the_network_lacks_are_told_with_those_it_has(t):
    runner = Runner(t)
    error = runner.error(dict(METERED, control={"tls": "J9"}))
    check_error(error, "bad-task", "failed", "control.tls: the network has no signal (tlLogic) \"J9\"", "it has: meter")
    error = runner.error(dict(METERED, control={"occupancy_detectors": ["merge_1", "merge_7"]}))
    check_error(error, "bad-task", "failed", "no induction loop (E1) \"merge_7\"", "merge_1, merge_2", "ramp_in")
    error = runner.error(dict(METERED, control={"queue_detector": "merge_1"}))
    check_error(error, "bad-task", "failed", "no lane area detector (E2) \"merge_1\"", "it has: ramp_queue")
    root = scenario(t)
    path = root / "data" / "detectors.add.xml"
    path.write_text(path.read_text().replace('id="ramp_queue"', 'id="my_queue"'))
    runner = Runner(t, root=root)
    error = runner.error(METERED)
    check_error(error, "bad-task", "failed", "control.queue_detector is not set", "it has: my_queue", ".platoon.yaml")
    check_equal(runner.result(dict(METERED, end=60, control={"queue_detector": "my_queue"}))["outcome"], "ok", "outcome")
    check_equal(runner.result(dict(METERED, end=60, control={"queue_override": False}))["outcome"], "ok",
                "outcome without the override, which needs no queue detector")


# --- SUMO itself is missing, wrong, or hostile
# ---------------------------------------------------


@test
def a_missing_sumo_is_told(t):
    runner = Runner(t, env=support.clean_env(PATH="/nowhere", SUMO_HOME="/elsewhere"))
    check_error(runner.error(PLAIN), "not-found", "failed", "SUMO is not on this machine", "/elsewhere", "--sumo")
    check_error(Runner(t, "--sumo", "/nowhere/sumo").error(PLAIN), "not-found", "failed", "/nowhere/sumo")
    check_error(Runner(t, "--sumo", "/bin/true").error(PLAIN), "bad-output", "failed",
                "/bin/true --version does not answer like SUMO")
    old = t.file("old-sumo", "#!/bin/sh\necho Eclipse SUMO sumo Version 1.4.0\n", mode=0o755)
    check_error(Runner(t, "--sumo", old).error(PLAIN), "not-found", "failed", "SUMO 1.4.0; Platoon needs 1.10")


@test
def sumo_is_found_in_its_home_and_given_one(t):
    home = t.tmp / "home"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "sumo").symlink_to(sumo_program())
    runner = Runner(t, env=support.clean_env(PATH="/nowhere", SUMO_HOME=str(home)))
    check_equal(runner.result(dict(PLAIN, end=30))["outcome"], "ok", "outcome")
    spy = t.file("spy", "#!/bin/sh\necho \"home=$SUMO_HOME\" >%s\nexec %s \"$@\"\n" % (t.tmp / "spied", sumo_program()),
                 mode=0o755)
    check_equal(Runner(t, "--sumo", spy, env=support.clean_env(SUMO_HOME=None)).result(dict(PLAIN, end=30))["outcome"],
                "ok", "outcome")
    if os.path.isdir("/usr/share/sumo/data/xsd"):
        check_equal((t.tmp / "spied").read_text().strip(), "home=/usr/share/sumo", "SUMO_HOME of SUMO")


@test(timeout=120)
def a_relay_that_changes_nothing_is_not_noticed(t):
    result = Runner(t, "--sumo", relay(t, "nothing")).result(dict(METERED, end=60))
    check_equal(result["outcome"], "ok", "outcome")


@test(timeout=120)
def another_version_of_the_protocol_is_refused(t):
    error = Runner(t, "--sumo", relay(t, "version")).error(METERED)
    check_error(error, "not-found", "failed", "speaks TraCI 99, Platoon speaks 20 to 22")


@test(timeout=120)
def answers_that_are_no_traci_are_refused(t):
    check_error(Runner(t, "--sumo", relay(t, "cut")).error(METERED), "bad-output", "failed", "malformed")
    check_error(Runner(t, "--sumo", relay(t, "long")).error(METERED), "bad-output", "failed", "announces 2147483647 bytes")
    check_error(Runner(t, "--sumo", relay(t, "http")).error(METERED), "bad-output", "failed",
                "is it SUMO that listens there?")
    check_error(Runner(t, "--sumo", relay(t, "refuse")).error(METERED), "bad-output", "failed",
                "SUMO refused a step: I would rather not")


@test(timeout=120)
def a_peer_that_hangs_up_or_never_answers_does_not_hang_the_runner(t):
    error = Runner(t, "--sumo", relay(t, "hangup")).error(METERED)
    check_error(error, "bad-output", "incomplete", "SUMO exited with 0 in mid run")
    error = Runner(t, "--sumo", relay(t, "silent")).error(METERED, timeout_s=0.5)
    check_error(error, "timeout", "timed-out", "the time limit of 0.5 s is over")


# --- SUMO dies, hangs, is interrupted
# ------------------------------------------------------------


@test(timeout=180)
def a_sumo_killed_at_any_step_is_a_failure_that_says_so(t):
    runner = Runner(t).warm_up()
    for task in (PLAIN, METERED):
        for bytes_written in (None, 1, 20000):
            runner.send(task)
            if bytes_written:
                runner.wait_for_output(bytes_written)
            pid = runner.sumo_pid()
            os.kill(pid, signal.SIGKILL)
            error = runner.answer()["error"]
            check_error(error, "signal", "failed", "SUMO was ended by signal 9")
            check_equal(error["exit"], -9, "exit")
            # The control loop counts steps; of a SUMO alone a block of its log may be missing.
            form = (r"after simulated time \d+\.00 s$" if task is METERED else
                    r"after (less than some 45 steps|simulated time \d+\.00 s or some 45 steps more) \(its log .*\)$")
            check(re.search(form, error["message"]), "how far it was: %r" % error["message"])
            check(is_gone(pid), "SUMO is still there")
    check_equal(runner.result(dict(METERED, end=60))["outcome"], "ok", "outcome of the task after them")


@test(timeout=120)
def a_sumo_that_is_told_to_stop_is_no_success_though_it_exits_with_0(t):
    runner = Runner(t).warm_up()
    for number in (signal.SIGTERM, signal.SIGINT):
        runner.send(PLAIN)
        runner.wait_for_output(4000)
        os.kill(runner.sumo_pid(), number)
        error = runner.answer()["error"]
        check_error(error, "signal", "interrupted", "SUMO was told to stop")
        check_equal(error["exit"], 0, "exit")


@test(timeout=120)
def a_driven_sumo_that_is_told_to_stop_takes_no_notice_and_is_right(t):
    runner = Runner(t)
    task = dict(METERED, end=1500)
    undisturbed = runner.result(task)
    runner.send(task)
    runner.wait_for_output(4000)
    os.kill(runner.sumo_pid(), signal.SIGTERM)
    message = runner.answer()
    if "error" in message:  # a release that minds the signal
        check_error(message["error"], "signal", "interrupted")
    else:
        check_equal(message["result"]["total_time_spent_h"], undisturbed["total_time_spent_h"], "total time spent")


@test(timeout=120)
def a_hung_sumo_is_killed_at_the_time_limit(t):
    for options, more in (((), {"timeout_s": 1.0}), (("--timeout", "1"), {})):
        runner = Runner(t, *options).warm_up()
        for task in (PLAIN, METERED):
            runner.send(dict(task, end=14000), **more)
            pid = runner.sumo_pid()
            os.kill(pid, signal.SIGSTOP)
            check_error(runner.answer()["error"], "timeout", "timed-out", "the time limit of 1 s is over")
            check(is_gone(pid), "SUMO is still there")


@test(timeout=120)
def killing_the_group_kills_sumo_too(t):
    for task in (PLAIN, METERED):
        runner = Runner(t)
        runner.send(task)
        pid = runner.sumo_pid()
        check_equal(os.getpgid(pid), runner.pid, "process group of SUMO")
        os.killpg(runner.pid, signal.SIGKILL)
        runner.wait()
        t.eventually(lambda: is_gone(pid), "SUMO is gone with the group")


@test(timeout=120)
def sumo_goes_with_the_runner_and_the_runner_with_the_agent(t):
    for task in (PLAIN, METERED):
        runner = Runner(t)
        runner.send(task)
        runner.wait_for_output(1)
        pid = runner.sumo_pid()
        runner.kill()
        t.eventually(lambda: is_gone(pid), "SUMO is gone with the runner")

        runner = Runner(t)
        runner.send(task)
        runner.wait_for_output(1)
        pid = runner.sumo_pid()
        runner.hang_up()
        check_equal(runner.wait(), 0, "exit code of a runner whose agent is gone")
        check(is_gone(pid), "SUMO is still there")


# --- runs that end otherwise
# ---------------------------------------------------------------------

ONLY_RAMP = """<routes><route id="entering" edges="ramp_storage ramp_merge merge main_downstream"/>
<flow id="f" route="entering" begin="0" end="300" probability="0.3"/></routes>"""
RED = """<additional><tlLogic id="meter" type="static" programID="red" offset="0"><phase duration="3600" state="r"/>
</tlLogic></additional>"""


@test(timeout=120)
def a_gridlock_is_done_and_named(t):
    root = scenario(t)
    (root / "data" / "ramp.rou.xml").write_text(ONLY_RAMP)
    (root / "data" / "red.add.xml").write_text(RED)
    result = Runner(t, root=root).result(dict(PLAIN, end=1200, options={
        "route-files": "data/ramp.rou.xml", "additional-files": "data/red.add.xml"}))
    check_equal(result["outcome"], "gridlocked", "outcome")
    check_equal(result["vehicles_arrived"], 0, "vehicles that arrived")
    check(result["vehicles_running"] > 20, "%d vehicles stand" % result["vehicles_running"])
    check(result["mean_delay_s"] > 600, "mean delay %g s" % result["mean_delay_s"])


@test(timeout=120)
def undeparted_vehicles_count_in_the_figures(t):
    root = scenario(t)
    (root / "data" / "ramp.rou.xml").write_text(ONLY_RAMP.replace('probability="0.3"', 'probability="1"'))
    (root / "data" / "red.add.xml").write_text(RED)
    runner = Runner(t, root=root)
    result = runner.result(dict(PLAIN, end=1200, options={
        "route-files": "data/ramp.rou.xml", "additional-files": "data/red.add.xml", "tripinfo-output": "trips.xml"}))
    check(result["vehicles_waiting"] > 50, "%d vehicles wait" % result["vehicles_waiting"])
    trips = list(ElementTree.parse(runner.task_dir / "trips.xml").getroot())
    spent = sum(float(trip.get("duration")) + float(trip.get("departDelay")) for trip in trips)
    lost = sum(float(trip.get("timeLoss")) + float(trip.get("departDelay")) for trip in trips)
    check(abs(result["total_time_spent_h"] - spent / 3600) < 1e-3, "time spent by trips: %g h" % (spent / 3600))
    check(abs(result["mean_delay_s"] - lost / len(trips)) < 0.05, "delay by trips: %g s" % (lost / len(trips)))


@test(timeout=120)
def sumos_own_limit_on_teleports_ends_a_run_early(t):
    root = scenario(t)
    (root / "data" / "ramp.rou.xml").write_text(ONLY_RAMP)
    (root / "data" / "red.add.xml").write_text(RED)
    config = (root / "data" / "ramp_metering.sumocfg").read_text()
    (root / "data" / "teleport.sumocfg").write_text(
        config.replace("<processing>", '<processing><max-num-teleports value="3"/>'))
    for options in [()] + ([LIBSUMO] if has_libsumo() else []):
        result = Runner(t, *options, root=root).result({"filename": "data/teleport.sumocfg", "end": 3000, "options": {
            "route-files": "data/ramp.rou.xml", "additional-files": "data/red.add.xml", "time-to-teleport": 60}})
        check_equal(result["outcome"], "stopped-early", "outcome with %s" % (options,))
        check(result["teleports"] >= 3, "%d teleports" % result["teleports"])


@test(timeout=120)
def a_run_without_an_end_ends_when_the_road_is_empty(t):
    root = scenario(t)
    config = (root / "data" / "ramp_metering.sumocfg").read_text()
    (root / "data" / "endless.sumocfg").write_text(config.replace('<end value="14400"/>', ""))
    (root / "data" / "ramp.rou.xml").write_text(ONLY_RAMP)
    runner = Runner(t, root=root)
    task = {"filename": "data/endless.sumocfg", "options": {"route-files": "data/ramp.rou.xml"}}
    ends = [runner.result(dict(task, control_bool=control)) for control in (False, True)]
    for result in ends:
        check_equal((result["outcome"], result["vehicles_running"]), ("ok", 0), "outcome, vehicles left")
        check(300 < result["end_time_s"] < 1500, "it ended at %g s" % result["end_time_s"])


@test(timeout=120)
def a_configuration_that_asks_for_a_client_does_not_wait_for_one(t):
    root = scenario(t)
    config = (root / "data" / "ramp_metering.sumocfg").read_text()
    (root / "data" / "client.sumocfg").write_text(config.replace(
        "<report>", '<traci_server><remote-port value="%d"/><num-clients value="2"/></traci_server><report>'
        % support.free_port()))
    runner = Runner(t, root=root)
    for control in (False, True):
        result = runner.result({"filename": "data/client.sumocfg", "control_bool": control, "end": 60})
        check_equal(result["outcome"], "ok", "outcome")


@test(timeout=120)
def a_full_disk_is_a_failure_though_sumo_does_not_notice(t):
    scenario()
    folder = t.tmp / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=False,
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        skip("a small file system cannot be mounted here (needs root)")
    try:
        runner = Runner(t)
        for task in (PLAIN, METERED):
            error = runner.error(dict(task, end=300, options={"fcd-output": "fcd.xml"}), task_dir=str(folder))
            check_error(error, "bad-output", "incomplete", "the disk of the task's folder is full")
            check_equal(error["exit"], 0, "exit")
            for path in folder.iterdir():
                path.unlink()
    finally:
        subprocess.run(["umount", str(folder)], check=True)


# --- the port
# ------------------------------------------------------------------------------------


@test(timeout=120)
def the_port_is_held_until_sumo_has_it_and_closed_to_others_after(t):
    """Between the runner's choice of a port and SUMO's use of it no other program is given it, and once SUMO has its
    client nobody else gets in."""
    seen = t.tmp / "port"
    spy = t.file("spy", '#!/bin/sh\nfor a; do [ "$last" = --remote-port ] && echo $a >%s; last=$a; done\nsleep 0.3\n'
                        'exec %s "$@"\n' % (seen, sumo_program()), mode=0o755)
    runner = Runner(t, "--sumo", spy)
    runner.send(METERED)
    t.eventually(lambda: seen.exists() and seen.read_text().strip() not in ("", "0"), "the port is chosen")
    port = int(seen.read_text().strip())
    with socket.socket() as other:
        try:
            other.bind(("127.0.0.1", port))
            check(False, "another program could bind port %d" % port)
        except OSError:
            pass
    runner.wait_for_output(1)
    with socket.socket() as other:
        other.settimeout(2)
        check(other.connect_ex(("127.0.0.1", port)) != 0, "a second client could connect to SUMO")
    os.kill(runner.sumo_pid(), signal.SIGKILL)
    check_error(runner.answer()["error"], "signal", "failed")


@test
def a_runner_without_its_descriptors_says_what_it_is(t):
    p = t.run([support.program("platoon"), "_sumo-runner"], exit_code=2)
    check_in("platoon work", p.stderr)
    p = t.run([support.program("platoon"), "_sumo-runner", "--root", "/nowhere"], exit_code=2)
    check_in("--root /nowhere: No such file or directory", p.stderr)
    check_in("usage:", t.run([support.program("platoon"), "_sumo-runner", "--bogus"], exit_code=2).stderr)


@test
def frames_that_are_no_tasks_end_the_runner(t):
    for data, words in ((b"\x00\x00\x00\x05hello", "pickle"), (b"\xff\xff\xff\xff", "announces"), (b"\x00\x00", "within")):
        runner = Runner(t)
        os.write(runner.tasks, data)
        runner.hang_up()
        check_equal(runner.wait(), 1, "exit code")
        check_in(words, runner.stderr)


# --- SUMO as a library
# ---------------------------------------------------------------------------


def names_of_children(runner):
    names = []
    for pid in runner.children():
        try:
            names.append(Path("/proc/%d/comm" % pid).read_text().strip())
        except OSError:
            pass
    return sorted(names)


def zygote_of(runner):
    """The zygote, and not a simulation's process, which bears the same name: the first of the two."""
    pids = [pid for pid in runner.children() if Path("/proc/%d/comm" % pid).read_text().strip() == "platoon-zygote"]
    check(pids, "no zygote among %r" % names_of_children(runner))
    return min(pids)


def libsumo_runner(t, *options, **more):
    """A runner whose zygote is there already."""
    if not has_libsumo():
        skip("the module for libsumo was not built: SUMO's headers or a C++ compiler are missing")
    runner = Runner(t, *LIBSUMO, *options, **more)
    runner.result(dict(PLAIN, end=1))
    return runner


def simulation_of(t, runner):
    zygote = zygote_of(runner)
    return t.eventually(lambda: next((pid for pid in runner.children() if pid != zygote), None), "a simulation runs")


@test(timeout=180)
def both_back_ends_give_the_same_metered_run_to_the_bit(t):
    task = dict(METERED, end=2400, control={"o_target": 14}, options={"tripinfo-output": "trips.xml"})
    library, socket_client = libsumo_runner(t), Runner(t, "--sumo-backend", "traci")
    one, two = library.result(task), socket_client.result(task)
    for metric in METRICS:
        if metric != "wall_s":
            check_equal(one[metric], two[metric], metric)
    check_equal(without_header(library.task_dir / "trips.xml"), without_header(socket_client.task_dir / "trips.xml"),
                "trip output")
    check(one["end_time_s"] == 2400.0 and one["vehicles_arrived"] > 1000, "a run that shows nothing: %r" % one)


@test(timeout=120)
def auto_takes_libsumo_for_control_and_sumo_alone_without(t):
    if not has_libsumo():
        skip("the module for libsumo was not built")
    runner = Runner(t, "--sumo-backend", "auto")
    runner.result(dict(PLAIN, end=30))
    check_equal(runner.children(), [], "children after a run without control")
    runner.result(dict(METERED, end=30))
    check_equal(names_of_children(runner), ["platoon-zygote"], "children after a run with control")
    runner.hang_up()
    check_equal(runner.wait(), 0, "exit code")


@test(timeout=120)
def where_libsumo_cannot_be_had_auto_does_without_and_libsumo_says_why(t):
    bad = t.file("bad.so", "no module")
    for value, words in (("/nowhere/x.so", "/nowhere/x.so, which is no file"), (bad, "libsumo cannot be loaded")):
        env = support.clean_env(PLATOON_LIBSUMO=value)
        check_error(Runner(t, *LIBSUMO, env=env).error(dict(METERED, end=30)), "not-found", "failed", words)
        check_equal(Runner(t, "--sumo-backend", "auto", env=env).result(dict(METERED, end=30))["outcome"], "ok", "outcome")


@test(timeout=120)
def a_libsumo_of_another_version_than_sumo_is_not_used(t):
    other = t.file("bin/sumo", '#!/bin/sh\n[ "$1" = --version ] && { echo "Eclipse SUMO sumo Version 1.14.7"; exit; }\n'
                               'exec %s "$@"\n' % sumo_program(), mode=0o755)
    if not has_libsumo():
        skip("the module for libsumo was not built")
    error = Runner(t, *LIBSUMO, "--sumo", other).error(dict(METERED, end=30))
    check_error(error, "not-found", "failed", "is SUMO 1.14.7", "--sumo-backend traci")
    env = support.clean_env(PATH="%s:%s" % (os.path.dirname(other), os.environ["PATH"]), SUMO_HOME=None)
    result = Runner(t, "--sumo-backend", "auto", env=env).result(dict(METERED, end=30))
    check_equal((result["outcome"], result["sumo_version"]), ("ok", "1.14.7"), "a run by auto")


@test(timeout=120)
def a_simulation_that_is_killed_fails_and_the_next_one_runs(t):
    runner = libsumo_runner(t)
    for number in (signal.SIGKILL, signal.SIGTERM):
        runner.send(METERED)
        pid = simulation_of(t, runner)
        runner.wait_for_output(1)
        os.kill(pid, number)
        error = runner.answer()["error"]
        check_error(error, "signal", "failed", "ended by signal %d" % number)
        check_equal(error["exit"], -number, "exit")
    zygote = zygote_of(runner)
    os.kill(zygote, signal.SIGKILL)
    check_equal(runner.result(dict(METERED, end=30))["outcome"], "ok", "outcome after the zygote was killed")
    check(zygote_of(runner) != zygote, "the same zygote")


@test(timeout=120)
def a_simulation_that_hangs_is_killed_at_the_time_limit(t):
    runner = libsumo_runner(t)
    runner.send(METERED, timeout_s=1)
    pid = simulation_of(t, runner)
    os.kill(pid, signal.SIGSTOP)
    check_error(runner.answer()["error"], "timeout", "timed-out", "the time limit of 1 s is over")
    check(is_gone(pid), "it is still there")


@test(timeout=120)
def simulations_and_zygote_go_with_the_runner_and_with_the_agent(t):
    for end in ("kill", "hang_up"):
        runner = libsumo_runner(t)
        runner.send(METERED)
        pids = [simulation_of(t, runner), zygote_of(runner)]
        runner.wait_for_output(1)
        getattr(runner, end)()
        t.eventually(lambda: all(is_gone(pid) for pid in pids), "all is gone after %s" % end)
        runner.wait()


@test(timeout=120)
def what_the_network_lacks_is_told_by_libsumo_too(t):
    runner = libsumo_runner(t)
    check_error(runner.error(dict(METERED, control={"tls": "none"})), "bad-task", "failed", '"none"', "meter")


@test(timeout=60 + N_RUNS)
def short_runs_in_a_row_by_libsumo_leave_nothing_behind(t):
    runner = libsumo_runner(t)
    tasks = [dict(METERED, end=10), dict(PLAIN, end=10), dict(METERED, end=10, control={"tls": "none"})]
    zygote, memory_kb = zygote_of(runner), None

    def held():
        return (runner.open_files(), len(os.listdir("/proc/%d/fd" % zygote)), runner.children())

    def zygote_kb():
        return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/%d/status" % zygote).read_text())[1])

    before = held()
    for i in range(N_RUNS):
        runner.send(tasks[i % len(tasks)])
        runner.answer()
        shutil.rmtree(runner.task_dir)
        if i == N_RUNS // 2:
            memory_kb = runner.memory_kb() + zygote_kb()
    check_equal(held(), before, "descriptors of runner and zygote, children, after %d runs" % N_RUNS)
    if SLOWDOWN == 1:
        grown = runner.memory_kb() + zygote_kb() - memory_kb
        check(grown < 1024, "memory grew by %d KB in the second half of %d runs" % (grown, N_RUNS))


if __name__ == "__main__":
    support.main()
