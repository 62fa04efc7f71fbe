# SPDX-License-Identifier: Apache-2.0
"""examples/sumo_master.c, sumo_worker.c and sumo_control.c, and <platoon/sumo.h> behind them: against each other,
platoon serve, and Python's own server."""
import ast
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import support
from support import AUTHKEY, BUILD, ROOT, Server, check, check_equal, check_in, for_each_python, program, skip, test

TIME_LIMIT_S = 600

# The tutorial's master, untouched but for its address.
MASTER = '''
import queue, sys
from multiprocessing.managers import BaseManager
task_queue = queue.Queue()
result_queue = queue.Queue()
class QueueManager(BaseManager):
    pass
def return_task_queue():
    global task_queue
    return task_queue
def return_result_queue():
    global result_queue
    return result_queue
def test():
    QueueManager.register('get_task_queue', callable=return_task_queue)
    QueueManager.register('get_result_queue', callable=return_result_queue)
    manager = QueueManager(address=('127.0.0.1', 0), authkey=%r)
    manager.start()
    print('port %%d' %% manager.address[1])
    sys.stdout.flush()
    task = manager.get_task_queue()
    result = manager.get_result_queue()
    task.put({'filename': "data/ramp_metering.sumocfg", 'control_bool': False})
    task.put({'filename': "data/ramp_metering2.sumocfg", 'control_bool': True})
    print('Try get results...')
    for i in range(2):
        r = result.get(timeout=60)
        print('Result: {}'.format(r))
    manager.shutdown()
    print('master exit.')
if __name__ == "__main__":
    test()
'''


def scenario(t, end=120):
    """A copy of the scenario whose runs are short."""
    if not shutil.which("netconvert"):
        skip("SUMO is not on this machine: tools/install-deps demo")
    root = t.tmp / "scenario"
    shutil.copytree(ROOT / "scenarios" / "ramp_metering", root, ignore=shutil.ignore_patterns("*.net.xml"))
    subprocess.run([str(root / "build.sh")], check=True, stdout=subprocess.DEVNULL, env=support.clean_env())
    for config in (root / "data").glob("*.sumocfg"):
        config.write_text(re.sub(r'<end value="\d+"/>', '<end value="%d"/>' % end, config.read_text()))
    return root


def env(t, **more):
    tmp = t.tmp / "tmp"
    tmp.mkdir(exist_ok=True)
    return support.clean_env(PLATOON_PROGRAM=program("platoon"), TMPDIR=tmp, **more)


def keyfile(t):
    return t.file("key", AUTHKEY + b"\n", mode=0o600)


def worker(t, port, root, **more):
    return t.start([program("sumo_worker"), "127.0.0.1", str(port), keyfile(t), root], env=env(t, **more))


def results_in(text):
    return [ast.literal_eval(line) for line in re.findall(r"^Result: (.*)$", text, re.M)]


def check_both(results):
    check_equal([r["control_bool"] for r in results], [False, True], "control of the results")
    for r in results:
        check_equal(r["outcome"], "ok", "outcome")
        check(r["vehicles_inserted"] > 10, "vehicles: %r" % r)


def check_nothing_left(t):
    check_equal(os.listdir(t.tmp / "tmp"), [], "TMPDIR")


@test(timeout=120)
def master_with_its_own_server_and_worker(t):
    root, port = scenario(t), support.free_port()
    master = t.start([program("sumo_master"), "127.0.0.1", str(port), keyfile(t)], env=env(t))
    master.wait_line("Try get results")
    w = worker(t, port, root)
    check_equal((master.wait(60), w.wait()), (0, 0), "exit codes")
    check_both(results_in(master.stdout))
    check_equal(master.stdout.splitlines()[-1], "master exit.", "last line of the master")
    check_equal(w.stdout, "worker exit.\n", "output of the worker")
    check_nothing_left(t)


@test(timeout=120)
def both_against_platoon_serve(t):
    root, server = scenario(t), Server(t)
    master = t.start([program("sumo_master"), "--connect", "127.0.0.1", str(server.port), server.keyfile], env=env(t))
    w = worker(t, server.port, root)
    check_equal((master.wait(60), w.wait()), (0, 0), "exit codes")
    check_both(results_in(master.stdout))


@for_each_python(timeout=120)
def worker_for_an_untouched_python_master(t, python):
    root = scenario(t)
    master = t.start([python.path, t.file("master.py", MASTER % AUTHKEY)])
    port = int(master.wait_line(r"^port (\d+)$").group(1))
    w = worker(t, port, root)
    check_equal((master.wait(60), w.wait()), (0, 0), "exit codes")
    check_both(results_in(master.stdout))
    check_nothing_left(t)


@test(timeout=120)
def a_simulation_that_fails_has_a_result_that_says_why(t):
    server = Server(t)
    master = t.start([program("sumo_master"), "--connect", "127.0.0.1", str(server.port), server.keyfile], env=env(t))
    w = worker(t, server.port, t.tmp)
    check_equal((master.wait(60), w.wait()), (0, 0), "exit codes")
    for result, control in zip(results_in(master.stdout), (False, True)):
        check_equal(sorted(result), ["platoon_error", "task"], "keys")
        check_equal(result["task"]["control_bool"], control, "control_bool of the task")
        check_equal(result["platoon_error"]["kind"], "not-found", "kind")
        check_in("data/ramp_metering", result["platoon_error"]["message"])
    check_nothing_left(t)


@test
def an_empty_queue_is_told_and_a_master_without_workers_says_what_is_missing(t):
    server = Server(t)
    w = worker(t, server.port, t.tmp)
    check_equal(w.wait(), 0, "exit code")
    check_equal(w.stdout, "task queue is empty.\n" * 2 + "worker exit.\n", "output of the worker")
    master = t.run([program("sumo_master"), "--connect", "127.0.0.1", str(server.port), server.keyfile, "0.2"],
                   exit_code=1, env=env(t))
    check_in("2 of 2 results did not come within 0.2 s; late ones will be on get_result_queue of 127.0.0.1:%d"
             % server.port, master.stderr)
    check_in("master exit.", master.stdout)
    master = t.run([program("sumo_master"), "127.0.0.1", str(support.free_port()), keyfile(t), "0.2"], exit_code=1,
                   env=env(t))
    check_in("they are given up with the server", master.stderr)


@test
def a_missing_platoon_program_is_told(t):
    server = Server(t)
    t.start([program("sumo_master"), "--connect", "127.0.0.1", str(server.port), server.keyfile, "1"], env=env(t))
    w = t.run([program("sumo_worker"), "127.0.0.1", str(server.port), keyfile(t)], exit_code=1,
              env=dict(env(t), PLATOON_PROGRAM="/nowhere/platoon"))
    check_in("there is no program /nowhere/platoon, which runs simulations", w.stderr)
    check_in("PLATOON_PROGRAM", w.stderr)


@test(timeout=120)
def a_worker_that_is_killed_takes_its_simulation_with_it(t):
    root, server = scenario(t, end=14400), Server(t)
    master = t.start([program("sumo_master"), "--connect", "127.0.0.1", str(server.port), server.keyfile], env=env(t))
    w = worker(t, server.port, root)
    running = t.eventually(lambda: simulations(root), "SUMO runs")
    w.kill()
    t.eventually(lambda: not simulations(root), "SUMO is gone")
    check(running, "no simulation was seen")
    master.stop(signal.SIGKILL)


def control(t, root, *arguments, exit_code=0, **more):
    """Run examples/sumo_control.c on the scenario."""
    p = t.run([program("sumo_control"), root / "data" / "ramp_metering.sumocfg", *arguments], exit_code=exit_code,
              timeout=100, env=env(t, **more))
    check_nothing_left(t)
    return p


def by_platoon_sumo(t, root, *arguments):
    """Total time spent, as `platoon sumo` has it."""
    p = t.platoon("sumo", root / "data" / "ramp_metering.sumocfg", "--json", *arguments, env=env(t), timeout=100)
    return json.loads(p.stdout)["total_time_spent_h"]


@test(timeout=120)
def controllers_of_both_kinds_run_from_c_with_their_parameters(t):
    root, mine = scenario(t, end=900), BUILD / "examples" / "demand_capacity.so"
    none = by_platoon_sumo(t, root, "--seed", "3")
    for name, argument, more in (("fixed", "fixed", ()),
                                 ("demand_capacity", "%s:demand_capacity" % mine, ("--controller", mine))):
        key = "cycle_s=20" if name == "fixed" else "period_s=60"
        want = by_platoon_sumo(t, root, "--seed", "3", *more, "--control", name, "--set", key)
        p = control(t, root, argument, "seed=3", key)
        check_equal(p.stdout.splitlines(), ["none: %.2f veh h, ok" % none, "%s: %.2f veh h, ok" % (name, want),
                                            "control saves %.2f veh h" % (none - want)], "output")
        check(want != none, "the controller changes nothing")


@test(timeout=120)
def what_is_wrong_with_a_controller_is_told_to_the_c_program(t):
    root = scenario(t, end=60)
    no_table, crashes = t.tmp / "no_table.so", t.tmp / "crashes.so"
    for path, code in ((no_table, "int platoon_nothing;"),
                       (crashes, "int raise(int); __attribute__((constructor)) static void f(void) { raise(9); }")):
        t.run(["cc", "-shared", "-fPIC", "-o", path, t.file(path.stem + ".c", code)])
    for arguments, words in (
            (("alinea", "K_R=-1"), "bad-task: the task: control.K_R is -1; it must be 0 to 1000 veh/h/%"),
            (("demand_capacity",), "control.type"),
            ((t.tmp / "nowhere.so:x",), "none: --controller %s/nowhere.so: No such file or directory" % t.tmp),
            ((str(no_table) + ":x",), "no_table.so exports no platoon_controller_plugin"),
            ((str(crashes) + ":x",), "the simulation's process was ended by signal")):
        p = control(t, root, *arguments, exit_code=1)
        check_in(words, p.stderr)


def simulations(root):
    """Processes that run SUMO on this scenario."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"sumo") and any(str(root).encode() in word for word in words):
            found.append(int(path.parent.name))
    return found


if __name__ == "__main__":
    support.main()
