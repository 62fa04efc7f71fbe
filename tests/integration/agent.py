# SPDX-License-Identifier: Apache-2.0
"""`platoon work`: runners, failures, stopping, and what is left behind; against Python's own manager server and ours.

A Master is a stock Python program that does on a queue what the test tells it. In "plain" tests it holds the server
itself (multiprocessing.managers, nothing of ours); in "lease" tests it is connected to `platoon serve`."""
import ast
import functools
import json
import os
import re
import signal
import socket
import sys
import threading

TIME_LIMIT_S = 900

import support
from support import (AUTHKEY, Failure, Process, Server, check, check_equal, check_in, for_each_python, program, skip,
                     test)

MASTER = r'''
import ast, sys, threading
try:
    import queue
except ImportError:
    import Queue as queue
from multiprocessing.managers import BaseManager

class Custom(object):
    def __init__(self, x): self.x = x
    def __repr__(self): return "Custom(%r)" % (self.x,)

class Manager(BaseManager):
    pass

port, key = int(sys.argv[2]), sys.argv[3].encode()
if sys.argv[1] == "plain":
    tasks, results = queue.Queue(), queue.Queue()
    Manager.register("get_task_queue", callable=lambda: tasks)
    Manager.register("get_result_queue", callable=lambda: results)
    server = Manager(address=("127.0.0.1", port), authkey=key).get_server()
    port = server.address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.daemon = True
    thread.start()
else:
    Manager.register("get_task_queue")
    Manager.register("get_result_queue")
    manager = Manager(address=("127.0.0.1", port), authkey=key)
    manager.connect()
    tasks, results = manager.get_task_queue(), manager.get_result_queue()
print("PORT %d" % port)
sys.stdout.flush()
for line in iter(sys.stdin.readline, ""):
    verb, argument = line.rstrip("\n").split(" ", 1)
    try:
        if verb == "put":
            for value in ast.literal_eval(argument):
                tasks.put(value)
            answer = None
        elif verb == "put_custom":
            tasks.put(Custom(ast.literal_eval(argument)))
            answer = None
        elif verb == "get":
            answer = results.get(True, float(argument))
        elif verb == "count":
            answer = [results.get(True, 100) for _ in range(int(argument))]
            answer = len(answer), repr(answer[0])
        elif verb == "lengths":
            answer = sorted(len(results.get(True, 100)) for _ in range(int(argument)))
        elif verb == "get_task":
            answer = tasks.get(True, float(argument))
        elif verb == "join":
            tasks.join()
            answer = "joined"
        elif verb == "sizes":
            answer = tasks.qsize(), results.qsize()
        print("= " + repr(answer))
    except Exception as e:
        print("! " + type(e).__name__)
    sys.stdout.flush()
'''


class Master(Process):
    def __init__(self, t, kind="plain", python=None, port=0, options=()):
        self.kind = kind
        self.server = Server(t, *options) if kind == "lease" else None
        exe = python.path if python else sys.executable
        key = AUTHKEY.decode()
        port = self.server.port if self.server else port
        super().__init__(t, [exe, "-c", MASTER, kind, str(port), key], stdin="pipe", cwd="/")
        self.port = int(self.wait_line(r"^PORT (\d+)$", timeout=30).group(1))
        self.seen = len(self.stdout)

    def ask(self, verb, argument, timeout=60):
        self.stdin.write(("%s %s\n" % (verb, argument)).encode())
        self.stdin.flush()
        answer = self.wait_line(r"^([=!]) (.*)\n", timeout=timeout, stream="stdout", after=self.seen)
        self.seen = answer.end()
        if answer.group(1) == "!":
            raise Failure("the master's %s ended in %s" % (verb, answer.group(2)))
        return answer.group(2)

    def put(self, *values):
        self.ask("put", repr(list(values)))

    def get(self, timeout=40):
        return ast.literal_eval(self.ask("get", timeout, timeout + 20))

    def sizes(self):
        return ast.literal_eval(self.ask("sizes", ""))


class Agent(Process):
    """`platoon work` with two slots, its work folder in the test's own."""

    def __init__(self, t, port, *arguments, slots=2, env=None, quick=True, cwd=None):
        self.work = t.tmp / ("work-%d" % len(t.processes))
        key = t.file("agent-key", AUTHKEY, mode=0o600)
        options = [] if "--stop-grace" in arguments or not quick else ["--stop-grace", "5"]
        super().__init__(t, [program("platoon"), "work", "127.0.0.1:%d" % port, "--authkey-file", key, "--slots", slots,
                             "--work-dir", self.work, *options, *arguments], env=env, cwd=cwd)

    def end(self, number=signal.SIGTERM, exit_code=0):
        """Stop it, and look at what it leaves."""
        check_equal(self.stop(number), exit_code, "exit code")
        check_equal(os.listdir(str(self.work)), [], "work folder after the end")

    def spawner(self):
        """Process id of its platoon-spawn."""
        found = [c for c in self.children() if comm(c) == "platoon-spawn"]
        check_equal(len(found), 1, "number of platoon-spawn processes")
        return found[0]


def comm(pid):
    try:
        with open("/proc/%d/comm" % pid) as f:
            return f.read().strip()
    except OSError:
        return None


def is_alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def for_each_kind(function=None, timeout=60):
    def register(f):
        for kind in ("plain", "lease"):
            test(functools.partial(f, kind=kind), "%s[%s]" % (f.__name__, kind), timeout)
        return f
    return register(function) if function else register


def error_of(result, kind):
    check(isinstance(result, dict) and sorted(result) == ["platoon_error", "task", "task_id"],
          "not a failure: %r" % (result,))
    error = result["platoon_error"]
    check_equal(sorted(error), ["exit", "kind", "message", "stderr_tail"], "keys of the error")
    check_equal(error["kind"], kind, "kind (%r)" % error["message"])
    return error


def shell(script):
    """A command runner with a shell script; {keys} of the task come as $1, $2 ..."""
    return ["--runner", "command", "--", "/bin/sh", "-c", script.replace("{", "{{").replace("}", "}}"), "sh"]


# --- the command runner
# ------------------------------------------------------------------------------


@for_each_kind
def command_takes_arguments_and_json_and_gives_json_or_text(t, kind):
    m = Master(t, kind)
    a = Agent(t, m.port, "--runner", "command", "--", "/bin/sh", "-c", 'cat; printf "%s|" "$@"', "sh",
              "--n={n}", "{s}", "{task}", "{{x}}", slots=1)
    m.put({"n": 1, "s": "a b;$HOME'\"", "f": 0.1})
    check_equal(m.get(), '{"n": 1, "s": "a b;$HOME\'\\"", "f": 0.1}\n'
                '--n=1|a b;$HOME\'"|{"n": 1, "s": "a b;$HOME\'\\"", "f": 0.1}|{x}|', "result")
    a.end()
    for output, result in ((r'{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}), ("17\\n", 17), ("hello\\n", "hello"),
                           ("two\\nlines\\n", "two\nlines"), ("", ""), ("NaN", "nan"), ("\\303\\251", "\u00e9"),
                           ("123456789012345678901234567890", 123456789012345678901234567890)):
        a = Agent(t, m.port, *shell("printf '%s'" % output), slots=1)
        m.put(0)
        got = m.ask("get", 40) if output == "NaN" else m.get()
        check_equal(got, result, "result of %s" % output)
        a.end()


@for_each_kind(timeout=120)
def command_failures_name_their_kind(t, kind):
    m = Master(t, kind)

    def fail(wanted, *arguments, task={"x": 1}):
        a = Agent(t, m.port, *arguments, slots=1)
        m.put(task)
        result = m.get()
        a.end()
        check_equal(result["task"], task, "task in the failure")
        check_equal(result["task_id"] is None, kind == "plain", "task_id is None")
        return error_of(result, wanted)

    e = fail("exit", *shell("echo out; echo first >&2; echo last words >&2; exit 3"))
    check_equal((e["exit"], e["stderr_tail"]), (3, "first\nlast words\n"))
    check_in("code 3", e["message"])
    e = fail("signal", *shell("kill -SEGV $$"))
    check_equal(e["exit"], -11)
    check_in("SIGSEGV", e["message"])
    e = fail("timeout", "--timeout", "0.3", *shell("echo begun >&2; sleep 100"))
    check_equal(e["stderr_tail"], "begun\n")
    e = fail("timeout", "--timeout", "0.3", *shell("trap '' TERM; sleep 100 & wait; sleep 100"))
    check_equal(e["exit"], -9)
    e = fail("bad-output", *shell("printf 'a\\377b'"))
    check_in("byte 1", e["message"])
    e = fail("bad-output", "--max-output", "1M", *shell("exec cat /dev/zero"))
    check_in("1 MiB", e["message"])
    e = fail("bad-task", "--runner", "command", "--", "echo", "{y}")
    check_in("no such key; it has 'x'", e["message"])
    e = fail("bad-task", "--runner", "command", "--", "echo", "{x}", task={"x": "-rf"})
    check_in("begins with '-'", e["message"])
    t.file("no-first-line", "echo hi\n", mode=0o755)
    e = fail("not-found", "--root", t.tmp, "--runner", "command", "--", "./no-first-line")
    check_in("#!", e["message"])


@for_each_kind
def program_that_vanishes_is_not_found(t, kind):
    t.file("tool", "#!/bin/sh\necho one\n", mode=0o755)
    m = Master(t, kind)
    a = Agent(t, m.port, "--root", t.tmp, "--runner", "command", "--", "./tool")
    m.put(0)
    check_equal(m.get(), "one")
    os.unlink(str(t.tmp / "tool"))
    m.put(0)
    check_in("./tool", error_of(m.get(), "not-found")["message"])
    a.end()


@test
def large_input_and_output_pass(t):
    m = Master(t)
    a = Agent(t, m.port, "--runner", "command", "--", "cat")
    m.put("x" * 3000000, ["y" * 100000] * 20)
    check_equal(m.ask("lengths", 2), repr([20, 3000000]))
    # A command that reads nothing of it is no failure.
    a.end()
    a = Agent(t, m.port, "--runner", "command", "--", "true")
    m.put("x" * 3000000)
    check_equal(m.get(), "")
    a.end()


@test
def children_see_a_listed_environment_and_never_the_key(t):
    m = Master(t)
    env = support.clean_env(PLATOON_AUTHKEY=AUTHKEY.decode(), SECRET="s", MODE="fast", SUMO_HOME="/sumo",
                            XDG_STATE_HOME=t.tmp / "state")
    a = Process(t, [program("platoon"), "work", "127.0.0.1:%d" % m.port, "--slots", "1", "--work-dir", t.tmp / "work",
                    "--env", "MODE", "--env", "A=b=c", "--root", "/", "--runner", "command", "--", "env"], env=env)
    m.put(0)
    lines = m.get().split("\n")
    names = {line.split("=")[0] for line in lines}
    check(not names & {"PLATOON_AUTHKEY", "SECRET", "XDG_STATE_HOME"}, "seen: %s" % sorted(names))
    for line in ("MODE=fast", "A=b=c", "SUMO_HOME=/sumo", "PLATOON_SLOT=1", "PLATOON_ATTEMPT=1", "PLATOON_TASK_ID=1"):
        check(line in lines, "%s is not there" % line)
    check_equal(a.stop(), 0, "exit code")


@for_each_kind
def each_task_has_an_empty_folder_that_goes_with_it(t, kind):
    m = Master(t, kind)
    a = Agent(t, m.port, *shell('ls -A "$PLATOON_TASK_DIR"; cd "$PLATOON_TASK_DIR"; mkdir -p a/b; echo x >a/b/c; '
                                'ln -s / root; chmod 500 a/b; pwd'), slots=1)
    m.put(1, 2)
    first, second = m.get(), m.get()
    check(first != second and first.startswith(str(a.work)), "%s, %s" % (first, second))
    check_equal(os.listdir(os.path.dirname(first)), [], "task folders after the tasks")
    a.end()


@for_each_kind
def join_of_the_task_queue_returns_when_all_is_done(t, kind):
    m = Master(t, kind)
    a = Agent(t, m.port, *shell("[ $1 = 2 ] && exit 1; echo $1"), "{task}")
    m.put(1, 2, 3)
    check_equal(m.ask("join", ""), "'joined'")
    check_equal(m.sizes(), (0, 3), "queued and results")
    a.end()


@for_each_kind
def slots_run_at_the_same_time(t, kind):
    m = Master(t, kind)
    # Each waits until the other has begun.
    a = Agent(t, m.port, *shell('mkfifo %s/$1 2>/dev/null; other=$((3 - $1)); '
                                'while [ ! -p %s/$other ]; do sleep 0.02; done; echo $1' % (t.tmp, t.tmp)), "{task}")
    m.put(1, 2)
    check_equal(sorted([m.get(), m.get()]), [1, 2])
    a.end()


# --- the python runner
# -------------------------------------------------------------------------------

WORKER = r'''
import os, sys, threading, subprocess
calls = []
class Custom(object):
    def __init__(self, x): self.x = x
def run(p):
    calls.append(p)
    if isinstance(p, dict) and "eval" in p:
        return eval(p["eval"])
    if isinstance(p, dict) and "exec" in p:
        exec(p["exec"], globals())
        return None
    return {"square": p * p, "call": len(calls)}
class Tools:
    @staticmethod
    def twice(p): return 2 * p
'''


@for_each_python(oldest=(2, 7), timeout=120)
def python_calls_the_function_with_plain_values(t, python):
    t.file("worker.py", WORKER)
    m = Master(t, python=python)
    a = Agent(t, m.port, "--root", t.tmp, "--python", python.path, "--runner", "python", "worker.py:run", slots=1)
    m.put(3, 4)
    check_equal(m.get(), {"square": 9, "call": 1})
    check_equal(m.get(), {"square": 16, "call": 2}, "result in the same interpreter")
    m.put({"eval": "p['v'] == [1, 2.5, None, True, 'text', {'k': (1, 2)}, 2**80]",
           "v": [1, 2.5, None, True, "text", {"k": (1, 2)}, 2**80]})
    check_equal(m.get(), True)
    m.put({"eval": "{'f': frozenset([3])}"})
    check_in("frozenset", m.ask("get", 40), "result")
    if python.version > (3,):  # Python 2 has no literals for these
        m.put({"eval": "(1, {2}, '\\xe9', {4: [5]}, 1.5, 2**70) == p['v'] and p['v']",
               "v": (1, {2}, "\u00e9", {4: [5]}, 1.5, 2**70)})
        check_equal(m.get(), (1, {2}, "\u00e9", {4: [5]}, 1.5, 2**70))
    m.put({"eval": "[i for i in range(100000)]"})
    check_equal(m.ask("lengths", 1), "[100000]", "length of a large result")
    m.put({"eval": "complex(1, 2)"})
    check_equal(m.ask("get", 40), "(1+2j)")
    a.end()


@for_each_python(oldest=(2, 7), timeout=120)
def python_failures_name_their_kind(t, python):
    t.file("worker.py", WORKER)
    m = Master(t, python=python)
    a = Agent(t, m.port, "--root", t.tmp, "--python", python.path, "--runner", "python", "worker.py:run", slots=1)

    def fail(wanted, code):
        m.put({"exec": code})
        return error_of(m.get(), wanted)

    e = fail("exit", "raise ValueError('no such ramp')")
    check_equal((e["message"], e["exit"]), ("ValueError: no such ramp", None))
    check_in("worker.py", e["stderr_tail"])
    check("in call" not in e["stderr_tail"], "the driver's own frame is shown: %s" % e["stderr_tail"])
    e = fail("exit", "sys.exit(3)")
    check_equal((e["message"], e["exit"]), ("SystemExit: 3", 3))
    e = fail("exit", "raise KeyboardInterrupt")
    check_equal(e["message"], "KeyboardInterrupt")
    e = fail("exit", "sys.stderr.write('about to go\\n'); os._exit(7)")
    check_equal(e["exit"], 7)
    check_in("before it gave a result", e["message"])
    check_in("about to go", e["stderr_tail"])
    e = fail("signal", "os.kill(os.getpid(), 11)")
    check_equal(e["exit"], -11)
    e = fail("bad-output", "os.write(4, b'no frame at all'); import time; time.sleep(60)")
    m.put({"eval": "lambda: 0"})
    check_in("cannot be pickled", error_of(m.get(), "bad-output")["message"])
    e = fail("exit", "def f(): f()\nf()")
    check_in("maximum recursion depth", e["message"])
    m.put(5)
    check_equal(m.get()["square"], 25, "the worker lives on")
    a.end()


@for_each_kind(timeout=120)
def python_function_may_do_as_it_likes_with_output_and_processes(t, kind):
    t.file("worker.py", WORKER)
    m = Master(t, kind)
    a = Agent(t, m.port, "--root", t.tmp, "--runner", "python", "worker.py:run", "--verbose", slots=1)
    for code in ("print('printed \\u00e9')",
                 "os.write(1, b'to descriptor 1\\n')",
                 "os.system('echo from a child; echo and its stderr >&2')",
                 "sys.stdout.close()",
                 "import io; sys.stdout = io.StringIO()",
                 "os.chdir('/')",
                 "threading.Thread(target=lambda: print('thread'), daemon=False).start()",
                 "if os.fork() == 0: pass",
                 "import multiprocessing; q = multiprocessing.get_context('fork').Pool(2); "
                 "assert q.map(abs, [-1, -2]) == [1, 2]; q.close(); q.join()",
                 "import multiprocessing; q = multiprocessing.get_context('spawn').Pool(2); "
                 "assert q.map(abs, [-1, -2]) == [1, 2]; q.close(); q.join()",
                 "subprocess.Popen(['sleep', '300'])",
                 "subprocess.Popen(['sleep', '301'], start_new_session=True)"):
        m.put({"exec": code})
        check_equal(m.get(), None, "result of %s" % code)
    m.put({"eval": "os.getcwd()"})
    check_equal(m.get(), os.path.realpath(str(t.tmp)), "working folder of the next task")
    check_in("slot 1: printed \u00e9", a.stderr)
    check_in("slot 1: and its stderr", a.stderr)
    a.end()  # the harness sees that the sleeps are gone


@test
def what_tasks_print_and_raise_cannot_steer_a_terminal(t):
    t.file("worker.py", WORKER)
    m = Master(t)
    a = Agent(t, m.port, "--root", t.tmp, "--runner", "python", "worker.py:run", "--verbose", slots=1)
    m.put({"exec": "print('\\x1b[2Jprinted')"}, {"exec": "raise ValueError('one\\ntask 1 done\\x1b[0m')"})
    m.ask("lengths", 0)
    error_of([m.ask("get", 40), m.get()][1], "exit")
    a.wait_line(r"slot 1: \?\[2Jprinted")
    a.wait_line(r"ValueError: one task 1 done\?\[0m$")
    check("\x1b" not in a.stderr, "an escape character is in the log")
    a.end()


@for_each_kind
def python_names_and_modules(t, kind):
    t.file("worker.py", WORKER)
    t.file("pack/__init__.py", "")
    t.file("pack/mod.py", "def f(p):\n    import sys\n    return [p, __name__]\n")
    t.file("queue.py", "import helper\ndef f(p): return helper.g(p)\n")
    t.file("helper.py", "def g(p): return -p\n")
    m = Master(t, kind)
    for target, result in (("worker.py:Tools.twice", 14), ("pack.mod:f", [7, "pack.mod"]), ("queue.py:f", -7)):
        a = Agent(t, m.port, "--root", t.tmp, "--runner", "python", target, slots=1)
        m.put(7)
        check_equal(m.get(), result, target)
        a.end()


@for_each_kind
def python_that_cannot_start_stops_the_agent_and_takes_no_task(t, kind):
    t.file("worker.py", WORKER)
    t.file("broken.py", "import no_such_module\n")
    m = Master(t, kind)
    m.put(1)
    for target, part in (("nothing.py:run", "there is no file nothing.py"),
                         ("worker.py:walk", "worker.py has no 'walk'; it has "),
                         ("broken.py:run", "importing broken.py failed"), ("no_such_module:run", "no_such_module")):
        a = Agent(t, m.port, "--root", t.tmp, "--runner", "python", target)
        check_equal(a.wait(), 1, "exit code with %s" % target)
        check_in(part, a.stderr)
        check_equal(m.sizes()[0], 1, "tasks in the queue after %s" % target)
    a = Agent(t, m.port, "--root", t.tmp, "--python", "no-such-python", "--runner", "python", "worker.py:run")
    check_equal(a.wait(), 2, "exit code without an interpreter")
    check_in("no-such-python", a.stderr)


@for_each_kind
def hanging_function_is_killed_with_its_children(t, kind):
    t.file("worker.py", WORKER)
    m = Master(t, kind)
    a = Agent(t, m.port, "--root", t.tmp, "--timeout", "1", "--runner", "python", "worker.py:run", slots=1)
    m.put({"exec": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
                   "open('pid', 'w').write(str(os.getpid())); subprocess.call(['sleep', '300'])"})
    error_of(m.get(), "timeout")
    check(not is_alive(int((t.tmp / "pid").read_text())), "the interpreter lives on")
    m.put(2)
    check_equal(m.get(), {"square": 4, "call": 1}, "result in the new interpreter")
    a.end()


@test
def numbers_of_numpy_become_numbers(t):
    t.file("numpy.py", """
class float64(float):
    shape, dtype = (), None
    def item(self): return float(self)
class int32(object):
    shape = ()
    def __init__(self, n): self.n = n
    def item(self): return self.n
    def __hash__(self): return hash(self.n)
    def __eq__(self, other): return self.n == other
class ndarray(object):
    shape = (2,)
    def item(self): raise ValueError
""")
    t.file("worker.py", "import numpy\ndef run(p):\n    x = numpy.float64(0.25)\n"
                        "    return {'x': x, 'y': [x, (numpy.int32(7),)], numpy.int32(3): {x}}\n"
                        "def array(p): return numpy.ndarray()\n")
    m = Master(t)
    a = Agent(t, m.port, "--root", t.tmp, "--runner", "python", "worker.py:run", slots=1)
    m.put(0)
    check_equal(m.ask("get", 40), "{'x': 0.25, 'y': [0.25, (7,)], 3: {0.25}}")
    a.end()


@for_each_kind
def opaque_tasks_are_refused_unless_the_operator_trusts_them(t, kind):
    t.file("worker.py", "class Custom(object): pass\nimport sys; sys.modules['__main__'].Custom = Custom\n"
                        "def run(p): return [type(p).__name__, p.x]\n")
    m = Master(t, kind)
    a = Agent(t, m.port, "--root", t.tmp, "--runner", "python", "worker.py:run", slots=1)
    m.ask("put_custom", "5")
    result = m.ask("get", 40)
    check_in("'opaque-task'", result)
    check_in("--unsafe-pickle", result)
    a.end()
    a = Agent(t, m.port, "--root", t.tmp, "--runner", "python", "worker.py:run", "--unsafe-pickle", slots=1)
    m.ask("put_custom", "5")
    check_equal(m.get(), ["Custom", 5])
    a.end()


# --- stopping
# ----------------------------------------------------------------------------------------

UNTIL_GO = "[ -e %s/go ] && echo done && exit 0;"
BLOCKS = 'echo $$ >%s/pid.new; mv %s/pid.new %s/pid; trap "%s" TERM; while :; do sleep 0.05; %s done'


def blocking(t, on_term="", each=""):
    return shell(BLOCKS % (t.tmp, t.tmp, t.tmp, on_term, each))


def wait_running(t):
    t.eventually(lambda: (t.tmp / "pid").exists(), "the task runs")
    return int((t.tmp / "pid").read_text())


@for_each_kind
def first_signal_lets_running_tasks_finish(t, kind):
    m = Master(t, kind)
    a = Agent(t, m.port, *blocking(t, each=UNTIL_GO % t.tmp), slots=1)
    m.put(1, 2)
    wait_running(t)
    a.send_signal(signal.SIGTERM)
    a.wait_line("no new tasks; 1 running")
    t.file("go", "")
    check_equal(a.wait(), 0, "exit code")
    check_equal(m.get(), "done")
    check_equal(m.sizes(), (1, 0), "queued and results")


@for_each_kind
def task_over_its_grace_is_killed_and_goes_back(t, kind):
    m = Master(t, kind)
    a = Agent(t, m.port, "--stop-grace", "0.3", *blocking(t, on_term="exit 0"), slots=1)
    m.put(1, 2)
    pid = wait_running(t)
    a.end(signal.SIGINT, exit_code=130)
    check(not is_alive(pid), "the task lives on")
    check_equal(m.sizes(), (2, 0), "queued and results")  # exit 0 on SIGTERM is no result
    order = [int(m.ask("get_task", 5)), int(m.ask("get_task", 5))]
    check_equal(order, [2, 1] if kind == "plain" else [1, 2], "order of the queue")


@for_each_kind
def second_signal_kills_at_once(t, kind):
    m = Master(t, kind)
    a = Agent(t, m.port, "--stop-grace", "1000", *blocking(t, on_term=""), slots=1)
    m.put(1)
    pid = wait_running(t)
    a.send_signal(signal.SIGTERM)
    a.wait_line("no new tasks")
    a.end(exit_code=130)
    check(not is_alive(pid), "the task lives on")
    check_equal(m.sizes(), (1, 0), "queued and results")


@for_each_kind
def drain_waits_for_running_tasks(t, kind):
    m = Master(t, kind)
    a = Agent(t, m.port, "--drain", "--stop-grace", "0", *blocking(t, each=UNTIL_GO % t.tmp),
              slots=1)
    m.put(1)
    wait_running(t)
    a.send_signal(signal.SIGTERM)
    a.wait_line("however long")
    t.file("go", "")
    check_equal(a.wait(), 0, "exit code")
    check_equal(m.get(), "done")


@for_each_kind
def idle_agent_stops_quickly(t, kind):
    m = Master(t, kind)
    a = Agent(t, m.port, "--stop-grace", "1000", "--runner", "command", "--", "cat")
    m.put(5)
    check_equal(m.get(), 5)
    a.send_signal(signal.SIGTERM)
    check_equal(a.wait(timeout=5), 0, "exit code")


@for_each_kind
def idle_exit_ends_after_the_last_task(t, kind):
    m = Master(t, kind)
    a = Agent(t, m.port, "--idle-exit", "1", "--runner", "command", "--", "cat")
    m.put(1, 2, 3)
    check_equal(sorted(m.get() for _ in range(3)), [1, 2, 3])
    check_equal(a.wait(), 0, "exit code")
    check_in("no task for 1 s", a.stderr)


@for_each_kind
def killed_agent_leaves_no_process_and_no_folder(t, kind):
    m = Master(t, kind)
    a = Agent(t, m.port, *shell("setsid sleep 1000 & sleep 1001 & echo $! >%s/pid.new; mv %s/pid.new %s/pid; wait"
                                % (t.tmp, t.tmp, t.tmp)), slots=1)
    m.put(1)
    wait_running(t)
    spawner = a.spawner()
    check(len(os.listdir(str(a.work))) == 1, "there is no work folder")
    a.kill()
    t.eventually(lambda: not is_alive(spawner), "platoon-spawn is gone")
    check_equal(os.listdir(str(a.work)), [], "work folder after kill -9")
    # The harness is the subreaper above: whatever was left would be its child now, and a failure.


@for_each_kind
def killed_spawner_costs_no_task(t, kind):
    m = Master(t, kind)
    a = Agent(t, m.port, *blocking(t, each=UNTIL_GO % t.tmp), slots=1)
    m.put(1)
    pid = wait_running(t)
    os.unlink(str(t.tmp / "pid"))
    os.kill(a.spawner(), signal.SIGKILL)
    a.wait_line("platoon-spawn has died")
    t.eventually(lambda: not is_alive(pid), "its child is gone")
    check(wait_running(t) != pid, "the task does not run again")
    t.file("go", "")
    check_equal(m.get(), "done")
    a.end()


IDLE_RUNNER = """
import os, subprocess
if os.environ.get("WITH_CHILD"):
    ends, _ = os.pipe()  # until it is killed with the group
    if not os.fork():
        os.read(ends, 1)
def run(n):
    with open("ran", "a") as f:
        f.write("%d\\n" % n)
    return n, os.getpid()
"""


def runner_that_was_used(t, m, a, n):
    """The pid of the runner of the agent's only slot, which is idle again after task `n`."""
    m.put(n)
    number, pid = m.get()
    check_equal(number, n, "result")
    return pid


@for_each_kind
def task_given_to_a_runner_that_was_killed_while_idle_is_run_by_the_next(t, kind):
    """Nobody else has its pipes: to write the task to it fails."""
    m = Master(t, kind)
    t.file("worker.py", IDLE_RUNNER)
    a = Agent(t, m.port, "--root", t.tmp, "--runner", "python", "worker.py:run", slots=1)
    pid, n = runner_that_was_used(t, m, a, 0), 0
    while True:
        os.kill(a.pid, signal.SIGSTOP)
        n += 1
        m.put(n)
        try:
            t.eventually(lambda: m.sizes()[0] == 0, "", timeout=0.5)
            break  # the task is on its way to the agent
        except Failure:  # which had not asked for one yet
            os.kill(a.pid, signal.SIGCONT)
            check_equal(m.get(), (n, pid), "result")
            check(n < 20, "the agent never asks for a task")
    os.kill(pid, signal.SIGKILL)
    os.kill(a.pid, signal.SIGCONT)
    number, next_pid = m.get()
    check_equal(number, n, "result")
    check(next_pid != pid, "the same runner again")
    check_equal((t.tmp / "ran").read_text().split(), [str(i) for i in range(n + 1)], "runs")
    a.end()


@for_each_kind
def task_that_a_runner_killed_while_idle_never_read_is_run_by_the_next(t, kind):
    """A child of its has its pipes too: the task is written, and the end of the runner is told after that."""
    m = Master(t, kind)
    t.file("worker.py", IDLE_RUNNER)
    a = Agent(t, m.port, "--root", t.tmp, "--env", "WITH_CHILD=1", "--runner", "python", "worker.py:run", slots=1)
    pid = runner_that_was_used(t, m, a, 1)
    spawner = a.spawner()
    os.kill(spawner, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    m.put(2)
    t.eventually(lambda: os.listdir(str(a.work)) and m.sizes()[0] == 0, "the agent took the task")
    os.kill(spawner, signal.SIGCONT)
    number, next_pid = m.get()
    check_equal(number, 2, "result")
    check(next_pid != pid, "the same runner again")
    check_equal((t.tmp / "ran").read_text(), "1\n2\n", "runs")
    a.end()


@test
def runner_that_always_ends_before_it_reads_a_task_is_given_up(t):
    m = Master(t, "lease")
    t.file("worker.py", "import os, signal, threading\n"
           "def run(n): return n\n"
           "def end():\n    os.kill(os.getpid(), signal.SIGKILL)\n"
           "threading.Timer(0.2, end).start()\nos.close(3)\n")
    a = Agent(t, m.port, "--root", t.tmp, "--runner", "python", "worker.py:run", slots=1)
    m.put(1)
    check_equal(a.wait(), 1, "exit code")
    check_in("the runner cannot work: ", a.stderr)
    check_equal(m.sizes(), (1, 0), "tasks and results")


# --- servers that come and go
# ------------------------------------------------------------------------


@test
def absent_server_is_waited_for_and_said_once(t):
    port = support.free_port()
    a = Agent(t, port, "--runner", "command", "--", "cat")
    a.wait_line("no server at 127.0.0.1:%d yet" % port)
    m = Master(t, port=port)
    m.put(1)
    check_equal(m.get(), 1)
    check_equal(len(re.findall("no server at", a.stderr)), 1, "times said")
    check_in("connected to the server", a.stderr)
    a.end()


@test
def result_is_kept_for_a_plain_server_that_comes_back(t):
    m = Master(t)
    a = Agent(t, m.port, *blocking(t, each=UNTIL_GO % t.tmp), slots=2)
    m.put(1)
    wait_running(t)
    m.kill()
    a.wait_line("lost the server")
    t.file("go", "")
    a.wait_line("task #1 done")
    again = Master(t, port=m.port)
    check_equal(again.get(), "done")
    a.end()


@test
def undelivered_results_are_named_at_the_end(t):
    m = Master(t)
    a = Agent(t, m.port, "--stop-grace", "0", *blocking(t, each=UNTIL_GO % t.tmp), slots=2)
    m.put(1)
    wait_running(t)
    m.kill()
    t.file("go", "")
    a.wait_line("task #1 done")
    a.send_signal(signal.SIGTERM)
    a.wait_line("stopping|no new tasks")
    a.send_signal(signal.SIGTERM)
    check_equal(a.wait(), 1, "exit code")
    check_in("1 task could not be reported", a.stderr)


@for_each_kind
def wrong_authkey_is_an_error_that_says_so(t, kind):
    m = Master(t, kind)
    key = t.file("other-key", "not-the-key-of-this-server", mode=0o600)
    p = t.platoon("work", "127.0.0.1:%d" % m.port, "--authkey-file", key, "--runner", "command", "--", "cat",
                  exit_code=3)
    check_in("authkey", p.stderr)


@test
def queue_that_is_not_there_is_an_error_that_names_it(t):
    m = Master(t)
    a = Agent(t, m.port, "--queue", "get_more_tasks=get_result_queue", "--runner", "command", "--", "cat")
    check_equal(a.wait(), 3, "exit code")
    check_in("get_more_tasks", a.stderr)


@for_each_python(timeout=120)
def plain_servers_of_every_python_work(t, python):
    m = Master(t, python=python)
    a = Agent(t, m.port, "--runner", "command", "--", "cat")
    a.wait_line("plain Python manager")
    m.put(*range(10))
    check_equal(sorted(m.get() for _ in range(10)), list(range(10)))
    m.put({"a": [1, None, 2.5], "b": "\u00e9"})
    check_equal(m.get(), {"a": [1, None, 2.5], "b": "\u00e9"})
    a.end()


# --- leases
# ------------------------------------------------------------------------------------------


class Relay:
    """A TCP relay to a port of this machine, whose connections the test can cut."""

    def __init__(self, port):
        self.target = port
        self.is_cut = False
        self.pairs = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.is_cut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.target))
            self.pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source, sink):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        self.is_cut = True
        for pair in self.pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def mend(self):
        self.is_cut = False

    def close(self):
        self.cut()
        self.listener.close()


@test
def leases_are_renewed_while_a_task_runs(t):
    m = Master(t, "lease", options=("--worker-lease", "1"))
    script = "sleep 3.5; echo $PLATOON_ATTEMPT"
    agents = [Agent(t, m.port, *shell(script), slots=1) for _ in range(2)]
    m.put(0)
    check_equal(m.get(), 1, "attempt")
    check_equal(m.sizes(), (0, 0), "queued and results")
    for a in agents:
        check(not re.search("taken back|was there first", a.stderr), "a lease was lost")
        a.end()


@test
def task_finished_without_a_server_is_delivered_later(t):
    m = Master(t, "lease", options=("--worker-lease", "3"))
    relay = Relay(m.port)
    a = Agent(t, relay.port, *blocking(t, each=UNTIL_GO % t.tmp), slots=1)
    m.put(1)
    wait_running(t)
    relay.cut()
    a.wait_line("lost the server")
    t.file("go", "")
    a.wait_line("task 1 done")
    check_equal(m.sizes(), (0, 0), "queued and results")
    relay.mend()
    check_equal(m.get(), "done")
    a.wait_line("connected to the server")
    m.put(2)
    check_equal(m.get(), "done", "result of the next task")
    check_equal(len(re.findall("lost the server", a.stderr)), 1, "times said")
    a.end()
    relay.close()


@test
def running_task_survives_a_broken_connection(t):
    m = Master(t, "lease", options=("--worker-lease", "3"))
    relay = Relay(m.port)
    a = Agent(t, relay.port, *blocking(t, each="[ -e %s/go ] && echo $PLATOON_ATTEMPT && exit 0;" % t.tmp), slots=1)
    m.put(1)
    wait_running(t)
    for _ in range(3):
        relay.cut()
        a.wait_line("lost the server")
        relay.mend()
        t.eventually(lambda: len(relay.pairs) >= 1, "the agent is back")
    t.eventually(lambda: a.stderr.rfind("connected") > a.stderr.rfind("lost"), "the agent says so")
    t.file("go", "")
    check_equal(m.get(), 1, "attempt")
    a.end()
    relay.close()


@test
def of_two_results_the_first_is_recorded(t):
    m = Master(t, "lease", options=("--worker-lease", "1"))
    relay = Relay(m.port)
    a = Agent(t, relay.port, *blocking(t, each="[ -e %s/go ] && echo late && exit 0;" % t.tmp), slots=1)
    m.put(1)
    wait_running(t)
    relay.cut()
    b = Agent(t, m.port, *shell("echo $PLATOON_ATTEMPT"), slots=1)
    check_equal(m.get(), 2, "attempt")  # the lease of the first ran out
    t.file("go", "")
    a.wait_line("task 1 done")
    relay.mend()
    a.wait_line("another worker's result was there first")
    check_equal(m.sizes(), (0, 0), "queued and results")
    a.end()
    b.end()
    relay.close()


def is_durable(t):
    return "--memory" in t.platoon("serve", "--help").stdout


@test
def server_that_was_started_anew_without_its_tasks_is_worked_for(t):
    options = ("--worker-lease", "3") + (("--memory",) if is_durable(t) else ())
    m = Master(t, "lease", options=options)
    a = Agent(t, m.port, *blocking(t, each=UNTIL_GO % t.tmp), slots=1)
    m.put(1)
    wait_running(t)
    m.server.kill()
    a.wait_line("lost the server")
    Server(t, *options, listen="127.0.0.1:%d" % m.port)
    t.file("go", "")
    a.wait_line("the server does not know it any more")
    again = Master(t, "joined", port=m.port)
    again.put(2)
    check_equal(again.get(), "done")
    a.end()


@test
def task_outlives_its_server(t):
    if not is_durable(t):
        skip("serve keeps tasks in memory only")
    options = ("--data", t.tmp / "data", "--worker-lease", "3")
    m = Master(t, "lease", options=options)
    a = Agent(t, m.port, *blocking(t, each="[ -e %s/go ] && echo $PLATOON_ATTEMPT && exit 0;" % t.tmp), slots=1)
    m.put(1)
    wait_running(t)
    m.server.kill()
    a.wait_line("lost the server")
    Server(t, *options, listen="127.0.0.1:%d" % m.port)
    a.wait_line("connected to the server")
    t.file("go", "")
    again = Master(t, "joined", port=m.port)
    check_equal(again.get(), 1, "attempt")
    check_equal(again.sizes(), (0, 0), "queued and results")
    # The server may have forgotten the lease of its last moment; the result is the first all the same.
    check(not re.search("does not know|was there first", a.stderr), "the result was not kept")
    check_equal(len(re.findall("lost the server", a.stderr)), 1, "times said")
    a.end()


@test
def outcome_of_a_task_outlives_its_server(t):
    if not is_durable(t):
        skip("serve keeps tasks in memory only")
    options = ("--data", t.tmp / "data", "--worker-lease", "3")
    m = Master(t, "lease", options=options)
    a = Agent(t, m.port, *blocking(t, each="[ -e %s/go ] && echo $PLATOON_ATTEMPT && exit 0;" % t.tmp), slots=1)
    m.put(1, 2)
    wait_running(t)
    m.server.kill()
    t.file("go", "")
    a.wait_line("task 1 done")
    Server(t, *options, listen="127.0.0.1:%d" % m.port)
    again = Master(t, "joined", port=m.port)
    check_equal([again.get(), again.get()], [1, 1], "attempts")
    check_equal(again.sizes(), (0, 0), "queued and results")
    a.end()


@test
def results_large_and_opaque_arrive_as_they_are(t):
    t.file("worker.py", WORKER)
    m = Master(t, "lease")
    a = Agent(t, m.port, "--root", t.tmp, "--runner", "python", "worker.py:run")
    m.put({"eval": "'x' * 70000"}, {"eval": "list(range(300000))"}, {"eval": "b'y' * %d" % (support.BIG_MB << 20)})
    check_equal(m.ask("lengths", 3), repr([70000, 300000, support.BIG_MB << 20]))
    m.put({"eval": "complex(3, 4)"})
    check_equal(m.ask("get", 40), "(3+4j)")
    # Many middling ones at once: more values than the server takes in one list.
    m.put(*[{"eval": "list(range(6000))"}] * 100)
    check_equal(m.ask("lengths", 100), repr([6000] * 100))
    check(not re.search("refused|failed", a.stderr), "the server refused a result")
    a.end()


@test
def result_that_the_server_cannot_take_is_a_failure_that_says_so(t):
    m = Master(t, "lease", options=("--max-frame", "200K"))
    a = Agent(t, m.port, *shell("head -c $1 /dev/zero | tr '\\0' x"), "{task}")
    m.put(300000, 150000, 150000, 7)
    check_equal(m.ask("lengths", 4), repr([3, 7, 150000, 150000]))  # 3: the keys of a failure
    a.wait_line("task 1 done")
    m.put(300000)
    check_in("300", error_of(m.get(), "bad-output")["message"])
    check(not re.search("lost the server", a.stderr), "a connection was lost")
    a.end()


@test
def idle_exit_of_zero_works_off_the_queue(t):
    m = Master(t, "lease")
    m.put(*range(20))
    a = Agent(t, m.port, "--idle-exit", "0", "--runner", "command", "--", "cat")
    check_equal(a.wait(), 0, "exit code")
    check_equal(m.sizes(), (0, 20), "queued and results")


@test
def tasks_fetched_ahead_go_back_to_the_front_in_order(t):
    m = Master(t, "lease")
    a = Agent(t, m.port, "--stop-grace", "0.2",
              *shell("[ $1 -lt 20 ] && exit 0; echo $1 >%s/x; mv %s/x %s/pid; sleep 1000" % (t.tmp, t.tmp, t.tmp)),
              "{task}", slots=1)
    m.put(*range(60))
    wait_running(t)
    a.end(exit_code=130)
    check_equal(m.sizes(), (40, 20), "queued and results")
    check_equal([int(m.ask("get_task", 5)) for _ in range(40)], list(range(20, 60)), "order of the queue")


@test
def other_protocol_version_stops_with_both_versions(t):
    code = """
import sys
from multiprocessing.managers import BaseManager
class P(object):
    def version(self): return {'protocol': 2, 'server': '9.9.9'}
class M(BaseManager): pass
M.register('platoon', callable=P)
server = M(('127.0.0.1', 0), sys.argv[1].encode()).get_server()
print('PORT %d' % server.address[1]); sys.stdout.flush()
server.serve_forever()
"""
    server = t.start([sys.executable, "-c", code, AUTHKEY.decode()])
    port = int(server.wait_line(r"^PORT (\d+)$").group(1))
    a = Agent(t, port, "--runner", "command", "--", "cat")
    check_equal(a.wait(), 3, "exit code")
    check_in("platoon 9.9.9 and speaks version 2", a.stderr)
    check_in("which speaks version 1", a.stderr)


@test
def unknown_queue_of_our_server_is_named(t):
    m = Master(t, "lease")
    a = Agent(t, m.port, "--queue", "sims=outcomes", "--runner", "command", "--", "cat")
    check_equal(a.wait(), 3, "exit code")
    check_in("sims", a.stderr)
    check_in("get_task_queue", a.stderr)


@test
def server_knows_its_workers(t):
    m = Master(t, "lease")
    a = Agent(t, m.port, "--runner", "command", "--", "cat", slots=3)
    m.put(1)
    check_equal(m.get(), 1)
    status = json.loads(t.platoon("status", "--json", "--server", m.server.address, "--authkey-file",
                                  m.server.keyfile).stdout)
    workers = status["workers"]
    check_equal([(w["slots"], w["done"], w["leases"]) for w in workers], [(3, 1, 0)], "slots, done, leases")
    check(workers[0]["name"].endswith("-%d" % a.pid), "its name is %s" % workers[0]["name"])
    a.end()


# --- many
# --------------------------------------------------------------------------------------------


@for_each_kind(timeout=300)
def two_thousand_commands_leave_nothing(t, kind):
    m = Master(t, kind)
    a = Agent(t, m.port, "--quiet", "--runner", "command", "--", "true")
    m.put(*range(200))
    m.ask("count", 200)
    spawner = a.spawner()

    def held():
        return len(os.listdir("/proc/%d/fd" % spawner)), len(os.listdir(str(a.work / os.listdir(str(a.work))[0])))

    files, memory, at_spawner = a.open_files(), a.memory_kb(), held()
    m.put(*range(2000))
    check_equal(m.ask("count", 2000, timeout=200), repr((2000, "''")))
    t.eventually(lambda: a.open_files() <= files, "no more open files than before (%d)" % files)
    check_equal(held(), at_spawner, "descriptors of platoon-spawn, task folders")
    if support.SLOWDOWN == 1:  # sanitizers keep freed memory on purpose
        check(a.memory_kb() < memory + 4000, "memory grew from %d to %d KiB" % (memory, a.memory_kb()))
    a.end()


# --- the command line
# --------------------------------------------------------------------------------


@test
def usage_errors_are_found_before_anything_runs(t):
    key = t.file("key", AUTHKEY, mode=0o600)
    for arguments, part in (
            (["--runner", "comand"], "there is no runner 'comand'"),
            (["--runner", "command"], "needs a program"),
            (["--runner", "command", "--", "no-such-program"], "no-such-program"),
            (["--runner", "command", "--", "./no-such-program"], "./no-such-program"),
            (["--runner", "command", "--", "{task}"], "name the program"),
            (["--runner", "command", "--", "echo", "{"], "'{'"),
            (["--runner", "python"], "needs a function"),
            (["--runner", "python", "worker.py"], "needs a function"),
            (["--root", "/no/such/folder"], "/no/such/folder"),
            (["--root", "/etc/passwd"], "is no folder"),
            (["--slots", "0"], "--slots"),
            (["--queue", "a=b=c"], "TASK=RESULT"),
            (["--queue", "="], "TASK=RESULT"),
            (["--env", "PLATOON_AUTHKEY"], "not for tasks"),
            (["--timeout", "0"], "--timeout 0"),
            (["--python", "x"], "--runner python"),
            (["one", "two"], "one argument too many"),
            (["--", "echo"], "only --runner command"),
            (["--runner", "command", "--work-dir", "/no/such/folder", "--", "cat"], "/no/such/folder")):
        p = t.platoon("work", "--authkey-file", key, *arguments, exit_code=2)
        check_in(part, p.stderr, "the error for %s" % arguments)
        check_in("platoon work --help", p.stderr)


if __name__ == "__main__":
    support.main()
