# SPDX-License-Identifier: Apache-2.0
"""Awkward values through the splicer: put by every Python, read by every other, byte by byte, as replies and alone.

What a reader must get is what the same reader gets from the request itself (support/splice_values.py). Where it cannot read
the request at all (protocol 3 and above in Python 2.7, protocol 5 in 3.6 and 3.7) but the value is plain data, the reply is
written anew, and must be what the sender meant.
"""
import functools
import re

import support
from support import ROOT, check, check_equal, skip, test

TIME_LIMIT_S = 900
VALUES = ROOT / "tests" / "support" / "splice_values.py"


# What a reader may answer to a request, and to its reply, that it cannot read.
CANNOT_READ = re.compile(r"unsupported pickle protocol|UnicodeDecodeError|invalid load key|No module named|"
                         r"has no attribute|ordinal not in range|Can't get attribute")
NOT_PLAIN = re.compile(r"object|recursive set|decimal|fraction|dates|dict|deque|slots|rebuilt|list with|named|function|"
                       r"classes|exception|complex|array|ellipsis|attributes|old instance")


def protocol_of(python):
    """What a client of this version writes."""
    return 2 if python.version[0] == 2 else 3 if python.version < (3, 8) else 4


def some(interpreters):
    """One of each dialect: 2.7, 3.6 and 3.7, 3.8 and newer; of the last also the newest."""
    dialects = {}
    for python in interpreters:
        dialects.setdefault(protocol_of(python), python)
    return sorted({p.path: p for p in [*dialects.values(), *interpreters[-1:]]}.values(), key=lambda p: p.version)


def put(t, python):
    """The requests of one interpreter, in a file."""
    path = t.tmp / ("requests-%s" % python.label)
    if not path.exists():
        t.run([python.path, VALUES, "put", path], timeout=60)
    return path


def splice(t, requests, reader_protocol, piece):
    path = requests.with_name("replies-%d-%d%s" % (reader_protocol, piece, "" if reader_protocol else ".alone"))
    t.run([support.program("splicetool"), reader_protocol, piece, requests, path], timeout=120)
    return path


def get(t, python, requests, replies):
    """Compare in `python`. Returns counts, and (name, why) of what it cannot read either way."""
    p = t.run([python.path, VALUES, "get", requests, replies], timeout=120)
    lines = [line.split("\t") for line in p.stdout.splitlines()]
    bad = ["%s: %s" % (name, details) for what, name, details in lines if what == "bad"]
    check(not bad, "%s: %d bad replies, first: %s" % (python.label, len(bad), "; ".join(bad[:3])))
    what, counts, _ = lines[-1]
    check_equal(what, "counts", "last line")
    neither = [(name, details) for what, name, details in lines if what == "neither"]
    for name, why in neither:
        check(CANNOT_READ.search(why), "%s cannot read %s: %s" % (python.label, name, why))
    return {k: int(n) for k, n in re.findall(r"(\w+)=(\d+)", counts)}, neither


def get_all(t, python, requests, reader_protocol, piece):
    """Of what `python` itself wrote, it must read everything."""
    counts, _ = get(t, python, requests, splice(t, requests, reader_protocol, piece))
    check_equal(sorted(counts), ["same"], "what became of the values")
    check(counts["same"] > 400, "only %d values" % counts["same"])


def what_one_python_puts_others_get_and_the_other_way_round(t, python):
    own = put(t, python)
    get_all(t, python, own, protocol_of(python), 1)
    get_all(t, python, own, 0, 10000)  # as it is stored: a pickle of its own
    for other in some(support.pythons(oldest=(2, 7))):
        if protocol_of(other) == protocol_of(python):
            continue
        get(t, other, own, splice(t, own, protocol_of(other), 4096))
        theirs = put(t, other)
        counts, neither = get(t, python, theirs, splice(t, theirs, protocol_of(python), 65536))
        if other.version < python.version:
            # Whatever an older Python wrote newer ones read, but for 8-bit strings of Python 2.
            for name, why in neither:
                check(other.version[0] == 2 and "UnicodeDecodeError" in why, "%s: %s" % (name, why))
            check(counts["same"] > 400, "only %d values" % counts["same"])


for each in support.pythons(oldest=(2, 7)):
    test(functools.partial(what_one_python_puts_others_get_and_the_other_way_round, python=each),
         "what_one_python_puts_others_get_and_the_other_way_round[%s]" % each.label, 300)


@test(timeout=120)
def plain_data_of_python_3_is_written_anew_for_2(t):
    both = some(support.pythons(oldest=(2, 7)))
    if both[0].version[0] != 2 or len(both) < 2:
        skip("no Python 2.7 beside a Python 3")
    requests = put(t, both[-1])
    counts, neither = get(t, both[0], requests, splice(t, requests, 2, 4096))
    check(counts.get("anew", 0) > 200, "only %d values were written anew" % counts.get("anew", 0))
    for name, why in neither:
        check(NOT_PLAIN.search(name), "%s is plain data, but: %s" % (name, why))


@test(timeout=120)
def plain_data_of_protocol_5_is_written_anew_for_3_6(t):
    readers = [p for p in support.pythons() if p.version < (3, 8)]
    senders = [p for p in support.pythons() if p.version >= (3, 8)]
    if not readers or not senders:
        skip("no Python 3.6 or 3.7 beside a newer one")
    requests = put(t, senders[-1])
    counts, neither = get(t, readers[0], requests, splice(t, requests, 3, 4096))
    check(counts.get("anew", 0) > 40, "only %d values were written anew" % counts.get("anew", 0))
    for name, why in neither:
        check(NOT_PLAIN.search(name), "%s is plain data, but: %s" % (name, why))


if __name__ == "__main__":
    support.main()
