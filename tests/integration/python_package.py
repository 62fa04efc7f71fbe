# SPDX-License-Identifier: Apache-2.0
"""`from platoon import BaseManager`: a stock master with one import changed, in every idiom, with every Python."""
import os
import re
import signal
import subprocess
import sys

import support
from support import ROOT, check, check_equal, check_in, for_each_python, program, skip, test

TIME_LIMIT_S = 900

HEAD = """
import os, queue, random, subprocess, sys, threading, time
from platoon import BaseManager

class QueueManager(BaseManager): pass

task_queue = queue.Queue()
result_queue = queue.Queue()
def return_task_queue():
    global task_queue
    return task_queue
def return_result_queue():
    global result_queue
    return result_queue
QueueManager.register('get_task_queue', callable=return_task_queue)
QueueManager.register('get_result_queue', callable=return_result_queue)
KEY = b'a-key-that-nobody-will-guess-0123'
"""

# The tutorial's worker, told where to connect.
WORKER = """
import time, sys, queue
from multiprocessing.managers import BaseManager

class QueueManager(BaseManager): pass
QueueManager.register('get_task_queue')
QueueManager.register('get_result_queue')

m = QueueManager(address=(sys.argv[1], int(sys.argv[2])), authkey=sys.argv[3].encode())
m.connect()
task = m.get_task_queue()
result = m.get_result_queue()
for i in range(10):
    try:
        n = task.get(timeout=1)
        print('run task %d * %d...' % (n, n))
        result.put('%d * %d = %d' % (n, n, n * n))
    except queue.Empty:
        print('task queue is empty.')
print('worker exit.')
"""

# The tutorial's master; the worker is started beside it.
TUTORIAL = """
def test(address, key):
    manager = QueueManager(address=address, authkey=key)
    manager.start()
    task = manager.get_task_queue()
    result = manager.get_result_queue()
    for i in range(10):
        n = random.randint(0, 10000)
        print('Put task %d...' % n)
        task.put(n)
    host, port = manager.address
    worker = subprocess.Popen([sys.executable, 'worker.py', host, str(port), key.decode()], stdout=subprocess.DEVNULL)
    print('Try get results...')
    for i in range(10):
        r = result.get(timeout=20)
        print('Result: %s' % r)
    worker.wait()
    manager.shutdown()
    print('master exit.')
"""


def env(t, **more):
    return support.clean_env(PYTHONPATH=ROOT / "python" / "src", PLATOON_BIN=program("platoon"),
                             XDG_STATE_HOME=t.tmp / "state", **more)


def run(t, python, code, exit_code=0, wrap=(), **more):
    t.file("worker.py", WORKER)
    return t.run([*wrap, python.path, t.file("master.py", HEAD + code)], env=env(t), exit_code=exit_code, **more)


@for_each_python
def tutorial_master_completes_with_one_import_changed(t, python):
    p = run(t, python, TUTORIAL + "\nif __name__ == '__main__': test(('127.0.0.1', 0), KEY)")
    check_equal(len(re.findall(r"^Result: (\d+) \* \1 = \d+$", p.stdout, re.M)), 10, "number of results")
    check_in("master exit.", p.stdout)
    check_equal(p.stderr, "", "stderr")


@for_each_python
def tutorial_address_and_key_work_as_they_stand(t, python):
    """('192.168.31.129', 5000), b'abc': in a network namespace where that address is ours."""
    if os.geteuid() != 0:
        skip("needs root, for a network namespace")
    namespace = ["unshare", "--net", "sh", "-c",
                 "ip link set lo up && ip addr add 192.168.31.129/24 dev lo && exec \"$@\"", "sh"]
    if subprocess.run([*namespace, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        skip("no network namespaces here")
    p = run(t, python, TUTORIAL + "\nif __name__ == '__main__': test(('192.168.31.129', 5000), b'abc')",
            wrap=namespace)
    check_equal(p.stdout.count("Result: "), 10, "number of results")
    check_equal(len(re.findall("warning: the authkey is short", p.stderr)), 1, "warnings of the weak key")


@for_each_python
def foreign_address_is_an_error_that_names_ours(t, python):
    p = run(t, python, """
try:
    QueueManager(address=('192.0.2.77', 5000), authkey=b'abc').start()
except OSError as e:
    print(e)
""")
    check_in("192.0.2.77", p.stdout)
    check_in("127.0.0.1", p.stdout)


@for_each_python
def port_in_use_is_an_oserror(t, python):
    p = run(t, python, """
import errno, socket
with socket.socket() as s:
    s.bind(('127.0.0.1', 0))
    s.listen(1)
    try:
        QueueManager(address=s.getsockname(), authkey=KEY).start()
    except OSError as e:
        print(e.errno == errno.EADDRINUSE, e)
""")
    check(p.stdout.startswith("True "), p.stdout)


@for_each_python
def addresses_mean_what_they_mean_in_python(t, python):
    p = run(t, python, """
for address in (('', 0), ('127.0.0.1', 0), ('localhost', 0), None):
    manager = QueueManager(address=address, authkey=KEY)
    manager.start()
    host, port = manager.address
    print(host, port > 0)
    again = QueueManager(address=('127.0.0.1', port), authkey=KEY)
    again.connect()
    again.get_task_queue().put(address)
    assert manager.get_task_queue().get() == address
    manager.shutdown()
""")
    check_equal(p.stdout.splitlines(), ["0.0.0.0 True", "127.0.0.1 True", "127.0.0.1 True", "127.0.0.1 True"])


@for_each_python
def without_authkey_it_is_the_process_key_whatever_its_bytes(t, python):
    run(t, python, r"""
from multiprocessing import current_process
with QueueManager() as manager:
    manager.get_task_queue().put(1)
    assert manager.get_task_queue().get() == 1
current_process().authkey = b'ends in a newline and has \0 inside\n'
with QueueManager(('127.0.0.1', 0)) as manager:
    manager.get_task_queue().put(1)
    assert manager.get_task_queue().get() == 1
""")


@for_each_python
def children_of_the_master_use_the_proxies(t, python):
    p = run(t, python, """
import multiprocessing

def work(task, result):
    n = task.get()
    result.put(n * n)

if __name__ == '__main__':
    with QueueManager() as manager:
        task, result = manager.get_task_queue(), manager.get_result_queue()
        children = [multiprocessing.Process(target=work, args=(task, result)) for _ in range(3)]
        for child in children: child.start()
        for n in (2, 3, 4): task.put(n)
        print(sorted(result.get(timeout=20) for _ in range(3)))
        for child in children: child.join()
""")
    check_equal(p.stdout, "[4, 9, 16]\n", "stdout")


@for_each_python
def maxsize_and_waiting_items_are_kept_and_callables_called_once(t, python):
    p = run(t, python, """
calls = []
bounded = queue.Queue(maxsize=3)
bounded.put('first'); bounded.put({'second': 2})
class M(BaseManager): pass
def once():
    calls.append(1)
    return bounded
M.register('get_jobs', callable=once)
with M() as manager:
    jobs = manager.get_jobs()
    jobs.put('third')
    try:
        jobs.put_nowait('fourth')
    except queue.Full:
        print('full')
    print([jobs.get() for _ in range(3)], len(calls))
""")
    check_equal(p.stdout, "full\n['first', {'second': 2}, 'third'] 1\n", "stdout")


@for_each_python
def get_server_serves_for_ever_and_shares_its_queues(t, python):
    script = t.file("server.py", HEAD + """
task_queue.put('before')
server = QueueManager(address=('127.0.0.1', 0), authkey=KEY).get_server()
print('%s %d' % server.address, flush=True)
task_queue.put('local')
threading.Thread(target=lambda: print('got', result_queue.get(), flush=True), daemon=True).start()
server.serve_forever()
print('not reached')
""")
    p = t.start([python.path, script], env=env(t))
    port = p.wait_line(r"^127.0.0.1 (\d+)$").group(1)
    t.run([python.path, "-c", """
import sys
from multiprocessing.managers import BaseManager
class M(BaseManager): pass
M.register('get_task_queue'); M.register('get_result_queue')
m = M(('127.0.0.1', int(sys.argv[1])), b'a-key-that-nobody-will-guess-0123')
m.connect()
assert [m.get_task_queue().get() for _ in range(2)] == ['before', 'local']
m.get_result_queue().put('from a client')
""", port])
    p.wait_line("^got from a client$")
    check_equal(p.stop(signal.SIGINT), 0, "exit code after Ctrl-C")
    check("not reached" not in p.stdout, "serve_forever() returned")


@for_each_python
def get_server_ends_when_a_client_shuts_it_down(t, python):
    script = t.file("server.py", HEAD + """
server = QueueManager(address=('127.0.0.1', 0), authkey=KEY).get_server()
print('%s %d' % server.address, flush=True)
server.serve_forever()
""")
    p = t.start([python.path, script], env=env(t))
    port = p.wait_line(r"^127.0.0.1 (\d+)$").group(1)
    t.run([python.path, "-c", """
import sys
from multiprocessing.connection import Client
from multiprocessing.managers import dispatch
dispatch(Client(('127.0.0.1', int(sys.argv[1])), authkey=b'a-key-that-nobody-will-guess-0123'), None, 'shutdown')
""", port])
    check_equal(p.wait(), 0, "exit code")


@for_each_python
def what_the_server_cannot_be_is_an_error_that_names_the_typeid(t, python):
    p = run(t, python, """
class Mine(object): pass
class Sub(queue.Queue): pass
shared = queue.Queue()
def one(name, callable, **more):
    class M(BaseManager): pass
    M.register(name, callable=callable, **more)
    return M
def both():
    class M(BaseManager): pass
    M.register('a', callable=lambda: shared)
    M.register('b', callable=lambda: shared)
    return M
for M in (one('get_mine', Mine), one('get_lifo', queue.LifoQueue), one('get_fresh', queue.Queue),
          one('get_ordered', lambda: queue.PriorityQueue()), one('get_sub', lambda: Sub()),
          one('get_named', lambda name: shared), both(), one('get_dict', dict),
          one('get_proxied', lambda: shared, method_to_typeid={'get': 'x'}), one('get:odd', lambda: shared)):
    try:
        M(('127.0.0.1', 0), KEY).start()
        print('started')
    except (TypeError, ValueError) as e:
        print(e)
try:
    QueueManager(('127.0.0.1', 0), KEY).start(initializer=print)
except TypeError as e:
    print(e)
try:
    QueueManager('/tmp/a-unix-socket', KEY).start()
except ValueError as e:
    print(e)
""")
    lines = p.stdout.splitlines()
    for line, word in zip(lines, ("get_mine", "get_lifo", "get_fresh", "get_ordered", "get_sub", "get_named", "a and b",
                                  "get_dict", "get_proxied", "get:odd", "initializer", "unix-socket")):
        check_in(word, line)
    check_equal(len(lines), 12, "number of errors")


@for_each_python
def server_ends_with_its_starter_however_that_ends(t, python):
    """kill -9 of a master whose forked child lives on, and a master that just ends."""
    p = t.start([python.path, t.file("master.py", HEAD + """
import multiprocessing
manager = QueueManager()
manager.start()
multiprocessing.get_context('fork').Process(target=time.sleep, args=(600,)).start()
if sys.version_info >= (3, 7) and os.fork() == 0:  # 3.6 has no hook for a bare os.fork()
    time.sleep(600)
print(manager._process.pid, flush=True)
time.sleep(600)
""")], env=env(t))
    pid = int(p.wait_line(r"^\d+$").group(0))
    p.kill()
    t.eventually(lambda: not os.path.exists("/proc/%d" % pid) or _is_zombie(pid), "the server has ended")
    for child in support._children_of(os.getpid()):
        os.kill(child, signal.SIGKILL)  # the forked child, which is ours by now
    p = run(t, python, "manager = QueueManager()\nmanager.start()\nprint(manager._process.pid)")
    pid = int(p.stdout)
    check(not os.path.exists("/proc/%d" % pid) or _is_zombie(pid), "the server outlived a normal exit")


def _is_zombie(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@for_each_python
def states_are_those_of_the_stock_manager(t, python):
    p = run(t, python, """
from multiprocessing import ProcessError
manager = QueueManager()
manager.start()
for _ in range(2):
    try:
        manager.start()
    except ProcessError as e:
        print(e)
    manager.shutdown()
    manager.shutdown()
manager.join()
try:
    manager.get_task_queue()
except Exception as e:
    print(type(e).__name__)
""")
    check_equal(p.stdout.splitlines(), ["Already started server", "Manager has shut down", "AssertionError"], "stdout")


@test
def pair_is_linked_by_the_word_result(t):
    python = support.pythons()[-1]
    for names, pair in ((("get_task_queue", "get_result_queue"), "get_result_queue"),
                        (("Results", "jobs"), "Results"), (("a", "b"), None)):
        p = run(t, python, """
import json
class M(BaseManager): pass
queues = [queue.Queue(), queue.Queue()]
M.register(%r, callable=lambda: queues[0])
M.register(%r, callable=lambda: queues[1])
with M(('127.0.0.1', 0), KEY) as manager:
    open('key', 'wb').write(KEY)
    os.chmod('key', 0o600)
    out = subprocess.check_output([os.environ['PLATOON_BIN'], 'status', '--json', '--server',
                                   '127.0.0.1:%%d' %% manager.address[1], '--authkey-file', 'key'])
    print(json.dumps({q['name']: q.get('results') for q in json.loads(out.decode())['queues']}))
""" % names)
        linked = [result for result in __import__("json").loads(p.stdout).values() if result]
        check_equal(linked, [pair] if pair else [], "linked result queues of %s" % (names,))


@test
def program_that_is_missing_is_told_with_the_places(t):
    python = support.pythons()[-1]
    code = HEAD + """
try:
    QueueManager().start()
except FileNotFoundError as e:
    print(e)
"""
    p = t.run([python.path, t.file("m.py", code)], env=dict(env(t), PLATOON_BIN="/nowhere/platoon"))
    check_in("/nowhere/platoon", p.stdout)
    p = t.run([python.path, t.file("m.py", code.replace("FileNotFoundError", "RuntimeError"))],
              env=dict(env(t), PLATOON_BIN="/bin/true"))
    check_in("/bin/true", p.stdout)


@for_each_python(oldest=(3, 8), timeout=180)
def pip_installs_it_offline(t, python):
    venv = t.tmp / "venv"
    t.run([python.path, "-m", "venv", venv], timeout=120)
    pip = [venv / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "--no-index", "--quiet"]
    offline = support.clean_env(HOME=t.tmp, PIP_CONFIG_FILE="/dev/null")
    t.run([*pip, ROOT / "python"], timeout=120, env=offline)
    code = t.file("m.py", HEAD + """
import platoon
print(platoon.__version__, platoon.__file__)
with QueueManager() as manager:
    manager.get_task_queue().put(1)
""")
    run_env = support.clean_env(PLATOON_BIN=program("platoon"), XDG_STATE_HOME=t.tmp / "state")
    p = t.run([venv / "bin" / "python", code], env=run_env)
    version, path = p.stdout.split()
    check_equal(version, (ROOT / "VERSION").read_text().strip(), "version")
    check(path.startswith(str(venv)), "imported from %s" % path)


if __name__ == "__main__":
    support.main()
