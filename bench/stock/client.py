# SPDX-License-Identifier: Apache-2.0
"""A stock client that does what it is told and says how long it took: client.py PORT KEYFILE.

A command a line on stdin, an answer a line on stdout, a JSON object:

    cycle N             N times put and get of the tutorial's task on the queue `small`; microseconds
    full N              N times: put a task, wait for its result (a worker runs beside); microseconds
    farm N              put N tasks, read N results (workers run beside); tasks a second
    open N              N times: connect, two proxies, a first call; milliseconds
    jobs N              N tasks by one put_many, read N results (an agent runs beside); milliseconds a task
    put N               N times put, one value each, on `small`, then all are taken out; values a second
    put_many N SIZE     the same N values by put_many of the typeid platoon, SIZE a call
    big bytes|floats    make a value of 64 MB (one bytes value; a list of 7 million floats)
    pass                put the big value and get it back on `big`; milliseconds
"""
import json
import os
import sys
from multiprocessing.managers import BaseManager
from time import perf_counter as now

TASK = {"filename": "data/ramp_metering.sumocfg", "control_bool": False}


class Manager(BaseManager):
    pass


for _name in ("get_task_queue", "get_result_queue", "small", "big", "platoon"):
    Manager.register(_name)


class Client:
    def __init__(self, port, keyfile):
        with open(keyfile, "rb") as f:
            self.key = f.read()
        self.port = port
        self.manager = self.connect()  # no connection stays open before the first call on a queue
        self.queues = {}
        self.value = None

    def connect(self):
        m = Manager(address=("127.0.0.1", self.port), authkey=self.key)
        m.connect()
        return m

    def queue(self, name):
        if name not in self.queues:
            self.queues[name] = getattr(self.manager, name)()
        return self.queues[name]

    def cycle(self, n):
        return self.there_and_back(int(n), self.queue("small"), self.queue("small"), lambda i: TASK)

    def full(self, n):
        return self.there_and_back(int(n), self.queue("get_task_queue"), self.queue("get_result_queue"),
                                   lambda i: dict(TASK, n=i))

    @staticmethod
    def there_and_back(n, there, back, value_of):
        times = []
        for i in range(n):
            value = value_of(i)
            start = now()
            there.put(value)
            back.get()
            times.append(now() - start)
        times.sort()
        return {"p50": times[n // 2] * 1e6, "p99": times[n * 99 // 100] * 1e6}

    def farm(self, n):
        tasks, results = self.queue("get_task_queue"), self.queue("get_result_queue")
        start = now()
        for i in range(int(n)):
            tasks.put(dict(TASK, n=i))
        got = sorted(results.get() for _ in range(int(n)))
        took = now() - start
        if got != list(range(int(n))):
            raise SystemExit("client.py: the results are not those of the %s tasks" % n)
        return {"per_s": int(n) / took}

    def open(self, n):
        times = []
        for _ in range(int(n)):
            start = now()
            m = self.connect()
            tasks, results = m.get_task_queue(), m.get_result_queue()
            tasks.qsize()
            times.append(now() - start)
            del tasks, results  # the last proxies of an address take the thread's connection with them
        times.sort()
        return {"p50": times[len(times) // 2] * 1e3}

    def jobs(self, n):
        platoon, results = self.queue("platoon"), self.queue("get_result_queue")
        start = now()
        platoon.put_many("get_task_queue", [dict(TASK, n=i) for i in range(int(n))])
        for _ in range(int(n)):
            result = results.get()
            if isinstance(result, dict) and "platoon_error" in result:
                raise SystemExit("client.py: a task failed: %r" % result["platoon_error"])
        return {"ms": (now() - start) * 1e3 / int(n)}

    def put(self, n):
        small = self.queue("small")
        start = now()
        for _ in range(int(n)):
            small.put(TASK)
        return self.emptied(int(n), now() - start)

    def put_many(self, n, size):
        platoon = self.queue("platoon")
        values = [TASK] * int(size)
        start = now()
        for _ in range(int(n) // int(size)):
            platoon.put_many("small", values)
        return self.emptied(int(n), now() - start)

    def emptied(self, n, took_s):
        small = self.queue("small")
        for _ in range(n):
            small.get_nowait()
        return {"per_s": n / took_s}

    def big(self, kind):
        self.value = os.urandom(1 << 20) * 64 if kind == "bytes" else [i * 0.5 for i in range(7000000)]
        return {}

    def pass_(self):
        big = self.queue("big")
        start = now()
        big.put(self.value)
        middle = now()
        big.get()
        return {"put_ms": (middle - start) * 1e3, "get_ms": (now() - middle) * 1e3}


def main():
    client = Client(int(sys.argv[1]), sys.argv[2])
    for line in sys.stdin:
        verb, *args = line.split()
        method = getattr(client, {"pass": "pass_"}.get(verb, verb))
        print(json.dumps(method(*args)), flush=True)


if __name__ == "__main__":
    main()
