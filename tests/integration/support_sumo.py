# SPDX-License-Identifier: Apache-2.0
"""The scenario, for suites that run a real SUMO."""
import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import support
from support import ROOT, skip

# what a result has besides the task's own keys
METRICS = ["seed", "total_time_spent_h", "total_travel_time_h", "mean_delay_s", "mean_speed_kmh", "vehicles_inserted",
           "vehicles_arrived", "vehicles_running", "vehicles_waiting", "teleports", "collisions", "end_time_s", "wall_s",
           "sumo_version", "inputs_sha256", "outcome"]


def sumo_program():
    """The installed sumo; skips the test if there is none."""
    home = os.environ.get("SUMO_HOME")
    for candidate in ([os.path.join(home, "bin", "sumo")] if home else []) + [shutil.which("sumo")]:
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    skip("SUMO is not on this machine: tools/install-deps demo")


def has_libsumo():
    """Whether the module was built; where it was not, SUMO's headers are not on this machine."""
    return (support.BUILD / "bin" / "platoon-libsumo.so").exists()


@functools.lru_cache(maxsize=None)
def _built_scenario():
    folder = tempfile.mkdtemp(prefix="platoon-scenario-")
    atexit.register(shutil.rmtree, folder, True)
    root = Path(folder) / "ramp_metering"
    shutil.copytree(ROOT / "scenarios" / "ramp_metering", root, ignore=shutil.ignore_patterns("*.net.xml"))
    subprocess.run([str(root / "build.sh")], check=True, stdout=subprocess.DEVNULL, env=support.clean_env())
    return root


def scenario(t=None):
    """The built scenario's folder; with `t` a copy of the test's own, to change."""
    sumo_program()
    if t is None:
        return _built_scenario()
    root = t.tmp / "ramp_metering"
    shutil.copytree(_built_scenario(), root)
    return root


def sumo_env(**more):
    return support.clean_env(SUMO_HOME=os.environ.get("SUMO_HOME") or "/usr/share/sumo", **more)
