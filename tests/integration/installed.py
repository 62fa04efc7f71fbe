# SPDX-License-Identifier: Apache-2.0
"""An installed copy: what is in it, and a program outside the tree that is built against it."""
import os
import re
import shutil
import subprocess

import support
from support import AUTHKEY, ROOT, Server, check, check_equal, check_in, skip, test

PROGRAM = r"""
#include <platoon/platoon.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct platoon_manager_options options = {.authkey = argv[2], .authkey_len = strlen(argv[2])};
    struct platoon_err err;
    platoon_manager *manager;
    platoon_queue *queue;
    platoon_value *task = platoon_dict(), *back;
    char *text;

    options.port = (uint16_t)atoi(argv[argc - 2]);
    if (platoon_manager_connect(&options, &manager, &err) != PLATOON_OK ||
        platoon_manager_queue(manager, "get_task_queue", NULL, &queue, &err) != PLATOON_OK ||
        platoon_dict_set(task, "seed", platoon_int(7)) != PLATOON_OK ||
        platoon_queue_put(queue, task, PLATOON_FOREVER, &err) != PLATOON_OK ||
        platoon_queue_get(queue, 5, &back, &err) != PLATOON_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    text = platoon_repr(back);
    printf("%s %s\n", platoon_version(), text);
    free(text);
    platoon_value_unref(task);
    platoon_value_unref(back);
    platoon_manager_close(manager);
    return 0;
}
"""

EMBEDDED = r"""
#include <platoon/server.h>
#include <stdio.h>

int main(void)
{
    struct platoon_server_options options = {.authkey = "a-key-of-some-length", .authkey_len = 20};
    struct platoon_err err;
    platoon_server *server;

    if (platoon_server_start(&options, &server, &err) != PLATOON_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%d\n", platoon_server_port(server) > 0);
    platoon_server_free(server);
    return 0;
}
"""


def install(t):
    """Install the release build into a prefix of the test's own; returns it."""
    release = ROOT / "build" / "release"
    if not (release / "bin" / "platoon").exists():
        skip("there is no release build; make")
    prefix = t.tmp / "prefix"
    t.run(["cmake", "--install", release, "--prefix", prefix], timeout=60)
    return prefix


def pkg_config(t, prefix, *args):
    folders = sorted(str(p.parent) for p in prefix.rglob("platoon.pc"))
    check_equal(len(folders), 1, "folders with platoon.pc")
    return t.run(["pkg-config", *args], env=support.clean_env(PKG_CONFIG_PATH=folders[0])).stdout.split()


def library_folder(flags):
    return [flag[2:] for flag in flags if flag.startswith("-L")][0]


def compile_outside(t, prefix, package, source):
    """Compile with nothing but what pkg-config says; warnings about our headers are errors."""
    flags = pkg_config(t, prefix, "--cflags", "--libs", package)
    check(not any(flag[2:].startswith(str(ROOT) + "/") for flag in flags), "flags point into the tree: %s" % flags)
    t.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o", "program", t.file("program.c", source),
           *flags])
    return library_folder(flags)


@test
def program_outside_the_tree_links_by_pkg_config_and_runs(t):
    prefix = install(t)
    libraries = compile_outside(t, prefix, "platoon", PROGRAM)
    server = Server(t)
    p = t.run([t.tmp / "program", server.port, AUTHKEY.decode()],
              env=support.clean_env(LD_LIBRARY_PATH=libraries))
    check_equal(p.stdout, "%s {'seed': 7}\n" % (ROOT / "VERSION").read_text().strip(), "stdout")


@test
def headers_compile_alone_and_as_cxx(t):
    prefix = install(t)
    flags = pkg_config(t, prefix, "--cflags", "platoon")
    for header in sorted((prefix / "include" / "platoon").iterdir()):
        line = "#include <platoon/%s>\nint x;\n" % header.name
        t.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", *flags,
               t.file(header.stem + ".c", line)])
        if subprocess.run(["sh", "-c", "command -v c++"], stdout=subprocess.DEVNULL, check=False).returncode == 0:
            t.run(["c++", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *flags, t.file(header.stem + ".cc", line)])


@test
def server_embeds_by_its_own_package(t):
    prefix = install(t)
    libraries = compile_outside(t, prefix, "platoon-server", EMBEDDED)
    p = t.run([t.tmp / "program"], env=support.clean_env(LD_LIBRARY_PATH=libraries))
    check_equal(p.stdout, "1\n", "stdout")


@test
def client_library_needs_libcrypto_and_libc_only(t):
    prefix = install(t)
    folder = library_folder(pkg_config(t, prefix, "--libs", "platoon"))
    library = os.path.join(folder, "libplatoon.so")
    dynamic = t.run(["readelf", "-d", library]).stdout
    check_equal(re.findall(r"SONAME.*\[(.*)\]", dynamic), ["libplatoon.so.0"], "soname")
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", dynamic))
    allowed = {"libcrypto.so.3", "libssl.so.3", "libc.so.6", "libm.so.6"}
    check(needed <= allowed, "libplatoon needs %s" % sorted(needed - allowed))
    exported = t.run(["nm", "-D", "--defined-only", library]).stdout.split("\n")
    strangers = [line for line in exported if line and not line.split()[-1].startswith("platoon_")]
    check_equal(strangers, [], "exported names that are not platoon_*")


@test
def installed_program_finds_its_helper_and_its_scenarios(t):
    prefix = install(t)
    p = t.run([prefix / "bin" / "platoon", "--version"])
    check_in((ROOT / "VERSION").read_text().strip(), p.stdout)
    check((prefix / "libexec" / "platoon" / "platoon-spawn").exists(), "platoon-spawn is not installed")
    scenario = prefix / "share" / "platoon" / "scenarios" / "ramp_metering"
    check(os.access(scenario / "build.sh", os.X_OK), "the scenario's build.sh is not installed or cannot be run")
    check(not list(scenario.rglob("*.net.xml")), "a built network was installed")


@test
def a_controller_builds_against_the_installed_header_and_is_loaded(t):
    prefix = install(t)
    plugin = t.tmp / "mine.so"
    t.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC", "-o", plugin,
           *pkg_config(t, prefix, "--cflags", "platoon"), ROOT / "examples" / "controllers" / "demand_capacity.c",
           "-lm"])
    p = t.run([prefix / "bin" / "platoon", "sumo", "nothing.sumocfg", "--controller", plugin, "--control",
               "demand_capacity"], exit_code=1)
    check_in("nothing.sumocfg", p.stderr)


@test(timeout=240)
def installed_demo_runs_with_what_is_installed(t):
    if not shutil.which("sumo"):
        skip("SUMO is not on this machine")
    prefix = install(t)
    p = t.run([prefix / "bin" / "platoon", "demo", "--seeds", "0"], timeout=200)
    check(re.search(r"^n \(runs, runs, pairs\) +1 +1 +1$", p.stdout, re.M), p.stdout)


if __name__ == "__main__":
    support.main()
