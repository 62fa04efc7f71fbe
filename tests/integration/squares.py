# SPDX-License-Identifier: Apache-2.0
"""The squares programs, in C and as people write them in Python, in every mix."""
import re
from pathlib import Path

import support
from support import check, check_equal, check_in, test

SCRIPTS = Path(__file__).parent / "scripts"
KEY = "abc"  # the tutorial's, and the programs' default


def python_server(t, python):
    """Python's own server, which outlives masters and workers. Returns its port."""
    server = t.start([python.path, SCRIPTS / "stock_server.py", KEY])
    return int(server.wait_line(r"^listening on (\d+)$", stream="stdout").group(1))


def c_worker(t, port):
    return t.start([support.program("squares_worker"), "127.0.0.1", str(port)])


def python_worker(t, python, port):
    return t.start([python.path, SCRIPTS / "squares_worker.py", str(port), KEY])


def check_master(master):
    """Ten tasks, ten squares of them, in the original's words and order."""
    lines = master.stdout.splitlines()
    put = [int(n) for n in re.findall(r"^Put task (\d+)\.\.\.$", "\n".join(lines[:10]), re.M)]
    check_equal(len(put), 10, "tasks announced")
    check_equal(lines[10], "Try get results...", "line 11")
    check_equal(sorted(lines[11:21]), sorted("Result: %d * %d = %d" % (n, n, n * n) for n in put), "results")
    check_equal(lines[21:], ["master exit."], "end of the master's output")


def check_worker(worker):
    """Lines of the original; a worker whose server ends first says so, where Python shows a traceback."""
    lines = worker.stdout.splitlines()
    check_equal(lines[0], "Connect to server 127.0.0.1...", "first line")
    check(lines[-1] == "worker exit." or "127.0.0.1" in worker.stderr or "Traceback" in worker.stderr,
          "the worker ends with a word: %r %r" % (lines[-1], worker.stderr))
    rest = lines[1:-1] if lines[-1] == "worker exit." else lines[1:]
    for line in rest:
        check(re.match(r"run task (\d+) \* \1\.\.\.$|task queue is empty\.$", line), "a line of a worker: %r" % line)
    return sum(line.startswith("run task") for line in rest)


def check_workers(workers):
    done = 0
    for worker in workers:
        worker.wait(30)
        done += check_worker(worker)
    check_equal(done, 10, "tasks run by all workers")


def with_every_python(start):
    """All versions at once: the programs do little but sleep. start(python) -> (master, worker, ..)."""
    runs = [(python, start(python)) for python in support.pythons()]
    for python, (master, *workers) in runs:
        try:
            check_equal(master.wait(30), 0, "exit code of the master")
            check_master(master)
            check_workers(workers)
        except support.Failure as e:
            raise support.Failure("%r: %s" % (python, e)) from e


@test(timeout=120)
def untouched_python_master_with_c_workers(t):
    def start(python):
        port = support.free_port()
        master = t.start([python.path, SCRIPTS / "squares_master.py", str(port), KEY])
        master.wait_line("^Try get results")
        return master, c_worker(t, port), c_worker(t, port)

    with_every_python(start)


@test(timeout=120)
def c_master_that_connects_to_pythons_server_with_mixed_workers(t):
    def start(python):
        port = python_server(t, python)
        workers = c_worker(t, port), python_worker(t, python, port)
        return (t.start([support.program("squares_master"), "--connect", "127.0.0.1", str(port)]), *workers)

    with_every_python(start)


@test(timeout=120)
def c_master_with_its_own_server_and_mixed_workers(t):
    def start(python):
        port = support.free_port()
        master = t.start([support.program("squares_master"), "127.0.0.1", str(port)])
        master.wait_line("^Try get results")
        return master, c_worker(t, port), python_worker(t, python, port)

    with_every_python(start)


@test
def c_worker_says_when_the_queue_is_empty_and_goes_on(t):
    port = python_server(t, support.pythons()[-1])
    worker = t.run([support.program("squares_worker"), "127.0.0.1", str(port)])
    check_equal(worker.stdout.splitlines(),
                ["Connect to server 127.0.0.1..."] + ["task queue is empty."] * 10 + ["worker exit."], "output")


@test
def c_master_says_what_is_missing_and_where_late_results_will_be(t):
    port = python_server(t, support.pythons()[-1])
    master = t.run([support.program("squares_master"), "--connect", "127.0.0.1", str(port)], exit_code=1)
    check_equal(master.stdout.splitlines()[-1], "master exit.", "last line")
    check_in("10 of 10 results did not come within 10 s; late ones will be on get_result_queue of 127.0.0.1:%d" % port,
             master.stderr)


@test
def keys_come_from_a_file_or_the_environment_and_a_wrong_one_is_told(t):
    port = python_server(t, support.pythons()[-1])
    keyfile = t.file("key", "not it\n")
    p = t.run([support.program("squares_worker"), "127.0.0.1", str(port), keyfile], exit_code=1)
    check_in("the server refused this side's authkey", p.stderr)
    p = t.run([support.program("squares_worker"), "127.0.0.1", str(port)], exit_code=1,
              env=support.clean_env(PLATOON_AUTHKEY="nor this"))
    check_in("the server refused this side's authkey", p.stderr)
    p = t.run([support.program("squares_worker"), "127.0.0.1", str(support.free_port())], exit_code=1)
    check_in("refused the connection: is `platoon serve` running there?", p.stderr)


if __name__ == "__main__":
    support.main()
