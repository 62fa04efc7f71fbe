# SPDX-License-Identifier: Apache-2.0
"""A master as people write it: starts Python's own server, puts ten numbers, reads their squares.

squares_master.py PORT AUTHKEY
"""
import queue
import random
import sys
from multiprocessing.managers import BaseManager

task_queue = queue.Queue()
result_queue = queue.Queue()


class QueueManager(BaseManager):
    pass


def return_task_queue():
    return task_queue


def return_result_queue():
    return result_queue


def test():
    QueueManager.register('get_task_queue', callable=return_task_queue)
    QueueManager.register('get_result_queue', callable=return_result_queue)
    manager = QueueManager(address=('127.0.0.1', int(sys.argv[1])), authkey=sys.argv[2].encode())
    manager.start()
    task = manager.get_task_queue()
    result = manager.get_result_queue()
    for _ in range(10):
        n = random.randint(0, 10000)
        print('Put task %d...' % n)
        task.put(n)
    print('Try get results...')
    for _ in range(10):
        r = result.get(timeout=10)
        print('Result: %s' % r)
    manager.shutdown()
    print('master exit.')


if __name__ == '__main__':
    test()
