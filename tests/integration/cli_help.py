# SPDX-License-Identifier: Apache-2.0
"""The command line: help, versions, usage errors, exit codes."""
import re

import support
from support import ROOT, check, check_equal, check_in, test


def commands(t):
    listing = t.platoon("--help").stdout
    return re.findall(r"^  ([a-z][a-z-]*) ", listing.split("commands:")[1], re.M)


@test
def help_lists_commands_and_each_has_its_own(t):
    for name in commands(t):
        if name == "help":
            continue
        asked = t.platoon(name, "--help")
        check_in("usage: platoon %s" % name, asked.stdout)
        check_equal(asked.stderr, "", "stderr")
        check_equal(t.platoon("help", name).stdout, asked.stdout, "platoon help %s" % name)
        check(all(len(line) <= 100 for line in asked.stdout.splitlines()), "%s --help is too wide" % name)


@test
def hidden_commands_are_not_listed(t):
    check(not [name for name in commands(t) if name.startswith("_")], "a hidden command is listed")


@test
def version_is_the_one_of_the_version_file(t):
    version = (ROOT / "VERSION").read_text().strip()
    check_equal(t.platoon("--version").stdout, "platoon %s\n" % version, "stdout")


@test
def usage_errors_exit_with_2_and_suggest(t):
    p = t.platoon("hepl", exit_code=2)
    check_in("did you mean 'platoon help'?", p.stderr)
    check_equal(p.stdout, "", "stdout")
    check_in("a command is missing", t.platoon(exit_code=2).stderr)
    check_in("options follow the command", t.platoon("--serve", exit_code=2).stderr)
    check_in("no command 'frobnicate'", t.platoon("help", "frobnicate", exit_code=2).stderr)


@test
def a_full_disk_under_stdout_is_a_failure(t):
    with open("/dev/full", "wb") as full:
        import subprocess
        p = subprocess.run([support.program("platoon"), "--help"], stdout=full, stderr=subprocess.PIPE, check=False)
    check_equal(p.returncode, 1, "exit code")
    check_in(b"stdout", p.stderr, "stderr")


if __name__ == "__main__":
    support.main()
