# SPDX-License-Identifier: Apache-2.0
"""`platoon sumo`: one simulation here, its figures as a table or as JSON, its failures in SUMO's words."""
import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import support
from support import check, check_equal, check_in, test
from support_sumo import scenario

TIME_LIMIT_S = 600


def sumo(t, *arguments, exit_code=0, **env):
    """Run `platoon sumo` in the scenario's folder, with temporary folders in one of the test's own."""
    folder = t.tmp / "temporary"
    folder.mkdir(exist_ok=True)
    p = t.platoon("sumo", *arguments, cwd=scenario(), exit_code=exit_code, timeout=120,
                  env=support.clean_env(TMPDIR=str(folder), **env))
    check_equal(os.listdir(folder), [], "temporary folders that are left")
    return p


def totals(statistic):
    text = Path(statistic).read_text()
    return float(re.search(r'totalTravelTime="([^"]*)"', text)[1]), float(re.search(r'totalDepartDelay="([^"]*)"', text)[1])


def without_header(path):
    return re.sub(rb"<!--.*?-->", b"", Path(path).read_bytes(), count=1, flags=re.S)


@test(timeout=120)
def figures_are_a_table_with_units(t):
    p = sumo(t, "data/ramp_metering.sumocfg", "--seed", "3", "--set", "end=300")
    rows = [line.split(None, 2) for line in p.stdout.splitlines()]
    check_equal(rows[0], ["metric", "value", "unit"], "head")
    figures = {row[0]: row[1:] for row in rows}
    check_equal(figures["seed"], ["3"], "seed")
    check_equal(figures["end_time_s"], ["300.00", "s"], "end")
    check_equal(figures["total_time_spent_h"][1], "veh h", "unit")
    check_equal(figures["outcome"], ["ok"], "outcome")
    check_equal(len({len(line.rstrip().rsplit("veh", 1)[0]) for line in p.stdout.splitlines() if "veh h" in line}), 1,
                "where units begin")
    check_equal(p.stderr, "", "stderr")


@test(timeout=180)
def json_has_the_figures_of_plain_sumo_and_of_a_controller(t):
    options = ("--seed", "7", "--set", "end=600", "--json")
    free = json.loads(sumo(t, "data/ramp_metering.sumocfg", *options).stdout)
    folder = t.tmp / "plain"
    folder.mkdir()
    t.run(["sumo", "-c", scenario() / "data" / "ramp_metering.sumocfg", "--seed", "7", "--end", "600", "--no-step-log",
           "--output-prefix", "../" * 40 + "%s/" % folder, "--statistic-output", "statistic.xml",
           "--tripinfo-output.write-unfinished", "--tripinfo-output.write-undeparted"], timeout=60,
          env=support.clean_env(SUMO_HOME=os.environ.get("SUMO_HOME") or "/usr/share/sumo"))
    check_equal(free["total_time_spent_h"], sum(totals(folder / "statistic.xml")) / 3600, "total time spent")
    metered = json.loads(sumo(t, "data/ramp_metering2.sumocfg", *options, "--control", "alinea", "--set", "o_target=14",
                              "--set", "occupancy_detectors=merge_1,merge_2", "--set", "queue_override=true").stdout)
    check_equal(metered["control"], {"o_target": 14.0, "occupancy_detectors": ["merge_1", "merge_2"],
                                     "queue_override": True, "type": "alinea"}, "control")
    check_equal(metered["outcome"], "ok", "outcome")


@test(timeout=120)
def failures_are_in_the_words_of_sumo(t):
    (scenario() / "lost.sumocfg").write_text(
        '<configuration><input><net-file value="lost.net.xml"/></input></configuration>')
    p = sumo(t, "lost.sumocfg", exit_code=1)
    check_equal(p.stdout, "", "stdout")
    check_in("exit code 1: Error: File '%s' is not accessible" % (scenario() / "lost.net.xml"), p.stderr)
    told = json.loads(sumo(t, "lost.sumocfg", "--json", exit_code=1).stdout)
    check_equal((told["platoon_error"]["kind"], told["platoon_error"]["exit"], told["platoon_error"]["outcome"]),
                ("exit", 1, "failed"), "the failure")
    check_equal(told["task"], {"filename": "lost.sumocfg"}, "task")
    check_in("lost.sumocfg", sumo(t, "nothing.sumocfg", exit_code=1).stderr)
    check_in("no induction loop", sumo(t, "data/ramp_metering2.sumocfg", "--set", "occupancy_detectors=x",
                                       exit_code=1).stderr)
    check_in("0 to 1000 veh/h/%", sumo(t, "data/ramp_metering2.sumocfg", "--set", "K_R=5000", exit_code=1).stderr)
    check_in("scale, step-length", sumo(t, "data/ramp_metering.sumocfg", "--set", "no-such=1", exit_code=1).stderr)
    check_in("time limit of 0.2 s", sumo(t, "data/ramp_metering.sumocfg", "--timeout", "0.2", exit_code=1).stderr)
    check_in("there is no program /nowhere/sumo",
             sumo(t, "data/ramp_metering.sumocfg", "--sumo", "/nowhere/sumo", exit_code=1).stderr)


@test(timeout=60)
def wrong_command_lines_are_refused(t):
    for arguments, part in ((("--seed", "-1", "x"), "--seed"), (("x", "y"), "one argument too many"),
                            ((), "which simulation"), (("x", "--set", "scale"), "KEY=VALUE"),
                            (("x", "--control", "mpc"), "there are alinea, fixed and none"),
                            (("x", "--control", "none", "--set", "K_R=1"), "--control none"),
                            (("x", "--root", "nowhere"), "--root nowhere")):
        check_in(part, sumo(t, *arguments, exit_code=2).stderr)


@test(timeout=60)
def root_keeps_files_inside_as_a_worker_does(t):
    outside = "../ramp_metering/data/ramp_metering.sumocfg"
    sumo(t, outside, "--set", "end=10")
    check_in("--root", sumo(t, outside, "--root", ".", "--set", "end=10", exit_code=1).stderr)
    sumo(t, "ramp_metering.sumocfg", "--root", "data", "--set", "end=10")


@test(timeout=60)
def outputs_are_kept_in_a_new_folder_on_request(t):
    kept = t.tmp / "kept"
    options = ("data/ramp_metering.sumocfg", "--set", "end=60", "--set", "tripinfo-output=trips.xml",
               "--output-dir", str(kept))
    check_in(str(kept), sumo(t, *options).stderr)
    check_in("<tripinfo ", (kept / "trips.xml").read_text())
    check_in("not there yet", sumo(t, *options, exit_code=1).stderr)


@test(timeout=60)
def ctrl_c_stops_the_simulation_and_leaves_nothing(t):
    folder = t.tmp / "temporary"
    folder.mkdir()
    p = support.Process(t, [support.program("platoon"), "sumo", "data/ramp_metering2.sumocfg", "--control", "alinea"],
                        cwd=scenario(), env=support.clean_env(TMPDIR=str(folder)))
    t.eventually(lambda: list(folder.glob("*/*.xml")), "SUMO writes its outputs")
    p.send_signal(signal.SIGINT)
    check_equal(p.wait(30), 130, "exit code")
    check_in("interrupted", p.stderr)
    check_equal(os.listdir(folder), [], "temporary folders that are left")


@test(timeout=60)
def a_terminal_sees_how_far_it_is(t):
    master, slave = pty.openpty()
    try:
        p = subprocess.Popen([support.program("platoon"), "sumo", "data/ramp_metering.sumocfg", "--set", "end=1800"],
                             cwd=str(scenario()), env=support.clean_env(TERM="xterm"), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=slave)
    finally:
        os.close(slave)
    shown = b""
    while True:
        try:
            chunk = os.read(master, 4096)
        except OSError:
            break
        shown += chunk
    os.close(master)
    check_equal(p.wait(), 0, "exit code")
    check(re.search(rb"\d+ s of 1800 s  \d+ on the road", shown), "no progress: %r" % shown[:300])
    check(shown.endswith(b"\r\x1b[K"), "the line is still there: %r" % shown[-80:])


if __name__ == "__main__":
    support.main()
