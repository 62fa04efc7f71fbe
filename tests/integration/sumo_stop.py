# SPDX-License-Identifier: Apache-2.0
"""Rules that end a hopeless run early (`--stop-when`, `stop_when`): when they fire, by whatever carries the run; what the
result, the manifest and a campaign then say; and that a rule which never fires changes nothing."""
import csv
import io
import json
import re
from pathlib import Path

import support
from support import check, check_equal, check_in, test
from support_sumo import METRICS, has_libsumo, scenario, sumo_env

TIME_LIMIT_S = 300

# so much traffic that vehicles soon find no room to depart
CROWDED = ("data/ramp_metering.sumocfg", "--seed", "5", "--set", "scale=4")
RULE = "waiting > 100 and arrived > 0 and inserted > 0 and running > 0 or teleports > 1000"


def sumo(t, *arguments, exit_code=0, cwd=None):
    return t.platoon("sumo", *arguments, cwd=cwd or scenario(), exit_code=exit_code, timeout=120, env=sumo_env())


def back_ends():
    return ["traci", "auto"] + (["libsumo"] if has_libsumo() else [])


def figures(result):
    return {key: value for key, value in result.items() if key != "wall_s"}


def trips(folder):
    """The trips as SUMO wrote them, less its header with the time of writing."""
    return re.sub(rb"<!--.*?-->", b"", (Path(folder) / "trips.xml").read_bytes(), count=1, flags=re.S)


@test(timeout=120)
def a_rule_fires_at_the_same_time_with_the_same_figures_by_every_carrier(t):
    told = {}
    for control in ("none", "alinea"):
        for back_end in back_ends():
            p = sumo(t, "data/ramp_metering2.sumocfg", *CROWDED[1:], "--control", control, "--sumo-backend", back_end,
                     "--stop-when", RULE, "--json", exit_code=1)
            check_in("warning: the run was stopped early: waiting > 100", p.stderr)
            told[control, back_end] = figures(json.loads(p.stdout))
        for back_end in back_ends():
            check_equal(told[control, back_end], told[control, "traci"], "%s by %s" % (control, back_end))
    result = told["none", "traci"]
    check_equal((result["outcome"], result["stop_when"]), ("stopped-early", RULE), "outcome, the rule")
    check(result["end_time_s"] % 10 == 0 and result["end_time_s"] < 1000, "it ended at %r s" % result["end_time_s"])
    check(result["vehicles_waiting"] > 100, "%d wait" % result["vehicles_waiting"])
    # What the rule saw is what SUMO's own statistic says of the end.
    check_equal(result["stopped_by"], "%s (waiting %d, running %d, inserted %d, arrived %d, teleports %d at %g s)" % (
        RULE, result["vehicles_waiting"], result["vehicles_running"], result["vehicles_inserted"],
        result["vehicles_arrived"], result["teleports"], result["end_time_s"]), "stopped_by")


@test(timeout=120)
def a_run_that_was_stopped_is_the_beginning_of_the_whole_one(t):
    for name, options in (("stopped", ("--stop-when", "time >= 185")), ("ended", ("--set", "end=190"))):
        p = sumo(t, *CROWDED, *options, "--set", "tripinfo-output=trips.xml", "--output-dir", str(t.tmp / name), "--json",
                 exit_code=1 if name == "stopped" else 0)
        if name == "stopped":
            stopped = json.loads(p.stdout)
    ended = json.loads(p.stdout)
    check_equal(stopped["stopped_by"], "time >= 185 (at 190 s)", "looks are 10 s apart")
    check_equal([stopped[name] for name in METRICS if name not in ("wall_s", "outcome")],
                [ended[name] for name in METRICS if name not in ("wall_s", "outcome")], "figures")
    check_equal(trips(t.tmp / "stopped"), trips(t.tmp / "ended"), "trips")
    check(b'arrival="-1.00"' in trips(t.tmp / "stopped"), "vehicles on the road are among the trips")
    manifest = json.loads((t.tmp / "stopped" / "manifest.json").read_text())
    check_equal((manifest["stop_when"], manifest["stopped_by"], manifest["outcome"]),
                ("time >= 185", stopped["stopped_by"], "stopped-early"), "manifest")
    manifest = json.loads((t.tmp / "ended" / "manifest.json").read_text())
    check_equal((manifest["stop_when"], manifest["stopped_by"], "stopped_by" in ended), (None, None, False), "without a rule")


@test(timeout=120)
def a_rule_that_never_fires_changes_no_bit(t):
    def run(name, *options):
        p = sumo(t, *CROWDED, "--set", "end=200", "--set", "tripinfo-output=trips.xml", "--output-dir", str(t.tmp / name),
                 "--json", *options)
        return json.loads(p.stdout), trips(t.tmp / name)

    plain, plain_trips = run("plain")
    for back_end in back_ends():
        # The second condition holds, but not for so long; at its end a run is over and not stopped.
        result, its_trips = run(back_end, "--sumo-backend", back_end, "--stop-when",
                                "waiting > 1e6 or inserted > 10 for 190 s")
        check_equal(its_trips, plain_trips, "trips by %s" % back_end)
        result.pop("stop_when")
        check_equal(figures(result), figures(plain), "result by %s" % back_end)


@test(timeout=120)
def teleports_and_collisions_are_counted_as_sumo_counts_them(t):
    root = scenario(t)
    (root / "data" / "ramp.rou.xml").write_text(
        '<routes><route id="entering" edges="ramp_storage ramp_merge merge main_downstream"/>'
        '<flow id="f" route="entering" begin="0" end="300" probability="0.3"/></routes>')
    (root / "data" / "red.add.xml").write_text(
        '<additional><tlLogic id="meter" type="static" programID="red" offset="0"><phase duration="3600" state="r"/>'
        "</tlLogic></additional>")
    config = (root / "data" / "ramp_metering.sumocfg").read_text()
    (root / "data" / "close.sumocfg").write_text(config.replace(  # whoever queues has collided
        "<processing>", '<processing><collision.mingap-factor value="2"/>'))
    jam = ("--set", "route-files=data/ramp.rou.xml", "--set", "additional-files=data/red.add.xml", "--json",
           "--set", "time-to-teleport=30", "--set", "end=600")
    for back_end in back_ends():
        p = sumo(t, "data/close.sumocfg", *jam, "--sumo-backend", back_end, "--stop-when", "teleports > 3 and collided > 9",
                 exit_code=1, cwd=root)
        result = json.loads(p.stdout)
        check(result["teleports"] > 3 and result["collisions"] > 4, "a poor example: %r" % result)
        check_in("(teleports %d, collided %d at " % (result["teleports"], 2 * result["collisions"]), result["stopped_by"])


@test(timeout=60)
def a_settings_file_has_a_rule_too_and_the_task_wins(t):
    root = scenario(t)
    (root / "data" / "ramp_metering.platoon.yaml").write_text("stop_when: time > 30 for 20 s\n")
    short = ("data/ramp_metering.sumocfg", "--set", "end=100")
    p = sumo(t, *short, exit_code=1, cwd=root)
    check_equal(p.stdout.splitlines()[-1], "stopped by time > 30 for 20 s (at 60 s)", "below the table")
    check_in("outcome", p.stdout.splitlines()[-3])
    check_in("its figures are of the time until then", p.stderr)
    p = sumo(t, *short, "--stop-when", "time > 60", exit_code=1, cwd=root)
    check_in("stopped by time > 60 (at 70 s)", p.stdout)
    check("stopped" not in sumo(t, *short, "--stop-when", "none", cwd=root).stdout, "stopped by none")
    (root / "data" / "ramp_metering.platoon.yaml").write_text("stop_when: [1]\n")
    check_in("ramp_metering.platoon.yaml: stop_when must be a text", sumo(t, *short, exit_code=1, cwd=root).stderr)


@test(timeout=60)
def bad_rules_are_refused_with_the_place(t):
    wrong = (": --stop-when: \"waitng > 5\", character 1: waiting, or another one of time, waiting, running, inserted, "
             "arrived, teleports and collided must stand here, not \"waitng\"")
    check_in(wrong, sumo(t, "x.sumocfg", "--stop-when", "waitng > 5", exit_code=2).stderr)
    run = ("run", "--sumo", "data/ramp_metering.sumocfg", "--folder", str(t.tmp / "runs"))
    check_in(wrong, t.platoon(*run, "--stop-when", "waitng > 5", cwd=scenario(), exit_code=2).stderr)
    check_in("--stop-when is of --sumo", t.platoon("run", "--runner", "command", "--stop-when", "time > 5", "--", "true",
                                                   exit_code=2).stderr)
    base = "name: x\nbase: {filename: a.sumocfg, stop_when: %s}\nseeds: 1\n"
    for text, place in ((base % "time >", "x.yaml:2:40: stop_when: \"time >\" ends where a number"),
                        ("name: x\nseeds: 1\nfactors:\n  stop_when: [time > 5, queue > 5]\n", "x.yaml:4:25: stop_when: \"queue"),
                        ("name: x\nseeds: 1\narms:\n  a: {stop_when: time = 5}\n", "x.yaml:4:18: stop_when: \"time = 5\"")):
        check_in(place, t.platoon("plan", t.file("x.yaml", text), exit_code=1).stderr)
    # Another runner's parameter is its own affair.
    t.platoon("plan", t.file("x.yaml", base % "soon" + "runner: {command: [echo]}\n"))


@test(timeout=120)
def a_campaign_counts_them_says_so_and_runs_anew_by_another_rule(t):
    words = ("run", "--sumo", "data/ramp_metering.sumocfg", "--set", "options.scale=1,4", "--set", "end=400", "--seeds", "1..3",
             "--folder", str(t.tmp / "runs"), "--slots", "2")
    run = lambda *more: t.platoon(*words, *more, cwd=scenario(), timeout=100, env=sumo_env())
    p = run("--stop-when", "waiting > 40")
    check_in("; mind that 3 runs were stopped early, with figures of a shorter time", p.stdout.splitlines()[0])
    check(re.search(r"options.scale=4 +3 \(3 stopped early\)", p.stdout), p.stdout)
    check(re.search(r"options.scale=1 +3 +\d", p.stdout), p.stdout)
    check_in("3 runs were stopped early by a rule", p.stderr)

    file = str(t.tmp / "runs" / "campaign.yaml")
    folder = ("--folder", str(t.tmp / "runs"))
    rows = list(csv.DictReader(io.StringIO(t.platoon("results", file, *folder, "--format", "csv", cwd=scenario()).stdout)))
    check_equal(sorted((row["options.scale"], row["state"], row["outcome"]) for row in rows),
                [("1", "done", "ok")] * 3 + [("4", "done", "stopped-early")] * 3, "runs")
    for row in rows:
        wanted = r"waiting > 40 \(waiting \d+ at \d+0 s\)" if row["outcome"] == "stopped-early" else ""
        check(re.fullmatch(wanted, row["stopped_by"]), "stopped_by: %r" % row)
    told = json.loads(run("--stop-when", "waiting > 40", "--json").stdout)
    check_equal((told["n_done"], told["n_failed"], told["n_stopped_early"]), (6, 0, 3), "counts")
    check_equal({(cell["point"]["options.scale"], cell["n"], cell["n_not_ok"], cell["n_stopped_early"])
                 for cell in told["cells"]}, {(1, 3, 0, 0), (4, 3, 3, 3)}, "counts of cells")
    page = t.tmp / "report.html"
    t.platoon("report", file, *folder, "-o", page, "--lang", "en", cwd=scenario())
    check_in("stopped-early: waiting &gt; 40 (waiting ", page.read_text())
    check_in("Stopped early", page.read_text())

    check_in("6 done, 0 to run", run("--stop-when", "waiting > 40", "--dry-run").stdout)
    check_in("0 done, 6 to run", run("--stop-when", "waiting > 50", "--dry-run").stdout)
    check_in("0 done, 6 to run", run("--dry-run").stdout)


if __name__ == "__main__":
    support.main()
