# SPDX-License-Identifier: Apache-2.0
"""Many connections that arrive at the same moment, from one process without threads: crowd.py PORT KEYFILE.

The handshake of the stock library (the dialect that all versions of Python speak), and its requests, on asyncio's streams.

    arrive N     N connections connect and log in, all at once; milliseconds until the last has
    block        each of them but the first, which asks for the queue, waits in get on `small`, which stays empty; answers
                 when all have asked
"""
import asyncio
import hmac
import json
import os
import pickle
import resource
import struct
import sys
import time


async def receive(reader):
    size, = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(size)


def send(writer, body):
    writer.write(struct.pack(">i", len(body)) + body)


async def ask(connection, *request):
    send(connection[1], pickle.dumps(request))
    kind, answer = pickle.loads(await receive(connection[0]))
    if kind != "#RETURN":
        raise SystemExit("crowd.py: %r answered %r %r" % (request, kind, answer))
    return answer


class Crowd:
    def __init__(self, port, keyfile):
        with open(keyfile, "rb") as f:
            self.key = f.read()
        self.port, self.there = port, []

    def digest(self, challenge):
        return hmac.new(self.key, challenge, "md5").digest()

    async def log_in(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        send(writer, self.digest((await receive(reader))[len(b"#CHALLENGE#"):]))
        welcome, challenge = await receive(reader), os.urandom(20)
        send(writer, b"#CHALLENGE#" + challenge)
        if welcome != b"#WELCOME#" or await receive(reader) != self.digest(challenge):
            raise SystemExit("crowd.py: refused")
        send(writer, b"#WELCOME#")
        self.there.append((reader, writer))

    async def arrive(self, n):
        start = time.perf_counter()
        await asyncio.gather(*[self.log_in() for _ in range(int(n))])
        return {"ms": (time.perf_counter() - start) * 1e3}

    async def block(self):
        first, *others = self.there
        ident, _ = await ask(first, None, "create", ("small",), {})
        for i, connection in enumerate(others):
            await ask(connection, None, "accept_connection", ("waiter-%d" % i,), {})
            send(connection[1], pickle.dumps((ident, "get", (), {})))
        return {}


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd(int(sys.argv[1]), sys.argv[2])
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    for line in sys.stdin:
        verb, *args = line.split()
        print(json.dumps(loop.run_until_complete(getattr(crowd, verb)(*args))), flush=True)


if __name__ == "__main__":
    main()
