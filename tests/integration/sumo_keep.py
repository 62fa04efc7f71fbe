# SPDX-License-Identifier: Apache-2.0
"""`platoon work --keep`: whose outputs are kept, where, and that a run does not mind if they cannot be."""
import gzip
import json
import os
import re
import subprocess
from multiprocessing.managers import BaseManager

import support
from support import AUTHKEY, Server, check, check_equal, check_in, skip, test
from support_sumo import scenario, sumo_env

TIME_LIMIT_S = 300

TASK = {"filename": "data/ramp_metering.sumocfg", "seed": 3, "end": 120, "options": {"tripinfo-output": "trips.xml"}}
NO_RUN = dict(TASK, seed=-1)
# libsumo and SUMO alone look at what a configuration names only when they run
FAILS = dict(TASK, options={"additional-files": "data/demand.rou.xml", "tripinfo-output": "trips.xml"})


class Manager(BaseManager):
    pass


Manager.register("get_task_queue")
Manager.register("get_result_queue")


class Crew:
    """A server, and a worker with one slot that keeps things."""

    def __init__(self, t, *options):
        scenario()
        self.t = t
        self.server = Server(t, "--memory")
        manager = Manager(address=("127.0.0.1", self.server.port), authkey=AUTHKEY)
        manager.connect()
        self.tasks, self.results = manager.get_task_queue(), manager.get_result_queue()
        self.worker = t.start([support.program("platoon"), "work", self.server.address, "--authkey-file",
                               self.server.keyfile, "--root", scenario(), "--slots", "1", *options],
                              env=sumo_env(TMPDIR=str(t.tmp)), cwd=t.tmp)

    def run(self, *tasks):
        for task in tasks:
            self.tasks.put(task)
        return [self.results.get(True, 60) for _ in tasks]


def contents(folder):
    return sorted(path.name for path in folder.iterdir())


@test(timeout=60)
def outputs_of_all_runs_are_kept_compressed_with_a_manifest(t):
    plain = t.tmp / "plain"
    t.platoon("sumo", TASK["filename"], "--seed", "3", "--set", "end=120", "--set", "tripinfo-output=trips.xml",
              "--output-dir", str(plain), cwd=scenario(), timeout=60, env=sumo_env())
    crew = Crew(t, "--keep", "all")
    good, none, bad = crew.run(TASK, NO_RUN, FAILS)
    kept = t.tmp / "platoon-kept"  # its default, in the folder that it was started in
    check_equal(contents(kept), ["1-1", "3-1"], "folders: a task that was refused has no outputs")
    check_equal(contents(kept / "1-1"), ["detectors.out.xml.gz", "manifest.json", "platoon-statistic.xml.gz",
                                         "platoon-summary.xml.gz", "trips.xml.gz"], "files")
    header = re.compile(rb"<!--.*?-->", re.S)
    for name in ("trips.xml", "detectors.out.xml"):
        check_equal(header.sub(b"", gzip.decompress((kept / "1-1" / (name + ".gz")).read_bytes()), count=1),
                    header.sub(b"", (plain / name).read_bytes(), count=1), name)
    manifest = json.loads((kept / "1-1" / "manifest.json").read_text())
    check_equal((manifest["task"], manifest["outcome"]), (TASK, "ok"), "manifest")
    check_equal(manifest["inputs_sha256"], good["inputs_sha256"], "hash of the inputs")
    failed = json.loads((kept / "3-1" / "manifest.json").read_text())
    check_equal(failed["failure"], bad["platoon_error"]["message"], "failure")
    check_in("Error", failed["stderr_tail"])
    check_equal(none["platoon_error"]["kind"], "bad-task", "kind of the one that was refused")
    # another server numbers its tasks anew
    crew.worker.stop()
    again = Crew(t, "--keep", "all", "--keep-dir", str(kept))
    again.run(dict(TASK, seed=4))
    check_equal(contents(kept), ["1-1", "1-1-2", "3-1"], "folders after another server's task 1")
    check_equal(json.loads((kept / "1-1-2" / "manifest.json").read_text())["seed"], 4, "seed")


@test(timeout=60)
def of_failed_runs_alone_if_so_asked_and_those_out_of_time_are_among_them(t):
    crew = Crew(t, "--keep", "failed", "--keep-dir", "failures", "--timeout", "1.5")
    good, bad, slow = crew.run(TASK, FAILS, dict(TASK, end=14400))
    check_equal(good["outcome"], "ok", "outcome")
    check_equal((bad["platoon_error"]["kind"], slow["platoon_error"]["kind"]), ("exit", "timeout"), "kinds")
    check_equal(contents(t.tmp / "failures"), ["2-1", "3-1"], "folders")
    manifest = json.loads((t.tmp / "failures" / "3-1" / "manifest.json").read_text())
    check_equal(manifest["outcome"], "timed-out", "outcome of the slow one")
    check_in("the simulation had reached", manifest["failure"])
    check("detectors.out.xml.gz" in contents(t.tmp / "failures" / "3-1"), "what the slow one wrote until then")


@test(timeout=60)
def without_being_asked_nothing_is_kept(t):
    crew = Crew(t, "--keep", "none")
    crew.run(TASK, FAILS)
    crew.worker.stop()
    left = [name for name in os.listdir(t.tmp) if "kept" in name or name.startswith("platoon-work")]
    check_equal(left, [], "folders")


@test(timeout=60)
def a_full_disk_is_a_warning_and_the_result_is_there(t):
    small = t.tmp / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=False,
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        skip("a small file system cannot be mounted here (needs root)")
    try:
        crew = Crew(t, "--keep", "all", "--keep-dir", str(small))
        first, second = crew.run(dict(TASK, options={"fcd-output": "fcd.xml"}), TASK)
        check_equal((first["outcome"], second["outcome"]), ("ok", "ok"), "outcomes")
        crew.worker.wait_line(r"the outputs of 1-1 are not kept: .*No space left on device", stream="stderr")
        check_equal(contents(small), ["2-1"], "what is kept: the small one, whole")
        check_equal(len(contents(small / "2-1")), 5, "files of the small one")
        crew.worker.stop()
    finally:
        subprocess.run(["umount", str(small)], check=True)


@test(timeout=60)
def a_folder_that_is_gone_is_a_warning_too(t):
    crew = Crew(t, "--keep", "all", "--keep-dir", "kept")
    crew.run(TASK)
    for path in (t.tmp / "kept" / "1-1").iterdir():
        path.unlink()
    (t.tmp / "kept" / "1-1").rmdir()
    (t.tmp / "kept").rmdir()
    check_equal(crew.run(TASK)[0]["outcome"], "ok", "outcome")
    crew.worker.wait_line(r"the outputs of \d-1 are not kept: .*No such file", stream="stderr")


@test(timeout=30)
def wrong_options_are_refused(t):
    (t.tmp / "file").write_text("")
    for arguments, part in ((("--keep", "some"), "there are none, failed and all"),
                            (("--keep-dir", "x"), "without --keep failed or all"),
                            (("--keep", "all", "--keep-dir", str(t.tmp / "no" / "x")), "--keep-dir"),
                            (("--keep", "all", "--keep-dir", str(t.tmp / "file")), "--keep-dir"),
                            (("--keep", "all", "--runner", "command", "--", "true"), "--keep is for --runner sumo")):
        check_in(part, t.platoon("work", "127.0.0.1:1", *arguments, exit_code=2).stderr)


if __name__ == "__main__":
    support.main()
