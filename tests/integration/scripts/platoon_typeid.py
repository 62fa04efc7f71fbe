# SPDX-License-Identifier: Apache-2.0
"""A stock client of the typeid `platoon`, for every Python from 2.7 on: argv PORT AUTHKEY TEST. Prints `done` at its end."""
from __future__ import print_function

import pickle
import sys
from collections import OrderedDict
from multiprocessing.managers import BaseManager


class M(BaseManager):
    pass


for name in ("platoon", "get_task_queue", "get_result_queue"):
    M.register(name)

PY2 = sys.version_info[0] == 2
TASKS = "get_task_queue"


def equal(got, wanted):
    if got != wanted:
        sys.exit("got %r, wanted %r" % (got, wanted))


def ref(row, **more):
    return dict(task=row["task"], lease=row["lease"], **more)


def every_method(p, tasks, results):
    equal(sorted(p.version()), ["protocol", "server"])
    equal(p.version()["protocol"], 1)
    ids = p.put_many(TASKS, [{"n": i} for i in range(6)])
    equal(ids, list(range(ids[0], ids[0] + 6)))
    equal(tasks.qsize(), 6)
    rows = p.lease(TASKS, 4, 0, "host-1")
    equal([r["task"] for r in rows], ids[:4])
    equal([r["value"] for r in rows], [{"n": i} for i in range(4)])
    equal([(r["attempt"], r["repeat"]) for r in rows], [(1, False)] * 4)
    equal(p.renew([r["lease"] for r in rows]), ["held"] * 4)
    equal(p.renew([ref(r) for r in rows[:2]]), ["held"] * 2)
    equal(p.complete([ref(rows[0], value="one"), ref(rows[1], value=[1, 2])]), ["recorded"] * 2)
    equal(p.fail([ref(rows[2], kind="exit", message="it broke", exit=3, stderr_tail="oh")]), ["recorded"])
    equal(p.release([rows[3]["lease"]]), ["released"])
    equal(p.release([(rows[3]["task"], rows[3]["lease"])]), ["lost"])
    equal(p.renew([rows[0]["lease"], rows[3]["lease"]]), ["ended", "lost"])
    equal([results.get(timeout=5) for _ in range(3)],
          ["one", [1, 2], {"platoon_error": {"kind": "exit", "message": "it broke", "exit": 3, "stderr_tail": "oh"},
                           "task": {"n": 2}, "task_id": ids[2]}])
    again = p.lease(queue=TASKS, n=1, wait_s=0.0, worker={"name": "host-1", "slots": 4, "host": "host"})
    equal((again[0]["task"], again[0]["attempt"]), (ids[3], 1))
    equal(tasks.get(timeout=5), {"n": 4})
    equal(p.lease("get_result_queue", 1, 0, None), [])
    stats = p.stats()
    queue = [q for q in stats["queues"] if q["name"] == TASKS][0]
    equal((queue["queued"], queue["results"], queue["failed"]), (1, "get_result_queue", 1))
    worker = stats["workers"][0]
    equal((worker["name"], worker["slots"], worker["leases"], worker["done"], worker["failed"]),
          ("host-1", 4, 1, 2, 1))
    for _ in range(2):  # unfinished: 6 put, 3 ended by id, one taken by get
        tasks.task_done()
    p.complete([ref(again[0], value=None)])
    tasks.join()


def plain_values():
    shared = [1, 2]
    loop = []
    loop.append(loop)
    values = [None, True, False, 0, -1, 2 ** 31, -2 ** 63, 2 ** 200, 1.5, float("inf"), u"", u"text", u"\u00fc\u6c49",
              b"bytes\xff", bytearray(b"ba"), [], [1, [2, [3]]], (), (1,), (1, 2, 3, 4), {}, {"k": [1]}, {1: 2, (3,): 4},
              set([1, 2]), frozenset([3]), [shared, shared, {"again": shared}],
              {"put": "put", "value": "value", "pickle": "lease", "task": 1}, ["get"] * 1001, list(range(3000)), u"x" * 70000]
    if not PY2:
        values += ["\ud800 lone", b"", b"\x00" * 70000]
    return values, loop


def values_both_ways(p, tasks, results):
    """By put and by put_many, leased, completed, got: each time the same, whatever its neighbours in the batch."""
    values, loop = plain_values()
    for v in values:
        tasks.put(v)
    p.put_many(TASKS, values)
    rows = p.lease(TASKS, 256, 0, "w")
    equal(len(rows), 2 * len(values))
    for row, v in zip(rows, values + values):
        equal(sorted(row), ["attempt", "lease", "repeat", "task", "value"])
        equal(row["value"], v)
        equal(PY2 or type(row["value"]) is type(v), True)
    parts = rows[values.index([[1, 2], [1, 2], {"again": [1, 2]}])]["value"]
    equal(parts[0] is parts[1] and parts[1] is parts[2]["again"], True)
    equal(p.complete([ref(r, value=r["value"]) for r in rows]), ["recorded"] * len(rows))
    for v in values + values:
        equal(results.get(timeout=5), v)
    tasks.put(loop)
    row = p.lease(TASKS, 1, 0, "w")[0]
    equal(row["value"][0] is row["value"], True)
    p.complete([ref(row, value=row["value"])])
    result = results.get(timeout=5)
    equal(result[0] is result, True)


class Point(object):
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is Point and other.x == self.x

    def __ne__(self, other):
        return not self == other


def opaque_values(p, tasks, results):
    odd = [Point(7), OrderedDict([("b", 1), ("a", 2)]), [Point(1), {"k": Point(2)}], 1 + 2j, Point]
    for v in odd:
        tasks.put(v)
    p.put_many(TASKS, rows=[{"pickle": pickle.dumps(v, 2)} for v in odd])
    rows = p.lease(TASKS, 100, 0, "w")
    equal(len(rows), 2 * len(odd))
    for row, v in zip(rows, odd + odd):
        equal(sorted(row), ["attempt", "lease", "pickle", "repeat", "task"])
        equal(pickle.loads(row["pickle"]), v)
    # Back the same way; the last one fails, and its task stands in the failure as it came.
    equal(p.complete([ref(r, pickle=r["pickle"]) for r in rows[:-1]]), ["recorded"] * (len(rows) - 1))
    p.fail([ref(rows[-1], error={"kind": "opaque-task", "message": "no"})])
    for v in (odd + odd)[:-1]:
        equal(results.get(timeout=5), v)
    failure = results.get(timeout=5)
    equal(failure["platoon_error"]["kind"], "opaque-task")
    equal(pickle.loads(failure["pickle"]), Point)
    equal("task" in failure, False)
    # A pickle of plain data is a value like any other.
    p.put_many(TASKS, rows=[{"pickle": pickle.dumps({"n": [1, 2]}, 2)}, {"value": 5}])
    equal([r["value"] for r in p.lease(TASKS, 9, 0, "w")], [{"n": [1, 2]}, 5])


if __name__ == "__main__":
    M_ = M(address=("127.0.0.1", int(sys.argv[1])), authkey=sys.argv[2].encode())
    M_.connect()
    globals()[sys.argv[3]](M_.platoon(), M_.get_task_queue(), M_.get_result_queue())
    print("done")
