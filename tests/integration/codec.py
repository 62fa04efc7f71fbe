# SPDX-License-Identifier: Apache-2.0
"""The pickle codec against every stock Python: thousands of random values, both ways, in every protocol.

A script in the other interpreter makes values from a seed and pickles them; pickletool (tests/tools) decodes, shows and
encodes them; a second run of the script makes the same values again and compares what came back: kinds, contents, and
which containers are the same object, cycles included.
"""
import functools
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

TIME_LIMIT_S = 900
N_VALUES = 120  # for each Python and protocol

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
FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 1e15, 1e16, 123456789012345680.0, 1e22, 1e23, 1e-4, 1e-5, 5e-324,
          2.2250738585072014e-308, 1.7976931348623157e308, float("inf"), -float("inf"), 2.0 ** 70, -2.0 ** 63, 9007199254740993.0]

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
                sys.exit("value %d, protocol %d, pickle %r:\n%s\nis not\n%s"
                         % (i, p, data[:2000], got[:3000], reference[:3000]))
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


def random_doubles(r, n):
    """Of every magnitude, and those where shortest digits are hard: powers of two and their neighbours."""
    for e in range(-1074, 1024):
        x = math.ldexp(1.0, e)
        yield x
        yield -math.nextafter(x, 0.0)
        yield math.nextafter(x, math.inf)
    for _ in range(n):
        (x,) = struct.unpack("<d", struct.pack("<Q", r.getrandbits(64)))
        yield x if math.isfinite(x) else r.random()
        yield round(r.uniform(-1e4, 1e4), r.randrange(6))


@test
def floats_are_shown_as_python_shows_them(t):
    values = list(random_doubles(random.Random(), 20000))
    with Tool() as tool:
        shown = tool.ask("r", pickle.dumps(values, 4)).decode()
        as_json = tool.ask("j", pickle.dumps(values, 4)).decode()
    for got, value in zip(shown[1:-1].split(", "), values):
        check_equal(got, repr(value), "repr of a float")
    check_equal(json.loads(as_json), values, "floats read from JSON")


@test(timeout=120)
def every_character_is_shown_as_python_shows_it(t):
    """By a Python with the Unicode version of our table."""
    table = (ROOT / "src" / "value" / "unprintable_table.h").read_text()
    version = re.search(r"Unicode ([\d.]+\d)", table).group(1)
    ask = "import unicodedata as u; print(u.unidata_version)"
    code = "import pickle, sys; sys.stdout.buffer.write(pickle.dumps([chr(i) for i in range(0x110000)], 4))"
    show = "import pickle, sys; sys.stdout.buffer.write(repr(pickle.load(sys.stdin.buffer)).encode())"
    run = functools.partial(subprocess.run, stdout=subprocess.PIPE, check=True, env=support.clean_env())
    for python in support.pythons():
        if run([python.path, "-c", ask]).stdout.decode().strip() == version:
            break
    else:
        support.skip("no Python with Unicode %s" % version)
    made = run([python.path, "-c", code]).stdout
    wanted = run([python.path, "-c", show], input=made).stdout.decode()
    with Tool() as tool:
        got = tool.ask("r", made).decode()
    if got != wanted:
        at = next(i for i, (a, b) in enumerate(zip(got, wanted)) if a != b)
        raise support.Failure("shown %r, by %s %r" % (got[at - 20:at + 20], python, wanted[at - 20:at + 20]))


@test
def integers_of_any_size_are_shown_as_python_shows_them(t):
    r = random.Random()
    values = [s * (r.getrandbits(b) | 1 << b) for b in range(0, 13000, 41) for s in (1, -1)]
    with Tool() as tool:
        for protocol in (0, 2):
            for value in values:
                made = pickle.dumps(value, protocol)
                check_equal(tool.ask("r", made).decode(), repr(value), "repr of an int")
                check_equal(pickle.loads(tool.ask("e", made, 2)), value, "an int that was encoded")


class Plain:
    """Random values of a few kinds, so small that equal ones are frequent."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def key(self, depth=2):
        r = self.r
        k = r.randrange(9 if depth else 7)
        if k < 3:
            return r.choice((0, 1, 2, True, False, 1.0, 2.0, -0.0, 2**70, float(2**70)))
        if k < 7:
            return r.choice(("", "a", b"", b"a", None, 1.5))
        return (tuple if k == 7 else frozenset)(self.key(depth - 1) for _ in range(r.randrange(3)))

    def value(self, depth=3):
        r = self.r
        k = r.randrange(10)
        n = r.randrange(3)
        if k < 4 or not depth:
            return self.key()
        if k < 6:
            return [self.value(depth - 1) for _ in range(n)]
        if k == 6:
            return tuple(self.value(depth - 1) for _ in range(n))
        if k == 7:
            return {self.key() for _ in range(n)}
        if k == 8:
            return bytearray(r.choice((b"", b"a")))
        return {self.key(): self.value(depth - 1) for _ in range(n)}


@test
def values_are_equal_where_python_finds_them_equal(t):
    plain = Plain(random.randrange(2**31))
    counts = {True: 0, False: 0}
    with Tool() as tool:
        for i in range(6000):
            a, b = plain.value(), plain.value()
            if i % 3 == 0:
                b = pickle.loads(pickle.dumps(a))
            wanted = a == b
            counts[wanted] += 1
            got = tool.ask("q", pickle.dumps((a, b), 4))
            check_equal(got, b"1" if wanted else b"0", "equality of %r and %r" % (a, b))
    check(min(counts.values()) > 1000, "too few of one kind: %r" % counts)


@test
def dicts_and_sets_with_mixed_keys_are_pythons(t):
    plain = Plain(random.randrange(2**31))
    with Tool() as tool:
        for _ in range(600):
            value = {plain.key(): i for i in range(plain.r.randrange(40))}
            got = tool.ask("r", pickle.dumps(value, 4)).decode()
            check_equal(eval(got), value, "a dict of mixed keys")  # our own text, of literals only
            # One by one, so that it is our table that finds which keys are equal.
            entries = [(plain.key(), i) for i in range(40)]
            made = b"}(" + b"".join(pickle.dumps(x, 0)[:-1] for e in entries for x in e) + b"u."
            check_equal(eval(tool.ask("r", made).decode()), dict(entries), "a dict built with clashes")


@test
def json_is_read_back_by_python(t):
    r = random.Random()

    def value(depth):
        k = r.randrange(9)
        if k < 5 or not depth:
            text = (r.choice((r.randrange(0xd800), r.randrange(0xe000, 0x110000), r.randrange(64)))
                    for _ in range(r.randrange(8)))
            return r.choice((None, True, False, r.randrange(-2**80, 2**80), r.uniform(-9, 9), "".join(map(chr, text))))
        if k < 7:
            return [value(depth - 1) for _ in range(r.randrange(5))]
        return {str(value(0)): value(depth - 1) for _ in range(r.randrange(5))}

    with Tool() as tool:
        for _ in range(1500):
            v = value(4)
            got = tool.ask("j", pickle.dumps(v, 4)).decode()
            check_equal(json.loads(got), v, "JSON %r" % got[:500])
            check("\n" not in got, "JSON of one line: %r" % got[:500])
        check_equal(json.loads(tool.ask("j", pickle.dumps("\ud800x\udfff")).decode()), "\ud800x\udfff", "surrogates")


@test
def children_put_into_another_container_are_encoded_with_their_sharing(t):
    shared = [1, "two"]
    value = [{"a": shared, "b": (shared, shared)}]
    value[0]["top"] = value
    with Tool() as tool:
        got = pickle.loads(tool.ask("c", pickle.dumps(value, 4), 4))
    check(got[0] is got[1], "the child is there twice")
    child = got[0]
    check(child["a"] is child["b"][0] and child["a"] is child["b"][1], "what it shares is shared")
    check_equal(child["a"], [1, "two"])
    check(child["top"][0] is child, "and its cycles are closed")


@test
def the_table_of_opcodes_is_pythons(t):
    """src/pickle/opcodes.{h,c} against pickletools: code, protocol, argument, effect on the stack."""
    header = (ROOT / "src" / "pickle" / "opcodes.h").read_text()
    table = (ROOT / "src" / "pickle" / "opcodes.c").read_text()
    codes = dict(re.findall(r"OP_(\w+) = (0x..)", header))
    rows = {r[0]: r for r in re.findall(r"^    OP\((\w+), (\d), (\w+), (\d), (\d), (\w+)\),", table, re.M)}
    arguments = {None: "NONE", "uint1": "U1", "uint2": "U2", "uint4": "U4", "int4": "I4", "uint8": "U8", "float8": "F8",
                 "long1": "DATA1", "string1": "DATA1", "bytes1": "DATA1", "unicodestring1": "DATA1",
                 "bytes4": "DATA4", "unicodestring4": "DATA4", "long4": "DATA4I", "string4": "DATA4I",
                 "bytes8": "DATA8", "bytearray8": "DATA8", "unicodestring8": "DATA8",
                 "stringnl_noescape_pair": "TWO_LINES", "decimalnl_short": "LINE", "decimalnl_long": "LINE",
                 "floatnl": "LINE", "stringnl": "LINE", "stringnl_noescape": "LINE", "unicodestringnl": "LINE"}
    for op in pickletools.opcodes:
        row = rows.pop(op.name)
        before = [x.name for x in op.stack_before]
        pops = before.index("mark") if "mark" in before else len(before)
        wanted = (ord(op.code), op.proto, arguments[op.arg and op.arg.name], pops, len(op.stack_after),
                  "mark" in before)
        if op.name in ("MARK", "POP", "STOP"):  # opcodes.h: they do not fit
            wanted = wanted[:3] + (0, 0, False)
        if op.name in ("PUT", "BINPUT", "LONG_BINPUT"):  # pickletools leaves out that they need a value
            wanted = wanted[:3] + (1, 1, False)
        got = (int(codes[op.name], 16), int(row[1]), row[2], int(row[3]), int(row[4]), row[5] == "true")
        check_equal(got, wanted, op.name)
    check_equal(rows, {}, "opcodes that Python does not have")


OBJECTS = r'''
import collections, datetime, decimal, pickle, struct, sys, uuid
from fractions import Fraction
PY2 = sys.version_info[0] == 2
class Point(object):
    def __init__(self, x): self.x = x
    def __eq__(self, other): return type(self) is type(other) and self.x == other.x
class Listed(list): pass
class Mapped(dict): pass
class Slotted(object):
    __slots__ = ("a", "b")
    def __init__(self): self.a, self.b = 1, [2]
    def __eq__(self, other): return (self.a, self.b) == (other.a, other.b)
class Made(object):
    def __new__(cls, *a, **k): self = object.__new__(cls); self.k = (a, k); return self
    def __getnewargs_ex__(self): return ((1,), {"k": 2})
    def __eq__(self, other): return self.k == other.k
twice = [1]
point = Point(twice)
tree = Listed([1, {"a": point}]); tree.me = "x"
values = [decimal.Decimal("1.50"), Fraction(1, 3), datetime.datetime(2024, 1, 2, 3, 4, 5, 6), uuid.UUID(int=7),
          collections.OrderedDict([("b", 1), ("a", [twice, twice])]), collections.deque([1, 2], 5), 1 + 2j, len, int,
          [point, point, twice], tree, Mapped(a=tree, b=tree), ValueError("x", 1).args, (Point, Point(1)),
          {Point: [decimal.Decimal(2)] * 3}, collections.Counter("aab"), [decimal.Decimal(i) for i in range(300)]]
if not PY2: values += [Slotted(), Made(1, k=2), range(3), Ellipsis, {frozenset([1]): b"x"}, [bytearray(b"y")] * 2 + [point]]
stdin, stdout = getattr(sys.stdin, "buffer", sys.stdin), getattr(sys.stdout, "buffer", sys.stdout)
for p in [int(x) for x in sys.argv[2].split(",")]:
    for v in values:
        if isinstance(v, Slotted) and p < 2: continue
        if isinstance(v, Made) and p < 4 and sys.version_info < (3, 6): continue
        if sys.argv[1] == "make":
            data = pickle.dumps(v, p)
            stdout.write(struct.pack("<I", len(data)) + data)
            continue
        for _ in range(struct.unpack("<I", stdin.read(4))[0]):
            data = stdin.read(struct.unpack("<I", stdin.read(4))[0])
            got = pickle.loads(data)
            if got != ("id", "put", (v, True), {"timeout": 5}):
                sys.exit("%r, pickled with %d, came as %r in %r" % (v, p, got, data[:1000]))
            if isinstance(v, list) and len(v) > 1 and v[0] is v[1] and got[2][0][0] is not got[2][0][1]:
                sys.exit("%r is no longer shared" % v)
'''


@for_each_python(oldest=(2, 7))
def objects_that_are_not_understood_pass_through_requests(t, python):
    protocols = "0,1,2" if python.version < (3,) else "0,1,2,3,4" if python.version < (3, 8) else "0,1,2,3,4,5"
    run = functools.partial(subprocess.run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=support.clean_env())
    made = run([python.path, "-c", OBJECTS, "make", protocols])
    check_equal(made.returncode, 0, made.stderr.decode())
    out = bytearray()
    with Tool() as tool:
        for data in records(made.stdout):
            encoded = [tool.ask("m", data, p) for p in ([2] if python.version < (3,) else [2, 3, 4])]
            out += struct.pack("<I", len(encoded))
            for message in encoded:
                out += struct.pack("<I", len(message)) + message
            tool.ask("i", data)
            tool.ask("j", data)
    compared = run([python.path, "-c", OBJECTS, "compare", protocols], input=bytes(out))
    check(compared.returncode == 0, "%s: %s" % (python, compared.stderr.decode("utf-8", "replace")[-3000:]))


if __name__ == "__main__":
    support.main()
