# SPDX-License-Identifier: Apache-2.0
"""What the black-box tests share: interpreters, programs, temporary folders, and a strict end of each test.

A test script is tests/integration/NAME.py, run by /usr/bin/python3 with nothing but the standard library:

    import support
    from support import Server, check, check_equal, for_each_python, skip, test

    @test
    def server_prints_the_port_it_got(t):
        server = Server(t)
        check(server.port > 0, "port is %d" % server.port)

    @for_each_python
    def squares_complete(t, python):
        server = Server(t)
        t.run([python.path, "-c", CODE, str(server.port)], timeout=30)

    if __name__ == "__main__":
        support.main()

Output: `ok NAME`, `FAIL NAME: why` followed by what every program of that test printed, `skip NAME: why`; last line
`N passed, M failed, K skipped`. `NAME.py PATTERN...` runs the tests whose name contains a pattern; `--list` names them.

Every test has a time limit and a temporary folder of its own (t.tmp), and fails if at its end a child process of its own
is left or one of its programs printed a sanitizer's report. No test sleeps: wait for a line (Process.wait_line), an exit
(Process.wait), or a condition (t.eventually).

Environment: PLATOON_BUILD (build folder, default build/dev), PLATOON_TEST_PYTHONS (colon-separated interpreters),
PLATOON_TEST_SLOWDOWN (factor on all time limits; sanitizer builds), PLATOON_TEST_BIG_MB (largest value to send),
PLATOON_TEST_SOAK_S (length of the soak; default: a short one).
"""
import ctypes
import functools
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PLATOON_BUILD") or ROOT / "build" / "dev").resolve()
SLOWDOWN = float(os.environ.get("PLATOON_TEST_SLOWDOWN") or 1)
BIG_MB = int(os.environ.get("PLATOON_TEST_BIG_MB") or 8)
SOAK_S = float(os.environ.get("PLATOON_TEST_SOAK_S") or 0)
AUTHKEY = b"correct-horse-battery-staple-0123456789"

_SANITIZER = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|: runtime error: |SUMMARY: \w+Sanitizer"
)


class Failure(Exception):
    """The behaviour is not what the test's name says."""


class Skip(Exception):
    """What the test needs is not on this machine."""


class _Timeout(BaseException):
    """The test's time limit; not an Exception, so that no test catches it by accident."""


# --- checks
# ------------------------------------------------------------------------------------------


def check(claim, why):
    if not claim:
        raise Failure(why)


def check_equal(got, wanted, what="value"):
    if got != wanted:
        raise Failure("%s is %r, not %r" % (what, got, wanted))


def check_in(part, whole, what="output"):
    if part not in whole:
        raise Failure("%r is not in %s: %r" % (part, what, whole[-2000:]))


def skip(why):
    raise Skip(why)


# --- interpreters and programs
# -----------------------------------------------------------------------


class Python:
    """A stock interpreter: .path, .version (3, 11, 7), .label ("3.11.7")."""

    def __init__(self, path, version):
        self.path, self.version = path, version
        self.label = "%d.%d.%d" % version

    def __repr__(self):
        return "python%s" % self.label


def _version_of(path):
    try:
        out = subprocess.run(
            [path, "-c", "import sys; print('%d %d %d' % tuple(sys.version_info[:3]))"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=True, env=clean_env()).stdout
        return tuple(int(n) for n in out.split())
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


@functools.lru_cache(maxsize=None)
def _all_pythons():
    named = os.environ.get("PLATOON_TEST_PYTHONS")
    if named:
        paths = [p for p in named.split(":") if p]
    else:
        pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
        paths = ["/usr/bin/python3"] + glob.glob(os.path.join(pyenv, "versions", "[23].*", "bin", "python"))
    found = {}
    for path in paths:
        version = _version_of(path)
        if version:
            found.setdefault(version, Python(path, version))
        elif named:
            raise SystemExit("PLATOON_TEST_PYTHONS names %s, which does not run" % path)
    return [found[v] for v in sorted(found)]


def pythons(oldest=(3, 6), newest=(3, 99)):
    """Stock interpreters of this machine from `oldest` to `newest`, oldest first. Python 2.7 only if asked for."""
    return [p for p in _all_pythons() if oldest <= p.version[:2] <= newest]


def program(name):
    """Path of one of our programs (platoon, platoon-spawn) or examples (squares_worker)."""
    for folder in ("bin", "examples"):
        path = BUILD / folder / name
        if path.exists():
            return str(path)
    raise Failure("%s is not in %s/bin or %s/examples: is it built?" % (name, BUILD, BUILD))


def clean_env(**more):
    """This environment without what would change a program's behaviour, plus `more` (None removes)."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("PLATOON_", "PYTHON", "XDG_", "LC_", "VIRTUAL_ENV", "MAKE"))}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    env["PYTHONUNBUFFERED"] = "1"
    env["LANG"] = env["LC_ALL"] = "C.UTF-8"
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    env.setdefault("TSAN_OPTIONS", "exitcode=66:suppressions=%s" % (ROOT / "tests" / "support" / "tsan.supp"))
    env.update(more)
    return {k: str(v) for k, v in env.items() if v is not None}


def free_port():
    """A port that was free a moment ago. Prefer port 0 and the server's own line."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# --- processes
# ---------------------------------------------------------------------------------------


class Process:
    """A program that this test started. Its output is collected from the first byte.

    t        the test; at its end the process is killed if it still runs
    stdin    bytes to send and close, or None for an empty one, or "pipe" to keep p.stdin open
    """

    def __init__(self, t, argv, env=None, cwd=None, stdin=None, **popen):
        self.t = t
        self.argv = [str(a) for a in argv]
        self.text = {"stdout": "", "stderr": ""}
        self._changed = threading.Condition()
        self._popen = subprocess.Popen(
            self.argv, env=env or clean_env(XDG_STATE_HOME=t.tmp / "state"), cwd=str(cwd or t.tmp),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)
        self.pid = self._popen.pid
        self.stdin = self._popen.stdin
        t.processes.append(self)
        self._readers = [threading.Thread(target=self._read, args=(name, pipe), daemon=True)
                         for name, pipe in (("stdout", self._popen.stdout), ("stderr", self._popen.stderr))]
        for reader in self._readers:
            reader.start()
        if isinstance(stdin, bytes):
            threading.Thread(target=self._feed, args=(stdin,), daemon=True).start()

    def _feed(self, data):
        try:
            self.stdin.write(data)
            self.stdin.close()
        except OSError:
            pass  # it ended without reading all: its exit code and output tell

    def _read(self, name, pipe):
        while True:
            chunk = pipe.read1(65536)
            with self._changed:
                self.text[name] += chunk.decode("utf-8", "backslashreplace")
                self._changed.notify_all()
            if not chunk:
                return

    @property
    def stdout(self):
        return self.text["stdout"]

    @property
    def stderr(self):
        return self.text["stderr"]

    @property
    def returncode(self):
        return self._popen.poll()

    def wait_line(self, pattern, timeout=20, stream=None, after=0):
        """Wait for text that matches the regular expression `pattern` in `stream` ("stdout", "stderr", None: either), from
        character `after` on. Returns the match. Fails if the program ends or `timeout` seconds pass first."""
        wanted = re.compile(pattern, re.M)
        deadline = time.monotonic() + timeout * SLOWDOWN
        with self._changed:
            while True:
                ended = not any(r.is_alive() for r in self._readers)
                for name in ("stdout", "stderr") if stream is None else (stream,):
                    found = wanted.search(self.text[name], after)
                    if found:
                        return found
                left = deadline - time.monotonic()
                if ended:
                    raise Failure("%s ended (%s) before it printed %r"
                                  % (self.short_name(), self.returncode, pattern))
                if left <= 0:
                    raise Failure("%s did not print %r within %g s" % (self.short_name(), pattern, timeout))
                self._changed.wait(min(left, 0.2))

    def wait(self, timeout=20):
        """Wait for its end and all of its output; returns the exit code (negative: the signal)."""
        try:
            code = self._popen.wait(timeout * SLOWDOWN)
        except subprocess.TimeoutExpired:
            raise Failure("%s did not end within %g s" % (self.short_name(), timeout)) from None
        for reader in self._readers:
            reader.join(5 * SLOWDOWN)
        return code

    def send_signal(self, number):
        if self.returncode is None:
            os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, timeout=20):
        """Ask it to end; returns the exit code."""
        self.send_signal(number)
        return self.wait(timeout)

    def has_ended(self):
        return self._popen.poll() is not None

    def kill(self):
        """kill -9; returns when it is gone, though children of it may hold its output open."""
        self.send_signal(signal.SIGKILL)
        return self._popen.wait()

    def open_files(self):
        """How many descriptors it holds."""
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def memory_kb(self):
        """Resident memory."""
        with open("/proc/%d/status" % self.pid) as status:
            return int(re.search(r"^VmRSS:\s+(\d+)", status.read(), re.M).group(1))

    def children(self):
        """Process ids of its direct children."""
        return _children_of(self.pid)

    def short_name(self):
        return os.path.basename(self.argv[0]) + (" " + self.argv[1] if len(self.argv) > 1 else "")[:60]

    def close(self):
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    pass


def _children_of(pid):
    found = []
    for task in glob.glob("/proc/%d/task/*/children" % pid):
        try:
            with open(task) as f:
                found += [int(c) for c in f.read().split()]
        except OSError:
            pass  # the thread or the process is gone
    return found


class Server(Process):
    """`platoon serve` on a free port of 127.0.0.1, listening when the constructor returns.

    options   further arguments; authkey   bytes; .port, .address ("127.0.0.1:PORT"), .keyfile
    """

    def __init__(self, t, *options, authkey=AUTHKEY, listen="127.0.0.1:0", env=None):
        self.authkey = authkey
        self.keyfile = t.file("authkey-%d" % len(t.processes), authkey, mode=0o600)
        super().__init__(t, [program("platoon"), "serve", "--listen", listen, "--authkey-file", self.keyfile,
                             *options], env=env)
        self.port = int(self.wait_line(r"^platoon: listening on \S+:(\d+)$", stream="stdout").group(1))
        self.address = "127.0.0.1:%d" % self.port


# --- tests
# -------------------------------------------------------------------------------------------


class Test:
    """What a running test holds: .tmp (a Path), .processes, and ways to start and wait."""

    def __init__(self, name, tmp):
        self.name, self.tmp = name, tmp
        self.processes = []

    def start(self, argv, **options):
        return Process(self, argv, **options)

    def run(self, argv, timeout=30, exit_code=0, **options):
        """Start, wait, and check the exit code (None: any). Returns the ended Process."""
        p = Process(self, argv, **options)
        code = p.wait(timeout)
        if exit_code is not None and code != exit_code:
            raise Failure("%s exited with %s, not %s; stderr ends: %s"
                          % (p.short_name(), code, exit_code, p.stderr[-600:].strip()))
        return p

    def platoon(self, *args, **options):
        """Run one of our subcommands to its end."""
        return self.run([program("platoon"), *args], **options)

    def file(self, name, content, mode=0o644):
        """Write a file (text or bytes) in the test's folder; returns its path as text."""
        path = self.tmp / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return str(path)

    def eventually(self, claim, why, timeout=20):
        """Wait until claim() is true; returns what it answered. For state that nobody announces."""
        deadline = time.monotonic() + timeout * SLOWDOWN
        while True:
            answer = claim()
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise Failure("after %g s still not: %s" % (timeout, why))
            time.sleep(0.02)


_tests = []


def test(function=None, name=None, timeout=60):
    """Register a test: @test, or @test(timeout=120). The function's name is the test's."""
    def register(f):
        _tests.append((name or f.__name__, f, timeout))
        return f
    return register(function) if function else register


def for_each_python(function=None, oldest=(3, 6), newest=(3, 99), timeout=60):
    """Register function(t, python) once for each stock interpreter from `oldest` to `newest`."""
    def register(f):
        for python in pythons(oldest, newest):
            test(functools.partial(f, python=python), "%s[%s]" % (f.__name__, python.label), timeout)
        return f
    return register(function) if function else register


def _become_subreaper():
    """Orphans of our programs become our children, so that a leaked grandchild is seen."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def _end_processes(t):
    """Kill what still runs; returns complaints about what the test left behind."""
    complaints = []
    for p in reversed(t.processes):
        if p.returncode is None:
            p.kill()
    complaints += _end_orphans()
    for p in t.processes:
        p.wait()
        report = _SANITIZER.search(p.stderr)
        if report:
            complaints.append("%s: %s" % (p.short_name(), report.group(0)))
        p.close()
    return complaints


def _end_orphans():
    """Kill children of the killed ones, which are ours now, after a moment to end by themselves; returns complaints."""
    complaints = []
    deadline = time.monotonic() + 5 * SLOWDOWN
    left = _reaped(_children_of(os.getpid()))
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = _reaped(_children_of(os.getpid()))
    while left:
        for pid in left:
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as f:
                    command = f.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (OSError, ChildProcessError):
                continue
            complaints.append("child process left behind: %d %s" % (pid, command[:200]))
        left = _reaped(_children_of(os.getpid()))  # what those had started
    return complaints


def _reaped(pids):
    """Those that still run; the others are reaped."""
    left = []
    for pid in pids:
        try:
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                left.append(pid)
        except ChildProcessError:
            pass
    return left


def _show(t):
    for p in t.processes:
        print("  -- %s (exit %s)" % (" ".join(p.argv)[:300], p.returncode))
        for name in ("stdout", "stderr"):
            for line in p.text[name].splitlines()[-60:]:
                print("     %s| %s" % (name[3:], line))


def _on_alarm(_number, _frame):
    raise _Timeout()


def _run_one(name, function, timeout):
    """Returns "ok", "FAIL" or "skip" and prints its line."""
    tmp = Path(tempfile.mkdtemp(prefix="platoon-test-"))
    t = Test(name, tmp)
    started = time.monotonic()
    outcome, why, trace = "ok", "", ""
    signal.signal(signal.SIGALRM, _on_alarm)
    signal.setitimer(signal.ITIMER_REAL, timeout * SLOWDOWN)
    try:
        function(t)
    except Skip as e:
        outcome, why = "skip", str(e)
    except Failure as e:
        outcome, why = "FAIL", str(e)
        trace = "".join(traceback.format_tb(e.__traceback__)[1:2])
    except _Timeout:
        outcome, why = "FAIL", "did not end within %g s" % (timeout * SLOWDOWN)
        trace = traceback.format_exc(limit=-3)
    except Exception as e:  # pylint: disable=broad-except
        outcome, why = "FAIL", "%s: %s" % (type(e).__name__, e)
        trace = traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        complaints = _end_processes(t)
    if complaints and outcome != "FAIL":
        outcome, why = "FAIL", "; ".join(complaints)
    if outcome == "ok":
        print("ok %s (%.1f s)" % (name, time.monotonic() - started))
    else:
        print("%s %s: %s" % (outcome, name, why))
    if outcome == "FAIL":
        for line in trace.splitlines():
            print("  " + line)
        for complaint in complaints:
            print("  at its end: " + complaint)
        _show(t)
    sys.stdout.flush()
    shutil.rmtree(tmp, ignore_errors=True)
    return outcome


def main():
    """Run the script's tests as its arguments say; exits 1 if one failed."""
    # A shell that runs us in the background has these ignored, and what we start would inherit that.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    wanted = sys.argv[1:]
    if wanted == ["--list"]:
        print("\n".join(name for name, _, _ in _tests))
        return
    _become_subreaper()
    count = {"ok": 0, "FAIL": 0, "skip": 0}
    for name, function, timeout in _tests:
        if not wanted or any(part in name for part in wanted):
            count[_run_one(name, function, timeout)] += 1
    if not sum(count.values()):
        print("FAIL no test is named like %s" % " ".join(wanted))
        count["FAIL"] = 1
    print("%d passed, %d failed, %d skipped" % (count["ok"], count["FAIL"], count["skip"]))
    sys.exit(1 if count["FAIL"] else 0)
