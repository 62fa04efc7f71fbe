# SPDX-License-Identifier: Apache-2.0
"""Controllers of the user's own: the example and others as shared objects, over both back ends, and every way to be
refused or to fail."""
import atexit
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from multiprocessing.managers import BaseManager
from pathlib import Path

import support
from support import AUTHKEY, BUILD, ROOT, Server, check, check_equal, check_in, skip, test

TIME_LIMIT_S = 600

EXAMPLE = ROOT / "examples" / "controllers"
SOURCES = ROOT / "tests" / "data" / "controllers"
CONFIG = "data/ramp_metering.sumocfg"
BACK_ENDS = ["traci"] + (["libsumo"] if (BUILD / "bin" / "platoon-libsumo.so").exists() else [])


@functools.lru_cache(maxsize=None)
def scenario():
    """The built scenario's folder."""
    if not shutil.which("sumo"):
        skip("SUMO is not on this machine: tools/install-deps demo")
    folder = tempfile.mkdtemp(prefix="platoon-scenario-")
    atexit.register(shutil.rmtree, folder, True)
    root = Path(folder) / "ramp_metering"
    shutil.copytree(ROOT / "scenarios" / "ramp_metering", root, ignore=shutil.ignore_patterns("*.net.xml"))
    subprocess.run([str(root / "build.sh")], check=True, stdout=subprocess.DEVNULL, env=support.clean_env())
    return root


def env(t):
    folder = t.tmp / "temporary"
    folder.mkdir(exist_ok=True)
    return support.clean_env(SUMO_HOME=os.environ.get("SUMO_HOME") or "/usr/share/sumo", TMPDIR=str(folder))


def sumo(t, *arguments, exit_code=0, cwd=None, timeout=60):
    """Run `platoon sumo` in the scenario's folder; it must leave no temporary folder."""
    p = t.platoon("sumo", *arguments, cwd=cwd or scenario(), exit_code=exit_code, timeout=timeout, env=env(t))
    check_equal(os.listdir(t.tmp / "temporary"), [], "temporary folders that are left")
    return p


def error(t, *arguments, **options):
    """The failure of a run, as a worker would send it."""
    return json.loads(sumo(t, *arguments, "--json", exit_code=1, **options).stdout)["platoon_error"]


def build(t, source, name, **changes):
    """A shared object of one of the test's sources, with macros defined."""
    path = t.tmp / (name + ".so")
    t.run(["cc", "-std=c11", "-Wall", "-Wno-unused", "-shared", "-fPIC", "-I", ROOT / "include", "-o", path,
           *("-D%s=%s" % change for change in changes.items()), SOURCES / source, "-lm"])
    return path


def trips(folder):
    """A trip output less the comment with the date and the command line."""
    return re.sub(rb"<!--.*?-->", b"", (folder / "trips.xml").read_bytes(), count=1, flags=re.S)


@test(timeout=120)
def the_example_runs_alike_over_both_back_ends_and_differs_from_no_control(t):
    options = (CONFIG, "--seed", "3", "--set", "end=1500", "--set", "tripinfo-output=trips.xml")
    none = json.loads(sumo(t, *options, "--output-dir", t.tmp / "none", "--json").stdout)
    for back_end in BACK_ENDS:
        p = sumo(t, *options, "--output-dir", t.tmp / back_end, "--sumo-backend", back_end, "--json", "--controller",
                 BUILD / "examples" / "demand_capacity.so", "--control", "demand_capacity", "--set", "period_s=60")
        check(json.loads(p.stdout)["inputs_sha256"] != none["inputs_sha256"], "the controller's code is no input")
        check_equal(json.loads(p.stdout)["control"], {"period_s": 60.0, "type": "demand_capacity"}, "control")
        check_equal(trips(t.tmp / back_end), trips(t.tmp / BACK_ENDS[0]), "trips by %s" % back_end)
    check(trips(t.tmp / "traci") != trips(t.tmp / "none"), "the controller changes nothing")


@test(timeout=60)
def the_readmes_line_builds_the_example_and_a_settings_file_may_name_it(t):
    line = re.search(r"^cc .*$", (EXAMPLE / "README.md").read_text(), re.M)[0]
    folder = t.tmp / "include" / "x" / "y"
    shutil.copytree(EXAMPLE, folder)
    (t.tmp / "include" / "include").symlink_to(ROOT / "include")
    t.run(["sh", "-c", line], cwd=folder)
    root = t.tmp / "root"
    shutil.copytree(scenario(), root)
    (root / "data" / "ramp_metering.platoon.yaml").write_text("control:\n  type: demand_capacity\n  q_cap_vph: 99999\n")
    told = error(t, CONFIG, "--controller", folder / "demand_capacity.so", "--set", "period_s=20", cwd=root)
    check_equal(told["kind"], "bad-task", "kind")
    check_in("control.q_cap_vph is 99999; it must be 1 to 20000 veh/h", told["message"])


# --- what a controller is given and gives
# -------------------------------------------------------------------------------


def grid(t):
    """A small town with a signal of many links at each corner: its folder, edges into it, each signal's first state."""
    if not shutil.which("netgenerate"):
        skip("netgenerate is not on this machine")
    folder = t.tmp / "grid"
    folder.mkdir()
    t.run(["netgenerate", "--grid", "--grid.number", "2", "--grid.attach-length", "150", "--default-junction-type",
           "traffic_light", "-o", folder / "grid.net.xml"], env=env(t))
    net = (folder / "grid.net.xml").read_text()
    edges = sorted(set(re.findall(r'<edge id="([^:"]+)" from', net)))
    outer = [edge for edge in edges if len(edge) > 4]  # "left0A0" comes from outside, "A0A1" does not
    into = [edge for edge in outer if edge.endswith(("A0", "B1"))]
    out = [edge for edge in outer if edge.startswith(("A1", "B0"))]
    (folder / "demand.rou.xml").write_text("<routes>%s</routes>" % "".join(
        '<flow id="f%d" from="%s" to="%s" begin="0" end="100" period="4"/>' % (i, a, b)
        for i, (a, b) in enumerate(zip(into, reversed(out)))))
    (folder / "detectors.add.xml").write_text("<additional>%s%s</additional>" % (
        "".join('<inductionLoop id="%s" lane="%s_0" pos="-20" period="60" file="d.xml"/>' % (name, edge)
                for name, edge in zip(("merge_1", "merge_2", "upstream_1"), into)),
        '<laneAreaDetector id="ramp_queue" lane="%s_0" pos="10" endPos="-1" period="60" file="d.xml"/>' % into[0]))
    (folder / "grid.sumocfg").write_text(
        '<configuration><input><net-file value="grid.net.xml"/><route-files value="demand.rou.xml"/>'
        '<additional-files value="detectors.add.xml"/></input><time><begin value="10"/><end value="110"/></time>'
        '</configuration>')
    return folder, into, dict(re.findall(r'<tlLogic id="([^"]+)"[^>]*>\s*<phase [^>]*state="([^"]+)"', net))


@test(timeout=120)
def every_kind_of_place_is_read_alike_and_each_link_is_set(t):
    plugin = build(t, "all_places.c", "all_places")
    folder, edges, plans = grid(t)
    signals = sorted(plans)[:2]
    seen = {}
    for back_end in BACK_ENDS:
        sumo(t, "grid.sumocfg", "--controller", plugin, "--control", "all_places", "--set", "tls=" + ",".join(signals),
             "--set", "edges=" + ",".join(edges[:2]), "--set", "edge_speed=%s" % edges[0], "--sumo-backend", back_end,
             "--set", "tripinfo-output=trips.xml", "--output-dir", t.tmp / back_end, cwd=folder)
        seen[back_end] = (t.tmp / back_end / "readings.txt").read_text()
        check_equal(seen[back_end], seen["traci"], "readings by %s" % back_end)
        check_equal(trips(t.tmp / back_end), trips(t.tmp / "traci"), "trips by %s" % back_end)
    lines = seen["traci"].splitlines()
    check_equal(lines[0], "begin 10 end 110 step 1 ids 2 3 3 3 1 1 2 1", "what a run is told")
    for index, line in enumerate(lines[1:3]):
        check_equal(line.split()[:4], ["signal", "0", str(index), plans[signals[index]]], "a signal's own plan")
        check(len(line.split()[4]) > 4 and line.split()[4].startswith("rGyrG"), "letters: %s" % line)
    check_equal(lines[4].split()[:4], ["signal", "0", "0", lines[1].split()[4]], "what was set stays")
    rows = [[[float(x) for x in part.split()] for part in line.split("|")] for line in lines[1:] if "|" in line]
    check_equal(([row[0][0] for row in rows[:2]], rows[-1][0]), ([11.0, 12.0], [110.0]), "times")
    occupancy, passed, speed, queue, halting, vehicles, edge_speed = ([row[i] for row in rows] for i in range(2, 9))
    check(all(0 <= x <= 100 for row in occupancy for x in row) and max(map(max, occupancy)) > 0, "occupancy")
    check(sum(map(sum, passed)) > 5, "vehicles that passed")
    check(min(map(min, speed)) < 0 < max(map(max, speed)), "speeds: nobody there, somebody there")
    check(all(0 <= h[0] <= q[0] <= v[0] + 1 for h, q, v in zip(halting, queue, vehicles)), 
          "halting, on the detector (in the step: one may have left the edge), on the edge")
    check(max(halting)[0] > 0, "somebody halts at a red light")
    check(min(edge_speed)[0] < 5 < max(edge_speed)[0], "speeds of an edge: %r" % edge_speed)


# Without designated initialisers, which C++ has since 2020.
CXX = r"""
#include <platoon/controller.h>
static const char *const signals[] = {"meter", nullptr};
static const platoon_controller_place places[] = {{"tls", PLATOON_PLACE_SIGNAL, false, signals, ""}};
static void *create(const platoon_controller_run *, char *, size_t) { return new int(0); }
static void actuate(void *self, double, const platoon_controller_signal *signal)
{
    signal->state[0] = ++*static_cast<int *>(self) % 10 < 5 ? 'G' : 'r';
}
static bool observe(void *, double, const platoon_controller_reading *, char *, size_t) { return true; }
static void destroy(void *self) { delete static_cast<int *>(self); }
const platoon_controller platoon_controller_plugin = {
    PLATOON_CONTROLLER_ABI, "cxx", "", nullptr, 0, places, 1, nullptr, nullptr, create, actuate, observe, destroy};
"""


@test(timeout=60)
def one_in_cxx_is_a_controller_too(t):
    if not shutil.which("c++"):
        skip("there is no C++ compiler")
    plugin = t.tmp / "cxx.so"
    t.run(["c++", "-std=c++11", "-Wall", "-Werror", "-shared", "-fPIC", "-I", ROOT / "include", "-o", plugin,
           t.file("cxx.cc", CXX)])
    sumo(t, CONFIG, "--controller", plugin, "--control", "cxx", "--set", "end=20")


@test(timeout=60)
def places_that_are_needed_must_be_named_and_must_be_there(t):
    plugin = build(t, "all_places.c", "all_places")
    options = (CONFIG, "--controller", plugin, "--control", "all_places")
    check_in("control.tls is not set, and all_places needs it", error(t, *options)["message"])
    check_in("control.edges is not set, and all_places needs it", error(t, *options, "--set", "tls=meter")["message"])
    told = error(t, *options, "--set", "tls=meter", "--set", "edges=merge,marge")
    check_equal(told["kind"], "bad-task", "kind")
    check_in('control.edges: the network has no edge "marge"; it has:', told["message"])


# --- refused before anything runs
# ------------------------------------------------------------------------------------------

LONG = '"%s"' % ("x" * 65)
REFUSED = [
    (dict(NO_TABLE=1), "exports no platoon_controller_plugin; include <platoon/controller.h>"),
    (dict(ABI="{7,0,0,0}"), "compiled for version 7 of the interface, and this Platoon (%s) has version 1"
     % (ROOT / "VERSION").read_text().strip()),
    (dict(ABI="{1,8,8,8}"), "its structs have 8, 8 and 8 bytes in place of"),
    (dict(NAME="NULL"), "its name must be a letter, then letters, digits, '_' and '-'"),
    (dict(NAME='""'), "its name must be a letter"),
    (dict(NAME='"a b"'), "its name must be a letter"),
    (dict(NAME=LONG), "at most 64"),
    (dict(NAME='"none"'), 'the name "none" stands for no controller'),
    (dict(NAME='"alinea"'), 'the name "alinea" is that of a controller of Platoon itself'),
    (dict(NAME='"fixed"'), 'the name "fixed" is that of a controller of Platoon itself'),
    (dict(HELP="NULL"), "its help must be a line of UTF-8"),
    (dict(HELP='"\\xff"'), "its help must be a line of UTF-8"),
    (dict(CREATE="NULL"), "it has no create; create, actuate, observe and destroy are all needed"),
    (dict(OBSERVE="NULL"), "it has no observe"),
    (dict(DESTROY="NULL"), "it has no destroy"),
    (dict(N_PARAMETERS="17"), "it has 17 parameters; there may be 16"),
    (dict(PARAMETERS="NULL"), "its parameters are NULL, and their number is 1"),
    (dict(PARAMETER='NULL,"",0,0,1,false,""'), "the name of parameter 0 must be a letter"),
    (dict(PARAMETER='"K-R","",0,0,1,false,""'), "the name of parameter 0 must be a letter"),
    (dict(PARAMETER='"type","",0,0,1,false,""'), 'parameter 0 is named "type", which means something else'),
    (dict(PARAMETER='"end","",0,0,1,false,""'), 'parameter 0 is named "end", which means something else'),
    (dict(PARAMETER='"a",NULL,0,0,1,false,""'), 'parameter "a": unit and help must each be a line'),
    (dict(PARAMETER='"a","\\n",0,0,1,false,""'), 'parameter "a": unit and help must each be a line'),
    (dict(PARAMETER='"a","",NAN,0,1,false,""'), "preset, min and max must be finite"),
    (dict(PARAMETER='"a","",0,0,INFINITY,false,""'), "preset, min and max must be finite"),
    (dict(PARAMETER='"a","",2,0,1,false,""'), "min <= preset <= max must hold (min 0, preset 2, max 1)"),
    (dict(PARAMETER='"a","",0.5,0,1,true,""'), 'parameter "a" is a switch'),
    (dict(MORE_PARAMETERS='{"when_s","",0,0,1,false,""}'), 'two parameters are named "when_s"'),
    (dict(N_PLACES="9"), "it has 9 places; there may be 8"),
    (dict(N_PLACES="0"), "none of its places is a PLATOON_PLACE_SIGNAL"),
    (dict(PLACE='"e",PLATOON_PLACE_E1_PASSED,false,NULL,""'), "none of its places is a PLATOON_PLACE_SIGNAL"),
    (dict(PLACE='"tls",(enum platoon_controller_place_kind)99,false,NULL,""'), 'place "tls": there is no kind 99'),
    (dict(PLACE='"t.s",PLATOON_PLACE_SIGNAL,false,NULL,""'), "the name of place 0 must be a letter"),
    (dict(PLACE='"when_s",PLATOON_PLACE_SIGNAL,false,NULL,""'), 'are both named "when_s"'),
    (dict(PLACE='"tls",PLATOON_PLACE_SIGNAL,false,NULL,NULL'), 'place "tls": help must be a line'),
    (dict(PRESET='{NULL}'), 'place "tls": its preset must hold 1 id and then NULL'),
    (dict(PRESET='{"a","b",NULL}'), 'place "tls": its preset must hold 1 id and then NULL'),
    (dict(PRESET='{"",NULL}'), 'place "tls": id 0 of its preset must be a line of UTF-8'),
    (dict(AT_LOADING="abort()"), "loading it ended the process that did it, by signal 6"),
    (dict(AT_LOADING="_exit(3)"), "loading it ended the process that did it, with exit code 3"),
]


@test(timeout=120)
def tables_that_are_wrong_are_refused_before_anything_runs(t):
    for i, (changes, part) in enumerate(REFUSED):
        plugin = build(t, "odd.c", "odd%d" % i, **changes)
        p = sumo(t, CONFIG, "--controller", plugin, exit_code=2)
        check_in("--controller %s" % plugin, p.stderr)
        check_in(part, p.stderr)
        check_equal(p.stdout, "", "stdout")


@test(timeout=60)
def files_that_are_no_controllers_are_refused(t):
    text, wrong = t.file("text.so", "no shared object"), t.tmp / "wrong.so"
    pointer = t.file("pointer.c", "static int x; int *platoon_controller_plugin = &x;")
    t.run(["cc", "-shared", "-fPIC", "-o", wrong, pointer])
    good = build(t, "odd.c", "odd")
    for files, part in ((["nowhere.so"], "nowhere.so: No such file or directory"), ([t.tmp], "is no file"),
                        ([text], "text.so cannot be loaded"), ([wrong], "is not a struct platoon_controller"),
                        ([good, good], 'the name "odd" is that of a controller of %s' % good),
                        (["libc.so.6"], "libc.so.6: No such file or directory")):
        options = [x for file in files for x in ("--controller", file)]
        check_in(part, sumo(t, CONFIG, *options, exit_code=2).stderr)
        check_in(part, t.platoon("work", "127.0.0.1:1", "--authkey-file", t.file("key", AUTHKEY, mode=0o600), *options,
                                 exit_code=2, env=env(t)).stderr)
    check_in("--controller is for --runner sumo",
             t.platoon("work", "127.0.0.1:1", "--runner", "command", "--controller", good, exit_code=2, env=env(t),
                       ).stderr)
    check_in("there are alinea, fixed and none", sumo(t, CONFIG, "--controller", good, "--control", "od",
                                                      exit_code=2).stderr)


# --- failing at work
# -------------------------------------------------------------------------------------------------------


@test(timeout=120)
def a_controller_that_fails_is_told_in_its_own_words(t):
    n = [0]

    def failure(back_end, *more, **changes):
        n[0] += 1
        plugin = build(t, "odd.c", "odd%d" % n[0], **changes)
        told = error(t, CONFIG, "--controller", plugin, "--control", "odd", "--set", "when_s=60", "--sumo-backend",
                     back_end, *more)
        return told["kind"], told["exit"], told["message"]

    say = r'return snprintf(why, why_bytes, "it is \xc3\xa4rger"), %s'
    for back_end in BACK_ENDS:
        check_equal(failure(back_end, AT_CHECK=say % "false"), ("bad-task", None, "control: it is ärger"), back_end)
        check_equal(failure(back_end, AT_CREATE=say % "NULL"), ("bad-task", None, "control: odd: it is ärger"),
                    back_end)
        check_equal(failure(back_end, DEED=say % "false"),
                    ("bad-output", None, "the controller odd gave up at simulated time 60.00 s: it is ärger"),
                    back_end)
        check_equal(failure(back_end, LETTER="'Q'"),
                    ("bad-output", None, 'the controller odd has link 0 of the signal "meter" show the byte 0x51 at '
                                         "simulated time 60.00 s; SUMO knows the letters rRyYgGsuoO"), back_end)
        kind, code, text = failure(back_end, DEED="abort()")
        check_equal((kind, code), ("signal", -signal.SIGABRT), text)
        check_in("controller", text)
        if back_end == "libsumo":  # the last step that was whole; over TraCI nobody is left who counted them
            check_in("after simulated time 59.00 s;", text)
        kind, _, text = failure(back_end, "--timeout", "1", DEED="for(;;)pause()")
        check_equal(kind, "timeout", text)
        check_in("the time limit of 1 s is over", text)


@test(timeout=60)
def ctrl_c_ends_a_run_whose_controller_does_not_return(t):
    plugin = build(t, "odd.c", "odd", DEED='write(2,"stuck\\n",6);for(;;)pause()')
    p = t.start([support.program("platoon"), "sumo", CONFIG, "--controller", plugin, "--control", "odd",
                 "--sumo-backend", "traci"], cwd=scenario(), env=env(t))
    p.wait_line("^stuck", stream="stderr")
    p.send_signal(signal.SIGINT)
    check_equal(p.wait(20), 130, "exit code")
    check_in("interrupted", p.stderr)
    check_equal(os.listdir(t.tmp / "temporary"), [], "temporary folders that are left")


class Manager(BaseManager):
    pass


Manager.register("get_task_queue")
Manager.register("get_result_queue")


@test(timeout=120)
def a_crash_takes_its_own_task_alone_and_a_task_names_no_file(t):
    server = Server(t, "--memory")
    manager = Manager(address=("127.0.0.1", server.port), authkey=AUTHKEY)
    manager.connect()
    tasks, results = manager.get_task_queue(), manager.get_result_queue()
    plugin = build(t, "odd.c", "odd", DEED="abort()")
    for back_end in BACK_ENDS:
        # A relative name means the operator's folder, not --root.
        worker = t.start([support.program("platoon"), "work", server.address, "--authkey-file", server.keyfile,
                          "--root", scenario(), "--slots", "1", "--sumo-backend", back_end, "--controller",
                          plugin.name], env=env(t), cwd=t.tmp)
        told = []
        for control in ({"type": "odd", "when_s": 20}, {"type": "odd", "when_s": 3000}, {"type": str(plugin)},
                        {"type": "odd", "controller": str(plugin)}, {"type": "alinea"}):
            tasks.put({"filename": CONFIG, "control": control, "end": 40})
            told.append(results.get(True, 40))
        check_equal([r.get("outcome") or (r["platoon_error"]["kind"], r["platoon_error"]["exit"]) for r in told],
                    [("signal", -signal.SIGABRT), "ok", ("bad-task", None), ("bad-task", None), "ok"], back_end)
        check_in("signal 6", told[0]["platoon_error"]["message"])
        check_in("there is: alinea, fixed, odd", told[2]["platoon_error"]["message"])
        check_in("odd has no control.controller", told[3]["platoon_error"]["message"])
        worker.send_signal(signal.SIGTERM)
        check_equal(worker.wait(20), 0, "exit code of the worker")


@test(timeout=120)
def a_campaign_compares_a_controller_of_ones_own(t):
    campaign = t.file("campaign.yaml", """name: own
root: %s
runner: sumo
base: {filename: %s, end: 300}
arms:
  none: {control_bool: false}
  own: {control: {type: demand_capacity}}
controllers: [own.so]
seeds: 1..2
""" % (scenario(), CONFIG))
    shutil.copy(BUILD / "examples" / "demand_capacity.so", t.tmp / "own.so")
    p = t.platoon("run", campaign, "--slots", "2", "--json", cwd=t.tmp, timeout=90, env=env(t))
    told = json.loads(p.stdout)
    check_equal((told["n_tasks"], told["n_done"], told["n_failed"]), (4, 4, 0), "runs")
    check_in("4 done, 0 to run", t.platoon("run", campaign, "--dry-run", cwd=t.tmp).stdout)
    with open(t.tmp / "own.so", "ab") as f:
        f.write(b"another version")
    check_in("0 done, 4 to run", t.platoon("run", campaign, "--dry-run", cwd=t.tmp).stdout)
    # The same without a file.
    words = ("--sumo", CONFIG, "--set", "end=100", "--set", "control.type=demand_capacity", "--controller", "own.so")
    shutil.copy(BUILD / "examples" / "demand_capacity.so", scenario() / "own.so")
    told = json.loads(t.platoon("run", *words, "--folder", str(t.tmp / "words"), "--json", cwd=scenario(), timeout=60,
                                env=env(t)).stdout)
    check_equal((told["n_done"], told["n_failed"]), (1, 0), "runs")
    (t.tmp / "own.so").unlink()
    check_in("own.so", t.platoon("run", campaign, exit_code=1, cwd=t.tmp, env=env(t)).stderr)


if __name__ == "__main__":
    support.main()
