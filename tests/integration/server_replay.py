# SPDX-License-Identifier: Apache-2.0
"""Recorded requests of stock clients, byte for byte, to our server: its replies say what the stock server's said.

tests/data/exchanges/VERSION.txt holds what clients of each version sent, whether that version is installed here or not. The
only bytes that change are the idents: 12 characters that Python's server made up become 12 of ours
("q#00000000-1" is an ident of a queue `q` that an earlier run of our server might have made).
"""
import io
import pickle
import re
from multiprocessing.connection import Client
from pathlib import Path

import support
from support import Process, check, check_equal, program, test

KEY = b"key-of-the-tests"
DATA = support.ROOT / "tests" / "data" / "exchanges"


class Inert:
    """Any class of a reply: its name, what it was made with, its state."""

    def __new__(cls, *args):
        self = object.__new__(cls)
        self.args, self.state = args, None
        return self

    def __init__(self, *args):
        pass

    def __setstate__(self, state):
        self.state = state

    def __repr__(self):
        return "%s%r%s" % (type(self).__name__, self.args, "" if self.state is None else "<%r>" % (self.state,))


class Reader(pickle.Unpickler):
    """Reads a reply without importing anything."""

    def find_class(self, module, name):
        return type(name, (Inert,), {})


def read(body):
    return Reader(io.BytesIO(body), encoding="latin-1").load()


class Replay:
    def __init__(self, t, server, version):
        self.port, self.version = server.port, version
        self.connections, self.idents = {}, {}

    def ask(self, number, request):
        if number not in self.connections:
            self.connections[number] = Client(("127.0.0.1", self.port), authkey=KEY)
        connection = self.connections[number]
        connection.send_bytes(request)
        return connection.recv_bytes()

    def ours(self, request):
        """The request with our idents in it."""
        for theirs, mine in self.idents.items():
            request = request.replace(theirs, mine)
        return request

    def learn(self, request, reply):
        """A recorded create: which queue an ident of the recording is."""
        kind, (ident, _) = reply
        queue = "s" if b"get_small_queue" in request else "r" if b"get_result_queue" in request else "q"
        self.idents[ident.encode()] = b"%s#00000000-%d" % (queue.encode(), len(self.idents) % 9 + 1)


def replay(t, path):
    by_scenario = {}
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            scenario, number, request, reply = line.split()
            by_scenario.setdefault(scenario, []).append((int(number), bytes.fromhex(request), reply))
    check(by_scenario, "no exchanges in %s" % path)
    for scenario, rows in by_scenario.items():
        server = Process(t, [program("servertool"), "-k", KEY.decode(), "q", "r", "s:1", "get_small_queue:1"])
        server.port = int(server.wait_line(r"^listening on (\d+)$", stream="stdout").group(1))
        r = Replay(t, server, path.stem)
        things = set()
        for number, request, recorded in rows:
            if b"get_thing" in request:  # an object of the recording's own class: no queue
                if b"create" in request:
                    things.add(read(bytes.fromhex(recorded))[1][0].encode())
                continue
            if any(ident in request for ident in things):
                continue
            ours = read(r.ask(number, r.ours(request)))
            where = "%s %s: %r" % (path.stem, scenario, request)
            if recorded == "#TRACEBACK":
                check_equal(ours[0], "#TRACEBACK", where)
                continue
            theirs = read(bytes.fromhex(recorded))
            if re.search(rb"create", request):
                r.learn(request, theirs)
                check_equal(list(ours[1][1]), sorted(set(theirs[1][1]) - {"shutdown"}), where)
            elif re.search(rb"get_methods", request):
                check_equal(set(ours[1]), set(theirs[1]) - {"shutdown"}, where)
            elif re.search(rb"debug_info|__repr__|__str__", request):
                check_equal((ours[0], type(ours[1])), (theirs[0], type(theirs[1])), where)
            elif theirs[0] == "#ERROR" and type(theirs[1]).__name__ == "TypeError":
                check_equal(type(ours[1]).__name__, "TypeError", where)  # the texts differ between versions
            else:
                wanted = repr(theirs)  # as text, since values may hold themselves
                for old, new in r.idents.items():
                    wanted = wanted.replace(old.decode(), new.decode())
                order = sorted if path.stem == "2.7" else str  # its dicts have none
                check_equal(order(repr(ours)), order(wanted), where)
        for connection in r.connections.values():
            connection.close()
        server.kill()


for data in sorted(DATA.glob("*.txt")):
    test(lambda t, path=data: replay(t, path), name="requests_recorded_from_python_%s_are_answered_alike" % data.stem)


if __name__ == "__main__":
    support.main()
