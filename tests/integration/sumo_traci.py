# SPDX-License-Identifier: Apache-2.0
"""<platoon/traci.h> against a real SUMO that somebody else started: examples/traci_meter.c, and every call by itself
(tests/tools/tracitool.c)."""
import os
import re
import signal
import subprocess

import support
from support import BUILD, check, check_equal, check_in, program, test
from support_sumo import relay, scenario, sumo_env, sumo_program

TIME_LIMIT_S = 120

E1, SIGNAL, SIMULATION, E2 = 0, 2, 0x0b, 0x0d
ETYPE, EPROTO, ECLOSED, EREMOTE, ETIMEDOUT, EVERSION = -3, -7, -10, -14, -15, -16


def command_line(t, root, *more, sumo=None, end=600):
    folder = t.tmp / ("out%d" % len(list(t.tmp.glob("out*"))))
    folder.mkdir()
    return folder, [sumo or sumo_program(), "-c", root / "data" / "ramp_metering2.sumocfg", "--end", str(end),
                    "--seed", "3", "--output-prefix", "../" * 40 + "%s/" % folder, "--tripinfo-output", "trips.xml",
                    "--xml-validation", "never", *more]


def serve(t, root, *more, **options):
    """A SUMO that waits for a client: its folder of outputs, the process, the port."""
    port = support.free_port()
    folder, line = command_line(t, root, "--remote-port", str(port), *more, **options)
    return folder, t.start(line, env=sumo_env()), port


def meter(t, port, *arguments, exit_code=0):
    return t.run([program("traci_meter"), str(port), *arguments], exit_code=exit_code, timeout=60)


class Calls:
    """tracitool, connected."""

    def __init__(self, t, port, answer_timeout_s=20 * support.SLOWDOWN):
        self.p = t.start([BUILD / "bin" / "tracitool", str(port), str(answer_timeout_s)], stdin=subprocess.PIPE)
        self.values = []
        self.at = 0
        self.hello = self.answer()

    def answer(self):
        while True:
            line = self.p.wait_line(r"^(.*)\n", stream="stdout", after=self.at).group(1)
            self.at += len(line) + 1
            if not line.startswith("value "):
                return line
            self.values.append(line.split()[1:])

    def __call__(self, *words):
        self.values = []
        self.p.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.p.stdin.flush()
        return self.answer()

    def fails(self, status, part, *words):
        line = self(*words)
        check_equal(line.split()[0], str(status), "status of %r: %s" % (words, line))
        check_in(part, line)


def trips(folder):
    return re.sub(rb"<!--.*?-->", b"", (folder / "trips.xml").read_bytes(), count=1, flags=re.S)


@test(timeout=120)
def the_example_meters_as_a_plan_of_the_signal_does(t):
    root = scenario(t)
    folder, sumo, port = serve(t, root)
    p = meter(t, port, "3", "5")
    check_equal(sumo.wait(20), 0, "exit code of SUMO")
    data = root / "data"
    plan = ('<tlLogic id="meter" type="static" programID="plan" offset="0"><phase duration="3" state="G"/>'
            '<phase duration="5" state="r"/></tlLogic></additional>')
    (data / "plan.add.xml").write_text((data / "detectors.add.xml").read_text().replace("</additional>", plan))
    alone, line = command_line(t, root, "--additional-files", data / "plan.add.xml")
    t.run(line, env=sumo_env(), timeout=60)
    check_equal(trips(folder), trips(alone), "trips")
    check(b"entering" in trips(folder), "nobody came from the ramp")

    # What came with the steps is what the detectors' own output has.
    detectors = (folder / "detectors.out.xml").read_text()
    came = sum(int(n) for n in re.findall(r'id="ramp_in" [^>]*nVehContrib="(\d+)"', detectors))
    longest = max(int(n) for n in re.findall(r'id="ramp_queue" [^>]*maxVehicleNumber="(\d+)"', detectors))
    check(came > 20 and longest > 2, "too little traffic: %d, %d" % (came, longest))
    check_equal(p.stdout.splitlines(), ["connected to SUMO %s" % re.search(r"SUMO (\S+)", p.stdout)[1],
                                        "600 s, %d vehicles came, longest queue %d" % (came, longest)], "output")


@test
def every_call_gives_what_sumo_has(t):
    root = scenario(t)
    folder, sumo, port = serve(t, root)
    call = Calls(t, port)
    check(re.match(r"ok SUMO \d+\.\d+", call.hello), call.hello)
    check_equal(sorted(call("ids", E2).split()), ["ok", "ramp_queue"], "lane area detectors")
    check_in(" merge_1", call("ids", E1))
    check_equal(call("number", SIMULATION, 0x1d, "-"), "ok 600", "the end")
    check_equal(call("text", SIGNAL, 0x20, "meter"), "ok G", "the signal")
    for subscribed, value in (((SIMULATION, 0x66, "-"), ["11", "102", "-", "0", "-"]),
                              ((SIGNAL, 0x20, "meter"), ["2", "32", "meter", "nan", "G"]),
                              ((E1, 0x17, "merge_1"), ["0", "23", "merge_1", "0", "-"])):
        check_equal((call("subscribe", *subscribed), call.values), ("ok", [value]), "a subscription")
    check_equal(call("set", "meter", "r"), "ok", "set")
    check_equal(call("step"), "ok", "step")
    check_equal(sorted(call.values), [["0", "23", "merge_1", "0", "-"], ["11", "102", "-", "1", "-"],
                                      ["2", "32", "meter", "nan", "r"]], "values of a step")
    # A state that waits for its step goes along with whatever is asked first.
    check_equal((call("set", "meter", "G"), call("number", SIMULATION, 0x66, "-")), ("ok", "ok 1"), "the time")
    check_equal(call("text", SIGNAL, 0x20, "meter"), "ok G", "the signal")
    check_equal((call("set", "meter", "r"), call("finish")), ("ok", "ok"), "finish, with a state that is never shown")
    check_equal(sumo.wait(20), 0, "exit code of SUMO")
    check(trips(folder), "no trips")


@test
def what_sumo_refuses_is_told_and_the_connection_goes_on(t):
    _, sumo, port = serve(t, scenario(t))
    call = Calls(t, port)
    call.fails(EREMOTE, "'nowhere' is not known", "text", SIGNAL, 0x20, "nowhere")
    call.fails(EREMOTE, "SUMO refused", "subscribe", E1, 0x17, "nowhere")
    call.fails(EREMOTE, "SUMO refused", "number", SIMULATION, 0xfe, "-")
    call.fails(ETYPE, "is no number", "number", SIGNAL, 0x20, "meter")
    call.fails(ETYPE, "is no text", "text", SIMULATION, 0x66, "-")
    check_equal(call("set", "nowhere", "G"), "ok", "set")
    call.fails(EREMOTE, "SUMO refused a signal's state", "step")
    check_equal(call("number", SIMULATION, 0x66, "-"), "ok 1", "the step was made")
    check_equal((call("step"), call("finish")), ("ok", "ok"), "the rest")
    check_equal(sumo.wait(20), 0, "exit code of SUMO")


@test
def a_sumo_that_dies_or_hangs_is_told(t):
    root = scenario(t)
    _, sumo, port = serve(t, root)
    call = Calls(t, port)
    check_equal(call("step"), "ok", "step")
    sumo.send_signal(signal.SIGKILL)
    sumo.wait(20)
    call.fails(ECLOSED, "SUMO closed its TraCI connection", "step")

    _, sumo, port = serve(t, root)
    call = Calls(t, port, answer_timeout_s=1)
    check_equal(call("step"), "ok", "step")
    os.kill(sumo.pid, signal.SIGSTOP)
    call.fails(ETIMEDOUT, "SUMO did not answer within 1 s", "step")
    sumo.send_signal(signal.SIGKILL)


@test
def what_is_no_sumo_or_another_version_is_refused(t):
    root = scenario(t)
    for how, status, part in (("version", EVERSION, "speaks TraCI 99, Platoon speaks 20 to 22"),
                              ("http", EPROTO, "is it SUMO that listens there?")):
        _, sumo, port = serve(t, root, sumo=relay(t, how))
        line = Calls(t, port).hello
        check_equal(line.split()[0], str(status), line)
        check_in(part, line)
        sumo.wait(20)


@test
def the_example_tells_what_went_wrong(t):
    _, sumo, port = serve(t, scenario(t))
    p = meter(t, port, "2", "4", "nowhere", exit_code=1)
    check_in("traci_meter: the signal: ", p.stderr)
    check_in("'nowhere' is not known", p.stderr)
    check(sumo.wait(20) != 0, "SUMO ended well though its client left")


if __name__ == "__main__":
    support.main()
