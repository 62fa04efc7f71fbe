# SPDX-License-Identifier: Apache-2.0
"""What the scenarios' documents show is what is there."""
import json
from xml.etree import ElementTree

import support
from support import ROOT, check, check_equal, test
from support_sumo import scenario


@test(timeout=60)
def the_picture_of_the_network_is_of_this_network(t):
    folder = scenario(t)
    drawn = t.run([folder / "draw.py", "-"]).stdout
    check(drawn == (folder / "network.svg").read_text(),
          "network.svg is not what draw.py draws: run scenarios/ramp_metering/build.sh, then draw.py beside it")
    texts = ["".join(e.itertext()) for e in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    for words in ("main_upstream", "4.96 km, 2 lanes, 100 km/h", "2600 veh/h at the peak", "750 veh/h at the peak"):
        check(words in texts, "%r is not in the picture: %r" % (words, texts))


@test(timeout=60)
def the_picture_cannot_be_drawn_of_no_network(t):
    folder = scenario(t)
    (folder / "data" / "network.net.xml").unlink()
    p = t.run([folder / "draw.py", "-"], exit_code=1)
    check_equal((p.stdout, p.stderr), ("", "draw.py: there is no data/network.net.xml; make it: ./build.sh\n"),
                "what it says")


@test
def the_study_uses_no_seed_that_chose_a_parameter(t):
    study = ROOT / "examples" / "campaigns" / "ramp_metering_study.yaml"
    runs = [json.loads(line) for line in t.platoon("plan", "--json", study).stdout.splitlines()]
    check_equal(len(runs), 2 * 4 * 20, "runs")
    check_equal(sorted({run["seed"] for run in runs}), list(range(101, 121)), "seeds")
    check_equal({run["arm"] for run in runs}, {"none", "alinea"}, "arms")


if __name__ == "__main__":
    support.main()
