# SPDX-License-Identifier: Apache-2.0
"""What README.md and README.zh-CN.md tell people to type."""
import re
import sys

import support
from support import ROOT, check, check_equal, check_in, free_port, program, test


def blocks(name):
    """{file name: code} of the Python blocks that begin with one."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return {block.split("\n", 1)[0][2:]: block for block in re.findall(r"```python\n(# .*?)```", text, re.S)}


@test
def both_languages_show_the_same_code(t):
    check_equal(blocks("README.zh-CN.md"), blocks("README.md"), "Python blocks")
    outputs = [re.findall(r"```\n(MEAN OF.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.S)
               for name in ("README.md", "README.zh-CN.md")]
    check_equal(outputs[0], outputs[1], "the demo's output")


@test(timeout=120)
def quick_start_ends_with_ten_squares(t):
    port = free_port()
    state = t.tmp / ".local" / "state"
    env = support.clean_env(HOME=t.tmp, PLATOON_SERVER="127.0.0.1:%d" % port)
    for name, code in blocks("README.md").items():
        t.file(name, code.replace("5000", str(port)))
    server = t.start([program("platoon"), "serve", "--listen", "127.0.0.1:%d" % port], env=env)
    server.wait_line("^platoon: listening", stream="stdout")
    check((state / "platoon" / str(port) / "authkey").exists(), "the key is not where the README says")
    t.start([program("platoon"), "work", "--runner", "python", "simulate.py:square", "--python", sys.executable], env=env)
    p = t.run([sys.executable, "master.py"], env=env, timeout=90)
    check_equal(sorted(p.stdout.splitlines()), sorted("%d * %d = %d" % (n, n, n * n) for n in range(10)), "results")
    check_in("get_task_queue", t.platoon("status", env=env).stdout)


@test
def commands_and_options_that_are_named_exist(t):
    for name in ("README.md", "README.zh-CN.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for command in set(re.findall(r"platoon (serve|work|status|stop|demo)\b", text)):
            known = t.platoon(command, "--help").stdout
            for line in re.findall(r"platoon %s\b([^`\n]*)" % command, text):
                for option in re.findall(r"--[a-z-]+", line):
                    check_in(option, known, "platoon %s --help" % command)


@test
def links_between_documents_lead_somewhere(t):
    pages = [p for p in ROOT.rglob("*.md") if "build" not in p.relative_to(ROOT).parts[:1]]
    check(len(pages) > 5, "only %d pages" % len(pages))
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                check((page.parent / target).exists(), "%s links to %s, which is not there" % (page.relative_to(ROOT), target))


if __name__ == "__main__":
    support.main()
