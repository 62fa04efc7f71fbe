# SPDX-License-Identifier: Apache-2.0
"""What the questions of the bench share: servers, helpers that are told what to do, one CPU, rounds, rows.

A question is a module bench/q_NAME.py with a function ask(bench) that yields Rows; its docstring
describes the workload.
"""
import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "release"
STOCK = Path(__file__).resolve().parent / "stock"
AUTHKEY = b"the-key-of-the-bench-0123456789"
PATIENCE_S = 300


class Trouble(Exception):
    """A program of the bench did not do its part."""


class Row:
    """One answer. `ours` and `theirs` hold a figure a round, taken in turns."""

    def __init__(self, name, unit, ours, theirs, more_is_better=False):
        self.name, self.unit, self.more_is_better = name, unit, more_is_better
        self.ours, self.theirs = ours, theirs

    def ratio(self):
        """ours / theirs: the median of the rounds' own ratios, since a noisy minute spoils both of its round."""
        return median(a / b for a, b in zip(self.ours, self.theirs))

    @staticmethod
    def spread(figures):
        """From the lowest to the highest round, as a part of the median."""
        return (max(figures) - min(figures)) / median(figures)

    def as_dict(self):
        return {
            "name": self.name, "unit": self.unit, "more_is_better": self.more_is_better, "rounds": len(self.ours),
            "ours": median(self.ours), "theirs": median(self.theirs), "ratio": self.ratio(),
            "spread_ours": self.spread(self.ours), "spread_theirs": self.spread(self.theirs),
            "ours_rounds": self.ours, "theirs_rounds": self.theirs,
        }


class Tool:
    """A program that takes a command a line and answers a JSON object a line."""

    def __init__(self, bench, *argv):
        self.name = os.path.basename(str(argv[1] if argv[0] == bench.python else argv[0]))
        self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=bench.env, cwd=bench.tmp)
        self.pid = self.process.pid
        self._unread = b""
        bench.started.append(self)

    def send(self, command):
        try:
            os.write(self.process.stdin.fileno(), command.encode() + b"\n")
        except BrokenPipeError:
            raise Trouble("%s ended before it was told `%s`" % (self.name, command)) from None

    def line(self, timeout_s=PATIENCE_S):
        out = self.process.stdout.fileno()
        until = time.monotonic() + timeout_s
        while b"\n" not in self._unread:
            if not select.select([out], [], [], max(0, until - time.monotonic()))[0]:
                raise Trouble("%s did not answer within %g s" % (self.name, timeout_s))
            part = os.read(out, 65536)
            if not part:
                raise Trouble("%s ended (exit code %s); what it said is above" % (self.name, self.process.wait()))
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def answer(self):
        return json.loads(self.line())

    def ask(self, command):
        self.send(command)
        return self.answer()

    def close(self):
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()
        try:
            self.process.terminate()
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def memory_kib(self):
        return self._status("VmRSS")

    def cpu_ticks(self):
        fields = Path("/proc/%d/stat" % self.pid).read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def _status(self, name):
        for line in Path("/proc/%d/status" % self.pid).read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        raise Trouble("%s has no %s" % (self.name, name))

    def wait_until_idle(self):
        """Until it has used no CPU for a third of a second."""
        before = -1
        while before != self.cpu_ticks():
            before = self.cpu_ticks()
            time.sleep(0.33)


class Bench:
    """What a question gets: .rounds, .python (the stock interpreter), .keyfile, .tmp, and what starts programs."""

    def __init__(self, rounds, python, is_quick):
        self.rounds, self.python, self.is_quick = rounds, python, is_quick
        # On the disk of the tree, not in a /tmp that may be memory: durability is one of the questions.
        BUILD.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(prefix="bench-", dir=BUILD)
        self.tmp = Path(self._folder.name)
        self.keyfile = self.tmp / "authkey"
        self.keyfile.write_bytes(AUTHKEY)
        self.keyfile.chmod(0o600)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("PLATOON_", "PYTHON"))}
        self.env.update(XDG_STATE_HOME=str(self.tmp / "state"), PYTHONDONTWRITEBYTECODE="1")
        self.started = []

    def close(self):
        self.end_programs()
        self._folder.cleanup()

    def end_programs(self):
        while self.started:
            self.started.pop().close()

    def end(self, tool):
        self.started.remove(tool)
        tool.close()

    def size(self, n):
        """How often, in a full run or a quick look."""
        return max(1, n // 10) if self.is_quick else n

    def our_server(self, *options, durability=None):
        """`platoon serve`, its store in memory, or in a new folder at the given level."""
        store = ["--memory"]
        if durability:
            store = ["--data", tempfile.mkdtemp(dir=self.tmp), "--durability", durability]
        server = Tool(self, BUILD / "bin" / "platoon", "serve", "--listen", "127.0.0.1:0", "--authkey-file",
                      self.keyfile, "--log-level", "warning", "--queue", "small", "--queue", "big", *store, *options)
        server.port = int(server.line().rpartition(":")[2])
        return server

    def python_server(self):
        server = self.stock("server.py", self.keyfile)
        server.port = int(server.line())
        return server

    def stock(self, script, *args):
        return Tool(self, self.python, STOCK / script, *args)

    def stock_client(self, server):
        return self.stock("client.py", server.port, self.keyfile)

    def stock_worker(self, server):
        worker = self.stock("worker.py", server.port, self.keyfile)
        worker.line()
        return worker

    def c_client(self, server, queue="small"):
        return Tool(self, BUILD / "bench" / "client", server.port, self.keyfile, queue)

    @contextlib.contextmanager
    def one_cpu(self):
        """What is started inside runs on one CPU: no cross-core wake-ups, the steadier figure to compare."""
        all_cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(all_cpus)})
        try:
            yield
        finally:
            os.sched_setaffinity(0, all_cpus)

    def in_turns(self, *parts):
        """Each round calls every part once, the order turned about; a list of figures for each part."""
        figures = [[] for _ in parts]
        for i in range(self.rounds):
            order = list(range(len(parts)))
            for k in order if i % 2 == 0 else reversed(order):
                figures[k].append(parts[k]())
        return figures


def python_label(python):
    out = subprocess.run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                         stdout=subprocess.PIPE, check=True, text=True)
    return out.stdout.strip()


def say(text):
    print(text, file=sys.stderr, flush=True)
