# SPDX-License-Identifier: Apache-2.0
"""For tests of what a server keeps: a data folder and the servers that live on it, stock clients in this process."""
import queue
import sqlite3
from multiprocessing.managers import BaseManager, BaseProxy
from pathlib import Path

import support
from support import AUTHKEY, Process, check_equal, program


class Manager(BaseManager):
    pass


for _name in ("get_task_queue", "get_result_queue", "platoon"):
    Manager.register(_name)


class Store:
    """A data folder, and the servers that live on it one after another, all on one port."""

    def __init__(self, t, *options, data=None):
        self.t, self.options = t, options
        self.data = Path(data or t.tmp / "data")
        self.port = support.free_port()
        self.server = None

    def argv(self, *more):
        return [program("platoon"), "serve", "--listen", "127.0.0.1:%d" % self.port, "--authkey-file", self.keyfile(),
                "--data", self.data, *self.options, *more]

    def keyfile(self):
        return self.t.file("authkey", AUTHKEY, mode=0o600)

    def start(self, *more, prefix=(), timeout=30):
        self.server = Process(self.t, [*prefix, *self.argv(*more)])
        self.server.wait_line(r"^platoon: listening on", stream="stdout", timeout=timeout)
        return self

    def refused(self, *more):
        """Start it, and expect it to refuse; (exit code, stderr)."""
        p = Process(self.t, self.argv(*more))
        return p.wait(), p.stderr

    def kill(self):
        self.server.kill()
        self.server.wait()

    def stop(self):
        check_equal(self.server.stop(), 0, "exit code of the server")

    def connect(self):
        """A manager that never speaks to the server before this one: Python keeps a thread's connection by address."""
        BaseProxy._address_to_local.pop(("127.0.0.1", self.port), None)
        m = Manager(address=("127.0.0.1", self.port), authkey=AUTHKEY)
        m.connect()
        return m

    def sql(self, statement, *values):
        """Of the file, with the server running or not. What a killed one left in its redo log is not there: start one."""
        if self.server and not self.server.has_ended():
            self.ask("tasks", "--limit", "1")  # is answered from the file, when all that was told before is in it
        db = sqlite3.connect("file:%s?mode=ro" % (self.data / "platoon.db"), uri=True, timeout=20)
        try:
            return db.execute(statement, values).fetchall()
        finally:
            db.close()

    def ask(self, *args, **options):
        server = ["--server", "127.0.0.1:%d" % self.port, "--authkey-file", self.keyfile()]
        return self.t.platoon(*args, *server, **options)


def drain(q):
    """What is there now, in order."""
    found = []
    while True:
        try:
            found.append(q.get(False))
        except queue.Empty:
            return found
