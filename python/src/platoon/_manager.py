# SPDX-License-Identifier: Apache-2.0
"""BaseManager whose server is `platoon serve`."""
import os
import queue
import sys
import threading
import weakref
from multiprocessing import ProcessError, managers, util
from multiprocessing.process import current_process

from platoon import _program

_METHODS = ("put", "get", "put_nowait", "get_nowait", "qsize", "empty", "full", "task_done", "join")


class BaseManager(managers.BaseManager):
    """As multiprocessing.managers.BaseManager, but start() and get_server() launch Platoon's server.

    Each registered callable is called once, by start() or get_server(), and must return a queue.Queue: its maxsize is
    kept, and what is in it already is put. Of two queues the one whose name says "result" holds the results of the
    other's tasks. connect() is the stock one.
    """

    def start(self, initializer=None, initargs=()):
        """Start the server and return when it listens."""
        self._check_unused()
        if initializer is not None:
            raise TypeError("Platoon's server runs no Python code: start() can take no initializer")
        queues = _call_registered(self._registry, self._serializer)
        server = self._launch(queues)
        self._process = server
        self._state.value = managers.State.STARTED
        self.shutdown = util.Finalize(self, _finalize, args=(server, self._state), exitpriority=0)
        try:
            self._fill({typeid: local for typeid, local in queues.items() if not local.empty()})
        except BaseException:
            self.shutdown()
            raise

    def get_server(self):
        """The server as an object: .address, .serve_forever().

        As with Python's own, this process shares its queues: from here on the methods of the queue objects that were
        registered reach the server.
        """
        self._check_unused()
        queues = _call_registered(self._registry, self._serializer)
        server = _ServerObject(self._launch(queues))
        try:
            for typeid, proxy in self._fill(queues).items():
                for name in _METHODS:
                    setattr(queues[typeid], name, getattr(proxy, name))
        except BaseException:
            server.close()
            raise
        return server

    def _check_unused(self):
        if self._state.value == managers.State.STARTED:
            raise ProcessError("Already started server")
        if self._state.value == managers.State.SHUTDOWN:
            raise ProcessError("Manager has shut down")

    def _launch(self, queues):
        host, port = _program.resolve(self._address)
        server = _program.Server(host, port, self._authkey, _specifications(queues))
        _forget_in_children(server)
        self._address = server.address
        return server

    def _fill(self, queues):
        """Put what is in the queues already. Returns {typeid: proxy}."""
        proxies = {}
        for typeid, local in queues.items():
            with local.mutex:
                items = list(local.queue)
            token, exposed = self._request_create(typeid)
            proxies[typeid] = proxy = managers.AutoProxy(token, self._serializer, manager=self,
                                                         authkey=self._authkey, exposed=exposed)
            self._request_decref(token)
            for item in items:
                proxy.put(item)
        return proxies

    def _request_create(self, typeid):
        # As the stock _create(), which insists on a started manager; get_server() has none.
        conn = self._Client(self._address, authkey=self._authkey)
        try:
            ident, exposed = managers.dispatch(conn, None, "create", (typeid,))
        finally:
            conn.close()
        return managers.Token(typeid, self._address, ident), exposed

    def _request_decref(self, token):
        # The proxy holds a reference of its own by now; this drops the one that create made.
        conn = self._Client(self._address, authkey=self._authkey)
        try:
            managers.dispatch(conn, None, "decref", (token.id,))
        finally:
            conn.close()


class _ServerObject(object):
    """What get_server() returns."""

    def __init__(self, server):
        self._server = server
        self.address = server.address
        self.stop_event = threading.Event()
        self.close = util.Finalize(self, server.stop, exitpriority=0)

    def serve_forever(self):
        """Wait until a client's shutdown(), Ctrl-C, or stop_event; then exit this program, as Python's does."""
        current_process()._manager_server = self
        try:
            while self._server.is_alive() and not self.stop_event.is_set():
                self.stop_event.wait(0.2)
        except (KeyboardInterrupt, SystemExit):
            pass
        finally:
            self.close()
            sys.exit(0)


def _call_registered(registry, serializer):
    """{typeid: queue.Queue}, in the order of registration; each callable is called once."""
    if serializer != "pickle":
        raise ValueError("Platoon's server speaks pickle, not the serializer %r" % (serializer,))
    queues = {}
    for typeid, (function, _exposed, method_to_typeid, _proxytype) in registry.items():
        if function is None:  # registered for a client
            continue
        if isinstance(function, type) and issubclass(function, queue.Queue):
            raise TypeError(
                "%s: registered is the class %s, so that each call would make a new queue; register a function that "
                "returns one queue" % (typeid, function.__name__))
        if method_to_typeid:
            raise TypeError("%s: Platoon's server cannot make proxies of what methods return (method_to_typeid)"
                            % typeid)
        try:
            made = function()
        except TypeError as error:
            raise TypeError("%s: its callable must work without arguments: %s" % (typeid, error)) from error
        if type(made) is not queue.Queue:  # a subclass has an order or methods of its own
            raise TypeError("%s: Platoon's server can be a queue.Queue, not a %s.%s"
                            % (typeid, type(made).__module__, type(made).__qualname__))
        for other, known in queues.items():
            if made is known:
                raise TypeError("%s and %s return the same queue; Platoon's server cannot know one queue by two names"
                                % (other, typeid))
        if set(typeid) & set(":= ,"):
            raise ValueError("%s: a queue's name cannot hold ':', '=', ',' or a blank" % typeid)
        queues[typeid] = made
    if not queues:
        raise TypeError("no queue is registered with a callable; there is nothing to serve")
    return queues


def _specifications(queues):
    """The values of --queue."""
    names = ["%s:%d" % (typeid, q.maxsize) if q.maxsize > 0 else typeid for typeid, q in queues.items()]
    if len(names) == 2:
        says_result = ["result" in typeid.lower() for typeid in queues]
        if says_result == [False, True]:
            return ["=".join(names)]
        if says_result == [True, False]:
            return ["=".join(reversed(names))]
    return names


def _finalize(server, state):
    """shutdown(): also called at exit."""
    server.stop()
    state.value = managers.State.SHUTDOWN
    # As the stock finalizer: connections of this thread to a server that is gone must not be used again.
    managers.BaseProxy._address_to_local.pop(server.address, None)


def _forget_in_children(server):
    """The server ends when this process does: a forked child must not hold the pipe that says so."""
    util.register_after_fork(server, _program.Server.forget)
    if hasattr(os, "register_at_fork"):
        reference = weakref.ref(server)  # os keeps its callbacks for ever

        def forget():
            alive = reference()
            if alive is not None:
                alive.forget()

        os.register_at_fork(after_in_child=forget)
