# SPDX-License-Identifier: Apache-2.0
"""What control costs, and a start.

Control: two hours of scenarios/ramp_metering, metered by ALINEA, in a worker with one slot; CPU
seconds (user and system) of the worker and all its processes, SUMO among them, by the kernel's ticks
(10 ms). Beside it SUMO alone, which shows the same states of the signal as a program of its own, as
recorded; and Python's traci and libsumo (Debian's, of the same SUMO), in a process that stays, which
read the same detectors and set the recorded states: the loop without the law. All write the same
outputs, and the trips are the same to the byte, or the question stops.

Start: a run of one step of the same scenario, from the put of its task to its result, one after the
other, in a worker whose libsumo is loaded: fork, SUMO's loading of network and traffic, the step, its
outputs, the figures out of these, queue and worker. Beside it SUMO alone with the same command line
(by way of a shell, for its redirections)."""
import json
import os
import re
import shlex
import shutil
import subprocess
import time
from multiprocessing.managers import BaseManager
from pathlib import Path
from xml.etree import ElementTree

from kit import AUTHKEY, BUILD, ROOT, Row, Tool, Trouble, say

END_S = 7200
SEED = 3
PLACES = {"tls": "meter", "occupancy": ["merge_1", "merge_2"], "queue": "ramp_queue", "inflow": "ramp_in"}
OPTIONS = {"tripinfo-output": "trips.xml"}


class Manager(BaseManager):
    pass


for _name in ("get_task_queue", "get_result_queue"):
    Manager.register(_name)


# --- the scenario, and the same traffic without a controller
# ---------------------------------------------------------------


def sumo_home():
    return os.environ.get("SUMO_HOME") or ("/usr/share/sumo" if Path("/usr/share/sumo").is_dir() else None)


def built_scenario(bench):
    root = bench.tmp / "ramp_metering"
    shutil.copytree(ROOT / "scenarios" / "ramp_metering", root, ignore=shutil.ignore_patterns("*.net.xml"))
    run(bench, root / "build.sh")
    record = (root / "data" / "detectors.add.xml").read_text().replace(
        "</additional>", '<timedEvent type="SaveTLSStates" source="meter" dest="states.xml"/></additional>')
    (root / "data" / "record.add.xml").write_text(record)
    return root


def run(bench, *argv):
    p = subprocess.run([str(a) for a in argv], env=bench.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, check=False)
    if p.returncode:
        raise Trouble("%s ended with %d: %s" % (argv[0], p.returncode, p.stdout[-600:]))


def one_run(bench, root, folder, *options):
    """`platoon sumo` with the outputs in `folder`; returns SUMO's command line, which has the folder's name in it."""
    config = "data/ramp_metering2.sumocfg"
    run(bench, BUILD / "bin" / "platoon", "sumo", root / config, "--control", "alinea", "--seed", SEED,
        "--output-dir", folder, "--set", "tripinfo-output=trips.xml", *options)
    return json.loads((folder / "manifest.json").read_text())["arguments"]


def states_of(path):
    return [state.get("state") for state in ElementTree.parse(path).getroot().iter("tlsState")]


def program_of(states):
    """A plan of the signal that shows them, one a second from 0 on."""
    phases = []
    for state in states:
        if phases and phases[-1][0] == state:
            phases[-1][1] += 1
        else:
            phases.append([state, 1])
    return '<tlLogic id="meter" type="static" programID="replay" offset="0">%s</tlLogic>' % "".join(
        '<phase duration="%d" state="%s"/>' % (n, state) for state, n in phases)


def trips(folder):
    return re.sub(rb"<!--.*?-->", b"", (folder / "trips.xml").read_bytes(), count=1, flags=re.S)


def make_job(bench, root, end_s):
    """Runs ours once with each back end, and writes NAME.json for each carrier of stock/sumo.py. Returns the folder
    of the outputs for each name."""
    recorded, driven = bench.tmp / "recorded", {name: bench.tmp / name for name in ("libsumo", "traci")}
    at = ("--set", "end=%d" % end_s)
    one_run(bench, root, recorded, "--set", "additional-files=%s" % (root / "data" / "record.add.xml"), *at)
    states = states_of(recorded / "states.xml")
    replay = root / "data" / "replay.add.xml"
    replay.write_text((root / "data" / "detectors.add.xml").read_text().replace(
        "</additional>", program_of(states) + "</additional>"))
    lines = {name: one_run(bench, root, folder, "--sumo-backend", name, *at) for name, folder in driven.items()}
    job = dict(PLACES, states=states)
    folders = dict({"python-" + name: bench.tmp / ("python-" + name) for name in driven}, alone=bench.tmp / "alone")
    for name, folder in folders.items():
        folder.mkdir()
        line = moved(lines["libsumo"], driven["libsumo"], folder)
        job.update(argv=line, argv_alone=line + ["--additional-files", str(replay)])
        (bench.tmp / (name + ".json")).write_text(json.dumps(job))
    return dict(driven, **folders)


def moved(line, old, new):
    """SUMO's command line with another folder for its outputs, and no port."""
    line = [word.replace("%s/" % str(old), "%s/" % str(new)) for word in line]
    if "--remote-port" in line:
        del line[line.index("--remote-port"):line.index("--remote-port") + 2]
    return line


# --- ours
# --------------------------------------------------------------------------------------------------------------


class Crew:
    """A server, and a worker with one slot that runs SUMO."""

    def __init__(self, bench, root, backend):
        server = bench.our_server("--queue", "get_task_queue", "--queue", "get_result_queue")
        self.worker = Tool(bench, BUILD / "bin" / "platoon", "work", "127.0.0.1:%d" % server.port, "--authkey-file",
                           bench.keyfile, "--slots", 1, "--quiet", "--root", root, "--sumo-backend", backend)
        manager = Manager(address=("127.0.0.1", server.port), authkey=AUTHKEY)
        manager.connect()
        self.tasks, self.results = manager.get_task_queue(), manager.get_result_queue()
        self.run(1)

    def run(self, end_s):
        self.tasks.put({"filename": "data/ramp_metering2.sumocfg", "control_bool": True, "seed": SEED, "end": end_s,
                        "options": OPTIONS})
        result = self.results.get()
        if "platoon_error" in result:
            raise Trouble(result["platoon_error"]["message"])
        return result

    def cpu_s(self):
        """Of the worker's processes, and of those of theirs that have ended and been waited for."""
        pids, ticks = [self.worker.pid], 0
        for pid in pids:
            fields = Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
            ticks += sum(int(n) for n in fields[11:15])
            for children in Path("/proc/%d/task" % pid).glob("*/children"):
                pids += [int(child) for child in children.read_text().split()]
        return ticks / os.sysconf("SC_CLK_TCK")

    def cost(self, end_s, wanted):
        before = self.cpu_s()
        spent = self.run(end_s)["total_time_spent_h"]
        if spent != wanted:
            raise Trouble("a run of ours spent %r veh h, not %r" % (spent, wanted))
        return self.cpu_s() - before


def ask(bench):
    home = sumo_home()
    if not shutil.which("sumo") or not home:
        say("bench: sumo: SUMO is not here: tools/install-deps demo")
        return
    bench.env["SUMO_HOME"] = home
    root, end_s = built_scenario(bench), END_S if not bench.is_quick else END_S // 10
    if not (BUILD / "bin" / "platoon-libsumo.so").exists():
        say("bench: sumo: platoon-libsumo.so is not built: SUMO's headers or a C++ compiler are missing")
        return
    folders = make_job(bench, root, end_s)
    crews = {name: Crew(bench, root, name) for name in ("libsumo", "traci")}
    wanted = crews["libsumo"].run(end_s)["total_time_spent_h"]
    parts = {name: lambda crew=crew: crew.cost(end_s, wanted) for name, crew in crews.items()}
    for name in ("alone", "python-traci", "python-libsumo"):
        carrier = name.rpartition("-")[2]
        if carrier != "alone" and not has_module(bench, carrier):
            say("bench: sumo: %s has no module %s; not asked" % (bench.python, carrier))
            continue
        stock = bench.stock("sumo.py", carrier, bench.tmp / (name + ".json"))
        stock.ask("run")
        parts[name] = lambda stock=stock: stock.ask("run")["cpu_s"]
    same = trips(folders["alone"])
    for name in (n for n in parts if n != "alone"):
        if trips(folders[name]) != same:
            raise Trouble("the trips of %s are not those of SUMO alone" % name)
    took = dict(zip(parts, bench.in_turns(*parts.values())))
    for ours, theirs, name in (("libsumo", "alone", "a metered run, libsumo: SUMO alone, same signal"),
                               ("traci", "alone", "a metered run, TraCI: SUMO alone, same signal"),
                               ("libsumo", "python-libsumo", "a metered run, libsumo: Python's libsumo"),
                               ("traci", "python-traci", "a metered run, TraCI: Python's traci")):
        if theirs in took:
            yield Row(name, "CPU s", took[ours], took[theirs])
    yield start(bench, root, crews["libsumo"])


def has_module(bench, name):
    code = "import os, sys; sys.path.append(os.environ['SUMO_HOME'] + '/tools'); import %s" % name
    p = subprocess.run([bench.python, "-c", code], env=bench.env, stderr=subprocess.DEVNULL, check=False)
    return p.returncode == 0


def start(bench, root, crew):
    n, folder = bench.size(100), bench.tmp / "start"
    line = one_run(bench, root, folder, "--sumo-backend", "libsumo", "--set", "end=1")
    alone = Tool(bench, BUILD / "bench" / "spawn", 1, "/bin/sh", "-c",
                 "exec %s >/dev/null 2>&1" % " ".join(shlex.quote(w) for w in moved(line, folder, folder)))

    def ours():
        began = time.perf_counter()
        for _ in range(n):
            crew.run(1)
        return (time.perf_counter() - began) / n * 1000

    ours(), alone.ask("run %d" % n)
    return Row("a run of one step, put to result: SUMO started anew", "ms",
               *bench.in_turns(ours, lambda: alone.ask("run %d" % n)["ms"]))
