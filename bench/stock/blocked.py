# SPDX-License-Identifier: Apache-2.0
"""Many connections that wait in get, from one process without threads: blocked.py PORT KEYFILE.

It writes the requests of the stock library itself (multiprocessing.connection), since a proxy waits for its answer.

    block N     N more connections that wait in get on `small`; answers when all have asked
    wake N      N times: one connection waits, another puts; microseconds from the put to the waiter's answer
"""
import json
import resource
import sys
import time
from multiprocessing.connection import Client
from multiprocessing.managers import BaseManager, dispatch

PARK_S = 0.002  # for the server to see the get before the put; longer changes nothing


class Manager(BaseManager):
    pass


Manager.register("small")


class Waiters:
    def __init__(self, port, keyfile):
        with open(keyfile, "rb") as f:
            self.key = f.read()
        self.address = ("127.0.0.1", port)
        manager = Manager(address=self.address, authkey=self.key)
        manager.connect()
        self.proxy = manager.small()
        self.ident = self.proxy._token.id
        self.waiting = []

    def connection(self):
        c = Client(self.address, authkey=self.key)
        dispatch(c, None, "accept_connection", ("waiter",))
        return c

    def block(self, n):
        for _ in range(int(n)):
            c = self.connection()
            c.send((self.ident, "get", (), {}))
            self.waiting.append(c)
        return {}

    def wake(self, n):
        waiter, putter = self.connection(), self.connection()
        times = []
        for i in range(int(n)):
            waiter.send((self.ident, "get", (), {}))
            time.sleep(PARK_S)
            start = time.perf_counter()
            putter.send((self.ident, "put", (i,), {}))
            kind, got = waiter.recv()
            times.append(time.perf_counter() - start)
            if (kind, got) != ("#RETURN", i) or putter.recv() != ("#RETURN", None):
                raise SystemExit("blocked.py: get answered %r %r" % (kind, got))
        waiter.close()
        putter.close()
        times.sort()
        return {"p50": times[len(times) // 2] * 1e6}


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    waiters = Waiters(int(sys.argv[1]), sys.argv[2])
    for line in sys.stdin:
        verb, *args = line.split()
        print(json.dumps(getattr(waiters, verb)(*args)), flush=True)


if __name__ == "__main__":
    main()
