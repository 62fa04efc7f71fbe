# SPDX-License-Identifier: Apache-2.0
"""`platoon report`: its numbers, that it is well-formed whatever the names are, and how a real browser shows it."""
import hashlib
import json
import os
import re
import stat
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import support
from support import check, check_equal, check_in, clean_env, test
from support_browser import Browser

SWEEP = """name: sweep
runner: {command: [sh, -c,
  'echo "{{\\"length_m\\": $(( {a} * {b} + ({seed} * 7919 * {b}) % 31 )), \\"stops\\": {seed}}}"']}
factors: {a: 1..4, c: [x, y]}
arms: {low: {b: 3}, high: {b: 5}}
seeds: 1..6
metrics: {length_m: {unit: m, better: lower}, stops: }
"""

# Names, results and errors that try to be more than text. Seed 2 of arm `b` fails.
HOSTILE = r"""name: '<script>alert("name")</script> & "quoted" ''single'' 实验'
runner:
  command:
  - sh
  - -c
  - |
    if [ {seed}{arm} = 2b ]; then echo '</td></table><img src="http://example.invalid/e.png">' >&2; exit 7; fi
    echo '{{"<b>m</b>&": '$(( {seed} * {k} ))', "outcome": "<i>odd</i>"}}'
factors: {'<svg/onload=alert(2)>': ['</text><script>alert(3)</script>', z], n: [1, 2.5e6, -3]}
arms:
  '<base href="http://example.invalid/">': {k: 3, arm: a}
  '"><img src="http://example.invalid/x.png">': {k: 4, arm: b}
  '{{7*7}} WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW': {k: 5, arm: c}
seeds: 1..4
"""

VOID = {"meta", "link", "br"}
A4_PIXELS = 680  # 210 mm less two margins of 15, at 96 a inch


class Strict(HTMLParser):
    """Complains where tags do not nest; collects what tests ask for."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack, self.tags, self.rows, self.cell = [], [], [], None
        self.text = ""
        self.feed(text)
        self.close()
        check_equal(self.stack, [], "tags left open")

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell = ""
        if tag == "data":
            self.cell = float(dict(attrs)["value"])

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        check(self.stack and self.stack[-1] == tag, "</%s> ends <%s>" % (tag, self.stack[-1:]))
        self.stack.pop()
        if tag in ("td", "th"):
            self.rows[-1].append(self.cell)

    def handle_data(self, data):
        if self.stack and self.stack[-1] != "style":
            self.text += data
        if isinstance(self.cell, str):
            self.cell += data


def make(t, text, *options, failing=False):
    """Run a campaign; returns (path of its file, what run --json says)."""
    path = t.file("campaign.yaml", text)
    run = t.platoon("run", path, "--json", *options, exit_code=1 if failing else 0, timeout=60)
    return path, json.loads(run.stdout)


def report(t, path, *options, **more):
    printed = t.platoon("report", path, *options, **more).stdout.strip()
    whole = os.path.join(str(t.tmp), printed)
    with open(whole, encoding="utf-8") as f:
        return whole, f.read()


def check_form(text):
    """HTML that nests, SVG that is XML, nothing that a browser would load or run. Returns the parsed page."""
    page = Strict(text)
    tree = ET.fromstring(text.split("\n", 1)[1])  # it is XML, too, with all its drawings
    for drawing in tree.iter("svg"):
        for number in re.findall(r'="([^"]*)"', ET.tostring(drawing, "unicode")):
            check(not re.search(r"\b(nan|inf)\b", number), "a place in a drawing is %s" % number)
    check_equal(sum(1 for tag, _ in page.tags if tag in ("script", "img", "base", "iframe", "object", "i")), 0,
                "tags that names smuggled in")
    for tag, attrs in page.tags:
        check(not [a for a in attrs if a.startswith("on")], "an event handler at %s: %r" % (tag, attrs))
        for address in (attrs.get("href"), attrs.get("src")):
            check(address is None or address.startswith(("#", "data:")), "%s asks for %s" % (tag, address))
    check("url(" not in text and "@import" not in text, "the style loads something")
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    check_equal(len(ids), len(set(ids)), "ids, each once")
    for _, attrs in page.tags:
        check(attrs.get("aria-labelledby", ids[0]) in ids, "no element has the id %r" % attrs.get("aria-labelledby"))
    return page


def equal(got, wanted):
    return got == wanted or (wanted is None and got == "–")


@test
def numbers_are_those_of_the_json(t):
    path, answer = make(t, SWEEP)
    page = check_form(report(t, path)[1])
    rows = [row for row in page.rows if len(row) in (10, 9)]
    means = [row for row in rows if len(row) == 10 and row[0] != "Metric" and isinstance(row[4], float)
             and not str(row[6]).endswith("%")]
    check_equal(len(means) + len(answer["comparisons"]), len(answer["cells"]) + len(answer["comparisons"]), "rows")
    for cell in answer["cells"]:
        at = " ".join("%s=%s" % entry for entry in cell["point"].items())
        name = cell["metric"] + (" (%s)" % cell["unit"] if cell["unit"] else "")
        found = [row for row in means if row[:3] == [name, at, cell["arm"]]]
        check_equal(len(found), 1, "rows of %s at %s, %s" % (name, at, cell["arm"]))
        wanted = [cell["mean"], cell["half_width"], cell["sd"], cell["min"], cell["median"], cell["max"]]
        check(found[0][3] == str(cell["n"]) and all(map(equal, found[0][4:], wanted)),
              "means are %r, not %r" % (found[0], cell))
    for c in answer["comparisons"]:
        at = " ".join("%s=%s" % entry for entry in c["point"].items())
        found = [row for row in page.rows if len(row) == 10 and row[0].split(" ")[0] == c["metric"]
                 and row[1:3] == [at, c["arm"]] and row not in means]
        check_equal(len(found), 1, "rows of the difference of %s at %s" % (c["metric"], at))
        wanted = [c["mean_difference"], c["half_width"], c["p_holm"], c["correlation"], c["variance_ratio"]]
        check(found[0][3] == str(c["n"]) and all(map(equal, found[0][4:6] + found[0][7:], wanted)),
              "differences are %r, not %r" % (found[0], c))
    check_in(answer["verdict"], page.text)


@test
def the_same_runs_make_the_same_bytes(t):
    path, _ = make(t, SWEEP)
    first, text = report(t, path)
    check_equal(os.path.realpath(first), os.path.realpath(t.tmp / "platoon-data" / "sweep" / "report.html"), "place")
    second, again = report(t, path, "-o", str(t.tmp / "other.html"))
    check_equal(second, str(t.tmp / "other.html"), "what it printed")
    check(again == text, "two reports of the same runs differ")
    check_equal(stat.S_IMODE(os.stat(second).st_mode) & 0o600, 0o600, "mode")
    left = [name for name in os.listdir(t.tmp) if name.startswith("other.html.")]
    check_equal(left, [], "temporary files left")


@test
def it_says_how_to_do_it_again(t):
    path, _ = make(t, SWEEP)
    page = check_form(report(t, path)[1])
    with open(path, "rb") as f:
        check_in(hashlib.sha256(f.read()).hexdigest(), page.text)
    check_in("platoon run %s" % path, page.text)
    check_in(SWEEP.splitlines()[2], page.text)
    check_in(t.platoon("--version").stdout.split()[1], page.text)


@test
def what_results_name_is_listed(t):
    path, _ = make(t, r"""name: named
runner: {command: [echo, '{{"delay": {seed}, "sumo_version": "1.{seed}.0", "inputs_sha256": "hash<{x}>"}}']}
factors: {x: [1, 2]}
seeds: 1..12
""")
    page = check_form(report(t, path)[1])
    found = re.search(r"SUMO((?:1\.\d+\.0(?:, )?){8})", page.text.replace("\n", ""))
    check(found and found.group(1).split(", ")[:8] == sorted(found.group(1).split(", ")[:8]), "SUMO's versions")
    check_in(", …", page.text)
    check_in("hash<1>hash<2>", page.text)


@test
def what_is_missing_is_counted(t):
    make(t, SWEEP)
    path = t.file("campaign.yaml", SWEEP.replace("1..6", "1..9"))
    page = check_form(report(t, path)[1])
    check_in("runs done96", page.text)
    check_in("not run48", page.text)


@test
def language_is_the_locales_unless_named(t):
    path, _ = make(t, SWEEP)
    for options, env, wanted in [
            ([], {}, "en"), (["--lang", "zh"], {}, "zh-Hans"), (["--lang=en"], {"LC_ALL": "zh_CN.UTF-8"}, "en"),
            ([], {"LC_ALL": "zh_CN.UTF-8"}, "zh-Hans"), ([], {"LC_ALL": None, "LANG": "zh_TW"}, "zh-Hans"),
            ([], {"LC_ALL": "", "LANG": "zh_CN"}, "zh-Hans"), ([], {"LC_ALL": "de_DE", "LANG": "zh_CN"}, "en")]:
        _, text = report(t, path, *options, env=clean_env(**env))
        check_in('<html lang="%s">' % wanted, text[:200], "head for %r, %r" % (options, env))
    _, text = report(t, path, "--lang", "zh")
    page = check_form(text)
    for words in ("运行结果", "数据表", "如何重现", "响应曲线"):
        check_in(words, page.text)
    headings = re.findall(r"<(?:h2|h3|th[^>]*|dt)>([^<]*)<", text)
    english = [h for h in headings if re.fullmatch(r"[A-Za-z ]+", h)]
    check(set(english) <= {"Platoon", "SUMO", "worker"}, "headings left in English: %r" % english)


@test
def names_and_messages_stay_text(t):
    path, answer = make(t, HOSTILE, failing=True)
    check_equal(answer["n_failed"], 6, "failed runs")
    for language in ("en", "zh"):
        page = check_form(report(t, path, "--lang", language)[1])
        for text in ('<script>alert("name")</script> & "quoted" \'single\' 实验', "<b>m</b>&", "<i>odd</i>",
                     '</td></table><img src="http://example.invalid/e.png">', "</text><script>alert(3)</script>",
                     '<base href="http://example.invalid/">', "{{7*7}} WWW", "the program ended with code 7"):
            check_in(text, page.text)
    page = check_form(report(t, path, "--lang", "en")[1])
    check_in("refused", page.text)
    check_in("An interval is refused where more than 10 % of the runs failed", page.text)
    check_in("6 failed and have no figures; 66 have an outcome other than ok and count.", page.text)


@test
def errors_say_what_to_do(t):
    path = t.file("new.yaml", SWEEP)
    check_in("platoon run makes it", t.platoon("report", path, exit_code=1).stderr)
    make(t, SWEEP)
    path = str(t.tmp / "campaign.yaml")
    check_in("no run has the metric 'speed'", t.platoon("report", path, "--metric", "speed", exit_code=1).stderr)
    check_in("cannot write", t.platoon("report", path, "-o", "no/where.html", exit_code=1).stderr)
    check_in("--lang is en or zh", t.platoon("report", path, "--lang", "de", exit_code=2).stderr)
    check_in("name a campaign file", t.platoon("report", exit_code=2).stderr)
    check_in("stops", report(t, path, "--metric", "stops")[1].split('class="verdict">')[1].split("<")[0])


# What is wrong with the page as it is shown; [] if nothing is. Text in boxes that scroll may stick out of the window.
LOOK = r"""
const wrong = [], width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > width) wrong.push("the page is wider than the window");
const luminance = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const numbers = c => c.match(/[\d.]+/g).map(Number);
const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05); };
const behind = e => { for (; e; e = e.parentElement) { const c = numbers(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let n = 0;
for (let node; (node = walker.nextNode());) {
  const e = node.parentElement;
  if (!node.data.trim() || e.closest("desc, title, style")) continue;
  const range = document.createRange(); range.selectNodeContents(node);
  const box = range.getBoundingClientRect(), svg = e.closest("svg"), style = getComputedStyle(e);
  const color = numbers(svg ? style.fill : style.color).slice(0, 3);
  n++;
  if (ratio(color, behind(e)) < 4.5) wrong.push("contrast " + ratio(color, behind(e)).toFixed(2) + ": " + node.data);
  if (parseFloat(style.fontSize) < 11) wrong.push("letters of " + style.fontSize + ": " + node.data);
  if (svg) {
    const whole = svg.getBoundingClientRect();
    if (box.left < whole.left - 1 || box.right > whole.right + 1 || box.top < whole.top - 1
        || box.bottom > whole.bottom + 1)
      wrong.push("sticks out of its chart: " + node.data);
  } else if (!e.closest(".scroll, pre") && (box.left < 0 || box.right > width + 0.5)) {
    wrong.push("sticks out of the window: " + node.data);
  }
}
for (const svg of document.querySelectorAll("svg.chart")) {
  const texts = [...svg.querySelectorAll("text.mid")].map(e => e.getBoundingClientRect());
  for (let i = 1; i < texts.length; i++)
    if (Math.abs(texts[i].top - texts[i - 1].top) < 1 && texts[i].left < texts[i - 1].right + 1)
      wrong.push("numbers of an axis touch each other");
  if (svg.getBoundingClientRect().width < 200) wrong.push("a chart is too narrow");
}
for (const mark of document.querySelectorAll("use, circle.dot, line.bar, path.line, rect.run")) {
  const style = getComputedStyle(mark);
  const drawn = style.fill !== "none" && !mark.matches(".bar") ? style.fill : style.stroke;
  const c = numbers(mark.matches(".hollow") ? style.stroke : drawn).slice(0, 3);
  if (ratio(c, behind(mark)) < 3) { wrong.push("a mark has contrast " + ratio(c, behind(mark)).toFixed(2)); break; }
}
return {wrong, n, page: numbers(getComputedStyle(document.body).backgroundColor)};
"""


def check_look(browser, paths):
    for path in paths:
        for width in (1280, 390, 360):
            for dark in (False, True):
                page = browser.open(path, width, dark)
                seen = page(LOOK)
                what = "%s, %d pixels, %s" % (os.path.basename(path), width, "dark" if dark else "light")
                check_equal(seen["wrong"], [], what)
                check(seen["n"] > 100, "%s: only %d texts were looked at" % (what, seen["n"]))
                check(dark == (sum(seen["page"]) < 200), "%s: the page is %r" % (what, seen["page"]))
                check_equal(browser.requests, [path_to_uri(path)], "requests of " + what)
    check_equal(browser.complaints, [], "what the console said")


def path_to_uri(path):
    return "file://" + os.path.realpath(path)


@test(timeout=120)
def a_browser_shows_it_whole(t):
    path, _ = make(t, SWEEP)
    paths = [report(t, path, "--lang", lang, "-o", str(t.tmp / (lang + ".html")))[0] for lang in ("en", "zh")]
    hostile, _ = make(t, HOSTILE, failing=True)
    paths.append(report(t, hostile, "-o", str(t.tmp / "hostile.html"))[0])
    with Browser(t) as browser:
        check_look(browser, paths)
        # On paper it is light, whatever the screen was, and what scrolled is spread out.
        for path in paths:
            page = browser.open(path, A4_PIXELS, dark=True, media="print")
            check_equal(page("return getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)", "paper")
            check_equal(page("return [...document.querySelectorAll('.scroll, pre')]"
                             ".map(e => getComputedStyle(e).overflowX).filter(o => o != 'visible')"), [],
                        "boxes that scroll on paper")
            check(page("return document.documentElement.scrollWidth") <= A4_PIXELS, "%s is wider than paper" % path)


if __name__ == "__main__":
    support.main()
