# SPDX-License-Identifier: Apache-2.0
"""A campaign of short simulations on two slots: how much of the machine reaches SUMO.

`platoon run` with 200 uncontrolled runs of some simulated minutes of scenarios/ramp_metering, from
nothing to its table: server and worker started, tasks, figures, all. Beside it `xargs -P2` with the
command lines that these runs have (as `platoon sumo` writes them into its manifest), each in a
shell that makes its folder; it reads no figure out of the outputs. Efficiency: CPU seconds of SUMO
alone (as xargs' runs need them) over slots x wall time. In turns."""
import json
import os
import resource
import shlex
import shutil
import subprocess
import time

from kit import BUILD, ROOT, Row, Trouble, say

SLOTS = 2
END_S = 300
CONFIG = "data/ramp_metering.sumocfg"


def built_scenario(bench):
    root = bench.tmp / "ramp_metering"
    shutil.copytree(ROOT / "scenarios" / "ramp_metering", root, ignore=shutil.ignore_patterns("*.net.xml"))
    subprocess.run([str(root / "build.sh")], check=True, env=bench.env, stdout=subprocess.DEVNULL)
    return root


def command_line(bench, root):
    """SUMO's, with SEED and FOLDER in it."""
    folder = bench.tmp / "one"
    p = subprocess.run([str(BUILD / "bin" / "platoon"), "sumo", str(root / CONFIG), "--seed", "77777", "--set",
                        "end=%d" % END_S, "--output-dir", str(folder)], env=bench.env, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, text=True, check=False)
    if p.returncode:
        raise Trouble("platoon sumo ended with %d: %s" % (p.returncode, p.stderr[-600:]))
    line = json.loads((folder / "manifest.json").read_text())["arguments"]
    return [word.replace(str(folder), "FOLDER").replace("77777", "SEED") for word in line]


class Campaign:
    def __init__(self, bench, root, n):
        self.bench, self.n, self.turn = bench, n, 0
        self.file = bench.tmp / "campaign.yaml"
        self.file.write_text("name: short\nroot: %s\nbase: {filename: %s, end: %d}\nseeds: 1..%d\n" %
                             (root, CONFIG, END_S, n))
        self.line = command_line(bench, root)
        self.sumo_cpu_s = []

    def ours(self):
        self.turn += 1
        folder = self.bench.tmp / ("campaign-%d" % self.turn)
        begun = time.monotonic()
        p = subprocess.run([str(BUILD / "bin" / "platoon"), "run", str(self.file), "--folder", str(folder), "--slots",
                            str(SLOTS)], env=self.bench.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, text=True, check=False)
        wall_s = time.monotonic() - begun
        if p.returncode:
            raise Trouble("platoon run ended with %d: %s" % (p.returncode, p.stderr[-600:]))
        return wall_s

    def xargs(self):
        self.turn += 1
        top = self.bench.tmp / ("xargs-%d" % self.turn)
        top.mkdir()
        script = top / "one.sh"
        words = " ".join(shlex.quote(word) for word in self.line)
        words = words.replace("FOLDER", "'%s'/$1" % top).replace("SEED", "$1")
        script.write_text("mkdir '%s'/$1 && exec %s >/dev/null 2>&1\n" % (top, words))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.monotonic()
        p = subprocess.run(["xargs", "-P%d" % SLOTS, "-n1", "sh", str(script)], env=self.bench.env, check=False,
                           input="".join("%d\n" % seed for seed in range(1, self.n + 1)), text=True)
        wall_s = time.monotonic() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if p.returncode:
            raise Trouble("xargs ended with %d" % p.returncode)
        self.sumo_cpu_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return wall_s


def ask(bench):
    if not shutil.which("sumo"):
        say("no SUMO here: nothing is asked about campaigns")
        return
    campaign = Campaign(bench, built_scenario(bench), bench.size(200))
    ours, theirs = bench.in_turns(campaign.ours, campaign.xargs)
    cpu_s = sorted(campaign.sumo_cpu_s)[len(campaign.sumo_cpu_s) // 2]
    yield Row("%d short SUMO runs on %d slots: xargs -P%d" % (campaign.n, SLOTS, SLOTS), "s", ours, theirs)
    yield Row("SUMO's CPU of slots x wall: xargs -P%d" % SLOTS, "%", [100 * cpu_s / SLOTS / s for s in ours],
              [100 * cpu_s / SLOTS / s for s in theirs], more_is_better=True)
