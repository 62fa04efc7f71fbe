# -*- coding: utf-8 -*-
# SPDX-License-Identifier: Apache-2.0
"""Both ends of integration/splice_check.py, in every Python from 2.7 on.

    splice_values.py put FILE              write requests that put awkward values, each with a fingerprint of the value
    splice_values.py get REQUESTS REPLIES  load what `put` wrote and what the splicer made of it, and compare

The record of a request: u8 argument, u32 length, pickle (what splicetool reads). FILE.names holds, one a line, the
name of each and the fingerprint that the sender gave it.
"""
from __future__ import print_function

import array
import collections
import datetime
import decimal
import fractions
import hashlib
import io
import pickle
import struct
import sys

PY2 = sys.version_info[0] == 2
IDENT = u"get_task_queue#17" if not PY2 else "get_task_queue#17"
BIG = 70000


class Plain(object):
    def __init__(self, **kw):
        self.__dict__.update(kw)


class Slots(object):
    __slots__ = ("a", "b")

    def __init__(self):
        self.a, self.b = 1, [2]


class Old:  # an instance of the old kind in Python 2: INST, OBJ
    pass


class Args(object):
    """Rebuilt by a call with arguments and a state, as an array of numpy is."""

    def __init__(self, shape):
        self.shape = shape
        self.version, self.data = 1, None

    def __reduce__(self):
        return rebuild, (self.shape,), (1, self.shape, self.data)

    def __setstate__(self, state):
        self.version, self.shape, self.data = state


class Items(list):
    """A list with attributes: NEWOBJ, BUILD, APPENDS."""


class Member(object):
    """Can be a member of a set that it knows."""

    def __init__(self):
        self.home = None

    def __hash__(self):
        return 7

    def __eq__(self, other):
        return isinstance(other, Member)


Point = collections.namedtuple("Point", "x y")


def rebuild(shape):
    return Args(shape)


def function(x):
    return x


# --- values ----------------------------------------------------------------------------------------


def recursive_list():
    v = [1]
    v.append(v)
    return v


def recursive_dict():
    v = {"block": 1, "timeout": 2}
    v["self"] = v
    return v


def recursive_tuple(n):
    inner = []
    v = tuple([inner] + list(range(n - 1)))
    inner.append(v)
    return v


def recursive_object():
    v = Plain(name="timeout")
    v.me = v
    v.all = [v, (v,)]
    return v


def recursive_set():
    m = Member()
    s = {m}
    m.home = s
    return s


def shared():
    x, t = ["s"], ("t", [1])
    return [x, x, t, {"a": x, "b": t}, (x, t)]


def deep_tuple(n):
    v = ()
    for i in range(n):
        v = (i, v)
    return v


def deep_list(n):
    v = []
    for i in range(n):
        v = [v, i]
    return v


def values():
    """(name, value) pairs; a name that begins with '+' is a large value."""
    put = sys.intern("put") if not PY2 else intern("put")  # noqa: F821
    x = ["x"]
    yield "none", None
    yield "true", True
    yield "int", 300
    yield "negative", -5
    yield "long", 2 ** 70
    yield "longer", -(2 ** 3000)
    yield "float", 0.1
    yield "nan", float("nan")
    yield "text", u"h\u00e9llo \u4e2d\U0001f600\n\\"
    yield "empty text", u""
    yield "method name", put
    yield "ident", IDENT
    yield "both in a tuple", (IDENT, put, x, x)
    yield "keywords", {"timeout": 1, "block": [u"item", "item"], "item": "timeout"}
    yield "bytes", b"\x00\xff bytes" if not PY2 else b"bytes"
    yield "bytearray", bytearray(b"\x00\xff")
    yield "tuples", ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))
    yield "nested tuples", ((1, (2, (3, 4))), ((5, 6), 7), 8)
    yield "deep tuple", deep_tuple(60)
    yield "deep list", deep_list(60)
    yield "dict", {"a": {"b": {"c": [1, 2.5, None, True]}}, 1: (2, 3), (4, 5): u"k"}
    yield "set", {1, 2, u"three"}
    yield "frozenset", frozenset([(1, 2), u"a"])
    yield "shared", shared()
    yield "recursive list", recursive_list()
    yield "recursive dict", recursive_dict()
    for n in (1, 2, 3, 5):
        yield "recursive tuple of %d" % n, recursive_tuple(n)
    yield "recursive object", recursive_object()
    yield "recursive set", recursive_set()
    yield "decimals", {"decimal": decimal.Decimal("1.50"), "Decimal": [decimal.Decimal(2)] * 3}
    yield "fraction", fractions.Fraction(1, 3)
    yield "dates", [datetime.datetime(2020, 1, 2, 3, 4, 5), datetime.date(2020, 1, 2), datetime.timedelta(1, 2)]
    yield "ordered dict", collections.OrderedDict([("b", 1), ("a", [2])])
    yield "default dict", collections.defaultdict(list, {"k": [1]})
    yield "deque", collections.deque([1, u"two"], 5)
    yield "plain object", Plain(put=put, x=x, y=x)
    yield "objects", [Plain(i=i, x=x) for i in range(3)]
    yield "slots", Slots()
    yield "rebuilt", Args((2, 3))
    yield "rebuilt twice", [Args((2, 3)), Args((2, 3))]
    items = Items([1, 2, 3])
    items.name = "timeout"
    yield "list with state", items
    yield "named tuple", Point(1, [2])
    yield "function", function
    yield "classes", [Plain, Point, int, len]
    yield "exception", ValueError("timeout", 1)
    yield "complex", [complex(1, 2), range(3), slice(1, 2)] if not PY2 else complex(1, 2)
    yield "array", array.array("i", [1, 2, 3])
    if PY2:
        yield "old instance", Old()
    else:
        yield "surrogates", u"a\ud800b\udfff"
        yield "ellipsis", [Ellipsis, NotImplemented]
        yield "many attributes", Plain(**{"name%d" % i: i for i in range(300)})
    yield "+ints", list(range(3000))
    yield "+texts", [u"text %d" % i for i in range(3000)]
    yield "+same", [x] * 3000
    yield "+dict", {"key %d" % i: [i, x] for i in range(2500)}
    yield "+tuple", tuple(float(i) for i in range(3000))
    yield "+long text", u"\u4e2d" * BIG
    yield "+long bytes", b"b" * BIG
    yield "+frames", [b"z" * BIG, 1, u"y" * BIG, [2.5] * 10000, x, x, u"w" * BIG, recursive_list()]


def is_plainly_put(name):
    """These are tried with all protocols, the others with two."""
    return not name.endswith((" in time", " and keywords", " by keyword", " last", " for create")) and name[0] != "+"


def requests():
    """(name, which argument, request)"""
    for name, v in values():
        yield name, 0, (IDENT, "put", (v,), {})
        yield name + " in time", 0, (IDENT, "put", (v, True, 5), {})
        if name.startswith("+"):
            continue
        yield name + " and keywords", 0, (IDENT, "put", (v,), {"block": True, "timeout": 2})
        yield name + " by keyword", 255, (IDENT, "put", (), {"item": v})
        last = collections.OrderedDict()  # Python 2's dict has its own order
        last["timeout"] = 2
        last["item"] = v
        yield name + " by keyword, last", 255, (IDENT, "put", (), dict(last))
        yield name + " for create", 2, (None, "create", ("typeid", v, v, [v], 4, 5), {"x": v})


# --- fingerprints ------------------------------------------------------------------------------------


def rank(v):
    """For sorting what has no order, the same way in every Python."""
    return (1, v) if isinstance(v, type(u"")) or PY2 and isinstance(v, str) else (0, repr(v).replace("u'", "'"))


def fingerprint(v, by_key=False):
    """The same for values that are alike down to which parts are one object; texts and numbers are taken by value. `by_key`:
    whatever the order of a dict."""
    out, numbers, keep = [], {}, []

    def walk(v):
        keep.append(v)  # an id must not be used again
        if v is None or isinstance(v, (bool, int)) or v is Ellipsis or v is NotImplemented:
            out.append(repr(v))
        elif PY2 and isinstance(v, long):  # noqa: F821
            out.append(repr(v).rstrip("L"))
        elif isinstance(v, float):
            out.append("f" + repr(struct.pack(">d", v)).lstrip("b"))
        elif isinstance(v, type(u"")) or PY2 and isinstance(v, str):
            out.append("t" + ",".join("%x" % ord(c) for c in v[:200]) + ".%d" % len(v))
        elif isinstance(v, bytes):
            out.append("b" + hashlib.md5(v).hexdigest())
        elif id(v) in numbers and v != ():
            out.append("@%d" % numbers[id(v)])
        else:
            numbers[id(v)] = len(numbers)
            parts(v)

    def parts(v):
        kind = type(v)
        out.append("%s(" % getattr(kind, "__name__", "?"))
        if isinstance(v, (list, tuple, collections.deque)):
            for x in v:
                walk(x)
                out.append(",")
        elif isinstance(v, dict):
            for k in sorted(v, key=rank) if by_key else v:
                walk(k)
                out.append(":")
                walk(v[k])
                out.append(",")
        elif isinstance(v, (set, frozenset)):
            for x in sorted(v, key=rank) if len(v) > 1 else v:
                walk(x)
                out.append(",")
        elif isinstance(v, bytearray):
            out.append(hashlib.md5(bytes(v)).hexdigest())
        elif isinstance(v, array.array):
            out.append(v.typecode + repr(list(v)))
        elif isinstance(v, BaseException):
            walk(v.args)
        elif isinstance(v, (type, type(len), type(walk))):
            out.append(v.__module__ + "." + v.__name__)
        elif isinstance(v, datetime.timedelta):
            out.append("%d:%d" % (v.days, v.seconds))
        elif isinstance(v, Slots):
            walk([v.a, v.b])
        elif not isinstance(v, (Plain, Args, Old, Member)):
            out.append(repr(v))
        if hasattr(v, "__dict__") and not isinstance(v, (type, type(walk))) and kind.__module__ == __name__:
            for k in sorted(v.__dict__):
                out.append(k + "=")
                walk(v.__dict__[k])
        out.append(")")

    walk(v)
    text = "".join(out)
    return text if len(text) < 400 else hashlib.md5(text.encode("utf-8")).hexdigest()


# --- the two ends ------------------------------------------------------------------------------------


def dumps(obj, protocol):
    if PY2:
        import cPickle

        return cPickle.dumps(obj, protocol)
    from multiprocessing.reduction import ForkingPickler

    out = io.BytesIO()
    ForkingPickler(out, protocol).dump(obj)
    return out.getvalue()


def put(path):
    with open(path, "wb") as f, io.open(path + ".names", "w", encoding="utf-8") as names:
        for name, which, request in requests():
            highest = pickle.HIGHEST_PROTOCOL
            for protocol in range(highest + 1) if is_plainly_put(name) else {min(2, highest), min(4, highest)}:
                try:
                    data = dumps(request, protocol)
                except Exception:  # e.g. a class with __slots__ and no __getstate__ below protocol 2
                    continue
                item = request[3]["item"] if which == 255 else request[2][which]
                f.write(struct.pack("<BI", which, len(data)) + data)
                names.write(u"%s, protocol %d\t%s\n" % (name, protocol, fingerprint(item, True)))


def read_records(path):
    with open(path, "rb") as f:
        while True:
            head = f.read(5)
            if not head:
                return
            first, length = struct.unpack("<BI", head)
            yield first, f.read(length)


def attempt(load, by_key):
    try:
        return fingerprint(load(), by_key), None
    except Exception as e:
        return None, "%s: %s" % (type(e).__name__, e)


def get(requests_path, replies_path):
    """Every line: what, name, details. `bad` lines are failures."""
    counts = collections.Counter()
    with io.open(requests_path + ".names", encoding="utf-8") as f:
        names = [line.rstrip("\n").split("\t") for line in f]
    replies = list(read_records(replies_path))
    originals = list(read_records(requests_path))
    if not len(names) == len(replies) == len(originals):
        print("bad\tcounts\t%d names, %d requests, %d replies" % (len(names), len(originals), len(replies)))
    for (name, sent), (which, request), (status, reply) in zip(names, originals, replies):

        def original():
            _, _, args, kwds = pickle.loads(request)
            return kwds["item"] if which == 255 else args[which]

        def spliced():
            got = pickle.loads(reply)
            if replies_path.endswith(".alone"):
                return got
            kind, value = got
            if kind != "#RETURN":
                raise ValueError("kind %r" % (kind,))
            return value

        if status:
            print("bad\t%s\trefused: %s" % (name, reply.decode("utf-8")))
            continue
        expected, why = attempt(original, False)
        got, error = attempt(spliced, expected is None)
        if expected is not None:
            outcome = "same" if got == expected else "bad"
        elif got is None:
            outcome = "neither"
        else:  # this reader cannot read what was sent, but the reply was written anew for it
            outcome = "anew" if got == sent or "b" in sent else "bad"
        counts[outcome] += 1
        if outcome == "bad":
            print("bad\t%s\texpected %s, got %s %s" % (name, expected or sent, got, error))
        elif outcome == "neither":
            print("neither\t%s\t%s" % (name, why))
    print("counts\t%s\t" % " ".join("%s=%d" % c for c in sorted(counts.items())))


if __name__ == "__main__":
    sys.modules["splice_values"] = sys.modules["__main__"]
    for cls in (Plain, Slots, Old, Args, Items, Member, Point, rebuild, function):
        cls.__module__ = "splice_values"
    __name__ = "splice_values"
    put(sys.argv[2]) if sys.argv[1] == "put" else get(sys.argv[2], sys.argv[3])
