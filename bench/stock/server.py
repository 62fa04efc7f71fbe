# SPDX-License-Identifier: Apache-2.0
"""Python's own manager server with the queues of the bench: server.py KEYFILE. Prints its port; ends with its stdin."""
import os
import queue
import sys
import threading
from multiprocessing.managers import BaseManager

NAMES = ("get_task_queue", "get_result_queue", "small", "big")


class Manager(BaseManager):
    pass


def main():
    for name in NAMES:
        Manager.register(name, callable=lambda q=queue.Queue(): q)
    with open(sys.argv[1], "rb") as f:
        server = Manager(address=("127.0.0.1", 0), authkey=f.read()).get_server()
    print(server.address[1], flush=True)

    def end_with_stdin():
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=end_with_stdin, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
