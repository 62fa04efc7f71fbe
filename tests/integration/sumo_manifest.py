# SPDX-License-Identifier: Apache-2.0
"""What a run was: the hash of all it read, and the manifest beside outputs that are kept."""
import hashlib
import json
import shutil
import socket
from datetime import datetime, timezone

import support
from support import check, check_equal, check_in, test
from support_sumo import scenario, sumo_env

TIME_LIMIT_S = 300

INPUTS = ["demand.rou.xml", "detectors.add.xml", "network.net.xml", "ramp_metering.sumocfg"]


def own_scenario(t):
    """A copy of the built scenario, to change."""
    root = t.tmp / "scenario"
    shutil.copytree(scenario(), root)
    return root


def sumo(t, root, *arguments, exit_code=0):
    return t.platoon("sumo", "data/ramp_metering.sumocfg", "--seed", "3", "--set", "end=60", *arguments, cwd=root,
                     exit_code=exit_code, timeout=60, env=sumo_env())


def inputs_sha256(t, root, *arguments):
    return json.loads(sumo(t, root, *arguments, "--json").stdout)["inputs_sha256"]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def hash_of(folder, names):
    """The hash of all, computed as `sha256sum NAME... | LC_ALL=C sort | sha256sum` does."""
    lines = sorted("%s  %s\n" % (sha256((folder / name).read_bytes()), name) for name in names)
    return sha256("".join(lines).encode())


@test(timeout=60)
def a_manifest_tells_what_a_run_was(t):
    root, kept = own_scenario(t), t.tmp / "kept"
    before = datetime.now(timezone.utc)
    result = json.loads(sumo(t, root, "--set", "scale=0.5", "--json", "--output-dir", str(kept)).stdout)
    manifest = json.loads((kept / "manifest.json").read_text())
    check_equal(manifest["manifest"], 1, "version of the form")
    check_equal(manifest["platoon_version"], (support.ROOT / "VERSION").read_text().split()[0], "Platoon's version")
    check_equal(manifest["sumo_version"], result["sumo_version"], "SUMO's version")
    check_equal(manifest["host"]["name"], socket.gethostname(), "host")
    check_equal(manifest["task"], {"filename": "data/ramp_metering.sumocfg", "seed": 3, "end": 60.0,
                                   "options": {"scale": 0.5}}, "task")
    check_equal((manifest["seed"], manifest["outcome"], manifest["failure"]), (3, "ok", None), "seed and outcome")
    check_equal((manifest["carrier"], manifest["control"]), ("sumo", None), "what carried it")
    arguments = manifest["arguments"]
    check_equal(arguments[arguments.index("--scale") + 1], "0.5", "an option")
    started, ended = (datetime.fromisoformat(manifest[key].replace("Z", "+00:00")) for key in ("started", "ended"))
    after = datetime.now(timezone.utc)
    # milliseconds, cut
    check(before.timestamp() - 0.001 <= started.timestamp() <= ended.timestamp() <= after.timestamp(),
          "wall clock: %s, %s, %s, %s" % (before, started, ended, after))
    data = root / "data"
    check_equal(manifest["inputs"], [{"name": name, "bytes": (data / name).stat().st_size,
                                      "sha256": sha256((data / name).read_bytes())} for name in INPUTS], "inputs")
    check_equal(manifest["inputs_sha256"], hash_of(data, INPUTS), "hash of all inputs")
    check_equal(result["inputs_sha256"], manifest["inputs_sha256"], "the same in the result")


@test(timeout=60)
def the_hash_is_of_what_is_read_wherever_it_stands(t):
    here, there = own_scenario(t), t.tmp / "elsewhere" / "deeper"
    shutil.copytree(here, there)
    usual = inputs_sha256(t, here)
    check_equal(inputs_sha256(t, there), usual, "the same files in another folder")
    check_equal(inputs_sha256(t, here, "--seed", "4"), usual, "another seed")
    demand = there / "data" / "demand.rou.xml"
    demand.write_text(demand.read_text() + "<!-- -->")
    check(inputs_sha256(t, there) != usual, "another demand has the same hash")
    # a file that only a file names, and the settings
    data = here / "data"
    (data / "more").mkdir()
    (data / "more" / "inner.add.xml").write_text("<additional/>")
    detectors = data / "detectors.add.xml"
    detectors.write_text(detectors.read_text().replace("</additional>",
                                                       '<include href="more/inner.add.xml"/></additional>'))
    (data / "ramp_metering.platoon.yaml").write_text("measure: {from: 10}\n")
    check_equal(inputs_sha256(t, here),
                hash_of(data, INPUTS + ["more/inner.add.xml", "ramp_metering.platoon.yaml"]), "hash with the included")


@test(timeout=60)
def a_controller_of_the_users_own_is_among_what_was_read(t):
    root, kept = own_scenario(t), t.tmp / "kept"
    plugin = shutil.copy(support.BUILD / "examples" / "demand_capacity.so", root / "data" / "own.so")
    usual = inputs_sha256(t, root)
    check_equal(inputs_sha256(t, root, "--controller", str(plugin)), usual, "loaded, but not this run's")
    sumo(t, root, "--controller", str(plugin), "--control", "demand_capacity", "--output-dir", str(kept))
    manifest = json.loads((kept / "manifest.json").read_text())
    check_equal(manifest["control"], "demand_capacity", "control")
    check_equal(manifest["inputs_sha256"], hash_of(root / "data", INPUTS + ["own.so"]), "hash")


@test(timeout=60)
def a_failed_run_has_a_manifest_too(t):
    root, kept = own_scenario(t), t.tmp / "kept"
    (root / "data" / "network.net.xml").unlink()
    p = sumo(t, root, "--output-dir", str(kept), exit_code=1)
    check_in("network.net.xml", p.stderr)
    manifest = json.loads((kept / "manifest.json").read_text())
    check_equal(manifest["outcome"], "failed", "outcome")
    check_in("is not accessible", manifest["failure"])
    check_equal([i for i in manifest["inputs"] if i["sha256"] is None],
                [{"name": "network.net.xml", "bytes": None, "sha256": None}], "the file that is not there")


@test(timeout=60)
def a_file_that_changes_in_mid_run_leaves_no_hash(t):
    root, kept = own_scenario(t), t.tmp / "kept"
    demand = root / "data" / "demand.rou.xml"
    # SUMO in a script that, before it runs it, changes what was hashed
    fake = t.tmp / "sumo"
    fake.write_text('#!/bin/sh\n[ "$1" = --version ] || echo "<!-- -->" >>"%s"\nexec "%s" "$@"\n'
                    % (demand, shutil.which("sumo")))
    fake.chmod(0o755)
    result = json.loads(sumo(t, root, "--sumo", str(fake), "--json", "--output-dir", str(kept)).stdout)
    manifest = json.loads((kept / "manifest.json").read_text())
    check_equal((result["inputs_sha256"], manifest["inputs_sha256"], manifest["inputs_changed"]), (None, None, True),
                "hashes")
    check_equal(result["outcome"], "ok", "outcome")


if __name__ == "__main__":
    support.main()
