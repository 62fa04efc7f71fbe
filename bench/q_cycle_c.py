# SPDX-License-Identifier: Apache-2.0
"""A C client (libplatoon), put+get of the tutorial's task on one connection; the median cycle, all on
one CPU.

Against Python's server, and against the floor: two processes that send each other the same number
of bytes in the same order with nothing between send and receive (floor.c). The number of bytes is
counted on the wire, by a relay between a client and our server. Ours with its store in memory, and
with the default one (a data folder, durability `process`)."""
import select
import socket
import threading

from kit import BUILD, Row, Tool, Trouble


class Relay:
    """Passes bytes between clients and a server, and notes how many went which way: .runs, [is_request, bytes]."""

    def __init__(self, port):
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.runs = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client, socket.create_connection(self._to)), daemon=True).start()

    def _pass(self, client, server):
        with client, server:
            other = {client: server, server: client}
            while True:
                for end in select.select(list(other), [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    is_request = end is client
                    if self.runs and self.runs[-1][0] == is_request:
                        self.runs[-1][1] += len(data)
                    else:
                        self.runs.append([is_request, len(data)])
                    other[end].sendall(data)

    def close(self):
        self._listener.close()


def bytes_of_a_cycle(bench, server):
    """put, its reply, get, its reply."""
    relay = Relay(server.port)
    client = bench.c_client(relay)
    for _ in range(2):  # the connection is made in the first
        client.ask("cycle 1")
    runs = relay.runs[-4:]
    relay.close()
    if [is_request for is_request, _ in runs] != [True, False, True, False]:
        raise Trouble("a cycle is not two requests and two replies: %r" % runs)
    return [n for _, n in runs]


def ask(bench):
    n = bench.size(10000)
    with bench.one_cpu():
        memory, durable, stock = bench.our_server(), bench.our_server(durability="process"), bench.python_server()
        clients = [bench.c_client(server) for server in (memory, durable, stock)]
        floor = Tool(bench, BUILD / "bench" / "floor", *bytes_of_a_cycle(bench, memory))
    programs = clients + [floor]
    for program in programs:
        program.ask("cycle 500")
    in_memory, in_folder, at_stock, at_floor = bench.in_turns(
        *[lambda p=p: p.ask("cycle %d" % n)["p50"] for p in programs])
    yield Row("put+get, C client, memory: Python's server, 1 CPU", "us", in_memory, at_stock)
    yield Row("put+get, C client, memory: TCP ping-pong, 1 CPU", "us", in_memory, at_floor)
    yield Row("put+get, C client, default store: Python's server, 1 CPU", "us", in_folder, at_stock)
    yield Row("put+get, C client, default store: TCP ping-pong, 1 CPU", "us", in_folder, at_floor)
