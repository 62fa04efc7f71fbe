#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ask how fast Platoon is, and print a line a question.

    bench/run.py [--rounds N] [--quick] [--json] [--python EXE] [--list] [QUESTION...]

QUESTION: a part of the name of a bench/q_NAME.py. Needs the optimised programs (`make`). Says what it measured, judges
nothing; README.md tells how to read it."""
import argparse
import importlib
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from kit import BUILD, Bench, Trouble, python_label, say  # noqa: E402

NEEDED = ("bin/platoon", "bench/client", "bench/floor", "bench/spawn", "bench/disk")
COLUMNS = "%-66s %11s %11s %15s  %-9s %6s  %s"


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--rounds", type=int, default=5, help="rounds of each question (default 5); their median is shown")
    p.add_argument("--quick", action="store_true", help="a tenth of the calls: a look, not a measurement")
    p.add_argument("--json", action="store_true", help="one JSON object a line, every round's figure in it")
    p.add_argument("--python", default="/usr/bin/python3", help="the stock interpreter (default /usr/bin/python3)")
    p.add_argument("--list", action="store_true", help="name the questions")
    p.add_argument("question", nargs="*")
    a = p.parse_args()
    if a.rounds < 1:
        p.error("--rounds: at least 1")
    return a


def questions(parts):
    names = sorted(path.stem[2:] for path in Path(__file__).resolve().parent.glob("q_*.py"))
    chosen = [n for n in names if not parts or any(part in n for part in parts)]
    if not chosen:
        sys.exit("bench: no question is called that; these are: %s" % " ".join(names))
    return chosen


def figure(x):
    return "%.0f" % x if x >= 1000 else "%.1f" % x if x >= 100 else "%.2f" % x if x >= 1 else "%.3f" % x


def verdict(row):
    """The ratio with its direction: 3.2x better, 1.4x worse."""
    ratio = row.ratio()
    times_better = ratio if row.more_is_better else 1 / ratio
    if times_better >= 1:
        return "%sx better" % figure(times_better)
    return "%sx worse" % figure(1 / times_better)


def show(row, is_json):
    if is_json:
        print(json.dumps(row.as_dict()), flush=True)
        return
    d = row.as_dict()
    print(COLUMNS % (row.name, figure(d["ours"]), figure(d["theirs"]), verdict(row), row.unit, d["rounds"],
                     "%.0f %% / %.0f %%" % (100 * d["spread_ours"], 100 * d["spread_theirs"])), flush=True)


def main():
    a = arguments()
    chosen = questions(a.question)
    if a.list:
        print("\n".join(chosen))
        return 0
    missing = [n for n in NEEDED if not (BUILD / n).exists()]
    if missing:
        sys.exit("bench: %s is not built in %s. Run: make" % (missing[0], BUILD))
    if not a.json:
        print("Stock Python is %s. ours: theirs in each name; ratio and spread as bench/README.md says."
              % python_label(a.python))
        print(COLUMNS % ("question", "ours", "theirs", "ratio", "unit", "rounds", "spread"))
    status = 0
    bench = Bench(a.rounds, a.python, a.quick)
    try:
        for name in chosen:
            try:
                for row in importlib.import_module("q_" + name).ask(bench):
                    show(row, a.json)
            except Trouble as trouble:
                say("bench: %s: %s" % (name, trouble))
                status = 1
            bench.end_programs()
    finally:
        bench.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
