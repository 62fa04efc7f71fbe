# SPDX-License-Identifier: Apache-2.0
"""A manager server of the interpreter that runs this (2.7 or 3.6 and newer): stock_server.py AUTHKEY [PORT]

Prints "listening on PORT". Registered: get_task_queue, get_result_queue, get_small_queue (maxsize 1), get_odd (an object
whose methods do what servers of real programs do, now and then), Queue(maxsize).
"""
from __future__ import print_function

import os
import sys
import threading
from multiprocessing.managers import BaseManager

try:
    import queue
except ImportError:
    import Queue as queue

tasks, results, small = queue.Queue(), queue.Queue(), queue.Queue(1)


class Point(object):
    """A class of the user's, known to this program only."""

    def __init__(self, x, y):
        self.x, self.y = x, y
        self.again = [self.x, self.y, self.x]

    def __eq__(self, other):
        return type(other) is Point and (self.x, self.y, self.again) == (other.x, other.y, other.again)

    __hash__ = None


class Trouble(Exception):
    pass


class Odd(object):
    def echo(self, *args, **kwds):
        return args, kwds

    def fail(self, what):
        if what == "key":
            return {}["missing"]
        if what == "os":
            return open("/nonexistent/file")
        if what == "own":
            raise Trouble("one", 2)
        if what == "silent":
            raise RuntimeError()
        if what == "text":
            raise ValueError(u"za\u017c\u00f3\u0142\u0107 \u4e2d\u6587")
        if what == "empty":
            raise queue.Empty
        return None

    def point(self):
        return Point("a text that is there twice", (1, 2.5))

    def is_point(self, q):
        """Takes from a queue of this server what a client put there."""
        return {"tasks": tasks, "results": results}[q].get() == self.point()

    def recursive(self):
        loop = [1]
        loop.append(loop)
        return loop

    def shared(self):
        x = ["s"]
        return [x, x, {"k": x}]

    def unpicklable(self):
        return lambda: None

    def inner(self):
        return Odd()

    def thread_name(self):
        return threading.current_thread().name

    def nothing(self):
        return None

    def text(self, n):
        return "x" * n

    def drop(self):
        raise SystemExit

    def die(self):
        os._exit(3)


class Manager(BaseManager):
    pass


odd = Odd()
Manager.register("get_task_queue", callable=lambda: tasks)
Manager.register("get_result_queue", callable=lambda: results)
Manager.register("get_small_queue", callable=lambda: small)
Manager.register("Odd", create_method=False)  # what methods of get_odd may leave at the server
Manager.register("get_odd", callable=lambda: odd, method_to_typeid={"inner": "Odd"})
Manager.register("Queue", queue.Queue)

if __name__ == "__main__":
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    server = Manager(address=("127.0.0.1", port), authkey=sys.argv[1].encode()).get_server()
    print("listening on %d" % server.address[1])
    sys.stdout.flush()
    server.serve_forever()
