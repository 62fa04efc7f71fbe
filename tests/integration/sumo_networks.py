# SPDX-License-Identifier: Apache-2.0
"""`platoon sumo --describe`, and networks that are not ours: two of SUMO's own package, one metered by what --write made
of it, one as it is."""
import gzip
import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import support
from support import check, check_equal, check_in, skip, test
from support_sumo import scenario, sumo_env

TIME_LIMIT_S = 300
GAMES = Path("/usr/share/sumo/tools/game")


def game(t, name):
    """A copy of one of SUMO's own, whose folder is nobody's to write into; the .sumocfg."""
    if not shutil.which("sumo") or not (GAMES / (name + ".sumocfg")).exists():
        skip("SUMO or its examples are not on this machine: tools/install-deps check")
    shutil.copytree(GAMES / name, t.tmp / name)
    for file in (name + ".sumocfg", "input_additional.add.xml"):
        shutil.copy(GAMES / file, t.tmp)
    return t.tmp / (name + ".sumocfg")


def sumo(t, *arguments, exit_code=0):
    return t.platoon("sumo", *map(str, arguments), exit_code=exit_code, timeout=120, env=sumo_env())


def described(t, config):
    return json.loads(sumo(t, config, "--describe", "--json").stdout)


def totals(statistic):
    text = Path(statistic).read_text()
    return sum(float(re.search(name + r'="([^"]*)"', text)[1]) for name in ("totalTravelTime", "totalDepartDelay"))


@test(timeout=60)
def our_scenario_is_described_and_its_draft_runs(t):
    data = scenario(t) / "data"
    config = data / "ramp_metering.sumocfg"
    p = sumo(t, config, "--describe", "--write")
    rows = [line.split() for line in p.stdout.splitlines()]
    check_in(["meter", "1", "ramp_storage", "open", "static", "1", "G"], rows, "signals")
    check_in(["ramp_queue", "E2", "30.0", "1473.9", "ramp_storage_0"], rows, "detectors")
    check_in(["ramp_merge", "merge", "rank", "meter", "ramp_queue", "ramp_in", "merge_1", "merge_2"], rows, "ramps")
    check_in("has all that the controller alinea needs", p.stdout)
    draft = data / "ramp_metering.platoon.yaml"
    check_in(str(draft), p.stderr)
    ramp = described(t, config)["ramps"][0]
    check_equal((ramp["is_complete"], ramp["missing"], ramp["remarks"]), (True, {}, {}), "what is missing")
    # Without the draft the presets name the same; with it they need not.
    options = ("--seed", "5", "--set", "end=400", "--json")
    by_draft = json.loads(sumo(t, config, "--control", "alinea", *options).stdout)
    draft.write_text(draft.read_text().replace('"ramp_in"', '"no_such"'))
    check_in('no induction loop (E1) "no_such"', sumo(t, config, "--control", "alinea", exit_code=1).stderr)
    draft.unlink()
    by_presets = json.loads(sumo(t, config, "--control", "alinea", *options).stdout)
    check_equal(by_draft["outcome"], "ok", "outcome")
    check_equal(by_draft["total_time_spent_h"], by_presets["total_time_spent_h"], "total time spent")


@test(timeout=60)
def a_draft_overwrites_nothing_unless_told_to(t):
    config = game(t, "ramp")
    draft = t.file("ramp.platoon.yaml", "control:\n  tls: mine\n")
    p = sumo(t, config, "--describe", "--write", exit_code=1)
    check_in("stays as it is", p.stderr)
    check_in("--force", p.stderr)
    check_equal(Path(draft).read_text(), "control:\n  tls: mine\n", "the file")
    sumo(t, config, "--describe", "--write", "--force")
    check_in('tls: "gneJ16"', Path(draft).read_text())
    os.unlink(draft)
    sumo(t, config, "--describe")
    check(not os.path.exists(draft), "--describe alone wrote a file")


@test(timeout=60)
def what_cannot_be_described_is_told(t):
    config = game(t, "ramp")
    for arguments, part in ((("--write",), "--write goes with --describe"), (("--describe", "--force"), "--force"),
                            (("--describe", "--seed", "1"), "--seed has no meaning"),
                            (("--describe", "--control", "alinea"), "--control has no meaning")):
        check_in(part, sumo(t, config, *arguments, exit_code=2).stderr)
    net = t.tmp / "ramp" / "ramp.net.xml"
    whole = net.read_bytes()
    packed = gzip.compress(whole)
    net.write_bytes(packed[:len(packed) // 2])
    check_in("ramp.net.xml is compressed, and cut off", sumo(t, config, "--describe", exit_code=1).stderr)
    net.write_bytes(packed[:-8] + bytes(8))
    check_in("ramp.net.xml is compressed, and damaged: incorrect data check",
             sumo(t, config, "--describe", exit_code=1).stderr)
    net.write_bytes(whole[:2000])
    check(re.search(r"ramp\.net\.xml:\d+:\d+: ", sumo(t, config, "--describe", exit_code=1).stderr), "no line and column")
    net.unlink()
    check_in("ramp.net.xml: No such file", sumo(t, config, "--describe", "--write", exit_code=1).stderr)
    check(not (t.tmp / "ramp.platoon.yaml").exists(), "a draft of nothing")


@test(timeout=60)
def compressed_files_are_described_and_run_as_plain_ones(t):
    """As SUMO takes them: by their bytes. One is named .gz, one is not, one is in two pieces."""
    data = scenario(t) / "data"
    plain, packed = data / "ramp_metering.sumocfg", data / "packed.sumocfg"
    net, detectors, demand = (data / name for name in ("network.net.xml", "detectors.add.xml", "demand.rou.xml"))
    (data / "network.net.xml.gz").write_bytes(gzip.compress(net.read_bytes()))
    include = b'<additional><include href="detectors.xml.gz"/></additional>'
    (data / "packed.add.xml").write_bytes(gzip.compress(include))
    (data / "detectors.xml.gz").write_bytes(gzip.compress(detectors.read_bytes()))
    text = demand.read_bytes()
    (data / "demand.rou.xml.gz").write_bytes(gzip.compress(text[:500]) + gzip.compress(text[500:]))
    packed.write_text(plain.read_text().replace("network.net.xml", "network.net.xml.gz")
                      .replace("detectors.add.xml", "packed.add.xml").replace("demand.rou.xml", "demand.rou.xml.gz"))
    found = described(t, packed)
    check_equal(found.pop("net_file"), str(data / "network.net.xml.gz"), "net_file")
    want = described(t, plain)
    check_equal(want.pop("net_file"), str(net), "net_file")
    check(len(want["detectors"]) > 4 and want["ramps"], "what there is: %r" % want)
    check_equal(found, want, "what is described")

    options = ("--control", "alinea", "--seed", "4", "--set", "end=900", "--json", "--output-dir")
    runs = [json.loads(sumo(t, config, *options, t.tmp / ("out-" + config.stem)).stdout)
            for config in (plain, packed)]
    check_equal(runs[1]["outcome"], "ok", "outcome")
    check_equal(runs[1]["total_time_spent_h"], runs[0]["total_time_spent_h"], "total time spent")
    inputs = json.loads((t.tmp / "out-packed" / "manifest.json").read_text())["inputs"]
    check_equal({f["name"]: f["sha256"] for f in inputs},
                {name: hashlib.sha256((data / name).read_bytes()).hexdigest()
                 for name in ("demand.rou.xml.gz", "detectors.xml.gz", "network.net.xml.gz", "packed.add.xml",
                              "packed.sumocfg")}, "what was read")


@test(timeout=120)
def a_network_of_sumos_package_is_metered(t):
    """Its ramp has a signal and no detectors: what --describe says is missing is put in as it stands there."""
    config = game(t, "ramp")
    found = described(t, config)
    (ramp,) = found["ramps"]
    check_equal((ramp["edge"], ramp["merge_edge"], ramp["tls"], ramp["bypass_edge"]),
                ("gneE14", "gneE7", "gneJ16", "gneE16"), "the ramp")
    check_equal(sorted(ramp["missing"]), ["occupancy_detectors", "queue_detector", "ramp_inflow_detector"], "missing")
    sumo(t, config, "--describe", "--write")
    for backend in ("auto", "traci"):
        check_in("control.occupancy_detectors is not set",
                 sumo(t, config, "--control", "alinea", "--sumo-backend", backend, exit_code=1).stderr)
    detectors = [re.search(r"<.*/>", text)[0] for text in ramp["missing"].values()]
    detectors.append(detectors[0].replace("merge_1", "merge_2").replace("gneE7_1", "gneE7_2"))
    (t.tmp / "detectors.add.xml").write_text("<additional>%s</additional>" % "".join(detectors))
    config.write_text(config.read_text().replace('additional-files value="', 'additional-files value="detectors.add.xml,'))
    sumo(t, config, "--describe", "--write", "--force")
    (ramp,) = described(t, config)["ramps"]
    check_equal((ramp["is_complete"], ramp["occupancy_detectors"], ramp["queue_detector"], ramp["ramp_inflow_detector"]),
                (True, ["merge_1", "merge_2"], "ramp_queue", "ramp_in"), "the ramp")

    options = ("--seed", "3", "--json", "--output-dir")
    free = json.loads(sumo(t, config, *options, t.tmp / "free").stdout)
    metered = json.loads(sumo(t, config, "--control", "alinea", *options, t.tmp / "metered").stdout)
    check_equal((free["outcome"], metered["outcome"], metered["seed"]), ("ok", "ok", 3), "outcomes")
    check(metered["total_time_spent_h"] != free["total_time_spent_h"], "the meter changes nothing")
    # The network's own file asks for what its signal shows. Its plan holds each state for hours.
    shown = [[line for line in (t.tmp / run / "tlsstate.xml").read_text().splitlines() if "<tlsState " in line]
             for run in ("free", "metered")]
    states = [{re.search(r'state="([^"]*)"', line)[1] for line in lines} for lines in shown]
    check_in("y", states[0], "states of the plan")
    check_equal(states[1], {"G", "r"}, "states of the meter")
    check(len(shown[1]) > 20 > len(shown[0]), "changes of the signal: %d, %d" % tuple(map(len, shown)))


@test(timeout=120)
def another_runs_as_sumo_alone_runs_it(t):
    config = game(t, "A10KW")
    found = described(t, config)
    check_equal((found["edges"], len(found["signals"]), found["detectors"]), (509, 2, []), "the network")
    check_equal([r["edge"] for r in found["ramps"] if r["found_by"] == "type"], ["24498409", "308396220"], "ramps")
    result = json.loads(sumo(t, config, "--seed", "11", "--set", "end=200", "--json").stdout)
    (t.tmp / "plain").mkdir()
    t.run(["sumo", "-c", config, "--seed", "11", "--end", "200", "--no-step-log", "--statistic-output",
           t.tmp / "plain" / "statistic.xml", "--tripinfo-output.write-unfinished", "--tripinfo-output.write-undeparted"],
          timeout=60, env=sumo_env())
    check_equal(result["total_time_spent_h"], totals(t.tmp / "plain" / "statistic.xml") / 3600, "total time spent")
    check(result["vehicles_inserted"] > 100, "vehicles: %d" % result["vehicles_inserted"])


@test(timeout=60)
def the_way_to_a_signal_that_is_told_makes_one(t):
    config = game(t, "A10KW")
    (ramp,) = [r for r in described(t, config)["ramps"] if r["edge"] == "308396220"]
    command = re.search(r"netconvert .* NEW\.net\.xml", ramp["missing"]["tls"])[0]
    t.run(["sh", "-c", "cd %s && %s" % (t.tmp / "A10KW", command)], timeout=30, env=sumo_env())
    config.write_text(config.read_text().replace("A10KW/osm.net.xml", "A10KW/NEW.net.xml"))
    (ramp,) = [r for r in described(t, config)["ramps"] if r["edge"] == "308396220"]
    check(ramp["tls"] is not None and "tls" not in ramp["missing"], "still no signal: %r" % ramp)


if __name__ == "__main__":
    support.main()
