# SPDX-License-Identifier: Apache-2.0
"""The black-box harness itself: it must be able to fail."""
import sys
from pathlib import Path

import support
from support import check, check_equal, check_in, test

BAD = '''
import os, signal, subprocess, sys, time
sys.path.insert(0, %r)
import support
from support import check, skip, test

@test
def a_good_one(t):
    t.run([sys.executable, "-c", "print(1)"])

@test
def a_false_claim(t):
    check(1 == 2, "one is not two")

@test
def an_exception(t):
    {}["absent"]

@test
def a_wrong_exit_code(t):
    t.run([sys.executable, "-c", "import sys; print('told', file=sys.stderr); sys.exit(3)"])

@test(timeout=0.3)
def a_hang(t):
    while True:
        time.sleep(0.01)

@test
def a_silent_program(t):
    t.start([sys.executable, "-c", "import time; time.sleep(600)"]).wait_line("never", timeout=0.2)

@test
def a_leaked_grandchild(t):
    t.run([sys.executable, "-c",
           "import subprocess; subprocess.Popen(['sleep', '600'], stdout=-3, stderr=-3, start_new_session=True)"])

@test
def a_sanitizer_report(t):
    t.run([sys.executable, "-c", "import sys; print('x.c:1: runtime error: overflow', file=sys.stderr)"])

@test
def nothing_to_test_with(t):
    skip("no moon tonight")

if __name__ == "__main__":
    support.main()
'''


@test
def failures_of_every_kind_are_seen_and_told(t):
    script = t.file("bad.py", BAD % str(Path(__file__).parent))
    env = support.clean_env(PLATOON_TEST_SLOWDOWN="1")
    p = t.run([sys.executable, script], exit_code=1, env=env)
    lines = p.stdout.splitlines()
    check(lines[0].startswith("ok a_good_one"), lines[0])
    for line in ("FAIL a_false_claim: one is not two", "FAIL an_exception: KeyError: 'absent'",
                 "FAIL a_hang: did not end within 0.3 s", "skip nothing_to_test_with: no moon tonight"):
        check_in(line, lines)
    for part in ("FAIL a_wrong_exit_code: ", "err| told", "FAIL a_silent_program: ",
                 "FAIL a_leaked_grandchild: child process left behind: ", "FAIL a_sanitizer_report: "):
        check_in(part, p.stdout)
    check_equal(lines[-1], "1 passed, 7 failed, 1 skipped", "last line")


@test
def a_name_that_matches_nothing_is_a_failure(t):
    script = t.file("bad.py", BAD % str(Path(__file__).parent))
    p = t.run([sys.executable, script, "no_such_test"], exit_code=1)
    check_equal(p.stdout.splitlines()[-1], "0 passed, 1 failed, 0 skipped", "last line")


if __name__ == "__main__":
    support.main()
