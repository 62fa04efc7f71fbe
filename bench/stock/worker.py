# SPDX-License-Identifier: Apache-2.0
"""A stock worker whose work is nothing: worker.py PORT KEYFILE. Takes tasks, puts the task's number as result."""
import sys
from multiprocessing.managers import BaseManager


class Manager(BaseManager):
    pass


def main():
    for name in ("get_task_queue", "get_result_queue"):
        Manager.register(name)
    with open(sys.argv[2], "rb") as f:
        m = Manager(address=("127.0.0.1", int(sys.argv[1])), authkey=f.read())
    m.connect()
    tasks, results = m.get_task_queue(), m.get_result_queue()
    print("ready", flush=True)
    while True:
        results.put(tasks.get()["n"])


if __name__ == "__main__":
    main()
