# SPDX-License-Identifier: Apache-2.0
"""The pickle codec against every stock Python: thousands of random values, both ways, in every protocol.

A script in the other interpreter makes values from a seed and pickles them; pickletool (tests/tools) decodes, shows and encodes
them; a second run of the script makes the same values again and compares what came back: kinds, contents, and which
containers are the same object, cycles included.
"""
import json
import math
import pickle
import pickletools
import random
import re
import struct
import subprocess

import support
from support import ROOT, SLOWDOWN, check, check_equal, for_each_python, test

N_VALUES = 150

# Runs in Python 2.7 and 3. argv: make|compare seed count protocols
PEER = r'''
import json, pickle, random, struct, sys
try:
    import cPickle
    pickle.loads, pickle.dumps = cPickle.loads, cPickle.dumps
except ImportError:
    pass
PY2 = sys.version_info[0] == 2
if PY2:
    text, chars, integers = unicode, unichr, (int, long)
else:
    text, chars, integers = str, chr, (int,)
import unicodedata
verb, seed, count, protocols = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), [int(p) for p in sys.argv[4].split(",")]
stdin = getattr(sys.stdin, "buffer", sys.stdin)
stdout = getattr(sys.stdout, "buffer", sys.stdout)
r = random.Random(seed)

EDGES = sorted(set(s * (2 ** b + d) for b in (0, 7, 8, 15, 16, 31, 32, 53, 62, 63, 64, 127, 128, 2031, 2032, 2040)
                   for d in (-2, -1, 0, 1) for s in (1, -1)))
FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 1e15, 1e16, 123456789012345680.0, 1e22, 1e23, 1e-4, 1e-5, 5e-324, 2.2250738585072014e-308,
          1.7976931348623157e308, float("inf"), -float("inf"), 2.0 ** 70, -2.0 ** 63, 9007199254740993.0]

def number():
    k = r.randrange(6)
    if k == 0: return r.choice(EDGES)
    if k == 1: return r.getrandbits(r.randrange(1, 300)) * r.choice((1, -1))
    if k == 2: return r.choice(FLOATS)
    if k == 3: return r.choice((1, -1)) * 2.0 ** r.randrange(-1074, 1024)
    if k == 4: return round(r.uniform(-1e6, 1e6), r.randrange(8))
    while True:
        x = struct.unpack(">d", struct.pack(">Q", r.getrandbits(64)))[0]
        if x == x: return x

def character():
    k = r.randrange(8)
    if k < 3: return chars(r.randrange(32, 127))
    if k == 3: return chars(r.randrange(0, 256))
    if k == 4: return r.choice(u"'\"\\\n\r\t\x00\x7f\x85\xad")
    if k == 5: return chars(r.randrange(0xd800, 0xe000)) if not PY2 else u"\u20ac"
    while True:
        c = chars(r.randrange(0x100, 0x10000 if PY2 else 0x110000))
        # what a later Unicode made printable is shown by us and escaped by an older Python
        if unicodedata.category(c) not in ("Cn", "Cs"): return c

def some_text():
    n = r.choice((0, 1, 2, 5, 20, 20, 255, 256, 300))
    return text().join(character() for _ in range(n))

def some_bytes():
    n = r.choice((0, 1, 2, 5, 20, 255, 256, 300))
    if PY2: return b"".join(chr(r.randrange(128)) for _ in range(n))  # read as text if ASCII: see decode.h
    return bytes(bytearray(r.choice((39, 34, 92, r.randrange(256))) for _ in range(n)))

def hashable(depth):
    k = r.randrange(8)
    if k == 0: return r.choice((None, True, False))
    if k < 3: return number()
    if k < 5: return some_text()
    if k == 5: return some_bytes()
    if k == 6 and depth > 0: return tuple(hashable(depth - 1) for _ in range(r.randrange(5)))
    if depth > 0: return frozenset([hashable(depth - 1)])
    return r.randrange(1000)

def value(depth, made):
    k = r.randrange(16)
    if k == 0 and made: return r.choice(made)      # shared, or a cycle
    if k < 3 or depth <= 0: return hashable(0)
    if k == 3: return bytearray(some_bytes())
    if k == 4: return hashable(2)
    n = r.choice((0, 1, 1, 2, 3, 4, 7))
    if k < 9:
        v = []
        made.append(v)
        for _ in range(n): v.append(value(depth - 1, made))
        return v
    if k < 12:
        v = {}
        made.append(v)
        for _ in range(n):
            key = hashable(1)
            v[key] = value(depth - 1, made)
        return v
    if k == 12:
        v = set([hashable(1)]) if n else set()
        made.append(v)
        return v
    v = tuple(value(depth - 1, made) for _ in range(n))
    if v: made.append(v)
    return v

def make():
    k = r.randrange(20)
    if k == 0:
        return list(range(r.choice((999, 1000, 1001, 2500))))
    if k == 1:
        return dict((i, number()) for i in range(r.choice((999, 1000, 1001, 2500))))
    if k == 2:
        t = ([], {}, [])
        t[0].append(t); t[1]["t"] = t; t[2].append(t)
        return r.choice((t, t[0], t[1], (t, t)))
    if k == 3:
        t = ([], {}, 1, 2)
        t[0].append(t); t[1]["t"] = (t, t[0])
        return r.choice((t, t[0], t[1]))
    return value(r.randrange(1, 6), [])

def canon(root):
    """Kinds, contents and identities of containers, without recursion trouble, the same for equal structures."""
    seen, out = {}, []
    def flat(v):
        if isinstance(v, float): return "float " + repr(v)
        if isinstance(v, bool) or v is None: return repr(v)
        if isinstance(v, integers): return "int %d" % v
        if PY2 and isinstance(v, str): return "text " + repr(v.decode("ascii"))
        if isinstance(v, text): return "text " + repr(v)
        if isinstance(v, bytes): return "bytes " + repr(v)
        return None
    def key(v):
        if isinstance(v, tuple): return "(" + ",".join(key(x) for x in v) + ")"
        if isinstance(v, frozenset): return "{" + ",".join(sorted(key(x) for x in v)) + "}"
        return flat(v)
    todo = [root]
    while todo:
        v = todo.pop()
        f = flat(v)
        if f is not None:
            out.append(f)
            continue
        if v and not isinstance(v, bytearray) and id(v) in seen:
            out.append("same as %d" % seen[id(v)])
            continue
        seen[id(v)] = len(seen)
        if isinstance(v, bytearray): out.append("bytearray " + repr(bytes(v)))
        elif isinstance(v, (set, frozenset)): out.append(type(v).__name__ + " " + ",".join(sorted(key(x) for x in v)))
        elif isinstance(v, dict):
            items = sorted((key(k), k) for k in v) if PY2 else [(key(k), k) for k in v]
            out.append("dict " + "|".join(k for k, _ in items))
            todo.extend(v[k] for _, k in reversed(items))
        else:
            out.append("%s %d" % (type(v).__name__, len(v)))
            todo.extend(reversed(v))
    return "\n".join(out)

def read():
    head = stdin.read(4)
    if len(head) < 4: sys.exit("input ended")
    return stdin.read(struct.unpack("<I", head)[0])

def write(data):
    stdout.write(struct.pack("<I", len(data)) + data)

for i in range(count):
    v = make()
    for p in protocols:
        wanted = pickle.dumps(v, p)
        if verb == "make":
            write(wanted)
            write(b"" if PY2 else repr(v).encode("utf-8", "surrogatepass"))
            continue
        reference = canon(pickle.loads(wanted))
        n = struct.unpack("<I", stdin.read(4))[0]
        for _ in range(n):
            data = read()
            got = canon(pickle.loads(data))
            if got != reference:
                sys.exit("value %d, protocol %d, pickle %r:\n%s\nis not\n%s" % (i, p, data[:2000], got[:3000], reference[:3000]))
stdout.flush()
'''


class Tool:
    """pickletool as a filter: ask() sends a pickle and returns its answer."""

    def __init__(self):
        self.process = subprocess.Popen([support.program("pickletool")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=support.clean_env())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def try_ask(self, verb, data, protocol=0):
        """(status, answer)"""
        self.process.stdin.write(struct.pack("<cBI", verb.encode(), protocol, len(data)) + data)
        self.process.stdin.flush()
        head = self.process.stdout.read(5)
        if len(head) < 5:
            raise support.Failure("pickletool died: " + self.ended())
        status, length = struct.unpack("<BI", head)
        return status, self.process.stdout.read(length)

    def ask(self, verb, data, protocol=0):
        status, answer = self.try_ask(verb, data, protocol)
        if status != 0:
            raise support.Failure("%s of %r: %s" % (verb, data[:500], answer.decode("utf-8", "replace")))
        return answer

    def ended(self):
        return self.process.communicate()[1].decode("utf-8", "replace")[-3000:]

    def close(self):
        if self.process.returncode is None:
            text = self.ended()
            check(self.process.returncode == 0, "pickletool ended with %d: %s" % (self.process.returncode, text))


def records(data):
    at = 0
    while at < len(data):
        (n,) = struct.unpack_from("<I", data, at)
        yield data[at + 4:at + 4 + n]
        at += 4 + n


def run_peer(python, *args, stdin=b""):
    p = subprocess.run([python.path, "-c", PEER, *map(str, args)], input=stdin, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env=support.clean_env(), timeout=200 * SLOWDOWN)
    check(p.returncode == 0, "%s: %s" % (python, p.stderr.decode("utf-8", "replace")[-8000:]))
    return p.stdout


def both_ways(t, python, seed, protocols, readable):
    args = seed, N_VALUES, ",".join(map(str, protocols))
    out = bytearray()
    with Tool() as tool:
        pairs = records(run_peer(python, "make", *args))
        for made, shown in zip(pairs, pairs):
            got = tool.ask("r", made)
            if shown:
                check_equal(got.decode(), shown.decode(), "repr of %r" % made[:300])
            check_equal(tool.ask("t", made), got, "fed byte by byte, %r" % made[:300])
            again = [tool.ask("e", made, p) for p in readable]
            for pickled in again:
                check_equal(tool.ask("r", pickled), got, "repr after encoding %r" % made[:300])
            out += struct.pack("<I", len(again))
            for pickled in again:
                out += struct.pack("<I", len(pickled)) + pickled
    run_peer(python, "compare", *args, stdin=bytes(out))


@for_each_python(oldest=(3, 6), timeout=240)
def values_survive_both_ways(t, python):
    protocols = [0, 1, 2, 3, 4] + ([5] if python.version >= (3, 8) else [])
    both_ways(t, python, random.randrange(2**31), protocols, [2, 3, 4])


@for_each_python(oldest=(2, 7), newest=(2, 7), timeout=240)
def values_of_python_2_survive_both_ways(t, python):
    both_ways(t, python, random.randrange(2**31), [0, 1, 2], [2])


if __name__ == "__main__":
    support.main()
